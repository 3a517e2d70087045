# The cloud's conductor is there and does nothing (stopped by a signal): an update that Cluster API has finished stays UPDATE_IN_PROGRESS.
patience=30
layer=magnum cause=stale-status
evidence='UPDATE_IN_PROGRESS'
odd=(old-warning cordoned-node)
# systemd in the cloud's machine can't signal a whole control group, so each process is signalled
to_conductor() { # SIGNAL
  at cloud sh -c 'for p in /proc/[0-9]*; do ! grep -zqx /usr/bin/magnum-conductor "$p/cmdline" 2>/dev/null || kill -s "$0" "${p#/proc/}"; done' "$1"
}
put() {
  to_conductor STOP
  in_magnum UPDATE_IN_PROGRESS
}
heal() {
  in_magnum CREATE_COMPLETE
  to_conductor CONT
}
shown() { [[ $(cluster "$UUID" .status) = UPDATE_IN_PROGRESS ]]; }
