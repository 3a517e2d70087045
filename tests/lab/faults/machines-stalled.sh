# The infrastructure of a cluster being made is ready; its control plane's machine never gets a server.
patience=30
layer=cluster-api cause=control-plane
evidence='[Mm]achine|[Cc]ontrol.?[Pp]lane'
odd=(full-quota old-warning)
put() {
  knob 'young-*' machines-stall
  form
}
heal() { no_knobs; unform; }
shown() { waited_long && [[ $(young_object openstackcluster .status.ready) = true ]]; }
