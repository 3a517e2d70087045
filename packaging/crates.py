#!/usr/bin/env python3
"""Checks that each crate has what it needs to be published: packaging/crates.py METADATA, of `cargo metadata --no-deps`."""

import json
import re
import sys
from pathlib import Path

NEEDED = ("description", "license", "readme", "keywords", "categories", "rust_version")
NOT_SHIPPED = {"omega-tests"}
OUTSIDE = re.compile(r'include(?:_str|_bytes)?!\(\s*"((?:\.\./)+[^"]*)"')


def problems(crate):
    missing = [name for name in NEEDED if not crate[name]]
    if missing:
        yield f"has no {', '.join(missing)}"
    if len(crate["keywords"]) > 5 or any(len(word) > 20 for word in crate["keywords"]):
        yield "has more than 5 keywords, or one of more than 20 characters"
    for need in crate["dependencies"]:
        if need.get("path") and need["kind"] != "dev" and need["req"] == "*":
            yield f"needs {need['name']} by its path alone, without a version"
    root = Path(crate["manifest_path"]).parent
    for source in (root / "src").rglob("*.rs"):
        for path in OUTSIDE.findall(source.read_text()):
            if not (source.parent / path).resolve().is_relative_to(root) and not is_test(source, path):
                yield f"{source.relative_to(root)} includes {path}, which its package does not have"


def is_test(source, path):
    """Whether only tests include it: they are not run from a package."""
    text = source.read_text()
    return source.stem.endswith("tests") or text.find("#[cfg(test)]") in range(text.find(path))


def main():
    crates = [crate for crate in json.loads(Path(sys.argv[1]).read_text())["packages"] if crate["name"] not in NOT_SHIPPED]
    found = [f"{crate['name']} {problem}" for crate in crates for problem in problems(crate)]
    if found:
        sys.exit("\n".join(found))
    without = "" if all(crate["repository"] for crate in crates) else "; none names a repository: who publishes them knows it"
    print(f"{len(crates)} crates{without}")


if __name__ == "__main__":
    main()
