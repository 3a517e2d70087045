#!/usr/bin/env python3
"""Prints CHANGELOG.md as Debian's changelog.

  packaging/changelog.py PACKAGE VERSION MAINTAINER < CHANGELOG.md

A heading `## Unreleased` is VERSION, at SOURCE_DATE_EPOCH; `## 1.2.3 - 2026-12-31` is that version at that date.
"""

import os
import re
import sys
import textwrap
from datetime import datetime, timezone

DATED = re.compile(r"^## (\S+) - (\d{4}-\d\d-\d\d)$")


def releases(lines, version, now):
    """Yields version, time and the lines of each release."""
    current = None
    for line in lines:
        if line.startswith("## "):
            if current:
                yield current
            dated = DATED.match(line)
            if dated:
                current = (dated[1], datetime.fromisoformat(dated[2]).replace(tzinfo=timezone.utc), [])
            elif line.strip() == "## Unreleased":
                current = (version, now, [])
            else:
                sys.exit(f"error: CHANGELOG.md: {line.strip()!r} is neither `## Unreleased` nor `## VERSION - DATE`")
        elif current:
            current[2].append(line)
    if current:
        yield current


def items(lines):
    """Yields one text for each item, heading and paragraph, joined from its lines."""
    text = []
    for line in [*lines, ""]:
        begins = line.startswith(("* ", "#")) or not line.strip()
        if begins and text:
            yield " ".join(text)
            text = []
        if line.strip():
            text.append(line.strip())


def entry(package, version, time, lines, maintainer):
    yield f"{package} ({version}) unstable; urgency=medium\n\n"
    for item in items(lines):
        if item.startswith("#"):
            yield f"  [ {item.lstrip('# ')} ]\n"
        else:
            wrapped = textwrap.wrap(item.removeprefix("* "), 76, break_long_words=False, break_on_hyphens=False)
            yield "  * " + "\n    ".join(wrapped) + "\n"
    yield f"\n -- {maintainer}  {time.strftime('%a, %d %b %Y %H:%M:%S +0000')}\n\n"


def main():
    package, version, maintainer = sys.argv[1:]
    now = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    for of, time, lines in releases(sys.stdin.readlines(), version, now):
        sys.stdout.writelines(entry(package, of, time, lines, maintainer))


if __name__ == "__main__":
    main()
