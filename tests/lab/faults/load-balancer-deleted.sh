# Somebody deleted the load balancer of the cluster's API. The provider looks every ten minutes and would make it anew; until
# then it is gone.
layer=load-balancer cause=load-balancer-missing
evidence='load.?balancer'
odd=(error-neighbour)
put() { knob "$STACK" looks-away; delete_balancer "$STACK"; }
heal() { no_knobs; until_true 90 'another one' balancer_is ACTIVE; }
shown() { [[ -z $(balancer_of "$STACK") ]]; }
