# etcd of the management cluster is killed: kube-apiserver listens, and is not ready.
layer=kube-api cause=api-unwell
evidence='etcd'
odd=(error-server)
put() { end_daemon "$K/etcd.pid"; }
heal() { api_again; until_true 120 'a write succeeds' writes; }
shown() { ! kube_alive; }
