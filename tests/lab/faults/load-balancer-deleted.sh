# Somebody deleted the load balancer of the cluster's API. The provider looks every ten minutes and would make it anew; until
# then, here while it is stopped, it is gone.
layer=load-balancer cause=load-balancer-missing
evidence='load.?balancer'
odd=(error-neighbour)
put() { provider_looks_away; delete_balancer "$STACK"; }
heal() { provider_looks_again; until_true 90 'another one' balancer_is ACTIVE; }
shown() { [[ -z $(balancer_of "$STACK") ]]; }
