#!/bin/bash
# Fills a kube-apiserver with what a management cluster holds besides Cluster API's own kinds: the
# controllers' deployments and helm's releases. For record_objects.py.
#
#   KUBECONFIG=... ./make.sh      needs kubectl and helm 3.17.3; no kubelet, no controllers
#
# The releases are made by helm itself, from charts with the names and versions of the real ones
# and next to nothing in them. The deployments have the names, labels and images of the upstream
# manifests; no pod of them runs.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
project=magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1
kubectl apply -f deployments.yaml
kubectl create namespace $project --dry-run=client -o yaml | kubectl apply -f -

plain='apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data:
  x: {{ .Values.x | quote }}'
chart() { # NAME VERSION APP_VERSION [TEMPLATE]: prints the directory
  local d=$work/$1-$2; mkdir -p "$d/templates"
  printf 'apiVersion: v2\nname: %s\nversion: %s\nappVersion: "%s"\n' "$1" "$2" "$3" >"$d/Chart.yaml"
  printf '%s\n' "${4:-$plain}" >"$d/templates/x.yaml"
  echo "$d"
}
install() { # NAMESPACE RELEASE CHART_DIRECTORY [HELM ARGS...]
  local namespace=$1 release=$2 dir=$3; shift 3
  helm upgrade "$release" "$dir" --install --history-max 10 --namespace "$namespace" --create-namespace \
    --set x=not-for-anybodys-eyes "$@" >/dev/null
}

# A second revision of a newer chart, and what k8s-snap installs beside it.
install capi-addon-system cluster-api-addon-provider "$(chart cluster-api-addon-provider 0.11.0 4f1c2ab)"
install capi-addon-system cluster-api-addon-provider "$(chart cluster-api-addon-provider 0.12.0 62f7c00)"
install capi-janitor-system cluster-api-janitor-openstack "$(chart cluster-api-janitor-openstack 0.11.0 9d3b7e1)"
install kube-system ck-network "$(chart cilium 1.17.1 1.17.1)"
# More revisions than helm keeps: 2 to 11 are there, 11 is the newest, and 9 is last by name.
for chart in 0.23.0 0.24.0 0.24.0 0.24.1 0.24.1 0.25.0 0.25.0 0.25.1 0.25.1 0.25.1 0.25.1; do
  install $project c9-cyusd2b67a45 "$(chart openstack-cluster $chart 2c557a9)"
done
# The same name in another namespace, whose kind nobody serves: the first revision failed.
install magnum-decoy c9-cyusd2b67a45 "$(chart openstack-cluster 0.10.1 main \
  '{apiVersion: cluster.x-k8s.io/v1beta2, kind: Cluster, metadata: {name: x}, spec: {nonsense: {}}}')" || true
# A good revision, and one that failed on top of it.
install $project c10-b3mdwq5cz7lx "$(chart openstack-cluster 0.25.1 2c557a9)"
install $project c10-b3mdwq5cz7lx "$(chart openstack-cluster 0.25.1 2c557a9 \
  '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: 1}')" || true
# Interrupted while it waits for a deployment that never comes up.
install $project c11-pending "$(chart openstack-cluster 0.25.1 2c557a9 '{apiVersion: apps/v1, kind: Deployment,
  metadata: {name: never}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}},
  spec: {containers: [{name: x, image: x}]}}}}')" --wait &
pid=$!
until kubectl -n $project get secret sh.helm.release.v1.c11-pending.v1 >/dev/null 2>&1; do sleep 0.2; done
sleep 1; pkill -KILL -P $pid || true; wait $pid || true
# Uninstalled, with its history kept.
install $project c12-gone "$(chart openstack-cluster 0.25.1 2c557a9)"
helm uninstall c12-gone --namespace $project --keep-history >/dev/null
# Near misses: helm's name without its labels, helm's labels on another type, another owner.
kubectl -n $project create secret generic sh.helm.release.v1.decoy.v1 --from-literal release=bm90aGluZw==
kubectl -n $project create secret generic labelled-like-helm --from-literal x=y
kubectl -n $project label secret labelled-like-helm owner=helm name=decoy status=deployed version=1
kubectl -n $project create secret generic c9-cyusd2b67a45-cloud-credentials --from-literal clouds.yaml=secret
