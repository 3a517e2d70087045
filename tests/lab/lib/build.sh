# What is built once and kept under $LAB. Each stage carries a digest of its inputs (its own text
# included): a changed recipe makes that stage anew, and those on top of it.
SUITE=bookworm
MAGNUM=18.0.1 DRIVERS=(1.1.0 1.3.0 1.4.0) OLD_PIP=22.0.2     # the pip of Ubuntu 22.04
K8S=v1.34.4 CAPI=v1.13.2 HELM=v3.17.3

digest_of() { # TEXT-OR-PATH...: paths by their content, the rest by themselves
  local x; for x in "$@"; do
    if [[ -e $x ]]; then (cd "$x" 2>/dev/null || cd "$(dirname "$x")"; if [[ -d $x ]]; then find . -type f -print0; else printf '%s\0' "./${x##*/}"; fi |
      sort -z | xargs -0 sha256sum)
    else printf '%s\n' "$x"; fi
  done | sha256sum | cut -c1-12
}

# stage NAME INPUT...: runs build_NAME unless it ran with these inputs; its files have fixed paths
stage() {
  local name=$1 id log=$LOGS/build-$1.log t=$SECONDS; shift
  id=$(digest_of "$(declare -f "build_$name")" "$@")
  [[ $(cat "$LAB/stamp/$name" 2>/dev/null) = "$id" ]] && return
  say "build $name"
  mkdir -p "$LAB/stamp"; rm -f "$LAB/stamp/$name"
  logged "$log" "build_$name"
  echo "$id" >"$LAB/stamp/$name"
  say "build $name: $((SECONDS - t)) s"
}

# A layer is the upper directory of an overlay over its parents, so that it holds only what it adds.
#   layer NAME PARENT INPUT...: runs build_NAME ROOT in it; $LAB/layers/NAME leads to the newest
layer() {
  local name=$1 parent=$2 id dir log=$LOGS/build-$1.log t=$SECONDS; shift 2
  id=$name-$(digest_of "$(declare -f "build_$name")" "$([[ -z $parent ]] || readlink "$LAB/layers/$parent")" "$@")
  dir=$LAB/layers/$id
  if [[ ! -e $dir/done ]]; then
    say "build $name"
    if mountpoint -q "$dir/root"; then umount "$dir/root"; fi
    rm -rf "$dir"; mkdir -p "$dir"/{up,work,root}
    echo "${parent:+$(readlink "$LAB/layers/$parent")}" >"$dir/parent"
    if [[ -n $parent ]]; then
      mount -t overlay overlay -o "lowerdir=$(lowers "$parent"),upperdir=$dir/up,workdir=$dir/work" "$dir/root" ||
        die "$LAB must be on a file system that overlayfs can write to (ext4, xfs, btrfs)"
      logged "$log" "build_$name" "$dir/root"
      if mountpoint -q "$dir/root"; then umount "$dir/root"; fi
    else
      logged "$log" "build_$name" "$dir/up"
    fi
    touch "$dir/done"
    say "build $name: $((SECONDS - t)) s"
  fi
  ln -sfn "$id" "$LAB/layers/$name"
}
lowers() { # LAYER: itself and its parents, as mount wants them
  local id list=; id=$(readlink "$LAB/layers/$1" || echo "$1")
  while [[ -n $id ]]; do list+=:$LAB/layers/$id/up; id=$(cat "$LAB/layers/$id/parent"); done
  echo "${list#:}"
}
logged() { # LOG FUNCTION ARGS...: its output to the log, the tail of it when it fails
  local log=$1 rc=0; shift
  ("$@") >"$log" 2>&1 </dev/null &
  wait $! || rc=$?
  ((rc == 0)) || { tail -n 40 "$log" >&2; die "$1 failed ($rc): $log"; }
}

build_everything() {
  stage host
  stage key
  stage wheels "$MAGNUM" "${DRIVERS[@]}" $OLD_PIP
  layer debian ''
  layer unit debian "$LAB/stamp/wheels"
  layer cloud unit
  layer ready cloud "$HERE/cloud.d" "$HERE/provision.sh" "$HERE/provision.py" $CLOUD
  drop_old_layers
  stage client
  stage kube "$HERE/kube/k8s" "$HERE/kube/capi" $K8S $CAPI $HELM "${KUBEBUILDER_ASSETS:-}"
}

# what no layer leads to any more, unless it is in use; layers borrowed from another lab are its own to drop
drop_old_layers() {
  [[ ! -L $LAB/layers ]] || return 0
  local d keep; keep=" $(for d in debian unit cloud ready; do readlink "$LAB/layers/$d"; done | tr '\n' ' ')"
  for d in "$LAB"/layers/*-*; do
    [[ $keep = *" ${d##*/} "* ]] || grep -qF "$d/up" /proc/mounts || rm -rf "$d"
  done
}

build_host() {
  local need=() c
  for c in debootstrap:debootstrap systemd-nspawn:systemd-container ssh:openssh-client openssl:openssl curl:curl; do
    command -v "${c%%:*}" || need+=("${c##*:}")
  done
  ((${#need[@]} == 0)) && return
  apt-get update -q; DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -qy --no-install-recommends "${need[@]}"
}
build_key() { [[ -f $KEY ]] || ssh-keygen -q -t ed25519 -N '' -C operator -f "$KEY"; }
build_wheels() {
  local v; mkdir -p "$LAB/wheels"
  for v in "magnum==$MAGNUM" "${DRIVERS[@]/#/magnum-capi-helm==}" "pip==$OLD_PIP"; do
    python3 -m pip download -q --no-deps -d "$LAB/wheels" "$v"
  done
}

apt_in() { # ROOT PACKAGE...
  local root=$1; shift
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  in_root "$root" apt-get -q update
  in_root "$root" apt-get -qy --no-install-recommends -o Dpkg::Options::=--force-confold \
    -o Dpkg::Options::=--force-unsafe-io install "$@"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
}
# Byte-compiling in every postinst costs a third of the time: once, at the end, on all cores.
compile_in() {
  in_root "$1" python3 -m compileall -q -j "$(nproc)" -x '/tests?/' /usr/lib/python3/dist-packages \
    /usr/local/lib/python3.11/dist-packages || true
}

build_debian() {
  local mirror
  # whichever mirror this machine's own apt uses
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v s=$SUITE '$1 == s && !d {print $2; d = 1}')
  [[ -n $mirror ]] || die "apt knows no mirror of $SUITE"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates $SUITE "$1" "$mirror"
  printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"
  printf 'path-exclude /usr/share/%s/*\n' doc man locale >"$1/etc/dpkg/dpkg.cfg.d/lab"
  in_root "$1" dpkg-divert --quiet --local --no-rename --divert /usr/bin/py3compile.real --add /usr/bin/py3compile
  printf '#!/bin/sh\nexit 0\n' >"$1/usr/bin/py3compile"; chmod 755 "$1/usr/bin/py3compile"
}

# A machine as juju leaves it, with the conductor from Debian's package and the charms' Magnum
# over it: --no-deps, so Debian's dependencies, units and init scripts stay.
build_unit() {
  echo unit >"$1/etc/hostname"; printf '127.0.0.1 localhost\n127.0.1.1 unit cloud\n' >"$1/etc/hosts"
  apt_in "$1" openssh-server sudo curl iproute2 procps python3-pip crudini magnum-conductor
  in_root "$1" useradd -m -u 1000 -s /bin/bash ubuntu
  echo 'ubuntu ALL=(ALL) NOPASSWD:ALL' >"$1/etc/sudoers.d/lab"; chmod 440 "$1/etc/sudoers.d/lab"
  install -D -m 644 -t "$1/opt/wheels" "$LAB"/wheels/*.whl
  in_root "$1" pip install -q --no-index --no-deps --break-system-packages --no-compile \
    --root-user-action=ignore --no-warn-script-location "/opt/wheels/magnum-$MAGNUM-py3-none-any.whl"
  # On its own, without broker and database. With an unreachable broker the conductor ignores
  # SIGTERM, and each restart takes systemd's whole patience.
  in_root "$1" crudini --set /etc/magnum/magnum.conf DEFAULT transport_url fake:/
  in_root "$1" crudini --set /etc/magnum/magnum.conf conductor workers 1
  in_root "$1" crudini --set /etc/magnum/magnum.conf database connection sqlite:////var/lib/magnum/magnum.db
  in_root "$1" systemctl mask -q apt-daily.timer apt-daily-upgrade.timer fstrim.timer e2scrub_all.timer \
    logrotate.timer systemd-networkd-wait-online.service networking.service
  in_root "$1" systemctl enable -q ssh magnum-conductor
  compile_in "$1"
}

build_cloud() {
  echo cloud >"$1/etc/hostname"
  apt_in "$1" keystone glance-api neutron-api neutron-rpc-server nova-api nova-scheduler nova-conductor \
    placement-api cinder-api magnum-api octavia-api octavia-worker rabbitmq-server mariadb-server haproxy \
    barbican-api qemu-utils openssl
  compile_in "$1"
}

SERVICES=(keystone glance-api neutron-api neutron-rpc-server lab-l2agent nova-api nova-scheduler nova-conductor
  nova-compute placement-api cinder-api magnum-api magnum-conductor octavia-api octavia-worker rabbitmq-server
  mariadb haproxy ssh)
build_ready() {
  local f name=ready-build
  (cd "$HERE/cloud.d" && find . -type f) | while read -r f; do     # the packaged owner and mode stay
    mkdir -p "$(dirname "$1/$f")"
    [[ -e $1/$f ]] || install -m 644 /dev/null "$1/$f"
    sed "s/@IP@/$CLOUD/g" "$HERE/cloud.d/$f" >"$RUN/.f"; cat "$RUN/.f" >"$1/$f"
  done
  # One process with few threads each; but the APIs of Neutron and Nova are greenlets, which stop
  # answering under load when several threads have them. Without the header a client reuses a
  # connection that uwsgi has closed, and now and then is reset.
  local processes threads
  for f in "$1"/etc/*/*-uwsgi.ini; do
    case $f in
      */neutron-api-uwsgi.ini | */nova-api-uwsgi.ini) processes=2 threads=1 ;;
      *) processes=1 threads=8 ;;
    esac
    sed -i -E "s/^processes *=.*/processes = $processes/; s/^threads *=.*/threads = $threads/; s/^plugins *=.*/plugins = python3/; /^apparmor-profile/d" "$f"
    echo 'add-header = Connection: close' >>"$f"
  done
  mkdir -p "$1/etc/octavia/certs"      # a CA for amphorae that nobody contacts
  openssl req -x509 -newkey rsa:2048 -days 3650 -subj /CN=lab -passout pass:lab \
    -keyout "$1/etc/octavia/certs/ca.key" -out "$1/etc/octavia/certs/ca.pem"
  in_root "$1" chown -R octavia:octavia /etc/octavia/certs
  in_root "$1" install -d -o glance -g glance /var/lib/glance/{images,staging,tasks}
  in_root "$1" systemctl disable -q mariadb.socket nova-api-metadata memcached open-iscsi iscsid.socket octavia-driver-agent barbican-api || true
  in_root "$1" systemctl disable -q "${SERVICES[@]}"              # nothing runs before it is provisioned
  install -D -m 755 -t "$1/opt/lab" "$HERE"/provision.{sh,py}
  mkdir -p "$RUN/$name"; ln -sfn "$1" "$RUN/$name/root"
  boot $name --private-network
  at $name bash /opt/lab/provision.sh $CLOUD "${SERVICES[@]}" || { end_machine $name; return 1; }
  end_machine $name gently
}

build_client() {
  python3 -m venv --clear "$LAB/osc"
  "$LAB/osc/bin/pip" install -q python-openstackclient python-magnumclient python-octaviaclient kubernetes pyyaml
}

build_kube() {
  local b=$LAB/bin v=k8s.io/component-base/version src copy=$LAB/src/cluster-api major minor m
  export CGO_ENABLED=0 GOFLAGS='-trimpath -mod=readonly'
  mkdir -p "$b"
  IFS=. read -r major minor _ <<<"${K8S#v}"
  kubernetes() {
    (cd "$HERE/kube/k8s" && go build -o "$b/" -ldflags "-s -w -X $v.gitVersion=$K8S -X $v.gitMajor=$major -X $v.gitMinor=$minor \
    -X $v.gitTreeState=clean -X $v.gitCommit=lab -X $v.buildDate=1970-01-01T00:00:00Z" "${@/#/k8s.io/kubernetes/cmd/}")
  }
  if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
    ln -sf "$KUBEBUILDER_ASSETS"/{kube-apiserver,etcd} "$b/"
    kubernetes kube-controller-manager kubectl
  else
    (cd "$HERE/kube/k8s" && go build -ldflags '-s -w' -o "$b/etcd" go.etcd.io/etcd/server/v3)
    kubernetes kube-apiserver kube-controller-manager kubectl
    "$b/kube-apiserver" --version | grep -qx "Kubernetes $K8S"
  fi
  # The managers' webhook servers listen on every address and have no flag for it. One line in
  # each, in a copy of the module, keeps them on the lab's own.
  src=$(cd "$HERE/kube/capi" && go mod download && go list -m -f '{{.Dir}}' sigs.k8s.io/cluster-api)
  rm -rf "$LAB/src"; mkdir -p "$LAB/src"
  cp -r --no-preserve=mode "$src" "$copy"; rm -rf "$copy"/{docs,test,cmd,hack}
  for m in . bootstrap/kubeadm controlplane/kubeadm; do
    sed -i 's/^\t*Port: *webhookPort,$/Host: os.Getenv("WEBHOOK_HOST"), &/' "$copy/$m/main.go"
    grep -q WEBHOOK_HOST "$copy/$m/main.go"
  done
  { cat "$HERE/kube/capi/go.mod"; echo "replace sigs.k8s.io/cluster-api => $copy"; } >"$LAB/src/go.mod"
  cp "$HERE/kube/capi/go.sum" "$LAB/src/"
  v=sigs.k8s.io/cluster-api/version
  manager() {
    (cd "$HERE/kube/capi" && go build -modfile "$LAB/src/go.mod" -o "$b/capi-$1" \
      -ldflags "-s -w -X $v.gitVersion=$CAPI -X $v.gitMajor=1 -X $v.gitMinor=13" "sigs.k8s.io/cluster-api$2")
  }
  manager core ''; manager bootstrap /bootstrap/kubeadm; manager controlplane /controlplane/kubeadm
  v=helm.sh/helm/v3/internal/version
  GOBIN=$b GOFLAGS=-trimpath go install -ldflags "-s -w -X $v.version=$HELM -X $v.gitTreeState=clean" "helm.sh/helm/v3/cmd/helm@$HELM"
  "$b/helm" version --template '{{.Version}}' | grep -qx "$HELM"
}
