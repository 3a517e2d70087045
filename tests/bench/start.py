"""How long a program takes to start, beside /bin/true, in turn.

start.py PROGRAM RUNS [--json]: the median of RUNS each. The target is 5 ms above /bin/true.
"""

import os
import statistics
import sys
import tempfile
import time

import figures

TARGET_MS = 5.0


def took(words, home):
    """Milliseconds from the start of a program to its end; what it prints goes nowhere."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": home}
    quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    begin = time.perf_counter()
    _, status = os.waitpid(os.posix_spawn(words[0], words, environment, file_actions=quiet), 0)
    elapsed = (time.perf_counter() - begin) * 1000
    if status != 0:
        sys.exit(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return elapsed


def main():
    program, runs = sys.argv[1], int(sys.argv[2])
    # --version parses and prints; runs also reads the environment, starts the runtime and looks into the home.
    every = {"/bin/true": ["/bin/true"], "--version": [program, "--version"], "runs": [program, "runs"]}
    found = {name: [] for name in every}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(runs + 3):
            for name, words in every.items():
                elapsed = took(words, home)
                if turn >= 3:  # the first fill the page cache
                    found[name].append(elapsed)
    medians = {name: statistics.median(times) for name, times in found.items()}
    above = {name: round(median - medians["/bin/true"], 2) for name, median in medians.items()}
    del above["/bin/true"]
    result = {"schema": 1, "what": "start", "runs": runs, "medians_ms": medians, "above_true_ms": above, "ratios": {}}
    result["goals"] = [figures.goal(f"omega-cli {name}, above /bin/true (median)", more, "at most", TARGET_MS, "ms") for name, more in above.items()]
    lines = [f"{name:12}median {medians[name]:6.2f} ms, min {min(times):6.2f} ms" for name, times in found.items()]
    figures.tell(result, lines, "".join(sys.argv[3:]))


main()
