# survey: the commands that read a whole cloud, on its real services: as-built, lint network and lint templates, the live
# checks that need no Juju, and which decisions were checked. None of them writes.
define survey 400 survey_case

survey_case() {
  local word
  up_unit unit0
  site_for . ssh cloud unit0            # Magnum makes no template for a driver that its own conductor lacks
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml       # the region with TLS has no Glance
  OMEGA_WITHIN=500 exits 0 omega apply graft --yes
  in_capi_mgmt make_template omega-survey >template.uuid
  trap 'in_capi_mgmt api DELETE "$COE/clustertemplates/$(cat template.uuid)"' EXIT
  snapshot unit0 >before; cloud_objects >objects.before

  # what exists, as the services themselves list it
  exits 0 omega as-built --out page.md
  grep -q '^# As built: omega.toml' page.md
  ! grep -q 'Not read' page.md || fail 'a part could not be read'
  for word in public 203.0.113.0/24 ubuntu-kube omega-survey container-infra magnum-capi-helm 1.4.0 "$(sha_of mgmt.kubeconfig)" v1.34.4 capo-system; do
    grep -q "$word" page.md || fail "no $word in the page"
  done
  exits 0 omega as-built --output json
  same 'the external network' public "$(jq -r '.as_built.networks.rows[] | select(.external) | .name' out)"

  # the address plan against Neutron: that the lab's provider network is not the documents', and that [prove] leaves the nodes' network to Magnum
  exits 0 omega lint network --live --svg plan.svg
  same 'findings of the address plan' 'default-nodes pool-differs' "$(omega_json lint network --live | jq -r '[.findings[].rule] | unique | join(" ")')"
  grep -q '203.0.113.0/24' plan.svg
  printf '\n[lint]\nvip_networks = ["203.0.113.0/24"]\nallocation_pools = ["203.0.113.2-203.0.113.254"]\n' >>omega.toml
  same 'findings with the lab'\''s network' default-nodes "$(omega_json lint network --live | jq -r '[.findings[].rule] | unique | join(" ")')"

  exits 0 omega lint templates
  coe_template update omega-survey --network-driver flannel
  exits 0 omega lint templates            # a warning: no cluster uses it
  grep -q template-without-cni out
  exits 3 omega lint templates --deny warning
  coe_template update omega-survey --network-driver calico
  exits 0 omega lint templates
  ! grep -q template-without-cni out || fail 'calico is called no network plugin'

  # what is there and what is not; the lab has no amphora image and no certificates in this region
  exits 0 omega check live --only trustee-domain --only dependencies-helm
  exits 3 omega check live --only octavia-image --only endpoint-certificates
  grep -q 'no image has the tag octavia-amphora' out
  grep -q 'its public endpoint has no TLS' out

  # what was found is kept for the decisions
  exits 0 omega decisions D-031
  grep -q 'by lint templates' out
  exits 0 omega decisions D-021
  grep -q 'failed .* by check live' out

  snapshot unit0 >after; same_file 'the unit' before after
  cloud_objects >objects.after; same_file 'the cloud' objects.before objects.after
}
omega_json() { omega "$@" --output json >/dev/null || true; cat out; }
