# The CRD of Cluster sends its conversions to a port where nothing listens: whoever reads v1beta1, as the driver does, gets an error.
layer=controllers cause=webhook-down
evidence='webhook'
odd=(foreign-crd)
put() { conversion_to clusters.cluster.x-k8s.io "https://$KUBE:9999/convert"; }
heal() { conversion_to clusters.cluster.x-k8s.io "https://$KUBE:9443/convert"; }
shown() { ! reads_v1beta1 clusters; }
