"""How long `omega-cli doctor` takes where nothing is broken, what it asked, and its slowest single call, by its own trace.

    doctor.py OMEGA ROUNDS [--json]      in a directory with omega.toml and clouds.yaml
"""
import collections
import json
import os
import pathlib
import statistics
import sys

import figures


def main():
    omega, rounds, form = sys.argv[1], int(sys.argv[2]), "".join(sys.argv[3:])
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.getcwd() + "/home", "OS_CLIENT_CONFIG_FILE": os.getcwd() + "/clouds.yaml", "NO_COLOR": "1"}
    words = [omega, "doctor", "--output", "json", "--trace", "doctor.jsonl"]
    turns = []
    for each in range(rounds + 1):
        elapsed = figures.took("doctor", words, plain)
        if each:  # the first is not counted: page cache, omega's tokens
            turns.append((elapsed, figures.slowest("doctor.jsonl"), figures.counted("doctor.jsonl")))
    report = json.loads(pathlib.Path("doctor.out").read_text())
    if report["broken"] or report["first"]:
        sys.exit("the lab is not healthy: %s" % report["first"])
    times = [turn[0] / 1000 for turn in turns]
    slow = max((turn[1] for turn in turns), key=lambda one: one["took_ms"])
    most = {key: max(turn[2][key] for turn in turns) for key in turns[0][2]}
    result = {"schema": 1, "what": "doctor on a healthy lab", "rounds": rounds, "omega_build": "release",
              "min_s": round(min(times), 3), "median_s": round(statistics.median(times), 3), "requests": most,
              "slowest": {"what": slow["what"], "most_ms": slow["took_ms"]},
              "ratio_to_slowest": round(statistics.median(turn[0] / max(turn[1]["took_ms"], 1) for turn in turns), 2),
              "layers": collections.Counter(layer["state"] for layer in report["layers"]), "ratios": {}}
    result["goals"] = [figures.goal("doctor in the lab (median)", result["median_s"], "below", 3, "s")]
    lines = [f"{result['what']}; {rounds} rounds",
             f"min {result['min_s']:.2f} s, median {result['median_s']:.2f} s; requests to OpenStack {most['cloud']}, to Kubernetes "
             f"{most['kubernetes']}, executions {most['executions']} (the most, by its trace)",
             f"slowest single call {slow['took_ms'] / 1000:.2f} s: {slow['what']}; all of it took {result['ratio_to_slowest']} times its slowest call (median)",
             "layers: " + ", ".join(f"{count} {state}" for state, count in result["layers"].items())]
    figures.tell(result, lines, form)


main()
