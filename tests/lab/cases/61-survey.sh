# survey: the commands that read a whole cloud, on its real services: as-built, lint network and templates, the live checks
# that need no Juju, and what a teardown would lose. None of them writes. juju and maas are stand-ins (tests/src/bin).
define survey 400 survey_case

survey_case() {
  local net
  trap remove_templates EXIT
  up_unit unit0
  site_for . juju unit0
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml
  exits 0 omega apply graft --yes
  in_capi_mgmt make_template omega-survey >/dev/null
  cloud_objects >objects.before

  # what exists, as the services themselves list it
  exits 0 omega as-built --out page.md
  grep -q '^# As built: omega.toml' page.md
  ! grep -q 'Not read' page.md || fail 'a part could not be read'
  for net in public capi-mgmt-net; do grep -q "^| $net |" page.md || fail "no network $net"; done
  for word in omega-survey ubuntu-kube container-infra "$(sha_of mgmt.kubeconfig)"; do grep -q "$word" page.md || fail "no $word"; done
  exits 0 omega as-built --output json
  jq -e '.networks.rows | length >= 2' out >/dev/null

  # the address plan against Neutron: what overlaps is found, and nothing else
  exits 0 omega lint network --live --svg plan.svg
  grep -q 'of Neutron' out || grep -q '<svg' plan.svg
  printf '\n[network]\npool = "10.20.0.0/16"\n' >>omega.toml
  exits 0 omega lint templates
  coe_template update omega-survey --network-driver flannel
  exits 3 omega lint templates
  grep -q template-without-cni out
  coe_template update omega-survey --network-driver calico

  cloud_objects >objects.after
  same_file 'the cloud' objects.before objects.after
}
