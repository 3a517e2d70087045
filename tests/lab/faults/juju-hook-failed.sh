# A hook of one of two units failed: its charm changes nothing any more, though the daemon runs.
layer=conductor cause=charm-status what=magnum/1
evidence='hook failed'
odd=(failed-unit)
put() { by_juju; juju_says '.applications.magnum.units["magnum/1"]["workload-status"] = {current: "error", message: "hook failed: \"config-changed\""}'; }
heal() { by_ssh_again; }
shown() { [[ -e omega.toml.ssh ]]; }
