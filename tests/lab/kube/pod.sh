# The container of a pod, in a mount namespace of its own (jobs.py):
#   pod.sh ROOT PROGRAM UID GID FSGROUP DIRECTORY COUNT (SOURCE PATH ro|rw)... COMMAND...
# ROOT is an empty directory. Nothing of this machine is in it but libraries, CAs and names, all read-only.
set -euo pipefail
root=$1 program=$2 uid=$3 gid=$4 group=$5 directory=$6 count=$7; shift 7
mount -t tmpfs -o mode=755 tmpfs "$root"
put() { # SOURCE PATH ro|rw
  if [[ -d $1 ]]; then mkdir -p "$root$2"; else mkdir -p "$root$(dirname "$2")"; touch "$root$2"; fi
  mount --bind "$1" "$root$2"
  [[ $3 = rw ]] || mount -o remount,bind,ro "$root$2"
}
for one in /usr /bin /lib /lib64 /etc/ssl /etc/hosts /etc/resolv.conf /etc/nsswitch.conf /etc/ld.so.cache /etc/alternatives; do
  if [[ -L $one ]] && [[ $one != /etc/* ]]; then cp -P "$one" "$root$one"
  elif [[ -e $one ]]; then put "$one" "$one" ro; fi
done
put "$program" /app/omega-cli ro
for one in null zero random urandom; do put /dev/$one /dev/$one rw; done
mkdir -p "$root/proc"; mount -t proc proc "$root/proc"
while ((count > 0)); do put "$1" "$2" "$3"; shift 3; count=$((count - 1)); done
mount -o remount,ro "$root"
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --reuid "$uid" --regid "$gid" --groups "$group" --no-new-privs --bounding-set=-all \
  --inh-caps=-all -- /bin/sh -c 'cd "$0" && exec "$@"' "$directory" "$@"
