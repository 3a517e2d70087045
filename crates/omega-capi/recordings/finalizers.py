#!/usr/bin/python3
"""What kube-apiserver answers while an object that is being deleted is let go: the source of sim::Deleting.

    finalizers.py URL CA CERT KEY > finalizers.json

Makes one OpenStackCluster in the namespace default, held by two finalizers, deletes it and lets it go.
"""
import json
import ssl
import sys
import urllib.error
import urllib.request

URL, CA, CERT, KEY = sys.argv[1:]
TLS = ssl.create_default_context(cafile=CA)
TLS.load_cert_chain(CERT, KEY)
BASE = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/default/openstackclusters"
kept = []


def call(method, path, body=None, keep=None):
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    request = urllib.request.Request(URL + path, method=method, headers={"Content-Type": kind},
                                     data=None if body is None else json.dumps(body).encode())
    try:
        answer = urllib.request.urlopen(request, context=TLS, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    content = json.loads(answer.read())
    if keep:
        for key in ("managedFields",):
            content.get("metadata", {}).pop(key, None)
        kept.append({"name": keep, "method": method, "path": path, "body": body,
                     "status": answer.status, "answer": content})
    return content


held = ["openstackcluster.infrastructure.cluster.x-k8s.io", "janitor.capi.azimuth-cloud.com"]
name = "omega-rec"
made = call("POST", BASE, {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "OpenStackCluster",
                           "metadata": {"name": name, "finalizers": held}, "spec": {}})
stale = made["metadata"]["resourceVersion"]
call("DELETE", f"{BASE}/{name}", keep="deleted")
patch = lambda version, finalizers, keep: call(
    "PATCH", f"{BASE}/{name}", {"metadata": {"resourceVersion": version, "finalizers": finalizers}}, keep)
patch(stale, [], "patched with a stale version")
now = call("GET", f"{BASE}/{name}", keep="read while held")["metadata"]["resourceVersion"]
now = patch(now, held[:1], "one finalizer taken off")["metadata"]["resourceVersion"]
patch(now, held, "a finalizer put back")
patch(now, [], "let go")
call("GET", f"{BASE}/{name}", keep="read when gone")
patch(now, [], "patched when gone")
print(json.dumps({"exchanges": kept}, indent=1))
