# The contract tests of the simulators, on the real services: whatever tests/tests/*.rs ignores, or has in a module `live`.
define contract 300 contract

contract() {
  local kind name program more ran total=0
  up_unit unit0; up_unit unit1
  { host_keys unit0 "$(address_of unit0)"; host_keys unit1 "$(address_of unit1)"; } >known_hosts
  live_environment "$PWD"
  OMEGA_UNITS="$(address_of unit0) $(address_of unit1)"; export OMEGA_UNITS
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
