# teardown: what would be lost, as the real services of the cloud list it, to an administrator. Juju and MAAS can't run here: both
# are stand-ins (tests/src/bin), and lose a model and two machines; the cloud's services must not receive a write.
define teardown 300 teardown_case

MODEL_ID=aaaaaaaa-0000-4000-8000-000000000001

juju_and_maas() { # a controller with the model openstack on two machines; a third one is another model's
  local program
  mkdir -p bin home
  jq -n --arg id $MODEL_ID '{controller: "lab", lag: 2, models: [
    {name: "admin/controller", "short-name": "controller", "model-uuid": "c0117011-0000-4000-8000-000000000000", "is-controller": true},
    {name: "admin/openstack", "short-name": "openstack", "model-uuid": $id, "is-controller": false}
    | . + {cloud: "maas1", type: "maas", life: "alive", status: {current: "available"}, holds: {}}]}' >models.json
  jq -n '{model: {name: "openstack", controller: "lab"},
    machines: {"0": {"instance-id": "4y3h7n", hostname: "openstack0"}, "1": {"instance-id": "4y3h7p", hostname: "openstack1"}},
    applications: {keystone: {"charm-name": "keystone", units: {"keystone/0": {}}}}}' >status.json
  jq -n --arg id $MODEL_ID '{profile: "admin", lag: 1, machines: [["4y3h7n", "openstack0", $id], ["4y3h7p", "openstack1", $id], ["k8s4ab", "other", "another"]
    | {system_id: .[0], hostname: .[1], status: 6, status_name: "Deployed", owner: "juju", owner_data: {"juju-model-uuid": .[2]}, locked: false}]}' >machines.json
  jq -n --arg at "$PWD" '{units: {}, model: "openstack", status: "\($at)/status.json", models: "\($at)/models.json", log: "\($at)/juju.log"}' >juju.json
  for program in juju maas; do
    printf '#!/bin/sh\nOMEGA_%s_STANDIN=%s exec %s "$@"\n' "${program^^}" "$PWD/$([[ $program = juju ]] && echo juju || echo machines).json" \
      "$(built bin $program)" >bin/$program
    chmod 755 bin/$program
  done
}
lost() { jq -r --arg rule "lost-$1" '[.. | objects | select(.rule? == $rule) | .summary // empty] | first // empty' out; }
is_lost() { [[ $(lost "$1") = *"$2"* ]] || fail "$2 is not among the lost $1: $(lost "$1")"; }
typed() { # NAME ARGS...: at a terminal, where this name is typed
  local answer=$1 rc=0; shift
  echo "$answer" | env -i PATH="$PWD/bin:/usr/bin:/bin" HOME="$PWD/home" NO_COLOR=1 COLUMNS=100 OS_CLIENT_CONFIG_FILE="$PWD/clouds.yaml" \
    timeout -k 5 180 script -qec "$(printf '%q ' "$(built bin omega-cli)" "$@")" /dev/null >typescript || rc=$?
  cat typescript
  return $rc
}
machine_is() { same "machine $1" "$2" "$(jq -r --arg id "$1" '.machines[] | select(.system_id == $id) | .status_name' machines.json)"; }

teardown_case() {
  local net subnet down=(teardown --maas-profile admin --within 60s)
  write_credentials .
  juju_and_maas
  printf '[cloud]\nname = "plain"\n\n[juju]\nmodel = "lab:openstack"\n' >omega.toml
  OMEGA_ENV=(PATH="$PWD/bin:/usr/bin:/bin")
  trap remove_lab_balancers EXIT
  remove_lab_balancers
  net=$(api POST "$NEUTRON/networks" '{"network": {"name": "omega-lb"}}' | jq -r .network.id)
  subnet=$(api POST "$NEUTRON/subnets" "$(jq -n --arg n "$net" '{subnet: {name: "omega-lb", network_id: $n, ip_version: 4, cidr: "10.79.0.0/24"}}')" | jq -r .subnet.id)
  make_lab_balancer omega-lb "$subnet" >/dev/null
  cloud_objects >objects.before

  # the plan: what the services hold, by name
  exits 2 omega "${down[@]}" --plan --output json
  is_lost load-balancers omega-lb
  is_lost networks omega-lb
  is_lost images ubuntu-kube
  same 'amphorae' "$(lab_amphorae "$(lab_balancer omega-lb '.loadbalancers[0].id')" | jq length)" "$(lost amphorae | cut -d: -f1)"
  same 'what could not be listed' '' "$(jq -r '[.. | objects | select((.rule? // "" | startswith("lost-")) and .severity? == "unknown") | .rule] | join(" ")' out)"

  # a service that does not answer is not known, and does not prevent a plan
  at cloud systemctl stop octavia-api
  exits 2 omega "${down[@]}" --plan --output json
  at cloud systemctl start octavia-api
  until_true 60 'Octavia answers' lab_balancer omega-lb . >/dev/null
  [[ $(lost load-balancers) = *'could not be listed'* ]] || fail "without Octavia: $(lost load-balancers)"

  # only the typed name destroys
  exits 64 omega "${down[@]}"
  exits 130 typed openstack2 "${down[@]}"
  machine_is 4y3h7n Deployed
  exits 0 typed openstack "${down[@]}"
  same 'models that are left' admin/controller "$(jq -r '[.models[].name] | join(" ")' models.json)"
  machine_is 4y3h7n Ready; machine_is 4y3h7p Ready; machine_is k8s4ab Deployed
  exits 0 omega "${down[@]}"
  grep -q 'Nothing to do' out

  # the record has what was there, and the services received no write
  jq -e '[.. | strings] | index("omega-lb")' home/.local/state/omega/runs/*/pre-state.json >/dev/null
  cloud_objects >objects.after; same_file 'the cloud' objects.before objects.after
}
