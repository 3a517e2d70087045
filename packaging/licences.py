#!/usr/bin/env python3
"""Writes the notices and licence texts of the crates in the program, each text once with the crates it is of.

  packaging/licences.py TARGET OUT

A crate whose archive has no text is listed with the name of its licence.
"""

import re
import sys
from pathlib import Path

from components import components

TEXT = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def texts_of(crate):
    """Returns the texts in the root of the crate's archive, without differences of white space."""
    files = sorted(path for path in crate.directory.iterdir() if path.is_file() and TEXT.match(path.name))
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in files if path.suffix not in {".rs", ".json"})
    return ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in texts]


def main():
    target, out = sys.argv[1:]
    crates = [crate for _, crate in sorted(components(target).items()) if crate.sha256 and crate.linked]
    of_text = {}
    without = []
    for crate in crates:
        texts = texts_of(crate)
        for text in texts:
            of_text.setdefault(text, []).append(f"{crate.name} {crate.version}")
        if not texts:
            without.append(f"{crate.name} {crate.version}: {crate.licence}")
    parts = ["The program contains these crates, under these licences.\n"]
    parts += [f"{crate.name} {crate.version}: {crate.licence}\n" for crate in crates]
    if without:
        parts += ["\nWithout a text in their archives:\n"] + [f"{line}\n" for line in without]
    for text, names in of_text.items():
        parts.append(f"\n{'-' * 100}\n{', '.join(dict.fromkeys(names))}\n{'-' * 100}\n\n{text}\n")
    Path(out).write_text("".join(parts), encoding="utf-8")
    print(f"{len(crates)} crates, {len(of_text)} texts, {len(without)} crates without one", file=sys.stderr)


if __name__ == "__main__":
    main()
