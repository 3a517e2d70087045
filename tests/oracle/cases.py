"""Writes cases, one JSON object a line: cases.py SEED COUNT DRIVER...

A case is a cluster as Magnum has it, the driver's options, and what the management cluster answers
at each path. The paths are written out here and not taken from anybody. First comes what every run
must have (each branch, each rule), then what the seed makes of served versions, conditions, missing
objects and shapes of status.
"""
import copy
import itertools
import json
import random
import sys

CORE, INFRA = "cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io"
CONTROL = "controlplane.cluster.x-k8s.io"
KINDS = {  # group, plural, suffix of the name
    "cluster": (CORE, "clusters", ""),
    "infra": (INFRA, "openstackclusters", ""),
    "control": (CONTROL, "kubeadmcontrolplanes", "-control-plane"),
    "workers": (CORE, "machinedeployments", "-default-worker"),
    "gpu": (CORE, "machinedeployments", "-gpu-nodes"),
}
CORES = [["v1beta1"], ["v1beta1", "v1beta2"], ["v1beta2"], []]
INFRAS = [["v1alpha6", "v1alpha7", "v1beta1"], ["v1alpha7", "v1beta1"], ["v1beta1"],
          ["v1beta1", "v1beta2"], ["v1beta2"], []]
# Conditions of Cluster API 1.13: those of v1beta1, all True when well, and those of v1beta2, of
# which the second list is False when well.
OLD = {
    "cluster": ["Ready", "InfrastructureReady", "ControlPlaneInitialized", "ControlPlaneReady"],
    "control": ["Ready", "CertificatesAvailable", "Available", "MachinesReady", "Resized",
                "EtcdClusterHealthy", "ControlPlaneComponentsHealthy", "MachinesSpecUpToDate"],
    "workers": ["Ready", "Available", "MachineSetReady"],
    "infra": ["Ready", "NetworkReady", "RouterReady", "APIEndpointReady"],
}
NEW = {
    "cluster": ["Available", "InfrastructureReady", "ControlPlaneInitialized",
                "ControlPlaneAvailable", "WorkersAvailable", "RemoteConnectionProbe"],
    "control": ["Available", "Initialized", "EtcdClusterHealthy", "MachinesReady"],
    "workers": ["Available", "MachinesReady", "MachinesUpToDate"],
    "infra": ["Ready"],
}
NEGATIVE = ["RollingOut", "Remediating", "ScalingUp", "ScalingDown", "Deleting", "Paused"]
for table in (OLD, NEW):
    table["gpu"] = table["workers"]

OPTIONS = [  # api_resources
    '{}',
    '{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}',
    '{"K8sControlPlane": {"api_version": "controlplane.cluster.x-k8s.io/v1beta2"}}',
    '{"K8sControlPlane": {"plural_name": "kamajicontrolplanes"}}',
    '{"OpenstackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1alpha7"}}',
    '{"OpenstackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta2"}}',
    '{"MachineDeployment": {"api_version": "cluster.x-k8s.io/v1beta2"}}',
    '{"Cluster": {"plural_name": "ignored"}, "OpenStackCluster": {"api_version": "ignored/v1"}}',
    '{"Cluster": {"api_version": "v1"}, "Machine": {"api_version": "cluster.x-k8s.io/v1beta2"}}',
    "'{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta2\"}}'",
    # What the driver passes over, of whatever kind it is.
    '{"KubeadmControlPlane": "text", "cluster": null, "OpenStackCluster": [1]}',
    '{"Cluster": {"plural_name": null, "other": 1}, "Zebra": {"api_version": 7}}',
    '{"Cluster": {"api_version": "a/v1"}, "Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"}}',
    '"{}"',
]
BROKEN_OPTIONS = ['', '{"Cluster": {},}', '[]', '{"Cluster": "cluster.x-k8s.io/v1beta2"}', '7', 'null', '"\'{}\'"',
                  '{"HelmChartProxy": null}', "{'Cluster': {}}"]
UNPOLLED = ["CREATE_IN_PROGRESS", "CREATE_FAILED", "UPDATE_FAILED", "DELETE_IN_PROGRESS",
            "DELETE_FAILED", "ROLLBACK_COMPLETE", "RESUME_COMPLETE"]
POLLED = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"]

READY = {part: "Ready" for part in ("cluster", "infrastructure", "controlplane", "nodegroup")}
BEFORE = [(None, None), ("HEALTHY", READY), ("UNHEALTHY", {**READY, "cluster": "Waiting on ['X']"}),
          ("UNKNOWN", {"api": "from another driver"})]

STATUSES = [None, [], "text", 5, 0, False, True, {}]
CONDITIONS = [None, {}, {"Ready": "True"}, "", "text", 3, 0, False, [None], ["Ready"], [[]], [{}],
              [{"type": "Ready", "status": True}], [{"type": "Ready", "status": "true"}],
              [{"type": "Ready", "status": "True "}], [{"status": "False"}],
              [{"type": None, "status": "False"}], [{"type": 7}], [{"type": 1.5}],
              [{"type": ["A", {"b": None}], "status": "False"}], [{"type": ""}],
              [{"type": "it's", "status": "False"}], [{"type": 'say "no"'}],
              [{"type": "it's \"so\""}], [{"type": "Zu\u0308rich\u200b\t\\"}],
              [{"type": "FrobnicationQuiesced", "status": "False"}],
              [{"type": "Ready", "status": "True", "severity": "Error", "reason": "Odd"}],
              [{"type": "A", "status": "Unknown"}, {"type": "A", "status": "False"}]]
TIMES = ["2126-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", 0, None]
FAILURES = [("CreateError", "no quota"), ("CreateError", None), ("", "no reason"), (None, None),
            (True, 7), (0, "zero"), (["A"], {"b": "c"}), ({}, "empty"), ("A:B", "it's\nso")]
READIES = [None, False, "False", "", 0, 1, [], {"a": 1}]
BODIES = ["", "null", "{}", "[]", "0", '""', "false", "[1]", '"text"', "7", "true", "{", "<html>",
          '{"kind": "Status", "status": "Failure", "code": 404}', '{"items": []}']
CODES = [201, 204, 304, 400, 401, 403, 404, 409, 410, 418, 429, 500, 502, 503, 504, 599, 600]


def conditions(kinds, bad):
    return [{"type": kind, "status": bad.get(kind, "True"), "lastTransitionTime":
             "2026-11-21T10:00:00Z"} for kind in kinds]


def new_conditions(part, bad):
    negative = {kind: bad.get(kind, "False") for kind in NEGATIVE}
    return conditions(NEW[part] + NEGATIVE, {**bad, **negative})


def status(part, version, bad, ready=True):
    old, new = conditions(OLD[part], bad), new_conditions(part, bad)
    if part == "infra":
        if version == "v1beta2":
            return {"initialization": {"provisioned": ready}, "conditions": new}
        return {"ready": ready, **({} if "alpha" in version else {"conditions": old})}
    if version == "v1beta2":
        return {"conditions": new, "deprecated": {"v1beta1": {"conditions": old}}}
    return {"conditions": old, "v1beta2": {"conditions": new}}


class World:
    """A cluster that is well, until something is done to it."""

    def __init__(self, driver, stack="c1-abcdefghijkl", project="0123456789abcdef0123456789abcdef",
                 prefix="magnum"):
        self.stack, self.prefix, self.core, self.infra = stack, prefix, CORES[1], INFRAS[2]
        self.namespace = f"{prefix}-{project}"
        self.bad = {part: {} for part in KINDS}
        self.ready, self.missing, self.changes, self.options = True, set(), {}, None
        self.groups = [("default-master", "master"), ("default-worker", "worker"),
                       ("gpu_nodes", "gpu")]
        self.driver, self.project, self.status, self.before = driver, project, POLLED[0], BEFORE[1]
        self.stack_id = stack

    def path(self, part, version, plural=None):
        group, known, suffix = KINDS[part]
        plural = plural or known
        return f"/apis/{group}/{version}/namespaces/{self.namespace}/{plural}/{self.stack}{suffix}"

    def read_path(self, part):
        """Where the driver looks without options."""
        old = part == "infra" and self.driver == "1.3.0"
        return self.path(part, "v1alpha6" if old else "v1beta1")

    def object(self, part, version):
        group, _, suffix = KINDS[part]
        return {"apiVersion": f"{group}/{version}", "kind": part, "metadata": {
            "name": self.stack + suffix, "generation": 2}, "spec": {},
            "status": status(part, version, self.bad[part], self.ready)}

    def api(self):
        table = {}
        for part in KINDS:
            for version in self.infra if part == "infra" else self.core:
                found = {"code": 200, "body": json.dumps(self.object(part, version))}
                gone = {"code": 404, "body": json.dumps(
                    {"kind": "Status", "code": 404, "message": f"{self.stack} not found"})}
                table[self.path(part, version)] = gone if part in self.missing else found
        for path, change in self.changes.items():
            table[path] = change(table.get(path, {"code": 404, "body": "404 page not found\n"}))
        return table

    def case(self):
        health, reason = self.before
        return {
            "driver": self.driver, "api_resources": self.options, "namespace_prefix": self.prefix,
            "cluster": {
                "stack_id": self.stack_id, "project_id": self.project, "status": self.status,
                "health_status": health, "health_status_reason": reason,
                "node_groups": [{"name": name, "role": role} for name, role in self.groups]},
            "served": {CORE: self.core, CONTROL: self.core, INFRA: self.infra},
            "api": self.api()}


def edit(**fields):
    """A change of an object's status; a value that is `edit.drop` drops the field."""
    def change(answer):
        try:
            value = json.loads(answer["body"])
            for key, new in fields.items():
                holder = value if key == "status" else value["status"]
                if new is edit.drop:
                    holder.pop(key, None)
                else:
                    holder[key] = new
        except (KeyError, TypeError, ValueError):
            return answer  # there is no object, or another change came first
        return {**answer, "body": json.dumps(value)}
    return change


edit.drop = object()


def times(value):
    def change(answer):
        try:
            return edit(conditions=[{**c, "lastTransitionTime": value} for c in
                                    json.loads(answer["body"])["status"]["conditions"]])(answer)
        except (KeyError, TypeError, ValueError):
            return answer
    return change


def answers(**answer):
    return lambda _: answer


def refused(code):
    bodiless = code in (204, 304)
    return answers(code=code, body="" if bodiless else '{"kind": "Status", "message": "no"}')


def shapes(part):
    """Every odd shape of what a part's path answers."""
    yield edit(status=edit.drop)
    yield from (edit(status=value) for value in STATUSES)
    if part == "infra":
        for (reason, message), ready in itertools.product(FAILURES, (True, False)):
            yield edit(failureReason=reason, failureMessage=message, ready=ready)
        yield edit(failureReason="CreateError", ready=edit.drop)
        yield edit(ready=edit.drop)
        yield from (edit(ready=value) for value in READIES)
    else:
        yield edit(conditions=edit.drop)
        yield from (edit(conditions=value) for value in CONDITIONS)
        yield from (times(value) for value in TIMES)
    yield from (answers(code=200, body=body) for body in BODIES)
    yield from (refused(code) for code in CODES)
    yield answers(broken="close")
    yield answers(broken="half")


def needed(driver):
    """What every run must have."""
    def world(**fields):
        made = World(driver)
        made.__dict__.update(fields)
        return made

    yield world()
    yield world(status="CREATE_IN_PROGRESS", before=BEFORE[0])
    yield world(stack_id=None)
    yield world(stack_id="")
    yield world(stack_id="C1_abcdefghijkl-")
    yield world(project="01234567-89AB-CDEF-0123-456789abcdef")
    yield World(driver, prefix="other")
    yield world(groups=[])
    yield world(groups=[("default-master", "master")])
    yield world(groups=[("gpu_nodes", "gpu"), ("default-worker", "worker")],
                missing={"gpu", "workers"})
    yield world(groups=[("", "worker")])
    yield world(ready=False)
    for core, infra in itertools.product(CORES, INFRAS):
        yield world(core=core, infra=infra)
    for part in KINDS:
        yield world(missing={part})
        yield world(bad={**World(driver).bad, part: {kind: "False" for kind in OLD[part][:2]}})
        yield world(bad={**World(driver).bad, part: {OLD[part][0]: "Unknown"}})
    for options in OPTIONS + BROKEN_OPTIONS:
        if driver != "1.3.0" or options in OPTIONS[:2]:
            yield world(options=options)
    odd = [edit(status=edit.drop), edit(status=None), edit(conditions=None), edit(ready="False"),
           edit(failureReason="CreateError", failureMessage="no quota"),
           edit(failureReason="CreateError", failureMessage=None, ready=False),
           edit(conditions=[{"type": "it's", "status": "False"}]), answers(broken="close"),
           answers(broken="half"), *(refused(code) for code in (204, 304, 401, 500)),
           *(answers(code=200, body=body) for body in ("null", "[]", "[1]", "<html>"))]
    for change, part in itertools.product(odd, ("cluster", "infra", "workers")):
        made = world(infra=INFRAS[0])  # served where either driver looks: there is an object to change
        made.changes[made.read_path(part)] = change
        yield made


def chance(rng, driver):
    """One case that the seed makes."""
    world = World(driver, prefix=rng.choice(["magnum", "magnum", "capi"]))
    world.core, world.infra = rng.choice(CORES[:2] * 3 + CORES), rng.choice(INFRAS + INFRAS[:1] * 3)
    world.before = rng.choice(BEFORE)
    world.status = rng.choice(POLLED if rng.random() < 0.93 else UNPOLLED)
    world.groups = rng.sample(world.groups, rng.randint(0, 3))
    world.ready = rng.random() < 0.8
    for part in KINDS:
        if rng.random() < 0.3:
            kinds = OLD[part] + NEW[part] + NEGATIVE
            for kind in rng.sample(kinds, rng.randint(1, 3)):
                world.bad[part][kind] = rng.choice(["False", "Unknown", "True"])
        if rng.random() < 0.07:
            world.missing.add(part)
    if driver != "1.3.0" and rng.random() < 0.35:
        world.options = rng.choice(OPTIONS + BROKEN_OPTIONS[:2])
    for part in rng.sample(sorted(KINDS), rng.choice([0, 1, 1, 2])):
        version = rng.choice(["v1alpha6", "v1beta1", "v1beta1", "v1beta2"])
        path = rng.choice([world.read_path(part), world.path(part, version)])
        world.changes[path] = rng.choice(list(shapes(part)))
    return world


def main(seed, count, *drivers):
    rng, count = random.Random(seed), int(count)
    must = [world for driver in drivers for world in needed(driver)]
    more = (chance(rng, rng.choice(drivers)) for _ in itertools.count())
    seen, number = set(), 0
    for world in itertools.chain(must, more):
        if number >= max(count, len(must)):
            break
        line = json.dumps(copy.deepcopy(world.case()), sort_keys=True)
        if line in seen:
            continue
        seen.add(line)
        number += 1
        print(json.dumps({"id": number, **json.loads(line)}))


main(*sys.argv[1:])
