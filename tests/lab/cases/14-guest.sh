# A server of the real Nova (its fake driver) is started, and nothing else.
define guest 400 guest_running

guest_is() { [[ $(in_capi_mgmt api GET "$NOVA/servers/$1" | jq -r '.server.status') = "$2" ]]; }
guest_act() { in_capi_mgmt api POST "$NOVA/servers/$1/action" "{\"$2\": null}" >/dev/null; }
remove_guests() { # also of a run that was killed
  local id net
  for id in $(in_capi_mgmt api GET "$NOVA/servers?name=%5Eomega-guest" | jq -r '.servers[].id'); do
    guest_act "$id" unlock || true
    in_capi_mgmt api DELETE "$NOVA/servers/$id" || true
    until_true 60 'the server is gone' eval '! in_capi_mgmt api GET "$NOVA/servers/$id" >/dev/null 2>&1' || true
  done
  for net in $(in_capi_mgmt api GET "$NEUTRON/networks?name=omega-guest" | jq -r '.networks[].id'); do
    in_capi_mgmt api DELETE "$NEUTRON/networks/$net" || true
  done
}
make_guest() { # NAME NETWORK: its id, once it is ACTIVE
  local id image; image=$(api GET "http://$CLOUD:9292/v2/images?name=ubuntu-kube" | jq -r '.images[0].id')
  id=$(in_capi_mgmt api POST "$NOVA/servers" "$(jq -n --arg n "$1" --arg net "$2" --arg i "$image" \
    '{server: {name: $n, flavorRef: "m1", imageRef: $i, networks: [{uuid: $net}]}}')" | jq -r .server.id)
  until_true 90 "$1 is ACTIVE" guest_is "$id" ACTIVE >&2
  echo "$id"
}
guest_said() { cat out err | tr -s ' \n' ' ' | grep -qF -- "$1"; }

guest_running() {
  local id near net run
  write_credentials .
  printf '[cloud]\nname = "plain"\n\n[management]\nproject = { name = "capi-mgmt", domain = "capi" }\n' >omega.toml
  trap remove_guests EXIT
  remove_guests
  net=$(in_capi_mgmt api POST "$NEUTRON/networks" '{"network": {"name": "omega-guest"}}' | jq -r .network.id)
  in_capi_mgmt api POST "$NEUTRON/subnets" "{\"subnet\": {\"network_id\": \"$net\", \"ip_version\": 4, \"cidr\": \"10.78.0.0/24\"}}" >/dev/null
  id=$(make_guest omega-guest "$net"); near=$(make_guest omega-guest-2 "$net")
  guest_act "$near" os-stop; until_true 60 'the near match is off' guest_is "$near" SHUTOFF

  # it runs: nothing to do
  exits 0 omega ensure-guest-running --yes omega-guest
  grep -q 'Nothing to do' out || fail 'something was sent'
  exits 64 omega ensure-guest-running --yes
  exits 64 omega ensure-guest-running --yes omega-gues
  guest_said 'has no server' || fail 'the absence is not named'

  # off: a plan, a start, once
  guest_act "$id" os-stop; until_true 60 'it is off' guest_is "$id" SHUTOFF
  exits 2 omega ensure-guest-running omega-guest --plan
  guest_is "$id" SHUTOFF || fail 'a plan started it'
  exits 0 omega ensure-guest-running --yes omega-guest --output json
  run=$(jq -r .run out)
  guest_is "$id" ACTIVE || fail 'it does not run'
  guest_is "$near" SHUTOFF || fail 'the near match was started'
  exits 0 omega ensure-guest-running --yes "$id"

  # the rollback stops it, by its id
  exits 0 omega rollback --yes --run "$run"
  guest_is "$id" SHUTOFF || fail 'the rollback did not stop it'

  # what is refused: locked, paused
  guest_act "$id" lock
  exits 4 omega ensure-guest-running --yes omega-guest
  guest_said 'is locked' || fail 'the lock is not named'
  guest_act "$id" unlock
  guest_act "$id" os-start; until_true 60 'it runs' guest_is "$id" ACTIVE
  guest_act "$id" pause; until_true 60 'it is paused' guest_is "$id" PAUSED
  exits 4 omega ensure-guest-running --yes omega-guest
  guest_said "server unpause $id" || fail 'the remedy is missing'
  guest_act "$id" unpause; until_true 60 'it runs' guest_is "$id" ACTIVE

  # the simulator's contract
  (live_environment "$PWD"; export OMEGA_LAB_SERVER=$id; cd "$REPO/tests"; "$(built test openstack_contract)" --ignored of_one_server --nocapture)
}
