#!/usr/bin/env python3
"""Records what a real kube-apiserver answers, for the simulator and the tests.

    KUBECONFIG=... ./record.py > default.json

The kubeconfig must hold a client certificate that may impersonate. It only sends GETs.

What is left out, and nothing else: API groups other than KEEP (built-in ones, which no code here
looks at), the schemas, printer columns, conversion addresses and managed fields of custom resource
definitions, uids, and all response headers but the content type.
"""

import base64
import http.client
import json
import os
import ssl
import subprocess
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


def main():
    connect = connection()
    exchanges = []

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

    get("/version")
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
    print('{"exchanges": [')
    print(",\n".join(json.dumps(e, separators=(",", ":")) for e in exchanges))
    print("]}")


main()
