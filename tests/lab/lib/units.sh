# Units: unit0, unit1 ... at 127.77.1.10, 127.77.1.11 ...; the cloud machine is one more, at its own address.
address_of() {
  case $1 in
    cloud) echo $CLOUD ;;
    unit[0-9] | unit[12][0-9]) echo "127.77.1.$((10 + ${1#unit}))" ;;
    *) die "no address is known for $1" ;;
  esac
}

# up_unit NAME [VARIANT [ADDRESS]]: booted anew, reachable by ssh
#   stock   Debian 12 as shipped: the interpreter is marked externally managed, pip 23.0.1
#   bare    without the mark
#   jammy   without the mark, and pip 22.0.2, which knows no --break-system-packages
up_unit() {
  local name=$1 variant=${2:-stock} address root; address=${3:-$(address_of "$1")}
  running "$name" && end_machine "$name"
  free_address "$address" 2222
  mine "$name"
  stage_machine "$name" unit
  root=$(root_of "$name")
  echo "$name" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$root/etc/hosts"
  allow_ssh "$name" "$address"
  "variant_$variant" "$root"
  boot "$name" --bind-ro="$LAB/bin/helm:/opt/helm" --bind-ro="$HERE/starts:/opt/starts"
  until_true 120 "ssh to $name" on "$address" sudo true
}
variant_stock() { :; }
variant_bare() { rm "$1"/usr/lib/python3.*/EXTERNALLY-MANAGED; }
variant_jammy() {
  variant_bare "$1"
  rm -rf "$1"/usr/lib/python3/dist-packages/pip "$1"/usr/lib/python3/dist-packages/pip-*
  python3 -m zipfile -e "$LAB/wheels/pip-$OLD_PIP-py3-none-any.whl" "$1/usr/lib/python3/dist-packages"
}

# start_at NAME START: the state that an old document left behind (starts/)
start_at() {
  [[ -f $HERE/starts/$2 ]] || die "no starting point $2"
  install -m 600 "$RUN/mgmt.kubeconfig" "$(root_of "$1")/root/mgmt.kubeconfig"
  if [[ $1 = cloud ]]; then
    install -m 755 "$LAB/bin/helm" "$(root_of cloud)/opt/helm"
    mkdir -p "$(root_of cloud)/opt/starts"; cp "$HERE"/starts/* "$(root_of cloud)/opt/starts/"
  fi
  at "$1" bash "/opt/starts/$2"
  rm "$(root_of "$1")/root/mgmt.kubeconfig"
}

# snapshot NAME: every file that a graft could touch, the packages, the services, one a line
snapshot() { at "$1" python3 - <"$HERE/snapshot.py"; }

# fill_disk NAME: /etc/magnum is a disk of its own, with no byte left; `rm /etc/magnum/filler` makes room
fill_disk() {
  at "$1" sh -c 'cp -a /etc/magnum /root/magnum && mount -t tmpfs -o size=256k,mode=750 tmpfs /etc/magnum && chgrp magnum /etc/magnum &&
    cp -a /root/magnum/. /etc/magnum/ && rm -r /root/magnum && ! dd if=/dev/zero of=/etc/magnum/filler bs=1k 2>/dev/null'
}
