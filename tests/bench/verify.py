"""Reads what the turns of `tests/bench/run verify` wrote: NAME MILLISECONDS REQUESTS EXECUTIONS JUJU_CALLS TRACE, a turn a line.

    verify.py TURNS JUJU_DELAY_MS [--json]
"""
import statistics
import sys

import figures


def told(rows):
    numbers = [[int(x) for x in row[1:5]] for row in rows]
    seconds = [row[0] / 1000 for row in numbers]
    return {"min_s": min(seconds), "median_s": statistics.median(seconds), "requests": max(row[1] for row in numbers),
            "remote_executions": max(row[2] for row in numbers), "juju_calls": max(row[3] for row in numbers)}


def to_slowest(rows):
    """How often each run of omega took as long as the slowest request or execution of that same run."""
    slow = [figures.slowest(row[5]) for row in rows]
    ratios = [round(int(row[1]) / max(one["took_ms"], 1), 2) for row, one in zip(rows, slow)]
    return {"median": round(statistics.median(ratios), 2), "most": max(ratios), "rounds": ratios,
            "slowest_ms": [one["took_ms"] for one in slow], "slowest": sorted({one["what"] for one in slow})}


def main():
    path, delay, form = sys.argv[1], int(sys.argv[2]), "".join(sys.argv[3:])
    with open(path) as file:
        rows = [line.split() for line in file]
    mine = [row for row in rows if row[0] == "omega"]
    shell, omega, call = told([row for row in rows if row[0] == "shell"]), told(mine), to_slowest(mine)
    ratio = round(shell["median_s"] / omega["median_s"], 1)
    result = {"schema": 1, "what": "verify phase 07 on one converged unit through the stand-in for juju", "rounds": len(mine),
              "juju_delay_ms": delay, "omega_build": "release", "shell": shell, "omega": omega, "ratio": ratio,
              "ratio_to_slowest": call, "ratios": {"the runbook's shell": ratio}}
    result["goals"] = [figures.goal("times its slowest single call that verify graft took (median)", call["median"], "at most", 1.5)]
    lines = [f"{'':8}{'min':>9}{'median':>9}{'cloud requests':>15}{'remote executions':>19}{'juju calls':>12}"]
    for name, x in (("shell", shell), ("omega", omega)):
        lines.append(f"{name:8}{x['min_s']:8.2f}s{x['median_s']:8.2f}s{x['requests']:15}{x['remote_executions']:19}{x['juju_calls']:12}")
    lines += [f"ratio {ratio} (medians of {len(mine)}; the stand-in waits {delay} ms at each juju call; omega is a release build;",
              "cloud requests are those to OpenStack: omega asks the management API once more, the shell through kubectl and helm)",
              f"slowest single call, by the trace of the same run: {statistics.median(call['slowest_ms']) / 1000:.2f} s (median): {'; '.join(call['slowest'])}",
              "times that call, each round: " + ", ".join(map(str, call["rounds"]))]
    figures.tell(result, lines, form)


main()
