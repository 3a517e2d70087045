# The webhook that validates Clusters leads to a port where nothing listens: reads are answered, every write is refused.
layer=controllers cause=webhook-down
evidence='webhook'
odd=(restarted-pod)
put() { validation_to "https://$KUBE:9999"; }
heal() { validation_to "https://$KUBE:9443"; }
shown() { ! dry_run_write; }
