#!/usr/bin/env python3
"""Records what the agent says when something fails: failures.py PYTHON

PYTHON is an interpreter with oslo.config, requests, PyYAML and cryptography: it stands for the daemon's. Run it as root,
with openssl at hand. The agent's own functions are called on this machine, and failures.json holds their replies; the
simulator and the doctor's tests take their sentences from there. Ports are written as 6443.
"""
import http.server
import json
import os
import pwd
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.path.join(HERE, "..", "src", "agent")
PYTHON = sys.argv[1]


def text(name):
    with open(os.path.join(AGENT, name)) as file:
        return file.read()


def program(*names):
    """The agent's functions, without its last line that runs it."""
    space = {"__name__": "omega", "INSIDE": text("inside.py")}
    for name in names:
        exec(compile(text(name), name, "exec"), space)
    return space


ASK, ACT = program("common.py", "ask.py"), program("common.py", "act.py", "service.py", "pip.py")
ACT["STATE"] = tempfile.mkdtemp()
HOME = tempfile.mkdtemp()
os.chmod(HOME, 0o755)
RECORDED = {}


def record(what, reply):
    line = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:6443", json.dumps(reply)).replace(HOME, "/etc/magnum")
    RECORDED[what] = json.loads(line)
    RECORDED[what].pop("millis", None)


def path(name, content=None, mode=0o644):
    full = os.path.join(HOME, name)
    if content is not None:
        with open(full, "w") as file:
            file.write(content)
        os.chmod(full, mode)
    return full


def openssl(*words):
    subprocess.run(["openssl"] + list(words), check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path("ca.key"), "-out", path("ca.crt"))
openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other", "-keyout", path("o.key"),
        "-out", path("other.crt"))
OLD = """
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as out
from cryptography.hazmat.primitives.asymmetric import ec
key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
day = datetime.datetime(2026, 1, 1)
made = x509.CertificateBuilder(name, name, key.public_key(), 7, day, day + datetime.timedelta(1)).sign(key, hashes.SHA256())
open(sys.argv[1], "wb").write(made.public_bytes(out.Encoding.PEM))
open(sys.argv[2], "wb").write(key.private_bytes(out.Encoding.PEM, out.PrivateFormat.PKCS8, out.NoEncryption()))
"""
subprocess.run([PYTHON, "-c", OLD, path("old.crt"), path("old.key")], check=True)
for name in ("ca.crt", "ca.key", "other.crt", "old.key", "old.crt"):
    os.chmod(path(name), 0o644)


class Handler(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(Handler.status)
        body = b'{"gitVersion": "v1.34.4"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(tls=True):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path("ca.crt"), path("ca.key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def silent():
    """Takes connections, and answers nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    silent.kept = listener
    return listener.getsockname()[1]


PORT, NOBODY = serve(), 1


def kubeconfig(name, port=PORT, ca="ca.crt", user="token: abc", mode=0o644):
    return path(name, """{current-context: a, contexts: [{name: a, context: {cluster: b, user: c}}],
clusters: [{name: b, cluster: {server: "https://127.0.0.1:%d", certificate-authority: %s}}],
users: [{name: c, user: {%s}}]}
""" % (port, path(ca), user), mode)


def authenticate(file, python=PYTHON, env=None, status=200, user=None):
    Handler.status = status
    env = dict({"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}, **(env or {}))
    question = {"probe": "authenticate", "kubeconfig": file, "seconds": 1}
    answer, = ASK["ask_interpreter"]((python, user, env), [question], 20)
    return ASK["inside_reply"]("authenticate", answer, python)


good = kubeconfig("kubeconfig")
old = "client-certificate: %s, client-key: %s" % (path("old.crt"), path("old.key"))
record("authenticate: accepted", authenticate(good))
record("authenticate: few rights", authenticate(good, status=403))
record("authenticate: refused", authenticate(good, status=401))
record("authenticate: expired", authenticate(kubeconfig("expired", user=old), status=401))
record("authenticate: another status", authenticate(good, status=503))
record("authenticate: no TCP", authenticate(kubeconfig("closed", port=NOBODY)))
record("authenticate: another CA", authenticate(kubeconfig("other", ca="other.crt")))
record("authenticate: no answer", authenticate(kubeconfig("silent", port=silent())))
record("authenticate: proxy", authenticate(good, env={"https_proxy": "http://127.0.0.1:%d" % NOBODY}))
record("authenticate: absent", authenticate(path("nowhere")))
private = kubeconfig("private", mode=0o600)
# The machine's interpreter, which anybody may run, with the modules of the other.
modules = subprocess.run([PYTHON, "-c", "import requests; print(requests.__path__[0])"], stdout=subprocess.PIPE, check=True)
modules = {"PYTHONPATH": os.path.dirname(modules.stdout.decode().strip())}
nobody = pwd.getpwnam("nobody")
record("authenticate: not permitted", authenticate(private, python="/usr/bin/python3", env=modules, user=nobody))
record("authenticate: no YAML", authenticate(path("torn", "a: [b\n")))
record("authenticate: no credential", authenticate(kubeconfig("bare", user="")))
os.mkdir(path("shadow"))
path("shadow/requests.py", "raise ImportError('No module named requests', name='requests')\n")
record("authenticate: no module", authenticate(good, env={"PYTHONPATH": path("shadow")}))


def reach(port, ca="ca.crt"):
    with open(path(ca)) as file:
        return ASK["probe_reach"]({"host": "127.0.0.1", "port": port, "ca_pem": file.read()}, 1)


Handler.status = 200
record("reach: reached", reach(PORT))
record("reach: no TCP", reach(NOBODY))
record("reach: another CA", reach(PORT, "other.crt"))
record("reach: no TLS", reach(serve(tls=False)))
record("reach: no answer", reach(silent()))


def options(*words):
    question = {"probe": "options", "group": "capi_helm", "keys": ["kubeconfig_file"], "args": list(words),
                "project": "magnum", "prog": "magnum-conductor"}
    answer, = ASK["ask_interpreter"]((PYTHON, None, {"PATH": "/usr/bin:/bin"}), [question], 20)
    return {"reply": "failed", "why": answer["failed"], "code": answer["code"]}


record("options: torn", options("--config-file", path("torn.conf", "[capi_helm]\nkubeconfig_file\n")))
record("options: no directory", options("--config-dir", path("nowhere.conf.d")))


def failed(call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        return ASK["failed"](error)
    raise SystemExit("nothing failed")


record("program: late", failed(ASK["run"], ["sleep", "5"], 1))
record("probe: not foreseen", failed(ASK["probe_directory"], {"path": good}, 1))
ASK["probe_slow"] = lambda ask, seconds: ASK["time"].sleep(5)
record("probe: late", ASK["answer_all"]({"seconds": 1, "probes": [{"probe": "slow"}]})["replies"][0])
record("probe: unknown", ASK["answer_all"]({"seconds": 1, "probes": [{"probe": "tomorrow"}]})["replies"][0])


def releases(helm, kubeconfig):
    state = {"namespace": "magnum-1", "releases": None, "error": None, "code": None}
    until = ASK["time"].monotonic() + 2
    ASK["list_releases"](state, helm, kubeconfig, pwd.getpwuid(os.geteuid()), {"PATH": "/usr/bin"}, until)
    return {"reply": "releases", "namespaces": [state]}


words = 'Error: list: failed to list: secrets is forbidden: User "x" cannot list resource "secrets" in API group "" in ' \
        'the namespace "magnum-1"'
record("releases: no helm", releases(None, good))
record("releases: no program", releases(path("helm", "\x7fELF not", 0o755), good))
record("releases: forbidden", releases(path("helm2", "#!/bin/sh\necho '%s' >&2\nexit 1\n" % words, 0o755), good))
record("releases: late", releases(path("helm3", "#!/bin/sh\nsleep 9\n", 0o755), good))


def act(action, payload=None):
    request = {"nonce": "r", "seconds": 5, "action": action, "payload": None}
    try:
        ACT["perform"](request, None)
    except ACT["Fail"] as fail:
        return {"error": {"why": fail.why, "code": fail.code, "expected": fail.expected, "found": fail.found,
                          "next": fail.next, "touched": fail.touched}}
    raise SystemExit("nothing failed")


def place_full():
    home = path("full")
    os.mkdir(home)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", home], check=True)
    try:
        content = b"x" * 65536
        import hashlib
        action = {"path": home + "/file", "owner": "root", "group": "root", "mode": "0644", "expect": "absent",
                  "sha256": hashlib.sha256(content).hexdigest()}
        ACT["place"](action, content)
    except ACT["Fail"] as fail:
        return {"error": {"why": fail.why, "code": fail.code, "expected": fail.expected, "found": fail.found,
                          "next": fail.next, "touched": fail.touched}}
    finally:
        subprocess.run(["umount", home], check=True)
    raise SystemExit("nothing failed")


record("action: no space", place_full())
record("action: unknown", act({"action": "tomorrow"}))
with open(os.path.join(ACT["state_directory"]("lock"), "act"), "w") as lock:
    ACT["fcntl"].flock(lock, ACT["fcntl"].LOCK_EX)
    record("action: busy", act({"action": "reload_units"}))

with open(os.path.join(HERE, "failures.json"), "w") as file:
    json.dump(RECORDED, file, indent=1, sort_keys=True)
    file.write("\n")
print(len(RECORDED))
