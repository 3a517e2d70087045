# A proof of 7.9 that is killed with -9: what it made for itself is removed by the next run, or by `runs sweep`.
define prove-killed 1500 prove_killed intent_of_template template_there intent_of_cluster cluster_there cluster_complete
define prove-killed-ci 400 prove_killed template_there

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
accept_killed() {
  local n=0 wait
  accept_cluster_site
  trap remove_templates EXIT
  for wait in 1 3 6 10 15 25 40 60 80 100; do
    background accept --yes --only D-011.5 --report-dir reports
    sleep $wait
    kill -KILL $omega_pid 2>/dev/null || true; wait $omega_pid || true
    OMEGA_WITHIN=400 exits 0 omega runs sweep --yes
    nothing_of_accept_is_left "killed after $wait s"
    n=$((n + 1))
  done
  same kills 10 $n
  # one report: of the run that came to its end
  rm -rf reports
  OMEGA_WITHIN=900 cluster_items || true
  same 'reports' report.json "$(cd reports && ls *.json)"
  nothing_of_accept_is_left 'at the end'
}
