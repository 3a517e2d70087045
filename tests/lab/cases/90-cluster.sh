# On the cloud's own conductor, grafted by omega alone: a real cluster.
define cluster 900 cluster

cluster() {
  site_for . ssh cloud
  # the machine of the conductor is its own address; the group wants a source that is not there yet
  OMEGA_WITHIN=800 exits 0 omega apply graft --prove=cluster
  grafted cloud
  same 'what is left of the cluster' '' "$(kubectl --kubeconfig "$RUN/mgmt.kubeconfig" get -A -o name clusters,machines,openstackclusters,openstackmachines)$(ls -A "$K/workload")"
  exits 0 omega verify graft
}
