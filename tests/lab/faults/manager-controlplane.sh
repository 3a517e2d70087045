# Cluster API's kubeadm control plane manager is killed, its webhooks with it.
layer=controllers cause=controller-down
evidence='control-?plane'
odd=(restarted-pod failed-release)
put() { end_daemon "$K/capi-controlplane.pid"; }
heal() { start_managers; }
shown() { ! available capi-kubeadm-control-plane-system capi-kubeadm-control-plane-controller-manager; }
