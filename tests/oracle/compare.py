"""Compares what the driver did with what was predicted: compare.py WORK DRIVER...

Reads in WORK: cases, answers.DRIVER, coverage.DRIVER.json, predictions, the names of the rules that
were planted wrong, and what was planted: the predictions that differ then. Fails unless all cases agree, every branch of the health code was
taken, every planted rule is noticed, and no cluster is called healthy against Magnum's word.
"""
import collections
import json
import sys

# The functions that decide what the driver says of a cluster's health, and where they are.
HEALTH = {
    "common/capi_monitor.py": [
        "CAPIMonitor.__init__", "CAPIMonitor._k8s_client", "CAPIMonitor.poll_health_status",
        "CAPIMonitor._poll_cluster", "CAPIMonitor._poll_infra", "CAPIMonitor._poll_controlplane",
        "CAPIMonitor._poll_nodegroups"],
    "kubernetes.py": [
        "Client.load", "Client._load_kubeconfig", "Client.get_capi_cluster",
        "Client.get_capi_openstackcluster", "Client.get_machine_deployment", "Resource.__init__",
        "Resource.prepare_path", "Resource.fetch"],
    "driver_utils.py": [
        "cluster_namespace", "sanitized_name", "chart_release_name", "get_k8s_resource_name"],
    "driver.py": ["Driver.get_monitor"],
}
RENAMED = {"1.3.0": "Client.get_kubeadm_control_plane", "1.4.0": "Client.get_k8s_control_plane"}


# Why the driver's word, or what Magnum kept of it, is not what is true.
WHY = {
    "unserved_version": "a 404 of a version that is not served is no missing object",
    "polarity_misread": "a condition that is False when all is well, or a field of another version",
    "rolling_out": "machines are being replaced, which the driver takes for a fault",
    "management_unreachable": "the poll failed, and the record stays as it was",
    "credential_refused": "the poll was refused, and the record stays as it was; or Keystone's word",
    "unclear": "no status, or a condition that nobody has heard of: what is there does not tell",
    "missing": "an object is not there, and the record is from before",
    "paused": "nobody looks after it, and its conditions are as old as the pause",
    "infrastructure": "the driver looks at status.ready only, or its poll failed elsewhere",
    "load_balancer": "the driver does not look at it",
    "control_plane": "its conditions of the other contract, or the poll failed elsewhere",
    "workers": "its conditions of the other contract, or the poll failed elsewhere",
    "outdated": "Magnum does not poll it in this status",
    "never_polled": "Magnum does not poll it in this status",
    "deleting": "it is going away",
    "healthy": "MUST NOT BE: nothing explains what Magnum says",
}


def lines(path):
    with open(path) as f:
        return {(value := json.loads(line))["id"]: value for line in f}


def uncovered(report, driver):
    with open(report) as f:
        files = json.load(f)["files"]
    for file, functions in HEALTH.items():
        found = [data for name, data in files.items() if name.endswith("/magnum_capi_helm/" + file)]
        regions = found[0]["functions"] if len(found) == 1 else {}
        for name in functions + [RENAMED[driver]] * (file == "kubernetes.py"):
            if name not in regions or not regions[name]["executed_lines"]:
                yield f"{file} {name}: not run"
            else:
                region = regions[name]
                for line in region["missing_lines"]:
                    yield f"{file}:{line} {name}: line not run"
                for start, end in region["missing_branches"]:
                    yield f"{file}:{start} {name}: branch to {end} not taken"


def agrees(did, said):
    """Whether the driver did as was predicted. Why it could not be imported is its own words."""
    if not did["imported"]:
        return said["imported"] is False
    return all(did[key] == said.get(key) for key in did)


def truth(said):
    """What omega makes of it: well, not well or not known, and the lowest cause."""
    below = [one for one in said["matter"] if one["below_driver"]]
    faults = [one for one in below if one["fault"]]
    unclear = [one for one in said["matter"] if one["cause"] == "unclear"]
    known = "not well" if faults else "not known" if unclear else "well"
    reading = [one for one in said["matter"] if one["fault"]]
    return known, (faults or unclear or reading or said["matter"])[0]


def differences(did, said):
    """Prints where what Magnum has on record is not what omega takes for true, and why."""
    table = collections.defaultdict(list)
    for id, one in did.items():
        word = one["health_status"] if one["imported"] else None
        if word not in ("HEALTHY", "UNHEALTHY") or not said[id]["matter"]:
            continue
        known, cause = truth(said[id])
        if known != {"HEALTHY": "well", "UNHEALTHY": "not well"}[word]:
            table[(word, one["saved"], known, cause["cause"])].append((id, cause["findings"][0]["summary"]))
    print(f"\nWhere something else is true ({sum(map(len, table.values()))} cases):")
    for (word, saved, known, cause), found in sorted(table.items(), key=lambda i: -len(i[1])):
        record = f"{'says' if saved else 'still says'} {word}"
        print(f"{len(found):4} Magnum {record}, the cluster is {known} ({cause}): {WHY[cause]}",
              "     case {}: {}".format(*found[0]), sep="\n")
    print()
    return sum(len(found) for row, found in table.items() if row[-1] == "healthy")


def show(case, did, said):
    about = {key: value for key, value in case.items() if key != "api"}
    print(f"case {case['id']} disagrees: {json.dumps(about)}")
    for path in did.get("asked", []):
        answer = case["api"].get(path, "not served")
        print(f"  GET {path}\n    {json.dumps(answer)[:400]}")
    for key in did:
        if did[key] != said.get(key):
            print(f"  {key}: did {json.dumps(did[key])}, said {json.dumps(said.get(key))}")


def outcome(did):
    if not did["imported"]:
        return "not imported"
    if did["raised"]:
        return "raised, record kept"
    return did["health_status"] if did["saved"] else "not polled"


def main(work, *drivers):
    cases, did, bad = lines(f"{work}/cases"), {}, 0
    for driver in drivers:
        answers = lines(f"{work}/answers.{driver}")
        did.update(answers)
        tally = collections.Counter(outcome(one) for one in answers.values())
        print(f"driver {driver}: {len(answers)} cases: " +
              ", ".join(f"{count} {name}" for name, count in sorted(tally.items())))
        missing = list(uncovered(f"{work}/coverage.{driver}.json", driver))
        print(f"driver {driver}: " + ("every branch of its health code was taken" if not missing
                                      else f"{len(missing)} not covered"), *missing, sep="\n  ")
        bad += len(missing)
    assert did.keys() == cases.keys(), "the driver did not answer all cases"

    said = lines(f"{work}/predictions")
    wrong = [id for id in cases if not agrees(did[id], said.get(id, {"imported": None}))]
    for id in wrong[:5]:
        show(cases[id], did[id], said.get(id, {}))

    unexplained = differences(did, said)
    with open(f"{work}/rules") as f:
        rules = f.read().splitlines()
    noticed = set()
    with open(f"{work}/planted") as f:
        for planted in map(json.loads, f):
            if not agrees(did[planted["prediction"]["id"]], planted["prediction"]):
                noticed.add(planted["rule"])
    for rule in sorted(set(rules) - noticed):
        print(f"planted and not noticed: {rule}")
    print(f"{len(rules)} planted rules, {len(noticed)} noticed")
    print(f"{len(cases)} cases, {len(cases) - len(wrong)} agree")
    unnoticed = not rules or set(rules) != noticed
    sys.exit(bool(wrong or bad or unexplained or unnoticed))


main(*sys.argv[1:])
