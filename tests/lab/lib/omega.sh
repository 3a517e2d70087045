# omega-cli as an operator runs it: a home of its own, a site file, nothing else in the environment.

# build_omega: the workspace's programs and live tests; their paths in $RUN/built
build_omega() {
  local t=$SECONDS
  say 'cargo build'
  "$REPO/tests/programs" >"$RUN/built" 2>"$LOGS/cargo.log" || { tail -n 40 "$LOGS/cargo.log" >&2; die 'omega does not build'; }
  say "cargo build: $((SECONDS - t)) s"
}
built() { awk -v k="$1" -v n="$2" '$1 == k && $2 == n {print $3; f = 1; exit} END {exit !f}' "$RUN/built" || die "cargo built no $1 $2"; }

# site_for DIR CHANNEL UNIT...: an operator's directory with omega.toml and all that it names
site_for() {
  local dir=$1 channel=$2 u; shift 2
  mkdir -p "$dir/home"
  write_credentials "$dir"
  install -m 600 "$RUN/mgmt.kubeconfig" "$dir/mgmt.kubeconfig"
  install -m 600 "$KEY" "$dir/key"
  for u in "$@"; do host_keys "$u" "$(address_of "$u")"; done >"$dir/known_hosts"
  {
    sed -e "s|@WHEEL@|$LAB/wheels/magnum_capi_helm-1.4.0-py3-none-any.whl|" -e "s|@HELM@|$LAB/bin/helm|" \
      -e "s|@WHEEL_SHA256@|$(sha_of "$LAB/wheels/magnum_capi_helm-1.4.0-py3-none-any.whl")|" \
      -e "s|@HELM_SHA256@|$(sha_of "$LAB/bin/helm")|" \
      -e "s|@SOURCES@|$(for u in "$@"; do printf '"%s/32", ' "$(address_of "$u")"; done)|" "$HERE/omega.toml.in"
    if [[ $channel = ssh ]]; then
      printf '\n[ssh]\nuser = "ubuntu"\nidentity = ["key"]\nknown_hosts = ["known_hosts"]\n'
      local n=0; for u in "$@"; do
        printf '\n[[conductor.unit]]\nname = "magnum/%d"\nssh = "ubuntu@%s:2222"\n' $n "$(address_of "$u")"; n=$((n + 1))
      done
    else
      juju_stand_in "$dir" "$@"
      printf '\n[conductor]\napplication = "magnum"\n\n[juju]\nmodel = "openstack"\nprogram = "%s"\n' "$(realpath "$dir")/bin/juju"
    fi
  } >"$dir/omega.toml"
}
sha_of() { sha256sum "$1" | cut -d' ' -f1; }

# juju_stand_in DIR UNIT...: a program DIR/bin/juju that reaches these units as magnum/0, magnum/1 ... It is a stand-in
# (tests/src/bin/juju): juju's documented behaviour in front of real machines. Each call is a line in DIR/juju.log.
juju_stand_in() {
  local dir u n=0 units=; dir=$(realpath "$1"); shift
  mkdir -p "$dir/bin"
  for u in "$@"; do
    units+="${units:+, }\"magnum/$n\": {\"ssh\": {\"host\": \"$(address_of "$u")\", \"port\": 2222, \"key\": \"$KEY\", \"known_hosts\": \"$dir/known_hosts\", \"init\": \"$LAB/$u.init.pid\"}}"
    n=$((n + 1))
  done
  for u in "$@"; do address_of "$u"; done | xargs python3 "$HERE/juju_status.py" "$REPO/crates/omega-juju/recordings/juju-status-3.4.2.json" >"$dir/status.json"
  cat >"$dir/juju.json" <<J
{"units": {$units}, "leaders": {"magnum": "magnum/0"}, "model": "openstack", "status": "$dir/status.json",
 "delay_ms": ${JUJU_DELAY_MS:-0}, "log": "$dir/juju.log"}
J
  printf '#!/bin/sh\nOMEGA_JUJU_STANDIN=%s exec %s "$@"\n' "$dir/juju.json" "$(built bin juju)" >"$dir/bin/juju"
  chmod 755 "$dir/bin/juju"
}

# omega ARGS...: in the current directory (a site's); output to out and err there, and to the log
omega() {
  local rc=0 begin; begin=$(now_ms)
  env -i PATH=/usr/bin:/bin HOME="$PWD/home" NO_COLOR=1 OS_CLIENT_CONFIG_FILE="$PWD/clouds.yaml" \
    ${OMEGA_ENV[@]+"${OMEGA_ENV[@]}"} timeout -k 5 "${OMEGA_WITHIN:-180}" "$(built bin omega-cli)" "$@" >out 2>err </dev/null || rc=$?
  printf '$ omega-cli %s    [exit %d, %d ms]\n' "$*" $rc $(($(now_ms) - begin))
  cat out; sed 's/^/  | /' err
  return $rc
}
# exits CODE CMD...: it ends with that code and no other
exits() {
  local want=$1 rc=0; shift
  "$@" || rc=$?
  [[ $rc = "$want" ]] || fail "exit $rc instead of $want: $*"
}
