# Cluster API's core manager is killed, its webhooks with it.
layer=controllers cause=controller-down
evidence='capi-controller-manager|capi-core|[Cc]ore'
odd=(restarted-pod failed-release)
put() { end_daemon "$K/capi-core.pid"; }
heal() { start_managers; }
shown() { ! available capi-system capi-controller-manager; }
