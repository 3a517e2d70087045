# On the cloud's own conductor, grafted by omega alone: a real cluster.
define cluster 900 cluster

cluster() {
  site_for . ssh cloud
  local told; told=$(stat -c %s "$K/infra.log")
  cloud_objects >before
  # the machine of the conductor is its own address; the group wants a source that is not there yet
  OMEGA_WITHIN=800 exits 0 omega apply graft --yes --prove=cluster
  grafted cloud
  same 'what is left of the cluster' '' "$(kubectl --kubeconfig "$RUN/mgmt.kubeconfig" get -A -o name clusters,machines,openstackclusters,openstackmachines)$(ls -A "$K/workload")"
  # It was there: the log of the stand-in names it, with the load balancer and the address. Now it is as before.
  tail -c "+$((told + 1))" "$K/infra.log" | grep -o 'SuccessfulCreate[A-Za-z]*' | sort -u | xargs | tee made
  same 'what was made' 'SuccessfulCreateFloatingIP SuccessfulCreateLoadBalancer SuccessfulCreateNetwork SuccessfulCreateRouter SuccessfulCreateSecurityGroup SuccessfulCreateSubnet' "$(cat made)"
  cloud_objects >after
  same 'what is left of it in the cloud' '' "$(diff before after || true)"
  exits 0 omega verify graft
}
