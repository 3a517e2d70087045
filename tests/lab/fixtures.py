#!/usr/bin/python3
"""What the cases find in the cloud, beside Keystone's part (provision.py): groups, a network, an image, a flavor, a keypair.

Looks first and makes what is missing. Standard library only.
  fixtures.py AUTH_URL PUBLIC_KEY_FILE    prints the ids as JSON
"""
import json
import sys
import urllib.error
import urllib.request

AUTH, KEY_FILE = sys.argv[1:]


def request(method, url, body=None, raw=None, headers=None):
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    kind = "application/octet-stream" if raw is not None else "application/json"
    r = urllib.request.Request(url, method=method, data=data, headers={"Content-Type": kind, **(headers or {})})
    try:
        with urllib.request.urlopen(r, timeout=60) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else {}
    except urllib.error.HTTPError as e:
        sys.exit(f"{method} {url}: {e.code} {e.read().decode()}")


class Scope:
    """A project's token and the cloud's endpoints."""

    def __init__(self, project, domain):
        headers, answer = request("POST", f"{AUTH}/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "admin", "domain": {"id": "default"}, "password": "lab"}}},
            "scope": {"project": {"name": project, "domain": {"name": domain}}}}})
        self.token = {"X-Auth-Token": headers["X-Subject-Token"]}
        self.project = answer["token"]["project"]["id"]
        self.urls = {s["type"]: e["url"] for s in answer["token"]["catalog"] for e in s["endpoints"]
                     if e["interface"] == "public" and e["region_id"] == "RegionOne"}

    def call(self, service, method, path, body=None, **more):
        return request(method, self.urls[service] + path, body, headers=self.token, **more)[1]

    def one(self, service, path, kind, look, make):
        """The thing that the query finds, or one made."""
        query = "&".join(f"{k}={v}" for k, v in look.items())
        found = self.call(service, "GET", f"{path}?{query}")[f"{kind}s"]
        return (found or [self.call(service, "POST", path, {kind: {**look, **make}})[kind]])[0]


def group(scope, name):
    return scope.one("network", "/v2.0/security-groups", "security_group",
                     {"name": name, "project_id": scope.project}, {})["id"]


def rule(scope, sg, **fields):
    look = {"security_group_id": sg, "direction": "ingress", "ethertype": "IPv4", **fields}
    return scope.one("network", "/v2.0/security-group-rules", "security_group_rule", look, {})["id"]


admin, capi, decoy = Scope("admin", "Default"), Scope("capi-mgmt", "capi"), None
ids = {"project": capi.project}
ids["group"] = group(capi, "capi-mgmt-sg")
# Near matches. None of them is the rule or the group that is asked for.
rule(capi, ids["group"], protocol="tcp", port_range_min=6443, port_range_max=6443, remote_ip_prefix="127.77.1.100/32")
rule(capi, ids["group"], protocol="udp", port_range_min=6443, port_range_max=6443, remote_ip_prefix="127.77.1.10/32")
rule(capi, ids["group"], protocol="tcp", port_range_min=6443, port_range_max=6444, remote_ip_prefix="127.77.1.10/32")
rule(capi, ids["group"], protocol="tcp", port_range_min=22, port_range_max=22, remote_ip_prefix="127.77.1.10/32")
ids["longer_name"] = group(capi, "capi-mgmt-sg-2")
ids["other_project"] = group(admin, "capi-mgmt-sg")
rule(admin, ids["other_project"], protocol="tcp", port_range_min=6443, port_range_max=6443, remote_ip_prefix="127.77.1.10/32")

# for a workload cluster
public = admin.one("network", "/v2.0/networks", "network", {"name": "public"}, {
    "router:external": True, "provider:network_type": "flat", "provider:physical_network": "physnet1"})["id"]
admin.one("network", "/v2.0/subnets", "subnet", {"name": "public", "network_id": public}, {
    "cidr": "203.0.113.0/24", "ip_version": 4, "enable_dhcp": False})
if not any(f["name"] == "m1.medium" for f in admin.call("compute", "GET", "/flavors")["flavors"]):
    admin.call("compute", "POST", "/flavors", {"flavor": {
        "id": "m1", "name": "m1.medium", "ram": 2048, "vcpus": 2, "disk": 20}})
if not any(k["keypair"]["name"] == "operator" for k in admin.call("compute", "GET", "/os-keypairs")["keypairs"]):
    admin.call("compute", "POST", "/os-keypairs", {"keypair": {
        "name": "operator", "public_key": open(KEY_FILE).read().strip()}})
if not admin.call("image", "GET", "/v2/images?name=ubuntu-kube")["images"]:
    image = admin.call("image", "POST", "/v2/images", {
        "name": "ubuntu-kube", "disk_format": "raw", "container_format": "bare", "visibility": "public",
        "os_distro": "ubuntu", "kube_version": "v1.34.8"})
    admin.call("image", "PUT", f"/v2/images/{image['id']}/file", raw=bytes(1 << 20))
print(json.dumps(ids))
