# Cluster templates: the real Magnum, on the grafted conductor, held to Magnum's own client.
define template        700 template_case
define template-in-use 900 template_in_use

coe_template() { # as the operator has it, in the management project
  OS_CLIENT_CONFIG_FILE=$PWD/clouds.yaml "$LAB/osc/bin/openstack" --os-cloud plain --os-project-name capi-mgmt --os-project-domain-name capi \
    coe cluster template "$@"
}
templates() { # of omega's: id, name, and what may differ
  in_capi_mgmt api GET "$COE/clustertemplates" |
    jq -r '.clustertemplates[] | select(.name | startswith("omega-")) | "\(.uuid) \(.name) \(.network_driver) \(.image_id) \(.flavor_id) \(.dns_nameserver) \(.master_lb_enabled) \(.hidden) \(.labels | to_entries | sort_by(.key) | from_entries | tojson)"' | sort
}
remove_templates() { # also of a run that was killed
  local id; for id in $(templates | cut -d' ' -f1); do in_capi_mgmt api DELETE "$COE/clustertemplates/$id" || true; done
}
ensure_template() { omega ensure-cluster-template --yes "$@"; }
template_site() {
  site_for . ssh cloud
  # Magnum makes no template for a driver that it does not have
  OMEGA_WITHIN=400 exits 0 omega apply graft --yes
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml      # the region with TLS has no Glance
  cat >>omega.toml <<'T'

[template.omega-template]
image = "ubuntu-kube"
external_network = "public"
flavor = "m1.medium"
master_flavor = "m1.medium"
dns_nameserver = "192.0.2.53"
master_lb_enabled = true
labels = { octavia_provider = "amphora", kube_tag = "v1.34.8" }
T
  trap remove_templates EXIT
  remove_templates
}
said() { cat out err | tr -s ' \n' ' ' | grep -qF -- "$1"; }      # whatever the breaks between lines
newest_run() { omega runs --output json >/dev/null; jq -r '[.runs[] | select(.runbook == "ensure-cluster-template")][0].id' out; }

template_case() {
  local made image twin created changed
  local labels='{"octavia_provider":"amphora","kube_tag":"v1.34.8"}'
  template_site
  exits 2 ensure_template --plan
  grep -q ignored-label out || fail 'the label without effect is not named in the plan'
  same 'templates after a plan' '' "$(templates)"
  exits 2 ensure_template --plan --label keystone_auth_enabled=true --label auto_healing_enabled=false --output json
  same findings 'auto-healing keystone-auth ignored-label ignored-field' "$(jq -r '[.findings[].rule] | join(" ")' out)"
  exits 0 ensure_template
  grep -q ignored-field out || fail 'the field without effect is not named in the result'
  created=$(newest_run)
  made=$(templates)
  same template "omega-template calico ubuntu-kube m1.medium 192.0.2.53 true false" "$(cut -d' ' -f2-8 <<<"$made")"
  same labels "$(jq -S . <<<"$labels")" "$(cut -d' ' -f9 <<<"$made" | jq -S .)"
  coe_template show omega-template -f json >shown.json
  same "the client's view" 'calico ubuntu-kube 192.0.2.53 kubernetes' "$(jq -r '"\(.network_driver) \(.image_id) \(.dns_nameserver) \(.coe)"' shown.json)"
  jq -e '(.master_lb_enabled | tostring | ascii_downcase) == "true" and (.labels | tostring | contains("amphora"))' shown.json

  # the same again, and by ids: nothing is sent
  exits 0 ensure_template
  grep -q 'Nothing to do' out || fail 'something was sent'
  image=$(in_capi_mgmt api GET "http://$CLOUD:9292/v2/images?name=ubuntu-kube" | jq -r '.images[0].id')
  exits 0 ensure_template --image "$image" --flavor m1
  grep -q 'Nothing to do' out || fail 'an id does not name the same'
  same 'the template' "$made" "$(templates)"

  # a label, and back
  exits 0 ensure_template --label octavia_provider=ovn
  changed=$(newest_run)
  same 'the new label' ovn "$(templates | cut -d' ' -f9 | jq -r .octavia_provider)"
  exits 4 omega rollback --yes --run "$created"           # it is not what was created
  exits 0 omega rollback --yes --run "$changed"
  same 'the template, rolled back' "$made" "$(templates)"

  # refused: another image, flannel, twins
  exits 4 ensure_template --image omega-absent --label octavia_provider=ovn --plan
  said 'found: image_id ubuntu-kube' || fail 'the plan does not show what Magnum has'
  exits 4 ensure_template --image omega-absent --label octavia_provider=ovn
  said 'another image' || fail 'the image is not named'
  said 'octavia_provider ovn' || fail 'the other difference is not shown'
  exits 64 ensure_template --network-driver flannel
  exits 1 ensure_template --flavor omega-absent     # Magnum refuses it
  said 'Unable to find flavor' || fail "Magnum's words are missing"
  same 'the template after refusals' "$made" "$(templates)"
  coe_template update omega-template --network-driver flannel
  exits 0 ensure_template
  same 'calico again' "$made" "$(templates)"
  twin=$(in_capi_mgmt make_template omega-template)
  exits 4 ensure_template
  said "$twin" || fail 'the twin is not named'
  said "${made%% *}" || fail 'the template is not named'
  in_capi_mgmt api DELETE "$COE/clustertemplates/$twin"

  exits 0 omega rollback --yes --run "$created"
  same 'templates after a rollback' '' "$(templates)"
  exits 0 omega runs sweep --plan
}

template_in_use() {
  local made id created
  template_site
  exits 0 ensure_template
  created=$(newest_run)
  made=$(templates)
  id=$(in_capi_mgmt make_cluster omega-in-use "${made%% *}")
  until_true 60 'the cluster' api GET "$COE/clusters/$id"
  exits 4 ensure_template --label octavia_provider=ovn
  said 'omega-in-use' || fail 'the cluster is not named'
  exits 4 ensure_template --label octavia_provider=ovn --hidden
  same 'the template' "$made" "$(templates)"
  exits 0 ensure_template --hidden
  same hidden true "$(templates | cut -d' ' -f8)"
  exits 0 omega rollback --yes --run "$(newest_run)"
  same 'the template, shown again' "$made" "$(templates)"
  exits 4 omega rollback --yes --run "$created"
  said 'omega-in-use' || fail 'the rollback does not name the cluster'
  # a deletion would overtake its creation
  until_true 400 'the cluster is created' cluster_is_created "$id"
  api DELETE "$COE/clusters/$id"
  OMEGA_WITHIN=300 exits 0 omega rollback --yes --run "$created"      # it waits for the cluster
  cluster_gone "$id"
  same 'templates after a rollback' '' "$(templates)"
}
cluster_is_created() { [[ $(api GET "$COE/clusters/$1" | jq -r .status) = CREATE_COMPLETE ]]; }
