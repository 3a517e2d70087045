# A cluster is being deleted, and the provider's finalizer never goes.
patience=30
layer=cluster-api cause=deleting-stuck
evidence='finalizer'
odd=(paused-neighbour)
put() {
  form EXISTS
  knob 'young-*' stuck-delete
  unform_begin
}
heal() { no_knobs; unform; }
shown() { # the delete begins after it was asked for
  local at; at=$(young_object openstackcluster .metadata.deletionTimestamp)
  [[ -n $at ]] && (($(date +%s) - $(date -d "$at" +%s) > patience))
}
