"""Writes crates/omega-capi/data/azimuth-images.json: the versions of Kubernetes of each release of azimuth-images.

Run it in a clone of https://github.com/azimuth-cloud/azimuth-images: .github/builds.yaml at each tag names the builds
and their files of variables (vars/base/*.json), which have kubernetes_semver.
"""
import json, re, subprocess
from itertools import chain


def git(*args):
    return subprocess.run(["git", *args], capture_output=True, text=True, check=True).stdout


def versions(tag):
    names = git("ls-tree", "-r", "--name-only", tag).split()
    builds = git("show", f"{tag}:.github/builds.yaml") if ".github/builds.yaml" in names else ""
    files = set(re.findall(r"kubernetes_1_\d+", builds))
    found = set()
    for file in files:
        path = f"vars/base/{file}.json"
        if path in names:
            found.add(json.loads(git("show", f"{tag}:{path}"))["kubernetes_semver"])
    return sorted(found, key=lambda one: [int(part) for part in one.lstrip("v").split(".")])


tags = [tag for tag in git("tag").split() if re.fullmatch(r"\d+\.\d+\.\d+", tag)]
tags.sort(key=lambda tag: [int(part) for part in tag.split(".")])
rows = [f'"{tag}": {json.dumps(versions(tag))}' for tag in tags if versions(tag)]
print("{\n" + ",\n".join(rows) + "\n}")
