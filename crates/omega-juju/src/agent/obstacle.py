# What stops a write. The probe tells it before, in the words in which the action would fail.
import errno

STATE = "/var/lib/omega"


def ids(owner, group):
    try:
        uid = pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise Fail("no-such-user", "user %s does not exist on this unit" % owner, expected="owner %s:%s" % (owner, group))
    try:
        return uid, grp.getgrnam(group).gr_gid
    except KeyError:
        raise Fail("no-such-user", "group %s does not exist on this unit" % group, expected="owner %s:%s" % (owner, group))


def os_failure(error, path):
    """The failure for an OSError at a path: with the free space, or with the directory that is missing."""
    place = path if os.path.isdir(path) else os.path.dirname(path)
    why = message_of(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        try:
            room = os.statvfs(place)
            left = "%d bytes free" % (room.f_bavail * room.f_frsize)
            left = "no inodes free" if room.f_files and not room.f_ffree else left
            why = "%s (%s: %s)" % (os.strerror(error.errno).lower(), place, left)
        except OSError:
            why = "%s (%s)" % (os.strerror(error.errno).lower(), place)
        return Fail("no-space", why, next="free some space in %s, then run it again" % place)
    if error.errno == errno.ENOENT:
        missing = path
        while not os.path.isdir(os.path.dirname(missing)):
            missing = os.path.dirname(missing)
        return Fail("not-found", "%s: %s" % (os.strerror(error.errno).lower(), missing), next="create %s first" % missing)
    if error.errno in (errno.EROFS, errno.EPERM, errno.EACCES):  # the file in the message is a temporary one
        why = "%s: %s" % (path, os.strerror(error.errno).lower())
        return Fail(code_of(error), why, next=permission_remedy(error.errno, place, path))
    return Fail(code_of(error), "%s: %s" % (path, why) if path not in why else why)


def permission_remedy(number, place, path):
    if number == errno.EROFS:
        return "mount the file system of %s writable, or find out why it no longer is (dmesg)" % place
    for name in (path, place):
        if protected(name):
            return "%s is immutable or append-only (lsattr -d %s): find out why, then chattr -ia %s" % (name, name, name)
    return None


# FS_IOC_GETFLAGS of linux/fs.h on a 64-bit machine: on x86, arm and s390; on powerpc
GET_FLAGS = (0x80086601, 0x40086601)
IMMUTABLE, APPEND = 0x10, 0x20


def protected(path):
    """Whether a file or directory is immutable or append-only, if its file system knows that."""
    import fcntl
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        for request in GET_FLAGS:
            try:
                flags = fcntl.ioctl(fd, request, bytes(8))
                return bool(int.from_bytes(flags[:4], sys.byteorder) & (IMMUTABLE | APPEND))
            except OSError:
                continue
        return False
    finally:
        os.close(fd)


def refuse_place(home, path, size):
    """Fails if no file of this size can be written to a path in the directory `home`."""
    room = os.statvfs(home)
    if room.f_flag & 1:  # ST_RDONLY
        raise os_failure(OSError(errno.EROFS, os.strerror(errno.EROFS)), path)
    if protected(home) or protected(path):
        raise os_failure(OSError(errno.EPERM, os.strerror(errno.EPERM)), path)
    if not os.access(home, os.W_OK | os.X_OK):
        raise os_failure(OSError(errno.EACCES, os.strerror(errno.EACCES)), path)
    if not room.f_blocks:  # a file system that does not know its size
        return
    if room.f_bfree * room.f_frsize < max(size, room.f_frsize) or (room.f_files and not room.f_ffree):
        raise os_failure(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), path)


def refuse_state(path):
    """The directory in which omega's state is, or will be. Fails if something else is in its place."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return os.path.dirname(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Fail("occupied", "%s is not a directory that belongs to root" % path)
    return path


def refuse_write(path, access, size):
    """Fails if a write to a path would. A before-image needs room too."""
    state = refuse_state(STATE)
    refuse_place(state, state, size)
    home = os.path.dirname(path)
    if access is not None:
        ids(access["owner"], access["group"])
    else:  # pip makes the directories that it needs
        while not os.path.isdir(home):
            home = os.path.dirname(home)
    try:
        os.close(os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        raise os_failure(error, home)
    refuse_place(home, path, size)
