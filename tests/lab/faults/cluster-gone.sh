# The Cluster was deleted in the management cluster; Magnum lists it as CREATE_COMPLETE.
layer=cluster-api cause=cluster-missing
evidence='young'
odd=(paused-neighbour)
put() {
  form HEALTHY
  k -n "$NS" delete cluster "$(cat young.stack)" --timeout 120s
}
heal() { unform; }
shown() { [[ $(cluster "$(cat young.uuid)" .health_status) = UNHEALTHY ]]; }
