# calico-node is not ready on the worker; the nodes are Ready.
layer=workload cause=cni
evidence='calico'
odd=(cordoned-node completed-pod)
put() { daemonset_ready calico-system calico-node 1; }
heal() { furnish; }
shown() { wk get daemonset -A -o json | jq -e '.items[] | select(.metadata.name | test("calico")) | select((.status.numberReady // .status.readyReplicas // 0) < (.status.desiredNumberScheduled // .spec.replicas))'; }
