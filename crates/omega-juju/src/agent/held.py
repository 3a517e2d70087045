# The lock of this machine: which run may change it. It is stored beside omega's state, for root only.
import calendar


def lock_path():
    return os.path.join(STATE, "lock.json")


def stored_lock():
    """What is stored of the lock; a token of 0 before it was first taken. Fields of other versions are kept."""
    path = lock_path()
    try:
        fd, _ = read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"token": 0, "id": None}
    with os.fdopen(fd, "rb") as file:
        text = file.read(1 << 16)
    try:
        lock = json.loads(text.decode("utf-8"))
        if not isinstance(lock["token"], int) or (lock["id"] is not None and not isinstance(lock["holder"], dict)):
            raise ValueError()
        if lock["id"] is not None:
            epoch_of(lock["expires"])
        return lock
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Fail("lock-damaged", "the lock of this machine, %s, can't be read" % path, expected="what omega stores there",
                   found="%d bytes of something else" % len(text),
                   next="find out what wrote it; once no run changes this machine, remove the file")


def epoch_of(text):
    """Seconds since the epoch, of a time as it is stored: 2026-11-21T09:00:00.000000Z."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0"))


def is_held(lock):
    """Whether someone holds it now, by this machine's clock."""
    return lock["id"] is not None and epoch_of(lock["expires"]) > time.time()


def shown_lock(lock):
    return {key: lock[key] for key in ("id", "token", "holder", "expires")} if is_held(lock) else None
