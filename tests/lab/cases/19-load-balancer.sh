# A load balancer in ERROR is failed over, one that is stuck is reported, and a member is refused. Octavia's real API, database
# and worker; its amphorae are records (noop), so that no traffic passes, and Nova does not know their servers.
define load-balancer 420 load_balancer_case

# in project admin, as who is asked for at OCTAVIA
lab_balancer() { api GET "$OCTAVIA/lbaas/loadbalancers?name=$1" | jq -r "$2"; }                     # NAME FILTER
lab_balancer_is() { [[ $(lab_balancer "$1" '.loadbalancers[0].provisioning_status') = "$2" ]]; }    # NAME STATUS
lab_balancers_gone() { [[ $(api GET "$OCTAVIA/lbaas/loadbalancers" | jq '[.loadbalancers[] | select(.name | startswith("omega-lb"))] | length') = 0 ]]; }
lab_amphorae() { api GET "$OCTAVIA/octavia/amphorae?loadbalancer_id=$1" | jq -c '[.amphorae[].id] | sort'; }   # ID
lab_balancer_row() { db "UPDATE octavia.load_balancer SET $2 WHERE id = '$1'"; }                    # ID ASSIGNMENTS

make_lab_balancer() { # NAME SUBNET: its id, once it is ACTIVE
  api POST "$OCTAVIA/lbaas/loadbalancers" "$(jq -n --arg n "$1" --arg s "$2" '{loadbalancer: {name: $n, vip_subnet_id: $s}}')" |
    jq -r .loadbalancer.id
  until_true 90 "$1 is ACTIVE" lab_balancer_is "$1" ACTIVE >&2
}
remove_lab_balancers() { # also of a run that was killed
  local id net
  db "UPDATE octavia.load_balancer SET provisioning_status = 'ERROR' WHERE name LIKE 'omega-lb%' AND provisioning_status LIKE 'PENDING%'" || true
  for id in $(api GET "$OCTAVIA/lbaas/loadbalancers" | jq -r '.loadbalancers[] | select(.name | startswith("omega-lb")) | .id'); do
    api DELETE "$OCTAVIA/lbaas/loadbalancers/$id?cascade=true" || true
  done
  until_true 90 'the load balancers are gone' lab_balancers_gone || true
  for net in $(api GET "$NEUTRON/networks?name=omega-lb" | jq -r '.networks[].id'); do
    api DELETE "$NEUTRON/networks/$net" || true
  done
}
# as JSON, because prose is wrapped
lab_ensure() { omega ensure-load-balancer-active --yes --output json "$@"; }
lab_says() { jq -e --arg words "$1" 'tostring | contains($words)' out >/dev/null || fail "not said: $1"; }

load_balancer_case() {
  local id decoy net subnet before others
  write_credentials .
  printf '[cloud]\nname = "plain"\n' >omega.toml
  trap remove_lab_balancers EXIT
  remove_lab_balancers
  net=$(api POST "$NEUTRON/networks" '{"network": {"name": "omega-lb"}}' | jq -r .network.id)
  subnet=$(api POST "$NEUTRON/subnets" "$(jq -n --arg n "$net" '{subnet: {name: "omega-lb", network_id: $n, ip_version: 4, cidr: "10.78.0.0/24"}}')" | jq -r .subnet.id)
  id=$(make_lab_balancer omega-lb "$subnet")
  decoy=$(make_lab_balancer omega-lb-2 "$subnet")
  before=$(lab_amphorae "$id"); others=$(lab_amphorae "$decoy")
  [[ $(jq length <<<"$before") = 1 ]] || fail "amphorae: $before"

  # nothing to do, by name and by id
  exits 0 lab_ensure --load-balancer omega-lb --plan
  exits 0 lab_ensure --load-balancer "$id"
  same 'amphorae of one that is ACTIVE' "$before" "$(lab_amphorae "$id")"

  # in ERROR: the plan says what it costs and writes nothing; then it is failed over, once
  lab_balancer_row "$id" "provisioning_status = 'ERROR'"
  lab_balancer_row "$decoy" "provisioning_status = 'ERROR'"
  exits 2 lab_ensure --load-balancer omega-lb --plan
  lab_says 'the topology is SINGLE'; lab_says 'cannot be undone'; lab_says 'not known of the room for one more amphora'
  same 'status after a plan' ERROR "$(lab_balancer omega-lb '.loadbalancers[0].provisioning_status')"
  exits 0 lab_ensure --load-balancer omega-lb
  same 'status after the failover' ACTIVE "$(lab_balancer omega-lb '.loadbalancers[0].provisioning_status')"
  [[ $(lab_amphorae "$id") != "$before" ]] || fail "the amphorae are the old ones: $before"
  same 'the near match: status' ERROR "$(lab_balancer omega-lb-2 '.loadbalancers[0].provisioning_status')"
  same 'the near match: amphorae' "$others" "$(lab_amphorae "$decoy")"
  exits 0 lab_ensure --load-balancer omega-lb --plan

  # on purpose, although it is ACTIVE
  before=$(lab_amphorae "$id")
  exits 2 lab_ensure --load-balancer omega-lb --failover --plan
  same 'amphorae after a plan' "$before" "$(lab_amphorae "$id")"
  exits 0 lab_ensure --load-balancer omega-lb --failover
  [[ $(lab_amphorae "$id") != "$before" ]] || fail "the amphorae are the old ones: $before"
  same 'status after it' ACTIVE "$(lab_balancer omega-lb '.loadbalancers[0].provisioning_status')"

  # stuck for 20 minutes: reported with its amphora, and nothing is sent
  before=$(lab_amphorae "$id")
  lab_balancer_row "$id" "provisioning_status = 'PENDING_UPDATE', updated_at = UTC_TIMESTAMP() - INTERVAL 20 MINUTE"
  exits 4 lab_ensure --load-balancer omega-lb
  lab_says 'is stuck: PENDING_UPDATE'; lab_says "$(jq -r '.[0]' <<<"$before")"; lab_says 'role STANDALONE'
  same 'amphorae of one that is stuck' "$before" "$(lab_amphorae "$id")"
  same 'status of one that is stuck' PENDING_UPDATE "$(lab_balancer omega-lb '.loadbalancers[0].provisioning_status')"
  # what the report says to do
  lab_balancer_row "$id" "provisioning_status = 'ERROR'"
  exits 0 lab_ensure --load-balancer omega-lb

  # none of the name, two of the name, and who is no administrator
  exits 64 lab_ensure --load-balancer omega-lb-3
  lab_says 'no load balancer with the name or id'
  api PUT "$OCTAVIA/lbaas/loadbalancers/$id" '{"loadbalancer": {"name": "omega-lb-2"}}' >/dev/null
  exits 4 lab_ensure --load-balancer omega-lb-2
  lab_says '2 load balancers have the name'
  printf '[cloud]\nname = "member"\n' >omega.toml
  exits 4 lab_ensure --load-balancer "$decoy"
  lab_says 'load-balancer_admin'
  same 'status after a refusal' ERROR "$(api GET "$OCTAVIA/lbaas/loadbalancers/$decoy" | jq -r .loadbalancer.provisioning_status)"
}
