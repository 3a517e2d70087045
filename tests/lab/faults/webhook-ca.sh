# The CRD of KubeadmControlPlane trusts another CA than that of its conversion webhook.
layer=controllers cause=webhook-down
evidence='x509|certificate|[Cc]onversion'
odd=(foreign-crd expired-secret)
put() { conversion_ca kubeadmcontrolplanes.controlplane.cluster.x-k8s.io "$(foreign_ca)"; }
heal() { conversion_ca kubeadmcontrolplanes.controlplane.cluster.x-k8s.io "$K/ca.crt"; }
shown() { ! reads_v1beta1 kubeadmcontrolplanes controlplane.cluster.x-k8s.io; }
