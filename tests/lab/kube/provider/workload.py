"""A workload cluster: an etcd and a kube-apiserver of its own with the CA from Magnum's secrets, Nodes and static pods."""
import base64
import contextlib
import os
import signal
import subprocess

from kubernetes import client, config

from provider.management import BIN, DEADLINE, STATE, core, log, unless_there, when

clients = {}        # cluster -> a client of its kube-apiserver, once it has answered
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def spawn(directory, name, *command):
    """Start it unless it runs; its pid is in a file, for down.sh."""
    try:
        os.kill(int(open(f"{directory}/{name}.pid").read()), 0)
    except (FileNotFoundError, ProcessLookupError):
        p = subprocess.Popen([f"{BIN}/{name}", *command], cwd=directory, start_new_session=True,
                             stdout=open(f"{directory}/{name}.log", "a"), stderr=subprocess.STDOUT)
        open(f"{directory}/{name}.pid", "w").write(str(p.pid))


def start(namespace, cluster, address):
    """A client of the cluster's own kube-apiserver, or None while it is not there yet."""
    d = f"{STATE}/workload/{cluster}"
    if not os.path.exists(f"{d}/server.crt"):
        os.makedirs(d, exist_ok=True)
        for s in ("ca", "sa"):
            data = core.read_namespaced_secret(f"{cluster}-{s}", namespace, _request_timeout=DEADLINE).data
            for ext in ("crt", "key"):
                open(f"{d}/{s}.{ext}", "wb").write(base64.b64decode(data[f"tls.{ext}"]))
        open(f"{d}/ext", "w").write(f"subjectAltName=IP:{address}\n")
        for c in ("req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout server.key -out server.csr",
                  "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.crt"):
            subprocess.run(["openssl", *c.split()], cwd=d, check=True, capture_output=True)
        log("workload", cluster, address)
    spawn(d, "etcd", "--data-dir", "etcd", "--unsafe-no-fsync",
          "--listen-client-urls", f"http://{address}:2379", "--advertise-client-urls", f"http://{address}:2379",
          "--listen-peer-urls", f"http://{address}:2380", "--initial-advertise-peer-urls", f"http://{address}:2380",
          "--initial-cluster", f"default=http://{address}:2380")
    spawn(d, "kube-apiserver", "--etcd-servers", f"http://{address}:2379", "--bind-address", address,
          "--advertise-address", address, "--tls-cert-file", "server.crt", "--tls-private-key-file", "server.key",
          "--client-ca-file", "ca.crt", "--service-account-key-file", "sa.crt",
          "--service-account-signing-key-file", "sa.key", "--service-account-issuer", "https://workload",
          "--service-cluster-ip-range", "172.24.0.0/16", "--authorization-mode", "RBAC",
          "--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none")
    if cluster not in clients:
        kubeconfig = core.read_namespaced_secret(f"{cluster}-kubeconfig", namespace, _request_timeout=DEADLINE).data["value"]
        open(f"{d}/admin.conf", "wb").write(base64.b64decode(kubeconfig))
        api = client.CoreV1Api(config.new_client_from_config(f"{d}/admin.conf"))
        try:
            api.read_namespace("kube-system", _request_timeout=2)
        except Exception:       # not listening, not ready, no namespace yet
            return None
        clients[cluster] = api
    return clients[cluster]


def stop(cluster, *names):
    for name in names:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(open(f"{STATE}/workload/{cluster}/{name}.pid").read()), signal.SIGKILL)


def end(cluster):
    clients.pop(cluster, None)
    stop(cluster, "kube-apiserver", "etcd")
    subprocess.run(["rm", "-rf", f"{STATE}/workload/{cluster}"])


def readiness(api, name, ready):
    """Keeps the Node's condition Ready as a kubelet would, or as the node controller does for one that is silent."""
    now = next((c["status"] for c in api.api_client.sanitize_for_serialization(
        api.read_node(name, _request_timeout=DEADLINE))["status"].get("conditions", []) if c["type"] == "Ready"), None)
    wanted = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "stand-in"} if ready else {
        "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
    if now != wanted["status"]:
        api.patch_node_status(name, {"status": {"conditions": [dict(wanted, lastTransitionTime=when())]}}, _request_timeout=DEADLINE)
        log("node", name, wanted["status"])


def node(api, name, provider_id, version, control_plane):
    """What a kubelet and kubeadm leave behind. The taint must be there from the start."""
    taint = {"taints": [{"key": CONTROL_PLANE, "effect": "NoSchedule"}]} if control_plane else {}
    unless_there(api.create_node, {"metadata": {"name": name, "labels": {CONTROL_PLANE: ""} if control_plane else {}},
                                   "spec": {"providerID": provider_id, **taint}})
    good = {"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False"}
    info = ("architecture bootID containerRuntimeVersion kernelVersion kubeProxyVersion machineID operatingSystem "
            "osImage systemUUID").split()
    api.patch_node_status(name, {"status": {
        "conditions": [{"type": t, "status": s, "reason": "KubeletReady", "message": "stand-in", "lastTransitionTime": when()}
                       for t, s in good.items()],
        "nodeInfo": {**dict.fromkeys(info, "lab"), "kubeletVersion": version}}})
    if control_plane:
        unless_there(api.create_namespaced_config_map, "kube-system", {
            "metadata": {"name": "kubeadm-config"}, "data": {"ClusterConfiguration":
            f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n"}})
    for p in ("kube-apiserver", "kube-controller-manager", "kube-scheduler") if control_plane else ():
        unless_there(api.create_namespaced_pod, "kube-system", {
            "metadata": {"name": f"{p}-{name}", "labels": {"component": p, "tier": "control-plane"}},
            "spec": {"nodeName": name, "containers": [{"name": p, "image": p}]}})
        api.patch_namespaced_pod_status(f"{p}-{name}", "kube-system", {"status": {"phase": "Running", "conditions": [
            {"type": t, "status": "True"} for t in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]}})
