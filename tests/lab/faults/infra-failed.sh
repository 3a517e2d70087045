# The provider says that the cluster's infrastructure failed.
layer=cluster-api cause=infrastructure-failed
evidence='NoSubnetFound'
odd=(full-quota paused-neighbour)
put() { knob "$STACK" infra-failed NoSubnetFound; }
heal() { no_knobs; }
shown() { [[ $(object openstackcluster .status.ready) = false ]]; }
