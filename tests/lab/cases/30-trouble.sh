# Several units, and what goes wrong.
define three-units    800 three_units
define wrong-host-key 180  wrong_host_key
define unit-down      180  unit_down
define locked         400 locked
define killed         400 killed
define stale-plan     400 stale_plan
define forbidden      180  forbidden
define api-down       180  api_down
define terminal       60  terminal
define ssh-keys       120 ssh_keys

three_units() { # the second unit's disk is full: no unit is changed. Its service does not start again: stop there
  local u process broken=/etc/systemd/system/magnum-conductor.service.d/broken.conf
  up_unit unit0; up_unit unit1; up_unit unit2 jammy
  start_at unit2 graft-130
  site_for . ssh unit0 unit1 unit2
  fill_disk unit1
  for u in unit0 unit1 unit2; do snapshot $u >$u.before; done
  exits 4 omega apply graft --yes
  cat out err | grep -i 'no space'
  same 'what is in the way on unit1' '' "$(at unit1 sh -c 'ls /etc/magnum/kubeconfig /etc/magnum/.*kubeconfig* 2>/dev/null')"
  for u in unit0 unit1 unit2; do snapshot $u >$u.after; same_file $u $u.before $u.after; done
  at unit1 rm /etc/magnum/filler

  at unit1 sh -c "mkdir -p $(dirname $broken); printf '[Service]\nExecStartPre=/bin/false\n' >$broken; systemctl daemon-reload"
  exits 7 omega apply graft --yes
  grafted unit0
  snapshot unit2 >unit2.after; same_file unit2 unit2.before unit2.after
  at unit1 sh -c "rm $broken; systemctl daemon-reload"
  process=$(process_of unit0)
  exits 0 omega apply graft --yes
  same 'the process on unit0' "$process" "$(process_of unit0)"
  for u in unit0 unit1 unit2; do grafted $u; done
  exits 0 omega verify graft
}

untouched() { # CODE UNIT CMD...: ends so, and the unit is as before
  local code=$1 unit=$2; shift 2
  snapshot "$unit" >before; rules >rules.before
  exits "$code" "$@"
  snapshot "$unit" >after; same_file "$unit" before after
  rules >rules.after; same_file rules rules.before rules.after
}

wrong_host_key() {
  up_unit unit0
  site_for . ssh unit0
  cp known_hosts good
  ssh-keygen -q -t ed25519 -N '' -f other
  printf '[127.77.1.10]:2222 %s\n' "$(cut -d' ' -f1,2 other.pub)" >known_hosts
  untouched 1 unit0 omega apply graft --yes; grep -i 'host key' err
  { sed 's/^/@revoked /' good; cat good; } >known_hosts
  untouched 1 unit0 omega apply graft --yes; grep -i 'revoked' err
  cp good known_hosts
  exits 2 omega plan graft
}

unit_down() {
  up_unit unit0
  site_for . ssh unit0
  end_machine unit0
  rules >rules.before
  OMEGA_WITHIN=60 exits 1 omega apply graft --yes; grep -F magnum/0 err
  rules >rules.after; same_file rules rules.before rules.after
}

# background CMD...: omega in the background, its pid in $omega_pid
background() {
  env -i PATH=/usr/bin:/bin HOME="$PWD/home" OS_CLIENT_CONFIG_FILE="$PWD/clouds.yaml" "$(built bin omega-cli)" "$@" >first.out 2>first.err </dev/null &
  omega_pid=$!
}

locked() {
  up_unit unit0
  site_for . ssh unit0
  background apply graft --yes
  until_true 60 'the first write' at unit0 test -e /etc/magnum/kubeconfig
  kill -STOP $omega_pid
  (exits 6 omega apply graft --yes) || { kill -KILL $omega_pid; fail 'the lock'; }
  kill -CONT $omega_pid
  local rc=0; wait $omega_pid || rc=$?
  cat first.out first.err; same 'exit of the first' 0 $rc
  grafted unit0
}

killed() { # at three points of a run; each time the next run converges
  local mark
  for mark in /etc/magnum/kubeconfig /usr/local/lib/python3.11/dist-packages/magnum_capi_helm /etc/default/magnum-conductor; do
    up_unit unit0
    rm -rf site; mkdir site; cd site
    site_for . ssh unit0
    background apply graft --yes
    until_true 90 "$mark" at unit0 test -e "$mark"
    kill -KILL $omega_pid; wait $omega_pid || true
    exits 0 omega apply graft --yes
    grafted unit0
    exits 0 omega verify graft
    cd ..
  done
}

stale_plan() {
  up_unit unit0
  site_for . ssh unit0
  exits 2 omega plan graft --out graft.plan
  at unit0 sh -c 'mkdir -p /etc/magnum/magnum.conf.d; echo "[capi_helm]" >/etc/magnum/magnum.conf.d/00-capi-helm.conf'
  untouched 5 unit0 omega apply graft --from graft.plan
  exits 2 omega plan graft --out graft.plan
  exits 0 omega apply graft --from graft.plan
  grafted unit0
}

forbidden() { # a plain member of the project
  up_unit unit0
  site_for . ssh unit0
  sed -i 's/^name = "lab"/name = "member"/' omega.toml
  untouched 1 unit0 omega apply graft --yes
  grep -E '403|[Ff]orbidden|not authorized|policy' err
}

api_down() {
  up_unit unit0
  site_for . ssh unit0
  at cloud systemctl stop haproxy
  local rc=0; (untouched 1 unit0 omega apply graft --yes) || rc=$?
  at cloud systemctl start haproxy
  same rc 0 $rc
  until_true 20 haproxy curl -sf -o /dev/null --cacert "$RUN/tls/ca.crt" https://$CLOUD:15000/v3
  exits 2 omega plan graft
}

terminal() { # colours and a spinner, on 80 columns
  local rc=0 cli; cli=$(built bin omega-cli)
  env -u NO_COLOR TERM=xterm COLUMNS=80 script -qec "$cli explain D-042" explained >/dev/null || rc=$?
  same 'exit of explain' 0 $rc
  env -u NO_COLOR TERM=xterm COLUMNS=80 script -qec "$cli rehearse graft --start superseded" typescript >/dev/null || rc=$?
  same 'exit of rehearse' 0 $rc
  grep -q $'\e\\[3[0-9]m' typescript
  # an identifier or a line of a file may be longer; the spinner is cut by the terminal
  python3 - <<'P'
import re
for line in open("typescript", encoding="utf-8", newline=""):
    if line.startswith("Script "):
        continue
    for part in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip("\r\n").split("\r"):
        if len(part) > 80 and len(part.split()) > 2 and not re.match(r"\s*[+\u2800-\u28ff-]", part):
            raise SystemExit("longer than 80 columns: %r" % part)
P
}

ssh_keys() { # kinds of keys, and an agent's
  local kind
  up_unit unit0
  site_for . ssh unit0
  for kind in rsa ecdsa; do
    ssh-keygen -q -t $kind -N '' -f key-$kind
    at unit0 sh -c 'cat >>/home/ubuntu/.ssh/authorized_keys' <key-$kind.pub
    sed "s/^identity = .*/identity = [\"key-$kind\"]/" omega.toml >$kind.toml
    exits 0 omega check reach --site $kind.toml
  done
  sed '/^identity/d' omega.toml >agent.toml
  eval "$(ssh-agent -a "$PWD/agent")" >/dev/null
  # the agent is this case's own
  trap 'kill $SSH_AGENT_PID' EXIT
  OMEGA_ENV=(SSH_AUTH_SOCK="$PWD/agent")
  ssh-add -q key-rsa
  exits 0 omega check reach --site agent.toml
  ssh-add -q -D
  exits 1 omega check reach --site agent.toml
  grep -q 'refused the credentials' out
}
