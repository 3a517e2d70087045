# The contract tests of the simulators, on the real services: whatever tests/tests/*.rs ignores, or has in a module `live`.
define contract 900 contract

contract() {
  local kind name program more ran total=0 u OMEGA_UNITS=
  # two as Debian ships them, one with an old pip, one whose disk is full
  # Magnum makes no template for a driver that it does not have
  mkdir -p site; site_for site ssh cloud; (cd site; OMEGA_WITHIN=400 exits 0 omega apply graft)
  up_unit unit0; up_unit unit1; up_unit unit2 jammy; up_unit unit3; fill_disk unit3
  for u in unit0 unit1 unit2 unit3; do host_keys $u "$(address_of $u)"; OMEGA_UNITS+=" $(address_of $u)"; done >known_hosts
  live_environment "$PWD"
  export OMEGA_UNITS RUST_BACKTRACE=0
  while read -r kind name program; do
    [[ $kind = test ]] || continue
    for more in '--ignored' 'live::'; do
      grep -q ': test$' <<<"$("$program" --list $more 2>/dev/null)" || continue
      echo "== $name $more"
      (cd "$REPO/tests"; "$program" $more --test-threads=1 --nocapture) 2>&1 | tee "$name.out"
      ran=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$name.out")
      total=$((total + ran))
    done
  done <"$RUN/built"
  ((total > 0)) || fail 'no live test ran'
  echo "$total live tests"
}
