# `omega-cli doctor` against the faults of faults/*.sh. Each file says, before anything was asked, what doctor is to name first:
#   layer, cause, what   the first thing to fix; `what` where it matters
#   evidence             a pattern that the summary or the evidence of the finding must match
#   patience             seconds after which what does not happen counts as stuck, where doctor is given that number
#   odd                  what is odd beside it and not the cause (lib/odd.sh)
#   put, shown, heal     puts it; true while it is there, by the machine's own programs; takes it away
LAYERS=(cloud vm kube-api driver-credential conductor controllers cluster-credential quota load-balancer cluster-api helm-release workload magnum)
# What CI asks for: one of each layer, the quick ones.
TEN=(endpoint-load-balancer server-off rights-withdrawn helm-in-local contract-label credential-role load-balancer-error paused release-failed node-not-ready)
D=$RUN/doctor               # the site that doctor is asked in, and what the faults keep meanwhile

list_faults() { # bottom up
  local l f
  for l in "${LAYERS[@]}"; do for f in "$HERE"/faults/*.sh; do ! grep -q "^layer=$l " "$f" || basename "$f" .sh; done; done
}

# tests/lab/run doctor [NAME...]; doctor-ci: the ten; faults: each is put and healed, and nobody is asked
verb_doctor() { MODE=ask faults_by_hand "$@"; }
verb_doctor-ci() { MODE=ask faults_by_hand "${TEN[@]}"; }
verb_faults() { MODE=look faults_by_hand "$@"; }
faults_by_hand() {
  local t; t=$(now_ms)
  drop_stale
  build_everything
  [[ $MODE = look && -s $RUN/built ]] || build_omega
  up_cloud & local cloud=$!
  up_kube
  wait $cloud
  grant_least "$(fixture project)"
  running unit0 || up_unit unit0
  say "lab: ready after $(seconds_since "$t") s"
  ask_doctor "$@"
}

# ask_doctor [NAME...]: the last line is "N faults, N named"
ask_doctor() {
  local wanted=("$@") name named=0 sound=1
  ((${#wanted[@]})) || mapfile -t wanted < <(list_faults)
  for name in "${wanted[@]}"; do [[ -f $HERE/faults/$name.sh ]] || die "no fault $name; there are: $(list_faults | xargs)"; done
  # what an earlier lab left is of another cloud and another CA
  [[ ! -e $D/about || $D/about -nt $K/ca.crt ]] || rm -rf "$D"
  in_step prepare || die 'the site could not be made'
  if [[ $MODE = ask ]]; then for name in healthy slow odd; do in_step "none_$name" || sound=0; done; fi
  for name in "${wanted[@]}"; do if in_step one_fault "$name"; then named=$((named + 1)); fi; done
  printf '%d faults, %d %s\n' ${#wanted[@]} $named "$([[ $MODE = ask ]] && echo named || echo 'seen and healed')"
  ((sound && named == ${#wanted[@]}))
}

# in_step FUNCTION [NAME]: in a process of its own, with its log; prints its verdict
in_step() {
  local log=$LOGS/doctor-${2:-$1}.log rc=0 begin; begin=$(now_ms)
  rm -f "$D/verdict"
  LAB_MAIN_PID=$MAIN_PID MODE=$MODE timeout ${IN_CASE:+--foreground} -k 10 "${STEP_WITHIN:-900}" "$HERE/run" step "$@" >"$log" 2>&1 </dev/null 9>&- &
  CASE_PID=$!
  wait $CASE_PID 2>/dev/null || rc=$?
  CASE_PID=
  if ((rc == 0)) && [[ ! -s $D/verdict ]]; then
    printf '%-6s %-28s %6.1f s\n' "$(case $1 in one_fault) [[ $MODE = ask ]] && echo named || echo seen ;; prepare) echo ready ;; *) echo none ;; esac)" "${2:-${1#none_}}" "$(seconds_since "$begin")"
    return
  fi
  printf 'MISSED %s: %s  (%s s, %s)\n' "${2:-${1#none_}}" "$(cat "$D/verdict" 2>/dev/null || tail -n 1 "$log" | cut -c1-300)" "$(seconds_since "$begin")" "$log"
  return 1
}
one_step() { # by in_step
  mkdir -p "$D"; cd "$D"
  set -E; trap 'echo "FAILED at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR
  [[ ! -f about ]] || . ./about
  "$@"
}

# prepare: the operator's site, the conductors grafted by omega, a healthy cluster `sound`, neighbours to be odd
prepare() {
  rm -rf "$TOKENS"
  site_for . ssh cloud unit0
  # Magnum's region has every endpoint; TLS only the graft's
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml
  : >"$K/knobs"
  CINDER=$(api GET "$KEYSTONE/auth/catalog" | jq -r 'first(.catalog[] | select(.type == "volumev3").endpoints[] | select(.region_id == "RegionOne")).url')
  PROJECT=$(admin_project)
  OMEGA_WITHIN=600 exits 0 omega apply graft --yes
  sed -i '/^\[management\]/a server = "capi-mgmt-v2"' omega.toml
  # conductors of their own time: after other cases one has made a credential with the service user's roles, and no cluster
  local u; for u in cloud unit0; do at $u systemctl restart magnum-conductor; done
  neighbours & local neighbours=$!
  sound || { echo 'once more: sound was not made'; api DELETE "$COE/clusters/$UUID"; until_true 120 'sound is gone' cluster_gone "$UUID"; sound; } ||
    { api GET "$COE/clusters/$UUID"; at cloud grep -a -B40 'ERROR oslo_messaging.rpc.server [a-z0-9.]*:' /var/log/magnum/magnum-conductor.log | tail -n 60; return 1; }
  wait $neighbours
  printf '%s=%s\n' PROJECT "$PROJECT" NS "magnum-$PROJECT" UUID "$UUID" STACK "$(cluster "$UUID" .stack_id)" TEMPLATE "$(cluster "$UUID" .cluster_template_id)" \
    CINDER "$CINDER" >about
  . ./about
  furnish
  for u in cloud unit0; do snapshot $u >$u.grafted; done
}
sound() { # the cluster that most faults are put into
  local made=no
  UUID=$(api GET "$COE/clusters" | jq -r '.clusters[] | select(.name == "sound").uuid')
  [[ -n $UUID ]] || UUID=$(make_cluster sound "$(make_template sound)")
  until_true 400 'sound is made, or is not' sound_ends || return 1
  [[ $made = yes ]]
}
sound_ends() {
  case $(cluster "$UUID" '"\(.status) \(.health_status)"') in
    'CREATE_COMPLETE HEALTHY') made=yes ;;
    CREATE_FAILED*) made=no ;;
    *) return 1 ;;
  esac
}
neighbours() { # in the management cluster's project: its server, another one, and a load balancer
  local net subnet name
  in_capi_mgmt api GET "$NOVA/servers?name=%5Ecapi-mgmt-v2%24" | jq -r '.servers[0].id // empty' >server.id
  [[ ! -s server.id ]] || return 0
  net=$(in_capi_mgmt api POST "$NEUTRON/networks" '{"network": {"name": "mgmt"}}' | jq -r .network.id)
  subnet=$(in_capi_mgmt api POST "$NEUTRON/subnets" "{\"subnet\": {\"name\": \"mgmt\", \"network_id\": \"$net\", \"ip_version\": 4, \"cidr\": \"10.77.0.0/24\"}}" | jq -r .subnet.id)
  for name in capi-mgmt-v2-old capi-mgmt-v2; do
    in_capi_mgmt api POST "$NOVA/servers" "$(jq -n --arg n $name --arg net "$net" --arg i "$(api GET "http://$CLOUD:9292/v2/images?name=ubuntu-kube" | jq -r '.images[0].id')" \
      '{server: {name: $n, flavorRef: "m1", imageRef: $i, networks: [{uuid: $net}]}}')" | jq -r .server.id >server.id
    until_true 90 "$name is ACTIVE" server_is ACTIVE
  done
  in_capi_mgmt api POST "$OCTAVIA/lbaas/loadbalancers" "{\"loadbalancer\": {\"name\": \"k8s-clusterapi-cluster-magnum-neighbour-sound-kubeapi\", \"vip_subnet_id\": \"$subnet\"}}" >balancer.json
  balancer_active() { [[ $(in_capi_mgmt api GET "$OCTAVIA/lbaas/loadbalancers/$(jq -r .loadbalancer.id balancer.json)" | jq -r .loadbalancer.provisioning_status) = ACTIVE ]]; }
  until_true 90 'the neighbour has a load balancer' balancer_active
}

# names_none: doctor is asked, and names nothing
names_none() {
  local rc=0
  ask || rc=$?
  ((rc == 0)) && jq -e '.broken == false and .first == null' out >/dev/null || {
    echo "expected none, doctor said $(jq -c '.first // .' out 2>/dev/null || tail -n 1 err) (exit $rc)" >verdict
    return 1
  }
}
ask() { OMEGA_WITHIN=${DOCTOR_WITHIN:-120} omega doctor --output json ${patience:+--patience "${patience}s"}; }

none_healthy() { # and it only reads
  local u; for u in cloud unit0; do snapshot $u >$u.before; done
  objects >objects.before; marks
  names_none
  written >writes; same 'what doctor wrote to the cloud' '' "$(cat writes)"
  objects >objects.after; same_file 'the management cluster' objects.before objects.after
  for u in cloud unit0; do snapshot $u >$u.after; same_file $u $u.before $u.after; done
}
none_slow() { # kube-apiserver and Keystone have a third of the time
  pids="$(cat "$K/kube-apiserver.pid") $(pgrep -f '^/usr/bin/uwsgi_python3.*keystone' || true)"
  while :; do
    kill -STOP $pids; sleep 0.6; kill -CONT $pids; sleep 0.3
  done 2>/dev/null & pulse=$!            # not local: the trap runs after the function
  trap 'kill $pulse; wait $pulse 2>/dev/null || true; kill -CONT $pids' EXIT
  names_none
}
none_odd() { # everything odd at once
  local o all; mapfile -t all < <(declare -F | sed -n 's/^declare -f odd_//p')
  odds=("${all[@]}")
  trap 'healed_or_said' EXIT
  for o in "${all[@]}"; do "odd_$o" put; done
  names_none
}

# objects: every object of the management cluster with its version, but what beats by itself
objects() {
  k api-resources --verbs list -o name | grep -v -e '^events' -e '^leases' -e '^componentstatuses' | sort | xargs -n 1 -I{} kubectl --kubeconfig "$RUN/mgmt.kubeconfig" get -A {} --ignore-not-found \
    -o 'jsonpath={range .items[*]}{.kind} {.metadata.namespace} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}' 2>/dev/null | sort
}
LOGGED='/var/log/keystone/*.log /var/log/neutron/*.log /var/log/nova/*.log /var/log/octavia/*.log /var/log/magnum/magnum-api*.log /var/log/cinder/*.log /var/log/placement/*.log /var/log/glance/*.log'
marks() { at cloud sh -c "wc -c $LOGGED | grep -v total" >marks; }
written() { # the requests since then that are not reads, tokens aside
  local size file
  while read -r size file; do at cloud tail -c "+$((size + 1))" "$file" </dev/null; done <marks |
    grep -oE '(\] |")(POST|PUT|PATCH|DELETE) /[^ ]*' | grep -vE 'POST /v3/auth/tokens$' || true
}

one_fault() {
  local o
  . "$HERE/faults/$1.sh"
  odds=("${odd[@]//-/_}")
  trap healed_or_said EXIT
  for o in ${odds[@]+"${odds[@]}"}; do "odd_$o" put; done
  PUT=1
  note "$1 is put"
  put
  PUT_AT=$SECONDS
  until_true 120 "$1 shows" shown
  [[ $MODE != ask ]] || judge
  healed
}
# judge: what doctor names is what was written down before
judge() {
  local rc=0 first told wrong=()
  ask || rc=$?
  first=$(jq -c '.first' out 2>/dev/null) || first=null
  got() { jq -r "$1 // \"\"" <<<"$first"; }
  [[ $rc = 3 ]] || wrong+=("exit $rc")
  [[ "$(got .layer)/$(got .cause)" = "$layer/$cause" ]] || wrong+=('another cause')
  [[ -z ${what:-} || $(got .subject.name) = "$what" ]] || wrong+=("not $what")
  told=$(jq -r "$TOLD" <<<"$first")
  grep -qE "$evidence" <<<"$told" || wrong+=("evidence without $evidence")
  ((${#wrong[@]} == 0)) || echo "expected $layer/$cause${what:+ ($what)}, doctor said $(got .layer)/$(got .cause) ($(got .subject.name)): $(tr '\n' ';' <<<"$told" | cut -c1-300) [${wrong[*]}]" >verdict
}
# TOLD: what a finding says, one fact a line: its summary, then its evidence, which is data
TOLD='.summary // "", (.evidence // [] | .[] | [.fact, (.value | arrays |= join(", "))] | map(values | tostring) | join(" "))'
healed() {
  local o
  trap - EXIT
  if [[ ${PUT:-} = 1 ]]; then heal; until_true 300 'it is gone' not_shown; fi
  for o in ${odds[@]+"${odds[@]}"}; do "odd_$o" take; done
  note healed
  until_true 300 'all is well' well
}
not_shown() { ! shown; }
healed_or_said() { # after something went wrong in the middle
  local o
  trap - EXIT; set +e
  [[ ${PUT:-} != 1 ]] || heal
  for o in ${odds[@]+"${odds[@]}"}; do "odd_$o" take; done
  until_true 300 'all is well' well
}
note() { printf '%(%T)T faults: %s\n' -1 "$*" >>"$LAB/doctor.notes"; }

# well: a quick look that the next fault finds a healthy lab
well() {
  local port
  kube_alive >/dev/null && for port in 9540 9541 9542; do curl -sf -o /dev/null "http://$KUBE:$port/readyz" || return; done
  ours "$K/infra.pid" >/dev/null && [[ ! -s $K/knobs ]] || return
  for port in 5000 9696 9876 9511 9292 8774; do answers "$CLOUD:$port" || return; done
  cluster_is "$UUID" 'CREATE_COMPLETE HEALTHY' || return
  # Magnum's word may be old
  reads_v1beta1 clusters | jq -e '.items | all(.status.conditions | all(.status == "True"))' || return
  wk get --raw /readyz || return
  at unit0 systemctl -q is-active magnum-conductor ssh && at cloud systemctl -q is-active magnum-conductor magnum-api || return
}
