# The public endpoint of load balancing is not in the catalog of Magnum's region.
# Every workload cluster wants a load balancer for its API.
layer=cloud cause=endpoint-missing
evidence='load-balancer'
odd=(orchestration-without-endpoint full-quota)
put() { enable_endpoint load-balancer false; }
heal() { enable_endpoint load-balancer true; }
shown() { ! in_catalog load-balancer; }
