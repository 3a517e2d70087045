"""The management cluster as the stand-ins see it: objects, their status, events, and the knobs for failures on purpose."""
import fnmatch
import sys
import time
import uuid

from kubernetes import client, config
from kubernetes.client.rest import ApiException

BIN, STATE = sys.argv[1:3]
CORE = ("cluster.x-k8s.io", "v1beta2")
BOOTSTRAP = ("bootstrap.cluster.x-k8s.io", "v1beta2")
ADDONS = ("addons.stackhpc.com", "v1alpha1")

management = config.new_client_from_config()
objects, core = client.CustomObjectsApi(management), client.CoreV1Api(management)
DEADLINE = 10       # seconds, for one request to the management cluster


def log(*words):
    print(time.strftime("%T"), *words, flush=True)


def when(days=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400 * days))


def knobs(cluster):
    """What the lines of the knobs file want of this cluster: knob -> text."""
    found = {}
    for line in open(f"{STATE}/knobs"):
        words = line.split(None, 2)
        if len(words) > 1 and not line.startswith("#") and fnmatch.fnmatch(cluster, words[0]):
            found.setdefault(words[1], words[2].strip() if len(words) > 2 else "LabFailure")
    return found


def infra():
    """The provider's own kinds at the newest version that is served now."""
    group = "infrastructure.cluster.x-k8s.io"
    groups = client.ApisApi(management).get_api_versions(_request_timeout=DEADLINE).groups
    return group, next(g.preferred_version.version for g in groups if g.name == group)


def every(api, plural):
    return objects.list_cluster_custom_object(*api, plural, _request_timeout=DEADLINE)["items"]


def patch(api, plural, o, body):
    objects.patch_namespaced_custom_object(
        *api, o["metadata"]["namespace"], plural, o["metadata"]["name"], body, _request_timeout=DEADLINE)


def patch_status(api, plural, o, status):
    """Only what differs, so that a quiet object stays quiet. None takes a field away."""
    def gist(s):
        return [s.get(k) for k in status if k != "conditions"], [
            (c["type"], c["status"], c.get("reason"), c.get("message")) for c in s.get("conditions", [])]
    if gist(o.get("status", {})) != gist(status):
        objects.patch_namespaced_custom_object_status(
            *api, o["metadata"]["namespace"], plural, o["metadata"]["name"], {"status": status}, _request_timeout=DEADLINE)
        return True
    return False


def condition(kind, true, reason="", message=""):
    """A condition in the shape of Cluster API's v1beta1: severity and reason only when it is False."""
    c = {"type": kind, "status": str(true), "lastTransitionTime": when()}
    return c if true else dict(c, reason=reason, severity="Error", message=message)


def with_conditions(old, *new):
    """The new ones among the old; the time of a transition stays where the status does."""
    before = {c["type"]: c for c in old}
    for c in new:
        was = before.get(c["type"])
        if was and was["status"] == c["status"]:
            c["lastTransitionTime"] = was["lastTransitionTime"]
    now = {**before, **{c["type"]: c for c in new}}
    return [now[t] for t in sorted(now, key=lambda t: (t != "Ready", t))]


_said = {}


def event(o, kind, reason, message):
    """An event about an object, once until the next of the same reason differs."""
    meta = o["metadata"]
    if _said.get((meta["uid"], reason)) == message:
        return
    _said[meta["uid"], reason] = message
    log(meta["name"], reason, message)
    core.create_namespaced_event(meta["namespace"], {
        "metadata": {"name": f"{meta['name']}.{uuid.uuid4().hex[:16]}", "namespace": meta["namespace"]},
        "involvedObject": {"apiVersion": o["apiVersion"], "kind": o["kind"], "name": meta["name"],
                           "namespace": meta["namespace"], "uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
        "reason": reason, "message": message[:1024], "type": kind, "firstTimestamp": when(), "lastTimestamp": when(),
        "count": 1, "source": {"component": "openstack-controller"}}, _request_timeout=DEADLINE)


def unless_there(create, *args):
    try:
        create(*args, _request_timeout=DEADLINE)
    except ApiException as e:
        if e.status != 409:
            raise
