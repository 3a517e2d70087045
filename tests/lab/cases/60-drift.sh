# drift: on a real unit each silent change is made by the machine's own programs, and named within one interval; on a
# healthy lab nothing is reported, for a minute or for OMEGA_LAB_DRIFT_SECONDS (600 in a run of ten minutes).
define drift $((1500 + ${OMEGA_LAB_DRIFT_SECONDS:-60})) drift_case

DRIFT_LISTEN=127.77.9.2:9464
DRIFT_EVERY=5
# What the lab does not have: Juju. It is named as unknown otherwise, as it should be.
drift() { omega drift --skip live "$@"; }

watch_drift() { # ARGS...: looks every 5 s in the background; lines to lines.json
  : >lines.json
  rm -f drift.prom
  # bash starts what runs in the background with SIGINT ignored
  env -i --default-signal=INT PATH=/usr/bin:/bin HOME="$PWD/home" NO_COLOR=1 OS_CLIENT_CONFIG_FILE="$PWD/clouds.yaml" \
    "$(built bin omega-cli)" drift --watch --interval ${DRIFT_EVERY}s --output json --skip live --metrics-file drift.prom \
    --listen $DRIFT_LISTEN "$@" >lines.json 2>watch.err </dev/null 9>&- &
  watch_pid=$!
  until_true 90 'the first look' looked 1
}
end_watch() { # SIGNAL CODE
  local rc=0
  kill "-$1" $watch_pid
  wait $watch_pid || rc=$?
  same "exit after $1" "$2" $rc
}
looks() { sed -n 's/^omega_drift_looks_total //p' drift.prom 2>/dev/null || true; }
looked() { (($(looks || echo 0) >= $1)); }
more_looks() { # N
  local now; now=$(looks)
  until_true $(($1 * 30)) "$1 more looks" looked $((now + $1))
}

# line FILTER: the last line that jq selects
line() { jq -c "select(.change | $1)" lines.json | tail -n 1; }
silent() { line ".silent == \"$1\" and .kind != \"recovered\""; }
told() { [[ -n $(silent "$1") ]]; }
silent_of() { line ".silent == \"$1\" and .kind != \"recovered\" and .id.target == \"$2\""; } # what several targets have is a line for each
told_of() { [[ -n $(silent_of "$1" "$2") ]]; }
is_over() { [[ -n $(line ".silent == \"$1\" and .kind == \"recovered\"") ]]; }

# named SILENT TARGET BEGAN: told by a look that began within an interval (and its jitter, and one look) of the change
named() {
  local one at began=$3
  until_true 60 "the line for $1 on $2" told_of "$1" "$2"
  one=$(silent_of "$1" "$2")
  at=$(date -d "$(jq -r .at <<<"$one")" +%s)
  ((at - began <= DRIFT_EVERY + 1 + SLOWEST)) || fail "$1 was told by a look that began $((at - began)) s after it"
  echo "$1: $((at - began)) s after it"
}

# quiet SECONDS: nothing is done meanwhile; memory (KiB) and descriptors of the second half are not above those of the first,
# its first tenth aside. 4 MiB the allocator may keep.
quiet() {
  local until=$((SECONDS + $1)) tenth=$((SECONDS + $1 / 10)) half=$((SECONDS + $1 / 2)) memory fds part
  local -A most=([memory.first]=0 [memory.second]=0 [fds.first]=0 [fds.second]=0)
  while ((SECONDS < until)); do
    sleep 2
    ((SECONDS >= tenth)) || continue
    ((SECONDS < half)) && part=first || part=second
    memory=$(awk '/^VmRSS/ { print $2 }' /proc/$watch_pid/status); fds=$(ls /proc/$watch_pid/fd | wc -l)
    ((memory <= ${most[memory.$part]})) || most[memory.$part]=$memory
    ((fds <= ${most[fds.$part]})) || most[fds.$part]=$fds
  done
  echo "$(looks) looks in $1 s; memory ${most[memory.first]} and ${most[memory.second]} KiB, descriptors ${most[fds.first]} and ${most[fds.second]} in the two halves"
  ((most[memory.second] <= most[memory.first] + 4096)) || fail 'the memory grows'
  ((most[fds.second] <= most[fds.first] + 1)) || fail 'the number of descriptors grows'
}

drift_case() {
  local template first n=${OMEGA_LAB_DRIFT_SECONDS:-60} began t
  up_unit unit0
  site_for . ssh cloud unit0
  OMEGA_WITHIN=500 exits 0 omega apply graft --yes
  # Magnum makes no template for a driver that it does not have, so the cloud's own conductor is grafted too
  template=$(in_capi_mgmt make_template omega-drift)
  trap 'kill -KILL ${watch_pid:-} 2>/dev/null || true; remove_templates' EXIT

  # the first look is the baseline; the lab lacks three of the controllers (questions), which fails
  t=$(now_ms)
  exits 3 drift --output json
  SLOWEST=$((($(now_ms) - t) / 1000 + 2))
  jq -e '.recorded and .looked > 30' out >/dev/null
  same 'what fails at first' 'cert-manager cluster-api-janitor-openstack openstack-resource-controller' "$(jq -r '[.differences[] | select(.kind == "fails") | .subject.name] | sort | join(" ")' out)"
  same 'what else differs at first' '' "$(jq -r '[.differences[] | select(.kind != "fails") | .id.key] | join(" ")' out)"
  exits 3 drift --skip graft
  exits 0 drift --skip constellation
  grep -q 'nothing differs' out
  # Juju is not there: unknown, and never good
  exits 1 omega drift --skip constellation
  grep -q '^  ?' out

  # healthy: nothing is reported, and nothing is written
  snapshot unit0 >before; rules >rules.before; cloud_objects >objects.before
  watch_drift
  quiet "$n"
  same 'lines on a healthy lab' '' "$(cat lines.json)"
  snapshot unit0 >after; same_file 'what watching left' before after
  rules >rules.after; same_file rules rules.before rules.after
  cloud_objects >objects.after; same_file 'the cloud' objects.before objects.after
  looked 5 || fail "only $(looks) looks in $n s"
  [[ $(curl -sf "http://$DRIFT_LISTEN/healthz") = ok ]]
  curl -sfD head "http://$DRIFT_LISTEN/metrics" >metrics
  grep -qi '^content-type: text/plain; version=0.0.4; charset=utf-8' head
  grep -q '^omega_drift_differences{kind="unknown"} 0$' metrics
  same 'mode of the metrics' 644 "$(stat -c %a drift.prom)"
  exits 6 drift

  # a hook rewrites /etc/default/magnum-conductor, and the conductor goes on
  at unit0 cp -p /etc/default/magnum-conductor /root/defaults
  began=$(date +%s)
  at unit0 sh -c "printf '%s\n' '# Written by a hook; changes are lost.' 'DAEMON_ARGS=\"\$DAEMON_ARGS --debug\"' >/etc/default/magnum-conductor"
  named defaults-rewritten magnum/1 "$began"
  silent defaults-rewritten | jq -e '.change.kind == "pending" and (.change.since.machine | map(.fact) | index("modified"))' >/dev/null
  at unit0 mv /root/defaults /etc/default/magnum-conductor
  until_true 60 'it is over' is_over defaults-rewritten

  # the driver is installed again by pip, and nobody restarts the daemon
  began=$(date +%s)
  at unit0 sh -c 'PIP_ROOT_USER_ACTION=ignore python3 -m pip install -q --no-index --no-deps --force-reinstall --break-system-packages \
    /opt/wheels/magnum_capi_helm-1.4.0-py3-none-any.whl'
  SLOWEST=$((SLOWEST + 20)) named driver-not-restarted magnum/1 "$began"      # pip takes its time
  at unit0 systemctl restart magnum-conductor
  until_true 60 'it is over' is_over driver-not-restarted

  # a template is switched by the standard client
  began=$(date +%s)
  coe_template update omega-drift --network-driver flannel
  SLOWEST=$((SLOWEST + 20)) named template-network Magnum "$began"
  until_true 30 'the rule' test -n "$(line '.id.key == "template-without-cni"')"
  coe_template update omega-drift --network-driver calico
  until_true 60 'it is over' is_over template-network

  # the daemon dies, and systemd starts it again and again
  began=$(date +%s)
  at unit0 sh -c 'kill -KILL $(systemctl show magnum-conductor -p MainPID --value)'
  named keeps-restarting magnum/1 "$began"
  at unit0 sh -c 'sleep 3; kill -KILL $(systemctl show magnum-conductor -p MainPID --value)'
  until_true 60 'the rule that it stays up' test_line '.id.key == "daemon-steady" and .kind == "fails"'
  at unit0 systemctl restart magnum-conductor
  until_true 90 'it is over' test_line '.id.key == "daemon-steady" and .kind == "recovered"'

  # two at once
  at unit0 cp -p /etc/default/magnum-conductor /root/defaults
  began=$(date +%s)
  at unit0 sh -c 'echo "# another" >>/etc/default/magnum-conductor; chmod 600 /etc/magnum/magnum.conf.d/00-capi-helm.conf'
  until_true 60 'the file' test_line '.id.key == "/etc/default/magnum-conductor" and .kind != "recovered" and .since.before > "'"$(date -u -d "@$began" +%FT%TZ)"'"'
  until_true 60 'the mode' test_line '.id.key == "/etc/magnum/magnum.conf.d/00-capi-helm.conf" and .kind == "pending"'
  at unit0 sh -c 'mv /root/defaults /etc/default/magnum-conductor; chmod 644 /etc/magnum/magnum.conf.d/00-capi-helm.conf'
  until_true 60 'it is over' test_line '.id.key == "/etc/magnum/magnum.conf.d/00-capi-helm.conf" and .kind == "recovered"'

  # a unit that does not answer is unknown, and its baseline stays
  at unit0 systemctl stop ssh.socket ssh.service
  until_true 120 'unknown' test_line '.kind == "unknown" and .id.target == "magnum/1"'
  at unit0 systemctl start ssh
  until_true 120 'it is known again' test_line '.kind == "recovered" and .id.target == "magnum/1" and (.summary | contains("readable again"))'
  more_looks 1
  grep -q '^omega_drift_differences{kind="unknown"} 0$' drift.prom
  end_watch TERM 143
  jq -e . lines.json >/dev/null || fail 'a line is not whole'

  # a certificate comes near its end while somebody watches: it is looked at against the clock
  first=$(date -d "$(openssl x509 -enddate -noout <<<"$(sed -n 's/.*client-certificate-data: \([A-Za-z0-9+/=]*\).*/\1/p' mgmt.kubeconfig | base64 -d)" | cut -d= -f2)" +%s)
  began=$(($(date +%s) + 45))
  watch_drift --expires-within $((first - began))s
  ! told credential-expires || fail 'it was told too early'
  SLOWEST=$((SLOWEST + 2)) named credential-expires magnum/0 "$began"
  end_watch INT 130

  # killed while it writes its baseline: the old one or the new one is there
  for t in 1 2 3 4 5 6; do
    watch_drift
    sleep "0.$t"
    kill -KILL $watch_pid; wait $watch_pid || true
    exits 0 drift --skip constellation
  done

  # what omega does itself is named with its run, once
  at unit0 sh -c "printf '%s\n' '# Written by a hook; changes are lost.' >/etc/default/magnum-conductor"
  exits 2 drift --skip constellation
  exits 0 omega apply graft --yes
  exits 2 drift --skip constellation
  grep -q 'changed by run' out || fail 'the run is not named'
  exits 0 drift --skip constellation
}
test_line() { [[ -n $(line "$1") ]]; }
