# The infrastructure of a cluster being made is ready; its control plane's machine never gets a server.
patience=30
layer=cluster-api cause=control-plane
evidence='[Mm]achine|[Cc]ontrol.?[Pp]lane'
odd=(old-warning)
put() { # and the quota is full, once it has all that it needs
  knob 'young-*' machines-stall
  form
  until_true 90 'its infrastructure is ready' young_is_ready
  odd_full_quota put
}
heal() { odd_full_quota take; no_knobs; unform; }
young_is_ready() { [[ $(young_object openstackcluster .status.ready) = true ]]; }
shown() { waited_long && young_is_ready; }
