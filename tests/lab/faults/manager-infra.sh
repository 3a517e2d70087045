# The infrastructure provider's manager is killed: nothing is made or removed in the cloud.
layer=controllers cause=controller-down
evidence='capo|infra|openstack'
odd=(restarted-pod paused-neighbour)
put() { end_daemon "$K/infra.pid"; }
heal() { start_providers; }
shown() { ! available capo-system capo-controller-manager; }
