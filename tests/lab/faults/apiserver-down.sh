# kube-apiserver of the management cluster is killed; its server is ACTIVE.
layer=kube-api cause=api-unreachable
evidence='127\.77\.2\.1:6443|[Cc]onnection refused|connect'
odd=(error-server wide-rule)
put() { end_daemon "$K/kube-apiserver.pid"; }
heal() { api_again; }
shown() { ! kube_alive; }
