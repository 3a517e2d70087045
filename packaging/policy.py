#!/usr/bin/env python3
"""Checks licences, banned crates and sources against deny.toml, in seconds: for CI, where cargo-deny is not installed.
Advisories, yanked crates and duplicates are cargo-deny's.

  cargo metadata --locked --all-features --format-version 1 | packaging/policy.py
"""

import json
import re
import sys
import tomllib
from pathlib import Path

TOKEN = re.compile(r"\(|\)|[^\s()/]+|/")


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be met: AND binds more tightly than OR; `/` is an old OR."""
    tokens = TOKEN.findall(expression)

    def any_of():
        met = all_of()
        while tokens and tokens[0] in ("OR", "/"):
            tokens.pop(0)
            met = all_of() or met
        return met

    def all_of():
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one():
        name = tokens.pop(0)
        if name == "(":
            met = any_of()
            tokens.pop(0)
            return met
        if tokens and tokens[0] == "WITH":
            name = " ".join([name, tokens.pop(0), tokens.pop(0)])
        return name in allowed

    return any_of()


def problems(packages, policy):
    licences = policy["licenses"]
    exceptions = {one["crate"]: set(one["allow"]) for one in licences["exceptions"]}
    banned = {one["crate"] for one in policy["bans"]["deny"]}
    names = {package["name"] for package in packages}
    for package in packages:
        allowed = {*licences["allow"], *exceptions.get(package["name"], ())}
        if not is_allowed(package["license"] or "NONE", allowed):
            yield f"{package['name']}: the licence {package['license']} is not allowed"
        if package["name"] in banned:
            yield f"{package['name']} is banned"
        if package["source"] and not package["source"].startswith("registry+"):
            yield f"{package['name']} is from {package['source']}"
    for name in sorted(exceptions.keys() - names):
        yield f"deny.toml has an exception for {name}, which nothing needs"


def main():
    assert is_allowed("(MIT OR X) AND BSD-3-Clause", {"MIT", "BSD-3-Clause"}) and not is_allowed("MIT AND X OR Y", {"MIT"})
    packages = json.load(sys.stdin)["packages"]
    found = list(problems(packages, tomllib.loads(Path("deny.toml").read_text())))
    if found:
        sys.exit("\n".join(found))
    print(f"{len(packages)} crates have licences and sources that deny.toml allows")


if __name__ == "__main__":
    main()
