# A proof of 7.9 that is killed with -9: what it made for itself is removed by the next run, or by `runs sweep`.
define prove-killed 1500 prove_killed intent_of_template template_there intent_of_cluster cluster_there cluster_complete
define prove-killed-ci 400 prove_killed template_there

prove_killed() { # POINT...
  site_for . ssh cloud
  exits 0 omega apply graft
  cloud_objects >before; proof_objects >proof.before; credentials >credentials.before
  same 'proofs before' '' "$(cat proof.before)"
  local point n=0
  for point in "$@"; do
    background apply graft --prove=cluster
    until_true 500 "$point" $point
    kill -KILL $omega_pid; wait $omega_pid || true
    # the next run removes what is left of the one before, or the operator does
    OMEGA_WITHIN=500
    if ((n % 2)); then exits 0 omega apply graft; else exits 0 omega runs sweep; fi
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
