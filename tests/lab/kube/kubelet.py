"""A stand-in for a scheduler and a kubelet: it runs omega's probing pods as processes, each in a network
namespace of its own, and writes their status as a kubelet would.

kubelet.py KUBECONFIG NAMESPACE NODE OUTSIDE

It has one node of that name. OUTSIDE is a network namespace that stands for everything else: a pod has an
interface to it and routes to 10.88.0.0/16 and 198.51.100.0/24 through it, and no other. No image is pulled: one
whose name begins with "missing" can't be had, one that begins with "slow" runs its program only after a minute,
and a pod with one that begins with "unschedulable" gets no node. Ended by SIGTERM; its network namespaces go with it.
"""
import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml

KUBECONFIG, NAMESPACE, NODE, OUTSIDE = sys.argv[1:]
config = yaml.safe_load(open(KUBECONFIG))
cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
with tempfile.NamedTemporaryFile() as pair:
    pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
    pair.flush()
    tls.load_cert_chain(pair.name)


def call(method, path, body=None, kind="application/json"):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(cluster["server"] + path, data, {"Content-Type": kind}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    try:
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code in (404, 409):
            return None
        raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:300]}")


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def sh(*words):
    subprocess.run(words, check=True)


class Pod:
    """One pod on this node."""

    def __init__(self, number, pod):
        self.path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}"
        self.uid, self.spec = pod["metadata"]["uid"], pod["spec"]
        self.name, self.number, self.process, self.began = f"omega-pod-{number}", number, None, now()
        self.box = None
        container = self.spec["containers"][0]
        self.image, self.container = container["image"], container["name"]
        self.until = time.time() + self.spec.get("activeDeadlineSeconds", 1e9)
        self.at = time.time() + (60 if self.image.startswith("slow") else 0)

    def status(self, phase, state, **more):
        if "waiting" in state:
            state["waiting"].setdefault("message", "")
        container = {"name": self.container, "image": self.image, "imageID": "", "restartCount": 0,
                     "ready": "running" in state, "state": state}
        body = {"phase": phase, "startTime": self.began, "containerStatuses": [container], **more}
        call("PATCH", self.path + "/status", {"metadata": {"uid": self.uid}, "status": body},
             "application/merge-patch+json")

    def network(self):
        # 10.99.N.1 is outside's end, 10.99.N.2 the pod's
        far, near, net = f"op{self.number}o", f"op{self.number}p", f"10.99.{self.number % 250}"
        sh("ip", "netns", "add", self.name)
        sh("ip", "-n", OUTSIDE, "link", "add", far, "type", "veth", "peer", "name", near, "netns", self.name)
        sh("ip", "-n", OUTSIDE, "addr", "add", f"{net}.1/30", "dev", far)
        sh("ip", "-n", OUTSIDE, "link", "set", far, "up")
        for words in (["link", "set", "lo", "up"], ["addr", "add", f"{net}.2/30", "dev", near], ["link", "set", near, "up"],
                      ["route", "add", "10.88.0.0/16", "via", f"{net}.1"], ["route", "add", "198.51.100.0/24", "via", f"{net}.1"]):
            sh("ip", "-n", self.name, *words)

    def start(self):
        if self.image.startswith("missing"):
            why = f'Failed to pull image "{self.image}": not found'
            self.event("Failed", why)
            self.status("Pending", {"waiting": {"reason": "ErrImagePull", "message": why}})
            self.at = 1e18
            return
        self.network()
        self.output = tempfile.TemporaryFile()
        # the program is the pod's own, with nothing of this process but its path
        environment = {"PATH": "/usr/bin:/bin", "HOSTNAME": self.path.rsplit("/", 1)[-1]}
        words = ["ip", "netns", "exec", self.name, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        self.process = subprocess.Popen(words + self.spec["containers"][0]["command"], env=environment, cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        start_new_session=True)
        self.status("Running", {"running": {"startedAt": now()}})

    def event(self, reason, message):
        call("POST", f"/api/v1/namespaces/{NAMESPACE}/events", {
            "metadata": {"generateName": "omega-egress-", "namespace": NAMESPACE}, "type": "Warning",
            "reason": reason, "message": message, "source": {"component": "kubelet"}, "lastTimestamp": now(),
            "involvedObject": {"kind": "Pod", "namespace": NAMESPACE, "name": self.path.rsplit("/", 1)[-1], "uid": self.uid}})

    def end(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        # the other end of its interface goes with it
        subprocess.run(["ip", "netns", "del", self.name], stderr=subprocess.DEVNULL)

    def tick(self):
        """Returns whether it has ended."""
        if self.process is None:
            if time.time() >= self.at:
                self.start()
        elif self.process.poll() is not None:
            self.output.seek(0)
            said, code = self.output.read().decode(errors="replace")[-2048:], self.process.returncode
            ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "finishedAt": now(), "startedAt": self.began}
            if code and said:  # FallbackToLogsOnError
                ended["message"] = said
            self.status("Succeeded" if code == 0 else "Failed", {"terminated": ended})
            return True
        if time.time() >= self.until:
            self.status("Failed", {"waiting": {"reason": "ContainerCreating"}}, reason="DeadlineExceeded",
                        message="Pod was active on the node longer than the specified deadline")
            return True
        return False


def main():
    images = [{"names": ["images.example/pause:3.10"], "sizeBytes": 1}, {"names": ["lab.invalid/debian:12"], "sizeBytes": 1}]
    call("POST", "/api/v1/nodes", {"metadata": {"name": NODE}})
    call("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": {"images": images, "conditions": [{"type": "Ready", "status": "True"}]}},
         "application/merge-patch+json")
    pods, ended, number = {}, {}, 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            found = call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=omega%2Fprobe")["items"]
            for pod in found:
                uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
                path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
                mine = pods.get(uid) or ended.get(uid)
                if pod["metadata"].get("deletionTimestamp"):
                    if mine:
                        mine.end()
                    call("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
                elif mine is None and pod["status"].get("phase") == "Pending" and "unschedulable" not in pod["spec"]["containers"][0]["image"]:
                    binding = {"metadata": {"name": name}, "target": {"kind": "Node", "name": NODE}}
                    call("POST", path + "/binding", {"apiVersion": "v1", "kind": "Binding", **binding})
                    number += 1
                    pods[uid] = Pod(os.getpid() % 200 + number, pod)
            here = {pod["metadata"]["uid"] for pod in found}
            for uid in list(pods):
                if uid not in here:
                    pods.pop(uid).end()
                elif pods[uid].tick():
                    ended[uid] = pods.pop(uid)
                    ended[uid].end()
            time.sleep(0.2)
    finally:
        for pod in list(pods.values()) + list(ended.values()):
            pod.end()
        call("DELETE", f"/api/v1/nodes/{NODE}")


main()
