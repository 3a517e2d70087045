"""driver_calls.py KUBECONFIG NAMESPACE: each call that magnum-capi-helm makes, by its own client."""
import sys

import yaml
from magnum_capi_helm import conf, kubernetes

path, namespace = sys.argv[1:]
conf.CONF([], project="driver-calls", default_config_files=[], default_config_dirs=[])
client = kubernetes.Client(yaml.safe_load(open(path)))
label = "magnum.openstack.org/cluster-uuid"

client.ensure_namespace(namespace)
client.apply_secret("calls", {"metadata": {"labels": {label: "u"}}, "stringData": {"a": "b"}}, namespace)
assert client.get_secret_value("calls", namespace, "a") == "b"
for get in ("get_capi_cluster", "get_capi_openstackcluster", "get_k8s_control_plane", "get_machine_deployment"):
    assert getattr(client, get)("no-such", namespace) is None, get
selector = {"addons.stackhpc.com/cluster": "no-such"}
assert client.get_addons_by_label(selector, namespace) == []
assert client.get_all_machines_by_label(selector, namespace) == []
client.delete_all_secrets_by_label(label, "u", namespace)
assert client.get_secret("calls", namespace) is None
print("the driver's own calls pass in", namespace)
