# Settings, words, processes. Sourced by everything else; bash.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO=$(cd "$HERE/../.." && pwd)
LAB=${OMEGA_LAB:-/var/tmp/omega-lab}     # everything built, everything running; never the checkout
RUN=$LAB/run
LOGS=$LAB/log
CLOUD=127.77.0.1                         # the cloud, sshd on 2222
KUBE=127.77.2.1                          # the management cluster; workload clusters take 127.77.3.10 and up
KUBE_FLOATING=127.77.2.40                # nobody listens there; the API server's certificate covers it
K=$RUN/kube
KEY=$LAB/key                             # the operator's ssh key, made once
export OMEGA_LAB=$LAB                    # also the mark that every process of the lab carries
PATH=$LAB/bin:$PATH:/usr/local/go/bin
[[ -d ${HOME:-/root}/.cargo/bin ]] && PATH=$PATH:${HOME:-/root}/.cargo/bin
export PATH
mkdir -p "$RUN" "$LOGS"

say() { printf '%(%T)T %s\n' -1 "$*" >&2; }
die() { printf 'lab: %s\n' "$*" >&2; exit 1; }
now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo "${t%???}"; }

# until_true SECONDS WHAT CMD...: looks every 0.2 s, says what did not come
until_true() {
  local seconds=$1 what=$2 end; shift 2
  end=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || { say "not within $seconds s: $what"; return 1; }
    sleep 0.2
  done
}

# ours PIDFILE: prints the pid if it still is a process of this lab: its environment carries the mark
ours() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] || return 1
  grep -zqxF "OMEGA_LAB=$LAB" "/proc/$pid/environ" 2>/dev/null && echo "$pid"
}

# daemon DIR NAME CMD...: runs it in the background, pid and output in DIR/NAME.{pid,log}
daemon() {
  local dir=$1 name=$2; shift 2
  ours "$dir/$name.pid" >/dev/null && return
  setsid "$@" >>"$dir/$name.log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/$name.pid"
  disown                                 # or the shell tells of its end
}

# end_daemon PIDFILE: at once, as its state goes too
end_daemon() {
  local pid i
  pid=$(ours "$1") || { rm -f "$1"; return 0; }
  kill -KILL "$pid" 2>/dev/null || true
  # A process has no command line any more before its sockets are closed: it is over when it is gone, or a zombie.
  for ((i = 0; i < 1200; i++)); do process_lives "$pid" || break; sleep 0.05; done
  rm -f "$1"
}
# A leader can be a zombie while other threads still hold the sockets.
process_lives() {
  local state threads=("/proc/$1/task"/*)
  state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [[ -n $state ]] && { [[ $state != [ZX] ]] || ((${#threads[@]} > 1)); }
}
