# The provider says for good that the infrastructure of a cluster being made failed (failureReason).
layer=cluster-api cause=infrastructure-failed
evidence='InvalidRouter'
odd=(error-neighbour)
put() {
  knob 'young-*' infra-terminal InvalidRouter
  form
}
heal() { no_knobs; unform; }
shown() { young_object openstackcluster .status.failureReason | grep -q InvalidRouter; }
