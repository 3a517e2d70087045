# The questions. Nothing in this program writes to the machine. What is slow to import is imported where it is needed.
BEGAN = time.monotonic()
KEPT = Once()


def probe_file(ask, seconds):
    return dict(reply="file", **file_state(ask["path"]))


def probe_text(ask, seconds):
    state, text = file_state(ask["path"]), None
    if state["kind"] == "regular" and state["size"] <= 65536:
        fd, status = read_regular(ask["path"])
        with os.fdopen(fd, "rb") as file:
            content = file.read(65537)
        if hashlib.sha256(content).hexdigest() != state["sha256"]:
            raise Fail("changed", "%s changed while it was being read" % ask["path"])
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return {"reply": "text", "state": state, "text": text}


def probe_directory(ask, seconds):
    try:
        names = sorted(os.listdir(ask["path"]))
    except FileNotFoundError:
        names = None
    return {"reply": "directory", "names": names}


def started_ns(service, shown):
    """When the main process was started, by the wall clock of that moment, as the times of files are. systemd
    notes it, to the microsecond on the bus only. If the clock was set back since, the monotonic clock tells."""
    stamp = int(shown.get("ExecMainStartTimestampMonotonic") or 0)
    if not stamp:
        return None
    ago = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - stamp * 1000
    computed = time.time_ns() - ago
    unit = re.sub(r"[^A-Za-z0-9]", lambda m: "_%02x" % ord(m.group()), service + ".service")
    argv = ["busctl", "get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/" + unit,
            "org.freedesktop.systemd1.Service", "ExecMainStartTimestamp"]
    try:
        status, out, _ = run(argv, 5)
        noted = int(out.split()[1]) * 1000 if status == 0 else 0
    except (OSError, Fail, ValueError, IndexError):
        noted = 0
    return noted if noted and computed > noted - 1000000000 else computed


def probe_service(ask, seconds):
    service = ask["service"]
    shown = show(service)
    pid = main_pid(shown)
    starts = re.findall(r"argv\[\]=(.*?) ; ignore_errors=", shown.get("ExecStart", ""))
    return {"reply": "service", "load": shown.get("LoadState", ""), "active": shown.get("ActiveState", ""),
            "sub": shown.get("SubState", ""), "result": shown.get("Result", ""), "pid": pid,
            "started_ns": started_ns(service, shown) if pid else None,
            "cmdline": proc_words(pid, "cmdline") if pid else [], "user": shown.get("User") or "root",
            "restarts": int(shown.get("NRestarts") or 0), "exec_start": " ; ".join(starts),
            "drop_ins": shlex.split(shown.get("DropInPaths", "")), "needs_reload": shown.get("NeedDaemonReload") == "yes"}


def show_args(service, shown):
    """What the init script prints as the daemon's user: as root it would make directories first."""
    script = "/etc/init.d/" + service
    if not os.path.isfile(script):
        return None
    user = user_of(shown)
    env = {"PATH": FREE_PATH, "HOME": user.pw_dir, "USER": user.pw_name, "LANG": "C.UTF-8"}
    status, out, err = run([script, "show-args"], 15, user, env)
    lines = [line for line in out.decode("utf-8", "replace").splitlines() if line.strip()]
    if status != 0:
        raise Fail("init-script", "%s show-args: exit status %d: %s" % (script, status, err.strip()[-300:]))
    return shlex.split(lines[-1]) if lines else None


def probe_show_args(ask, seconds):
    return {"reply": "show_args", "args": show_args(ask["service"], show(ask["service"]))}


def may_execute(status, user):
    """What execve would decide for that user."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if user.pw_uid == 0:
        return bool(status.st_mode & 0o111)
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid in os.getgrouplist(user.pw_name, user.pw_gid):
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def which(name, path, user):
    """The first file of that name on a PATH that the user may execute."""
    for place in path:
        candidate = os.path.join(place, name)
        try:
            if may_execute(os.stat(candidate), user):
                return candidate
        except OSError:
            continue
    return None


def path_of(env):
    return [place for place in env.get("PATH", FREE_PATH).split(":") if place]


def probe_program(ask, seconds):
    shown = show(ask["service"])
    env, live = daemon_env(ask["service"], shown)
    path, found = path_of(env), None
    candidate = which(ask["name"], path, user_of(shown))
    if candidate is not None:
        real = os.path.realpath(candidate)
        found = {"path": candidate, "real": real, "sha256": facts(real)["sha256"]}
    return {"reply": "program", "path": path, "live": live, "found": found}


SECRET = re.compile(r"password|secret|token|passphrase|credential|^connection$|transport_url")


def config_args(words):
    """The configuration files and directories among a daemon's arguments."""
    args, at = [], 0
    while at < len(words):
        key, equals, value = words[at].partition("=")
        if key in ("--config-file", "--config-dir"):
            if not equals:
                at += 1
                value = words[at] if at < len(words) else ""
            args += [key, value]
        at += 1
    return args


# --- what the daemon's own interpreter is asked ------------------------------------------------


def question_python(ask, shown, seconds):
    return {"ask": "python", "distribution": ask["distribution"], "group": ask["group"]}


def answer_python(answer, program):
    return {"reply": "python", "interpreter": dict(answer, program=program)}


def question_distributions(ask, shown, seconds):
    return {"ask": "distributions", "containing": ask["containing"]}


def answer_distributions(answer, program):
    return dict(reply="distributions", **answer)


def question_options(ask, shown, seconds):
    for key in ask["keys"]:
        if SECRET.search(key):
            raise Fail("secret", "%s may hold a secret, and is not asked" % key)
    service = ask["service"]
    pid = main_pid(shown)
    words = (proc_words(pid, "cmdline") if pid else None) or show_args(service, shown) or []
    behind_uwsgi = any(os.path.basename(word).startswith("uwsgi") for word in words[:1])
    if behind_uwsgi:  # the application sees sys.argv = ["uwsgi", the words of --pyargv]
        words = [word for value in uwsgi_option(words, "pyargv") for word in shlex.split(value)]
    return {"ask": "options", "group": ask["group"], "keys": ask["keys"], "args": config_args(words),
            "project": service.split("-")[0], "prog": "uwsgi" if behind_uwsgi else service}


def answer_options(answer, program):
    return dict(reply="options", **answer)


def question_authenticate(ask, shown, seconds):
    # two requests, and what the interpreter itself takes
    return {"ask": "authenticate", "kubeconfig": ask["kubeconfig"], "seconds": max(1, min(10, (seconds - 3) / 2.0))}


def answer_authenticate(answer, program):
    return dict(reply="reach", **answer)


# what is answered where the daemon is not; to the others that is a failure
NO_DAEMON = {"python": {"reply": "python", "interpreter": None},
             "distributions": {"reply": "distributions", "versions": {}}}


def inside_question(ask, seconds):
    """Where the daemon's interpreter is asked, and what; or the reply of a unit without the daemon."""
    service, probe = ask["service"], ask["probe"]
    shown = show(service)
    place = place_of(service, shown)
    if place is not None:
        return place, globals()["question_" + probe](ask, shown, seconds), None
    if probe not in NO_DAEMON:
        raise Fail("no-daemon", "this unit has no %s" % service)
    return None, None, NO_DAEMON[probe]


def ask_inside(asks, seconds, replies, took):
    """One process answers all that is asked of one interpreter, as one user, in one environment."""
    groups, until = {}, time.monotonic() + seconds
    for at, ask in asks:
        try:
            place, question, replies[at] = inside_question(ask, seconds)
        except Exception as error:
            replies[at] = failed(error)
            continue
        if place is not None:
            key = (place[0], place[1].pw_uid, tuple(sorted(place[2].items())))
            groups.setdefault(key, (place, []))[1].append((at, ask, question))
    left = max(1, until - time.monotonic())
    for thread in in_threads([(ask_group, place, group, left, replies, took) for place, group in groups.values()]):
        thread.join()


def ask_group(place, group, seconds, replies, took):
    began = time.monotonic()
    try:
        answers = inside_with(place, [question for _, _, question in group], seconds)
    except Exception as error:
        answers = [{"failed": said(error), "code": code_of(error)} for _ in group]
    for (at, ask, _), answer in zip(group, answers):
        took["probes"][at] = since(began)
        if "failed" in answer:
            replies[at] = {"reply": "failed", "why": answer["failed"], "code": answer["code"]}
        else:
            replies[at] = globals()["answer_" + ask["probe"]](answer, place[0])
    asked = ", ".join(sorted(ask["probe"] for _, ask, _ in group))
    took["interpreters"].append(["%s (%s)" % (place[0], asked), since(began)])


def since(began):
    """Milliseconds."""
    return round((time.monotonic() - began) * 1000, 1)


def probe_reach(ask, seconds):
    import socket
    import ssl
    started, seconds = time.monotonic(), min(seconds, 10)
    state = {"reply": "reach", "tcp": False, "tls": False, "status": None, "version": None, "error": None, "code": None}
    stage, plain = "TCP", None
    try:
        plain = socket.create_connection((ask["host"], ask["port"]), seconds)
        state["tcp"], stage = True, "TLS"
        trust = ssl.create_default_context(cadata=ask["ca_pem"])
        with trust.wrap_socket(plain, server_hostname=ask["host"]) as secure:
            state["tls"], stage = True, "HTTP"
            get_version(secure, ask, state)
    except ssl.SSLCertVerificationError as error:
        state.update(error="TLS: " + error.verify_message, code="tls")
    except socket.timeout:
        state.update(error="%s: no answer within %s s" % (stage, seconds), code=stage.lower())
    except (OSError, ValueError) as error:
        words = (getattr(error, "strerror", None) or str(error)).lower()
        state.update(error="%s: %s" % (stage, words), code=stage.lower())
    finally:
        if plain is not None:
            plain.close()
    state["millis"] = int((time.monotonic() - started) * 1000)
    return state


def get_version(secure, ask, state):
    host = "[%s]" % ask["host"] if ":" in ask["host"] else ask["host"]
    # 1.0: the answer comes in one piece and ends with the connection (and http.client takes long to import)
    request = "GET /version HTTP/1.0\r\nHost: %s:%d\r\nAccept: application/json\r\n\r\n"
    secure.sendall((request % (host, ask["port"])).encode())
    answer = b""
    while len(answer) < 65536:
        part = secure.recv(65536)
        if not part:
            break
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    first = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if first is None:
        state.update(error="HTTP: the answer is not HTTP", code="http")
        return
    state["status"] = int(first.group(1))
    if state["status"] == 200:
        try:
            state["version"] = json.loads(body).get("gitVersion")
        except (ValueError, AttributeError):
            state.update(error="HTTP: /version did not answer in JSON", code="http")


def probe_releases(ask, seconds):
    shown = show(ask["service"])
    env, user = dict(daemon_env(ask["service"], shown)[0]), user_of(shown)
    # Nothing is asked to write, so helm gets no home for its caches.
    env = dict((key, value) for key, value in env.items() if not key.startswith(("XDG_", "HELM_")))
    env["HOME"] = "/nonexistent"
    helm = which("helm", path_of(env), user)
    states = [{"namespace": name, "releases": None, "error": None, "code": None} for name in ask["namespaces"]]
    until, left = time.monotonic() + seconds, list(states)

    def list_next():
        while left:
            list_releases(left.pop(), helm, ask["kubeconfig"], user, env, until)

    for thread in in_threads([(list_next,)] * min(4, len(states))):
        thread.join()
    return {"reply": "releases", "namespaces": states}


def list_releases(state, helm, kubeconfig, user, env, until):
    try:
        if helm is None:
            raise Fail("no-program", "[Errno 2] No such file or directory: 'helm' (PATH=%s)" % env.get("PATH"))
        argv = [helm, "list", "-n", state["namespace"], "-o", "json", "--kubeconfig", kubeconfig]
        status, out, err = run(argv, max(1, until - time.monotonic() - 0.5), user, env)
        if status == 0:
            state["releases"] = dict((r["name"], r["status"]) for r in json.loads(out or b"[]"))
        else:
            state.update(error=err.strip()[-1024:] or "exit status %d" % status, code="program-failed")
    except OSError as error:  # it is there, and is no program
        state.update(error=said(error), code="no-program")
    except (Fail, ValueError) as error:
        state.update(error=said(error), code=code_of(error))


def probe_snapshots(ask, seconds):
    """-r: a connection that can only read. virsh sorts the names."""
    env, until, domains = {"PATH": FREE_PATH, "LC_ALL": "C"}, time.monotonic() + seconds - 0.5, []
    for name in ask["domains"]:
        state = {"domain": name, "snapshots": None, "error": None}
        argv = [ask["program"], "-r", "-c", "qemu:///system", "snapshot-list", "--domain", name, "--name"]
        try:
            status, out, err = run(argv, max(1, until - time.monotonic()), env=env)
        except FileNotFoundError:
            raise Fail("no-program", "there is no program %s: is this the hypervisor?" % ask["program"])
        if status == 0:
            lines = out.decode("utf-8", "replace").splitlines()
            state["snapshots"] = [line.strip() for line in lines if line.strip()]
        else:
            state["error"] = err.strip()[-1024:] or "exit status %d" % status
        domains.append(state)
    return {"reply": "snapshots", "domains": domains}


def probe_log_tail(ask, seconds):
    return {"reply": "log_tail", "lines": log_tail(ask["service"])}


def failed(error):
    return {"reply": "failed", "why": said(error), "code": code_of(error)}


def answer_one(ask, seconds, replies, at, took):
    began = time.monotonic()
    try:
        probe = globals().get("probe_" + ask["probe"])
        if probe is None:
            raise Fail("unknown-request", "this agent has no question %s" % ask["probe"])
        replies[at] = probe(ask, seconds)
    except Exception as error:
        replies[at] = failed(error)
    took["probes"][at] = since(began)


def in_threads(calls):
    threads = [threading.Thread(target=call[0], args=call[1:], daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def answer_all(request):
    """Each has a thread of its own, so that a slow one delays nobody and a failing one fails alone. What one interpreter
    is asked is asked together; only what imports an HTTP client and waits for the network has a process beside it, which
    starts first: it takes longest."""
    seconds, probes = request["seconds"], request["probes"]
    replies, took = [None] * len(probes), {"probes": [0.0] * len(probes), "interpreters": []}
    login, inside, others = [], [], []
    for at, ask in enumerate(probes):
        of = login if ask["probe"] == "authenticate" else inside if "question_" + ask["probe"] in globals() else others
        of.append((at, ask))
    until = time.monotonic() + seconds + 1
    calls = [(ask_inside, asks, seconds, replies, took) for asks in (login, inside) if asks]
    for thread in in_threads(calls + [(answer_one, ask, seconds, replies, at, took) for at, ask in others]):
        thread.join(max(0, until - time.monotonic()))
    late = {"reply": "failed", "why": "no answer within %d s" % seconds, "code": "timed-out"}
    return {"replies": [reply or late for reply in list(replies)],
            "took": {"total": since(BEGAN), "probes": list(took["probes"]), "interpreters": list(took["interpreters"])}}


def main_ask():
    out = own_stdout()
    request = json.loads(REQUEST)
    frame(out, request["nonce"], answer_all(request))
    leave()

