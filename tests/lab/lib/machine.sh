# Machines: systemd-nspawn on overlays. State lives in a tmpfs and goes with the machine.
NSPAWN=(systemd-nspawn -q --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off)

# nspawn -b insists on a real /run/systemd, which a host with another init lacks.
host_ready() {
  mkdir -p /run/systemd
  mountpoint -q /run/systemd || { mount -t tmpfs -o mode=755 tmpfs /run/systemd; touch /run/systemd/omega-lab; }
}
host_as_before() { # fails, and is left, while another lab's machines use it
  [[ ! -e /run/systemd/omega-lab ]] || umount /run/systemd 2>/dev/null || true
}

root_of() { echo "$RUN/$1/root"; }
machine_pid() { cat "$LAB/$1.init.pid"; }
running() {
  local pid
  pid=$(cat "$LAB/$1.nspawn.pid" 2>/dev/null) &&
    grep -zqxF -- "$1" "/proc/$pid/cmdline" 2>/dev/null && grep -zqxF -- -M "/proc/$pid/cmdline"
}

# stage_machine NAME LAYER: a writable view of the layer at root_of NAME
stage_machine() {
  local d=$RUN/$1
  mkdir -p "$d"
  mountpoint -q "$d" || mount -t tmpfs -o "size=${MACHINE_SIZE:-512M},mode=755" tmpfs "$d"
  mkdir -p "$d/up" "$d/work" "$d/root"
  mountpoint -q "$d/root" ||
    mount -t overlay overlay -o "lowerdir=$(lowers "$2"),upperdir=$d/up,workdir=$d/work" "$d/root"
}

# boot NAME [nspawn arguments]: returns when its system bus listens
boot() {
  local name=$1 nspawn pid='' i; shift
  host_ready
  setsid "${NSPAWN[@]}" -b -D "$(root_of "$name")" -M "$name" --console=passive "$@" \
    >"$LOGS/$name.console" 2>&1 </dev/null 9>&- &
  nspawn=$!
  disown
  echo $nspawn >"$LAB/$name.nspawn.pid"
  for ((i = 0; i < 400; i++)); do
    pid=$(pgrep -P "$nspawn" || true)
    [[ -n $pid && -S /proc/$pid/root/run/dbus/system_bus_socket ]] && break
    kill -0 "$nspawn" 2>/dev/null || { cat "$LOGS/$name.console" >&2; return 1; }
    sleep 0.05
  done
  [[ -n $pid ]] || { cat "$LOGS/$name.console" >&2; return 1; }
  echo "$pid" >"$LAB/$name.init.pid"
}

# at NAME CMD...: as root in the machine, stdin and exit status kept
at() {
  local name=$1; shift
  nsenter -t "$(machine_pid "$name")" -m -u -i -n -p -C -r -w -- \
    /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# in_root ROOT CMD...: in a tree that is not booted, with the host's network
in_root() {
  local root=$1; shift
  "${NSPAWN[@]}" -D "$root" --pipe -E DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

# end_machine NAME [gently]: gently is an orderly poweroff, for a state that is kept
end_machine() {
  local name=$1 i
  if running "$name"; then
    if [[ ${2:-} = gently ]]; then
      kill -s RTMIN+4 "$(machine_pid "$name")" 2>/dev/null || true
      for ((i = 0; i < 300; i++)); do running "$name" || break; sleep 0.1; done
    else
      kill -KILL "$(machine_pid "$name")" 2>/dev/null || true
      for ((i = 0; i < 50; i++)); do running "$name" || break; sleep 0.1; done
    fi
    if running "$name"; then kill -KILL "$(cat "$LAB/$name.nspawn.pid")"; sleep 0.2; fi
  fi
  rm -f "$LAB/$name".{nspawn,init}.pid
  unstage_machine "$name"
}
unstage_machine() {
  local d=$RUN/$1
  if mountpoint -q "$d/root"; then umount "$d/root" || umount -l "$d/root"; fi
  if mountpoint -q "$d"; then umount "$d" || umount -l "$d"; fi
  rm -rf "${d:?}"
}

# allow_ssh NAME ADDRESS: the user ubuntu with our key, sshd on ADDRESS:2222 alone, host keys of its own
allow_ssh() {
  local root type; root=$(root_of "$1")
  install -d -m 700 -o 1000 -g 1000 "$root/home/ubuntu/.ssh"
  install -m 600 -o 1000 -g 1000 "$KEY.pub" "$root/home/ubuntu/.ssh/authorized_keys"
  printf 'ListenAddress %s\nPort 2222\nUseDNS no\nMaxStartups 100\n' "$2" >"$root/etc/ssh/sshd_config.d/lab.conf"
  rm -f "$root"/etc/ssh/ssh_host_*
  for type in ed25519 ecdsa; do
    ssh-keygen -q -t $type -N '' -C "$1" -f "$root/etc/ssh/ssh_host_${type}_key"
  done
}
# host_keys NAME ADDRESS: known_hosts lines
host_keys() {
  local f; for f in "$(root_of "$1")"/etc/ssh/ssh_host_*_key.pub; do printf '[%s]:2222 %s\n' "$2" "$(cut -d' ' -f1,2 "$f")"; done
}
on() { # ADDRESS CMD...: as the operator would, by ssh
  local address=$1; shift
  ssh -q -i "$KEY" -p 2222 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=3 "ubuntu@$address" "$@"
}
