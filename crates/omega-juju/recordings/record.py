#!/usr/bin/env python3
"""Records what the agent says on a real unit of the lab: record.py ADDRESS KEY [HELM [KUBECONFIG]]

The unit is a fresh one of tests/lab/unit.sh. It is asked, grafted step by step by the agent's own
actions, and asked again. Each file NAME.json holds requests and the replies to them, as they came.
The simulator is seeded from these; nothing here reads them back.
"""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.path.join(HERE, "..", "src", "agent")
ADDRESS, KEY = sys.argv[1], sys.argv[2]
HELM = sys.argv[3] if len(sys.argv) > 3 else None
KUBECONFIG = sys.argv[4] if len(sys.argv) > 4 else None


found = re.search(r"certificate-authority-data: *(\S+)", open(KUBECONFIG).read()) if KUBECONFIG else None
AUTHORITY = base64.b64decode(found.group(1)).decode() if found else None


def source(*names):
    texts = [open(os.path.join(AGENT, name)).read() for name in names]
    inside = open(os.path.join(AGENT, "inside.py")).read()
    return "INSIDE = r'''\n" + inside + "'''\n" + "".join(texts)


ASK = source("common.py", "ask.py") + "\n\nmain_ask()\n"
ACT = source("common.py", "act.py", "service.py", "pip.py") + "\n\nmain_act()\n"
BOOT = ("import sys;s=sys.stdin.buffer;n,m=s.readline().split();p=s.read(int(n));r=s.read(int(m));"
        'exec(compile(p,"omega","exec"),{"__name__":"omega","REQUEST":r})')


def ssh(line, stdin):
    argv = ["ssh", "-q", "-i", KEY, "-p", "2222", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "ubuntu@" + ADDRESS, line]
    return subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, check=False).stdout


def agent(program, request, payload=b""):
    program, request = program.encode(), json.dumps(request).encode()
    head = b"%d %d\n" % (len(program), len(request))
    out = ssh("sudo -n python3 -I -B -c '%s'" % BOOT, head + program + request + payload)
    text = out.split(b"\nomega-reply ", 1)[1].split(b"\n", 1)[1]
    return json.loads(text)


def ask(*probes):
    replies = agent(ASK, {"nonce": "r", "seconds": 30, "probes": probes})["replies"]
    return [{"probe": probe, "reply": reply} for probe, reply in zip(probes, replies)]


def act(action, payload=None):
    shape = payload and {"size": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    reply = agent(ACT, {"nonce": "r", "seconds": 120, "action": action, "payload": shape}, payload or b"")
    return {"action": action, "payload": shape, "reply": reply}


CONDUCTOR = "magnum-conductor"
DRIVER = "magnum-capi-helm"


def state():
    f = lambda kind, **rest: dict(probe=kind, **rest)
    return ask(
        *[f("file", path=p) for p in (
            "/etc/magnum", "/etc/magnum/magnum.conf", "/etc/magnum/magnum.conf.d", "/etc/magnum/capi-kubeconfig",
            "/etc/magnum/magnum.conf.d/00-capi-helm.conf", "/etc/default/magnum-conductor", "/usr/bin/helm",
            "/usr/local/bin/helm", "/bin", "/etc/init.d/magnum-conductor", "/usr/bin/magnum-conductor", "/dev/null",
            "/var/lib/omega/before", "/etc/systemd/system/magnum-conductor.service.d/override.conf")],
        *[f("text", path=p) for p in (
            "/etc/default/magnum-conductor", "/etc/magnum/magnum.conf.d/00-capi-helm.conf", "/etc/hostname", "/nowhere")],
        *[f("directory", path=p) for p in ("/etc/magnum", "/etc/magnum/magnum.conf.d", "/etc/default", "/nowhere")],
        *[f("service", service=s) for s in (CONDUCTOR, "magnum-api", "ssh", "nonesuch")],
        *[f("show_args", service=s) for s in (CONDUCTOR, "magnum-api")],
        *[f("program", name=n, service=s) for n, s in (("helm", CONDUCTOR), ("sh", CONDUCTOR), ("sh", "nonesuch"))],
        *[f("python", service=s, distribution=d, group="magnum.drivers") for s, d in (
            (CONDUCTOR, DRIVER), (CONDUCTOR, "magnum"), ("magnum-api", DRIVER))],
        *[f("distributions", service=s, containing=["magnum", "capi"]) for s in (CONDUCTOR, "magnum-api")],
        f("options", service=CONDUCTOR, group="capi_helm",
          keys=["kubeconfig_file", "helm_chart_repo", "helm_chart_name", "default_helm_chart_version", "api_resources"]),
        f("options", service=CONDUCTOR, group="trust", keys=["trustee_domain_name", "cluster_user_trust"]),
        f("options", service="magnum-api", group="capi_helm", keys=["kubeconfig_file"]),
        f("options", service=CONDUCTOR, group="keystone_auth", keys=["password"]),
        f("reach", host="127.77.2.1", port=6443, ca_pem=None),
        f("reach", host="127.77.2.1", port=6443, ca_pem=AUTHORITY),
        f("reach", host="127.77.1.49", port=1, ca_pem=None),
        f("authenticate", service=CONDUCTOR, kubeconfig="/etc/magnum/capi-kubeconfig"),
        f("releases", service=CONDUCTOR, kubeconfig="/etc/magnum/capi-kubeconfig", namespaces=["default", "magnum-none"]),
        f("log_tail", service=CONDUCTOR),
    )


def place(path, content, owner="root:root", mode="0644", expect="absent", sha256=None):
    owner, group = owner.split(":")
    digest = sha256 or hashlib.sha256(content).hexdigest()
    return act({"action": "place_file", "path": path, "owner": owner, "group": group, "mode": mode,
                "sha256": digest, "expect": expect}, content)


def wheel(version):
    name = "magnum_capi_helm-%s-py3-none-any.whl" % version
    content = ssh("cat /opt/wheels/" + name, b"")
    source = {"wheel": {"file_name": name, "sha256": hashlib.sha256(content).hexdigest()}}
    return act({"action": "pip_install", "service": CONDUCTOR, "distribution": DRIVER, "version": version,
                "source": source, "break_system_packages": True}, content)


def write(name, document):
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    print(name, len(document))


DROPIN = b"[capi_helm]\nkubeconfig_file = /etc/magnum/capi-kubeconfig\ndefault_helm_chart_version = 0.25.1\napi_resources = {}\n"
ARGS = b'DAEMON_ARGS="${DAEMON_ARGS} --config-dir /etc/magnum/magnum.conf.d"\n'
directory = dict(path="/etc/magnum/magnum.conf.d", owner="root", group="root", mode="0755")
dropin = "/etc/magnum/magnum.conf.d/00-capi-helm.conf"
restart = {"action": "restart_service", "service": CONDUCTOR}
sha = lambda content: {"sha256": hashlib.sha256(content).hexdigest()}

write("fresh", state())
acts = [wheel("1.3.0")]
write("driver-1.3.0", state())
acts += [act(dict(action="make_directory", **directory)), act(dict(action="make_directory", **directory)),
         place(dropin, DROPIN), place("/etc/default/magnum-conductor", ARGS)]
if HELM:
    acts.append(place("/usr/bin/helm", open(HELM, "rb").read(), mode="0755"))
kubeconfig = open(KUBECONFIG, "rb").read() if KUBECONFIG else b"apiVersion: v1\nkind: Config\n"
acts += [place("/etc/magnum/capi-kubeconfig", kubeconfig, "magnum:magnum", "0600"), wheel("1.4.0"), act(restart)]
write("grafted", state())
# What refuses, and how.
acts += [
    place(dropin, DROPIN),
    place(dropin, DROPIN, expect=sha(b"other")),
    place("/etc/magnum/none/file", DROPIN),
    place("/etc/magnum/new", DROPIN, "nobody-here:root"),
    place("/etc/magnum/new", DROPIN, sha256=hashlib.sha256(b"other").hexdigest()),
    place("/dev/full", DROPIN),
    act({"action": "remove_directory", "path": "/etc/magnum/magnum.conf.d"}),
    act({"action": "remove_file", "path": "/etc/magnum/none", "expect": "absent"}),
    act({"action": "restore_file", "path": dropin, "owner": "root", "group": "root", "mode": "0644",
         "sha256": hashlib.sha256(b"other").hexdigest(), "expect": sha(DROPIN)}),
    act({"action": "restart_service", "service": "nonesuch"}),
    act({"action": "pip_install", "service": CONDUCTOR, "distribution": DRIVER, "version": "1.2.0", "source": "kept",
         "break_system_packages": True}),
    act({"action": "pip_install", "service": CONDUCTOR, "distribution": DRIVER, "version": "1.3.0", "source": "kept",
         "break_system_packages": False}),
    act({"action": "pip_install", "service": "magnum-api", "distribution": DRIVER, "version": "1.3.0", "source": "kept",
         "break_system_packages": True}),
]
# And the way back.
acts += [
    place(dropin, DROPIN + b"# more\n", expect=sha(DROPIN)),
    act({"action": "restore_file", "path": dropin, "owner": "root", "group": "root", "mode": "0644",
         **sha(DROPIN), "expect": sha(DROPIN + b"# more\n")}),
    act({"action": "set_file_mode", "path": dropin, "owner": "root", "group": "magnum", "mode": "0640"}),
    act({"action": "pip_install", "service": CONDUCTOR, "distribution": DRIVER, "version": "1.3.0", "source": "kept",
         "break_system_packages": True}),
    act({"action": "remove_file", "path": "/etc/default/magnum-conductor", "expect": sha(ARGS)}),
    act({"action": "remove_file", "path": dropin, "expect": sha(DROPIN)}),
    act({"action": "remove_directory", "path": "/etc/magnum/magnum.conf.d"}),
    act(restart),
    act({"action": "pip_uninstall", "service": CONDUCTOR, "distribution": DRIVER, "break_system_packages": True}),
]
write("rolled-back", state())
place("/etc/default/magnum-conductor", ARGS)
acts.append(act(restart))  # --config-dir names a directory that is not there: the conductor would not start
write("broken", state())
write("actions", acts)
