# The probes. Nothing in this program writes to the machine. Modules that are slow to import are imported where needed.
BEGAN = time.monotonic()


class Cache:
    """Results that several probes need. The first thread computes one, the others wait for it."""

    def __init__(self):
        self.lock, self.cells = threading.Lock(), {}

    def get(self, key, compute):
        with self.lock:
            cell = self.cells.setdefault(key, [threading.Lock()])
        with cell[0]:
            if len(cell) == 1:
                try:
                    cell.append((compute(), None))
                except Exception as error:  # no thread waits for the same failure again
                    cell.append((None, error))
        found, error = cell[1]
        if error is not None:
            raise error
        return found


CACHE = Cache()


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


def probe_obstacle(ask, seconds):
    try:
        refuse_write(ask["path"], ask["access"], ask["size"])
    except Fail as fail:
        found = {"why": fail.why, "code": fail.code, "expected": fail.expected, "next": fail.next}
        return {"reply": "obstacle", "found": found}
    return {"reply": "obstacle", "found": None}


def started_ns(service, shown):
    """When the main process was started, by the wall clock at that time, to compare it with file times, and whether the
    next look will find the same. systemd reports it in microseconds on the bus only. If the bus can't be asked, or the
    clock was set back since, it is computed from the monotonic clock, and differs a little from look to look."""
    stamp = int(shown.get("ExecMainStartTimestampMonotonic") or 0)
    if not stamp:
        return None, True
    ago = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - stamp * 1000
    computed = time.time_ns() - ago
    unit = re.sub(r"[^A-Za-z0-9]", lambda m: "_%02x" % ord(m.group()), service + ".service")
    argv = ["busctl", "get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/" + unit,
            "org.freedesktop.systemd1.Service", "ExecMainStartTimestamp"]
    try:
        status, out, _ = run(argv, 5)
        reported = int(out.split()[1]) * 1000 if status == 0 else 0
    except (OSError, Fail, ValueError, IndexError):
        reported = 0
    exact = reported and computed > reported - 1000000000
    return (reported, True) if exact else (computed, False)


def probe_service(ask, seconds):
    service = ask["service"]
    shown = show(service)
    pid = main_pid(shown)
    started, exact = started_ns(service, shown) if pid else (None, True)
    starts = re.findall(r"argv\[\]=(.*?) ; ignore_errors=", shown.get("ExecStart", ""))
    return {"reply": "service", "load": shown.get("LoadState", ""), "active": shown.get("ActiveState", ""),
            "sub": shown.get("SubState", ""), "result": shown.get("Result", ""), "pid": pid,
            "started_ns": started, "started_about": not exact,
            "cmdline": proc_strings(pid, "cmdline") if pid else [], "user": shown.get("User") or "root", "group": group_of(shown),
            "restarts": int(shown.get("NRestarts") or 0), "exec_start": " ; ".join(starts),
            "drop_ins": shlex.split(shown.get("DropInPaths", "")), "needs_reload": shown.get("NeedDaemonReload") == "yes"}


def probe_unit_file(ask, seconds):
    service = ask["service"]
    if show(service).get("LoadState") == "not-found":
        return {"reply": "unit_file", "text": None}
    status, out, err = run(["systemctl", "--no-pager", "cat", service + ".service"], 15)
    if status != 0:
        raise Fail("systemd", "systemctl cat: " + (err.strip() or "exit status %d" % status))
    lines = out[:65536].decode("utf-8", "replace").split("\n")
    return {"reply": "unit_file", "text": "\n".join(without_secrets(line) for line in lines)}


def show_args(service, shown):
    """The output of the init script's show-args, run as the daemon's user: as root it would create directories."""
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
    """Whether execve would permit it to the user."""
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
    """The first file with this name on a PATH that the user may execute."""
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


def probe_helm_version(ask, seconds):
    shown = show(ask["service"])
    env, user = dict(daemon_env(ask["service"], shown)[0], HOME="/nonexistent"), user_of(shown)
    helm = which("helm", path_of(env), user)
    try:
        status, out, _ = run([helm, "version", "--short"], min(10, seconds), user, env) if helm else (1, b"", "")
    except (OSError, Fail):
        status, out = 1, b""
    lines = out.decode("utf-8", "replace").splitlines() if status == 0 else []
    return {"reply": "helm_version", "version": masked(lines[0]) if lines else None}


SECRET = re.compile(r"password|secret|token|passphrase|credential|^connection$|transport_url")


def config_args(args):
    """The configuration files and directories among a daemon's arguments."""
    found, at = [], 0
    while at < len(args):
        key, equals, value = args[at].partition("=")
        if key in ("--config-file", "--config-dir"):
            if not equals:
                at += 1
                value = args[at] if at < len(args) else ""
            found += [key, value]
        at += 1
    return found


# --- probes of the daemon's interpreter ---------------------------------------------------------

INSIDE_PROBES = ("python", "distributions", "options", "drivers", "authenticate")

# the replies where the daemon does not exist; for the other probes that is a failure
NO_DAEMON = {"python": {"reply": "python", "interpreter": None},
             "distributions": {"reply": "distributions", "versions": {}}}


def options_question(ask, shown):
    for key in ask.get("keys", ()):
        if SECRET.search(key):
            raise Fail("secret", "%s may hold a secret and is not read" % key)
    service = ask["service"]
    pid = main_pid(shown)
    args = (proc_strings(pid, "cmdline") if pid else None) or show_args(service, shown) or []
    behind_uwsgi = any(os.path.basename(arg).startswith("uwsgi") for arg in args[:1])
    if behind_uwsgi:  # the application sees sys.argv = ["uwsgi", the arguments in --pyargv]
        args = [arg for value in uwsgi_option(args, "pyargv") for arg in shlex.split(value)]
    return dict(ask, args=config_args(args), project=service.split("-")[0], prog="uwsgi" if behind_uwsgi else service)


def inside_question(ask, seconds):
    """How to run the daemon's interpreter, and its question; or the reply of a unit without the daemon."""
    service, probe = ask["service"], ask["probe"]
    shown = show(service)
    context = context_of(service, shown)
    if context is None and probe not in NO_DAEMON:
        raise Fail("no-daemon", "this unit has no %s" % service)
    if context is None:
        return None, None, NO_DAEMON[probe]
    if probe in ("options", "drivers"):
        ask = options_question(ask, shown)
    elif probe == "authenticate":  # it sends two requests; the interpreter needs time to start
        ask = dict(ask, seconds=max(1, min(10, (seconds - 3) / 2.0)))
    return context, ask, None


def inside_reply(probe, answer, program):
    if "failed" in answer:
        return {"reply": "failed", "why": answer["failed"], "code": answer["code"]}
    if probe == "python":
        return {"reply": "python", "interpreter": dict(answer, program=program)}
    return dict(answer, reply="reach" if probe == "authenticate" else probe)


def ask_inside(asks, seconds, replies, took):
    """Starts one process for all questions to one interpreter, as one user, in one environment."""
    groups, until = {}, time.monotonic() + seconds
    for at, ask in asks:
        began = time.monotonic()
        try:
            context, question, replies[at] = inside_question(ask, seconds)
        except Exception as error:
            replies[at] = failed(error)
            continue
        if question and question.get("known") and is_unchanged(context, question, question["known"]):
            replies[at] = {"reply": "drivers_unchanged"}
            took["probes"][at] = since(began)
            continue
        if context is not None:
            key = (context[0], context[1].pw_uid, tuple(sorted(context[2].items())))
            groups.setdefault(key, (context, []))[1].append((at, question))
    left = max(1, until - time.monotonic())
    for thread in in_threads([(ask_group, context, group, left, replies, took) for context, group in groups.values()]):
        thread.join()


def ask_group(context, group, seconds, replies, took):
    began, started = time.monotonic(), time.time_ns()
    try:
        answers = ask_interpreter(context, [question for _, question in group], seconds)
    except Exception as error:
        answers = [{"failed": message_of(error), "code": code_of(error)} for _ in group]
    for (at, question), answer in zip(group, answers):
        took["probes"][at] = since(began)
        if "read" in answer:
            answer["inputs"] = inputs_of(context, question, answer.pop("read"), started)
        replies[at] = inside_reply(question["probe"], answer, context[0])
    probes = ", ".join(sorted(question["probe"] for _, question in group))
    took["interpreters"].append(["%s (%s)" % (context[0], probes), since(began)])


def since(began):
    """In milliseconds."""
    return round((time.monotonic() - began) * 1000, 1)


def probe_releases(ask, seconds):
    shown = show(ask["service"])
    env, user = dict(daemon_env(ask["service"], shown)[0]), user_of(shown)
    # A probe writes nothing, so helm has no home directory for its caches.
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
    except OSError as error:  # it exists but cannot be executed
        state.update(error=message_of(error), code="no-program")
    except (Fail, ValueError) as error:
        state.update(error=message_of(error), code=code_of(error))


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


SECRETS = (
    (re.compile(r"://[^/\s@]+@"), "://***@"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer ***"),
    (re.compile(r"(?i)([\w.-]*(?:password|passwd|secret|token|passphrase|credential|authorization)[\w.-]*['\"]?\s*[:=]\s*)"
                r"(?:\"[^\"]*\"|'[^']*'|[^\s'\",;})\]]+)"), r"\1***"),
    (re.compile(r"gAAAA[\w=-]+|eyJ[\w-]{10,}\.[\w.=-]+"), "***"),
)
# A key or a token, or else a long path.
LONG = re.compile(r"[A-Za-z0-9+/_-]{64,}={0,2}")


def without_secrets(line):
    """The line without values that are named or marked as secrets."""
    for pattern, instead in SECRETS:
        line = pattern.sub(instead, line)
    return line


def masked(line):
    """The line in one, without what looks like a secret."""
    line = LONG.sub("***", without_secrets(line))
    return "".join(c if c.isprintable() else " " for c in line).strip()[:400]


OSLO = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? (?:\d+ )?(CRITICAL|ERROR) \S+ ?(.*)")


def errors_of(lines, since):
    """The number of errors, and the last line of the last one. `since`: a local time. An error is a line of oslo.log
    with its context (`[-]`), which the lines of a traceback lack; or a traceback on standard error."""
    count, last, traceback = 0, None, False
    for line in lines:
        dated = OSLO.match(line)
        if dated and dated.group(1) >= since:
            text = dated.group(3)
            count += text.startswith("[")
            last = line if text.strip() and not text[0].isspace() else last
        elif traceback and line and not line[0].isspace():
            count, last, traceback = count + 1, line, False
        elif not dated and line.startswith("Traceback (most recent call last)"):
            traceback = True
    return count, last


def probe_since_start(ask, seconds):
    """Two looks at a young main process, and the errors that the service logged since its start."""
    service = ask["service"]
    shown, now = show(service), time.time_ns()
    pid, count, last = main_pid(shown), 0, None
    started = started_ns(service, shown)[0] if pid else None
    if started is not None:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started // 1000000000))
        count, last = errors_of(journal_lines(service, 1000, started // 1000000000)[0], since)
        dated = [line for line in log_file(service, 1 << 18)[0] if OSLO.match(line)]
        logged = errors_of(dated, since)
        count, last = count + logged[0], logged[1] or last
    # A process that is older than this is not replaced within two seconds.
    young = started is None or now - started < 30 * 1000000000
    time.sleep(min(2, seconds / 4.0) if young and shown.get("ActiveState") in ("active", "activating") else 0)
    again = show_now(service)
    same = all(shown.get(key) == again.get(key) for key in ("MainPID", "NRestarts", "ActiveState"))
    return {"reply": "since_start", "now_ns": now, "started_ns": started, "replaced": not same,
            "restarts": int(again.get("NRestarts") or 0), "errors": count,
            "last_error": masked(last) if last else None}


def probe_lock(ask, seconds):
    return {"reply": "lock", "held": shown_lock(stored_lock())}


def failed(error):
    return {"reply": "failed", "why": message_of(error), "code": code_of(error)}


def answer_one(ask, seconds, replies, at, took):
    began = time.monotonic()
    try:
        probe = globals().get("probe_" + ask["probe"])
        if probe is None:
            raise Fail("unknown-request", "this agent does not know the probe %s" % ask["probe"])
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
    """Each probe has its own thread: a slow or failing one does not affect the others. Questions to one interpreter share
    a process, except the login, which imports an HTTP client and waits for the network, and the drivers, which are the
    daemon's own code. They start first because they take longest."""
    seconds, probes = request["seconds"], request["probes"]
    replies, took = [None] * len(probes), {"probes": [0.0] * len(probes), "interpreters": []}
    login, drivers, inside, others = [], [], [], []
    for at, ask in enumerate(probes):
        alone = {"authenticate": login, "drivers": drivers}.get(ask["probe"])
        kind = alone if alone is not None else inside if ask["probe"] in INSIDE_PROBES else others
        kind.append((at, ask))
    until = time.monotonic() + seconds + 1
    calls = [(ask_inside, asks, seconds, replies, took) for asks in (login, drivers, inside) if asks]
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

