"""The targets and ratios of several results in one table.

    summary.py [--json] FILE...      each named after its benchmark: sg-rule.json; --json: all results as one object
"""
import json
import pathlib
import sys

import figures


def main():
    files = [pathlib.Path(name) for name in sys.argv[1:] if name != "--json"]
    results = {file.stem: json.loads(file.read_text()) for file in files}
    if "--json" in sys.argv:
        print(json.dumps({"schema": 1, "what": "all", "results": results}))
        return
    rows = [(name, goal["what"], figures.amount(goal["found"], goal["unit"]), figures.verdict(goal))
            for name, result in results.items() for goal in result["goals"]]
    rows += [(name, "omega against " + other, f"{ratio:g} times", "") for name, result in results.items() for other, ratio in result["ratios"].items()]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    print("\nall targets and ratios; a ratio is the other's time in omega's")
    for row in rows:
        print("  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3]]).rstrip())


main()
