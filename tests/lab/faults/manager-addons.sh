# The addon provider is killed: no addon is installed or said to be.
layer=controllers cause=controller-down
evidence='capi-addon|addon'
odd=(restarted-pod paused-neighbour)
put() { end_daemon "$K/addons.pid"; }
heal() { start_providers; }
shown() { ! available capi-addon-system cluster-api-addon-provider; }
