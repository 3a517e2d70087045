# Cluster API's kubeadm bootstrap manager is killed, its webhooks with it.
layer=controllers cause=controller-down
evidence='bootstrap'
odd=(restarted-pod failed-release)
put() { end_daemon "$K/capi-bootstrap.pid"; }
heal() { start_managers; }
shown() { ! available capi-kubeadm-bootstrap-system capi-kubeadm-bootstrap-controller-manager; }
