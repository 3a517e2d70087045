# CoreDNS has no ready replica; the nodes are Ready.
layer=workload cause=dns
evidence='coredns|dns'
odd=(cordoned-node completed-pod)
put() {
  deployment_ready kube-system coredns 0
  crash_loop kube-system coredns
}
heal() { furnish; }
shown() { wk get deployment -A -o json | jq -e '.items[] | select(.metadata.name | test("coredns")) | select((.status.numberReady // .status.readyReplicas // 0) < (.status.desiredNumberScheduled // .spec.replicas))'; }
