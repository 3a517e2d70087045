# Juju reports that the machine of one of two units is down.
layer=conductor cause=unit-unreachable what=magnum/1
evidence='machine .*down'
odd=(failed-unit)
put() {
  by_juju
  juju_says '.applications.magnum.units["magnum/1"].machine = "77" | .machines["77"] = {"juju-status": {current: "down", message: "agent is not communicating with the server"}}'
}
heal() { by_ssh_again; nothing_executed magnum/1; }
shown() { [[ -e omega.toml.ssh ]]; }
