# The contract tests of the simulators, on the real services: whatever tests/tests/*.rs ignores, or has in a module `live`.
define contract 900 contract

contract() {
  local kind name program more ran total=0 u OMEGA_UNITS=
  # two as Debian ships them, one with an old pip, one whose disk is full
  # Magnum makes no template for a driver that it does not have
  mkdir -p site; site_for site ssh cloud; (cd site; OMEGA_WITHIN=400 exits 0 omega apply graft --yes)
  up_unit unit0; up_unit unit1; up_unit unit2 jammy; up_unit unit3; fill_disk unit3
  for u in unit0 unit1 unit2 unit3; do host_keys $u "$(address_of $u)"; OMEGA_UNITS+=" $(address_of $u)"; done >known_hosts
  live_environment "$PWD"
  export OMEGA_UNITS RUST_BACKTRACE=0
  bare_workload
  while read -r kind name program; do
    [[ $kind = test ]] || continue
    for more in '--ignored' 'live::'; do
      grep -q ': test$' <<<"$("$program" --list $more 2>/dev/null)" || continue
      echo "== $name $more"
      # what needs a cluster or a server is run by the case that has one
      (cd "$REPO/tests"; "$program" $more --skip of_one_ --test-threads=1 --nocapture) 2>&1 | tee "$name.out"
      ran=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$name.out")
      total=$((total + ran))
    done
  done <"$RUN/built"
  for u in "$K"/workload/contract/*.pid; do end_daemon "$u"; done; rm -rf "$K/workload/contract"
  ((total > 0)) || fail 'no live test ran'
  echo "$total live tests"
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
