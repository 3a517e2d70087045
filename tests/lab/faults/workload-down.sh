# kube-apiserver of the workload cluster is killed.
layer=workload cause=workload-unreachable
evidence='127\.77\.3\.|[Rr]efused|connect'
odd=(cordoned-node)
put() { workload_down; }
heal() { workload_up; }
shown() { ! wk get --raw /readyz; }
