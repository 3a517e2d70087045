# A real Barbican. It runs for this case alone: the cloud's Magnum keeps certificates in its own database.
define key-manager 900 key_manager

key_manager() {
  local service template endpoint
  clusters_site
  template=$(in_capi_mgmt make_template omega-keys)
  trap 'end_key_manager; remove_omega_clusters' EXIT

  # no endpoint: a warning as long as nothing says where Magnum keeps certificates, and a fault if it is Barbican
  same 'without an endpoint' unknown "$(key_manager_is)"
  printf '[trust]\ncert_manager = "barbican"\n' >>omega.toml
  same 'without an endpoint, and needed' broken "$(key_manager_is)"

  service=$(api GET "$KEYSTONE/services?type=key-manager" | jq -r '.services[0].id')
  for interface in public internal; do
    api POST "$KEYSTONE/endpoints" "$(jq -n --arg s "$service" --arg i $interface --arg u "http://$CLOUD:9311" \
      '{endpoint: {service_id: $s, interface: $i, url: $u, region_id: "RegionOne"}}')" >/dev/null
  done
  # the token that is in the cache does not know the endpoint: omega logs in again
  key_manager_is >said || true
  grep -q 'connection was refused' out || fail 'a Barbican that is down is not named'

  at cloud systemctl start barbican-api
  until_true 60 'Barbican answers' barbican_answers
  same 'a real Barbican' pass "$(key_manager_is)"
  # the answer that the simulator gives
  in_capi_mgmt api GET "http://$CLOUD:9311/v1/secrets?limit=1" | jq -S . >real
  jq -S .response.body "$REPO/crates/omega-openstack/recordings/barbican-secrets-none-200.json" >recorded
  same_file 'the list of no secrets' recorded real
  # a user whom Barbican's policy does not know (it wants creator, observer, audit or admin)
  sed -i 's/^name = "plain"/name = "member"\nregion = "RegionOne"/' omega.toml
  same 'a member' unknown "$(key_manager_is)"
  grep -q '403: Secret(s) retrieval attempt not allowed' out || fail "Barbican's words are not told"
  grep -q 'creator (or observer)' out || fail 'the role is not named'
}

# key_manager_is: pass, or the severity of what the check before a cluster finds
key_manager_is() {
  omega check cluster-prerequisites --template omega-keys --output json >/dev/null || true
  jq -r '[.looked[0].sections[].items[] | select(.key == "key-manager")][0].found.verdict | if .pass then "pass" else .fail.severity // (.fail | tostring) end' out
}
barbican_answers() { in_capi_mgmt api GET "http://$CLOUD:9311/v1/secrets?limit=1" >/dev/null; }
end_key_manager() {
  local endpoint
  at cloud systemctl stop barbican-api || true
  for endpoint in $(api GET "$KEYSTONE/endpoints" | jq -r --arg u "http://$CLOUD:9311" '.endpoints[] | select(.url == $u) | .id'); do
    api DELETE "$KEYSTONE/endpoints/$endpoint" || true
  done
}
