# Workload clusters of the real Magnum, on the grafted conductor, one operation at a time.
define cluster-kubeconfig 900 cluster_kubeconfig
define cluster-ensure     1200 cluster_ensure
define cluster-absent     1200 cluster_absent

newest_run_of() { omega runs --output json >/dev/null; jq -r --arg r "$1" '[.runs[] | select(.runbook == $r)][0].id' out; }
cluster_id() { in_capi_mgmt api GET "$COE/clusters" | jq -r --arg n "$1" '.clusters[] | select(.name == $n) | .uuid'; }
remove_omega_clusters() { # and their templates; also of a run that was killed
  local id
  for id in $(in_capi_mgmt api GET "$COE/clusters" | jq -r '.clusters[] | select(.name | startswith("omega-")) | .uuid'); do
    in_capi_mgmt api DELETE "$COE/clusters/$id" || true
    until_true 300 'the cluster is gone' cluster_gone "$id" || true
  done
  remove_templates
  enable_endpoint volumev3 true
  no_floating_ips false
}
clusters_site() {
  site_for . ssh cloud
  OMEGA_WITHIN=400 exits 0 omega apply graft --yes # Magnum makes no template for a driver that it does not have
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml # the TLS region has no Octavia
  trap remove_omega_clusters EXIT
  remove_omega_clusters
}
who_am_i() { kubectl --kubeconfig "$1" --request-timeout 20s auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups[0]}'; }
fetch() { omega fetch-cluster-kubeconfig --yes --cluster omega-kubeconfig "$@"; }

cluster_kubeconfig() {
  local id key made
  clusters_site
  id=$(in_capi_mgmt make_cluster omega-kubeconfig "$(in_capi_mgmt make_template omega-kubeconfig)")
  exits 4 fetch --out new/config # it has no address yet
  said 'has no API address yet' || said 'there is no cluster' || fail 'the reason is missing'
  until_true 400 'the cluster is created' cluster_is_created "$id"

  exits 2 fetch --out new/config --plan
  [[ ! -e new ]] || fail 'a plan made the directory'
  exits 0 fetch --out new/config
  made=$(newest_run_of fetch-cluster-kubeconfig)
  same 'the modes of directory and file' '700 600' "$(stat -c %a new) $(stat -c %a new/config)"
  same 'who it is' 'admin system:masters' "$(who_am_i new/config)"
  kubectl --kubeconfig new/config --request-timeout 20s get namespace kube-system
  sha256sum new/config >sum.made

  # again, by id, and with the file readable by others
  exits 0 fetch --out new/config
  grep -q 'Nothing to do' out || fail 'it was fetched again'
  exits 0 omega fetch-cluster-kubeconfig --yes --cluster "$id" --out new/config
  sha256sum new/config >sum.now; same_file 'the file' sum.made sum.now
  chmod 644 new/config
  exits 0 fetch --out new/config
  same 'the mode' 600 "$(stat -c %a new/config)"

  # credentials that the cluster does not know
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /O=system:masters/CN=admin -keyout other.key -out other.crt 2>/dev/null
  kubectl --kubeconfig new/config config set-credentials omega-kubeconfig-admin --client-certificate other.crt --client-key other.key --embed-certs
  exits 2 fetch --out new/config --plan
  said 'the cluster does not accept it' || fail 'the plan does not say why'
  exits 0 fetch --out new/config
  same 'who it is' 'admin system:masters' "$(who_am_i new/config)"

  # another cluster's
  cp "$RUN/mgmt.kubeconfig" other; cp other other.before
  exits 4 fetch --out other
  said 'another certificate authority' || fail 'the other authority is not named'
  same_file "another cluster's file" other.before other
  exits 64 omega fetch-cluster-kubeconfig --yes --cluster omega-kubeconf --out none
  [[ ! -e none ]] || fail 'a refusal wrote a file'

  # from Cluster API: the same cluster
  exits 0 fetch --out second --from-management
  same 'who it is' 'kubernetes-admin system:masters' "$(who_am_i second | sed 's/kubeadm:cluster-admins/system:masters/')"
  exits 0 fetch --out new/config --from-management # Magnum's is accepted too
  grep -q 'Nothing to do' out || fail 'it was fetched again'

  # the key is in the file and nowhere else
  key=$(sed -n 's/.*client-key-data: *"\{0,1\}\([A-Za-z0-9+/=]*\).*/\1/p' new/config); [[ ${#key} -gt 100 ]]
  same 'the private key is in' '' "$(grep -rlF -e "${key:100:60}" -e "$(base64 -d <<<"$key" | sed -n 2p)" out err home/.local/state || true)"

  rm new/config
  exits 0 fetch --out new/config
  made=$(newest_run_of fetch-cluster-kubeconfig)
  exits 0 omega rollback --yes --run "$made"
  [[ ! -e new/config ]] || fail 'a rollback left the file'
}

ensure_one() { omega ensure-cluster --yes --name omega-one --template omega-one --keypair operator "$@"; }
absent_one() { omega ensure-cluster-absent --yes --cluster omega-one "$@"; }
clusters_named() { in_capi_mgmt api GET "$COE/clusters" | jq -r --arg n "$1" '[.clusters[] | select(.name == $n)] | length'; }
field_of() { in_capi_mgmt api GET "$COE/clusters/$1" | jq -r "$2"; }
capi_objects() { k get -A -o name clusters,machines,openstackclusters,openstackmachines; }

cluster_ensure() {
  local id run template
  clusters_site
  template=$(in_capi_mgmt make_template omega-one)
  exits 2 ensure_one --node-count 1 --label own=yes --plan
  same 'clusters after a plan' 0 "$(clusters_named omega-one)"
  exits 64 ensure_one --master-count 2 --plan
  exits 64 omega ensure-cluster --yes --name omega-one --template omega-none
  said 'no cluster template' || fail 'the template is not named'

  # what a create needs, by itself and before a create: all that is missing is named, and nothing is sent
  exits 0 omega check cluster-prerequisites --template omega-one --keypair operator --output json
  same 'the checks' 17 "$(jq '[.looked[0].sections[].items[]] | length' out)"
  local small; small=$(in_capi_mgmt small_template omega-small)
  exits 3 omega ensure-cluster --yes --name omega-one --template omega-small --keypair operator
  said '1 of 2 vCPUs' || fail 'the floor is not named'
  in_capi_mgmt no_floating_ips true
  exits 3 omega ensure-cluster --yes --name omega-one --template omega-small --keypair absent
  said '1 of 2 vCPUs' || fail 'the floor is not named beside the rest'
  said 'no key pair' || fail 'the key pair is not named'
  said 'floatingip needs 1 more and has 0' || fail 'the quota is not named'
  in_capi_mgmt no_floating_ips false
  same 'clusters after a refusal' 0 "$(clusters_named omega-one)"
  in_capi_mgmt api DELETE "$COE/clustertemplates/$small"

  # killed once Magnum has accepted it: the next run sends nothing
  background ensure-cluster --yes --name omega-one --template omega-one --keypair operator --node-count 1 --label own=yes
  until_true 60 'the request is sent' sent_create
  kill -KILL $omega_pid; wait $omega_pid || true
  OMEGA_WITHIN=600 exits 0 ensure_one --node-count 1 --label own=yes --output json
  same 'clusters of the name' 1 "$(clusters_named omega-one)"
  id=$(cluster_id omega-one)
  same 'the cluster' "CREATE_COMPLETE 1 1 operator yes $template" "$(field_of "$id" '"\(.status) \(.master_count) \(.node_count) \(.keypair) \(.labels.own) \(.cluster_template_id)"')"
  same 'the stages' 'infrastructure control-plane workers addons' "$(jq -r '[.proof.timeline[].stage] | join(" ")' out)"
  jq -e '[.proof.timeline[].seconds] | all(. >= 0) and add > 0' out

  # the simulator's contract
  (live_environment "$PWD"; export OMEGA_LAB_CLUSTER=$id; cd "$REPO/tests"; "$(built test openstack_contract)" --ignored of_one_cluster --nocapture)

  # again, by the template's id
  exits 0 ensure_one --node-count 1 --label own=yes
  grep -q 'Nothing to do' out || fail 'something was sent'
  exits 0 omega ensure-cluster --yes --name omega-one --template "$template" --label own=yes
  # other values
  exits 4 ensure_one --node-count 2 --label own=yes
  said 'coe cluster resize omega-one 2' || fail 'the remedy is missing'
  exits 4 ensure_one --node-count 1
  said 'own' || fail 'the label is not named'

  # before helm: no block storage in the catalog; --retry repeats it
  exits 0 omega ensure-cluster-absent --yes --cluster omega-one
  grep -q leftover out && fail 'a leftover is named' || true
  block_storage false
  exits 3 ensure_one --node-count 1
  said 'no public endpoint for block-storage' || fail 'the endpoint is not named'
  same 'clusters after a refusal' 0 "$(clusters_named omega-one)"
  OMEGA_WITHIN=400 exits 4 ensure_one --node-count 1 --accept volume-type
  said 'CREATE_FAILED' || fail 'the status is missing'
  grep -q 'endpoint' out err || fail "the doctor's finding is missing"
  block_storage true
  exits 4 ensure_one --node-count 1
  said '--retry' || fail '--retry is not named'
  OMEGA_WITHIN=600 exits 0 ensure_one --node-count 1 --retry
  same 'clusters of the name' 1 "$(clusters_named omega-one)"
  same 'the status' CREATE_COMPLETE "$(field_of "$(cluster_id omega-one)" .status)"
  exits 0 absent_one

  # rolled back: the delete is offered, with its checks
  OMEGA_WITHIN=600 exits 0 ensure_one --node-count 1
  run=$(newest_run_of ensure-cluster)
  serve core=v1beta2
  exits 4 omega rollback --yes --run "$run"
  said 'is not safe now' || fail 'the reason is missing'
  same 'clusters of the name' 1 "$(clusters_named omega-one)"
  serve
  OMEGA_WITHIN=300 exits 0 omega rollback --yes --run "$run"
  same 'clusters of the name' 0 "$(clusters_named omega-one)"
  same 'what is left of it' '' "$(capi_objects)"
}
small_template() { # NAME: with a flavor below the driver's floor; its uuid
  api GET "$NOVA/flavors/omega-tiny" >/dev/null 2>&1 ||
    api POST "$NOVA/flavors" '{"flavor": {"id": "omega-tiny", "name": "omega-tiny", "ram": 512, "vcpus": 1, "disk": 1}}' >/dev/null
  api POST "$COE/clustertemplates" "$(jq -n --arg n "$1" '{name: $n, image_id: "ubuntu-kube", coe: "kubernetes", external_network_id: "public",
    flavor_id: "omega-tiny", master_flavor_id: "m1.medium", network_driver: "calico"}')" | jq -r .uuid
}
no_floating_ips() { # true: the project may have none; false: as many as by default
  local quota; quota=$NEUTRON/quotas/$(jq -r .project "$RUN/fixtures.json")
  if [[ $1 = true ]]; then api PUT "$quota" '{"quota": {"floatingip": 0}}' >/dev/null; else api DELETE "$quota" >/dev/null || true; fi
}
sent_create() { journal | grep '"entry":"applied"' | grep -q 'openstack.cluster.v2'; }
block_storage() { # Magnum goes by the catalog of the token that it is asked with
  enable_endpoint volumev3 "$1"; rm -rf "$TOKENS" home/.cache
}

cluster_absent() {
  local stack ns secret
  clusters_site
  cloud_objects >before
  in_capi_mgmt make_template omega-one >/dev/null
  exits 0 absent_one # there is none
  OMEGA_WITHIN=600 exits 0 ensure_one --node-count 1
  stack=$(field_of "$(cluster_id omega-one)" .stack_id)
  ns=$(k get cluster -A -o jsonpath="{.items[?(@.metadata.name=='$stack')].metadata.namespace}")
  secret=$stack-cloud-credentials

  # not safe: nothing is sent
  serve core=v1beta2
  exits 4 absent_one
  said 'is not safe now' || fail 'the reason is missing'
  serve
  k -n "$ns" get secret "$secret" -o json | jq 'del(.metadata.resourceVersion, .metadata.uid, .metadata.managedFields)' >secret.json
  jq '.data["clouds.yaml"] |= (@base64d | sub("(?<a>application_credential_secret\"?: *\"?)"; "\(.a)x") | @base64)' secret.json | k replace -f -
  exits 4 absent_one
  said 'Keystone refuses' || fail 'the refusal is not named'
  k replace -f secret.json
  same 'the status' CREATE_COMPLETE "$(field_of "$(cluster_id omega-one)" .status)"

  # what it leaves is named; an address that carries its description stands for it
  exits 2 absent_one --plan
  STUCK_IN=capi-mgmt/capi in_cloud leave "$ns" "$stack"
  OMEGA_WITHIN=300 exits 0 absent_one --output json
  same 'clusters of the name' 0 "$(clusters_named omega-one)"
  same 'what is left in Cluster API' '' "$(capi_objects)"
  same 'the leftovers' 'leftover-network' "$(jq -r '[.findings[].rule] | unique | join(" ")' out)"
  jq -e '.findings[0].evidence[0].fact == "id" and (.findings[0].remedy | contains("release-stuck-delete"))' out
  exits 0 omega release-stuck-delete --yes --cluster "$stack" --namespace "$ns"
  cloud_objects >after
  same 'what is left of it in the cloud' '' "$(diff before after || true)"

  # an unsafe delete by hand: Magnum has forgotten it, Cluster API has not
  OMEGA_WITHIN=600 exits 0 ensure_one --node-count 1
  stack=$(field_of "$(cluster_id omega-one)" .stack_id)
  serve core=v1beta2
  in_capi_mgmt api DELETE "$COE/clusters/$(cluster_id omega-one)"
  until_true 120 'Magnum forgets it' eval '[[ $(clusters_named omega-one) = 0 ]]'
  serve
  exits 3 absent_one
  said 'leftover-cluster-api' || fail 'the Cluster is not named'
  said "$stack" || fail 'its name is missing'
  (umask 077; STUCK_IN=capi-mgmt/capi in_cloud credential good.yaml)
  k -n "$ns" delete clusters.cluster.x-k8s.io "$stack" --wait=false
  until_true 60 'it is being deleted' eval '[[ -n $(k -n "$ns" get clusters.cluster.x-k8s.io "$stack" -o jsonpath="{.metadata.deletionTimestamp}") ]]'
  exits 0 omega release-stuck-delete --yes --cluster "$stack" --namespace "$ns" --patience 1s --wait 4s --credential-from good.yaml
  exits 0 absent_one
  local daemon; for daemon in kube-apiserver etcd; do end_daemon "$K/workload/$stack/$daemon.pid"; done
  rm -rf "$K/workload/$stack"
}
