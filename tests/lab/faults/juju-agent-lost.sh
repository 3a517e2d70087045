# Juju reports that the agent of one of two units is lost: nothing can be executed there, and nobody waits for it.
layer=conductor cause=unit-unreachable what=magnum/1
evidence='lost.*not communicating'
odd=(failed-unit)
put() { by_juju; juju_says '.applications.magnum.units["magnum/1"]["juju-status"] = {current: "lost", message: "agent is not communicating with the server"}'; }
heal() { by_ssh_again; nothing_executed magnum/1; }
shown() { [[ -e omega.toml.ssh ]]; }
