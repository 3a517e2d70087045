# The cloud's APIs and the clusters, as the operator reaches them with curl, kubectl and SQL: what faults are put with.
KEYSTONE=http://$CLOUD:5000/v3 NEUTRON=http://$CLOUD:9696/v2.0 NOVA=http://$CLOUD:8774/v2.1
OCTAVIA=http://$CLOUD:9876/v2 COE=http://$CLOUD:9511/v1
TOKENS=$RUN/tokens

# token PROJECT DOMAIN: admin's, kept for half of its life of an hour
token() {
  local f=$TOKENS/$2.$1
  [[ -n $(find "$f" -size +0 -mmin -30 2>/dev/null) ]] || {
    (umask 077; mkdir -p "$TOKENS")
    curl -sS -m 60 -D - -o /dev/null -H 'Content-Type: application/json' "$KEYSTONE/auth/tokens" -d "$(jq -n --arg p "$1" --arg d "$2" '{auth: {
      identity: {methods: ["password"], password: {user: {name: "admin", domain: {id: "default"}, password: "lab"}}},
      scope: {project: {name: $p, domain: {name: $d}}}}}')" | tr -d '\r' | sed -n 's/^X-Subject-Token: //Ip' >"$f"
    [[ -s $f ]] || { rm -f "$f"; return 1; }
  }
  cat "$f"
}
# api METHOD URL [JSON]: the answer; fails from 400 on. In project admin, or in API_PROJECT of API_DOMAIN
api() {
  local method=$1 url=$2 t version=(); shift 2
  t=$(token "${API_PROJECT:-admin}" "${API_DOMAIN:-Default}")
  [[ $url != "$COE"* ]] || version=(-H 'OpenStack-API-Version: container-infra latest')     # Cinder answers 400 to it
  curl -sS -m 60 --fail-with-body -X "$method" -H "X-Auth-Token: $t" -H 'Content-Type: application/json' \
    ${version[@]+"${version[@]}"} "$url" ${1:+-d "$1"}
}
in_capi_mgmt() { API_PROJECT=capi-mgmt API_DOMAIN=capi "$@"; }
db() { at cloud mariadb -BNe "$1"; }      # SQL
k() { kubectl --kubeconfig "$RUN/mgmt.kubeconfig" --request-timeout 20s "$@"; }
wk() { kubectl --kubeconfig "$K/workload/$STACK/admin.conf" --request-timeout 20s "$@"; }      # in the cluster $STACK

admin_project() { api GET "$KEYSTONE/projects?name=admin&domain_id=default" | jq -r '.projects[0].id'; }
endpoint_of() { # SERVICE_TYPE: its public endpoint's id in the region that Magnum uses
  local s; s=$(api GET "$KEYSTONE/services?type=$1" | jq -r '.services[0].id')
  api GET "$KEYSTONE/endpoints?service_id=$s&interface=public&region_id=RegionOne" | jq -r '.endpoints[0].id'
}

# make_template NAME [network driver]: for clusters of the lab's image; its uuid
make_template() {
  api POST "$COE/clustertemplates" "$(jq -n --arg n "$1" --arg d "${2:-calico}" '{name: $n, image_id: "ubuntu-kube", coe: "kubernetes",
    external_network_id: "public", flavor_id: "m1.medium", master_flavor_id: "m1.medium", keypair_id: "operator", network_driver: $d}')" | jq -r .uuid
}
# make_cluster NAME TEMPLATE: its uuid
make_cluster() {
  api POST "$COE/clusters" "$(jq -n --arg n "$1" --arg t "$2" \
    '{name: $n, cluster_template_id: $t, keypair: "operator", master_count: 1, node_count: 1}')" | jq -r .uuid
}
cluster() { api GET "$COE/clusters/$1" | jq -r "$2"; }        # UUID FILTER
cluster_is() { [[ $(cluster "$1" '"\(.status) \(.health_status)"') = "$2" ]]; }      # UUID "STATUS HEALTH"
cluster_gone() { [[ $(curl -s -m 30 -o /dev/null -w '%{http_code}' -H "X-Auth-Token: $(token admin Default)" "$COE/clusters/$1") = 404 ]]; }
