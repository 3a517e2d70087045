# The contract tests of the simulators, on the real services: whatever tests/tests/*.rs ignores.
define contract 1500 contract

contract() {
  local kind name program channel total u OMEGA_UNITS=
  # two as Debian ships them, one with an old pip, one whose disk is full
  # Magnum makes no template for a driver that it does not have
  mkdir -p site; site_for site ssh cloud; (cd site; OMEGA_WITHIN=400 exits 0 omega apply graft --yes)
  up_unit unit0; up_unit unit1; up_unit unit2 jammy; up_unit unit3; fill_disk unit3
  for u in unit0 unit1 unit2 unit3; do host_keys $u "$(address_of $u)"; OMEGA_UNITS+=" $(address_of $u)"; done >known_hosts
  live_environment "$PWD"
  export OMEGA_UNITS RUST_BACKTRACE=0
  bare_workload
  # The channel asks units alone, each of its tests another one, and takes as long as all others: beside them.
  THREADS=2 live_tests channel_lab "$(built test channel_lab)" >channel.log 2>&1 & channel=$!
  while read -r kind name program; do
    [[ $kind = test && $name != channel_lab && -e $REPO/tests/tests/$name.rs ]] || continue
    live_tests "$name" "$program"
  done <"$RUN/built"
  wait $channel || { cat channel.log; fail 'the channel breaks its contract'; }
  cat channel.log
  total=$(awk '{n += $1} END {print n + 0}' ./*.ran)
  for u in "$K"/workload/contract/*.pid; do end_daemon "$u"; done; rm -rf "$K/workload/contract"
  ((total > 0)) || fail 'no live test ran'
  echo "$total live tests"
}

# live_tests NAME PROGRAM: runs what needs the lab; NAME.ran is how many passed
live_tests() {
  grep -q ': test$' <<<"$("$2" --list --ignored 2>/dev/null)" || return 0
  echo "== $1"
  # what needs a cluster or a server is run by the case that has one
  (cd "$REPO/tests"; "$2" --ignored --skip of_one_ --test-threads="${THREADS:-1}" --nocapture) 2>&1 | tee "$1.out"
  sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$1.out" >"$1.ran"
}

# A kube-apiserver with what a workload cluster holds, and nothing else; its kubeconfig is where Cluster API keeps it.
bare_workload() {
  local d=$K/workload/contract make=$REPO/crates/omega-capi/recordings/workload/make.py
  mkdir -p "$d"
  (RUN=$d K=$d KUBE=127.77.2.9; make_kube_secrets; start_apiserver)
  KUBECONFIG=$d/mgmt.kubeconfig "$LAB/osc/bin/python" "$make"
  export OMEGA_LAB_WORKLOAD_ILL="KUBECONFIG='$d/mgmt.kubeconfig' '$LAB/osc/bin/python' '$make' ill"
  export KUBECONFIG=$RUN/mgmt.kubeconfig
  kubectl create namespace omega-contract-workload --dry-run=client -o yaml | kubectl apply -f - >/dev/null
  kubectl -n omega-contract-workload create secret generic c1-kubeconfig --from-file=value="$d/mgmt.kubeconfig" \
    --dry-run=client -o yaml | kubectl apply -f - >/dev/null
}
