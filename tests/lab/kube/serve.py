"""Changes what a running management cluster serves, and returns when its API says so (some seconds; nothing is restarted).

  serve.py [core=VERSION,...] [provider=VERSION,...]     KUBECONFIG: the management cluster's
core: Cluster API's own kinds, of v1beta1 and v1beta2 (the default: both); provider: the infrastructure provider's kinds (the
default: v1beta1). -VERSION is known and not served. The provider's contract label names what is served; its newest is stored.
  core=v1beta2   provider=v1alpha7,v1beta1   provider=v1beta1,-v1alpha6
"""
import sys
import time

from kubernetes import client, config

CORE = ("cluster.x-k8s.io", "bootstrap.cluster.x-k8s.io", "controlplane.cluster.x-k8s.io")
PROVIDER = "infrastructure.cluster.x-k8s.io"
CRDS = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
CONTRACT = "cluster.x-k8s.io/v1beta1"
wanted = {"core": "v1beta1,v1beta2", "provider": "v1beta1"}
words = dict(word.split("=", 1) for word in sys.argv[1:])
if words.keys() - wanted.keys():
    sys.exit(__doc__)
wanted = {name: versions.split(",") for name, versions in {**wanted, **words}.items()}
served = {name: {v for v in versions if not v.startswith("-")} for name, versions in wanted.items()}
api = config.new_client_from_config()
objects = client.CustomObjectsApi(api)


def core(crd):
    """What differs, as a JSON patch: the definitions are large."""
    for i, v in enumerate(crd["spec"]["versions"]):
        if v["name"].startswith("v1beta") and v["served"] != (v["name"] in served["core"]):
            yield {"op": "replace", "path": f"/spec/versions/{i}/served", "value": not v["served"]}


def provider(crd):
    like, newest = crd["spec"]["versions"][0], max(served["provider"], key=lambda v: ("beta" in v, v))
    versions = [{**like, "name": v.lstrip("-"), "served": not v.startswith("-"), "storage": v == newest} for v in wanted["provider"]]
    label = "_".join(sorted(served["provider"]))
    if versions != crd["spec"]["versions"]:
        yield {"op": "replace", "path": "/spec/versions", "value": versions}
    if label != crd["metadata"]["labels"].get(CONTRACT):
        yield {"op": "add", "path": "/metadata/labels/" + CONTRACT.replace("/", "~1"), "value": label}


def answers(group, versions):
    """The API lists these versions and no others, and each has its kinds."""
    found = next((g for g in client.ApisApi(api).get_api_versions().groups if g.name == group), None)
    if not found or {v.version for v in found.versions} != versions:
        return False
    return all(objects.get_api_resources(group, v).resources for v in versions)


for crd in objects.list_cluster_custom_object(*CRDS)["items"]:
    group = crd["spec"]["group"]
    changes = list(core(crd) if group in CORE else provider(crd) if group == PROVIDER else ())
    if changes:
        objects.patch_cluster_custom_object(*CRDS, crd["metadata"]["name"], changes, _content_type="application/json-patch+json")

end = time.monotonic() + 60
groups = {**dict.fromkeys(CORE, served["core"]), PROVIDER: served["provider"]}
while not all(answers(*group) for group in groups.items()):
    if time.monotonic() > end:
        sys.exit(f"the API does not serve {wanted} after 60 s")
    time.sleep(0.3)
