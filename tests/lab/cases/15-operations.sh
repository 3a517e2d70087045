# Single operations from the command line: each twice, the second time unchanged.
define sg-rule    240 sg_rule
define operations 300 operations

unchanged() { # CMD...: exit 0, and every rule and file as before
  snapshot unit0 >unchanged.before; rules >unchanged.rules
  exits 0 "$@"
  snapshot unit0 >unchanged.after; same_file "$*" unchanged.before unchanged.after
  rules >unchanged.rules.after; same_file "$*" unchanged.rules unchanged.rules.after
}

sg_rule() { # by the real Neutron over TLS, among near matches (fixtures.py)
  local peer=127.77.1.10/32 rule="capi-mgmt-sg ingress IPv4 tcp 6443 6443 127.77.1.10/32 -" project; project=$(fixture project)
  up_unit unit0
  site_for . ssh unit0
  rules >rules.before
  ! grep -qF "$project $rule" rules.before || fail 'the rule is there already'
  exits 2 omega ensure-sg-rule --plan
  rules >rules.planned; same_file 'rules after a plan' rules.before rules.planned
  exits 0 omega ensure-sg-rule --yes
  same 'rules added' "+ $project $rule" "$(changed_rules)"
  unchanged omega ensure-sg-rule --yes
  unchanged omega ensure-sg-rule --yes --remote $peer --port 6443
  # what Neutron itself makes of other spellings is the same rule
  exits 0 omega ensure-sg-rule --yes --remote 0.0.0.0/0 --port 1-65535
  rules >rules.wide
  unchanged omega ensure-sg-rule --yes --remote 0.0.0.0/0 --port 1-65535 --protocol 6
  exits 0 omega ensure-sg-rule --yes --remote 0.0.0.0/0 --port 1-65535 --absent
  same 'rules left' "+ $project $rule" "$(changed_rules)"
  exits 0 omega ensure-sg-rule --yes --absent
  rules >rules.after; same_file 'the near matches' rules.before rules.after
  unchanged omega ensure-sg-rule --yes --absent
  # a group that is not there, and one whose name only begins so
  rules >rules.before
  exits 4 omega ensure-sg-rule --yes --group capi-mgmt
  rules >rules.after; same_file rules rules.before rules.after
}

operations() {
  local operation
  up_unit unit0 jammy
  site_for . ssh unit0
  for operation in place-kubeconfig pin-driver ensure-helm stage-dropin inject-config-dir converge-services; do
    snapshot unit0 >before
    exits 2 omega $operation --plan
    snapshot unit0 >after; same_file "$operation --plan" before after
    exits 0 omega $operation --yes
    snapshot unit0 >after; ! cmp -s before after || [[ $operation = converge-services ]] || fail "$operation changed nothing"
    unchanged omega $operation
  done
  grafted unit0
  exits 0 omega capture-pre-state
}
