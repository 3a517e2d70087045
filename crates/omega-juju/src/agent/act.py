# The actions, one per run. Files and wheels that are replaced or removed are stored first.
import fcntl
import io
import secrets


def state_directory(name):
    """A directory of omega's, accessible to root only."""
    for path in (STATE, os.path.join(STATE, name)):
        try:
            os.mkdir(path, 0o700)
            sync_directory(os.path.dirname(path))
        except FileExistsError:
            pass
        refuse_state(path)
        os.chmod(path, 0o700)
    return os.path.join(STATE, name)


def sync_directory(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def wanted(action):
    return "%s:%s %s" % (action["owner"], action["group"], action["mode"])


# --- placing a file ---------------------------------------------------------------------------


class Parent:
    """The open directory of a path, with a temporary name in it that is removed at the end."""

    def __init__(self, path):
        self.path, (home, self.name) = path, os.path.split(path)
        self.temporary = ".%s.omega-%s" % (self.name[:64], secrets.token_hex(8))
        try:
            self.at = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise os_failure(error, home)
        if protected(home):  # in an append-only directory the temporary file could not be removed
            os.close(self.at)
            raise os_failure(OSError(errno.EPERM, os.strerror(errno.EPERM)), path)

    def __enter__(self):
        return self.name, self.at, self.temporary

    def __exit__(self, kind, error, traceback):
        try:
            remove_quietly(self.temporary, self.at)
        except OSError as left:  # on a read-only file system, even if nothing is there: the first error counts
            error = left if error is None else error
        finally:
            os.close(self.at)
        if isinstance(error, OSError):
            raise os_failure(error, self.path)


def digest_at(name, at=None):
    """The digest of a regular file, and the result of fstat."""
    fd, status = read_regular(name, at)
    try:
        return digest_of(fd), status
    finally:
        os.close(fd)


def found_at(name, at):
    """What a name in a directory is: its kind, and the digest of a regular file."""
    try:
        status = os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return "absent", None
    if stat.S_ISLNK(status.st_mode):
        return "link", None
    if not stat.S_ISREG(status.st_mode):
        return "directory" if stat.S_ISDIR(status.st_mode) else "special", None
    return "regular", digest_at(name, at)[0]


def described(kind, sha256):
    return {"absent": "nothing", "link": "a symbolic link", "regular": "a file sha256:%s" % sha256,
            "directory": "a directory", "special": "neither a file nor a directory"}[kind]


def check_expect(path, name, at, expect):
    """Refuses a path that has changed since it was planned. Returns what is there."""
    found = found_at(name, at)
    want = (expect, None) if expect in ("absent", "link") else ("regular", expect["sha256"])
    if found != want:
        raise Fail("changed", "%s has changed since it was read" % path, expected=described(*want),
                   found=described(*found), next="plan again")
    return found


def keep_before(path, name, at, sha256):
    """Stores a before-image under its digest, unless it is already stored intact."""
    home = state_directory("before")
    stored = os.path.join(home, sha256)
    try:
        if digest_at(stored)[0] == sha256:
            return
        os.unlink(stored)
    except FileNotFoundError:
        pass
    fd, _ = read_regular(name, at)
    with os.fdopen(fd, "rb") as source:
        content = source.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Fail("changed", "%s changed while its before-image was stored" % path, next="plan again")
    write_private(stored, content)


def write_private(path, content):
    """Writes a file of omega's atomically."""
    with Parent(path) as (name, at, temporary):
        write_temporary(temporary, at, content, None, 0o600)
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        os.fsync(at)


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
    """Removes the temporary files of placements that were killed: they hold the content. Needs the lock."""
    ours = re.compile(r"\.%s\.omega-[0-9a-f]{16}\Z" % re.escape(name[:64]))
    for left in filter(ours.match, os.listdir(at)):
        remove_quietly(left, at)


def place(action, content):
    """Replaces a file atomically: owner, mode and content are complete before the rename."""
    path, sha256 = action["path"], action["sha256"]
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Fail("digest-differs", "the content for %s is not the planned one" % path, expected="sha256:" + sha256,
                   found="sha256:%s, %d bytes" % (hashlib.sha256(content).hexdigest(), len(content)))
    owner, mode = ids(action["owner"], action["group"]), int(action["mode"], 8)
    with Parent(path) as (name, at, temporary):
        sweep(name, at)
        kind, found = check_expect(path, name, at, action["expect"])
        if kind == "regular":
            keep_before(path, name, at, found)
        write_temporary(temporary, at, content, owner, mode)
        check_written(path, temporary, at, sha256, len(content))
        check_expect(path, name, at, action["expect"])
        put(temporary, name, at, kind)
    check_placed(path, sha256, owner, mode)


def check_written(path, temporary, at, sha256, size):
    found, status = digest_at(temporary, at)
    if (found, status.st_size) != (sha256, size):
        raise Fail("not-written", "what was written to %s is not what was sent" % path,
                   expected="sha256:%s, %d bytes" % (sha256, size),
                   found="sha256:%s, %d bytes" % (found, status.st_size))


def put(temporary, name, at, kind):
    if kind == "absent":  # link fails where rename would overwrite
        try:
            os.link(temporary, name, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
        except FileExistsError:
            raise Fail("changed", "%s appeared in the meantime" % name, expected="nothing", found="something", next="plan again")
    else:
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
    try:
        os.fsync(at)
    except OSError as error:
        raise Fail("not-written", "the directory can't be synced: " + message_of(error), touched="maybe")


def check_placed(path, sha256, owner, mode):
    found, status = digest_at(path)
    if (found, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (sha256,) + owner + (mode,):
        raise Fail("not-written", "%s is not what was just written" % path, expected="sha256:%s, mode %04o" % (sha256, mode),
                   found="sha256:%s, mode %s" % (found, octal(status.st_mode)), touched="maybe",
                   next="find out what else writes this file, then run it again")


def act_place_file(action, payload, until):
    if payload is None:
        raise Fail("incomplete", "the request has no content for %s" % action["path"])
    place(action, payload)


def act_restore_file(action, payload, until):
    stored = os.path.join(STATE, "before", action["sha256"])
    try:
        fd, _ = read_regular(stored)
    except FileNotFoundError:
        raise Fail("not-kept", "the before-image of %s is not stored on this unit" % action["path"], expected=stored, found="nothing")
    with os.fdopen(fd, "rb") as file:
        place(action, file.read())


def act_make_link(action, payload, until):
    path, target = action["path"], action["target"]
    with Parent(path) as (name, at, temporary):
        kind, found = check_expect(path, name, at, action["expect"])
        if kind == "regular":
            keep_before(path, name, at, found)
        os.symlink(target, temporary, dir_fd=at)
        check_expect(path, name, at, action["expect"])
        if kind == "absent":  # symlink fails where rename would overwrite
            os.symlink(target, name, dir_fd=at)
        else:
            os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        os.fsync(at)
        if os.readlink(name, dir_fd=at) != target:
            raise Fail("not-written", "%s does not lead to %s" % (name, target), touched="maybe")


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
                    raise Fail("timed-out", "the download of %s did not finish in time (%d bytes received)" % (url, size))
                if size > MOST:
                    raise Fail("download", "%s is larger than %d bytes" % (url, MOST))
    except OSError as error:
        why = getattr(error, "reason", None) or error
        raise Fail("download", "%s can't be downloaded: %s" % (url, message_of(why) if isinstance(why, Exception) else why),
                   next="check the unit's access to that address (proxy, egress), or provide the file locally")
    return b"".join(blocks)


def act_fetch_file(action, payload, until):
    import tarfile
    content = download(action["url"], until)
    if action["archive_sha256"] is not None:
        found = hashlib.sha256(content).hexdigest()
        if found != action["archive_sha256"]:
            raise Fail("digest-differs", "%s does not have the pinned digest" % action["url"],
                       expected="sha256:" + action["archive_sha256"], found="sha256:%s, %d bytes" % (found, len(content)),
                       next="check the address and the digest in the site file: one of them is wrong")
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
        raise os_failure(error, path)
    try:
        if not flags and not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Fail("occupied", "%s is not a regular file" % path)
        try:
            os.fchown(fd, *owner)
        except OSError as error:  # nothing was changed yet
            raise os_failure(error, path)
        os.fchmod(fd, mode)
        os.fsync(fd)
        status = os.fstat(fd)
    except OSError as error:
        raise Fail("not-written", "%s: %s" % (path, message_of(error)), expected=wanted(action), touched="maybe")
    finally:
        os.close(fd)
    if ((status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode)) != (owner, mode):
        raise Fail("not-written", "owner and mode of %s were not set" % path, expected=wanted(action),
                   found="%s:%s %s" % (named(status.st_uid, status.st_gid) + (octal(status.st_mode),)),
                   touched="maybe")


def act_make_directory(action, payload, until):
    path = action["path"]
    ids(action["owner"], action["group"])
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise Fail("occupied", "%s exists and is not a directory" % path, expected="a directory")
    except OSError as error:
        raise os_failure(error, path)
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
        raise os_failure(error, path)
    sync_directory(os.path.dirname(path))


def act_remove_file(action, payload, until):
    path = action["path"]
    with Parent(path) as (name, at, _):
        kind, found = check_expect(path, name, at, action["expect"])
        if kind == "absent":
            raise Fail("not-found", "%s does not exist, so it can't be removed" % path)
        if kind == "regular":
            keep_before(path, name, at, found)
            check_expect(path, name, at, action["expect"])
        os.unlink(name, dir_fd=at)
        os.fsync(at)


# --- one run ----------------------------------------------------------------------------------


def read_payload(source, size, sha256):
    content = source.read(size)
    if len(content) != size:
        raise Fail("incomplete", "the payload is incomplete", expected="%d bytes" % size, found="%d bytes" % len(content),
                   next="nothing was done: run it again")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Fail("incomplete", "the payload was altered in transit", expected="sha256:" + sha256, next="nothing was done: run it again")
    return content


def perform(request, source):
    action, payload = request["action"], None
    if request["payload"] is not None:
        payload = read_payload(source, request["payload"]["size"], request["payload"]["sha256"])
    do = globals().get("act_" + action["action"])
    if do is None:
        raise Fail("unknown-request", "this agent does not know the action %s" % action["action"])
    until, fence = time.monotonic() + request["seconds"], request.get("fence")
    try:
        own_flock(time.monotonic() + PATIENCE)
        check_fence(fence)
    except OSError as error:
        raise os_failure(error, STATE if os.path.isdir(STATE) else os.path.dirname(STATE))
    try:
        do(action, payload, until)
    except Fail as fail:
        # A started program may have changed something, even if a later check is what failed.
        if STARTED and not fail.sure:
            fail.touched = "maybe"
        raise
    finally:
        if fence is not None:
            renew_quietly(fence)


def main_act():
    out = own_stdout()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the end of the connection must not interrupt a write
    os.umask(0o077)
    request = json.loads(REQUEST)
    try:
        if "ask" in request:
            reply = {"lock": change_lock(request["ask"])}
        else:
            perform(request, sys.stdin.buffer)
            reply = {"done": True}
    except Fail as fail:
        reply = {"error": {"why": fail.why, "code": fail.code, "expected": fail.expected, "found": fail.found,
                           "next": fail.next, "touched": fail.touched, "held": fail.held}}
    except Exception as error:
        reply = {"error": {"why": message_of(error), "code": code_of(error), "expected": None, "found": None, "next": None, "touched": "maybe"}}
    frame(out, request["nonce"], reply)
    leave()
