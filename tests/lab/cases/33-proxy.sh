# Commands through a TCP proxy that breaks one exchange (proxy.py): each fault at each K-th exchange. OMEGA_LAB_PROXY_EVERY: K (4).
define proxy $((600 + 8000 / ${OMEGA_LAB_PROXY_EVERY:-4})) proxy_case

FAULTS=(reset-before reset-after cut garbled hang hang-after refused)

proxy_case() {
  local every=${OMEGA_LAB_PROXY_EVERY:-4} tried=0 done=0 refused=0 missed=0
  up_unit unit0
  no_rules_left
  site_for . ssh unit0
  { cat omega.toml; printf '\n[timeouts]\nconnect = "3s"\nask = "6s"\nact = "20s"\n'; } >proxied.toml
  trap 'kill ${PROXY:-} ${NS:-} 2>/dev/null || true' EXIT
  unshare --net sleep infinity & NS=$!
  until_true 10 'the namespace' own_namespace
  nsenter -t $NS -n ip link set lo up
  mapfile -t PLACES < <(ss -Hltn | awk '{print $4}' | grep '^127\.77\.' | sort -u)

  snapshot unit0 >before; rules >rules.before
  broken_at_each ensure-sg-rule absent
  broken_at_each place-kubeconfig back
  exits 0 omega apply graft --yes; grafted unit0
  broken_at_each 'verify graft' ''
  echo "$tried cases: $done done, $refused refused; $missed not reached"
  ((done > refused / 4)) || fail 'too little is done in spite of a fault'
}
own_namespace() { [[ $(readlink /proc/$NS/ns/net) != "$(readlink /proc/self/ns/net)" ]]; }

# through FAULT AT CMD...: the exit code is RC, the number of exchanges EXCHANGES, the seconds TOOK
through() {
  local fault=$1 at=$2 began; shift 2
  rm -f proxy.out
  python3 "$HERE/proxy.py" $NS "$fault" "$at" "${PLACES[@]}" >proxy.out & PROXY=$!
  until_true 10 'the proxy' grep -qs ready proxy.out
  RC=0; rm -rf home/.cache; began=$(now_ms)
  nsenter -t $NS -n env -i PATH=/usr/bin:/bin HOME="$PWD/home" NO_COLOR=1 OS_CLIENT_CONFIG_FILE="$PWD/clouds.yaml" \
    timeout -k 5 180 "$(built bin omega-cli)" "$@" --site proxied.toml >out 2>err </dev/null || RC=$?
  TOOK=$((($(now_ms) - began) / 1000))
  kill $PROXY; wait $PROXY || true; PROXY=
  EXCHANGES=$(tail -n 1 proxy.out)
  printf '$ omega-cli %s    [%s at %d of %s: exit %d, %d s]\n' "$*" "$fault" "$at" "$EXCHANGES" $RC $TOOK
}

state() { rules; snapshot unit0; }

# broken_at_each CMD UNDO: what a fault leaves is what omega says of it, and the same command converges
broken_at_each() {
  local undo=$2 all fault at cmd=()
  read -ra cmd <<<"$1"; [[ $1 = verify* ]] || cmd+=(--yes)
  state >start
  through none 0 "${cmd[@]}"; same "$1 without a fault" 0 $RC; all=$EXCHANGES
  state >whole; undone "$undo"
  for fault in "${FAULTS[@]}"; do
    for ((at = 1 + RANDOM % every; at <= all; at += every)); do
      through "$fault" $at "${cmd[@]}"
      state >now
      if ((EXCHANGES < at)); then
        missed=$((missed + 1))
      elif ((tried += 1, RC == 0)); then
        done=$((done + 1)); same_file "$1 is done" whole now
      else
        refused=$((refused + 1)); honest
      fi
      ((TOOK < 60)) || fail "it took $TOOK s"
      exits 0 omega "${cmd[@]}"
      state >now; same_file "$1 again" whole now
      undone "$undo"
    done
  done
}

# The error says what to do next, and "nothing" only if nothing was changed.
honest() {
  cat err
  [[ $RC = [1-7] || $RC = 124 ]] || fail "exit $RC"
  grep -q '^  next' err || fail 'the error says nothing of what to do next'
  ! grep -qE '^  changed +nothing' err || same_file 'it changed nothing, it says' start now
}

undone() {
  case $1 in
    absent) exits 0 omega ensure-sg-rule --absent --yes; rm -rf home/.local/state ;;
    back) back ;;
  esac
  state >now; same_file 'back' start now
}
