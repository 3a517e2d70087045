# Restarting a daemon, and waiting until it is stable or has failed.
def act_reload_units(action, payload, until):
    status, _, err = change(["systemctl", "daemon-reload"], max(1, until - time.monotonic()))
    if status != 0:
        raise Fail("systemd", "systemctl daemon-reload: " + err.strip()[-300:], touched="maybe")


def cpu_demand(pid):
    """The seconds that a process has run or waited for a CPU. On a busy machine, a starting daemon mostly waits."""
    try:
        with open("/proc/%d/schedstat" % pid) as file:
            running, waiting = file.read().split()[:2]
        return (int(running) + int(waiting)) / 1e9
    except (OSError, ValueError):
        return 0.0


def reads_disk(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] == "D"
    except (OSError, IndexError):
        return False


CALM = 1.5  # seconds without load; until a daemon fails at its start, it is busy importing modules


def act_restart_service(action, payload, until):
    """Restarts, and waits until the daemon is stable: the same process, no longer busy with its start.
    (A conductor that cannot read its configuration exits only after some seconds of imports.)"""
    service = action["service"]
    earlier = show(service)
    load, ran = earlier.get("LoadState"), main_pid(earlier)
    if load != "loaded":
        raise Fail("not-loaded", "%s can't be restarted" % service, expected="a service that is loaded", found=load)
    status, _, err = change(["systemctl", "restart", service + ".service"], max(1, until - time.monotonic() - 5))
    if status != 0:
        shown = show(service)
        if ran and main_pid(shown) == ran and shown.get("ActiveState") == "active":
            # A command of the unit that comes before the stop has failed.
            raise Fail("would-not-start", "%s was not restarted: the process from before runs on: %s" % (service, err.strip()),
                       expected="a new process", found="process %d, as before" % ran, touched="maybe",
                       next="look at journalctl -u %s, then run it again" % service)
        raise would_not_start(service, err.strip())
    until = min(until - 2, time.monotonic() + 60)
    last, before, used, since = None, time.monotonic(), 0.0, time.monotonic()
    while True:
        shown, now = show(service), time.monotonic()
        pid = main_pid(shown)
        seen = (shown.get("ActiveState"), shown.get("SubState"), pid, shown.get("NRestarts"))
        if seen[0] == "failed" or seen[1] == "auto-restart":
            raise would_not_start(service, "")
        work = cpu_demand(pid) if pid else 0.0
        steady = seen == last and seen[0] == "active" and pid is not None
        if not steady or work - used > 0.2 * (now - before) or reads_disk(pid):
            since = now
        if now - since >= CALM:
            return
        if now > until:
            if steady:
                return  # it runs; a daemon that is busy for this long has started its work
            raise would_not_start(service, "it is not stable")
        last, before, used = seen, now, work
        time.sleep(0.2)


def would_not_start(service, why):
    shown = show(service)
    lines = [line.strip() for line in log_tail(service, 12) if line.strip(" ^")]
    found = "%s/%s, result %s" % (shown.get("ActiveState"), shown.get("SubState"), shown.get("Result"))
    log = "; last log lines: " + " | ".join(lines[-3:]) if lines else ""
    return Fail("would-not-start", "%s did not start%s" % (service, ": " + why if why else ""), expected="active/running",
                found=found + log, touched="maybe", next="look at journalctl -u %s, then run it again" % service)
