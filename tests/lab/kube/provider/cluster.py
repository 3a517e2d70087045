"""One OpenStackCluster: what controllers/openstackcluster_controller.go of the provider does with it, in its order, and
what it leaves in its status. The workload cluster's endpoint is the lab's own address: a noop load balancer carries nothing.

Conditions, reasons and words are those of api/v1beta1/conditions_consts.go and of the controller's tests. Only an
error that the provider takes for final sets failureReason; of those here, none is.
"""
import copy
import time

from kubernetes.client.rest import ApiException

from provider import balancer, network, workload
from provider.balancer import Later
from provider.cloud import Neutron, NotAuthenticated, Refused, availability_zones, open_cloud
from provider.management import condition, infra, knobs, log, patch, patch_status, with_conditions

FINALIZER = "openstackcluster.infrastructure.cluster.x-k8s.io"
AGAIN = 30      # seconds between looks at a cluster that is ready; the provider's are ten minutes apart
BACKOFF = 3     # seconds before an error is tried again
next_look = {}      # (cluster, whether it is being deleted) -> when; a delete is looked at at once, as the provider does

STEPS = (
    # function, condition, reason, what failed
    (network.reconcile_external, "NetworkReady", "OpenStackError", "external network"),
    (network.reconcile_network, "NetworkReady", "NetworkCreateFailed", "network"),
    (network.reconcile_subnet, "NetworkReady", "SubnetCreateFailed", "subnets"),
    (network.reconcile_router, "RouterReady", "RouterCreateFailed", "router"),
    (network.reconcile_groups, "SecurityGroupsReady", "SecurityGroupCreateFailed", "security groups"),
)
SUMMED = ("OpenStackAuthenticationSucceeded", "NetworkReady", "RouterReady", "SecurityGroupsReady", "APIEndpointReady")


class Pass:
    """One look at one cluster: its status is worked on in a copy and written once, at the end."""

    def __init__(self, oc, wants):
        self.oc, self.knobs = oc, wants
        self.status = copy.deepcopy(oc.get("status") or {})

    def tell(self, *new):
        self.status["conditions"] = with_conditions(self.status.get("conditions", []), *new)

    def tell_ready(self, ready=None):
        """Cluster API's summary: False with the first thing that is wrong, else as it was or as told."""
        bad = next((c for t in SUMMED for c in self.status.get("conditions", []) if c["type"] == t and c["status"] == "False"), None)
        if bad:
            self.tell(condition("Ready", False, bad["reason"], bad["message"]))
        elif ready is not None:
            self.tell(condition("Ready", ready))

    def write(self):
        if patch_status(infra(), "openstackclusters", self.oc, self.status):
            gist = {k: v for k, v in self.status.items() if k in ("ready", "failureReason")}
            log(self.oc["metadata"]["name"], gist, *[f"{c['type']}={c['status']}" for c in self.status.get("conditions", [])])

    def open(self):
        """The cluster's own cloud, or the condition that says why not."""
        meta = self.oc["metadata"]
        try:
            cloud = open_cloud(meta["namespace"], self.oc["spec"]["identityRef"])
        except (NotAuthenticated, ApiException, KeyError) as e:
            why = getattr(e, "body", None) or e
            if isinstance(e, ApiException) and e.status == 404:
                why = f'Secret "{self.oc["spec"]["identityRef"]["name"]}" not found'
            raise self.failed("OpenStackAuthenticationSucceeded", "OpenStackAuthenticationFailed",
                              f"Failed to create OpenStack client scope: {why}") from e
        self.tell(condition("OpenStackAuthenticationSucceeded", True))
        return cloud

    def failed(self, kind, reason, message):
        self.tell(condition(kind, False, reason, message))
        return Refused(message)

    def build(self, host):
        cloud = self.open()
        try:
            neutron = Neutron(cloud)
        except Refused as e:
            raise self.failed("NetworkReady", "OpenStackError", str(e)) from e
        for step, kind, reason, what in STEPS:
            try:
                step(neutron, self.oc, self.status)
            except Refused as e:
                raise self.failed(kind, reason, f"Failed to reconcile {what}: {e}") from e
            self.tell(condition(kind, True))
        try:
            balancer.reconcile(cloud, neutron, self.oc, self.status, self.knobs)
        except Refused as e:
            raise self.failed("APIEndpointReady", "APIEndpointConfigFailed", "Failed to reconcile control plane endpoint: "
                              f"failed to reconcile load balancer: {e}") from e
        if not self.oc["spec"].get("controlPlaneEndpoint"):
            endpoint = {"host": host(), "port": balancer.port_of(self.oc)}
            patch(infra(), "openstackclusters", self.oc, {"spec": {"controlPlaneEndpoint": endpoint}})
        self.tell(condition("APIEndpointReady", True))
        planes = not self.oc["spec"].get("controlPlaneOmitAvailabilityZone")
        self.status["failureDomains"] = {z: {"controlPlane": planes} for z in availability_zones(cloud)}
        self.status.update(ready=True, initialization={"provisioned": True}, failureReason=None, failureMessage=None)
        self.tell_ready(True)

    def remove(self):
        """Load balancer and floating IP, router, network, security groups; each must be gone before the next."""
        cloud = self.open()
        neutron = Neutron(cloud)
        for step, what in ((lambda: balancer.delete(cloud, neutron, self.oc), "load balancer"),
                           (lambda: network.delete_router(neutron, self.oc), "router"),
                           (lambda: network.delete_network(neutron, self.oc), "network"),
                           (lambda: network.delete_groups(neutron, self.oc), "security groups")):
            try:
                step()
            except Refused as e:
                raise Refused(f"failed to delete {what}: {e}", e.status) from e


def planted(p):
    """Failures that the lab makes without OpenStack. True when the cluster goes no further."""
    what = next((k for k in ("never-ready", "infra-failed", "infra-terminal") if k in p.knobs), None)
    if what in ("infra-failed", "infra-terminal"):
        text = p.knobs[what]
        p.status.update(ready=False, failureReason=None, failureMessage=None)
        p.tell(condition("Ready", False, text, f"made by the lab: {text}"))
        if what == "infra-terminal":
            p.status.update(failureReason=text, failureMessage=f"made by the lab: {text}")
        p.write()
    return what is not None


def reconcile(oc, host, busy):
    """HOST() gives a free address; BUSY says that machines of the cluster are still there."""
    meta, name = oc["metadata"], oc["metadata"]["name"]
    finalizers, p = meta.get("finalizers", []), Pass(oc, knobs(name))
    if "cluster.x-k8s.io/cluster-name" not in meta.get("labels", {}) or not meta.get("ownerReferences"):
        return      # Cluster API has not taken it yet
    deleting = bool(meta.get("deletionTimestamp"))
    turn = meta["uid"], deleting
    if "cluster.x-k8s.io/paused" in meta.get("annotations", {}) or time.monotonic() < next_look.get(turn, 0):
        return
    if deleting and (FINALIZER not in finalizers or busy or "stuck-delete" in p.knobs):
        return
    if not deleting and FINALIZER not in finalizers:
        patch(infra(), "openstackclusters", oc, {"metadata": {"finalizers": finalizers + [FINALIZER]}})
        return
    if not deleting and ("looks-away" in p.knobs or planted(p)):
        return
    try:
        if deleting:
            p.remove()
            workload.end(name)
            patch(infra(), "openstackclusters", oc, {"metadata": {"finalizers": [f for f in finalizers if f != FINALIZER]}})
            for k in (True, False):
                next_look.pop((meta["uid"], k), None)
            log("gone", name)
            return
        p.build(host)
        next_look[turn] = time.monotonic() + AGAIN
    except Later as e:
        log(name, "waits:", e)
    except Refused as e:
        next_look[turn] = time.monotonic() + BACKOFF
        log(name, e)
    p.tell_ready()
    p.write()
