"""A stand-in for a scheduler and a kubelet that runs the pods of Jobs.

jobs.py NAMESPACE NODE PROGRAM STATE

It has one node of that name, and takes the pods of Jobs in NAMESPACE. A pod's one container runs in a mount namespace
of its own (pod.sh): a read-only root with this machine's libraries and PROGRAM as /app/omega-cli, and what its volumes
say, at their paths. It runs as the user of its security context, without capabilities, in the environment of its
manifest. Volumes are as kubelet makes them: files of config maps, secrets and projections are links into a directory
that has another name each time, with their mode and the pod's fsGroup; a claim is the directory STATE/claims/NAME, which
stays; fsGroupChangePolicy counts. A Secret or ConfigMap that is missing is waited for. No image is pulled, there are no
limits, and all pods have the machine's network.

What a container wrote is in STATE/logs/POD. Ended by SIGTERM.
"""
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

from kubernetes import client, config
from kubernetes.client.rest import ApiException

DEADLINE = 10       # seconds, for one request
HERE = pathlib.Path(__file__).parent


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class NotYet(Exception):
    """What a pod waits for."""


def owned(path, group, add):
    """What kubelet does with an fsGroup (pkg/volume/volume_linux.go): the group, its rights, setgid on directories."""
    for one in [path, *path.rglob("*")]:
        if one.is_symlink():
            os.chown(one, -1, group, follow_symlinks=False)
            continue
        os.chown(one, -1, group)
        one.chmod(one.stat().st_mode & 0o7777 | add | (0o2110 if one.is_dir() else 0))


def write_atomically(path, files, group):
    """As kubelet's AtomicWriter: NAME -> ..data/NAME, ..data -> ..TIME. files: name -> (bytes, mode)."""
    inner = f"..{time.strftime('%Y_%m_%d_%H_%M_%S')}.{time.time_ns() % 10**9}"
    (path / inner).mkdir(parents=True)
    for name, (data, mode) in files.items():
        (path / inner / name).write_bytes(data)
        (path / inner / name).chmod(mode)
        (path / name).symlink_to(f"..data/{name}")
    (path / "..data").symlink_to(inner)
    if group is not None:
        owned(path, group, 0o440)


def claim(state, name, group, policy):
    """The directory of a claim. It belongs to root at first, as a new file system does."""
    path = state / "claims" / name
    path.mkdir(parents=True, exist_ok=True)
    found = path.stat()
    matches = found.st_gid == group and found.st_mode & 0o2770 == 0o2770
    if group is not None and not (policy == "OnRootMismatch" and matches):
        owned(path, group, 0o660)
    return path


class Volumes:
    """The volumes of one pod, below `home`."""

    def __init__(self, core, namespace, pod, state, home):
        self.core, self.namespace, self.pod, self.state, self.home = core, namespace, pod, state, home
        security = pod["spec"].get("securityContext") or {}
        self.group, self.policy = security.get("fsGroup"), security.get("fsGroupChangePolicy", "Always")

    def read(self, kind, name):
        read = {"Secret": self.core.read_namespaced_secret, "ConfigMap": self.core.read_namespaced_config_map}[kind]
        try:
            found = read(name, self.namespace, _request_timeout=DEADLINE)
        except ApiException as error:
            if error.status == 404:
                raise NotYet(f'MountVolume.SetUp failed: {kind.lower()} "{name}" not found')
            raise
        if kind == "Secret":
            return {key: base64.b64decode(value) for key, value in (found.data or {}).items()}
        return {key: value.encode() for key, value in (found.data or {}).items()}

    def picked(self, kind, source, name):
        """The files of a Secret or ConfigMap that the pod wants: name -> bytes."""
        all_of_it = self.read(kind, name)
        items = source.get("items")
        return {one["path"]: all_of_it[one["key"]] for one in items} if items else all_of_it

    def token(self, source):
        bound = {"apiVersion": "v1", "kind": "Pod", "name": self.pod["metadata"]["name"], "uid": self.pod["metadata"]["uid"]}
        spec = {"expirationSeconds": source.get("expirationSeconds", 3600), "boundObjectRef": bound,
                "audiences": [source["audience"]] if source.get("audience") else []}
        answer = self.core.create_namespaced_service_account_token(
            self.pod["spec"]["serviceAccountName"], self.namespace, {"spec": spec}, _request_timeout=DEADLINE)
        return answer.status.token.encode()

    def projected(self, source):
        files = {}
        for one in source["sources"]:
            if "serviceAccountToken" in one:
                files[one["serviceAccountToken"]["path"]] = self.token(one["serviceAccountToken"])
            elif "configMap" in one:
                files.update(self.picked("ConfigMap", one["configMap"], one["configMap"]["name"]))
            else:
                raise RuntimeError(f"no stand-in for {one}")
        return files

    def make(self, volume):
        """Returns the directory of a volume."""
        path = self.home / volume["name"]
        if "persistentVolumeClaim" in volume:
            return claim(self.state, volume["persistentVolumeClaim"]["claimName"], self.group, self.policy)
        if "emptyDir" in volume:
            path.mkdir(parents=True)
            path.chmod(0o777)
            if self.group is not None:
                owned(path, self.group, 0o660)
            return path
        for kind, key, name in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
            if key in volume:
                source = volume[key]
                files = self.picked(kind, source, source[name])
                break
        else:
            source = volume["projected"]
            files = self.projected(source)
        mode = source.get("defaultMode", 0o644)
        write_atomically(path, {name: (data, mode) for name, data in files.items()}, self.group)
        return path


class Pod:
    """One pod on this node."""

    def __init__(self, node, pod):
        self.node, self.pod = node, pod
        self.name, self.uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        self.home = node.state / "pods" / self.uid
        self.process, self.began, self.said = None, now(), None
        self.container = pod["spec"]["containers"][0]
        if len(pod["spec"]["containers"]) != 1 or pod["spec"].get("initContainers"):
            raise RuntimeError(f"no stand-in for several containers: {self.name}")

    def status(self, phase, state):
        container = {"name": self.container["name"], "image": self.container["image"], "imageID": "", "restartCount": 0,
                     "ready": "running" in state, "state": state}
        body = {"metadata": {"uid": self.uid}, "status": {"phase": phase, "startTime": self.began, "containerStatuses": [container]}}
        self.node.core.patch_namespaced_pod_status(self.name, self.node.namespace, body, _request_timeout=DEADLINE)

    def mounts(self):
        """The mounts of the container: source, path in it, ro or rw."""
        shutil.rmtree(self.home / "volumes", ignore_errors=True)
        made = Volumes(self.node.core, self.node.namespace, self.pod, self.node.state, self.home / "volumes")
        volumes = {one["name"]: made.make(one) for one in self.pod["spec"]["volumes"]}
        words = []
        for one in self.container["volumeMounts"]:
            source = volumes[one["name"]]
            if one.get("subPath"):
                source = (source / one["subPath"]).resolve(strict=True)
            words += [str(source), one["mountPath"], "ro" if one.get("readOnly") else "rw"]
        return words

    def start(self):
        try:
            mounts = self.mounts()
        except NotYet as error:
            if self.said != str(error):
                self.said = str(error)
                self.status("Pending", {"waiting": {"reason": "ContainerCreating", "message": self.said}})
            return
        (self.home / "root").mkdir(parents=True, exist_ok=True)
        security = self.pod["spec"]["securityContext"]
        user = [str(security["runAsUser"]), str(security["runAsGroup"]), str(security["fsGroup"])]
        environment = {"PATH": "/app:/usr/bin:/bin", "HOSTNAME": self.name, **self.node.service}
        environment.update({one["name"]: one["value"] for one in self.container.get("env", [])})
        words = ["unshare", "--mount", "--propagation", "private", "bash", str(HERE / "pod.sh"), str(self.home / "root"),
                 self.node.program, *user, self.container.get("workingDir", "/"), str(len(mounts) // 3), *mounts,
                 *self.container["command"], *self.container.get("args", [])]
        self.log = self.node.state / "logs" / self.name
        self.process = subprocess.Popen(words, env=environment, cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=self.log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True)
        self.status("Running", {"running": {"startedAt": now()}})

    def tick(self):
        """Returns whether it has ended."""
        if self.process is None:
            self.start()
            return False
        code = self.process.poll()
        if code is None:
            return False
        code = 128 - code if code < 0 else code
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": self.began, "finishedAt": now()}
        if code and self.container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            ended["message"] = self.log.read_text(errors="replace")[-2048:]
        self.status("Succeeded" if code == 0 else "Failed", {"terminated": ended})
        return True

    def end(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Node:
    def __init__(self, namespace, name, program, state):
        configuration = client.Configuration()
        config.load_kube_config(client_configuration=configuration)
        self.core = client.CoreV1Api(client.ApiClient(configuration))
        self.namespace, self.name, self.program, self.state = namespace, name, program, pathlib.Path(state)
        server = urllib.parse.urlsplit(configuration.host)
        self.service = {"KUBERNETES_SERVICE_HOST": server.hostname, "KUBERNETES_SERVICE_PORT": str(server.port or 443)}
        self.pods, self.ended = {}, set()

    def found(self):
        answer = self.core.list_namespaced_pod(self.namespace, label_selector="batch.kubernetes.io/job-name",
                                               _preload_content=False, _request_timeout=DEADLINE)
        return json.loads(answer.data)["items"]

    def bind(self, name):
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": self.name}}
        self.core.create_namespaced_pod_binding(name, self.namespace, body, _preload_content=False, _request_timeout=DEADLINE)

    def tick(self):
        here = set()
        for pod in self.found():
            uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
            here.add(uid)
            if pod["metadata"].get("deletionTimestamp"):
                if uid in self.pods:
                    self.pods.pop(uid).end()
                try:
                    self.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0, _request_timeout=DEADLINE)
                except ApiException as error:
                    if error.status != 404:
                        raise
            elif uid not in self.pods and uid not in self.ended and pod["status"].get("phase") == "Pending":
                if not pod["spec"].get("nodeName"):
                    self.bind(name)
                self.pods[uid] = Pod(self, pod)
        for uid in list(self.pods):
            if uid not in here:
                self.pods.pop(uid).end()
            elif self.pods[uid].tick():
                self.ended.add(uid)
                self.pods.pop(uid).end()

    def run(self):
        (self.state / "logs").mkdir(parents=True, exist_ok=True)
        self.core.create_node({"metadata": {"name": self.name}}, _request_timeout=DEADLINE)
        ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        self.core.patch_node_status(self.name, ready, _request_timeout=DEADLINE)
        try:
            while True:
                self.tick()
                time.sleep(0.2)
        finally:
            for pod in self.pods.values():
                pod.end()
            self.core.delete_node(self.name, _request_timeout=DEADLINE)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Node(*sys.argv[1:]).run()
