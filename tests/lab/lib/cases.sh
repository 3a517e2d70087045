# The runner: the lock, what this run started and must end, the cases and their verdicts.
PASSED=0 FAILED=0

# mine NAME: this run started it, so this run ends it. (A file, as cases run in subshells.)
mine() { echo "$1" >>"$RUN/mine.$MAIN_PID"; }

take_lock() {
  exec 9>"$LAB/lock"
  flock -n 9 || die "another lab run holds $LAB/lock (pid $(cat "$LAB/lock.pid" 2>/dev/null))"
  echo $$ >"$LAB/lock.pid"
}

end_one() { if [[ $1 = kube ]]; then end_kube; else end_machine "$1"; fi; }
end_mine() {
  local name
  [[ -f $RUN/mine.$MAIN_PID ]] || return 0
  sort -u "$RUN/mine.$MAIN_PID" | while read -r name; do end_one "$name"; done
  rm -f "$RUN/mine.$MAIN_PID"
}
finish() {
  local rc=$?
  trap - EXIT; trap '' INT TERM
  [[ -z ${CASE_PID:-} ]] || kill -KILL -- "-$CASE_PID" 2>/dev/null || true
  end_mine || say 'something did not end'
  host_as_before
  exit $rc
}
drop_stale() { # what a run that was killed left: state without a process
  local d name f
  for d in "$RUN"/*/root; do
    name=$(basename "$(dirname "$d")")
    [[ ! -e $d ]] || running "$name" || end_machine "$name"
  done
  for f in "$RUN"/mine.*; do [[ ! -e $f ]] || kill -0 "${f##*.}" 2>/dev/null || rm -f "$f"; done
}
guard() { # whatever happens from here on, what is started is ended
  MAIN_PID=$$
  trap finish EXIT; trap 'exit 130' INT; trap 'exit 143' TERM
}

main() {
  [[ $(id -u) = 0 ]] || die 'run as root'
  local verb=${1:-}
  case $verb in
    list) list_cases; return ;;
    help | -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$HERE/run"; return ;;
    case) shift; MAIN_PID=${LAB_MAIN_PID:?}; one_case "$@"; return ;;     # by run_case, in a process of its own
    step) shift; MAIN_PID=${LAB_MAIN_PID:?}; one_step "$@"; return ;;     # by in_step
    doctor | doctor-ci | faults) shift; exec </dev/null; take_lock; guard; "verb_$verb" "$@"; return ;;
    build | up | down | shell) shift; take_lock; MAIN_PID=$$; "verb_$verb" "$@"; return ;;
  esac
  exec </dev/null
  take_lock
  guard
  run_cases "$@"
}

verb_build() { build_everything; }
verb_up() { # what is brought up by hand stays up
  local u
  drop_stale; build_everything; up_cloud; up_kube; grant_least "$(fixture project)"
  for u in "$@"; do up_unit "$u"; done
  write_credentials "$RUN/op"
  rm -f "$RUN/mine.$MAIN_PID"
  say "up. tests/lab/run shell"
}
verb_down() {
  local f name
  if [[ -n ${1:-} ]]; then end_one "$1"; return; fi
  for f in "$LAB"/*.nspawn.pid; do name=${f##*/}; [[ ! -e $f ]] || end_machine "${name%.nspawn.pid}"; done
  end_kube
  host_as_before
  rm -rf "$RUN"/{tls,op,work,mine.*,fixtures.json}
}
verb_shell() {
  exec 9>&-
  live_environment "$RUN/op"
  OS_CLIENT_CONFIG_FILE=$RUN/op/clouds.yaml OS_CLOUD=plain KUBECONFIG=$RUN/mgmt.kubeconfig PATH=$LAB/osc/bin:$PATH exec bash
}
fixture() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$RUN/fixtures.json" "$1"; }

# A case is a line `define NAME LIMIT COMMAND...` in cases/*.sh. It runs in a shell of its own (set -e means
# nothing in a function whose status is asked for), in a directory of its own, its output in $LOGS/case-NAME.log.
load_cases() { local f; for f in "$HERE"/cases/*.sh; do . "$f"; done; }
# What runs without being named, and in CI: some 35 minutes. The others (`all`) are run by hand.
DAILY=(lab-cloud lab-kube mint retarget egress sg-rule image accept guest load-balancer graft-fresh-ssh graft-online graft-doc08-juju three-units wrong-host-key unit-down
  locked forbidden api-down terminal ssh-keys questions served-sets stuck-delete cluster template accept-cluster contract doctor)
list_cases() { load_cases; printf '%s\n' "${CASES[@]}"; }
CASES=()
declare -A LIMIT RECIPE
define() { # NAME LIMIT CMD...: a case, in the order of definition
  CASES+=("$1"); LIMIT[$1]=$2; shift; local name=${CASES[-1]}; shift; RECIPE[$name]="$*"
}


# What tests of the crates read (tests/tests/*.rs, module live).
live_environment() { # DIR
  write_credentials "$1"
  export OMEGA_LAB_REQUIRED=1 OMEGA_LAB_DIR=$LAB OMEGA_LAB_CLOUDS=$1/clouds.yaml OMEGA_LAB_OPENRC=$1/openrc OMEGA_LAB_CACERT=$RUN/tls/ca.crt
  export OMEGA_LAB_AUTH_URL=https://$CLOUD:15000/v3 OMEGA_LAB_AUTH_URL_PLAIN=http://$CLOUD:5000/v3
  export OMEGA_LAB_PROJECT=capi-mgmt OMEGA_LAB_PROJECT_DOMAIN=capi OMEGA_LAB_GROUP=capi-mgmt-sg
  export OMEGA_LAB_UNIT_SSH=ubuntu@$(address_of unit0):2222 OMEGA_LAB_SSH_KEY=$KEY OMEGA_LAB_KNOWN_HOSTS=$1/known_hosts
  export OMEGA_LAB_KUBECONFIG=$RUN/mgmt.kubeconfig OMEGA_LAB_KUBECONFIG_LEAST=$RUN/least.kubeconfig
  export OMEGA_LAB_HELM=$LAB/bin/helm OMEGA_LAB_WHEELS=$LAB/wheels
}

one_case() {
  load_cases
  local work=$RUN/work/$1
  rm -rf "$work"; mkdir -p "$work"; cd "$work"
  set -E; trap 'echo "FAILED at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR
  ${RECIPE[$1]}
}

run_case() { # NAME: true when it passed
  local name=$1 log=$LOGS/case-$1.log rc=0 begin; begin=$(now_ms)
  # timeout makes a process group of its own, which goes as a whole
  LAB_MAIN_PID=$MAIN_PID timeout -k 10 "${LIMIT[$name]}" "$HERE/run" case "$name" >"$log" 2>&1 </dev/null 9>&- &
  CASE_PID=$!
  wait $CASE_PID 2>/dev/null || rc=$?
  CASE_PID=
  ((rc != 124)) || { tail -n 15 "$RUN/work/$name/err" 2>/dev/null; echo "FAILED: not done within ${LIMIT[$name]} s"; } >>"$log"
  if ((rc == 0)); then printf 'ok      %-28s %6.1f s\n' "$name" "$(seconds_since "$begin")"; return; fi
  printf 'FAILED  %-28s %6.1f s  (%s)\n' "$name" "$(seconds_since "$begin")" "$log"
  tail -n 30 "$log" | cut -c1-300 | sed 's/^/        /'
  services_of_failure
  return 1
}
seconds_since() { local ms=$(($(now_ms) - $1)); printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100)); }
services_of_failure() { # the last words of what the case ran on
  local m
  for m in unit0 unit1 unit2 unit3 cloud; do
    running "$m" || continue
    echo "        -- $m"
    at "$m" sh -c 'systemctl --no-legend --plain --failed list-units; grep -hE " (ERROR|CRITICAL) " /var/log/magnum/*.log | grep -v periodic | tail -n 8' 2>&1 |
      cut -c1-220 | sed 's/^/        /'
  done
}

end_units() {
  local u
  for u in $(sort -u "$RUN/mine.$MAIN_PID" 2>/dev/null | grep '^unit' || true); do end_machine "$u"; done
}

run_cases() {
  load_cases
  local wanted=("$@") name t; t=$(now_ms)
  if ((${#wanted[@]} == 0)); then
    wanted=("${DAILY[@]}")
    say "not in this run (tests/lab/run all): $(comm -23 <(printf '%s\n' "${CASES[@]}" | sort) <(printf '%s\n' "${DAILY[@]}" | sort) | xargs)"
  fi
  if [[ ${wanted[*]} = all ]]; then wanted=("${CASES[@]}"); fi
  for name in "${wanted[@]}"; do [[ -n ${RECIPE[$name]:-} ]] || die "no case $name; there are: ${CASES[*]}"; done
  drop_stale
  build_everything
  up_cloud & local cloud=$!
  build_omega
  up_kube
  wait $cloud
  grant_least "$(fixture project)"
  say "lab: ready after $(seconds_since "$t") s"
  for name in "${wanted[@]}"; do
    if run_case "$name"; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
    end_units
  done
  say "lab: $(seconds_since "$t") s"
  end_mine
  printf '%d passed, %d failed\n' $PASSED $FAILED
  ((FAILED == 0))
}
