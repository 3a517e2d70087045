# Operations on the management cluster, from the command line. No cloud and no unit is asked.
define mint 120 mint

# management_site: an operator's directory whose site file names the management cluster; the rest is never asked
management_site() {
  mkdir -p home
  install -m 600 "$RUN/mgmt.kubeconfig" mgmt.kubeconfig
  { sed -e "s|@WHEEL@|none|; s|@HELM@|none|; s|@WHEEL_SHA256@|$(printf '0%.0s' {1..64})|; s|@HELM_SHA256@|$(printf '0%.0s' {1..64})|" \
      -e 's|@SOURCES@|"127.77.1.10/32"|' "$HERE/omega.toml.in"
    printf '\n[[conductor.unit]]\nname = "magnum/0"\nssh = "nobody@127.77.1.10"\n'; } >omega.toml
}
as_admin() { kubectl --kubeconfig "$RUN/mgmt.kubeconfig" "$@"; }
as_driver() { kubectl --kubeconfig "$PWD/driver.kubeconfig" "$@"; }
refused() { # RIGHT CMD...: by the real API server, which names it
  local right=$1; shift
  ! "$@" >refused.out 2>&1 || fail "not refused: $*"
  grep -q "cannot $right" refused.out || { cat refused.out; fail "refused otherwise: $*"; }
}
rbac() { as_admin get roles,rolebindings,clusterroles,clusterrolebindings,serviceaccounts -A -l omega/minted-for -o yaml; }

# driver_calls NAMESPACE: the real driver's own client, from its package, makes each of its calls
driver_calls() {
  env -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE PYTHONPATH="$LAB/wheels/magnum_capi_helm-1.4.0-py3-none-any.whl" \
    "$LAB/osc/bin/python" "$HERE/kube/driver_calls.py" "$PWD/driver.kubeconfig" "$1"
}

# a_release NAMESPACE: the real helm, called as the driver calls it: install, upgrade, uninstall
a_release() {
  local values='{"kubernetesVersion": "1.34.8", "controlPlane": {"machineCount": 1}, "nodeGroups": [{"name": "a", "machineCount": 1}]}' n
  for n in 1 3; do
    HOME=$PWD/home helm upgrade c1 openstack-cluster --history-max 10 --install --output json --timeout 5m --values - --namespace "$1" \
      --repo "http://$KUBE:8879" --version 0.25.1 --kubeconfig driver.kubeconfig >/dev/null <<<"${values/Count\": 1/Count\": $n}"
  done
  HOME=$PWD/home helm uninstall c1 --timeout 5m --namespace "$1" --kubeconfig driver.kubeconfig
}

# let_go NAMESPACE: nothing was ever made for that release's objects, so nobody is to be waited for
let_go() {
  local kind one
  for kind in clusters machinedeployments machinesets machines openstackclusters openstackmachines openstackmachinetemplates \
    kubeadmcontrolplanes kubeadmconfigs kubeadmconfigtemplates helmreleases manifests; do
    for one in $(as_admin -n "$1" get $kind -o name 2>/dev/null || true); do
      as_admin -n "$1" patch "$one" --type merge -p '{"metadata": {"finalizers": null}}' >/dev/null 2>&1 || true
      as_admin -n "$1" delete "$one" --wait=false --ignore-not-found >/dev/null 2>&1 || true
    done
  done
}

mint() {
  export -f let_go as_admin; export RUN
  local one=magnum-00aa two=magnum-00bb args before token
  args=(mint-kubeconfig --yes --out driver.kubeconfig -n $one -n $two)
  management_site
  exits 2 omega "${args[@]}" --plan
  [[ ! -e driver.kubeconfig ]]
  same 'namespaces after a plan' '' "$(as_admin get ns $one omega --ignore-not-found -o name)"
  exits 0 omega "${args[@]}"
  same 'file, mode' 600 "$(stat -c %a driver.kubeconfig)"
  # asked for 90 days; the lab's API server gives no more than 30
  grep -q 'lifetime is 2592000 s instead of 7776000 s' <(omega "${args[@]}" --plan)

  # it does what the driver does, by the driver's own code, and nothing else
  driver_calls $one; driver_calls $two
  a_release $one
  refused 'list resource "secrets"' as_driver get secrets -A
  refused 'list resource "secrets"' as_driver get secrets -n kube-system
  refused 'create resource "namespaces"' as_driver create ns magnum-00cc
  refused 'delete resource "nodes"' as_driver delete node n
  refused 'create resource "clusterrolebindings"' as_driver create clusterrolebinding x --clusterrole cluster-admin --user x

  # twice is once
  rbac >before; sha256sum driver.kubeconfig >sum
  exits 0 omega "${args[@]}"
  rbac >after; same_file 'accounts and roles' before after; sha256sum -c --quiet sum
  # the token is in the file and nowhere else
  token=$(sed -n 's/.*token: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' driver.kubeconfig); [[ ${#token} -gt 500 ]]
  exits 0 omega "${args[@]}" --output json
  python3 -c 'import json; d = json.load(open("out")); assert d["converged"], d'
  same 'the token is in' '' "$(grep -rlF -e "${token:40:60}" -e "${token: -60}" home out err || true)"

  # a rule too much and a subject too much are taken back; what only looks alike stays
  as_admin -n $one create role omega:magnum-driver2 --verb get --resource pods
  as_admin -n $one patch role omega:magnum-driver --type json -p '[{"op": "add", "path": "/rules/-", "value": {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}}]'
  exits 2 omega "${args[@]}" --plan; grep -q -- '- pods: create' out
  exits 0 omega "${args[@]}"
  same 'rights on pods' no "$(as_driver auth can-i create pods -n $one || true)"
  sha256sum -c --quiet sum
  same 'a role of another name' 1 "$(as_admin -n $one get role omega:magnum-driver2 -o name | wc -l)"

  # what somebody else gave is not ours to take: named, and nothing done
  as_admin create clusterrolebinding omega-by-hand --clusterrole cluster-admin --serviceaccount omega:magnum-driver
  exits 4 omega "${args[@]}"
  grep -q 'may delete nodes, which omega did not allow' err; grep -q 'omega-by-hand' err
  as_admin delete clusterrolebinding omega-by-hand
  sleep 1; exits 0 omega "${args[@]}"

  # the account made again: the old token is dead, a new one is written
  as_admin -n omega delete sa magnum-driver
  exits 0 omega "${args[@]}"
  ! sha256sum -c --quiet sum 2>/dev/null || fail 'the dead token was left'
  driver_calls $one
  # one project less
  exits 0 omega mint-kubeconfig --yes --out driver.kubeconfig -n $one
  refused 'list resource "secrets"' as_driver get secrets -n $two
  same 'roles left' $one "$(as_admin get roles -A -l omega/minted-for -o jsonpath='{.items[*].metadata.namespace}')"

  # for projects that are not known yet
  exits 2 omega mint-kubeconfig --out driver.kubeconfig --all-namespaces --plan
  grep -q 'RBAC has no pattern for' out
  exits 0 omega mint-kubeconfig --yes --out driver.kubeconfig --all-namespaces
  driver_calls magnum-00dd
  refused 'delete resource "nodes"' as_driver delete node n
  # and back to one
  exits 0 omega mint-kubeconfig --yes --out driver.kubeconfig -n $one
  driver_calls $one
  refused 'list resource "secrets"' as_driver get secrets -n magnum-00dd
  # somebody else's role of the same name; a driver that knows no tokens; the administrator's own file
  as_admin create clusterrole other:driver --verb get --resource pods
  exits 4 omega mint-kubeconfig --yes --out other.kubeconfig --all-namespaces --account other/driver
  exits 64 omega mint-kubeconfig --yes --out mgmt.kubeconfig -n $one
  sed -i 's/^version = "1.4.0"/version = "1.1.0"/' omega.toml
  exits 4 omega "${args[@]}"; grep -q "driver 1.1.0 can't authenticate with a token" err
  as_admin delete clusterrole other:driver
  rbac | as_admin delete -f - >/dev/null
  as_admin delete ns --wait=false omega $one $two magnum-00dd
  let_go $one
  until_true 60 'nothing of the case is left' bash -c "let_go $one; [[ -z \$(as_admin get ns $one omega --ignore-not-found -o name) ]]"
}

define retarget 90 retarget

# front ADDRESS CERTIFICATE: until the case ends, ADDRESS:6443 is the API server behind another certificate (a relay that ends TLS
# would hide the client's; so only its bytes are relayed where CERTIFICATE is "same", else openssl shows that certificate)
front() {
  if [[ $2 = same ]]; then
    python3 "$HERE/kube/relay.py" "$1" 6443 "$KUBE" 6443 &
  else
    openssl s_server -quiet -accept "$1:6443" -cert "$2.crt" -key "$2.key" >/dev/null 2>&1 &
  fi
  FRONTS+=($!)
}
FRONTS=()

retarget() {
  local floating=$KUBE_FLOATING bare=127.77.2.41 foreign=127.77.2.42 K=$RUN/kube
  trap 'kill "${FRONTS[@]}" 2>/dev/null || true' EXIT
  mkdir -p home
  # an API server certificate that covers the floating IP, by the same authority, as kubeadm's certSANs would make
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mgmt-ca -keyout other-ca.key -out other-ca.crt 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout other.key -out other.csr 2>/dev/null
  openssl x509 -req -in other.csr -CA other-ca.crt -CAkey other-ca.key -CAcreateserial -days 2 -out other.crt \
    -extfile <(printf 'subjectAltName=IP:%s\nextendedKeyUsage=serverAuth\n' $foreign) 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout bare.key -out bare.csr 2>/dev/null
  openssl x509 -req -in bare.csr -CA "$K/ca.crt" -CAkey "$K/ca.key" -CAserial ca.srl -CAcreateserial -days 2 -out bare.crt \
    -extfile <(printf 'subjectAltName=IP:10.20.0.50,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth\n') 2>/dev/null
  front $floating same; front $bare bare; front $foreign other
  until_true 10 'the fronts listen' bash -c "for a in $floating $bare $foreign; do (exec 3<>/dev/tcp/\$a/6443) || exit 1; done"
  # as the cluster's own tool writes it: for itself, and with a comment
  { echo '# from the management VM'; sed 's|https://127.77.2.1:6443|https://127.0.0.1:6443|' "$RUN/mgmt.kubeconfig"; } >k
  chmod 640 k; cp k before
  exits 2 omega retarget-kubeconfig --file k --server $floating --plan; same_file 'after a plan' before k
  exits 0 omega retarget-kubeconfig --yes --file k --server $floating
  same mode 600 "$(stat -c %a k)"
  sed 's|https://127.0.0.1:6443|https://127.77.2.40:6443|' before >expected; same_file 'every other byte' expected k
  kubectl --kubeconfig k get ns kube-system
  exits 0 omega retarget-kubeconfig --yes --file k --server $floating:6443; same_file 'again' expected k
  # back, where the old address answers too: the same kube-system
  exits 0 omega retarget-kubeconfig --yes --file k --server https://$KUBE:6443; kubectl --kubeconfig k get ns kube-system
  cp k before
  exits 4 omega retarget-kubeconfig --yes --file k --server $bare
  grep -q 'does not cover that address' err; grep -q '10.20.0.50, kubernetes.default.svc' err; grep -q certSANs err
  exits 4 omega retarget-kubeconfig --yes --file k --server $foreign; grep -q 'another CA' err
  exits 1 omega retarget-kubeconfig --yes --file k --server 127.77.2.43; grep -q 'the connection was refused' err
  sed 's|server:|tls-server-name: kubernetes, server:|' before >t
  exits 4 omega retarget-kubeconfig --yes --file t --server $floating; grep -q tls-server-name err
  sed '/^users:/s/{client-cert.*}}/{token: abcdef.0123456789abcdef}}/' before >t
  exits 4 omega retarget-kubeconfig --yes --file t --server $floating; grep -q "refused the kubeconfig's credentials" err
  exits 64 omega retarget-kubeconfig --yes --file k --server 'a b'
  same_file 'after refusals' before k
}

define egress 150 egress

egress() {
  local site=(--within 20s) out=omega-outside-$$ pid before
  management_site
  as_admin label ns default pod-security.kubernetes.io/enforce=restricted --overwrite
  ip netns add $out; ip -n $out link set lo up; ip -n $out addr add 10.88.0.1/32 dev lo
  ip netns exec $out python3 -m http.server --bind 10.88.0.1 8891 >/dev/null 2>&1 & pid=$!
  daemon "$PWD" kubelet "$LAB/osc/bin/python" -u "$HERE/kube/kubelet.py" "$RUN/mgmt.kubeconfig" default lab-node $out
  trap "kill $pid \$(cat $PWD/kubelet.pid) 2>/dev/null; sleep 1; ip netns del $out 2>/dev/null || true" EXIT
  until_true 20 'the node' as_admin get node lab-node
  # a near miss: a probe of somebody else's that still runs, and an old pod that is no probe
  as_admin create -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: near, namespace: default, labels: {omega/probe2: egress}}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: c, image: x, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
Y
  left() { as_admin get pods -A -o name | sort | tr '\n' ' '; }
  before=$(left)
  gone() { same 'pods left' "$before" "$(left)"; }
  exits 2 omega probe-pod-egress 10.88.0.1:8891 --plan; gone; grep -q 'lab.invalid/debian:12' out
  exits 0 omega probe-pod-egress --yes 10.88.0.1:8891 "${site[@]}"; gone; grep -q 'reached' out
  exits 0 omega probe-pod-egress --yes http://10.88.0.1:8891/v3 "${site[@]}" --output json; gone
  python3 -c 'import json; d = json.load(open("out")); assert d["egress"] == "reached" and d["exit_code"] == 0, d'
  exits 3 omega probe-pod-egress --yes 10.88.0.1:8899 "${site[@]}"; gone; grep -q 'the connection was refused' out
  # no route; and a route, but nobody answers
  exits 3 omega probe-pod-egress --yes 192.0.2.1:80 "${site[@]}"; gone; grep -q 'no answer, or no route' out; grep -q unreachable out
  exits 3 omega probe-pod-egress --yes 198.51.100.1:80 "${site[@]}"; gone; grep -q 'no answer, or no route' out
  exits 3 omega probe-pod-egress --yes no-such.invalid:80 "${site[@]}"; gone; grep -q 'does not resolve' out
  exits 1 omega probe-pod-egress --yes 10.88.0.1:8891 "${site[@]}" --image missing/debian:1; gone; grep -q 'image could not be pulled' out; grep -q 'event Failed' out
  exits 1 omega probe-pod-egress --yes 10.88.0.1:8891 --within 3s --image unschedulable/debian:1; gone; grep -q 'was not scheduled' out
  exits 1 omega probe-pod-egress --yes 10.88.0.1:8891 --within 3s --image slow/debian:1; gone
  exits 3 omega probe-pod-egress --yes 10.88.0.1:8899 "${site[@]}" -n default --tool bash; gone
  # interrupted: the pod goes first. killed: the next probe removes what is left, once it is old
  OMEGA_WITHIN=2 exits 124 omega probe-pod-egress --yes 10.88.0.1:8891 --within 30s --image slow/debian:1
  until_true 5 'the pod of the interrupted probe goes' bash -c "[[ \"\$(kubectl --kubeconfig $RUN/mgmt.kubeconfig get pods -A -o name | sort | tr '\n' ' ')\" = '$before' ]]"
  gone
}
