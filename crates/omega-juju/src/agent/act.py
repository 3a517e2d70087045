# The actions, one a run. What is replaced or removed is kept first.
import errno
import fcntl
import io
import secrets

STATE = "/var/lib/omega"


def state_directory(name):
    """A directory of omega's own, for root alone."""
    for path in (STATE, os.path.join(STATE, name)):
        try:
            os.mkdir(path, 0o700)
            sync_directory(os.path.dirname(path))
        except FileExistsError:
            pass
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise Fail("occupied", "%s is not a directory of root's" % path)
        os.chmod(path, 0o700)
    return os.path.join(STATE, name)


def sync_directory(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def ids(owner, group):
    try:
        uid = pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise Fail("no-such-user", "there is no user %s here" % owner, expected="owner %s:%s" % (owner, group))
    try:
        return uid, grp.getgrnam(group).gr_gid
    except KeyError:
        raise Fail("no-such-user", "there is no group %s here" % group, expected="owner %s:%s" % (owner, group))


def wanted(action):
    return "%s:%s %s" % (action["owner"], action["group"], action["mode"])


def full(error, path):
    """An operating system's refusal, with what an operator needs to see about the place."""
    place = path if os.path.isdir(path) else os.path.dirname(path)
    why = said(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        try:
            room = os.statvfs(place)
            why = "%s (%s: %d bytes free)" % (os.strerror(error.errno).lower(), place,
                                              room.f_bavail * room.f_frsize)
        except OSError:
            why = "%s (%s)" % (os.strerror(error.errno).lower(), place)
        return Fail("no-space", why, next="make room in %s, then run it again" % place)
    if error.errno == errno.ENOENT:
        missing = path
        while not os.path.isdir(os.path.dirname(missing)):
            missing = os.path.dirname(missing)
        return Fail("not-found", "%s: %s" % (os.strerror(error.errno).lower(), missing), next="make %s first" % missing)
    return Fail(code_of(error), "%s: %s" % (path, why) if path not in why else why)


# --- placing a file ---------------------------------------------------------------------------


def found_at(name, at):
    """What is at a name in a directory: kind, and digest where it is a regular file."""
    try:
        status = os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return "absent", None
    if stat.S_ISLNK(status.st_mode):
        return "link", None
    if not stat.S_ISREG(status.st_mode):
        return "directory" if stat.S_ISDIR(status.st_mode) else "special", None
    fd, _ = read_regular(name, at)
    try:
        return "regular", digest_of(fd)
    finally:
        os.close(fd)


def described(kind, sha256):
    return {"absent": "nothing", "link": "a symbolic link", "regular": "a file sha256:%s" % sha256,
            "directory": "a directory", "special": "neither a file nor a directory"}[kind]


def check_expect(path, name, at, expect):
    """Refuses if what is there is not what the plan saw. Returns what is there."""
    found = found_at(name, at)
    if expect == "absent":
        want = ("absent", None)
    elif expect == "link":
        want = ("link", None)
    else:
        want = ("regular", expect["sha256"])
    if found != want:
        raise Fail("changed", "%s changed since it was looked at" % path, expected=described(*want),
                   found=described(*found), next="plan again")
    return found


def keep_before(path, name, at, sha256):
    """Keeps a before-image, by its digest; once there and whole, it stays as it is."""
    home = state_directory("before")
    kept = os.path.join(home, sha256)
    try:
        fd, _ = read_regular(kept)
        try:
            if digest_of(fd) == sha256:
                return
        finally:
            os.close(fd)
        os.unlink(kept)
    except FileNotFoundError:
        pass
    fd, _ = read_regular(name, at)
    with os.fdopen(fd, "rb") as source:
        content = source.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Fail("changed", "%s changed while its before-image was being kept" % path, next="plan again")
    write_synced(home, sha256, content, None, 0o600)


def write_synced(home, name, content, owner, mode):
    """Writes a file of omega's own, whole or not at all."""
    at = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    temporary = ".%s.%s" % (name[:64], secrets.token_hex(8))
    try:
        write_temporary(temporary, at, content, owner, mode)
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        os.fsync(at)
    except OSError as error:
        raise full(error, home)
    finally:
        remove_quietly(temporary, at)
        os.close(at)


def write_temporary(name, at, content, owner, mode):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=at)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view):]
        if owner is not None:
            os.fchown(fd, *owner)
        os.fchmod(fd, mode)
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_quietly(name, at):
    try:
        os.unlink(name, dir_fd=at)
    except FileNotFoundError:
        pass


def sweep(name, at):
    """Removes what a placement that was killed left: a temporary file holds what the file does. Under the lock."""
    ours = re.compile(r"\.%s\.omega-[0-9a-f]{16}\Z" % re.escape(name[:64]))
    for left in filter(ours.match, os.listdir(at)):
        remove_quietly(left, at)


def place(action, content):
    """Owner, mode and bytes are right before the name shows them, and the name changes in one step."""
    path, sha256 = action["path"], action["sha256"]
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Fail("digest-differs", "the bytes for %s are not what was planned" % path, expected="sha256:" + sha256,
                   found="sha256:%s, %d bytes" % (hashlib.sha256(content).hexdigest(), len(content)))
    owner, mode = ids(action["owner"], action["group"]), int(action["mode"], 8)
    home, name = os.path.split(path)
    temporary = ".%s.omega-%s" % (name[:64], secrets.token_hex(8))
    try:
        at = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise full(error, home)
    try:
        sweep(name, at)
        kind, found = check_expect(path, name, at, action["expect"])
        if kind == "regular":
            keep_before(path, name, at, found)
        write_temporary(temporary, at, content, owner, mode)
        check_written(path, temporary, at, sha256, len(content))
        check_expect(path, name, at, action["expect"])
        put(temporary, name, at, kind)
    except OSError as error:
        raise full(error, path)
    finally:
        remove_quietly(temporary, at)
        os.close(at)
    check_placed(path, sha256, owner, mode)


def check_written(path, temporary, at, sha256, size):
    fd, status = read_regular(temporary, at)
    try:
        found = digest_of(fd)
    finally:
        os.close(fd)
    if (found, status.st_size) != (sha256, size):
        raise Fail("not-written", "what was written for %s is not what was sent" % path,
                   expected="sha256:%s, %d bytes" % (sha256, size),
                   found="sha256:%s, %d bytes" % (found, status.st_size))


def put(temporary, name, at, kind):
    if kind == "absent":  # a link refuses where a rename would overwrite
        try:
            os.link(temporary, name, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
        except FileExistsError:
            raise Fail("changed", "%s appeared in the meantime" % name, expected="nothing", found="something", next="plan again")
    else:
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
    try:
        os.fsync(at)
    except OSError as error:
        raise Fail("not-written", "the directory can't be synced: " + said(error), touched="maybe")


def check_placed(path, sha256, owner, mode):
    status = os.lstat(path)
    fd, _ = read_regular(path)
    try:
        found = digest_of(fd)
    finally:
        os.close(fd)
    if (found, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (sha256,) + owner + (mode,):
        raise Fail("not-written", "%s is not what was just written" % path, expected="sha256:%s, mode %04o" % (sha256, mode),
                   found="sha256:%s, mode %s" % (found, octal(status.st_mode)), touched="maybe",
                   next="something else writes it: find out what, then run it again")


def act_place_file(action, payload, until):
    if payload is None:
        raise Fail("incomplete", "the bytes for %s did not come with the request" % action["path"])
    place(action, payload)


def act_restore_file(action, payload, until):
    kept = os.path.join(STATE, "before", action["sha256"])
    try:
        fd, _ = read_regular(kept)
    except FileNotFoundError:
        raise Fail("not-kept", "the before-image of %s is not kept here" % action["path"], expected=kept, found="nothing")
    with os.fdopen(fd, "rb") as file:
        place(action, file.read())


def act_make_link(action, payload, until):
    path, target = action["path"], action["target"]
    home, name = os.path.split(path)
    temporary = ".%s.omega-%s" % (name[:64], secrets.token_hex(8))
    try:
        at = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise full(error, home)
    try:
        kind, found = check_expect(path, name, at, action["expect"])
        if kind == "regular":
            keep_before(path, name, at, found)
        os.symlink(target, temporary, dir_fd=at)
        check_expect(path, name, at, action["expect"])
        put_link(temporary, target, name, at, kind)
    except OSError as error:
        raise full(error, path)
    finally:
        remove_quietly(temporary, at)
        os.close(at)


def put_link(temporary, target, name, at, kind):
    if kind == "absent":  # making it anew refuses where a rename would overwrite
        os.symlink(target, name, dir_fd=at)
    else:
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
    os.fsync(at)
    if os.readlink(name, dir_fd=at) != target:
        raise Fail("not-written", "%s does not say %s" % (name, target), touched="maybe")


# --- downloads --------------------------------------------------------------------------------

MOST = 512 << 20  # helm's archive is 17 MB


def download(url, until):
    import urllib.request
    blocks, size = [], 0
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            for block in iter(lambda: answer.read(1 << 18), b""):
                blocks.append(block)
                size += len(block)
                if time.monotonic() > until:
                    raise Fail("timed-out", "%s did not arrive in time (%d bytes did)" % (url, size))
                if size > MOST:
                    raise Fail("download", "%s is larger than %d bytes" % (url, MOST))
    except OSError as error:
        why = getattr(error, "reason", None) or error
        raise Fail("download", "%s can't be downloaded: %s" % (url, said(why) if isinstance(why, Exception) else why),
                   next="check the unit's way to that address (proxy, egress), or place the file from here")
    return b"".join(blocks)


def act_fetch_file(action, payload, until):
    import tarfile
    content = download(action["url"], until)
    if action["archive_sha256"] is not None:
        found = hashlib.sha256(content).hexdigest()
        if found != action["archive_sha256"]:
            raise Fail("digest-differs", "%s is not what was pinned" % action["url"], expected="sha256:" + action["archive_sha256"],
                       found="sha256:%s, %d bytes" % (found, len(content)),
                       next="find out which of the two is right: the address, or the digest in the site file")
    if action["member"] is not None:
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                member = archive.extractfile(action["member"])
                if member is None:
                    raise Fail("archive", "%s in %s is not a file" % (action["member"], action["url"]))
                content = member.read()
        except KeyError:
            raise Fail("archive", "there is no %s in %s" % (action["member"], action["url"]))
        except tarfile.TarError as error:
            raise Fail("archive", "%s is not a tar archive: %s" % (action["url"], error))
    place(action, content)


# --- directories, modes, removal --------------------------------------------------------------


def set_owner_and_mode(path, flags, action):
    owner, mode = ids(action["owner"], action["group"]), int(action["mode"], 8)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    except OSError as error:
        raise full(error, path)
    try:
        if not flags and not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Fail("occupied", "%s is not a regular file" % path)
        os.fchown(fd, *owner)
        os.fchmod(fd, mode)
        os.fsync(fd)
        status = os.fstat(fd)
    except OSError as error:
        raise Fail("not-written", "%s: %s" % (path, said(error)), expected=wanted(action), touched="maybe")
    finally:
        os.close(fd)
    if ((status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode)) != (owner, mode):
        raise Fail("not-written", "%s did not take owner and mode" % path, expected=wanted(action),
                   found="%s:%s %s" % (named(status.st_uid, status.st_gid) + (octal(status.st_mode),)),
                   touched="maybe")


def act_make_directory(action, payload, until):
    path = action["path"]
    ids(action["owner"], action["group"])
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise Fail("occupied", "%s is there, and is not a directory" % path, expected="a directory")
    except OSError as error:
        raise full(error, os.path.dirname(path))
    set_owner_and_mode(path, os.O_DIRECTORY, action)
    sync_directory(os.path.dirname(path))


def act_set_file_mode(action, payload, until):
    set_owner_and_mode(action["path"], 0, action)


def act_remove_directory(action, payload, until):
    path = action["path"]
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise Fail("occupied", "%s is not empty" % path, expected="an empty directory",
                       found=", ".join(sorted(os.listdir(path))[:10]))
        raise full(error, path)
    sync_directory(os.path.dirname(path))


def act_remove_file(action, payload, until):
    path = action["path"]
    home, name = os.path.split(path)
    try:
        at = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise full(error, home)
    try:
        kind, found = check_expect(path, name, at, action["expect"])
        if kind == "absent":
            raise Fail("not-found", "there is nothing at %s to remove" % path)
        if kind == "regular":
            keep_before(path, name, at, found)
            check_expect(path, name, at, action["expect"])
        os.unlink(name, dir_fd=at)
        os.fsync(at)
    except OSError as error:
        raise full(error, path)
    finally:
        os.close(at)


# --- one run ----------------------------------------------------------------------------------


def read_exactly(source, size, sha256, what):
    content = source.read(size)
    if len(content) != size:
        raise Fail("incomplete", "%s arrived short" % what, expected="%d bytes" % size, found="%d bytes" % len(content),
                   next="nothing was done: run it again")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Fail("incomplete", "%s was altered on its way" % what, expected="sha256:" + sha256, next="nothing was done: run it again")
    return content


def perform(request, source):
    action, payload = request["action"], None
    if request["payload"] is not None:
        payload = read_exactly(source, request["payload"]["size"], request["payload"]["sha256"], "the payload")
    do = globals().get("act_" + action["action"])
    if do is None:
        raise Fail("unknown-request", "this agent has no action %s" % action["action"])
    until = time.monotonic() + request["seconds"]
    try:
        lock = os.open(os.path.join(state_directory("lock"), "act"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Fail("busy", "another omega is acting on this machine", next="wait for it, then run it again")
    except OSError as error:
        raise full(error, STATE if os.path.isdir(STATE) else os.path.dirname(STATE))
    try:
        do(action, payload, until)
    except Fail as fail:
        # A program that was started and then cut off, or a question that failed after it, tells nothing.
        if STARTED and not fail.sure:
            fail.touched = "maybe"
        raise


def main_act():
    out = own_stdout()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a connection that ends does not stop a write half-way
    os.umask(0o077)
    request = json.loads(REQUEST)
    try:
        perform(request, sys.stdin.buffer)
        reply = {"done": True}
    except Fail as fail:
        reply = {"error": {"why": fail.why, "code": fail.code, "expected": fail.expected, "found": fail.found,
                           "next": fail.next, "touched": fail.touched}}
    except Exception as error:
        reply = {"error": {"why": said(error), "code": code_of(error), "expected": None, "found": None, "next": None, "touched": "maybe"}}
    frame(out, request["nonce"], reply)
    leave()
