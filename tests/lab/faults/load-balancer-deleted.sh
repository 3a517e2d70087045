# Somebody deleted the load balancer of the cluster's API.
layer=load-balancer cause=load-balancer-missing
evidence='load.?balancer'
odd=(error-neighbour)
put() { form HEALTHY; delete_balancer; }
heal() { unform; }
shown() { [[ -z $(balancer_of "$(cat young.stack)") ]]; }
