# Twenty conductors in one process: planned, grafted some at a time, verified; one that does not answer holds up no other.
define twenty-units 2400 twenty_units

twenty_units() {
  local u all=() began alone together most
  INSTANCES=$(sysctl -n fs.inotify.max_user_instances); trap 'sysctl -qw fs.inotify.max_user_instances=$INSTANCES; kill ${WATCH:-} 2>/dev/null || true' EXIT
  sysctl -qw fs.inotify.max_user_instances=1024    # systemd of each machine needs some
  for u in {0..19}; do all+=("unit$u"); up_unit "unit$u"; done
  no_rules_left
  site_for . ssh "${all[@]}"
  exits 2 omega plan graft
  OMEGA_WITHIN=1500 exits 0 omega apply graft --yes --parallel 4
  for u in unit0 unit7 unit19; do grafted $u; done
  began=$(now_ms); exits 0 omega verify graft --unit magnum/0; alone=$(($(now_ms) - began))
  watch_connections & WATCH=$!
  began=$(now_ms); exits 0 omega verify graft; together=$(($(now_ms) - began))
  kill $WATCH; wait $WATCH || true; WATCH=
  grep -q 'hold on 20 units' out
  most=$(sort -n connections | tail -n 1)
  echo "one unit: $alone ms; twenty: $together ms; most connections at once: $most"
  ((most > 1 && most <= 20)) || fail "$most connections at once"

  # the address answers, the daemon does not
  at unit7 systemctl kill -s STOP --kill-whom=all ssh
  local rc=0; began=$(now_ms); omega verify graft --output json || rc=$?
  at unit7 systemctl kill -s CONT --kill-whom=all ssh
  ((rc != 0)) || fail 'a unit that does not answer passed'
  (($(now_ms) - began < together + 60000)) || fail 'it held up the others'
  jq -r '.done[] | select((.target | startswith("magnum/")) and all(.items[]; .outcome != "failed")) | .target' out >whole
  same 'units that are whole all the same' 19 "$(wc -l <whole)"
  ! grep -qx magnum/7 whole || fail 'the unit that does not answer passed'
  grep -q 'magnum/7' out || fail 'the unit that does not answer is not named'
}

# How many connections to the units are open, ten times a second.
watch_connections() {
  : >connections
  while sleep 0.1; do ss -Htn state established '( dport = :2222 )' | grep -c '127\.77\.1\.' >>connections || true; done
}
