#!/usr/bin/env python3
"""Fills the kube-apiserver of a workload cluster with what kubelets and controllers would leave there.

    KUBECONFIG=... ./make.py            a cluster with nothing wrong
    KUBECONFIG=... ./make.py ill        then what goes wrong, each on objects of its own or on one of the good ones

For record.py and tests/tests/capi_contract.rs. KUBECONFIG is that of a workload cluster of the lab with one control
plane and two workers (a real kube-apiserver, whose nodes the lab's provider made) or of an empty one; no kubelet and no controller runs, so statuses are written
here. Their shapes and words are those of Kubernetes 1.34: staging/src/k8s.io/api/core/v1/types.go (NodeStatus,
PodStatus, ContainerState), pkg/kubelet/nodestatus/setters.go (ReadyCondition and the pressures),
pkg/controller/nodelifecycle (NodeStatusUnknown), pkg/kubelet/images/types.go (ErrImagePull, ImagePullBackOff),
pkg/kubelet/kuberuntime (CrashLoopBackOff), pkg/scheduler/framework/types.go (FitError). Names, namespaces and images of
the addons are those of charts/cluster-addons of capi-helm-charts 0.25.1 and of the charts that it installs.
"""
import sys

from kubernetes import client, config
from kubernetes.client.rest import ApiException

config.load_kube_config()
core, apps, storage = client.CoreV1Api(), client.AppsV1Api(), client.StorageV1Api()
BEGAN, LATER = "2026-11-21T12:00:00Z", "2026-11-21T15:00:00Z"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
MIRROR = "mirror.example/azimuth/"


def put(create, *args):
    try:
        create(*args)
    except ApiException as error:
        if error.status != 409:
            raise


def namespace(name):
    put(core.create_namespace, {"metadata": {"name": name}})


def condition(kind, status, reason, message, beat=True):
    times = {"lastHeartbeatTime": LATER} if beat else {}
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": BEGAN, **times}


def node_info(version):
    return {"architecture": "amd64", "bootID": "x", "containerRuntimeVersion": "containerd://2.1.5",
            "kernelVersion": "6.8.0", "kubeProxyVersion": "", "kubeletVersion": version, "machineID": "x",
            "operatingSystem": "linux", "osImage": "Ubuntu 24.04.4 LTS", "systemUUID": "x"}


def node_status(name, ready):
    pressures = [condition(f"{kind}Pressure", "False", f"KubeletHas{good}", f"kubelet has {words} available")
                 for kind, good, words in (("Memory", "SufficientMemory", "sufficient memory"),
                                           ("Disk", "NoDiskPressure", "no disk pressure"),
                                           ("PID", "SufficientPID", "sufficient PID"))]
    core.patch_node_status(name, {"status": {
        "capacity": {"cpu": "2", "memory": "4005772Ki", "pods": "110"},
        "allocatable": {"cpu": "2", "memory": "3903372Ki", "pods": "110"},
        "addresses": [{"type": "InternalIP", "address": "192.168.3.12"}, {"type": "Hostname", "address": name}],
        "conditions": [*pressures, ready],
        "images": [{"names": ["images.example/pause:3.10"], "sizeBytes": 320368}]}})


GOOD = condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")


def running(name, image, restarts=0, **more):
    return {"name": name, "image": image, "imageID": f"{image}@sha256:{'0' * 64}", "ready": True, "started": True,
            "restartCount": restarts, "state": {"running": {"startedAt": BEGAN}}, **more}


def waiting(name, image, reason, message, restarts=0, last=None):
    return {"name": name, "image": image, "imageID": "", "ready": False, "started": False, "restartCount": restarts,
            "state": {"waiting": {"reason": reason, "message": message}}, **({"lastState": last} if last else {})}


def pod(space, name, node, labels, statuses, phase="Running", owner=None, conditions=None, claims=()):
    metadata = {"name": name, "labels": labels}
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "controller": True,
                                        "uid": "00000000-0000-0000-0000-000000000000"}]
    volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
    put(core.create_namespaced_pod, space, {"metadata": metadata, "spec": {
        "nodeName": node, "volumes": volumes, "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": s["name"], "image": s["image"]} for s in statuses]}})
    good = all(s["ready"] for s in statuses) and phase == "Running"
    if conditions is None:
        words = {} if good else {"reason": "ContainersNotReady", "message": "containers with unready status: " + str(
            [s["name"] for s in statuses if not s["ready"]]).replace("'", "").replace(",", "")}
        conditions = [{"type": t, "status": "True", "lastProbeTime": None, "lastTransitionTime": BEGAN}
                      for t in ("PodReadyToStartContainers", "Initialized", "PodScheduled")] + [
                     {"type": t, "status": str(good), "lastProbeTime": None, "lastTransitionTime": BEGAN, **words}
                     for t in ("Ready", "ContainersReady")]
    core.patch_namespaced_pod_status(name, space, {"status": {
        "phase": phase, "conditions": conditions, "startTime": BEGAN,
        **({"containerStatuses": statuses} if node else {})}})


def fleet(kind, space, name, containers, labels, wanted, ready):
    """A DaemonSet or a Deployment. Its containers are (NAME, IMAGE)."""
    plural = "daemon_set" if kind == "DaemonSet" else "deployment"
    body = {"metadata": {"name": name, "labels": labels}, "spec": {
        "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "containers": [{"name": n, "image": i} for n, i in containers]}}}}
    if kind == "Deployment":
        body["spec"]["replicas"] = wanted
        status = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready, "availableReplicas": ready,
                  "unavailableReplicas": wanted - ready, "observedGeneration": 1}
    else:
        status = {"desiredNumberScheduled": wanted, "currentNumberScheduled": wanted, "updatedNumberScheduled": wanted,
                  "numberReady": ready, "numberAvailable": ready, "numberUnavailable": wanted - ready,
                  "numberMisscheduled": 0, "observedGeneration": 1}
    put(getattr(apps, f"create_namespaced_{plural}"), space, body)
    getattr(apps, f"patch_namespaced_{plural}_status")(name, space, {"status": status})


CALICO = [("calico-node", MIRROR + "hub.example/calico/node:v3.31.5")]
OCCM = [("openstack-cloud-controller-manager",
         MIRROR + "hub.example/k8scloudprovider/openstack-cloud-controller-manager:v1.34.1")]
PLUGIN = ("cinder-csi-plugin", "images.example/provider-os/cinder-csi-plugin:v1.34.1")
CONTROLLER = [("csi-attacher", "images.example/sig-storage/csi-attacher:v4.8.1"),
              ("csi-provisioner", "images.example/sig-storage/csi-provisioner:v5.2.0"), PLUGIN]
NODE_PLUGIN = [("node-driver-registrar", "images.example/sig-storage/csi-node-driver-registrar:v2.13.0"), PLUGIN]
COREDNS = [("coredns", "images.example/coredns/coredns:v1.12.1")]
PROXY = [("kube-proxy", "images.example/kube-proxy:v1.34.8")]
OPERATOR = [("tigera-operator", MIRROR + "mirror.example/tigera/operator:v1.38.8")]
CALICO_CONTROLLERS = [("calico-kube-controllers", MIRROR + "hub.example/calico/kube-controllers:v3.31.5")]
OCCM_LABELS = {"app": "openstack-cloud-controller-manager", "component": "controllermanager"}


def well(nodes, control_plane):
    for space in ("openstack-system", "calico-system", "tigera-operator"):
        namespace(space)
    for name in nodes:
        node_status(name, GOOD)
    # The lab's provider writes no container statuses for them.
    for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        image = f"images.example/{component}:v1.34.8"
        pod("kube-system", f"{component}-{control_plane}", control_plane, {"component": component, "tier": "control-plane"},
            [running(component, image)], owner=("Node", control_plane))
    daemons = (("calico-system", "calico-node", CALICO, {"k8s-app": "calico-node"}, nodes),
               ("kube-system", "kube-proxy", PROXY, {"k8s-app": "kube-proxy"}, nodes),
               ("openstack-system", "openstack-cinder-csi-nodeplugin", NODE_PLUGIN,
                {"app": "openstack-cinder-csi", "component": "nodeplugin"}, nodes),
               ("openstack-system", "openstack-cloud-controller-manager", OCCM, OCCM_LABELS, [control_plane]))
    for space, name, containers, labels, places in daemons:
        fleet("DaemonSet", space, name, containers, labels, len(places), len(places))
        for number, place in enumerate(places):
            # One that was restarted and is well.
            restarts = 2 if name == "openstack-cloud-controller-manager" else 0
            last = {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": BEGAN, "finishedAt": BEGAN}}
            statuses = [running(n, i, restarts, **({"lastState": last} if restarts else {})) for n, i in containers]
            pod(space, f"{name}-{number}x7kq", place, labels, statuses, owner=("DaemonSet", name))
    deployments = (("kube-system", "coredns", COREDNS, {"k8s-app": "kube-dns"}, 2),
                   ("openstack-system", "openstack-cinder-csi-controllerplugin", CONTROLLER,
                    {"app": "openstack-cinder-csi", "component": "controllerplugin"}, 1),
                   ("tigera-operator", "tigera-operator", OPERATOR, {"name": "tigera-operator"}, 1),
                   ("calico-system", "calico-kube-controllers", CALICO_CONTROLLERS, {"k8s-app": "calico-kube-controllers"}, 1))
    for space, name, containers, labels, count in deployments:
        fleet("Deployment", space, name, containers, labels, count, count)
        for number in range(count):
            pod(space, f"{name}-6f9c8d7b5-{number}wz4t", nodes[-1], labels, [running(n, i) for n, i in containers],
                owner=("ReplicaSet", f"{name}-6f9c8d7b5"))
    done = running("backup", "busybox:1.36")
    done.update(ready=False, started=False, state={"terminated": {"exitCode": 0, "reason": "Completed",
                                                                  "startedAt": BEGAN, "finishedAt": BEGAN}})
    pod("default", "backup-29388420-ncx2v", nodes[-1], {"job-name": "backup"}, [done], phase="Succeeded",
        owner=("Job", "backup-29388420"))
    for name, provisioner, default, binding in (
            ("csi-cinder", "cinder.csi.openstack.org", "true", "WaitForFirstConsumer"),
            ("fast", "cinder.csi.openstack.org", "false", "Immediate")):
        put(storage.create_storage_class, {
            "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default}},
            "provisioner": provisioner, "volumeBindingMode": binding, "reclaimPolicy": "Delete"})
    # Nobody mounts it yet, so it is Pending, as it should be.
    claim("unused", "csi-cinder")


def claim(name, storage_class):
    put(core.create_namespaced_persistent_volume_claim, "default", {
        "metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
                                             "resources": {"requests": {"storage": "1Gi"}}}})


NO_NETWORK = ("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network "
              "plugin returns error: cni plugin not initialized")
UNSCHEDULABLE = (f"0/5 nodes are available: 2 Insufficient memory, 3 node(s) had untolerated taint {{{UNINITIALIZED}: "
                 "true}. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.")


def ill(nodes, control_plane):
    # The node lifecycle controller's words, where a kubelet is not heard of for 40 s.
    unknown = dict(reason="NodeStatusUnknown", message="Kubelet stopped posting node status.")
    node_status(nodes[1], {**condition("Ready", "Unknown", **unknown)})
    for name, ready in (("without-network", condition("Ready", "False", "KubeletNotReady", NO_NETWORK)),
                        ("uninitialized", GOOD)):
        put(core.create_node, {"metadata": {"name": name}, "spec": {"taints": [
            {"key": UNINITIALIZED, "value": "true", "effect": "NoSchedule"}]}})
        node_status(name, ready)
        core.patch_node_status(name, {"status": {"nodeInfo": node_info("v1.33.5")}})
    core.patch_node("uninitialized", {"spec": {"unschedulable": True}})
    crash = {"terminated": {"exitCode": 255, "reason": "Error", "startedAt": LATER, "finishedAt": LATER}}
    name, image = OCCM[0]
    words = f"back-off 5m0s restarting failed container={name} pod={name}-0x7kq_openstack-system(5a2f)"
    pod("openstack-system", f"{name}-0x7kq", control_plane, OCCM_LABELS, [
        waiting(name, image, "CrashLoopBackOff", words, 37, crash)], owner=("DaemonSet", name))
    fleet("DaemonSet", "openstack-system", name, OCCM, OCCM_LABELS, 1, 0)
    image = "registry.example.org/nothing:1"
    pod("default", "no-image", nodes[2], {}, [waiting("main", image, "ImagePullBackOff", f'Back-off pulling image "{image}"')],
        phase="Pending")
    pod("default", "unschedulable", None, {}, [running("main", "busybox:1.36")], phase="Pending", claims=["stuck"],
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": UNSCHEDULABLE,
                     "lastProbeTime": None, "lastTransitionTime": BEGAN}])
    claim("stuck", "csi-cinder")



def register():
    """What kubelets would: where nobody has made nodes yet."""
    for name in ("c1-control-plane-mxkxv", "c1-default-worker-25hsm", "c1-default-worker-4gm4n"):
        labels = {CONTROL_PLANE: ""} if "control-plane" in name else {}
        taints = [{"key": CONTROL_PLANE, "effect": "NoSchedule"}] if labels else []
        put(core.create_node, {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}})
        core.patch_node_status(name, {"status": {"nodeInfo": node_info("v1.34.8")}})


if not core.list_node().items:
    register()
nodes = sorted(core.list_node().items, key=lambda n: CONTROL_PLANE not in (n.metadata.labels or {}))
nodes = [n.metadata.name for n in nodes if not n.metadata.name.startswith(("without", "uninit"))]
(ill if sys.argv[1:] == ["ill"] else well)(nodes, nodes[0])
