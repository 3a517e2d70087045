# The cloud's conductor is there and does nothing (stopped by a signal): an update that Cluster API has finished stays UPDATE_IN_PROGRESS.
patience=30
layer=magnum cause=stale-status
evidence='UPDATE_IN_PROGRESS'
odd=(old-warning cordoned-node)
put() {
  at cloud systemctl kill -s STOP magnum-conductor
  in_magnum UPDATE_IN_PROGRESS
}
heal() {
  in_magnum CREATE_COMPLETE
  at cloud systemctl kill -s CONT magnum-conductor
}
shown() { [[ $(cluster "$UUID" .status) = UPDATE_IN_PROGRESS ]]; }
