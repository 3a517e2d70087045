"""Records what oslo.config and magnum-capi-helm 1.4.0 make of texts and names.

    record_driver.py [SEED [CASES]] > crates/omega-driver/data/recorded.jsonl

Wants oslo.config and the driver importable, as `tests/oracle/run` installs them. The tests of
omega-driver compare the record with omega's own reading.
"""
import importlib
import json
import random
import sys
import tempfile
import types
import warnings

warnings.simplefilter("ignore")
from oslo_config import cfg  # noqa: E402

from magnum_capi_helm import conf, driver_utils  # noqa: E402

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
cases = int(sys.argv[2]) if len(sys.argv) > 2 else 400
random.seed(seed)
CLASSES = ["Cluster", "OpenstackCluster", "MachineDeployment", "K8sControlPlane", "Machine",
           "Manifests", "HelmRelease", "HelmChartProxy"]
DEFAULTS = {}
FILE = tempfile.NamedTemporaryFile("w+", suffix=".conf")


def read(text, key="api_resources"):
    """Has oslo.config read the text, its further lines indented, behind `key =` in a file."""
    FILE.seek(0)
    FILE.truncate()
    FILE.write(f"[capi_helm]\n{key} = " + text.replace("\n", "\n  ") + "\n")
    FILE.flush()
    conf.CONF.clear()
    conf.CONF([], project="magnum", default_config_files=[FILE.name], default_config_dirs=[])
    return conf.CONF.capi_helm[key]


def override(text):
    """Returns the value, and which classes read what they would not read without it.

    The value is null where oslo.config fails, and the reads where the driver's import does."""
    try:
        value = read(text)
    except (cfg.ConfigFileParseError, cfg.NoSuchOptError) as error:
        return {"text": text, "value": None, "error": type(error).__name__}
    case = {"text": text, "value": value}
    try:
        kubernetes = importlib.reload(importlib.import_module("magnum_capi_helm.kubernetes"))
    except (ValueError, AttributeError, RecursionError):
        return case | {"reads": None}
    resources = {name: getattr(kubernetes, name)(None) for name in CLASSES}
    reads = {name: [one.api_version, one.plural_name] for name, one in resources.items()}
    DEFAULTS.setdefault("{}", reads)
    return case | {"reads": {n: at for n, at in reads.items() if at != DEFAULTS["{}"][n]}}


def scalar():
    if random.random() < 0.75:
        return random.choice(['"cluster.x-k8s.io/v1beta1"', '"cluster.x-k8s.io/v1beta2"', '"v1"',
                              '"x.org/v1"', '""', '"\\u00e9/v1"', '"a\\/b"', '"g/v1$$x"', '"tab\\t"'])
    return random.choice(["null", "1", "-0.5e3", "true", "[]", "{}", '["/"]', '"\t"', "'x'", "01",
                          "1.", "nul", '"x'])


def entry():
    if random.random() < 0.05:
        return scalar()
    keys = ["api_version"] * 4 + ["plural_name", "apiVersion", "kind"]
    fields = [f'"{random.choice(keys)}": {scalar()}' for _ in range(random.choice([0, 1, 1, 1, 2]))]
    return "{" + ", ".join(fields) + random.choice([""] * 40 + [","]) + "}"


def document():
    if random.random() < 0.05:
        return scalar()
    names = CLASSES + ["cluster", "OpenStackCluster", "KubeadmControlPlane", "Zebra", "K8sControlPlane"]
    entries = [f'"{random.choice(names)}": {entry()}' for _ in range(random.choice([0, 1, 1, 2, 3]))]
    return "{" + ", ".join(entries) + random.choice([""] * 40 + [","]) + "}"


def line():
    text = document()
    wrap = random.random()
    if wrap < 0.1:
        text = "'" + text + "'"
    elif wrap < 0.15:
        text = '"' + text + '"'
    elif wrap < 0.2:
        text = "''" + text + "''"
    if random.random() < 0.15:
        text = text.replace("{", "{\n", 1)
    if random.random() < 0.05:
        text = text.replace(", ", ",\n\n", 1)
    space = ["", "", "", " ", "\t", "\u00a0", "\x1f"]
    return random.choice(space) + text + random.choice(space)


FIXED = ["", " ", "'", '"', "''", "'{}'", '"{}"', "''{}''", "{\n}", "'{\n}'", "{}\n\nx = 1", "\n{}",
         "''\n{}", "{} # comment", "# {}", "{}{}", "\ufeff{}", "$$", "$", "{\"Cluster\": {\"api_version\": "
         "\"$namespace_prefix/v1\"}}", '{"Cluster": {"api_version": "$unknown/v1"}}',
         '{"Cluster": {"api_version": "a\\$b/v1"}}', '{"a": "${"}', '{"a": "$1"}']

for text in ["{}"] + FIXED + [line() for _ in range(cases)]:
    print(json.dumps({"override": override(text)}))

WORDS = ["production", "Kubernetes", "cluster", "one", "_", "-", "--", ".", "C1", "é", "İ", "ß", "K", " "]
names = ["production-kubernetes-cluster-one", "a" * 29 + ".b", "a" * 30, "a" * 31]
names += ["".join(random.choices(WORDS, k=random.randint(1, 6))) for _ in range(cases // 4)]
for name in names:
    stack = f"{(driver_utils.sanitized_name(name) or '')[:30]}-cyusd2b67a45".lower()
    of = types.SimpleNamespace(stack_id=stack, project_id=name)
    prefix = random.choice(["magnum", "capi-x", "'q'", "a$$b", "\\$x"])
    namespace_prefix = read(prefix, "namespace_prefix")
    print(json.dumps({"name": {
        "text": name, "sanitized": driver_utils.sanitized_name(name), "stack": stack,
        "prefix": prefix, "namespace": driver_utils.cluster_namespace(of),
        "cluster": driver_utils.get_k8s_resource_name(of, None),
        "object": driver_utils.get_k8s_resource_name(of, "cloud-credentials"),
    }}))
