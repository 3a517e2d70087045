# What the faults (faults/*.sh) are put and healed with. Run in the doctor's directory (lib/doctor.sh), which holds the site.
# STACK, UUID, TEMPLATE, NS: the sound cluster's; PROJECT: its project.
DROP_IN=/etc/magnum/magnum.conf.d/00-capi-helm.conf
listens() { (exec 3<>"/dev/tcp/${1/:/\/}") 2>/dev/null; }             # ADDRESS:PORT
answers() { curl -s -m 5 -o /dev/null "http://$1/"; }                 # ADDRESS:PORT

## The cloud
enable_endpoint() { api PATCH "$KEYSTONE/endpoints/$(endpoint_of "$1")" "{\"endpoint\": {\"enabled\": $2}}" >/dev/null; } # TYPE true|false
in_catalog() { # TYPE
  api GET "$KEYSTONE/auth/catalog" | jq -e --arg t "$1" '.catalog[] | select(.type == $t).endpoints[] | select(.interface == "public" and .region_id == "RegionOne")' >/dev/null
}
enable_domain() { # NAME true|false
  api PATCH "$KEYSTONE/domains/$(api GET "$KEYSTONE/domains?name=$1" | jq -r '.domains[0].id')" "{\"domain\": {\"enabled\": $2}}" >/dev/null
}
server_status() { in_capi_mgmt api GET "$NOVA/servers/$(cat server.id)" | jq -r .server.status; }
server_is() { [[ $(server_status) = "$1" ]]; }
act_on_server() { # os-stop|os-start STATUS
  in_capi_mgmt api POST "$NOVA/servers/$(cat server.id)/action" "{\"$1\": null}"
  until_true 60 "the server is $2" server_is "$2"
}
quota_network() { # RESOURCE N|used: in project $PROJECT
  local n=$2; [[ $n != used ]] || n=$(api GET "$NEUTRON/quotas/$PROJECT/details.json" | jq ".quota.$1.used")
  api PUT "$NEUTRON/quotas/$PROJECT" "{\"quota\": {\"$1\": $n}}" >/dev/null
}
quota_octavia() { # N|used
  local n=$1; [[ $n != used ]] || n=$(api GET "$OCTAVIA/lbaas/loadbalancers?project_id=$PROJECT" | jq '.loadbalancers | length')
  api PUT "$OCTAVIA/quotas/$PROJECT" "{\"quota\": {\"load_balancer\": $n}}" >/dev/null
}
# The load balancer of a cluster's API is told by its name, as the provider gives it: ...-STACK-kubeapi
balancer_of() { db "SELECT id FROM octavia.load_balancer WHERE name LIKE '%$1-kubeapi' AND provisioning_status != 'DELETED'"; }
set_balancer() { db "UPDATE octavia.load_balancer SET provisioning_status = '$1' WHERE name LIKE '%$STACK-kubeapi' AND provisioning_status != 'DELETED'"; } # not one that is gone: it would be there again
balancer_status() { db "SELECT provisioning_status FROM octavia.load_balancer WHERE name LIKE '%$STACK-kubeapi' AND provisioning_status != 'DELETED'"; }
balancer_is() { [[ $(balancer_status) = "$1" ]]; }
balancer_gone() { [[ -z $(balancer_of "$1") ]]; }
delete_balancer() { # STACK
  api DELETE "$OCTAVIA/lbaas/loadbalancers/$(balancer_of "$1")?cascade=true"
  until_true 60 'the load balancer is gone' balancer_gone "$1"
}

## The management cluster's API
# api_again: after the API was away; whoever lost a lease meanwhile has ended or is about to
writes() { k annotate namespace default lab-write=x --overwrite && k annotate namespace default lab-write-; } # the API takes a write
api_again() {
  local m; start_apiserver
  for m in core bootstrap controlplane; do end_daemon "$K/capi-$m.pid"; done
  start_managers; start_providers
}
# serve_with server|expired|foreign: what kube-apiserver shows from now on
serve_with() {
  [[ -e $K/good.crt ]] || { cp "$K/server.crt" "$K/good.crt"; cp "$K/server.key" "$K/good.key"; }
  case $1 in
    server) mv "$K/good.crt" "$K/server.crt"; mv "$K/good.key" "$K/server.key" ;;
    expired) dated_certificate "$K/server.csr" "subjectAltName=IP:$KUBE,IP:10.0.0.1" "$K/server.crt" ;;
    foreign) openssl x509 -req -in "$K/server.csr" -CA "$(foreign_ca)" -CAkey foreign.key -CAcreateserial -days 30 -out "$K/server.crt" \
      -extfile <(printf 'subjectAltName=IP:%s\nextendedKeyUsage=serverAuth\n' "$KUBE") 2>/dev/null ;;
  esac
  end_daemon "$K/kube-apiserver.pid"
  if [[ $1 = server ]]; then start_apiserver; return; fi
  # its own readiness is asked for without trust, as nobody trusts it
  kube_alive() { curl -skf -m 5 --cert "$K/admin.crt" --key "$K/admin.key" "https://$KUBE:6443/readyz"; }
  start_apiserver
}
shown_certificate() { openssl s_client -connect "$KUBE:6443" </dev/null 2>/dev/null | openssl x509 "$@"; }
shows_certificate() { # expired|foreign
  case $1 in expired) ! shown_certificate -noout -checkend 0 ;; foreign) shown_certificate -noout -issuer | grep -q foreign ;; esac
}
# dated_certificate CSR EXTENSION OUT: signed by the management cluster's CA, valid until yesterday
dated_certificate() {
  local d; d=$(mktemp -d); : >"$d/index"; echo 01 >"$d/serial"
  openssl ca -batch -notext -config <(printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index\nserial=%s/serial\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\n[p]\nCN=supplied\nO=optional\n' "$d" "$d" "$d") \
    -cert "$K/ca.crt" -keyfile "$K/ca.key" -in "$1" -out "$3" -startdate "$(date -u -d '-2 days' +%Y%m%d%H%M%SZ)" \
    -enddate "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)" -extfile <(echo "$2") 2>"$d/err" || { cat "$d/err" >&2; return 1; }
  rm -r "$d"
}
foreign_ca() { # prints its certificate's path
  [[ -e foreign.crt ]] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=foreign -keyout foreign.key -out foreign.crt 2>/dev/null
  echo foreign.crt
}

## The driver's kubeconfig on a unit
kubeconfig_aside() { at "$1" mv /etc/magnum/kubeconfig /root/kubeconfig.good; }
kubeconfig_back() { at "$1" mv /root/kubeconfig.good /etc/magnum/kubeconfig; }
kubeconfig_to() { at "$1" sh -c 'umask 077; cat >/etc/magnum/kubeconfig; chown magnum:magnum /etc/magnum/kubeconfig'; } # from stdin
as_conductor() { # UNIT ARGS...: kubectl with the kubeconfig that the driver has there
  local unit=$1; shift
  at "$unit" cat /etc/magnum/kubeconfig >conductor.kubeconfig
  kubectl --kubeconfig conductor.kubeconfig --request-timeout 5s "$@"
}
conductor_authenticates() { as_conductor "$1" get --raw /apis; }
conductor_told() { # UNIT WORD: what the API answers it
  as_conductor "$1" -n "$NS" get secrets >told 2>&1 || true
  grep -q "$2" told
}
expired_client() { # a certificate's path without its suffix
  [[ expired.crt -nt $K/ca.crt ]] || {
    openssl req -newkey rsa:2048 -nodes -subj /O=system:masters/CN=admin -keyout expired.key -out expired.csr 2>/dev/null
    dated_certificate expired.csr extendedKeyUsage=clientAuth expired.crt
  }
  echo "$PWD/expired"
}
make_account() { # a ServiceAccount that may do all; account.kubeconfig has its token
  k -n kube-system create serviceaccount magnum-driver
  k create clusterrolebinding magnum-driver-account --clusterrole cluster-admin --serviceaccount kube-system:magnum-driver
  local token; token=$(k -n kube-system create token magnum-driver --duration 24h)
  (umask 077; kubeconfig "$K/admin" | sed "s/user: {client-.*}}/user: {token: $token}}/" >account.kubeconfig)
}
drop_account() {
  k delete clusterrolebinding magnum-driver-account --ignore-not-found
  k -n kube-system delete serviceaccount magnum-driver --ignore-not-found
}
api_resources() { # UNIT [JSON]: puts the option into the drop-in, or what was there back; the conductor is restarted
  if [[ -n ${2:-} ]]; then
    at "$1" cp -a $DROP_IN /root/drop-in
    at "$1" sed -i '/^api_resources/d' $DROP_IN
    echo "api_resources = $2" | at "$1" tee -a $DROP_IN
  else at "$1" mv /root/drop-in $DROP_IN; fi
  at "$1" systemctl restart magnum-conductor
}

## The conductor's configuration and packages on a unit
SITE_PACKAGES=/usr/local/lib/python3.11/dist-packages # of the daemon's interpreter
other_file() { # UNIT NAME SECTION LINE: one more file that oslo.config reads
  printf '[%s]\n%s\n' "$3" "$4" | at "$1" tee "/etc/magnum/magnum.conf.d/$2.conf" >/dev/null
  at "$1" systemctl restart magnum-conductor
}
no_other_file() { at "$1" rm -f "/etc/magnum/magnum.conf.d/$2.conf"; at "$1" systemctl restart magnum-conductor; } # UNIT NAME
daemon_default() { # UNIT LINE: after what is in /etc/default/magnum-conductor
  at "$1" cp -a /etc/default/magnum-conductor /root/default.good
  echo "$2" | at "$1" tee -a /etc/default/magnum-conductor >/dev/null
  at "$1" systemctl restart magnum-conductor
}
no_daemon_default() { at "$1" mv /root/default.good /etc/default/magnum-conductor; at "$1" systemctl restart magnum-conductor; }
other_driver() { # UNIT ENTRY_POINT MODULE: a distribution with a driver for the clusters of the graft's
  at "$1" sh -c "cd $SITE_PACKAGES; mkdir $3-0.1.dist-info
    printf 'Metadata-Version: 2.1\nName: $3\nVersion: 0.1\n' >$3-0.1.dist-info/METADATA
    printf '[magnum.drivers]\n$2 = $3:Driver\n' >$3-0.1.dist-info/entry_points.txt
    printf 'from magnum_capi_helm import driver\n\n\nclass Driver(driver.Driver):\n    pass\n' >$3.py"
}
no_other_driver() { at "$1" sh -c "cd $SITE_PACKAGES; rm -rf $2-0.1.dist-info $2.py; systemctl restart magnum-conductor"; } # UNIT MODULE
# by_juju: doctor's site lists the units by juju (lib/omega.sh), until by_ssh_again
by_juju() {
  juju_stand_in . cloud unit0
  rm -f juju.log
  cp omega.toml omega.toml.ssh
  sed '/^\[ssh\]/,$d' omega.toml.ssh >omega.toml
  printf '\n[conductor]\napplication = "magnum"\n\n[juju]\nmodel = "openstack"\nprogram = "%s"\n' "$PWD/bin/juju" >>omega.toml
}
juju_says() { jq "$1" status.json >status.json.new; mv status.json.new status.json; } # FILTER
by_ssh_again() { mv omega.toml.ssh omega.toml; }
nothing_executed() { ! grep -E '"(exec|ssh)".*"'"$1"'"' juju.log | cut -c1-200 | grep . || fail "$1 was asked something"; } # UNIT
# tls_server CERTIFICATE KEY: TLS at an address of its own, where no API is
tls_server() {
  setsid openssl s_server -quiet -www -accept 127.77.2.9:6443 -cert "$1" -key "$2" >/dev/null 2>&1 </dev/null 9>&- &
  echo $! >tls.pid
  until_true 20 'TLS is spoken' listens 127.77.2.9:6443
}
no_tls_server() { kill "$(cat tls.pid)"; rm tls.pid; }

## Cluster API's definitions and webhooks
CORE_CRDS=(clusters machines machinesets machinedeployments)
patch_crd() { # NAME FILTER: what jq makes of it
  k get crd "$1" -o json | jq "$2" | k replace -f - >/dev/null
}
conversion_to() { patch_crd "$1" ".spec.conversion.webhook.clientConfig.url = \"$2\""; }
conversion_ca() { patch_crd "$1" ".spec.conversion.webhook.clientConfig.caBundle = \"$(base64 -w0 "$2")\""; }
validation_to() { # BASE: where the core's validations go
  k get validatingwebhookconfiguration capi-core-validating-webhook-configuration -o json |
    jq --arg b "$1" '.webhooks[].clientConfig.url |= sub("https://[^/]*"; $b)' | k replace -f - >/dev/null
}
dry_run_write() { k -n "$NS" annotate cluster "$STACK" lab=x --overwrite --dry-run=server; }
reads_v1beta1() { k get --raw "/apis/${2:-cluster.x-k8s.io}/v1beta1/namespaces/$NS/$1"; } # PLURAL [GROUP]: as the driver does
serve_provider() { # v1alpha7|v1beta1: that version of the provider's kinds alone
  local kind
  for kind in openstackclusters openstackmachines openstackmachinetemplates; do
    patch_crd $kind.infrastructure.cluster.x-k8s.io "(.spec.versions[] | select(.name == \"v1beta1\")) as \$b
      | .spec.versions = if \"$1\" == \"v1beta1\" then [\$b * {served: true}] else [\$b * {name: \"v1alpha7\", storage: false}, \$b * {served: false}] end"
  done
}
serve_core() { # true|false: whether the core's kinds serve v1beta1
  local kind
  for kind in "${CORE_CRDS[@]}"; do patch_crd $kind.cluster.x-k8s.io "(.spec.versions[] | select(.name == \"v1beta1\")).served = $1"; done
}
available() { [[ $(k -n "$1" get deployment "$2" -o json | jq '.status.readyReplicas // 0') = 1 ]]; } # NAMESPACE DEPLOYMENT

## The cluster's own credential
credential() { k -n "$NS" get secret "$STACK-cloud-credentials" -o json | jq -r '.data["clouds.yaml"]' | base64 -d; }
credential_field() { credential | sed -n "s/^ *application_credential_$1: //p"; } # id|secret
credential_token() {
  curl -sS -m 30 -f -D - -o /dev/null -H 'Content-Type: application/json' "$KEYSTONE/auth/tokens" -d "$(jq -n --arg i "$(credential_field id)" --arg s "$(credential_field secret)" \
    '{auth: {identity: {methods: ["application_credential"], application_credential: {id: $i, secret: $s}}}}')" | tr -d '\r' | sed -n 's/^X-Subject-Token: //Ip'
}
credential_works() { [[ -n $(credential_token) ]]; }
credential_reaches_octavia() { curl -sf -m 30 -o /dev/null -H "X-Auth-Token: $(credential_token)" "$OCTAVIA/lbaas/loadbalancers"; }
admin_user() { api GET "$KEYSTONE/users?name=admin&domain_id=default" | jq -r '.users[0].id'; }
delete_credential() { api DELETE "$KEYSTONE/users/$(admin_user)/application_credentials/${1:-$(credential_field id)}"; } # [ID]
new_credential() { # [ROLE]: in the place of the one that is there; with all of admin's roles unless one is named
  local made new old; old=$(credential_field id); made=$(api POST "$KEYSTONE/users/$(admin_user)/application_credentials" "$(jq -n --arg n "magnum-$UUID-$RANDOM" --arg r "${1:-}" \
    '{application_credential: ({name: $n} + if $r == "" then {} else {roles: [{name: $r}]} end)}')")
  new=$(credential | sed -e "s/^\( *application_credential_id: \).*/\1$(jq -r .application_credential.id <<<"$made")/" \
    -e "s/^\( *application_credential_secret: \).*/\1$(jq -r .application_credential.secret <<<"$made")/" | base64 -w0)
  k -n "$NS" patch secret "$STACK-cloud-credentials" --type merge -p "{\"data\": {\"clouds.yaml\": \"$new\"}}" >/dev/null
  delete_credential "$old" || true
}
