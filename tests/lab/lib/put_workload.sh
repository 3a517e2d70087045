# What the faults inside a workload cluster are put with. Nothing reconciles there but its API server: no kubelet, no
# scheduler, so a status stays as it is set.
worker_node() { wk get nodes -o json | jq -r 'first(.items[] | select(.metadata.labels["node-role.kubernetes.io/control-plane"] == null)).metadata.name'; }
set_ready() { # KIND NAMESPACE NAME READY: of one that should be there as often as it says
  local status; case $1 in
    daemonset) status='{currentNumberScheduled: .status.desiredNumberScheduled, desiredNumberScheduled: .status.desiredNumberScheduled, numberMisscheduled: 0, observedGeneration: .metadata.generation,
      numberReady: $n, numberAvailable: $n, updatedNumberScheduled: .status.desiredNumberScheduled, numberUnavailable: (.status.desiredNumberScheduled - $n)}' ;;
    deployment) status='{observedGeneration: .metadata.generation, replicas: .spec.replicas, updatedReplicas: .spec.replicas, readyReplicas: $n, availableReplicas: $n, unavailableReplicas: (.spec.replicas - $n),
      conditions: [{type: "Available", status: (if $n >= .spec.replicas then "True" else "False" end), reason: "Lab", lastTransitionTime: (now | todate), lastUpdateTime: (now | todate)}]}' ;;
  esac
  wk -n "$2" get "$1" "$3" -o json | jq --argjson n "$4" ".status = $status" | wk replace --subresource status -f - >/dev/null
}
daemonset_ready() { set_ready daemonset "$@"; }
deployment_ready() { set_ready deployment "$@"; }
pod_status() { # NAMESPACE NAME STATUS-JSON
  wk -n "$1" patch pod "$2" --subresource status --type merge -p "{\"status\": $3}" >/dev/null
}
pods_of() { wk -n "$1" get pods -l "lab=$2" -o name | sed 's|^pod/||'; } # NAMESPACE NAME
crash_loop() { # NAMESPACE NAME: its pods
  local p
  for p in $(pods_of "$1" "$2"); do
    pod_status "$1" "$p" "$(jq -n --arg n "$2" '{phase: "Running", conditions: [{type: "Ready", status: "False", reason: "ContainersNotReady", message: "containers with unready status: [\($n)]"}],
      containerStatuses: [{name: $n, image: $n, imageID: "", ready: false, restartCount: 23, state: {waiting: {reason: "CrashLoopBackOff", message: "back-off 5m0s restarting failed container"}},
      lastState: {terminated: {exitCode: 1, reason: "Error", finishedAt: (now - 60 | todate)}}}]}')"
  done
}
pod_runs() { # NAMESPACE POD CONTAINER [RESTARTS]
  pod_status "$1" "$2" "$(jq -n --arg n "$3" --argjson r "${4:-0}" '{phase: "Running", conditions: ([("PodScheduled", "Initialized", "ContainersReady", "Ready") | {type: ., status: "True"}]),
    containerStatuses: [{name: $n, image: $n, imageID: "", ready: true, started: true, restartCount: $r, state: {running: {startedAt: (now - 3600 | todate)}}}]}')"
}

# furnish: what a cluster of this chart has inside when all is well: Calico, the cloud controller, Cinder's CSI, CoreDNS,
# kube-proxy, with their pods running. The stand-in for the chart brings none of it.
FURNITURE=(                                   # kind, namespace, name, image, labels that its pods have
  'daemonset kube-system kube-proxy images.example/kube-proxy:v1.34.8 {"k8s-app":"kube-proxy"}'
  'deployment kube-system coredns images.example/coredns/coredns:v1.12.1 {"k8s-app":"kube-dns"}'
  'deployment tigera-operator tigera-operator mirror.example/tigera/operator:v1.40.7 {"k8s-app":"tigera-operator"}'
  'daemonset calico-system calico-node mirror.example/calico/node:v3.31.5 {"k8s-app":"calico-node"}'
  'deployment calico-system calico-kube-controllers mirror.example/calico/kube-controllers:v3.31.5 {"k8s-app":"calico-kube-controllers"}'
  'daemonset openstack-system openstack-cloud-controller-manager images.example/provider-os/openstack-cloud-controller-manager:v1.34.1 {"app":"openstack-cloud-controller-manager","component":"controllermanager"}'
  'deployment openstack-system openstack-cinder-csi-controllerplugin images.example/provider-os/cinder-csi-plugin:v1.34.1 {"app":"openstack-cinder-csi","component":"controllerplugin"}'
  'daemonset openstack-system openstack-cinder-csi-nodeplugin images.example/provider-os/cinder-csi-plugin:v1.34.1 {"app":"openstack-cinder-csi","component":"nodeplugin"}'
)
furnish() {
  local piece kind namespace name image labels n p
  wk get storageclass csi-cinder >/dev/null 2>&1 || wk create -f - >/dev/null <<'Y'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: csi-cinder, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: cinder.csi.openstack.org
Y
  for namespace in tigera-operator calico-system openstack-system; do wk get namespace $namespace >/dev/null 2>&1 || wk create namespace $namespace >/dev/null; done
  for piece in "${FURNITURE[@]}"; do
    read -r kind namespace name image labels <<<"$piece"
    wk -n "$namespace" get "$kind" "$name" >/dev/null 2>&1 || furnish_one "$kind" "$namespace" "$name" "$labels" "$image"
    n=0; for p in $(pods_of "$namespace" "$name"); do pod_runs "$namespace" "$p" "$name"; n=$((n + 1)); done
    "${kind}_ready" "$namespace" "$name" $n
  done
}
furnish_one() { # KIND NAMESPACE NAME LABELS IMAGE: with a pod on each node
  local nodes node i=0; nodes=$(wk get nodes -o json | jq -r '.items[].metadata.name')
  jq -n --arg k "$1" --arg n "$3" --arg i "$5" --argjson l "$4" --argjson c "$(wc -w <<<"$nodes")" '{apiVersion: "apps/v1", kind: {daemonset: "DaemonSet", deployment: "Deployment"}[$k],
    metadata: {name: $n, labels: $l}, spec: ({selector: {matchLabels: $l}, template: {metadata: {labels: $l}, spec: {containers: [{name: $n, image: $i}]}}} +
    if $k == "deployment" then {replicas: $c} else {} end)}' | wk -n "$2" create -f - >/dev/null
  [[ $1 = deployment ]] || wk -n "$2" patch daemonset "$3" --subresource status --type merge -p "{\"status\": {\"desiredNumberScheduled\": $(wc -w <<<"$nodes"), \"currentNumberScheduled\": 0, \"numberMisscheduled\": 0, \"numberReady\": 0}}" >/dev/null
  for node in $nodes; do
    i=$((i + 1)); make_pod "$2" "$3-lab$i" "$3" "$node" "$4"
  done
}
make_pod() { # NAMESPACE POD CONTAINER NODE LABELS
  jq -n --arg p "$2" --arg c "$3" --arg node "$4" --argjson l "$5" '{apiVersion: "v1", kind: "Pod", metadata: {name: $p, labels: ($l + {lab: $c})},
    spec: {nodeName: $node, containers: [{name: $c, image: $c}]}}' | wk -n "$1" create -f - >/dev/null
}
stuck_pod() { # NAMESPACE NAME: its image can't be pulled
  make_pod "$1" "$2" "$2" "$(worker_node)" '{}'
  pod_status "$1" "$2" "$(jq -n --arg n "$2" '{phase: "Pending", startTime: (now - 7200 | todate), conditions: [{type: "PodScheduled", status: "True", lastTransitionTime: (now - 7200 | todate)},
    {type: "Ready", status: "False", reason: "ContainersNotReady", lastTransitionTime: (now - 7200 | todate)}],
    containerStatuses: [{name: $n, image: $n, imageID: "", ready: false, restartCount: 0, state: {waiting: {reason: "ImagePullBackOff", message: "Back-off pulling image"}}}]}')"
}
