# Workload clusters of the real Magnum, on the grafted conductor, one operation at a time.
define cluster-kubeconfig 900 cluster_kubeconfig

newest_run_of() { omega runs --output json >/dev/null; jq -r --arg r "$1" '[.runs[] | select(.runbook == $r)][0].id' out; }
cluster_id() { in_capi_mgmt api GET "$COE/clusters" | jq -r --arg n "$1" '.clusters[] | select(.name == $n) | .uuid'; }
remove_omega_clusters() { # and their templates; also of a run that was killed
  local id
  for id in $(in_capi_mgmt api GET "$COE/clusters" | jq -r '.clusters[] | select(.name | startswith("omega-")) | .uuid'); do
    in_capi_mgmt api DELETE "$COE/clusters/$id" || true
    until_true 300 'the cluster is gone' cluster_gone "$id" || true
  done
  remove_templates
}
clusters_site() {
  site_for . ssh cloud
  OMEGA_WITHIN=400 exits 0 omega apply graft # Magnum makes no template for a driver that it does not have
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml # the TLS region has no Octavia
  trap remove_omega_clusters EXIT
  remove_omega_clusters
}
who_am_i() { kubectl --kubeconfig "$1" --request-timeout 20s auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups[0]}'; }
fetch() { omega fetch-cluster-kubeconfig --cluster omega-kubeconfig "$@"; }

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
  exits 0 omega fetch-cluster-kubeconfig --cluster "$id" --out new/config
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
  exits 4 omega fetch-cluster-kubeconfig --cluster omega-kubeconf --out none
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
  exits 0 omega rollback --run "$made"
  [[ ! -e new/config ]] || fail 'a rollback left the file'
}
