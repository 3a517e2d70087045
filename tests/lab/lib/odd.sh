# Odd things that break nothing: each is put beside a fault that it could be taken for, and taken away again. `odd_NAME put|take`.
odd_orchestration_without_endpoint() { # this driver does not use it
  case $1 in
    put) api POST "$KEYSTONE/services" '{"service": {"type": "orchestration", "name": "heat"}}' >/dev/null ;;
    take) api DELETE "$KEYSTONE/services/$(api GET "$KEYSTONE/services?type=orchestration" | jq -r '.services[0].id')" ;;
  esac
}
odd_full_quota() { # of a project whose clusters are all there
  case $1 in
    put) quota_network floatingip used; quota_octavia used ;;
    take) quota_network floatingip 50; quota_octavia 50 ;;
  esac
}
odd_error_neighbour() { # a load balancer of another project
  local to=ACTIVE; [[ $1 = take ]] || to=ERROR
  db "UPDATE octavia.load_balancer SET provisioning_status = '$to' WHERE name = 'k8s-clusterapi-cluster-magnum-neighbour-sound-kubeapi'"
}
odd_disabled_compute() { # no server is started by anything here
  local s=disabled id; [[ $1 = put ]] || s=enabled
  id=$(curl -sS -m 30 -H "X-Auth-Token: $(token admin Default)" -H 'OpenStack-API-Version: compute 2.53' "$NOVA/os-services?binary=nova-compute" | jq -r '.services[0].id')
  curl -sS -m 30 -f -o /dev/null -X PUT -H "X-Auth-Token: $(token admin Default)" -H 'OpenStack-API-Version: compute 2.53' -H 'Content-Type: application/json' \
    "$NOVA/os-services/$id" -d "{\"status\": \"$s\"}"
}
odd_error_server() { # another server of the management project, whose name begins like the one that counts
  local to=active; [[ $1 = take ]] || to=error
  db "UPDATE nova.instances SET vm_state = '$to' WHERE display_name = 'capi-mgmt-v2-old'"
}
odd_failed_unit() { # a service of the machine that has nothing to do with Magnum
  case $1 in put) at unit0 systemd-run -q --unit backup false || true ;; take) at unit0 systemctl reset-failed backup || true ;; esac
}
odd_comment_drop_in() {
  case $1 in
    put) printf '# [capi_helm]\n# kubeconfig_file = /root/old\n# api_resources = {,}\n' | at unit0 tee /etc/magnum/magnum.conf.d/50-notes.conf >/dev/null ;;
    take) at unit0 rm /etc/magnum/magnum.conf.d/50-notes.conf ;;
  esac
}
odd_old_kubeconfig() { # nobody reads it
  case $1 in
    put) kubeconfig "$(expired_client)" | at unit0 sh -c 'umask 077; cat >/etc/magnum/kubeconfig.old' ;;
    take) at unit0 rm /etc/magnum/kubeconfig.old ;;
  esac
}
odd_local_helm() { # of another version, where only shells look
  case $1 in
    put) printf '#!/bin/sh\necho v2.17.0+ga690bad\n' | at unit0 sh -c 'cat >/usr/local/bin/helm; chmod 755 /usr/local/bin/helm' ;;
    take) at unit0 rm /usr/local/bin/helm ;;
  esac
}
odd_wide_rule() { # nobody needs it
  case $1 in
    put) in_capi_mgmt api POST "$NEUTRON/security-group-rules" "$(jq -n --arg g "$(fixture group)" '{security_group_rule: {security_group_id: $g, direction: "ingress", protocol: "tcp",
      port_range_min: 6443, port_range_max: 6443, remote_ip_prefix: "198.51.100.0/24"}}')" | jq -r .security_group_rule.id >rule.id ;;
    take) in_capi_mgmt api DELETE "$NEUTRON/security-group-rules/$(cat rule.id)" ;;
  esac
}
odd_stray_credential() { # of a cluster that is long gone
  case $1 in
    put) api POST "$KEYSTONE/users/$(admin_user)/application_credentials" '{"application_credential": {"name": "magnum-00000000-0000-0000-0000-000000000000-0badcafe", "roles": [{"name": "reader"}]}}' |
      jq -r .application_credential.id >stray.id ;;
    take) api DELETE "$KEYSTONE/users/$(admin_user)/application_credentials/$(cat stray.id)" ;;
  esac
}
odd_paused_neighbour() { # a cluster of a project that nobody asked about
  case $1 in
    put) until_true 60 'the last neighbour is gone' no_namespace magnum-neighbour; k create namespace magnum-neighbour; k apply -f - <<'Y'
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: sound-neighbour, namespace: magnum-neighbour}
spec: {paused: true, controlPlaneEndpoint: {host: 127.77.3.250, port: 6443}, clusterNetwork: {pods: {cidrBlocks: [172.16.0.0/13]}}, infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: OpenStackCluster, name: sound-neighbour}}
Y
      ;;
    take) k -n magnum-neighbour patch cluster sound-neighbour --type merge -p '{"spec": {"paused": null}}'
      k -n magnum-neighbour delete cluster sound-neighbour --timeout 30s; k delete namespace magnum-neighbour --wait=false ;;
  esac
}
no_namespace() { [[ -z $(k get namespace "$1" --ignore-not-found -o name) ]]; }
odd_failed_release() { # of something else: a hook that never ends
  case $1 in
    put)
      until_true 60 'the last release is gone' no_namespace monitoring
      mkdir -p grafana/templates; printf 'apiVersion: v2\nname: grafana\nversion: 8.0.0\n' >grafana/Chart.yaml
      printf 'apiVersion: batch/v1\nkind: Job\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: x, image: x}]}}}\n' >grafana/templates/hook.yaml
      ! helm --kubeconfig "$RUN/mgmt.kubeconfig" -n monitoring install --create-namespace --timeout 1s grafana ./grafana ;;
    take) k delete namespace monitoring --wait=false ;;
  esac
}
odd_restarted_pod() { # it crashed three hours ago and has run since
  case $1 in
    put) k -n kube-system create -f - <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: capi-metrics-0, labels: {k8s-app: capi-metrics}}
spec: {nodeName: none, containers: [{name: x, image: x}]}
Y
      k -n kube-system patch pod capi-metrics-0 --subresource status --type merge -p "$(jq -n '{status: {phase: "Running", conditions: [{type: "Ready", status: "True"}], containerStatuses: [
        {name: "x", image: "x", imageID: "", ready: true, restartCount: 41, state: {running: {startedAt: (now - 10800 | todate)}}, lastState: {terminated: {exitCode: 137, reason: "OOMKilled", finishedAt: (now - 10800 | todate)}}}]}}')" ;;
    take) k -n kube-system delete pod capi-metrics-0 --grace-period 0 --force ;;
  esac
}
odd_foreign_crd() { # of a group that has no contract
  case $1 in
    put) k create -f - <<'Y'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: openstackservers.infrastructure.example.org}
spec:
  group: infrastructure.example.org
  scope: Namespaced
  names: {kind: OpenStackServer, plural: openstackservers, singular: openstackserver}
  versions: [{name: v1alpha1, served: true, storage: true, deprecated: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
Y
      ;;
    take) k delete crd openstackservers.infrastructure.example.org ;;
  esac
}
odd_foreign_webhook() { # nobody answers it, and it checks what nobody here writes
  case $1 in
    put) k create -f - <<Y
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: pods-elsewhere}
webhooks:
- name: pods.elsewhere.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {url: "https://$KUBE:9999/validate"}
  namespaceSelector: {matchLabels: {team: elsewhere}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
Y
      ;;
    take) k delete validatingwebhookconfiguration pods-elsewhere ;;
  esac
}
odd_foreign_binding() { # to a role that is not there
  case $1 in
    put) k create clusterrolebinding magnum-driver-old --clusterrole magnum-driver-of-last-year --serviceaccount kube-system:magnum-driver-old ;;
    take) k delete clusterrolebinding magnum-driver-old ;;
  esac
}
odd_expired_secret() { # a certificate that nobody shows any more
  case $1 in
    put) expired_client >/dev/null; k -n kube-system create secret tls old-webhook-certificate --cert expired.crt --key expired.key ;;
    take) k -n kube-system delete secret old-webhook-certificate ;;
  esac
}
odd_old_warning() { # what was wrong three hours ago
  case $1 in
    put) k -n "$NS" create -f - <<Y
apiVersion: v1
kind: Event
metadata: {name: old-warning}
type: Warning
reason: ReconcileError
message: "failed to create load balancer: Quota exceeded"
involvedObject: {apiVersion: cluster.x-k8s.io/v1beta2, kind: Cluster, name: $STACK, namespace: $NS}
count: 7
lastTimestamp: $(date -u -d '-3 hours' +%FT%TZ)
firstTimestamp: $(date -u -d '-4 hours' +%FT%TZ)
Y
      ;;
    take) k -n "$NS" delete event old-warning ;;
  esac
}
odd_cordoned_node() { # the control plane's, and Ready
  local to=null node; [[ $1 = take ]] || to=true
  node=$(wk get nodes -l node-role.kubernetes.io/control-plane -o json | jq -r '.items[0].metadata.name')
  wk patch node "$node" --type merge -p "{\"spec\": {\"unschedulable\": $to}}"
}
odd_completed_pod() { # a job's
  case $1 in
    put) make_pod kube-system renew-1 renew "$(worker_node)" '{}'; pod_status kube-system renew-1 '{"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}]}' ;;
    take) wk -n kube-system delete pod renew-1 --grace-period 0 --force ;;
  esac
}
odd_flannel_template() { # no cluster is of it
  case $1 in
    put) make_template idle-flannel flannel >flannel.uuid ;;
    take) api DELETE "$COE/clustertemplates/$(cat flannel.uuid)" ;;
  esac
}
odd_foreign_cluster() { # of another driver for Cluster API: none of ours, and not judged
  local other=00000000-7777-4777-8777-000000000000
  case $1 in
    put) db "CREATE TEMPORARY TABLE magnum.c SELECT * FROM magnum.cluster WHERE uuid = '$UUID'; CREATE TEMPORARY TABLE magnum.n SELECT * FROM magnum.nodegroup WHERE cluster_id = '$UUID';
      UPDATE magnum.c SET id = id + 100000, uuid = '$other', name = 'of-another-driver', stack_id = 'kube-7xk2p', health_status = 'UNHEALTHY';
      UPDATE magnum.n SET id = id + 100000, uuid = CONCAT(LEFT(uuid, 30), LPAD(id % 1000000, 6, '0')), cluster_id = '$other', stack_id = 'kube-7xk2p';
      INSERT INTO magnum.cluster SELECT * FROM magnum.c; INSERT INTO magnum.nodegroup SELECT * FROM magnum.n" ;;
    take) db "DELETE FROM magnum.nodegroup WHERE cluster_id = '$other'; DELETE FROM magnum.cluster WHERE uuid = '$other'" ;;
  esac
}
