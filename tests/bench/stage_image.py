"""Stages one file in Glance, in turn: by omega, by sha512sum and the standard client, and by curl without a check; and hashes it.

    stage_image.py FILE OMEGA OPENSTACK ROUNDS [--json]      in a directory with omega.toml and clouds.yaml

Prints wall time until Glance has all bytes (by glance-api's log), until the image is active, CPU time and peak memory of the
client, and ratios with their targets. A release build that needs 64 MiB or more ends it with 1: that is a fact, where a time depends
on the machine. Environment: GLANCE (its URL), TOKEN (a file), GLANCE_LOG (glance-api.log), DIGEST (sha512 of FILE).
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid

import figures

path, omega, openstack, rounds = sys.argv[1:4] + [int(sys.argv[4])]
glance, log = os.environ["GLANCE"], pathlib.Path(os.environ["GLANCE_LOG"])
size = os.path.getsize(path)
PLAIN = dict(PATH="/usr/bin:/bin", HOME=os.getcwd() + "/home", OS_CLIENT_CONFIG_FILE=os.getcwd() + "/clouds.yaml", NO_COLOR="1")


def api(method, url, body=None):
    request = urllib.request.Request(glance + url, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("X-Auth-Token", pathlib.Path(os.environ["TOKEN"]).read_text().strip())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def run(*argvs):
    """Runs programs one after the other: CPU seconds of all, peak memory of the largest in MiB."""
    cpu, peak = 0.0, 0
    for argv in argvs:
        child = subprocess.Popen(argv, env=PLAIN, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        error = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit("%s: %s" % (argv[0], error.decode()[-2000:]))
        cpu, peak = cpu + used.ru_utime + used.ru_stime, max(peak, used.ru_maxrss / 1024)
    return cpu, peak


def staged_at(offset):
    """When glance-api had answered the PUT .../stage that it logged after `offset`."""
    for _ in range(50):
        with log.open() as file:
            file.seek(offset)
            found = re.findall(r'^(\S+ \S+) .*"PUT /v2/images/\S+/stage HTTP/1.1" 204', file.read(), re.M)
        if found:
            return time.mktime(time.strptime(found[-1][:19], "%Y-%m-%d %H:%M:%S")) + float(found[-1][19:])
        time.sleep(0.1)
    sys.exit("glance-api logged no PUT .../stage")


def turn(name, *argvs, imports=True):
    offset, began = log.stat().st_size, time.time()
    cpu, peak = run(*argvs)
    staged = staged_at(offset) - began
    image = api("GET", "/v2/images?name=" + name)["images"][0]
    while imports and image["status"] != "active":
        time.sleep(0.2)
        image = api("GET", "/v2/images/" + image["id"])
    active = time.time() - began
    api("DELETE", "/v2/images/" + image["id"])
    return {"staged_s": staged, "import_s": active - staged if imports else None, "cpu_s": cpu, "peak_mib": peak}


def by_curl(name):
    image = str(uuid.uuid4())
    api("POST", "/v2/images", {"id": image, "name": name, "disk_format": "qcow2", "container_format": "bare"})
    return turn(name, ["curl", "-sSf", "-H", "@header", "-H", "Content-Type: application/octet-stream", "-T", path,
                       "%s/v2/images/%s/stage" % (glance, image)], imports=False)


def hashed():
    began = time.time()
    cpu, peak = run(["sha512sum", path])
    return {"staged_s": time.time() - began, "import_s": None, "cpu_s": cpu, "peak_mib": peak}


stage = [omega, "stage-image", "--yes", "--file", path, "--sha512", os.environ["DIGEST"], "--kubernetes-version", "v1.34.8", "--name"]
create = [openstack, "--os-cloud", "plain", "--os-project-name", "capi-mgmt", "--os-project-domain-name", "capi", "image", "create",
          "--file", path, "--import", "--container-format", "bare", "--disk-format", "qcow2", "--property", "os_distro=ubuntu",
          "--property", "kube_version=v1.34.8"]
ways = {
    "omega": lambda: turn("bench-omega", stage + ["bench-omega"]),
    "client": lambda: turn("bench-client", ["sha512sum", path], create + ["bench-client"]),
    "curl": lambda: by_curl("bench-curl"),
    "hash": hashed,
}
taken = {name: [] for name in ways}
for each in range(rounds + 1):
    for name, way in ways.items():
        one = way()
        if each:  # the first is not counted: byte code, page cache, tokens
            taken[name].append(one)


def median(name, key):
    values = [one[key] for one in taken[name]]
    return None if None in values else round(statistics.median(values), 2)


# omega must not be slower than the pair, stay near the slower of what it does at once, and need no more memory for more bytes
TARGETS = {"ratio_to_client": 1.0, "ratio_to_slower_of_hash_and_wire": 0.9, "peak_mib": 64}
result = {"schema": 1, "what": "stage an image of %d MiB" % (size >> 20), "rounds": rounds, "omega_build": "release"}
result |= {name: {key: median(name, key) for key in ("staged_s", "import_s", "cpu_s", "peak_mib")} for name in ways}
slower = max(result["hash"]["staged_s"], result["curl"]["staged_s"])
result["ratio_to_client"] = round(result["client"]["staged_s"] / result["omega"]["staged_s"], 2)
result["ratio_to_slower_of_hash_and_wire"] = round(slower / result["omega"]["staged_s"], 2)
result["targets"] = TARGETS
peak = max(one["peak_mib"] for one in taken["omega"])      # the median would hide one
result["omega"]["most_mib"] = round(peak, 2)
result["ratios"] = {"sha512sum and the standard client": result["ratio_to_client"]}
result["goals"] = [figures.goal(what, found, bound, TARGETS[key], unit) for key, what, found, bound, unit in (
    ("ratio_to_client", "times as fast as sha512sum and the standard client after it", result["ratio_to_client"], "at least", ""),
    ("ratio_to_slower_of_hash_and_wire", "of the rate of the slower of hash and wire (curl -T without a check)",
     result["ratio_to_slower_of_hash_and_wire"], "at least", ""),
    ("peak_mib", "the most memory that omega needed", peak, "below", "MiB"))]
lines = [f"{result['what']}; medians of {rounds}", f"{'':8}{'staged':>9}{'MiB/s':>8}{'import':>9}{'CPU':>8}{'peak':>10}"]
for name in ways:
    one = result[name]
    imported = "" if one["import_s"] is None else f"{one['import_s']:.2f}s"
    lines.append(f"{name:8}{one['staged_s']:8.2f}s{(size >> 20) / one['staged_s']:8.0f}{imported:>9}{one['cpu_s']:7.2f}s{one['peak_mib']:7.0f} MiB")
lines.append("Staged: until Glance has answered, by its log. CPU and peak: of the client.")
figures.tell(result, lines, "".join(sys.argv[5:]))
if peak >= TARGETS["peak_mib"]:
    sys.exit("omega needed %.0f MiB of memory; it must need less than %d for an image of any size" % (peak, TARGETS["peak_mib"]))
