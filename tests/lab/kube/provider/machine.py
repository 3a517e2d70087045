"""OpenStackMachines: no server is made. A machine that Cluster API wants gets a Node in the workload cluster."""
import uuid

from provider import workload
from provider.management import BOOTSTRAP, condition, infra, knobs, log, objects, patch, patch_status, when


def reconcile(om, clusters, owners):
    meta = om["metadata"]
    cluster = clusters.get((meta["namespace"], meta["labels"].get("cluster.x-k8s.io/cluster-name")))
    owner = next((o["name"] for o in meta.get("ownerReferences", []) if o["kind"] == "Machine"), None)
    machine = owners.get((meta["namespace"], owner))
    if meta.get("deletionTimestamp") or not cluster or not machine:
        return
    name, host = cluster["metadata"]["name"], (cluster["spec"].get("controlPlaneEndpoint") or {}).get("host")
    wants = knobs(name)
    if not host or not machine["spec"]["bootstrap"].get("dataSecretName") or cluster["metadata"].get("deletionTimestamp"):
        return
    if "workload-api-down" in wants:
        workload.stop(name, "kube-apiserver")
        return
    there = (om.get("status") or {}).get("ready")
    if "machines-stall" in wants and not there:
        return
    api = workload.start(meta["namespace"], name, host)
    if not api:
        return
    if there:
        workload.readiness(api, owner, "node-not-ready" not in wants)
    else:
        join(om, machine, owner, api, host)


def join(om, machine, owner, api, host):
    meta, control_plane = om["metadata"], "cluster.x-k8s.io/control-plane" in om["metadata"]["labels"]
    provider_id = om["spec"].get("providerID") or f"openstack:///{uuid.uuid4()}"
    patch(infra(), "openstackmachines", om, {"spec": {"providerID": provider_id}})
    workload.node(api, owner, provider_id, machine["spec"]["version"], control_plane)
    if control_plane:       # else the control plane's manager wants a port-forward to read it
        objects.patch_namespaced_custom_object(
            *BOOTSTRAP, meta["namespace"], "kubeadmconfigs", machine["spec"]["bootstrap"]["configRef"]["name"],
            {"metadata": {"annotations": {"machine.cluster.x-k8s.io/certificates-expiry": when(365)}}})
    patch_status(infra(), "openstackmachines", om, {
        "ready": True, "addresses": [{"type": "InternalIP", "address": host}], "conditions": [condition("Ready", True)]})
    log("machine", owner, provider_id)
