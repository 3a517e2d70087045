# The whole graft from each starting point: planned, applied, verified, applied again, rolled back.
#               START     CHANNEL VARIANT
define graft-fresh-ssh  300 graft fresh     ssh  stock
define graft-fresh-juju 300 graft fresh     juju jammy
define graft-130-ssh    300 graft graft-130 ssh  jammy
define graft-doc08-ssh  300 graft doc08     ssh  stock
define graft-doc08-juju 300 graft doc08     juju stock
define graft-hook-ssh   300 graft hook      ssh  bare
define graft-half-ssh   300 graft half      ssh  bare

graft() {
  local start=$1 channel=$2 variant=$3 flags=() process
  up_unit unit0 "$variant"
  start_at unit0 "$start"
  site_for . "$channel" unit0
  no_rules_left
  snapshot unit0 >before; rules >rules.before; process=$(process_of unit0)
  if [[ $start = doc08 ]]; then
    exits 4 omega apply graft
    snapshot unit0 >refused; same_file 'what a refusal left' before refused
    flags=(--remove-leftovers)
  fi
  exits 2 omega plan graft ${flags[@]+"${flags[@]}"}
  snapshot unit0 >planned; same_file 'what a plan left' before planned
  rules >rules.planned; same_file 'rules after a plan' rules.before rules.planned
  same 'the process after a plan' "$process" "$(process_of unit0)"

  exits 0 omega apply graft ${flags[@]+"${flags[@]}"}
  grafted unit0
  local added; added="+ $(fixture project) capi-mgmt-sg ingress IPv4 tcp 6443 6443 127.77.1.10/32 -"
  same 'rules added' "$added" "$(changed_rules)"
  no_secret_in home out err
  snapshot unit0 >after; process=$(process_of unit0)

  exits 0 omega verify graft
  exits 0 omega apply graft
  same 'the process after a second apply' "$process" "$(process_of unit0)"
  snapshot unit0 >again; same_file 'the second apply' after again
  same 'rules after a second apply' "$added" "$(changed_rules)"

  exits 2 omega rollback graft --plan
  snapshot unit0 >previewed; same_file 'what a preview left' after previewed
  exits 0 omega rollback graft
  snapshot unit0 >rolled; same_file 'the rollback' before rolled
  rules >rules.rolled; same_file 'rules after the rollback' rules.before rules.rolled
}
