#!/usr/bin/env python3
"""Records what the kube-apiserver of a workload cluster answers, and what the management cluster knows of it.

    KUBECONFIG=... ./record.py > ../workload.json                after make.py
    KUBECONFIG=... ./record.py > ../workload-ill.json            after make.py ill
    KUBECONFIG=... ./record.py management > ../cluster.json      KUBECONFIG: the management cluster's

The kubeconfig must hold a client certificate that may impersonate. It only sends GETs. Left out, and nothing else:
managed fields, the annotation that kubectl leaves, and all response headers but the content type.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from record import AGGREGATED, METADATA, recorder  # noqa: E402

LISTS = ["/api/v1/nodes", "/api/v1/pods", "/apis/apps/v1/daemonsets", "/apis/apps/v1/deployments",
         "/apis/storage.k8s.io/v1/storageclasses", "/api/v1/persistentvolumeclaims"]
CLUSTERS = ["/apis/cluster.x-k8s.io/v1beta2/clusters", "/apis/cluster.x-k8s.io/v1beta1/clusters",
            "/apis/controlplane.cluster.x-k8s.io/v1beta2/kubeadmcontrolplanes",
            "/apis/controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes",
            "/apis/cluster.x-k8s.io/v1beta2/machinedeployments", "/apis/cluster.x-k8s.io/v1beta1/machinedeployments"]


def trim(exchange):
    body = exchange["body"]
    for item in body.get("items", [body]) if isinstance(body, dict) else []:
        item.get("metadata", {}).pop("managedFields", None)
    return exchange


exchanges = []
get = recorder(exchanges)
if sys.argv[1:] == ["management"]:
    metadata = get(CLUSTERS[0])["items"][0]["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    exchanges.clear()
    for path in CLUSTERS:
        prefix, plural = path.rsplit("/", 1)
        here = f"{prefix}/namespaces/{namespace}/{plural}"
        if plural == "clusters":
            get(path, METADATA)
        get(path)
        get(f"{here}?labelSelector=cluster.x-k8s.io%2Fcluster-name%3D{name}")
        get(f"{here}?labelSelector=cluster.x-k8s.io%2Fcluster-name%3Dnosuch")
        for who in (path, here):
            get(who, who="nobody")
    get(f"/api/v1/namespaces/{namespace}/secrets/nosuch-kubeconfig")
    get(f"/api/v1/namespaces/{namespace}/secrets/{name}-kubeconfig", who="nobody")
else:
    get("/version")
    get("/apis", AGGREGATED)
    get("/apis")
    for path in LISTS:
        get(path)
        get(path, who="nobody")
    get("/api/v1/pods?limit=4")
    get("/api/v1/nodes/nosuch")
    get("/apis/nosuch.example.org")
    get("/apis", who="anonymous")
    get("/apis", who="bad token")
    get("/api/v1/nodes", who="anonymous")
    get("/api/v1/nodes", who="bad token")
print('{"exchanges": [')
print(",\n".join(json.dumps(trim(e), separators=(",", ":")) for e in exchanges))
print("]}")
