"""The crates that the program is made of, for one target: name, version, licence, source, digest."""

import json
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = "omega-cli"


@dataclass
class Component:
    """One crate that is compiled for the program. `linked` is false for macros and what only they need: these run
    in the compiler."""

    name: str
    version: str
    licence: str
    description: str
    repository: str | None
    directory: Path
    sha256: str | None  # of its archive; the workspace's own crates have none
    linked: bool
    needs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def key(self):
        return (self.name, self.version)


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def components(target):
    """Returns them by name and version; of the checkout in the current directory, as Cargo.lock has them."""
    metadata = json.loads(output("cargo", "metadata", "--locked", "--format-version", "1"))
    packages = {(p["name"], p["version"]): p for p in metadata["packages"]}
    locked = tomllib.loads(Path("Cargo.lock").read_text())["package"]
    digests = {(p["name"], p["version"]): p.get("checksum") for p in locked}
    macros = {key for key, package in packages.items() if is_macro(package)}
    needs_of = edges(target)
    linked = reachable(needs_of, macros)
    found = {}
    for key, needs in needs_of.items():
        package = packages[key]
        found[key] = Component(
            name=key[0],
            version=key[1],
            licence=spdx(package["license"]),
            description=" ".join((package["description"] or "").split()),
            repository=package["repository"],
            directory=Path(package["manifest_path"]).parent,
            sha256=digests[key],
            linked=key in linked,
            needs=sorted(needs),
        )
    return found


def edges(target):
    """Returns what each crate needs, with the features that this program turns on (metadata has those of the
    whole workspace, its tests included)."""
    tree = output(
        "cargo", "tree", "--locked", "--package", PROGRAM, "--edges", "normal", "--target", target,
        "--prefix", "depth", "--no-dedupe", "--charset", "ascii", "--format", "\t{p}",
    )
    needs, path = {}, []
    for line in tree.splitlines():
        depth, package = line.split("\t")
        name, version = package.split()[:2]
        key = (name, version.removeprefix("v"))
        del path[int(depth):]
        needs.setdefault(key, set())
        if path:
            needs[path[-1]].add(key)
        path.append(key)
    return needs


def is_macro(package):
    return any("proc-macro" in of["kind"] for of in package["targets"])


def reachable(needs_of, macros):
    """Returns what the program reaches without a macro between."""
    found, rest = set(), [key for key in needs_of if key[0] == PROGRAM]
    while rest:
        key = rest.pop()
        if key not in found | macros:
            found.add(key)
            rest += needs_of[key]
    return found


def spdx(licence):
    """Returns the expression; `MIT/Apache-2.0` is how it was written before there were expressions."""
    return " OR ".join(part.strip() for part in licence.split("/")) if licence else "NOASSERTION"
