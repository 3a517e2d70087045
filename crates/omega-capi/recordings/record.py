#!/usr/bin/env python3
"""Records what a real kube-apiserver answers, for the simulator and the tests.

    KUBECONFIG=... ./record.py > default.json
    KUBECONFIG=... ./record.py objects > objects.json      after objects/make.sh; needs helm too

The kubeconfig must hold a client certificate that may impersonate. It only sends GETs.

What is left out, and nothing else: managed fields; API groups other than KEEP (built-in ones, which no code here
looks at), the schemas, printer columns and conversion addresses of custom resource definitions, their uids, and all response headers but the content type.
"""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

CAPI = [
    "cluster.x-k8s.io",
    "controlplane.cluster.x-k8s.io",
    "infrastructure.cluster.x-k8s.io",
    "bootstrap.cluster.x-k8s.io",
    "addons.cluster.x-k8s.io",
    "addons.stackhpc.com",
]
# Near misses: names that end alike, groups that serve several versions.
DECOYS = ["ipam.cluster.x-k8s.io", "runtime.cluster.x-k8s.io", "apps", "autoscaling", "apiextensions.k8s.io"]
KEEP = CAPI + DECOYS
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def connection():
    view = subprocess.run(
        ["kubectl", "config", "view", "--raw", "--minify", "--flatten", "-o", "json"],
        check=True, capture_output=True, stdin=subprocess.DEVNULL,
    ).stdout
    config = json.loads(view)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
    address = urllib.parse.urlparse(cluster["server"]).netloc
    anonymous = ssl.create_default_context(cadata=ca)
    admin = ssl.create_default_context(cadata=ca)
    with tempfile.NamedTemporaryFile() as pem:  # created 0600
        pem.write(base64.b64decode(user["client-certificate-data"]))
        pem.write(base64.b64decode(user["client-key-data"]))
        pem.flush()
        admin.load_cert_chain(pem.name)
    return lambda who: http.client.HTTPSConnection(
        address, context=admin if who != "anonymous" else anonymous, timeout=20
    )


def trim(path, body):
    kind = body.get("kind") if isinstance(body, dict) else None
    items = (body.get("items", [body]) or []) if isinstance(body, dict) else []
    for item in items:
        item.get("metadata", {}).pop("managedFields", None)
    if kind == "APIGroupList":
        body["groups"] = [g for g in body["groups"] if g["name"] in KEEP]
    if kind == "APIGroupDiscoveryList":
        body["items"] = [g for g in body["items"] if g["metadata"]["name"] in KEEP]
    if kind == "CustomResourceDefinitionList":
        body["metadata"] = {}
        for crd in body["items"]:
            meta, spec = crd["metadata"], crd["spec"]
            crd["metadata"] = {"name": meta["name"], "labels": meta.get("labels", {})}
            spec["conversion"] = {"strategy": spec["conversion"]["strategy"]}
            for version in spec["versions"]:
                version.pop("schema", None)
                version.pop("additionalPrinterColumns", None)
            crd["status"] = {"storedVersions": crd["status"]["storedVersions"]}
    return body


def recorder(exchanges):
    connect = connection()

    def get(path, accept=JSON, who="admin"):
        headers = {"Accept": accept}
        if who == "nobody":
            headers["Impersonate-User"] = "nobody"
        if who == "bad token":
            headers["Authorization"] = "Bearer nonsense"
        link = connect("anonymous" if who == "bad token" else who)
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        raw, content_type = answer.read(), answer.getheader("content-type", "")
        body = trim(path, json.loads(raw)) if content_type.startswith(JSON) else raw.decode()
        exchanges.append({
            "who": who, "path": path, "accept": accept,
            "status": answer.status, "content_type": content_type, "body": body,
        })
        return body

    return get


def served(get):
    get("/version")
    get("/readyz?verbose")
    groups = get("/apis")
    get("/apis", AGGREGATED)
    # How client-go asks: newest first, and the old list where that is unknown.
    get("/apis", AGGREGATED + "," + AGGREGATED.replace("v=v2;", "v=v2beta1;") + "," + JSON)
    for group in groups["groups"]:
        get("/apis/" + group["name"])
        for version in group["versions"]:
            get("/apis/" + version["groupVersion"])
    get(CRDS)
    get(CRDS + "/nosuch.cluster.x-k8s.io")
    get("/apis/cluster.x-k8s.io/v1beta9")
    get("/apis/nosuch.example.org")
    get("/apis/infrastructure.cluster.x-k8s.io/v1alpha6/namespaces/x/openstackclusters/y")
    get("/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/x/openstackclusters/y")
    get("/apis", who="anonymous")
    get("/apis", who="bad token")
    get(CRDS, who="nobody")


def objects(get):
    secrets = get("/api/v1/secrets")["items"]
    get("/apis/apps/v1/deployments")
    project = next(s["metadata"]["namespace"] for s in secrets if "c10-" in s["metadata"]["name"])
    for where in ("", "/namespaces/" + project, "/namespaces/nosuch"):
        get(f"/api/v1{where}/secrets")
        get(f"/api/v1{where}/secrets?labelSelector=owner%3Dhelm", METADATA)
        query = "?labelSelector=owner%3Dhelm&fieldSelector=type%3Dhelm.sh%2Frelease.v1&limit=4"
        page = query
        while True:
            rest = get(f"/api/v1{where}/secrets{page}", METADATA)["metadata"].get("continue")
            if not rest:
                break
            page = f"{query}&continue={rest}"
    for name in (s["metadata"]["name"] for s in secrets if s["metadata"]["namespace"] == project):
        get(f"/api/v1/namespaces/{project}/secrets/{name}")
    get(f"/api/v1/namespaces/{project}/secrets/nosuch")
    get("/apis/apps/v1/deployments?limit=3")
    get("/apis/apps/v1/namespaces/capo-system/deployments/capo-controller-manager")
    get("/api/v1/secrets?limit=1&continue=nonsense")
    get(f"/api/v1/namespaces/{project}/secrets", who="nobody")
    get("/api/v1/secrets", who="nobody")
    get("/apis/apps/v1/deployments", who="nobody")


def main():
    exchanges = []
    get = recorder(exchanges)
    helm = None
    if sys.argv[1:] == ["objects"]:
        objects(get)
        helm = subprocess.run(
            ["helm", "list", "--all", "--all-namespaces", "--output", "json"],
            check=True, capture_output=True, stdin=subprocess.DEVNULL,
        ).stdout
    else:
        served(get)
    print('{"exchanges": [')
    print(",\n".join(json.dumps(e, separators=(",", ":")) for e in exchanges))
    print("]" + (f', "helm list": {helm.decode().strip()}' if helm else "") + "}")


if __name__ == "__main__":
    main()
