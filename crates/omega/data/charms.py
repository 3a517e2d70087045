#!/usr/bin/env python3
"""Write charms.json, the endpoints, bindings and options of the charms of a
Charmed OpenStack 2024.1 cloud, from the charms' own metadata.

    charms.py DIRECTORY > charms.json

DIRECTORY holds a clone of each repository in CHARMS and LAYERS, all branches,
in a folder with the name OWNER+NAME (bare or with a work tree). For all of them:

    charms.py --repositories | while read -r repository; do
      git clone --bare "https://github.com/$repository" "DIRECTORY/${repository/\\//+}"
    done

Sources: metadata.yaml and config.yaml of each charm, at the root or in src/. A
reactive charm (one with layer.yaml) is built from layers: theirs are merged
below the charm's as `charm build` merges them (juju/charm-tools
charmtools/build/tactics.py and builder.py), at the commits of the charm's
build.lock where it has one. Of `config: deletes` and `metadata: deletes` only
the highest layer's count. Interface layers add no endpoint and no option.

A branch is the one that supports Caracal; where a charm has one branch for
jammy and one for noble, what either has is in the table.
"""

import datetime
import json
import pathlib
import subprocess
import sys

import yaml

# Longer defaults are left out.
DEFAULT_LENGTH = 80

# charm: (repository, branches in order of precedence)
CHARMS = {}


def charms(branches, names, owner="openstack", complete=True):
    for name in names.split():
        CHARMS[name] = (f"{owner}/charm-{name}", branches, complete)


charms(
    ["stable/2024.1"],
    """aodh barbican barbican-vault ceilometer ceilometer-agent cinder cinder-backup
    cinder-backup-swift-proxy cinder-ceph cinder-lvm cinder-netapp cinder-purestorage
    cinder-solidfire designate designate-bind glance glance-simplestreams-sync gnocchi heat
    ironic-api ironic-conductor ironic-dashboard keystone keystone-kerberos keystone-ldap
    keystone-openidc keystone-saml-mellon magnum magnum-dashboard manila manila-dashboard
    manila-ganesha manila-generic manila-netapp masakari masakari-monitors neutron-api
    neutron-api-plugin-arista neutron-api-plugin-ironic neutron-api-plugin-ovn
    neutron-dynamic-routing neutron-gateway neutron-openvswitch nova-cell-controller
    nova-cloud-controller nova-compute nova-compute-nvidia-vgpu octavia octavia-dashboard
    octavia-diskimage-retrofit openstack-dashboard placement swift-proxy swift-storage watcher
    watcher-dashboard""",
)
charms(
    ["stable/squid-jammy"],
    """ceph-dashboard ceph-fs ceph-iscsi ceph-mon ceph-nfs ceph-osd ceph-proxy ceph-radosgw
    ceph-rbd-mirror""",
)
charms(["stable/jammy", "stable/noble"], "hacluster mysql-innodb-cluster mysql-router rabbitmq-server")
charms(["stable/jammy"], "openstack-loadbalancer pacemaker-remote")
charms(["stable/1.8"], "vault")
charms(["stable/24.03"], "ovn-central ovn-chassis ovn-dedicated-chassis", owner="canonical")
charms(["main"], "nrpe", owner="canonical")
CHARMS["easyrsa"] = ("charmed-kubernetes/layer-easyrsa", ["main"], True)
CHARMS["etcd"] = ("charmed-kubernetes/layer-etcd", ["main"], True)
# A copy of revision 39 (2020) as built, not the charm's own repository.
CHARMS["ntp"] = ("lampkicking/charm-ntp", ["HEAD"], False)

LAYERS = {
    "basic": "juju-solutions/layer-basic",
    "cdk-service-kicker": "charmed-kubernetes/layer-cdk-service-kicker",
    "ceph": "openstack/charm-layer-ceph",
    "cis-benchmark": "charmed-kubernetes/layer-cis-benchmark",
    "coordinator": "stub42/layer-coordinator",
    "debug": "juju-solutions/layer-debug",
    "leadership": "stub42/layer-leadership",
    "nagios": "charmed-kubernetes/layer-nagios",
    "openstack": "openstack/charm-layer-openstack",
    "openstack-api": "openstack/charm-layer-openstack-api",
    "openstack-principle": "openstack/charm-layer-openstack-principle",
    "options": "juju-solutions/layer-options",
    "ovn": "openstack-charmers/charm-layer-ovn",
    "snap": "charmed-kubernetes/layer-snap",
    "status": "juju-solutions/layer-status",
    "tls-client": "juju-solutions/layer-tls-client",
}


class Repository:
    """A git repository below the directory of sources."""

    def __init__(self, directory, name):
        self.name = name
        self.path = directory / name.replace("/", "+")

    def git(self, *arguments):
        done = subprocess.run(
            ["git", "-C", self.path, *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout if done.returncode == 0 else None

    def commit(self, revision):
        """The hash a branch, commit or HEAD names; None if it is not stored."""
        found = self.path.is_dir() and (
            self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
            or self.git("rev-parse", "--verify", "--quiet", f"origin/{revision}^{{commit}}")
        )
        return found.strip() if found else None

    def read(self, commit, path):
        """The text of a file, through symbolic links; None if there is none."""
        entry = self.git("ls-tree", commit, "--", path)
        if not entry:
            return None
        text = self.git("show", f"{commit}:{path}")
        if entry.startswith("120000"):
            folder, _, _ = path.rpartition("/")
            return self.read(commit, f"{folder}/{text}" if folder else text)
        return text


class Part:
    """What one layer or charm adds: metadata.yaml, config.yaml, layer.yaml."""

    def __init__(self, repository, commit):
        self.repository, self.commit = repository, commit
        self.root = "src/" if repository.read(commit, "src/metadata.yaml") else ""
        self.metadata, self.config, self.layer = (
            yaml.safe_load(self.text(f"{name}.yaml") or "{}") or {}
            for name in ("metadata", "config", "layer")
        )

    def text(self, name):
        return self.repository.read(self.commit, self.root + name)


def merge(below, above):
    """Merge two mappings as `charm build` does: the upper value wins."""
    for key, value in above.items():
        if below.get(key) and isinstance(value, dict):
            merge(below[key], value)
        else:
            below[key] = value
    return below


def delete(paths, mapping):
    for dotted in paths:
        *parents, last = dotted.split(".")
        inner = mapping
        for parent in parents:
            inner = inner.get(parent, {})
        inner.pop(last, None)


def layers(directory, part, locks, done):
    """The layers below a part, lowest first, and the names of those not found."""
    found, missing = [], []
    for include in part.layer.get("includes") or []:
        kind, _, name = include.partition(":")
        if kind != "layer" or name in done:
            continue
        done.add(name)
        repository = Repository(directory, LAYERS.get(name, name))
        locked = locks.get(name)
        commit = (locked and repository.commit(locked)) or repository.commit("HEAD")
        if not commit:
            missing.append(name)
            continue
        below = Part(repository, commit)
        lower, lost = layers(directory, below, locks, done)
        used = f"{name} {commit[:7]}"
        if locked and commit != locked:
            used += f" (locked {locked[:7]} not stored)"
        found += [*lower, (used, below)]
        missing += lost
    return found, missing


def options(config):
    table = {}
    for name, option in (config.get("options") or {}).items():
        table[name] = {"type": option.get("type", "string")}
        default = option.get("default")
        if default is not None and len(str(default)) <= DEFAULT_LENGTH:
            table[name]["default"] = default
    return table


def build(directory, repository, branch, complete):
    """One charm as a branch has it, built from its layers."""
    commit = repository.commit(branch)
    if not commit:
        raise SystemExit(f"{repository.name}: no branch {branch}; clone the repository again")
    top = Part(repository, commit)
    locks = {
        lock["item"].removeprefix("layer:"): lock["commit"]
        for lock in json.loads(top.text("build.lock") or "{}").get("locks", [])
        if lock["type"] == "layer" and lock["url"]
    }
    # A built charm carries the layers' files: nothing is left to merge.
    built = top.text(".build.manifest") is not None
    below, missing = ([], []) if built else layers(directory, top, locks, set())
    parts = [part for _, part in below] + [top]
    metadata, config, edits = {}, {}, {}
    for part in parts:
        merge(metadata, part.metadata)
        merge(config, part.config)
        edits.update({key: part.layer[key] for key in ("config", "metadata") if key in part.layer})
    delete((edits.get("config") or {}).get("deletes") or [], config.get("options", {}))
    delete((edits.get("metadata") or {}).get("deletes") or [], metadata)
    day = repository.git("log", "-1", "--format=%cs", commit).strip()
    source = f"{repository.name}, {branch} {commit[:12]} ({day}), {top.root}metadata.yaml"
    source += f", {top.root}config.yaml" if top.config else ""
    used = [name for name, part in below if part.metadata or part.config]
    source += f"; layers {', '.join(used)}" if used else ""
    source += f"; layers not found: {', '.join(missing)}" if missing else ""
    return {
        "source": source,
        "complete": complete and not missing,
        "subordinate": metadata.get("subordinate") in (True, "true"),
        **{
            role: {name: value["interface"] for name, value in (metadata.get(role) or {}).items()}
            for role in ("provides", "requires", "peers")
        },
        "bindings": sorted(metadata.get("extra-bindings") or {}),
        "options": options(config),
    }


def unite(first, second):
    """What either branch has; the first branch's values where both have one."""
    if first["subordinate"] != second["subordinate"]:
        raise SystemExit(f"subordinate in one branch only: {first['source']}")
    for key in ("provides", "requires", "peers", "options"):
        first[key] = {**second[key], **first[key]}
    first["bindings"] = sorted({*first["bindings"], *second["bindings"]})
    first["complete"] = first["complete"] and second["complete"]
    first["source"] += f"; and {second['source']}"
    return first


def lines(table):
    """JSON with sorted keys: a line for each field of a charm and each option."""

    def compact(value):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)

    def block(mapping, indent, inner):
        rows = ",\n".join(f"{indent}{compact(key)}: {inner(key, mapping[key])}" for key in sorted(mapping))
        return f"{{\n{rows}\n{indent[:-1]}}}"

    def field(key, value):
        nested = key == "options" and value
        return block(value, "    ", lambda _, option: compact(option)) if nested else compact(value)

    def charm(_, value):
        return block(value, "   ", field)

    return block(table, " ", lambda key, value: block(value, "  ", charm) if key == "charms" else compact(value))


def main():
    if sys.argv[1:] == ["--repositories"]:
        print("\n".join(sorted({repository for repository, _, _ in CHARMS.values()} | {*LAYERS.values()})))
        return
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    directory = pathlib.Path(sys.argv[1])
    table = {}
    for name, (repository, branches, complete) in CHARMS.items():
        entry, *others = (
            build(directory, Repository(directory, repository), branch, complete) for branch in branches
        )
        for other in others:
            entry = unite(entry, other)
        table[name] = entry
    read = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    print(lines({"schema": 1, "read": read, "charms": table}))


if __name__ == "__main__":
    main()
