# The whole graft from each starting point: planned, applied, verified, applied again, rolled back.
#               START     CHANNEL VARIANT
define graft-fresh-ssh  300 graft fresh     ssh  stock
define graft-fresh-juju 300 graft fresh     juju jammy
define graft-130-ssh    300 graft graft-130 ssh  jammy
define graft-doc08-ssh  300 graft doc08     ssh  stock
define graft-doc08-juju 300 graft doc08     juju stock
define graft-hook-ssh   300 graft hook      ssh  bare
define graft-half-ssh   300 graft half      ssh  bare

define graft-online    300 graft_online

graft() {
  local start=$1 channel=$2 variant=$3 flags=() process
  up_unit unit0 "$variant"
  start_at unit0 "$start"
  site_for . "$channel" unit0
  no_rules_left
  snapshot unit0 >before; rules >rules.before; process=$(process_of unit0)
  if [[ $start = doc08 ]]; then
    exits 4 omega apply graft --yes
    snapshot unit0 >refused; same_file 'what a refusal left' before refused
    flags=(--remove-leftovers)
  fi
  exits 2 omega plan graft ${flags[@]+"${flags[@]}"}
  snapshot unit0 >planned; same_file 'what a plan left' before planned
  rules >rules.planned; same_file 'rules after a plan' rules.before rules.planned
  same 'the process after a plan' "$process" "$(process_of unit0)"

  exits 0 omega apply graft --yes ${flags[@]+"${flags[@]}"}
  grafted unit0
  local added; added="+ $(fixture project) capi-mgmt-sg ingress IPv4 tcp 6443 6443 127.77.1.10/32 -"
  same 'rules added' "$added" "$(changed_rules)"
  no_secret_in home out err
  snapshot unit0 >after; process=$(process_of unit0)

  exits 0 omega verify graft
  exits 0 omega apply graft --yes
  same 'the process after a second apply' "$process" "$(process_of unit0)"
  snapshot unit0 >again; same_file 'the second apply' after again
  same 'rules after a second apply' "$added" "$(changed_rules)"

  exits 2 omega rollback graft --plan
  snapshot unit0 >previewed; same_file 'what a preview left' after previewed
  exits 0 omega rollback --yes graft
  snapshot unit0 >rolled; same_file 'the rollback' before rolled
  rules >rules.rolled; same_file 'rules after the rollback' rules.before rules.rolled
}

graft_online() { # the driver from a package index and helm from an archive behind a URL, as in the runbook
  up_unit unit0
  mkdir -p www/simple/magnum-capi-helm linux-amd64
  cp "$LAB/wheels/magnum_capi_helm-1.4.0-py3-none-any.whl" www/simple/magnum-capi-helm/
  cp "$LAB/bin/helm" linux-amd64/helm
  tar czf www/helm.tar.gz linux-amd64/helm
  # pip trusts an index without TLS on loopback only
  python3 -m http.server --bind 127.77.9.1 --directory www 8880 >www.log 2>&1 &
  www_pid=$!; trap 'kill $www_pid' EXIT
  site_for . ssh unit0
  sed -i -e 's|^wheel = .*|index = "http://127.77.9.1:8880/simple"|' -e '/^index/{n;d}' \
    -e "s|^file = .*|url = \"http://127.77.9.1:8880/helm.tar.gz\"\narchive_sha256 = \"$(sha_of www/helm.tar.gz)\"\nmember = \"linux-amd64/helm\"|" omega.toml
  snapshot unit0 >before; rules >rules.before
  # what can't be reached is reported before anything is changed
  sed 's|127.77.9.1:8880|127.77.9.1:8889|' omega.toml >no-way-out.toml
  exits 3 omega apply graft --yes --site no-way-out.toml; grep -q 'Could not fetch URL' err
  exits 3 omega plan graft --site no-way-out.toml
  snapshot unit0 >untouched; same_file 'what a unit without a way out left' before untouched
  rules >rules.untouched; same_file 'rules without a way out' rules.before rules.untouched
  exits 2 omega plan graft
  exits 0 omega apply graft --yes
  grafted unit0
  grep -q 'GET /simple/magnum-capi-helm/' www.log; grep -q 'GET /helm.tar.gz' www.log
  exits 0 omega verify graft
  exits 0 omega rollback --yes graft
  snapshot unit0 >rolled; same_file 'the rollback' before rolled
  # what is not what was pinned is not put there
  printf x >>www/helm.tar.gz
  exits 1 omega ensure-helm --yes
  snapshot unit0 >refused; same_file 'what a wrong archive left' before refused
}
