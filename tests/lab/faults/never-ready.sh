# The infrastructure of a cluster being made never gets ready, and nobody says why.
patience=30
layer=cluster-api cause=infrastructure-stalled
evidence='[Ii]nfrastructure'
odd=(full-quota old-warning)
put() {
  knob 'young-*' never-ready
  form
}
heal() { no_knobs; unform; }
shown() { waited_long && young_object openstackcluster '.metadata.name'; }
