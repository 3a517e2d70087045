# Runs in a daemon's interpreter, as its user, in its environment. Reads questions and writes a line for each answer.
import contextlib
import io
import json
import os
import re
import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def has_other_name(path, name):
    """Whether the metadata at a path begin with another name. Reading all of them as e-mail, which importlib does, takes
    longer than anything else here."""
    for file in (os.path.join(path, "METADATA"), os.path.join(path, "PKG-INFO"), path):
        try:
            with open(file, "rb") as metadata:
                found = re.search(rb"^Name:[ \t]*(\S+)[ \t]*\r?$", metadata.read(4096), re.MULTILINE)
        except OSError:
            continue
        return found is not None and canonical(found.group(1).decode("utf-8", "replace")) != canonical(name)
    return False


def listed(only=None):
    """Every distribution on the interpreter's path, in its order: itself, its path, name, version. Metadata that can't be
    read has a reason in place of the version; its name is that of the directory. `only`: those of other names may be left
    out."""
    import importlib.metadata as metadata
    seen = set()
    for found in metadata.distributions():
        path = str(getattr(found, "_path", None) or found.locate_file(""))
        if only is not None and has_other_name(path, only):
            continue
        if os.path.realpath(path) in seen:
            continue
        seen.add(os.path.realpath(path))
        try:
            name, version, why = found.metadata["Name"], found.metadata["Version"], None
        except Exception as error:
            name, version, why = None, None, type(error).__name__
        if not name or not version:
            why = "no Name and Version" if why in (None, "TypeError") else why
            name = name or re.sub(r"(?:-[^-]*)?\.(?:dist|egg)-info$", "", os.path.basename(path))
            why = "its METADATA can't be read: %s" % why
        yield found, path, name, version, why


def described(found, path, version, group):
    stamp = os.stat(path).st_mtime_ns if os.path.exists(path) else 0
    points = sorted(p.name for p in found.entry_points if p.group == group)
    return {"version": version, "location": str(found.locate_file("")).rstrip("/"), "path": path,
            "entry_points": points, "modified_ns": stamp}


def copies_of(question):
    """Every distribution of that name, in the order in which they are found, and those that can't be read."""
    copies, broken = [], []
    for found, path, name, version, why in listed(question["distribution"]):
        if canonical(name) != canonical(question["distribution"]):
            continue
        try:
            if why is None:
                copies.append(described(found, path, version, question["group"]))
        except Exception as error:
            why = "its entry points can't be read: %s" % type(error).__name__
        if why is not None:
            broken.append({"path": path, "why": why})
    return copies, broken


def python(question):
    import importlib.metadata as metadata
    import sysconfig
    try:
        pip = metadata.version("pip")
    except metadata.PackageNotFoundError:
        pip = None
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    in_venv = sys.prefix != sys.base_prefix
    copies, broken = copies_of(question)
    return {"version": "%d.%d.%d" % sys.version_info[:3], "pip": pip,
            "externally_managed": not in_venv and os.path.isfile(marker),
            "distribution": copies[0] if copies else None, "others": copies[1:], "broken": broken}


def distributions(question):
    versions, others, broken = {}, [], []
    for _, path, name, version, why in listed():
        name = name.lower()
        if not any(word in name for word in question["containing"]):
            continue
        if why is not None:
            broken.append({"path": path, "why": why})
        elif name in versions:
            others.append({"name": name, "version": version, "path": path})
        else:
            versions[name] = version
    return {"versions": versions, "others": others, "broken": broken}


def recorded(cfg):
    """The files that oslo.config reads from now on, in its order: a later one overrides an earlier one."""
    files, parse = [], cfg.ConfigParser._parse_file

    def record(config_file, namespace):
        files.append(config_file)
        return parse(config_file, namespace)

    cfg.ConfigParser._parse_file = staticmethod(record)
    return files


def refusal(cfg, error, said=""):
    """Why oslo.config refuses the daemon's arguments or files, without the files' content. `said`: what its parser
    of arguments wrote to standard error before it ended."""
    if isinstance(error, SystemExit):
        why = said.strip().rpartition("error: ")[2].splitlines()
        # An argument that is not known may hold a secret.
        why = re.sub(r"=\S+", "=...", why[0])[:200] if why else ""
        return "oslo.config refused the daemon's arguments" + (": " + why if why else "")
    if isinstance(error, cfg.ConfigFileParseError):
        # Its text quotes the line, which may contain a password: only the position is reported.
        place = getattr(error, "config_file", "")
        words = str(error).replace(",", " ").split()
        numbers = [word for word in words if word.startswith(place + ":") and word[len(place) + 1:].isdigit()]
        return "%s can't be parsed" % (numbers[0] if numbers else place)
    return "%s: %s" % (type(error).__name__, error)


def read_refused(cfg, conf, question):
    """Reads the configuration as the daemon does. Returns why that is refused, if it is."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            conf(question["args"], project=question["project"], prog=question["prog"])
    except (SystemExit, cfg.Error) as error:
        return refusal(cfg, error, said.getvalue())
    return None


def line_of(file, section, key):
    """The line that sets an option in a section, counted from 1: the last one counts."""
    here, found = None, None
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for nth, line in enumerate(lines, 1):
                name = re.match(r"\[(.*)\]", line.strip())
                here = name.group(1) if name else here
                if here == section and re.match(re.escape(key) + r"\s*[=:]", line):
                    found = nth
    except OSError:
        pass
    return found


def set_in(cfg, files, group, keys):
    """Where each option is set, in the order of reading. oslo.config prefers the environment to all files."""
    found = dict((key, []) for key in keys)
    for file in files:
        sections = {}
        try:
            cfg.ConfigParser(file, sections).parse()
        except Exception:
            continue
        for section, values in sections.items():
            if section == group or (group != "DEFAULT" and section.lower() == group.lower()):
                for key in keys:
                    found[key] += [{"file": file, "value": value, "line": line_of(file, section, key)}
                                   for value in values.get(key, [])[-1:]]
    for key in keys:
        name = "OS_%s__%s" % (group.upper(), key.upper().replace("-", "_"))
        if name in os.environ:
            found[key].append({"file": "the environment variable " + name, "value": os.environ[name]})
    return dict((key, places) for key, places in found.items() if places)


def options(question):
    from oslo_config import cfg
    conf, files = cfg.ConfigOpts(), recorded(cfg)
    conf.register_opts([cfg.StrOpt(key) for key in question["keys"]], group=question["group"])
    failed = read_refused(cfg, conf, question)
    if failed:
        return {"failed": failed, "code": "configuration"}
    values = {}
    for key in question["keys"]:
        value = getattr(getattr(conf, question["group"]), key.replace("-", "_"))
        if value is not None:
            values[key] = value
    return {"values": values, "set": set_in(cfg, files, question["group"], question["keys"]), "files": files}


def watched():
    """The paths of files that are opened, and of directories that are listed, from now on."""
    paths = set()

    def note(event, args):
        if event in ("open", "os.listdir", "os.scandir") and args and isinstance(args[0], (str, bytes)):
            paths.add(os.fsdecode(args[0]))

    sys.addaudithook(note)
    return paths


def searched(cfg, question):
    """Where oslo.config looks for files, whether they are there or not."""
    for home in cfg._get_config_dirs(question["project"]):
        for name in (question["project"], question["prog"]):
            yield os.path.join(home, name + ".conf")
            yield os.path.join(home, name + ".conf.d")


def read_by(paths, cfg, question):
    """The paths whose state decides what an import finds: directories, where something new in them would count too."""
    import site
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    files += [sys.executable, os.path.join(sys.prefix, "pyvenv.cfg"), site.getusersitepackages()] + site.getsitepackages()
    with open("/proc/self/maps") as maps:
        files += [line.split(None, 5)[-1].strip() for line in maps if "/" in line]
    roots = tuple(os.path.join(place, "") for place in sys.path if place)
    found = set(sys.path) | set(searched(cfg, question)) | set(paths) | set(path for path in files if path)
    inside = set(os.path.dirname(path) for path in found if path.startswith(roots) and not os.path.isdir(path))
    found = inside | set(path for path in found if not path.startswith(roots) or os.path.isdir(path))
    return sorted(path for path in found if path.startswith("/") and not path.startswith(("/proc/", "/dev/", "/sys/")))


def drivers(question):
    """Every driver that Magnum finds, imported as the daemon does: after its configuration was read (magnum 18.0.1,
    drivers/common/driver.py, load_entry_points)."""
    import importlib.metadata as metadata
    paths = watched()
    from oslo_config import cfg
    files = recorded(cfg)
    import magnum.conf
    conf = magnum.conf.CONF
    failed = read_refused(cfg, conf, question)
    if failed:
        return {"failed": failed, "code": "configuration"}
    disabled = list(conf.drivers.disabled_drivers or [])
    places = set_in(cfg, files, "drivers", ["disabled_drivers"]).get("disabled_drivers", [])
    broken = [{"path": path, "why": why} for _, path, _, _, why in listed() if why is not None]
    found = metadata.entry_points()
    found = found.select(group=question["group"]) if hasattr(found, "select") else found.get(question["group"], ())
    state = {"drivers": [driver(point, disabled) for point in found], "broken": broken, "disabled": disabled,
             "disabled_in": places[-1]["file"] if places else None,
             "enabled_beta": list(conf.drivers.enabled_beta_drivers or [])}
    if not any(one["error"] for one in state["drivers"]):
        state["read"] = read_by(paths, cfg, question)
    return state


def driver(point, disabled):
    """One driver. Magnum imports no disabled one."""
    state = {"name": point.name, "module": point.value, "distribution": None, "version": None, "path": None,
             "provides": [], "beta": False, "error": None, "code": None}
    try:
        home = getattr(point, "dist", None)
        if home is not None:
            state.update(path=str(getattr(home, "_path", "")), distribution=home.metadata["Name"], version=home.version)
    except Exception:
        pass
    if point.name in disabled:
        return state
    try:
        loaded = point.load()
        provided = ["/".join(str(one[part]) for part in ("server_type", "os", "coe")) for one in loaded().provides]
        state.update(provides=provided, beta=bool(getattr(loaded, "beta", False)))
    except Exception as error:
        code = "no-module" if isinstance(error, ImportError) else "unexpected"
        state.update(error=("%s: %s" % (type(error).__name__, error))[:300], code=code)
    return state


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


def innermost(error):
    """The innermost cause of an exception of requests, which wraps several."""
    while True:
        inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, Exception)), None)
        if inner is None or not isinstance(inner, Exception):
            return error
        error = inner


def reason(error):
    error = innermost(error)
    message = str(getattr(error, "strerror", None) or error)
    # urllib3 prefixes the object that failed: <…>: in 1.26, HTTPSConnection(…): in 2
    return re.sub(r"^(?:<[^>]*>|\w+\([^)]*\)): ", "", message)[:200]


# X509_V_ERR_* of OpenSSL (include/openssl/x509_vfy.h.in)
TLS_CODES = {9: "tls-not-yet-valid", 10: "tls-expired", 62: "tls-wrong-host", 64: "tls-wrong-host",
             18: "tls-untrusted", 19: "tls-untrusted", 20: "tls-untrusted", 21: "tls-untrusted"}


def tls_code(error):
    """Before 2.0, urllib3 compares the host name itself."""
    error = innermost(error)
    if "doesn't match" in str(error):
        return "tls-wrong-host"
    return TLS_CODES.get(getattr(error, "verify_code", None), "tls")


def unresolved(error):
    """Whether the host name has no address."""
    import socket
    while error is not None:
        if isinstance(error, socket.gaierror) or isinstance(innermost(error), socket.gaierror):
            return True
        error = error.__context__
    return False


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
        state.update(tcp=True, error="TLS: " + reason(error), code=tls_code(error))
    except requests.exceptions.ConnectTimeout:
        state.update(error="TCP: no connection to %s within %s s" % (place, seconds), code="tcp")
    except requests.exceptions.ReadTimeout:
        state.update(tcp=True, tls=secure, error="HTTP: no answer within %s s" % seconds, code="http")
    except requests.exceptions.ProxyError as error:
        state.update(error="proxy: " + reason(error), code="proxy")
    except requests.exceptions.ConnectionError as error:
        kind = "dns" if unresolved(innermost(error)) else "tcp"
        state.update(error="%s: %s: %s" % (kind.upper(), place, reason(error)), code=kind)
    except requests.exceptions.RequestException as error:
        state.update(error=type(error).__name__, code="unexpected")


QUESTIONS = {"python": python, "distributions": distributions, "options": options, "drivers": drivers,
             "authenticate": authenticate}


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
