# The provider serves v1alpha7 alone: the driver's GET of OpenStackCluster at v1beta1 is answered 404, which it takes for absence.
layer=controllers cause=version-unserved
evidence='v1beta1'
odd=(foreign-crd failed-release)
put() { serve_provider v1alpha7; }
heal() { serve_provider v1beta1; }
shown() { ! reads_v1beta1 openstackclusters infrastructure.cluster.x-k8s.io; }
