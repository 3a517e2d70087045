"""What the benchmarks share: how long a program takes, what a trace says, targets, and how a result is told."""
import json
import os
import pathlib
import sys
import time


def took(name, words, environment):
    """Milliseconds from the start of a program to its end; what it prints is then in NAME.out and NAME.err."""
    make = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, name + ".out", make, 0o600),
             (os.POSIX_SPAWN_OPEN, 2, name + ".err", make, 0o600)]
    began = time.perf_counter()
    _, status = os.waitpid(os.posix_spawn(words[0], words, environment, file_actions=files), 0)
    elapsed = (time.perf_counter() - began) * 1000
    if status != 0:
        told = "".join(pathlib.Path(name + end).read_text(errors="replace")[-2000:] for end in (".out", ".err"))
        sys.exit("%s ended with %d: %s" % (" ".join(words), os.waitstatus_to_exitcode(status), told))
    return elapsed


def calls(trace):
    """The requests and remote executions of a trace, each a dict; not what the agent on a unit says of its own time."""
    with open(trace) as file:
        return [one for one in map(json.loads, file) if one["kind"] != "inside"]


def slowest(trace):
    return max(calls(trace), key=lambda one: one["took_ms"])


def counted(trace):
    """How many requests went to OpenStack and to Kubernetes, and how many executions there were."""
    found = {"cloud": 0, "kubernetes": 0, "executions": 0}
    for one in calls(trace):
        where = "executions" if one["kind"] in ("exec", "act") else "kubernetes" if "server" in one else "cloud"
        found[where] += 1
    return found


def goal(what, found, bound, target, unit=""):
    holds = {"below": found < target, "at most": found <= target, "at least": found >= target}[bound]
    return {"what": what, "found": round(found, 2), "unit": unit, "bound": bound, "target": target, "holds": holds}


def amount(number, unit):
    return f"{number:.4g} {unit}".rstrip()


def verdict(one):
    return f"{one['bound']} {amount(one['target'], one['unit'])}: " + ("held" if one["holds"] else "MISSED")


def tell(result, lines, form):
    """Prints the lines and the targets, or with --json the result; a file that RESULT names gets the result."""
    if os.environ.get("RESULT"):
        pathlib.Path(os.environ["RESULT"]).write_text(json.dumps(result) + "\n")
    if form == "--json":
        print(json.dumps(result))
        return
    for line in lines:
        print(line)
    for one in result["goals"]:
        print(f"{amount(one['found'], one['unit'])}: {one['what']}; target: {verdict(one)}")
