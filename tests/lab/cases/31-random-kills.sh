# The graft on a real unit, killed with -9 at random moments, once or several times in a row; then the same command
# converges, and every run is rolled back. OMEGA_LAB_KILLS: how many kills (50); $LAB/random-kills counts those that passed
# with this program, so that a run that was stopped goes on: remove it to begin again.
define random-kills $((300 + 90 * ${OMEGA_LAB_KILLS:-50})) random_kills

random_kills() {
  local wanted=${OMEGA_LAB_KILLS:-50} passed=0 kept=$LAB/random-kills program whole began
  program=$(sha_of "$(built bin omega-cli)")
  ! grep -qxF "program $program" "$kept" 2>/dev/null || passed=$(grep -c '^killed ' "$kept" || true)
  ((passed)) || echo "program $program" >"$kept"
  up_unit unit0
  site_for . ssh unit0
  no_rules_left
  snapshot unit0 >before; rules >rules.before
  began=$(now_ms)
  exits 0 omega apply graft --yes
  whole=$(($(now_ms) - began))
  grafted unit0; snapshot unit0 >after
  back
  while ((passed < wanted)); do
    killed_in_a_row $((1 + RANDOM % 4)) "$whole"
    passed=$((passed + $(wc -l <kills)))
    cat kills >>"$kept"
  done
  echo "$passed kills, $passed passed"
}

# killed_in_a_row N MILLISECONDS: N runs, each killed within that time if it still runs; then the whole way and back
killed_in_a_row() {
  local n at rc; : >kills
  for ((n = 0; n < $1; n++)); do
    at=$((RANDOM * RANDOM % $2)) rc=0
    echo "to be killed after $at ms"
    background apply graft --yes
    sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"
    kill -KILL $omega_pid 2>/dev/null || true; wait $omega_pid || rc=$?
    case $rc in
      137) echo "killed after $at ms" >>kills; explained ;;
      0) ;; # it was done before
      *) cat first.err; fail "it ended by itself with $rc" ;;
    esac
    [[ -z $(find home -type f -perm /077) ]] || fail "not the owner's alone: $(find home -type f -perm /077)"
    no_secret_in home first.out first.err
  done
  exits 0 omega apply graft --yes
  grafted unit0
  snapshot unit0 >again; same_file 'after kills and a whole run' after again
  exits 0 omega verify graft
  back
}

# The run is listed as killed (or done, if it had said so), or it is not listed and has changed nothing.
explained() {
  exits 0 omega runs --output json
  if [[ $(jq '.runs | length' out) = 0 ]]; then snapshot unit0 >now; same_file 'without a run' before now; return; fi
  jq -e '.runs[0].outcome | . == "killed" or . == "done"' out
  exits 0 omega runs show latest
}
