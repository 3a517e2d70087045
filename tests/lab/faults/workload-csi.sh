# Cinder's CSI controller has no ready replica; the nodes are Ready.
layer=workload cause=csi
evidence='csi'
odd=(cordoned-node completed-pod)
put() {
  deployment_ready openstack-system openstack-cinder-csi-controllerplugin 0
  crash_loop openstack-system openstack-cinder-csi-controllerplugin
}
heal() { furnish; }
shown() { wk get deployment -A -o json | jq -e '.items[] | select(.metadata.name | test("csi-controllerplugin")) | select((.status.numberReady // .status.readyReplicas // 0) < (.status.desiredNumberScheduled // .spec.replicas))'; }
