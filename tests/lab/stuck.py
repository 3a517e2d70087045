#!/usr/bin/python3
"""What the case stuck-delete does in the cloud, and how it looks at what is left. Standard library only.

  stuck.py AUTH_URL VERB ...
    make NAME                      a template and a cluster; waits for CREATE_COMPLETE, prints its stack id
    delete NAME | status NAME      of Magnum; status prints nothing when it is gone
    forget CREDENTIAL              deletes an application credential
    credential FILE                makes another, as a clouds.yaml
    decoys NAMESPACE STACK FILE    makes what only looks like the cluster's, and an address that it never used; ids to FILE
    leave NAMESPACE STACK          makes another address that carries its description
    ours NAMESPACE STACK           prints what the cloud has of the cluster, one a line
    still FILE                     fails unless every decoy is there
    away FILE                      removes the decoys
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

AUTH, VERB, *ARGS = sys.argv[1:]
PLURALS = {"network": "networks", "subnet": "subnets", "router": "routers", "port": "ports",
           "floatingip": "floatingips", "security_group": "security-groups"}


class Scope:
    def __init__(self, project, domain):
        headers, token = self.request("POST", f"{AUTH}/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "admin", "domain": {"id": "default"}, "password": "lab"}}},
            "scope": {"project": {"name": project, "domain": {"name": domain}}}}})
        self.token, token = headers["X-Subject-Token"], token["token"]
        self.user, self.project = token["user"]["id"], token["project"]["id"]
        self.urls = {s["type"]: e["url"] for s in token["catalog"] for e in s["endpoints"]
                     if e["interface"] == "public" and e["region_id"] == "RegionOne"}

    def request(self, method, url, body=None, absent=False):
        headers = {"Content-Type": "application/json", "OpenStack-API-Version": "container-infra 1.11"}
        if hasattr(self, "token"):
            headers["X-Auth-Token"] = self.token
        request = urllib.request.Request(url, method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.headers, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            if absent and error.code == 404:
                return error.headers, None
            sys.exit(f"{method} {url}: {error.code} {error.read().decode()}")

    def magnum(self, method, path, body=None, **more):
        return self.request(method, self.urls["container-infra"] + path, body, **more)[1]

    def make(self, kind, **fields):
        path = "/v2/lbaas/loadbalancers" if kind == "loadbalancer" else f"/v2.0/{PLURALS[kind]}"
        service = "load-balancer" if kind == "loadbalancer" else "network"
        return self.request("POST", self.urls[service] + path, {kind: fields})[1][kind]["id"]

    def every(self, kind):
        path = "/v2/lbaas/loadbalancers" if kind == "loadbalancer" else f"/v2.0/{PLURALS[kind]}"
        service, key = ("load-balancer", "loadbalancers") if kind == "loadbalancer" else ("network", PLURALS[kind])
        return self.request("GET", self.urls[service] + path)[1][key.replace("-", "_")]

    def remove(self, kind, id):
        path = f"/v2/lbaas/loadbalancers/{id}?cascade=true" if kind == "loadbalancer" else f"/v2.0/{PLURALS[kind]}/{id}"
        service = "load-balancer" if kind == "loadbalancer" else "network"
        return self.request("DELETE", self.urls[service] + path, absent=True)


# the cluster's project: PROJECT/DOMAIN
admin = Scope(*os.environ.get("STUCK_IN", "admin/Default").split("/"))


def cluster(name):
    return next((c for c in admin.magnum("GET", "/clusters/detail")["clusters"] if c["name"] == name), None)


def make(name):
    template = admin.magnum("POST", "/clustertemplates", {
        "name": name, "coe": "kubernetes", "image_id": "ubuntu-kube", "external_network_id": "public",
        "flavor_id": "m1.medium", "master_flavor_id": "m1.medium", "network_driver": "calico"})["uuid"]
    admin.magnum("POST", "/clusters", {"name": name, "cluster_template_id": template, "keypair": "operator",
                                       "master_count": 1, "node_count": 1})
    for _ in range(180):
        found = cluster(name)
        if found["status"] != "CREATE_IN_PROGRESS":
            break
        time.sleep(1)
    if found["status"] != "CREATE_COMPLETE":
        sys.exit(f"{found['status']}: {found['status_reason']}")
    print(found["stack_id"])


def status(name):
    found = cluster(name)
    print(found["status"] if found else "")


def credential(path):
    made = admin.request("POST", f"{AUTH}/users/{admin.user}/application_credentials", {
        "application_credential": {"name": f"stuck-{time.time_ns()}"}})[1]["application_credential"]
    clouds = {"clouds": {"openstack": {
        "identity_api_version": 3, "region_name": "RegionOne", "interface": "public",
        "auth_type": "v3applicationcredential",
        "auth": {"auth_url": AUTH, "application_credential_id": made["id"],
                 "application_credential_secret": made["secret"]}}}}
    with open(path, "w") as file:
        json.dump(clouds, file)


def decoys(namespace, stack, path):
    public = next(n["id"] for n in admin.every("network") if n["name"] == "public")
    net, about = f"k8s-clusterapi-cluster-{namespace}-{stack}", f"Created by cluster-api-provider-openstack cluster {namespace}-{stack}"
    made = []

    def add(scope, kind, **fields):
        made.append((scope.project, kind, scope.make(kind, **fields)))
        return made[-1][2]

    # a longer name, in the same project, with all that a cluster has
    network = add(admin, "network", name=f"{net}0")
    subnet = add(admin, "subnet", name=f"{net}0", network_id=network, ip_version=4, cidr="192.168.9.0/24", description=f"{about}0")
    add(admin, "router", name=f"{net}0", description=f"{about}0")
    add(admin, "floatingip", floating_network_id=public, description=f"{about}0")
    add(admin, "port", network_id=network, description=f"{about}0")
    add(admin, "security_group", name=f"k8s-cluster-{namespace}-{stack}0-secgroup-worker")
    add(admin, "loadbalancer", name=f"{net}0-kubeapi", vip_subnet_id=subnet)
    add(admin, "loadbalancer", name=f"kube_service_{stack}0_web_front", vip_subnet_id=subnet)
    # the very name, next door
    other = Scope("capi-mgmt", "capi")
    add(other, "network", name=net)
    add(other, "router", name=net, description=about)
    add(other, "security_group", name=f"k8s-cluster-{namespace}-{stack}-secgroup-worker")
    with open(path, "w") as file:
        json.dump(made, file)
    # the provider's own, never associated: it leaves such a one behind
    admin.make("floatingip", floating_network_id=public, description=about)


def leave(namespace, stack):
    public = next(n["id"] for n in admin.every("network") if n["name"] == "public")
    admin.make("floatingip", floating_network_id=public,
               description=f"Created by cluster-api-provider-openstack cluster {namespace}-{stack}")


def ours(namespace, stack):
    marks = (f"k8s-clusterapi-cluster-{namespace}-{stack}", f"k8s-clusterapi-cluster-{namespace}-{stack}-kubeapi",
             f"Created by cluster-api-provider-openstack cluster {namespace}-{stack}")
    for kind in (*PLURALS, "loadbalancer"):
        for one in admin.every(kind):
            group = one.get("name", "").startswith(f"k8s-cluster-{namespace}-{stack}-secgroup-")
            mine = one.get("project_id") == admin.project
            if mine and (group or one.get("name") in marks or one.get("description") in marks):
                print(kind, one["id"], one.get("name") or one.get("floating_ip_address"))


def still(path):
    seen = {kind: {one["id"] for one in admin.every(kind)} for kind in (*PLURALS, "loadbalancer")}
    gone = [(kind, id) for _, kind, id in json.load(open(path)) if id not in seen[kind]]
    if gone:
        sys.exit(f"decoys are gone: {gone}")


def away(path):
    made = json.load(open(path))
    for _, kind, id in made:
        if kind == "loadbalancer":
            admin.remove(kind, id)
    for _ in range(60):
        if not {id for _, kind, id in made if kind == "loadbalancer"} & {one["id"] for one in admin.every("loadbalancer")}:
            break
        time.sleep(1)
    for _, kind, id in sorted(made, key=lambda one: ["floatingip", "port", "router", "subnet", "network"].index(one[1]) if one[1] in ("floatingip", "port", "router", "subnet", "network") else 9):
        if kind != "loadbalancer":
            admin.remove(kind, id)


{"make": make, "status": status, "credential": credential, "decoys": decoys, "ours": ours, "leave": leave, "still": still, "away": away,
 "delete": lambda name: admin.magnum("DELETE", f"/clusters/{cluster(name)['uuid']}"),
 "forget": lambda id: admin.request("DELETE", f"{AUTH}/users/{admin.user}/application_credentials/{id}")}[VERB](*ARGS)
