# Shared by both programs: services, users, files, and the frame around a reply.
# Python 3.8 and the standard library only: it runs as root on any unit.
import grp
import hashlib
import json
import os
import pwd
import re
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time

FREE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # systemd's own default


class Fail(Exception):
    """A failure: its code (FailureCode in unit/failure.rs) and the message for the operator.
    It never contains the content of a file."""

    def __init__(self, code, why, expected=None, found=None, next=None, touched="nothing"):
        super().__init__(why)
        self.code, self.why, self.expected, self.found = code, why, expected, found
        self.next, self.touched = next, touched
        self.sure = False  # whether `touched` was observed
        self.held = None  # the lock that is held instead, if that is why


STARTED = []  # the programs that were started to change the machine


def change(argv, seconds, env=None):
    """Runs a program that changes the machine."""
    STARTED.append(argv[0])
    return run(argv, seconds, None, env)


def message_of(error):
    """The message of an exception, in one line."""
    if isinstance(error, Fail):
        return error.why
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower() + (": %s" % error.filename if error.filename else "")
    return "%s: %s" % (type(error).__name__, error)


def code_of(error):
    """The code of any exception."""
    if isinstance(error, Fail):
        return error.code
    if isinstance(error, PermissionError) or getattr(error, "errno", None) in (1, 13, 30):  # EPERM, EACCES, EROFS
        return "not-permitted"
    return "not-found" if isinstance(error, FileNotFoundError) else "unexpected"


# --- programs ---------------------------------------------------------------------------------

children = set()
children_lock = threading.Lock()


def run(argv, seconds, user=None, env=None, stdin=None):
    """Runs a program without a shell, and kills its process group at the deadline.
    Returns the exit status, standard output and standard error."""
    how = {}
    if user is not None and user.pw_uid != os.geteuid():
        if os.geteuid() != 0:
            raise Fail("not-permitted", "only root can run programs as %s" % user.pw_name)
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        if sys.version_info >= (3, 9):
            how = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
        else:

            def become():
                os.setgroups(groups)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)

            how = {"preexec_fn": become}
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    child = subprocess.Popen(argv, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=env, cwd="/", start_new_session=True, **how)
    with children_lock:
        children.add(child.pid)
    try:
        out, err = child.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        late = Fail("timed-out", "%s did not end within %d s" % (os.path.basename(argv[0]), seconds))
        late.output = child.communicate()[0]
        raise late
    finally:
        with children_lock:
            children.discard(child.pid)
    return child.returncode, out, err.decode("utf-8", "replace")


def root_env():
    """The unit's environment (proxies, pip's settings), with root's home and a plain locale."""
    return dict(os.environ, HOME="/root", LANG="C.UTF-8", PATH=FREE_PATH, PYTHONIOENCODING="utf-8")


def kill_children():
    with children_lock:
        for pid in children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except OSError:
                pass


# --- files ------------------------------------------------------------------------------------


def named(uid, gid):
    """The names of a user and a group, or their ids if they have no name."""
    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = str(uid)
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return owner, group


def octal(mode):
    return "%04o" % stat.S_IMODE(mode)


def read_regular(path, at=None):
    """Opens a regular file, never a link. Returns its descriptor and the result of fstat."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise Fail("occupied", "%s is not a regular file" % path)
    return fd, status


def digest_of(fd):
    digest = hashlib.sha256()
    with os.fdopen(os.dup(fd), "rb", buffering=0) as file:
        file.seek(0)
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


CACHE = None  # an action must not see old results; ask.py sets a cache


def cached(key, compute):
    return compute() if CACHE is None else CACHE.get(key, compute)


def facts(path):
    fd, status = read_regular(path)
    what = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    try:
        sha256 = cached(what, lambda: digest_of(fd))
    finally:
        os.close(fd)
    owner, group = named(status.st_uid, status.st_gid)
    return {"sha256": sha256, "size": status.st_size, "owner": owner, "group": group,
            "mode": octal(status.st_mode), "modified_ns": status.st_mtime_ns}


def file_state(path):
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"kind": "absent"}
    if stat.S_ISREG(status.st_mode):
        return dict(kind="regular", **facts(path))
    if stat.S_ISLNK(status.st_mode):
        real = os.path.realpath(path)
        resolved = facts(real) if os.path.isfile(real) else None
        return {"kind": "link", "target": os.readlink(path), "resolved": resolved}
    if stat.S_ISDIR(status.st_mode):
        owner, group = named(status.st_uid, status.st_gid)
        return {"kind": "directory", "owner": owner, "group": group,
                "mode": octal(status.st_mode), "modified_ns": status.st_mtime_ns}
    return {"kind": "special"}


# --- services ---------------------------------------------------------------------------------

PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "MainPID", "User", "Group", "NRestarts",
              "ExecStart", "DropInPaths", "ExecMainStartTimestampMonotonic", "NeedDaemonReload")


def show(service):
    """The properties of a service; the ExecStart lines are joined."""
    return cached(service, lambda: show_now(service))


def show_now(service):
    argv = ["systemctl", "show", service + ".service", "-p", ",".join(PROPERTIES)]
    status, out, err = run(argv, 15)
    if status != 0:
        raise Fail("systemd", "systemctl show: " + (err.strip() or "exit status %d" % status))
    values = {}
    for line in out.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        values[key] = values[key] + "\n" + value if key in values else value
    return values


def main_pid(shown):
    return int(shown.get("MainPID") or 0) or None


def proc_strings(pid, name):
    """The strings in /proc/PID/cmdline or /proc/PID/environ."""
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            strings = file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
    if strings and not strings[-1]:
        strings.pop()
    return [string.decode("utf-8", "surrogateescape") for string in strings]


def user_of(shown):
    name = shown.get("User") or "root"
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Fail("no-such-user", "user %s does not exist on this unit" % name)


def group_of(shown):
    """The service's group: by default the primary one of its user."""
    if shown.get("Group"):
        return shown["Group"]
    try:
        return named(0, user_of(shown).pw_gid)[1]
    except Fail:
        return ""


def script_path(service):
    """The PATH that the init script, with its defaults files, would set for a stopped daemon."""
    path, own = FREE_PATH, False
    for source in ("/etc/init.d/" + service, "/etc/default/openstack", "/etc/default/" + service):
        try:
            with open(source, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except (FileNotFoundError, PermissionError):
            continue
        for line in lines:
            found = re.match(r"(?:export\s+)?PATH=([^;#\s]+)", line)
            if found and (own or source.startswith("/etc/init.d/")):
                value = found.group(1).strip("\"'")
                path, own = re.sub(r"\$(?:\{PATH\}|PATH\b)", path.replace("\\", r"\\"), value), True
    return path


def daemon_env(service, shown):
    """The daemon's environment: that of the running process, or a minimal one. Second: whether it is live.
    It is passed only to a child of the same user, and never leaves the machine."""
    pid = main_pid(shown)
    variables = proc_strings(pid, "environ") if pid else []
    if variables:
        return dict(variable.split("=", 1) for variable in variables if "=" in variable), True
    user = user_of(shown)
    return {"PATH": script_path(service), "HOME": user.pw_dir, "USER": user.pw_name,
            "LOGNAME": user.pw_name, "LANG": "C.UTF-8"}, False


# --- Python -----------------------------------------------------------------------------------


def shebang(path):
    """The command after `#!` of a Python script; None for any other file."""
    try:
        with open(path, "rb") as file:
            first = file.read(256).split(b"\n", 1)[0]
    except OSError:
        return None
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    return words if words and "python" in " ".join(words) else None


def daemon_script(service, shown):
    """The daemon's Python script: from its command line, uwsgi's wsgi-file, or /usr/bin/NAME."""
    pid = main_pid(shown)
    args = proc_strings(pid, "cmdline") if pid else []
    places = [arg for arg in args[:3] if arg.startswith("/")]
    places += uwsgi_option(args, "wsgi-file")
    places += ["/usr/bin/" + service, "/usr/bin/" + service + "-wsgi"]
    return next((place for place in places if shebang(place)), None)


def uwsgi_option(args, name):
    """The values of a uwsgi option on the command line and in ini files."""
    values, files = [], []
    for at, arg in enumerate(args):
        key, equals, value = arg.partition("=")
        value = value if equals else (args[at + 1] if at + 1 < len(args) else "")
        if key == "--" + name:
            values.append(value)
        elif key == "--ini":
            files.append(value)
    for file in files:
        try:
            with open(file, encoding="utf-8", errors="replace") as lines:
                pairs = [line.partition("=") for line in lines]
        except OSError:
            continue
        values += [value.strip() for key, _, value in pairs if key.strip() == name]
    return values


def interpreter_of(service, shown):
    """The Python interpreter of the daemon; None if this machine does not have the daemon."""
    script = daemon_script(service, shown) if shown.get("LoadState") != "not-found" else None
    if script is None:
        return None
    words = shebang(script)
    if os.path.basename(words[0]) != "env":
        return words[0]
    path = daemon_env(service, shown)[0].get("PATH", FREE_PATH)
    for place in path.split(":"):
        program = os.path.join(place, words[1])
        if os.access(program, os.X_OK):
            return program
    raise Fail("no-program", "%s needs %s, which is not on the daemon's PATH" % (script, words[1]))


# systemd sets these for each process; without them, daemons with the same environment share an interpreter
PER_PROCESS = ("INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "NOTIFY_SOCKET")


def context_of(service, shown):
    """How to run the daemon's interpreter: program, user, environment. None if there is no such daemon."""
    program = interpreter_of(service, shown)
    if program is None:
        return None
    env = dict((key, value) for key, value in daemon_env(service, shown)[0].items() if key not in PER_PROCESS)
    env.update(PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
    return program, user_of(shown), env


def ask_interpreter(context, questions, seconds):
    """The answers of one interpreter, in order. An answer that failed or is missing has a reason."""
    program, user, env = context
    text = json.dumps(questions).encode()
    try:
        status, out, err = run([program, "-B", "-c", INSIDE], seconds, user, env, text)
        last = err.strip().rpartition("\n")[2][:300]
        none = {"failed": "%s: exit status %d: %s" % (program, status, last or "no answer"), "code": "unexpected"}
    except Fail as late:
        out, none = getattr(late, "output", b""), {"failed": late.why, "code": late.code}
    answers = [dict(none) for _ in questions]
    for line in out.decode("utf-8", "replace").splitlines():
        try:
            at, answer = json.loads(line)
            answers[at] = answer
        except (ValueError, TypeError, IndexError):
            continue  # printed by a library
    return answers


def journal_lines(service, count, since=None):
    """The lines that the service itself, not systemd, wrote to the journal; and the time of the last one."""
    argv = ["journalctl", "-u", service + ".service", "-n", str(3 * count), "--no-pager", "-o", "json"]
    argv += [] if since is None else ["--since", "@%d" % since]
    try:
        status, out, _ = run(argv, 10)
    except (Fail, OSError):
        return [], 0
    lines, last = [], 0
    for text in out.decode("utf-8", "replace").splitlines() if status == 0 else []:
        try:
            entry = json.loads(text)
        except ValueError:
            continue
        message = entry.get("MESSAGE") or ""
        if isinstance(message, list):  # journald writes a message that is not UTF-8 as a list of bytes
            message = bytes(message).decode("utf-8", "replace")
        if entry.get("SYSLOG_IDENTIFIER") != "systemd":
            lines.append(message)
            last = int(entry.get("__REALTIME_TIMESTAMP", 0)) * 1000
    return lines, last


def log_file(service, most=65536):
    """The last lines of the service's log file, and when it was last written."""
    log = "/var/log/%s/%s.log" % (service.split("-")[0], service)
    try:
        with open(log, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - most))
            return file.read().decode("utf-8", "replace").splitlines(), os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return [], 0


def log_tail(service, count=20):
    """The last lines of the journal or of the log file, whichever is newer."""
    lines, last = journal_lines(service, count)
    logged, changed = log_file(service)
    lines = logged if changed > last and logged else lines
    return ["".join(c if c.isprintable() else " " for c in line)[:400] for line in lines[-count:]]


# --- the frame --------------------------------------------------------------------------------


def frame(out, nonce, document):
    """Writes the reply. The nonce separates it from other output (of a login shell or a library);
    length and digest show whether it is complete."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()
    head = "omega-reply %s %d %s\n" % (nonce, len(text), hashlib.sha256(text).hexdigest())
    data = b"\n" + head.encode() + text + b"\n"
    while data:
        data = data[os.write(out, data):]


def own_stdout():
    """Reserves standard output for the reply: other output goes to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    return out


def leave():
    """Exits without waiting for threads that missed their deadline."""
    kill_children()
    os._exit(0)
