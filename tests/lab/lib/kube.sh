# The management cluster: etcd, kube-apiserver, garbage collection, Cluster API's three managers,
# a chart repository, and the stand-in for the infrastructure provider.
#   CORE_SERVED, CAPO_SERVED (kube/install.py): what it serves; `serve` changes what runs

certificate() { # NAME SUBJECT EXTENSIONS: signed by the management cluster's CA
  openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA "$K/ca.crt" -CAkey "$K/ca.key" -CAcreateserial -days 365 -out "$1.crt" \
    -extfile <(printf '%b\n' "$3") 2>/dev/null
}
kubeconfig() { # NAME: of the user with the certificate NAME.crt
  cat <<Y
apiVersion: v1
kind: Config
clusters: [{name: mgmt, cluster: {server: "https://$KUBE:6443", certificate-authority-data: $(base64 -w0 "$K/ca.crt")}}]
users: [{name: ${1##*/}, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: mgmt, context: {cluster: mgmt, user: ${1##*/}}}]
current-context: mgmt
Y
}
make_kube_secrets() {
  [[ -f $K/ready ]] && return
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=mgmt-ca -keyout "$K/ca.key" -out "$K/ca.crt" 2>/dev/null
  openssl genrsa -out "$K/sa.key" 2048 2>/dev/null
  openssl rsa -in "$K/sa.key" -pubout -out "$K/sa.pub" 2>/dev/null
  certificate "$K/admin" /O=system:masters/CN=admin 'extendedKeyUsage=clientAuth'
  certificate "$K/driver" /CN=magnum-driver 'extendedKeyUsage=clientAuth'
  certificate "$K/server" /CN=kube-apiserver "subjectAltName=IP:$KUBE,IP:10.0.0.1,IP:$KUBE_FLOATING\nextendedKeyUsage=serverAuth"
  install -d -m 700 "$K/webhook"; cp "$K/server.crt" "$K/webhook/tls.crt"; cp "$K/server.key" "$K/webhook/tls.key"
  (umask 077; kubeconfig "$K/admin" >"$RUN/mgmt.kubeconfig"; kubeconfig "$K/driver" >"$RUN/least.kubeconfig")
  touch "$K/ready"
}
kube_alive() { curl -sf -m 5 --cacert "$K/ca.crt" --cert "$K/admin.crt" --key "$K/admin.key" "https://$KUBE:6443/readyz"; }

start_apiserver() {
  daemon "$K" etcd "$LAB/bin/etcd" --data-dir "$K/etcd" --unsafe-no-fsync \
    --listen-client-urls "http://$KUBE:2379" --advertise-client-urls "http://$KUBE:2379" \
    --listen-peer-urls "http://$KUBE:2380" --initial-advertise-peer-urls "http://$KUBE:2380" \
    --initial-cluster "default=http://$KUBE:2380"
  # no token lives longer than 30 days, as a careful administrator sets it
  daemon "$K" kube-apiserver "$LAB/bin/kube-apiserver" --service-account-max-token-expiration 720h --etcd-servers "http://$KUBE:2379" \
    --bind-address "$KUBE" --advertise-address "$KUBE" --authorization-mode RBAC \
    --tls-cert-file "$K/server.crt" --tls-private-key-file "$K/server.key" --client-ca-file "$K/ca.crt" \
    --service-account-key-file "$K/sa.pub" --service-account-signing-key-file "$K/sa.key" --service-account-issuer https://lab \
    --service-cluster-ip-range 10.0.0.0/24 --disable-admission-plugins ServiceAccount --endpoint-reconciler-type none
  until_true 300 kube-apiserver kube_alive
}

# "${IN_POD[@]}" NAMESPACE NAME CMD...: with the host name and the namespace file of a pod. A manager that elects a
# leader takes the namespace of its lease from that file.
IN_POD=(unshare -m -u bash -c 'set -e; hostname "$2"; mount -t tmpfs tmpfs /run; d=/run/secrets/kubernetes.io/serviceaccount
  mkdir -p $d; printf %s "$1" >$d/namespace; shift 2; exec "$@"' -)
start_manager() { # NAME NAMESPACE PORT
  WEBHOOK_HOST=$KUBE daemon "$K" "capi-$1" "${IN_POD[@]}" "$2" "${2%-system}-controller-manager-lab" \
    "$LAB/bin/capi-$1" --kubeconfig "$RUN/mgmt.kubeconfig" --leader-elect \
    --webhook-cert-dir "$K/webhook" --webhook-port "$3" --health-addr "$KUBE:$(($3 + 97))" \
    --diagnostics-address "$KUBE:$(($3 - 1000))" --insecure-diagnostics
}
start_managers() {
  local port
  start_manager core capi-system 9443
  start_manager bootstrap capi-kubeadm-bootstrap-system 9444
  start_manager controlplane capi-kubeadm-control-plane-system 9445
  for port in 9540 9541 9542; do until_true 180 "Cluster API on port $port" curl -sf "http://$KUBE:$port/readyz"; done
}

start_providers() { # the stand-ins for Cluster API's providers
  local p; for p in infra addons; do
    KUBECONFIG=$RUN/mgmt.kubeconfig daemon "$K" $p "$LAB/osc/bin/python" -uB "$HERE/kube/$p.py" "$LAB/bin" "$K"
  done
}

# The CRDs and webhooks of Cluster API itself, out of its module, and stand-ins for its providers'; the controllers' Deployments.
install_crds() {
  local src; src=$(cd "$HERE/kube/capi" && go list -m -f '{{.Dir}}' sigs.k8s.io/cluster-api)
  { "$LAB/osc/bin/python" "$HERE/kube/install.py" "$src" "$K/ca.crt" "$KUBE"
    echo ---; "$LAB/osc/bin/python" "$HERE/kube/deployments.py" print "$src"; } >"$K/install.new"
  cmp -s "$K/install.new" "$K/install.yaml" && return
  kubectl apply --server-side --force-conflicts -f "$K/install.new" >"$K/install.log"
  kubectl wait --for condition=established --timeout 60s crd --all >>"$K/install.log"
  mv "$K/install.new" "$K/install.yaml"
}

# serve [core=VERSION,...] [provider=VERSION,...]: what the running management cluster serves from now on (kube/serve.py);
# without words, as at first
serve() { KUBECONFIG=$RUN/mgmt.kubeconfig "$LAB/osc/bin/python" -B "$HERE/kube/serve.py" "$@"; echo "$*" >"$K/served"; }

# of kube-controller-manager: those of every cluster that the lab needs; the last four for export-kubernetes
CONTROLLERS=(garbage-collector-controller namespace-controller cronjob-controller job-controller
  root-ca-certificate-publisher-controller persistentvolumeclaim-protection-controller)
up_kube() {
  local t; t=$(now_ms)
  kube_alive >/dev/null 2>&1 || {
    end_kube; free_address $KUBE 6443; say 'management cluster: starts'; mine kube
  }
  mkdir -p "$K/charts" "$K/workload"; touch "$K/knobs"
  make_kube_secrets
  export KUBECONFIG=$RUN/mgmt.kubeconfig
  start_apiserver
  daemon "$K" kube-controller-manager "$LAB/bin/kube-controller-manager" --kubeconfig "$KUBECONFIG" --leader-elect=false \
    --controllers "$(IFS=,; echo "${CONTROLLERS[*]}")" --root-ca-file "$K/ca.crt" --bind-address "$KUBE" \
    --tls-cert-file "$K/server.crt" --tls-private-key-file "$K/server.key"
  install_crds
  start_managers
  [[ -z $(cat "$K/served" 2>/dev/null) ]] || serve      # what a case left that did not come to its end
  helm package -d "$K/charts" "$HERE/kube/openstack-cluster" >/dev/null; helm repo index "$K/charts"
  daemon "$K" charts python3 -m http.server --bind "$KUBE" --directory "$K/charts" 8879
  start_providers
  daemon "$K" deployments "$LAB/osc/bin/python" -uB "$HERE/kube/deployments.py" keep "$K" "capi-core=http://$KUBE:9540/readyz" \
    "capi-bootstrap=http://$KUBE:9541/readyz" "capi-controlplane=http://$KUBE:9542/readyz"
  until_true 90 charts curl -sf "http://$KUBE:8879/index.yaml"
  say "management cluster: up in $(($(now_ms) - t)) ms"
}

# grant_least PROJECT_ID: what the driver needs for that project's clusters and no more; least.kubeconfig has it
grant_least() {
  sed "s/@NAMESPACE@/magnum-$1/g" "$HERE/kube/least.yaml" | kubectl --kubeconfig "$RUN/mgmt.kubeconfig" apply -f - >/dev/null
}

end_kube() {
  local f; shopt -s nullglob
  for f in "$K"/{infra,deployments}.pid "$K"/*.pid "$K"/workload/*/*.pid; do end_daemon "$f"; done
  shopt -u nullglob
  rm -rf "${K:?}" "$RUN"/{mgmt,least}.kubeconfig
}
