# A proof of 7.9 that is killed with -9: what it made for itself is removed by the next run, or by `runs sweep`.
define prove-killed 1500 prove_killed intent_of_template template_there intent_of_cluster cluster_there cluster_complete

prove_killed() { # POINT...
  site_for . ssh cloud
  exits 0 omega apply graft --yes
  cloud_objects >before; proof_objects >proof.before; credentials >credentials.before
  same 'proofs before' '' "$(cat proof.before)"
  local point n=0
  for point in "$@"; do
    background apply graft --yes --prove=cluster
    until_true 500 "$point" $point
    kill -KILL $omega_pid; wait $omega_pid || true
    # the next run removes what is left of the one before, or the operator does
    OMEGA_WITHIN=500
    if ((n % 2)); then exits 0 omega apply graft --yes; else exits 0 omega runs sweep --yes; fi
    n=$((n + 1))
    exits 0 omega runs sweep --plan
    nothing_is_left "$point"
  done
}

journal() { cat home/.local/state/omega/runs/*/journal.jsonl 2>/dev/null; }
# what is begun and not removed: the last of its kind in the journals has no `removed` after it
intent_of() { journal | grep '"entry":"intent"' | grep '"temporary":true' | tail -n 1 | grep -q "\"kind\":\"openstack.$1"; }
intent_of_template() { intent_of cluster-template; }
intent_of_cluster() { intent_of 'cluster[.]'; }
template_there() { proof_objects | grep -q '^template '; }
cluster_there() { proof_objects | grep -q '^cluster '; }
cluster_complete() { proof_objects | grep -q '^cluster .* CREATE_COMPLETE'; }

# proof_objects: what a proof makes, in Magnum
proof_objects() {
  in_capi_mgmt api GET "$COE/clustertemplates" | jq -r '.clustertemplates[] | select(.name | startswith("omega-proof")) | "template \(.name)"'
  in_capi_mgmt api GET "$COE/clusters" | jq -r '.clusters[] | select(.name | startswith("omega-proof")) | "cluster \(.name) \(.status)"'
}
# credentials: every trust and application credential that Keystone has
credentials() {
  db 'SELECT CONCAT("trust ", id) FROM keystone.trust WHERE deleted_at IS NULL'
  db 'SELECT CONCAT("application credential ", id) FROM keystone.application_credential'
}

nothing_is_left() { # POINT
  same "what is left in Magnum, killed at $1" '' "$(proof_objects)"
  same "what is left in Cluster API, killed at $1" '' "$(k get -A -o name clusters,machines,openstackclusters,openstackmachines)"
  cloud_objects >after
  same "what is left in the cloud, killed at $1" '' "$(diff before after || true)"
  credentials >credentials.after
  same "what is left in Keystone, killed at $1" '' "$(diff credentials.before credentials.after || true)"
}

# The acceptance with a cluster of its own: created to COMPLETE, looked into, deleted; killed with -9 at ten points.
define accept-cluster 900 accept_cluster
define accept-stalls  600 accept_stalls
define accept-killed  2400 accept_killed

cluster_items() { omega accept --yes --only D-011.5 --report-dir reports "$@"; }
accept_cluster_site() {
  site_for . ssh cloud
  OMEGA_WITHIN=400 exits 0 omega apply graft --yes
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml # the TLS region has no Octavia
  in_capi_mgmt make_template omega-accept >/dev/null
  printf '\n[acceptance.create_cluster]\ntemplate = "omega-accept"\nkeypair = "operator"\nnode_count = 1\nsettle_within = "5s"\n' >>omega.toml
  cloud_objects >before; credentials >credentials.before
}
accepted_clusters() { in_capi_mgmt api GET "$COE/clusters" | jq -r '.clusters[] | select(.name | startswith("omega-accept-")) | .name'; }
nothing_of_accept_is_left() { # WHEN
  same "clusters, $1" '' "$(accepted_clusters)"
  same "what is left in Cluster API, $1" '' "$(k get -A -o name clusters,machines,openstackclusters,openstackmachines)"
  cloud_objects >after
  same "what is left in the cloud, $1" '' "$(diff before after || true)"
  credentials >credentials.after
  same "what is left in Keystone, $1" '' "$(diff credentials.before credentials.after || true)"
}
accept_cluster() {
  accept_cluster_site
  trap remove_templates EXIT
  # The lab's nodes are objects, and no pod runs: what is inside the cluster is found wanting, and only that.
  OMEGA_WITHIN=900 cluster_items || true
  jq -r '.items[0].findings[].rule' reports/report.json | sort -u >rules
  ! grep -qE 'cluster-(not-created|left|not-complete|unhealthy|missing|without-objects)|leftover' rules || fail "$(cat rules)"
  same 'the stages' 'infrastructure control plane workers addons' "$(jq -r '.items[0].charts[0].stages[].name' reports/report.json | xargs)"
  same 'the report says what is left' 0 "$(jq '.left | length' reports/report.json)"
  nothing_of_accept_is_left 'after a run'

  # what it needs is asked first: nothing is created
  enable_endpoint volumev3 false; rm -rf "$TOKENS" home/.cache
  exits 3 cluster_items
  enable_endpoint volumev3 true; rm -rf "$TOKENS" home/.cache # a token has the catalog that it was made with
  jq -e '[.items[0].findings[].rule] | index("volume-type")' reports/report.json
  nothing_of_accept_is_left 'after a refusal'
}
# A creation that does not come to an end is named by the doctor, and nothing stays.
accept_stalls() {
  accept_cluster_site
  trap remove_templates EXIT
  echo 'omega-accept-* machines-stall' >>"$K/knobs"
  sed -i 's/^settle_within/within = "75s"\nsettle_within/' omega.toml
  (sleep 110; : >"$K/knobs") & # and nothing that is stalled is deleted
  OMEGA_WITHIN=400 exits 3 cluster_items
  wait $!
  jq -e '[.items[0].findings[].rule] | index("cluster-not-created") and index("control-plane")' reports/report.json
  nothing_of_accept_is_left 'after a failure'
}
# Each point is a state that is seen, not a time: of the journal, of Magnum, of Cluster API.
accept_killed() {
  local point n=0 last
  accept_cluster_site
  trap remove_templates EXIT
  for point in begun intent_written accepted infrastructure_ready control_plane_ready workers_ready complete healthy deleting going; do
    last=$(newest_run)
    background accept --yes --only D-011.5 --report-dir reports
    until_true 400 "$point" of_a_new_run "$last" "accept_is_$point"
    kill -KILL $omega_pid 2>/dev/null || fail "at $point it had ended already"
    wait $omega_pid || true
    same "reports, killed at $point" 0 "$(accept_reports)"
    [[ ! -e reports/report.json ]] || fail "killed at $point, it wrote a report"
    OMEGA_WITHIN=400 exits 0 omega runs sweep --yes
    nothing_of_accept_is_left "killed at $point"
    n=$((n + 1))
  done
  same kills 10 $n
  # what the killed run was asked for is checked by the run that continues it: one report, of that run
  last=$(newest_run)
  OMEGA_WITHIN=900 omega accept --yes --resume "$last" --report-dir reports || true
  same 'reports at the end' 1 "$(accept_reports)"
  same 'the run that is continued' "$last" "$(jq -r .resumes reports/report.json)"
  same 'the report is of the last run' "$(newest_run)" "$(jq -r .run reports/report.json)"
  same 'its items' D-011.5 "$(jq -r '.items[].id' reports/report.json)"
  jq -e '.interrupted == false and .left == [] and (.items[0].charts | length) > 0' reports/report.json
  nothing_of_accept_is_left 'at the end'
}
ACCEPT_RUNS=home/.local/state/omega/runs
newest_run() { ls "$ACCEPT_RUNS" | grep -v '^lock' | tail -n 1; }
of_a_new_run() { [[ $(newest_run) != "$1" ]] && "$2"; } # LAST POINT
accept_reports() { # how many runs of accept have a report
  local run
  for run in "$ACCEPT_RUNS"/*/run.json; do
    if [[ $(jq -r .runbook "$run") = accept && -e ${run%run.json}report.json ]]; then echo; fi
  done | wc -l
}
accept_journal() { cat "$ACCEPT_RUNS/$(newest_run)/journal.jsonl"; }
accept_cluster_has() { in_capi_mgmt api GET "$COE/clusters" | jq -e --arg k "$1" --arg v "$2" '.clusters[] | select((.name | startswith("omega-accept-")) and .[$k] == $v)'; }
accept_condition() { k get clusters.cluster.x-k8s.io -A -o json | jq -e --arg c "$1" '.items[].status.conditions[]? | select(.type == $c and .status == "True")'; }
accept_is_begun() { accept_journal | grep -q '"begun.json"'; }
accept_is_intent_written() { accept_journal | grep '"entry":"intent"' | grep -q '"kind":"openstack.requested-cluster'; }
accept_is_accepted() { [[ -n $(accepted_clusters) ]]; }
accept_is_infrastructure_ready() { accept_condition InfrastructureReady; }
accept_is_control_plane_ready() { accept_condition ControlPlaneAvailable; }
accept_is_workers_ready() { accept_condition WorkersAvailable; }
accept_is_complete() { accept_cluster_has status CREATE_COMPLETE; }
accept_is_healthy() { accept_cluster_has health_status HEALTHY; }
accept_is_deleting() { accept_cluster_has status DELETE_IN_PROGRESS; }
accept_is_going() { k get clusters.cluster.x-k8s.io -A -o json | jq -e '.items[] | select(.metadata.deletionTimestamp)'; }
