# Magnum was asked for a second worker, whose machine never gets a server: Cluster API scales up for ever. Magnum's update does so with
# it, or is complete at once: the driver may read the machine deployment before Cluster API has noticed the new size (driver.py, md_phase).
patience=30
layer=cluster-api cause=workers
evidence='default-worker|[Mm]achineDeployment|[Ww]orker'
odd=(full-quota old-warning)
put() {
  knob "$STACK" machines-stall
  resize 2
}
heal() { # Magnum takes no other size before the update has ended
  no_knobs
  until_true 180 'the update has ended' cluster_is "$UUID" 'UPDATE_COMPLETE HEALTHY'
  # the new one goes: a drain of the old one does not end, as nothing here removes its pods
  k -n "$NS" annotate --overwrite "$(youngest_worker)" cluster.x-k8s.io/delete-machine=yes
  resize 1
  until_true 180 'one worker' one_worker
  until_true 180 'that update has ended too' cluster_is "$UUID" 'UPDATE_COMPLETE HEALTHY'
  in_magnum CREATE_COMPLETE
}
shown() { # Cluster API's last change is older than what doctor is told, too
  ((SECONDS - PUT_AT > 2 * patience)) && [[ $(object machinedeployment .status.replicas) = 2 ]] && [[ $(cluster "$UUID" .status) = UPDATE_* ]]
}
youngest_worker() { k -n "$NS" get "$(kind machine)" -l "cluster.x-k8s.io/cluster-name=$STACK,cluster.x-k8s.io/deployment-name" --sort-by .metadata.creationTimestamp -o name | tail -n 1; }
