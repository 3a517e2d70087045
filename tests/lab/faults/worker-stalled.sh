# A second worker was asked for, and never gets a server; the control plane is well.
patience=30
layer=cluster-api cause=workers
evidence='default-worker|[Mm]achineDeployment|[Ww]orker'
odd=(full-quota paused-neighbour)
put() {
  knob "$STACK" machines-stall
  scale_workers 2
}
heal() { no_knobs; scale_workers 1; until_true 60 'one worker' one_worker; }
shown() { waited_long && [[ $(object machinedeployment .status.replicas) = 2 ]]; }
