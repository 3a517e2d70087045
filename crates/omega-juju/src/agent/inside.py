# Runs in a daemon's interpreter, as its user, in its environment. Reads questions and writes a line for each answer.
import json
import os
import re
import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]


def distribution_of(question):
    import importlib.metadata as metadata
    name, group = question["distribution"], question["group"]
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    home = getattr(found, "_path", None)
    stamp = max([os.stat(str(home)).st_mtime_ns] if home else [0])
    points = sorted(p.name for p in found.entry_points if p.group == group)
    return {"version": found.version, "location": str(found.locate_file("")).rstrip("/"),
            "entry_points": points, "modified_ns": stamp}


def python(question):
    import importlib.metadata as metadata
    import sysconfig
    try:
        pip = metadata.version("pip")
    except metadata.PackageNotFoundError:
        pip = None
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    in_venv = sys.prefix != sys.base_prefix
    return {"version": "%d.%d.%d" % sys.version_info[:3], "pip": pip,
            "externally_managed": not in_venv and os.path.isfile(marker),
            "distribution": distribution_of(question)}


def distributions(question):
    import importlib.metadata as metadata
    versions = {}
    for found in metadata.distributions():
        name = (found.metadata["Name"] or "").lower()
        if any(word in name for word in question["containing"]) and name not in versions:
            versions[name] = found.version or ""
    return {"versions": versions}


def options(question):
    from oslo_config import cfg
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt(key) for key in question["keys"]], group=question["group"])
    try:
        conf(question["args"], project=question["project"], prog=question["prog"])
    except SystemExit:
        return {"failed": "oslo.config refused the daemon's arguments", "code": "configuration"}
    except cfg.ConfigFileParseError as error:
        # Its text quotes the line, which may contain a password: only the position is reported.
        place = getattr(error, "config_file", "")
        words = str(error).replace(",", " ").split()
        numbers = [word for word in words if word.startswith(place + ":") and word[len(place) + 1:].isdigit()]
        return {"failed": "%s can't be parsed" % (numbers[0] if numbers else place), "code": "configuration"}
    except cfg.Error as error:
        return {"failed": "%s: %s" % (type(error).__name__, error), "code": "configuration"}
    values = {}
    for key in question["keys"]:
        value = getattr(getattr(conf, question["group"]), key.replace("-", "_"))
        if value is not None:
            values[key] = value
    return {"values": values}


def one(items, name, kind):
    found = [item for item in items or [] if isinstance(item, dict) and item.get("name") == name]
    if not found or not isinstance(found[0].get(kind), dict):
        raise LookupError("it has no %s %r" % (kind, name))
    return found[0][kind]


def in_memory(entry, key):
    """The path of a certificate or key. Inline data is written to memory, never to a file."""
    import base64
    if key in entry:
        return entry[key]
    if key + "-data" not in entry:
        return None
    fd = os.memfd_create(key)
    data = base64.standard_b64decode(entry[key + "-data"])
    while data:
        data = data[os.write(fd, data):]
    return "/proc/self/fd/%d" % fd


def credentials(path):
    """The cluster and user of the current context, which the driver uses too."""
    import yaml
    try:
        with open(path) as file:
            config = yaml.safe_load(file)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise LookupError("it is not YAML" + (" (line %d)" % (mark.line + 1) if mark else ""))
    if not isinstance(config, dict):
        raise LookupError("it is empty")
    context = one(config.get("contexts"), config.get("current-context"), "context")
    cluster = one(config.get("clusters"), context.get("cluster"), "cluster")
    user = one(config.get("users"), context.get("user"), "user")
    return cluster, user


def expiry(certificate, token):
    """When the refused credential expired; None if it did not, or that is not known."""
    import base64
    import datetime
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    try:
        if certificate:
            from cryptography import x509
            with open(certificate, "rb") as file:
                read, what = x509.load_pem_x509_certificate(file.read()), "certificate"
            end = read.not_valid_after_utc.replace(tzinfo=None) if hasattr(read, "not_valid_after_utc") else read.not_valid_after
        else:
            claims = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            end, what = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(claims["exp"])), "token"
    except Exception:
        return None
    return "%s expired on %sZ" % (what, end.isoformat()) if end <= now else None


def authenticate(question):
    import time
    started = time.monotonic()
    state = {"tcp": False, "tls": False, "status": None, "version": None, "millis": 0, "error": None, "code": None}
    try:
        cluster, user = credentials(question["kubeconfig"])
        import requests  # slow, and useless without a kubeconfig
        session = requests.Session()
        authority = in_memory(cluster, "certificate-authority")
        if authority:
            session.verify = authority
        pair = (in_memory(user, "client-certificate"), in_memory(user, "client-key"))
        if all(pair):
            session.cert = pair
        elif user.get("token"):
            session.headers["Authorization"] = "Bearer " + user["token"]
        else:
            raise LookupError("it has neither a client certificate with its key nor a token")
        server = cluster["server"].rstrip("/")
        get_both(session, server, question["seconds"], state)
        expired = expiry(pair[0], user.get("token")) if state["status"] == 401 else None
        if expired:
            state.update(error="%s; the client's %s" % (state["error"], expired), code="credential-expired")
    except ImportError as error:
        state.update(error="the driver's interpreter has no module %s" % error.name, code="no-module")
    except KeyError as error:
        state.update(error="kubeconfig: no key %s" % error, code="kubeconfig-invalid")
    except LookupError as error:
        state.update(error="kubeconfig: %s" % error, code="kubeconfig-invalid")
    except OSError as error:
        code = {2: "not-found", 13: "not-permitted"}.get(error.errno, "kubeconfig-invalid")
        state.update(error="%s: %s" % (error.strerror or "can't be read", error.filename), code=code)
    except ValueError as error:
        state.update(error="kubeconfig: %s" % type(error).__name__, code="kubeconfig-invalid")
    state["millis"] = int((time.monotonic() - started) * 1000)
    return state


def reason(error):
    """The innermost cause of an exception of requests, which wraps several."""
    while True:
        inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, Exception)), None)
        if inner is None or not isinstance(inner, Exception):
            message = str(getattr(error, "strerror", None) or error)
            # urllib3 prefixes the object that failed: <…>: in 1.26, HTTPSConnection(…): in 2
            return re.sub(r"^(?:<[^>]*>|\w+\([^)]*\)): ", "", message)[:200]
        error = inner


def get_both(session, server, seconds, state):
    import requests
    secure, place = server.startswith("https:"), server.split("://")[-1].split("/")[0]
    try:
        answer = session.get(server + "/api", timeout=seconds, allow_redirects=False)
        state.update(tcp=True, tls=secure, status=answer.status_code)
        if answer.status_code != 200:
            code = "credential-refused" if answer.status_code == 401 else "status"
            state.update(error="GET /api: %d %s" % (answer.status_code, answer.reason), code=code)
            return
        version = session.get(server + "/version", timeout=seconds, allow_redirects=False)
        if version.status_code == 200:
            state["version"] = version.json().get("gitVersion")
    except requests.exceptions.SSLError as error:
        state.update(tcp=True, error="TLS: " + reason(error), code="tls")
    except requests.exceptions.ConnectTimeout:
        state.update(error="TCP: no connection to %s within %s s" % (place, seconds), code="tcp")
    except requests.exceptions.ReadTimeout:
        state.update(tcp=True, tls=secure, error="HTTP: no answer within %s s" % seconds, code="http")
    except requests.exceptions.ProxyError as error:
        state.update(error="proxy: " + reason(error), code="proxy")
    except requests.exceptions.ConnectionError as error:
        state.update(error="TCP: %s: %s" % (place, reason(error)), code="tcp")
    except requests.exceptions.RequestException as error:
        state.update(error=type(error).__name__, code="unexpected")


QUESTIONS = {"python": python, "distributions": distributions, "options": options, "authenticate": authenticate}


def answer(question):
    try:
        return QUESTIONS[question["probe"]](question)
    except Exception as error:
        code = "no-module" if isinstance(error, ImportError) else "unexpected"
        return {"failed": "%s: %s" % (type(error).__name__, error), "code": code}


out = os.dup(1)
os.dup2(2, 1)
questions = json.load(sys.stdin)
# One after another: threads that import modules at the same time can deadlock (observed). Each answer is written at once.
for at, question in enumerate(questions):
    os.write(out, b"\n" + json.dumps([at, answer(question)]).encode() + b"\n")
