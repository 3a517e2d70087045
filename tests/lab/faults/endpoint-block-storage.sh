# The public endpoint of block storage is not in the catalog of Magnum's region.
# The driver asks for the volume types: a create fails before helm is called.
layer=cloud cause=endpoint-missing
evidence='volumev3|block-stor'
odd=(orchestration-without-endpoint)
put() { enable_endpoint volumev3 false; }
heal() { enable_endpoint volumev3 true; }
shown() { ! in_catalog volumev3; }
