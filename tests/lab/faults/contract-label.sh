# The CRD of OpenStackCluster lost its contract label: the core's conversion webhook refuses, though it is well.
layer=controllers cause=contract-label-missing
evidence='openstackclusters|OpenStackCluster'
odd=(foreign-crd)
put() { k label crd openstackclusters.infrastructure.cluster.x-k8s.io cluster.x-k8s.io/v1beta1-; }
heal() { k label crd openstackclusters.infrastructure.cluster.x-k8s.io cluster.x-k8s.io/v1beta1=v1beta1; }
# One by its name: a list comes from the watch cache, which converted it before.
shown() { ! reads_v1beta1 "clusters/$STACK"; }
