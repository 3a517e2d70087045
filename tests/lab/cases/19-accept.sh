# The acceptance items that the lab has a service for: charms by the stand-in for juju, endpoints by TLS, the way from a server
# by SSH. A signed report, one that was edited, and one of a cloud that fails.
define accept 300 accept_case

accept() { omega accept --yes --only D-011.1 --only D-011.2 --only D-011.3 --only D-011.8 "$@"; }
accept_case() {
  local run
  up_unit unit0
  site_for . juju unit0
  cat >>omega.toml <<T

[ssh]
user = "ubuntu"
identity = ["key"]
known_hosts = ["known_hosts"]

[acceptance]
core = ["identity", "network", "container-infra"]
tenant = { ssh = "ubuntu@$(address_of unit0):2222" }
T
  exits 0 accept --report-dir reports --sign key
  same 'modes of the reports' '600 600 600' "$(stat -c %a reports/report.json reports/report.xml reports/report.html | xargs)"
  same 'items in JUnit' 4 "$(grep -c '<testcase' reports/report.xml)"
  python3 -c 'import sys, xml.dom.minidom as d; d.parse("reports/report.xml")'
  # a reviewer elsewhere
  (ssh-keygen -y -f key | sed 's/^/operator /') >allowed_signers
  verify() { ssh-keygen -Y verify -f allowed_signers -I operator -n omega-acceptance -s reports/report.json.sig <reports/report.json; }
  verify
  run=$(jq -r .run reports/report.json)
  omega runs show "$run"
  grep -q "$(sha256sum reports/report.json | cut -d' ' -f1)" out || fail 'the digest is not in the run'
  cp reports/report.json whole.json
  sed -i 's/"passed"/"failed"/' reports/report.json
  ! verify 2>/dev/null || fail 'an edited report verifies'

  # the network's API is away: that item fails, the others stay, and a later run checks it alone
  at cloud systemctl stop neutron-api
  trap 'at cloud systemctl start neutron-api' EXIT
  exits 3 accept --report-dir broken
  jq -e '[.items[] | select(.id == "D-011.2") | tostring | contains("network")] == [true]' broken/report.json
  run=$(jq -r .run broken/report.json)
  at cloud systemctl start neutron-api
  trap - EXIT
  until_true 60 Neutron api GET "$NEUTRON/networks?limit=1"
  exits 0 accept --resume "$run" --report-dir resumed
  same 'what is kept' 'D-011.1 D-011.3 D-011.8' "$(jq -r --arg r "$run" '.items[] | select(.kept_from == $r) | .id' resumed/report.json | xargs)"
  # for another site file everything is checked again
  echo >>omega.toml
  exits 0 accept --resume "$run" --report-dir again
  same 'what is kept of another site file' 0 "$(jq '[.items[] | select(.kept_from)] | length' again/report.json)"
  # the services answered a list to the token: without TLS none is sent, and the report says so
  jq -e '.items[] | select(.id == "D-011.2") | tostring | contains("/v2.0/networks?limit=1") and (contains("not authenticated") | not)' again/report.json
  # an unsigned report is not beside the signature of the one before; an edited one is named by `runs show`
  cp reports/report.json.sig again/
  exits 0 accept --resume "$run" --report-dir again
  [[ ! -e again/report.json.sig ]] || fail 'the signature of another report stays'
  run=$(jq -r .run again/report.json)
  exits 0 omega runs show "$run"
  sed -i 's/passed/failed/' "home/.local/state/omega/runs/$run/report.html"
  exits 4 omega runs show "$run"
  # another CA is a failure that is named
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=another CA' -keyout /dev/null -out other.crt 2>/dev/null
  sed -i "s|cacert: .*|cacert: $PWD/other.crt|" clouds.yaml
  exits 3 omega accept --yes --only D-011.2
  grep -qi certificate out || fail 'the certificate is not named'
}
