# The load balancer of the cluster's API is in ERROR; so is a neighbour's, which is not the cause.
layer=load-balancer cause=load-balancer-error
evidence='ERROR'
odd=(error-neighbour full-quota)
put() { set_balancer ERROR; }
heal() { set_balancer ACTIVE; }
shown() { [[ $(balancer_status) = ERROR ]]; }
