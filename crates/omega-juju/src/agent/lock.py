# The lock of this machine is changed, and checked before each action, under the same flock: a run whose lock expired or was
# broken can't change anything after that, however late its action arrives.
PATIENCE = 5  # seconds to wait for another request of omega's; an action takes longer


def own_flock(until):
    """The flock under which one process of omega's at a time changes this machine. It ends with the process."""
    fd = os.open(os.path.join(state_directory("lock"), "act"), os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(fd)
                raise Fail("busy", "another omega process is changing this unit", next="wait until it ends, then run it again")
            time.sleep(0.05)


def stored_until(seconds):
    now = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%06dZ" % (now % 1 * 1000000)


def store_lock(lock):
    try:
        write_private(lock_path(), json.dumps(lock, sort_keys=True).encode())
    except OSError as error:
        raise os_failure(error, lock_path())
    return lock


def held_by_another(lock):
    fail = Fail("held", "another run holds the lock of this machine", expected="no other run that changes it")
    fail.held = shown_lock(lock)
    return fail


def check_fence(fence):
    """Refuses whoever does not hold the lock. Needs the flock, which the action keeps."""
    lock = stored_lock()
    if fence is None:
        if is_held(lock):
            raise held_by_another(lock)
    elif not is_held(lock) or (lock["id"], lock["token"]) != (fence["id"], fence["token"]):
        fail = Fail("fenced", "this run no longer holds the lock of this machine: it expired, or was broken",
                    next="find out what the other run did, then run it again: completed steps are not repeated")
        fail.held = shown_lock(lock)
        raise fail
    return lock


def lock_acquire(ask):
    lock = stored_lock()
    free = not is_held(lock)
    if not free and lock["id"] not in (ask["id"], ask.get("instead_of")):
        raise held_by_another(lock)
    again = not free and lock["id"] == ask["id"]  # the first answer was lost
    token = lock["token"] if again else lock["token"] + 1
    return store_lock(dict(lock, id=ask["id"], token=token, holder=ask["holder"], expires=stored_until(ask["lasts"])))


def lock_renew(ask):
    return store_lock(dict(check_fence(ask["fence"]), expires=stored_until(ask["lasts"])))


def lock_release(ask):
    lock = stored_lock()
    if (lock["id"], lock["token"]) == (ask["fence"]["id"], ask["fence"]["token"]):
        store_lock(dict(lock, id=None, holder=None, expires=None))  # the token stays: it only grows
    return None


def change_lock(ask):
    """One request about the lock. Returns the lock, if it is held now."""
    do = globals().get("lock_" + ask["lock"])
    if do is None:
        raise Fail("unknown-request", "this agent does not know the request %s" % ask["lock"])
    try:
        own_flock(time.monotonic() + PATIENCE)
    except Fail as busy:  # who is changing the machine is the more useful answer
        lock = stored_lock() if busy.code == "busy" and ask["lock"] == "acquire" else {"id": None}
        raise held_by_another(lock) if lock["id"] not in (None, ask.get("instead_of")) and is_held(lock) else busy
    except OSError as error:
        raise os_failure(error, STATE if os.path.isdir(STATE) else os.path.dirname(STATE))
    lock = do(ask)
    return shown_lock(lock) if lock is not None else None


def renew_quietly(fence):
    """After an action, which may have taken longer than the lock lasts: nobody could take it meanwhile."""
    try:
        store_lock(dict(stored_lock(), expires=stored_until(fence["lasts"])))
    except (Fail, OSError):  # a full disk: the run renews it too
        pass
