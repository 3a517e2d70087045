"""The controllers' Deployments. No kubelet runs, so no pods: the processes run beside the cluster, and what each Deployment's
status says of them is kept true from here.

  deployments.py print MODULE      namespaces and Deployments, for kubectl; MODULE: where Cluster API's source is
  deployments.py keep STATE URL... keeps the status; URL NAME=URL is what a readiness probe asks of NAME
KUBECONFIG: the management cluster's. A Deployment's process is the one in STATE/PROCESS.pid.

Cluster API's own three are its module's: config/manager/manager.yaml, and namePrefix, namespace and labels of
config/default/kustomization.yaml, with the images of its release. The other two have the names, labels and images that
upstream's release (infrastructure-components.yaml) and chart (cluster-api-addon-provider) give them.
"""
import os
import re
import sys
import time

import yaml

CAPI, CAPO, ADDONS, ADDONS_COMMIT = "v1.13.2", "v0.14.4", "0.12.0", "62f7c00"
MIRROR = "images.example"      # nothing is pulled
# part of the module, image
OURS = (("", f"{MIRROR}/cluster-api/cluster-api-controller:{CAPI}"),
        ("bootstrap/kubeadm/", f"{MIRROR}/cluster-api/kubeadm-bootstrap-controller:{CAPI}"),
        ("controlplane/kubeadm/", f"{MIRROR}/cluster-api/kubeadm-control-plane-controller:{CAPI}"))
# process -> namespace, Deployment
PROCESSES = {
    "capi-core": ("capi-system", "capi-controller-manager"),
    "capi-bootstrap": ("capi-kubeadm-bootstrap-system", "capi-kubeadm-bootstrap-controller-manager"),
    "capi-controlplane": ("capi-kubeadm-control-plane-system", "capi-kubeadm-control-plane-controller-manager"),
    "infra": ("capo-system", "capo-controller-manager"),
    "addons": ("capi-addon-system", "cluster-api-addon-provider"),
}


def of_module(module, part, image):
    text = open(f"{module}/{part}config/manager/manager.yaml").read()
    text = re.sub(r"\$\{\w+:=([^}]*)\}", r"\1", text)       # as clusterctl fills it in
    d = next(d for d in yaml.safe_load_all(text) if d and d["kind"] == "Deployment")
    k = yaml.safe_load(open(f"{module}/{part}config/default/kustomization.yaml"))
    d["metadata"].update(name=k["namePrefix"] + d["metadata"]["name"], namespace=k["namespace"])
    for labels in (d["metadata"]["labels"], d["spec"]["selector"]["matchLabels"], d["spec"]["template"]["metadata"]["labels"]):
        for more in k["labels"]:
            labels.update(more["pairs"])
    pod = d["spec"]["template"]["spec"]
    pod["serviceAccountName"] = k["namePrefix"] + pod["serviceAccountName"]
    pod["containers"][0]["image"] = image
    return d


def deployment(process, select, labels, container, image, args):
    namespace, name = PROCESSES[process]
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, "labels": {**select, **labels}},
            "spec": {"replicas": 1, "selector": {"matchLabels": select}, "template": {
                "metadata": {"labels": select},
                "spec": {"containers": [{"name": container, "image": image, "args": args}]}}}}


def manifests(module):
    yield from (of_module(module, part, image) for part, image in OURS)
    yield deployment("infra", {"cluster.x-k8s.io/provider": "infrastructure-openstack", "control-plane": "capo-controller-manager"},
                     {}, "manager", f"{MIRROR}/capi-openstack/capi-openstack-controller:{CAPO}", ["--leader-elect"])
    name = PROCESSES["addons"][1]
    yield deployment("addons", {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name},
                     {"helm.sh/chart": f"{name}-{ADDONS}", "app.kubernetes.io/version": ADDONS_COMMIT,
                      "app.kubernetes.io/managed-by": "Helm"},
                     name, f"{MIRROR}/azimuth-cloud/{name}:{ADDONS_COMMIT}", [])


def alive(state, process, url):
    """What kubelet would say: the process runs, and answers its readiness probe if it has one."""
    import urllib.request
    try:
        pid = int(open(f"{state}/{process}.pid").read())
        with open(f"/proc/{pid}/stat") as f:
            if f.read().rpartition(")")[2].split()[0] in "ZTt":     # a stopped one answers no probe
                return False
        return not url or urllib.request.urlopen(url, timeout=2).status == 200
    except (OSError, ValueError):
        return False


def status(generation, up, now):
    replicas = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1 if up else None,
                "availableReplicas": 1 if up else None, "unavailableReplicas": None if up else 1}
    available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.") if up else (
        "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    progress = ("True", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed.")
    return {**replicas, "observedGeneration": generation, "conditions": [
        {"type": t, "status": s, "reason": r, "message": m, "lastTransitionTime": now, "lastUpdateTime": now}
        for t, (s, r, m) in (("Available", available), ("Progressing", progress))]}


def keep(state, urls):
    from kubernetes import client, config
    apps, said = client.AppsV1Api(config.new_client_from_config()), {}
    while True:
        for process, (namespace, name) in PROCESSES.items():
            up = alive(state, process, urls.get(process))
            try:
                d = apps.read_namespaced_deployment(name, namespace, _request_timeout=5)
                seen = (d.metadata.uid, d.metadata.generation, d.status.available_replicas or 0)
                if seen != (d.metadata.uid, d.status.observed_generation, int(up)):
                    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                    apps.patch_namespaced_deployment_status(
                        name, namespace, {"status": status(d.metadata.generation, up, now)}, _request_timeout=5)
                    print(time.strftime("%T"), name, "available" if up else "not available", flush=True)
                said.pop(name, None)
            except Exception as e:      # looked at again in a moment
                if said.get(name) != type(e).__name__:
                    said[name] = type(e).__name__
                    print(time.strftime("%T"), name, said[name], getattr(e, "status", e), flush=True)
        time.sleep(1)


if sys.argv[1] == "print":
    docs = list(manifests(sys.argv[2]))
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": d["metadata"]["namespace"]}} for d in docs]
    yaml.safe_dump_all([*spaces, *docs], sys.stdout)
else:
    os.environ.pop("http_proxy", None)
    keep(sys.argv[2], dict(word.split("=", 1) for word in sys.argv[3:]))
