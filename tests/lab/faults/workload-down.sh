# kube-apiserver of the workload cluster is killed.
layer=workload cause=workload-unreachable
evidence='127\.77\.3\.|[Rr]efused|connect'
odd=(cordoned-node)
put() { knob "$STACK" workload-api-down; }
heal() { no_knobs; }
shown() { ! wk get --raw /readyz; }
