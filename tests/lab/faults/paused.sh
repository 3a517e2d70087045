# The cluster is paused: Cluster API leaves it alone. So is a neighbour, which is not asked for.
layer=cluster-api cause=paused
evidence='[Pp]aused'
odd=(paused-neighbour old-warning)
put() { k -n "$NS" patch cluster "$STACK" --type merge -p '{"spec": {"paused": true}}'; }
heal() { k -n "$NS" patch cluster "$STACK" --type merge -p '{"spec": {"paused": null}}'; }
shown() { [[ $(object cluster .spec.paused) = true ]]; }
