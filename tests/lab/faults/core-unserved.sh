# Cluster API's core serves v1beta2 alone. A `coe cluster delete` now would look like success and leave the cluster running.
layer=controllers cause=version-unserved
evidence='v1beta1'
odd=(foreign-crd)
put() { serve_core false; }
heal() { serve_core true; }
shown() { ! reads_v1beta1 clusters; }
