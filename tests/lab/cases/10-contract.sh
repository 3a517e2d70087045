# The contract tests of the simulators, on the real services: module `live` of tests/tests/*.rs.
define contract 300 contract

contract() {
  local kind name program ran total=0
  up_unit unit0
  host_keys unit0 "$(address_of unit0)" >known_hosts
  live_environment "$PWD"
  while read -r kind name program; do
    [[ $kind = test ]] || continue
    "$program" --list --ignored 2>/dev/null | grep -q 'live' || "$program" --list 2>/dev/null | grep -q 'live' || continue
    echo "== $name"
    (cd "$REPO/tests"; "$program" live --include-ignored --test-threads=1 --nocapture) | tee "$name.out"
    ran=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$name.out")
    total=$((total + ran))
  done <"$RUN/built"
  ((total > 0)) || fail 'no live test ran'
  echo "$total live tests"
}
