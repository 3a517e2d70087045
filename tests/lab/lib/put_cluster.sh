# What the faults of a cluster are put and healed with: Cluster API's objects, its release, the cluster inside.

## A second cluster, `young`: made for one fault and taken away with it
young_object() { k -n "$NS" get "$(kind "$1")" "$(cat young.stack)" -o json | jq -r "$2 // empty"; } # KIND FILTER
young_named() { [[ $(cluster "$(cat young.uuid)" .stack_id) != null ]]; }
young_exists() { young_object cluster .metadata.name; }
form() { # [EXISTS|HEALTHY|FAILED]: returns when Cluster API has it, it is healthy, or its create failed
  make_cluster young "$TEMPLATE" >young.uuid
  until_true 60 'young has a name' young_named
  cluster "$(cat young.uuid)" .stack_id >young.stack
  case ${1:-EXISTS} in
    EXISTS) until_true 120 'young exists' young_exists ;;
    HEALTHY) until_true 300 'young is healthy' cluster_is "$(cat young.uuid)" 'CREATE_COMPLETE HEALTHY' ;;
    FAILED) until_true 120 'young failed' cluster_is "$(cat young.uuid)" 'CREATE_FAILED null' ;;
  esac
}
unform_begin() { api DELETE "$COE/clusters/$(cat young.uuid)"; }
unform() { # a delete that comes in the middle of a create is repeated
  local i
  for i in 1 2 3; do
    cluster_gone "$(cat young.uuid)" && return
    unform_begin || true
    until_true 90 'young is gone' cluster_gone "$(cat young.uuid)" && return
  done
  return 1
}
formed_says() { k -n "$NS" get "$(kind openstackcluster)" "$(cat young.stack)" -o json | jq -c .status | grep -E "$1"; } # PATTERN

## Objects of the sound cluster
kind() {
  case $1 in
    openstackcluster) echo openstackclusters.infrastructure.cluster.x-k8s.io ;;
    cluster | machinedeployment | machine) echo "$1s.cluster.x-k8s.io" ;;
  esac
}
object() { # KIND FILTER
  local name=$STACK; [[ $1 != machinedeployment ]] || name=$STACK-default-worker
  k -n "$NS" get "$(kind "$1")" "$name" -o json | jq -r "$2"
}
knob() { echo "$*" >>"$K/knobs"; } # PATTERN KNOB [TEXT]
no_knobs() { : >"$K/knobs"; }
scale_workers() { k -n "$NS" scale "$(kind machinedeployment)" "$STACK-default-worker" --replicas "$1"; }
one_worker() { [[ $(k -n "$NS" get "$(kind machine)" -l "cluster.x-k8s.io/cluster-name=$STACK,cluster.x-k8s.io/deployment-name" -o name | wc -l) = 1 ]]; }
resize() { api POST "$COE/clusters/$UUID/actions/resize" "{\"node_count\": $1}"; } # as the user asks Magnum for it
in_magnum() { # STATUS: what Magnum has on record of it and its node groups, since ten minutes ago
  local set="status = '$1', updated_at = UTC_TIMESTAMP() - INTERVAL 10 MINUTE"
  db "UPDATE magnum.cluster SET $set WHERE uuid = '$UUID'; UPDATE magnum.nodegroup SET $set WHERE cluster_id = '$UUID'"
}
# what only does not happen is a fault once it has not happened for $patience seconds, a number that doctor is given
waited_long() { ((SECONDS - PUT_AT > patience)); }

## Its release
helm_here() { helm --kubeconfig "$RUN/mgmt.kubeconfig" -n "$NS" "$@"; }
upgrade_release() { helm_here upgrade "$STACK" "$HERE/kube/openstack-cluster" --reuse-values "$@"; }
release_status() { helm_here status "$STACK" -o json | jq -r .info.status; }
pending() { [[ $(release_status) = pending-upgrade ]]; }
upgrade_release_and_die() { # a hook that never ends, and helm killed while it waits
  rm -rf chart; cp -r "$HERE/kube/openstack-cluster" chart
  cat >chart/templates/hook.yaml <<'Y'
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-hook", annotations: {helm.sh/hook: pre-upgrade}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: x, image: x}]}}}
Y
  helm_here upgrade "$STACK" chart --reuse-values >/dev/null 2>&1 & local helm=$!
  until_true 30 'the release is pending' pending
  kill -KILL $helm; wait $helm || true
}
