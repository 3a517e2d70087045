# A policy's webhook has no pod behind it. Its rule names v1beta1 of MachineDeployments, which stands for every version: no write of them passes.
layer=controllers cause=webhook-down what=kube-system/policy
evidence='policy'
odd=(foreign-webhook restarted-pod)
put() {
  k create -f - <<Y
apiVersion: v1
kind: Service
metadata: {name: policy, namespace: kube-system}
spec: {selector: {app: policy}, ports: [{port: 443}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: policy}
webhooks:
- name: machinedeployments.policy.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  matchPolicy: Equivalent
  timeoutSeconds: 3
  clientConfig: {service: {name: policy, namespace: kube-system, path: /validate}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}
  rules: [{apiGroups: [cluster.x-k8s.io], apiVersions: [v1beta1], operations: [CREATE, UPDATE], resources: [machinedeployments]}]
Y
}
heal() { k delete validatingwebhookconfiguration policy; k -n kube-system delete service policy; }
shown() { ! k -n "$NS" annotate machinedeployments.v1beta2.cluster.x-k8s.io "$STACK-default-worker" lab=x --overwrite --dry-run=server; }
