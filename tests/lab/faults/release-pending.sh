# helm was killed in the middle of an upgrade of the cluster's release.
patience=20
layer=helm-release cause=release-pending
evidence='pending-upgrade'
odd=(failed-release)
put() { upgrade_release_and_die; }
heal() { helm_here rollback "$STACK"; k -n "$NS" delete job "$STACK-hook" --ignore-not-found; }
shown() { waited_long && [[ $(release_status) = pending-upgrade ]]; }
