# The cloud controller crash-loops; the nodes are Ready.
layer=workload cause=cloud-controller
evidence='openstack-cloud-controller-manager|CrashLoopBackOff'
odd=(cordoned-node completed-pod)
put() {
  crash_loop openstack-system openstack-cloud-controller-manager
  daemonset_ready openstack-system openstack-cloud-controller-manager 0
}
heal() { furnish; }
shown() { wk get daemonset -A -o json | jq -e '.items[] | select(.metadata.name | test("openstack-cloud-controller-manager")) | select((.status.numberReady // .status.readyReplicas // 0) < (.status.desiredNumberScheduled // .spec.replicas))'; }
