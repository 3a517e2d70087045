#!/usr/bin/python3
"""Asks real services and keeps what they answer: the source of sim::Cloud's answers.

    record.py OPENRC PART...

PART is a function below that is marked @part. It writes the files that it names (`keep`), and no other.
Needs an administrator's openrc, Python's standard library and nothing else. It makes two projects,
users, groups and what a cluster needs, and removes them. `healthy` needs a Magnum conductor that
is grafted onto a management cluster; the others don't. Each exchange is one file beside this one:
the request, the status, the headers that matter and the body, as they were. Tokens and passwords
are replaced by SCRUBBED.
"""
import hashlib
import json
import pathlib
import re
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

HERE = pathlib.Path(__file__).parent
KEPT_HEADERS = ("content-type", "location", "openstack-api-version", "x-openstack-request-id",
                "x-subject-token", "www-authenticate", "openstack-image-import-methods")
SECRET = re.compile(r"password|secret|x-subject-token|x-auth-token", re.I)


def scrub(value, key=""):
    if isinstance(value, dict):
        return {k: scrub(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [scrub(v, key) for v in value]
    return "SCRUBBED" if isinstance(value, str) and SECRET.search(key) else value


PARTS = {}


def part(function):
    PARTS[function.__name__] = function
    return function


def openrc(path):
    text = pathlib.Path(path).read_text()
    return dict(re.findall(r"\b(OS_\w+)=(\S+)", text))


class Cloud:
    """One login: a token, a catalog, and requests that may be kept."""

    def __init__(self, rc, user=None, password=None, project=None, domain="Default", keep=None):
        self.rc = rc
        user, password = user or rc["OS_USERNAME"], password or rc["OS_PASSWORD"]
        project = project or rc["OS_PROJECT_NAME"]
        self.token = None
        body = {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "domain": {"name": domain}, "password": password}}},
            "scope": {"project": {"name": project, "domain": {"name": "Default"}}}}}
        self.catalog = [{"type": "identity", "endpoints": [
            {"interface": "public", "url": rc["OS_AUTH_URL"]}]}]
        status, headers, answer = self.call("identity", "POST", "/auth/tokens", body, keep=keep)
        if status == 201:
            self.token = headers["x-subject-token"]
            self.project = answer["token"]["project"]["id"]
            self.user = answer["token"]["user"]["id"]
            self.catalog = answer["token"]["catalog"]

    def url(self, service):
        region = self.rc.get("OS_REGION_NAME")
        endpoint = next(e["url"] for s in self.catalog if s["type"] == service
                        for e in s["endpoints"] if e["interface"] == "public"
                        and (not region or e.get("region_id", region) == region)).rstrip("/")
        version = {"identity": "/v3", "network": "/v2.0", "container-infra": "/v1", "image": "/v2",
                   "load-balancer": "/v2", "compute": "", "volumev3": "", "key-manager": "/v1"}[service]
        return endpoint if endpoint.endswith(version) else endpoint + version

    def call(self, service, method, path, body=None, keep=None, version=None, raw=None, kind=None):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(service) + path, method=method, data=data)
        request.add_header("Content-Type", kind or ("application/octet-stream" if raw else "application/json"))
        if self.token:
            request.add_header("X-Auth-Token", self.token)
        if version:
            request.add_header("OpenStack-API-Version", f"{service} {version}")
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        content = answer.read().decode()
        try:
            content = json.loads(content) if content else None
        except ValueError:
            pass
        headers = {k.lower(): v for k, v in answer.headers.items()}
        if keep:
            self.keep(keep, service, method, path, body, version, answer.status, headers, content)
        return answer.status, headers, content

    @staticmethod
    def keep(name, service, method, path, body, version, status, headers, content):
        path, _, query = path.partition("?")
        exchange = {
            "request": {"service": service, "method": method, "path": path,
                        "query": urllib.parse.parse_qsl(query), "microversion": version,
                        "body": body},
            "response": {"status": status,
                         "headers": {k: headers[k] for k in KEPT_HEADERS if k in headers},
                         "body": content},
        }
        text = json.dumps(scrub(exchange), indent=1, sort_keys=False, ensure_ascii=True)
        (HERE / f"{name}.json").write_text(text + "\n")
        print(f"{status} {name}")

    def made(self, service, method, path, body, key):
        status, _, content = self.call(service, method, path, body)
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {content}")
        return content[key]


class Stage:
    """Two projects, each with a plain member; gone afterwards."""

    def __init__(self, rc):
        self.admin = admin = Cloud(rc)
        self.undo = []
        self.projects = {}
        roles = admin.call("identity", "GET", "/roles?name=member")[2]["roles"]
        for name in ("omega-rec-a", "omega-rec-b"):
            for kind in ("users", "projects"):  # of a run that was cut short
                for old in admin.call("identity", "GET", f"/{kind}?name={name}")[2][kind]:
                    admin.call("identity", "DELETE", f"/{kind}/{old['id']}")
            project = admin.made("identity", "POST", "/projects",
                                 {"project": {"name": name, "domain_id": "default"}}, "project")
            user = admin.made("identity", "POST", "/users", {"user": {
                "name": name, "password": "recorder", "domain_id": "default"}}, "user")
            admin.call("identity", "PUT",
                       f"/projects/{project['id']}/users/{user['id']}/roles/{roles[0]['id']}")
            self.undo += [("identity", f"/users/{user['id']}"),
                          ("identity", f"/projects/{project['id']}")]
            self.projects[name] = project["id"]
        self.a = Cloud(rc, "omega-rec-a", "recorder", "omega-rec-a")
        self.b = Cloud(rc, "omega-rec-b", "recorder", "omega-rec-b")

    def close(self):
        for service, path in reversed(self.undo):
            self.admin.call(service, "DELETE", path)


@part
def keystone(stage, rc):
    admin, member = stage.admin, stage.a
    Cloud(rc, keep="keystone-token-201")
    Cloud(rc, password="wrong", keep="keystone-token-wrong-password-401")
    Cloud(rc, project="absent", keep="keystone-token-absent-project-401")
    get = lambda path, keep, who=admin: who.call("identity", "GET", path, keep=keep)
    domain = get("/domains?name=magnum", "keystone-domains-by-name-200")[2]["domains"][0]["id"]
    get("/domains?name=absent", "keystone-domains-none-200")
    get("/domains?name=magnum", "keystone-domains-403", member)
    users = f"/users?domain_id={domain}&name="
    get(users + "magnum_domain_admin", "keystone-users-by-name-200")
    get(users + "absent", "keystone-users-none-200")
    get(users + "magnum_domain_admin", "keystone-users-403", member)
    get(f"/role_assignments?scope.domain.id={domain}&include_names=true",
        "keystone-role-assignments-200")
    get("/role_assignments?scope.domain.id=0123&include_names=true",
        "keystone-role-assignments-absent-domain")
    get(f"/role_assignments?scope.domain.id={domain}&include_names=true",
        "keystone-role-assignments-403", member)
    get(f"/projects/{stage.projects['omega-rec-b']}", "keystone-other-project-403", member)
    bad = Cloud(rc)
    bad.token = "gAAAAABinvalid"
    get("/domains?name=magnum", "keystone-invalid-token-401", bad)
    bad.call("network", "GET", "/security-groups", keep="neutron-invalid-token-401")
    bad.call("container-infra", "GET", "/clusters/detail", keep="magnum-invalid-token-401")


# What is sent, and in this order: a later one may be the same rule as an earlier one to Neutron.
RULES = [
    ("tcp-port", {"protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443,
                  "remote_ip_prefix": "10.20.0.0/16"}),
    ("tcp-port-again", {"protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443,
                        "remote_ip_prefix": "10.20.0.0/16", "description": "another one"}),
    ("tcp-by-number", {"protocol": "6", "port_range_min": 6443, "port_range_max": 6443,
                       "remote_ip_prefix": "10.20.0.0/16"}),
    ("upper-case", {"protocol": "TCP", "ethertype": "ipv4", "port_range_min": 6443,
                    "port_range_max": 6443, "remote_ip_prefix": "10.20.0.0/16"}),
    ("bare-address", {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22,
                      "remote_ip_prefix": "10.12.4.76"}),
    ("one-address", {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22,
                     "remote_ip_prefix": "10.12.4.76/32"}),
    ("no-prefix", {"protocol": "tcp", "port_range_min": 443, "port_range_max": 443}),
    ("everywhere", {"protocol": "tcp", "port_range_min": 443, "port_range_max": 443,
                    "remote_ip_prefix": "0.0.0.0/0"}),
    ("all-ports", {"protocol": "udp", "port_range_min": 1, "port_range_max": 65535,
                   "remote_ip_prefix": "10.20.0.0/16"}),
    ("no-ports", {"protocol": "udp", "remote_ip_prefix": "10.20.0.0/16"}),
    ("host-bits", {"protocol": "tcp", "port_range_min": 80, "port_range_max": 80,
                   "remote_ip_prefix": "10.0.0.5/24"}),
    ("no-host-bits", {"protocol": "tcp", "port_range_min": 80, "port_range_max": 80,
                      "remote_ip_prefix": "10.0.0.0/24"}),
    ("unknown-number", {"protocol": "94", "remote_ip_prefix": "10.20.0.0/16"}),
    ("ipv6-icmp", {"ethertype": "IPv6", "protocol": "icmp", "remote_ip_prefix": "2001:DB8::/32"}),
    ("ipv6-icmpv6", {"ethertype": "IPv6", "protocol": "icmpv6",
                     "remote_ip_prefix": "2001:db8::/32"}),
    ("ipv6-icmp-number", {"ethertype": "IPv6", "protocol": "58",
                          "remote_ip_prefix": "2001:db8::/32"}),
    ("ipv6-everywhere", {"ethertype": "IPv6", "protocol": "tcp", "port_range_min": 22,
                         "port_range_max": 22, "remote_ip_prefix": "::/0"}),
    ("ipv6-no-prefix", {"ethertype": "IPv6", "protocol": "tcp", "port_range_min": 22,
                        "port_range_max": 22}),
    ("icmp-type-code", {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0,
                        "remote_ip_prefix": "10.20.0.0/16"}),
    ("icmp-type", {"protocol": "icmp", "port_range_min": 8, "remote_ip_prefix": "10.20.0.0/16"}),
    ("any-protocol", {"remote_ip_prefix": "10.20.0.0/16"}),
    ("egress", {"direction": "egress", "protocol": "tcp", "port_range_min": 6443,
                "port_range_max": 6443, "remote_ip_prefix": "10.20.0.0/16"}),
    ("remote-group", {"protocol": "tcp", "port_range_min": 6443, "port_range_max": 6443,
                      "remote_group_id": "SELF"}),
    ("name-any", {"protocol": "any", "remote_ip_prefix": "10.20.0.0/16"}),
    ("reversed-ports", {"protocol": "tcp", "port_range_min": 9, "port_range_max": 8}),
    ("port-zero", {"protocol": "tcp", "port_range_min": 0, "port_range_max": 8}),
    ("one-port-missing", {"protocol": "tcp", "port_range_min": 80}),
    ("port-too-high", {"protocol": "tcp", "port_range_min": 80, "port_range_max": 70000}),
    ("ports-without-protocol", {"port_range_min": 80, "port_range_max": 80}),
    ("ports-of-vrrp", {"protocol": "vrrp", "port_range_min": 80, "port_range_max": 80}),
    ("icmpv6-in-ipv4", {"protocol": "icmpv6", "remote_ip_prefix": "10.20.0.0/16"}),
    ("family-mixed", {"protocol": "tcp", "remote_ip_prefix": "2001:db8::/32"}),
    ("no-cidr", {"protocol": "tcp", "remote_ip_prefix": "10.20.0.0/33"}),
    ("icmp-code-alone", {"protocol": "icmp", "port_range_max": 0}),
    ("icmp-type-too-high", {"protocol": "icmp", "port_range_min": 256}),
    ("group-and-prefix", {"protocol": "tcp", "remote_ip_prefix": "10.20.0.0/16",
                          "remote_group_id": "SELF"}),
    ("sideways", {"direction": "sideways", "protocol": "tcp"}),
]


@part
def neutron(stage, rc):
    a, b, admin = stage.a, stage.b, stage.admin
    group = lambda who, name: who.made("network", "POST", "/security-groups",
                                       {"security_group": {"name": name}}, "security_group")["id"]
    web, other, foreign = group(a, "web"), group(a, "web-2"), group(b, "web")
    stage.undo += [("network", f"/security-groups/{id}") for id in (web, other, foreign)]
    groups = f"/security-groups?name=web&project_id={a.project}"
    a.call("network", "GET", groups, keep="neutron-groups-fresh-200")
    for name, rule in RULES:
        rule = {"direction": "ingress", "security_group_id": web} | rule
        rule = {k: web if v == "SELF" else v for k, v in rule.items()}
        a.call("network", "POST", "/security-group-rules", {"security_group_rule": rule},
               keep=f"neutron-rule-{name}")
    _, _, listed = a.call("network", "GET", groups, keep="neutron-groups-200")
    admin.call("network", "GET", groups, keep="neutron-groups-as-admin-200")
    admin.call("network", "GET", "/security-groups?name=web", keep="neutron-groups-of-all-200")
    a.call("network", "GET", f"/security-groups?name=absent&project_id={a.project}",
           keep="neutron-groups-none-200")
    b.call("network", "GET", groups, keep="neutron-groups-of-another-project-200")
    a.call("network", "GET", f"/security-groups?project_id={a.project}&limit=1",
           keep="neutron-groups-page-200")
    a.call("network", "POST", "/networks",
           {"network": {"name": "outside", "router:external": True}}, keep="neutron-403")
    rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 1, "port_range_max": 2}
    create = lambda who, id, keep: who.call(
        "network", "POST", "/security-group-rules",
        {"security_group_rule": rule | {"security_group_id": id}}, keep=keep)
    create(b, web, "neutron-rule-in-foreign-group")
    create(a, "00000000-0000-4000-8000-000000000000", "neutron-rule-in-absent-group")
    ids = [r["id"] for g in listed["security_groups"] for r in g["security_group_rules"]]
    b.call("network", "DELETE", f"/security-group-rules/{ids[0]}",
           keep="neutron-rule-delete-foreign")
    a.call("network", "DELETE", f"/security-group-rules/{ids[0]}", keep="neutron-rule-delete-204")
    a.call("network", "DELETE", f"/security-group-rules/{ids[0]}", keep="neutron-rule-delete-404")
    admin.call("network", "PUT", f"/quotas/{a.project}", {"quota": {"security_group_rule": 5}})
    create(a, web, "neutron-rule-over-quota-409")
    stage.undo.append(("network", f"/quotas/{a.project}"))


@part
def credential(stage, rc):
    """An application credential: accepted, and refused for each reason that there is."""
    a, admin = stage.a, stage.admin
    path = f"/users/{a.user}/application_credentials"

    def made(name, **more):
        return a.made("identity", "POST", path, {"application_credential": {"name": name} | more},
                      "application_credential")

    def login(which, keep):
        who = Cloud.__new__(Cloud)
        who.rc, who.token = rc, None
        who.catalog = [{"type": "identity", "endpoints": [
            {"interface": "public", "url": rc["OS_AUTH_URL"]}]}]
        status, headers, _ = who.call("identity", "POST", "/auth/tokens", {"auth": {"identity": {
            "methods": ["application_credential"],
            "application_credential": {"id": which["id"], "secret": which["secret"]}}}}, keep=keep)
        who.token = headers.get("x-subject-token")
        return who

    kept = made("omega-rec")
    owner = login(kept, "keystone-credential-201")
    owner.call("identity", "GET", f"{path}/{kept['id']}", keep="keystone-credential-itself-200")
    login(kept | {"secret": "wrong"}, "keystone-credential-wrong-secret")
    soon = time.strftime("%Y-%m-%dT%H:%M:%S.000000", time.gmtime(time.time() + 5))
    ending = made("omega-rec-ending", expires_at=soon)
    owner = login(ending, "keystone-credential-ending-201")
    owner.call("identity", "GET", f"{path}/{ending['id']}", keep="keystone-credential-ending-200")
    time.sleep(6)
    login(ending, "keystone-credential-expired")
    a.call("identity", "DELETE", f"{path}/{kept['id']}")
    login(kept, "keystone-credential-deleted")
    # Keystone removes the credentials of a user who loses a role on the project.
    roleless = made("omega-rec-roleless")
    member = admin.call("identity", "GET", "/roles?name=member")[2]["roles"][0]["id"]
    role = f"/projects/{a.project}/users/{a.user}/roles/{member}"
    admin.call("identity", "DELETE", role)
    login(roleless, "keystone-credential-roleless")
    admin.call("identity", "PUT", role)


def outside(stage):
    """The external network."""
    needs_of_a_cluster(stage)
    return stage.admin.call("network", "GET", "/networks?name=public")[2]["networks"][0]["id"]


@part
def network(stage, rc):
    """What a cluster's network is made of, and what Neutron says when a part is still in use."""
    a, b, public = stage.a, stage.b, outside(stage)
    make = lambda plural, key, **fields: a.made("network", "POST", f"/{plural}", {key: fields}, key)
    get = lambda path, keep, who=a: who.call("network", "GET", path, keep=f"neutron-{keep}")[2]
    delete = lambda path, keep, who=a: who.call("network", "DELETE", path,
                                                keep=keep and f"neutron-{keep}")
    name = "k8s-clusterapi-cluster-ns-rec"
    about = "Created by cluster-api-provider-openstack cluster ns-rec"
    for plural in ("networks", "subnets", "routers", "ports", "floatingips"):
        get(f"/{plural}?project_id={a.project}", f"{plural}-none-200")
    net = make("networks", "network", name=name)["id"]
    subnet = make("subnets", "subnet", name=name, network_id=net, ip_version=4,
                  cidr="192.168.3.0/24", description=about)["id"]
    router = make("routers", "router", name=name, description=about,
                  external_gateway_info={"network_id": public})["id"]
    interface = {"subnet_id": subnet}
    a.call("network", "PUT", f"/routers/{router}/add_router_interface", interface)
    group = make("security-groups", "security_group",
                 name="k8s-cluster-ns-rec-secgroup-worker",
                 description="Cluster API managed group")["id"]
    port = make("ports", "port", network_id=net, name="rec-md-0-0", description=about,
                security_groups=[group])["id"]
    fip = make("floatingips", "floatingip", floating_network_id=public, description=about)["id"]
    tied = make("floatingips", "floatingip", floating_network_id=public, port_id=port,
                description="Floating IP for Kubernetes external service web/front from cluster rec")
    for plural in ("networks", "subnets", "routers", "ports", "floatingips"):
        get(f"/{plural}?project_id={a.project}", f"{plural}-200")
    get(f"/ports?project_id={a.project}&limit=1", "ports-page-200")
    get("/networks?project_id=" + a.project, "networks-of-another-project-200", b)
    absent = "00000000-0000-4000-8000-000000000000"
    for plural in ("networks", "subnets", "routers", "ports", "floatingips", "security-groups"):
        delete(f"/{plural}/{absent}", f"{plural}-delete-404")
    delete(f"/networks/{net}", "networks-delete-foreign", b)
    delete(f"/networks/{net}", "networks-delete-in-use")
    delete(f"/subnets/{subnet}", "subnets-delete-in-use")
    delete(f"/routers/{router}", "routers-delete-in-use")
    delete(f"/security-groups/{group}", "security-groups-delete-in-use")
    ours = a.call("network", "GET", f"/ports?device_id={router}&device_owner=network:router_interface")
    delete(f"/ports/{ours[2]['ports'][0]['id']}", "ports-delete-of-router")
    a.call("network", "PUT", f"/routers/{router}/remove_router_interface", {"subnet_id": absent},
           keep="neutron-interface-remove-404")
    remove = lambda keep: a.call("network", "PUT", f"/routers/{router}/remove_router_interface",
                                 interface, keep=f"neutron-{keep}")
    remove("interface-remove-in-use")  # a floating IP is routed through it
    delete(f"/floatingips/{tied['id']}", "floatingips-delete-204")
    remove("interface-remove-200")
    remove("interface-remove-again")
    delete(f"/floatingips/{fip}", None)
    delete(f"/ports/{port}", "ports-delete-204")
    delete(f"/routers/{router}", "routers-delete-204")
    delete(f"/subnets/{subnet}", "subnets-delete-204")
    delete(f"/networks/{net}", "networks-delete-204")
    delete(f"/security-groups/{group}", "security-groups-delete-204")


@part
def octavia(stage, rc):
    """Load balancers: made, deleted too early, deleted with all that they have."""
    admin, a, b = stage.admin, stage.a, stage.b
    call = lambda method, path, body=None, keep=None, who=a: who.call(
        "load-balancer", method, f"/lbaas/loadbalancers{path}", body, keep=keep and f"octavia-{keep}")
    call("GET", "", keep="403")
    role = admin.call("identity", "GET", "/roles?name=load-balancer_member")[2]["roles"][0]["id"]
    for who, name in ((a, "omega-rec-a"), (b, "omega-rec-b")):
        admin.call("identity", "PUT", f"/projects/{who.project}/users/{who.user}/roles/{role}")
    a, b = (Cloud(rc, name, "recorder", name) for name in ("omega-rec-a", "omega-rec-b"))
    net = a.made("network", "POST", "/networks", {"network": {"name": "lb"}}, "network")["id"]
    subnet = a.made("network", "POST", "/subnets", {"subnet": {
        "network_id": net, "ip_version": 4, "cidr": "192.168.3.0/24"}}, "subnet")["id"]
    of = f"?project_id={a.project}"
    call("GET", of, keep="loadbalancers-none-200", who=a)
    one = call("POST", "", {"loadbalancer": {
        "name": "k8s-clusterapi-cluster-ns-rec-kubeapi", "vip_subnet_id": subnet,
        "description": "Created by cluster-api-provider-openstack cluster ns-rec"}},
        "loadbalancer-201", a)[2]["loadbalancer"]["id"]
    call("DELETE", f"/{one}?cascade=true", keep="loadbalancer-delete-pending", who=a)

    def until(status):
        for _ in range(120):
            code, _, body = call("GET", f"/{one}", who=a)
            found = body["loadbalancer"]["provisioning_status"] if code == 200 else str(code)
            if found == status:
                return
            time.sleep(0.5)
        sys.exit(f"load balancer: {found} instead of {status}")

    until("ACTIVE")
    a.call("load-balancer", "POST", "/lbaas/listeners", {"listener": {
        "loadbalancer_id": one, "protocol": "TCP", "protocol_port": 6443, "name": "api"}})
    until("ACTIVE")
    call("GET", of, keep="loadbalancers-200", who=a)
    call("GET", of, keep="loadbalancers-of-another-project-200", who=b)
    call("GET", f"/{one}", keep="loadbalancer-200", who=a)
    amphorae = f"/octavia/amphorae?loadbalancer_id={one}"
    admin.call("load-balancer", "GET", amphorae, keep="octavia-amphorae-200")
    a.call("load-balancer", "GET", amphorae, keep="octavia-amphorae-403")
    call("PUT", f"/{one}/failover", keep="failover-403", who=a)
    call("PUT", f"/{one}/failover", keep="failover-202", who=admin)
    call("PUT", f"/{one}/failover", keep="failover-pending", who=admin)
    until("ACTIVE")
    call("DELETE", f"/{one}", keep="loadbalancer-delete-with-children", who=a)
    call("DELETE", f"/{one}?cascade=true", keep="loadbalancer-delete-foreign", who=b)
    absent = "00000000-0000-4000-8000-000000000000"
    call("DELETE", f"/{absent}?cascade=true", keep="loadbalancer-delete-404", who=a)
    vip = call("GET", f"/{one}", who=a)[2]["loadbalancer"]["vip_port_id"]
    a.call("network", "DELETE", f"/ports/{vip}", keep="neutron-ports-delete-of-octavia")
    call("DELETE", f"/{one}?cascade=true", keep="loadbalancer-delete-204", who=a)
    call("DELETE", f"/{one}?cascade=true", keep="loadbalancer-delete-again", who=a)
    until("404")
    call("GET", f"/{one}", keep="loadbalancer-404", who=a)
    a.call("network", "DELETE", f"/subnets/{subnet}")
    a.call("network", "DELETE", f"/networks/{net}")


@part
def survey(stage, rc):
    """What a survey asks of each service: what there is, and how much more there may be."""
    needs_of_a_cluster(stage)
    admin, a, b = stage.admin, stage.a, stage.b
    image = admin.call("image", "GET", "/images?name=plain")[2]["images"][0]["id"]
    net = a.made("network", "POST", "/networks", {"network": {"name": "survey"}}, "network")["id"]
    a.made("network", "POST", "/subnets", {"subnet": {
        "network_id": net, "ip_version": 4, "cidr": "192.168.4.0/24"}}, "subnet")
    server = a.made("compute", "POST", "/servers", {"server": {
        "name": "capi-mgmt-v2", "flavorRef": "m1", "imageRef": image,
        "networks": [{"uuid": net}]}}, "server")["id"]
    for _ in range(60):
        if a.call("compute", "GET", f"/servers/{server}")[2]["server"]["status"] != "BUILD":
            break
        time.sleep(1)
    named = "/servers/detail?name="
    a.call("compute", "GET", named + "%5Ecapi-mgmt-v2%24", keep="nova-servers-200")
    a.call("compute", "GET", named + "%5Eabsent%24", keep="nova-servers-none-200")
    b.call("compute", "GET", named + "%5Ecapi-mgmt-v2%24", keep="nova-servers-of-another-project-200")
    a.call("compute", "GET", "/servers?limit=1", keep="nova-servers-page-200")
    a.call("volumev3", "GET", "/types", keep="cinder-types-200")
    a.call("volumev3", "GET", "/types?limit=1", keep="cinder-types-page-200")
    a.call("image", "GET", "/images?limit=1", keep="glance-images-page-200")
    quotas = lambda who, keep: who.call("network", "GET", f"/quotas/{a.project}/details.json", keep=keep)
    quotas(a, "neutron-quotas-200")
    quotas(admin, "neutron-quotas-as-admin-200")
    quotas(b, "neutron-quotas-of-another-project")
    balancers = f"/lbaas/quotas/{a.project}"
    admin.call("load-balancer", "GET", balancers, keep="octavia-quota-200")
    a.call("load-balancer", "GET", balancers, keep="octavia-quota-403")
    a.call("compute", "DELETE", f"/servers/{server}")
    for _ in range(60):
        if a.call("compute", "GET", f"/servers/{server}")[0] == 404:
            break
        time.sleep(1)
    a.call("network", "DELETE", f"/networks/{net}")


def needs_of_a_cluster(stage):
    """What a template names: an external network, flavor, keypair and images."""
    admin = stage.admin
    have = lambda service, path, key: admin.call(service, "GET", path)[2][key]
    if not have("network", "/networks?name=public", "networks"):
        network = admin.made("network", "POST", "/networks", {"network": {
            "name": "public", "router:external": True, "provider:network_type": "flat",
            "provider:physical_network": "physnet1"}}, "network")["id"]
        admin.made("network", "POST", "/subnets", {"subnet": {
            "network_id": network, "cidr": "203.0.113.0/24", "ip_version": 4,
            "enable_dhcp": False, "name": "public-s"}}, "subnet")
    if "m1.medium" not in [f["name"] for f in have("compute", "/flavors", "flavors")]:
        admin.made("compute", "POST", "/flavors", {"flavor": {
            "name": "m1.medium", "ram": 2048, "disk": 20, "vcpus": 2, "id": "m1"}}, "flavor")
    if "op" not in [k["keypair"]["name"] for k in have("compute", "/os-keypairs", "keypairs")]:
        admin.made("compute", "POST", "/os-keypairs", {"keypair": {
            "name": "op", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP5U2ZwFZ5n2qVqQb0"
                                        "5v1e3nZyJH1t3cYzv5S6v1Zk9o recorder"}}, "keypair")
    for name, properties in (("k8s", {"os_distro": "ubuntu", "kube_version": "v1.34.8"}),
                             ("plain", {})):
        if have("image", f"/images?name={name}", "images"):
            continue
        status, _, image = admin.call("image", "POST", "/images", {
            "name": name, "disk_format": "raw", "container_format": "bare",
            "visibility": "public"} | properties)
        admin.call("image", "PUT", f"/images/{image['id']}/file", raw=b"\0" * 1024)


@part
def flavors(stage, rc):
    needs_of_a_cluster(stage)
    stage.a.call("compute", "GET", "/flavors", keep="nova-flavors-200")


@part
def guests(stage, rc):
    """A server that is started and stopped, and the service on its host."""
    needs_of_a_cluster(stage)
    admin, a = stage.admin, stage.a
    image = admin.call("image", "GET", "/images?name=plain")[2]["images"][0]["id"]
    net = a.made("network", "POST", "/networks", {"network": {"name": "guests"}}, "network")["id"]
    a.made("network", "POST", "/subnets", {"subnet": {
        "network_id": net, "ip_version": 4, "cidr": "192.168.5.0/24"}}, "subnet")
    server = a.made("compute", "POST", "/servers", {"server": {
        "name": "omega-rec", "flavorRef": "m1", "imageRef": image, "networks": [{"uuid": net}]}}, "server")["id"]
    action = lambda body, keep=None, who=a: who.call("compute", "POST", f"/servers/{server}/action", {body: None}, keep=keep)
    show = lambda: admin.call("compute", "GET", f"/servers/{server}")[2]["server"]

    def settles(status):
        for _ in range(60):
            if show()["status"] == status and not show()["OS-EXT-STS:task_state"]:
                return
            time.sleep(1)
    settles("ACTIVE")
    action("os-start", "nova-start-active")
    action("os-stop")
    settles("SHUTOFF")
    action("lock")
    action("os-start", "nova-start-locked")
    action("unlock")
    action("os-start", "nova-start-202")
    settles("ACTIVE")
    host = show()["OS-EXT-SRV-ATTR:host"]
    admin.call("compute", "GET", f"/os-services?host={host}&binary=nova-compute", keep="nova-services-200")
    a.call("compute", "DELETE", f"/servers/{server}")
    for _ in range(60):
        if a.call("compute", "GET", f"/servers/{server}")[0] == 404:
            break
        time.sleep(1)
    a.call("compute", "GET", f"/servers/{server}", keep="nova-server-404")
    a.call("network", "DELETE", f"/networks/{net}")


@part
def prerequisites(stage, rc):
    """What the gates before a cluster ask: flavors, key pairs, quotas with their use."""
    needs_of_a_cluster(stage)
    admin, a = stage.admin, stage.a
    a.call("compute", "GET", "/flavors/detail", keep="nova-flavors-detail-200")
    a.call("compute", "GET", "/os-keypairs", keep="nova-keypairs-none-200")
    a.made("compute", "POST", "/os-keypairs", {"keypair": {
        "name": "omega-rec", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8p"
                                           "IWZFd2cW3hkoTqUyPdYFxLJLkoxFXVmBfXvJDqx1"}}, "keypair")
    a.call("compute", "GET", "/os-keypairs", keep="nova-keypairs-200")
    a.call("compute", "DELETE", "/os-keypairs/omega-rec")
    a.call("compute", "GET", f"/os-quota-sets/{a.project}/detail", keep="nova-quotas-200")
    a.call("volumev3", "GET", f"/os-quota-sets/{a.project}?usage=true", keep="cinder-quotas-200")
    admin.call("container-infra", "GET", f"/quotas/{a.project}/Cluster", keep="magnum-quota-200", version="1.11")
    if any(s["type"] == "key-manager" for s in a.catalog):
        a.call("key-manager", "GET", "/secrets?limit=1", keep="barbican-secrets-none-200")


TEMPLATE = {"name": "omega-rec", "coe": "kubernetes", "image_id": "k8s",
            "external_network_id": "public", "flavor_id": "m1.medium",
            "master_flavor_id": "m1.medium", "network_driver": "calico",
            "labels": {"kube_tag": "v1.34.8"}}


@part
def magnum(stage, rc):
    needs_of_a_cluster(stage)
    admin, member = stage.admin, stage.a
    call = lambda method, path, body=None, keep=None, who=admin: who.call(
        "container-infra", method, path, body, keep=keep and f"magnum-{keep}", version="1.11")
    call("GET", "/clusters/detail", keep="clusters-none-200")
    call("GET", "/mservices", keep="403", who=member)
    call("GET", "/clustertemplates", keep="templates-none-200")
    one = call("POST", "/clustertemplates", TEMPLATE, "template-201")[2]
    two = call("POST", "/clustertemplates", TEMPLATE, "template-same-name-201")[2]
    call("GET", "/clustertemplates", keep="templates-200")
    call("GET", "/clustertemplates/detail", keep="templates-detail-200")
    call("GET", "/clustertemplates/omega-rec", keep="template-ambiguous")
    call("GET", "/clustertemplates/absent", keep="template-absent-404")
    flannel = {k: v for k, v in TEMPLATE.items() if k != "network_driver"}
    third = call("POST", "/clustertemplates", flannel | {"name": "omega-rec-flannel"},
                 "template-no-driver-201")[2]
    for keep, change in (("template-absent-image", {"image_id": "absent"}),
                         ("template-plain-image", {"image_id": "plain"}),
                         ("template-absent-network", {"external_network_id": "absent"}),
                         ("template-absent-flavor", {"flavor_id": "absent"}),
                         ("template-cilium", {"network_driver": "cilium"}),
                         ("template-unknown-key", {"colour": "blue"})):
        status, _, body = call("POST", "/clustertemplates", TEMPLATE | change, keep)
        if status == 201:
            call("DELETE", f"/clustertemplates/{body['uuid']}")
    cluster = {"name": "omega-rec", "cluster_template_id": one["uuid"], "keypair": "op",
               "master_count": 1, "node_count": 1}
    made = call("POST", "/clusters", cluster, "cluster-202")[2]
    id = made["uuid"]
    call("GET", f"/clusters/{id}", keep="cluster-at-once-200")
    call("GET", f"/clusters/{id}/nodegroups", keep="nodegroups-at-once-200")
    call("DELETE", f"/clustertemplates/{one['uuid']}", keep="template-in-use")
    call("POST", "/clusters", cluster | {"keypair": "absent"}, "cluster-absent-keypair")
    call("POST", "/clusters", cluster | {"cluster_template_id": "absent"},
         "cluster-absent-template")
    call("GET", "/clusters/detail", keep="clusters-200")
    call("GET", "/clusters/detail", keep="clusters-of-another-project-200", who=member)
    call("GET", f"/clusters/{id}", keep="cluster-of-another-project", who=member)
    call("GET", "/clusters/detail?limit=1", keep="clusters-page-200")
    absent = "00000000-0000-4000-8000-000000000000"
    call("GET", f"/clusters/{absent}", keep="cluster-404")
    call("DELETE", f"/clusters/{absent}", keep="cluster-delete-404")
    for template in (two, third):
        call("DELETE", f"/clustertemplates/{template['uuid']}", keep="template-delete-204")
    call("DELETE", f"/clustertemplates/{two['uuid']}", keep="template-delete-404")
    for _ in range(60):
        if call("GET", f"/clusters/{id}")[2]["status"] == "CREATE_FAILED":
            break
        time.sleep(1)
    call("GET", f"/clusters/{id}", keep="cluster-failed-200")
    gone(call, id, "cluster-delete-204", None)
    call("DELETE", f"/clustertemplates/{one['uuid']}")


@part
def template_updates(stage, rc):
    """What a PATCH of a template does and is refused. It wants a conductor that can delete a cluster."""
    needs_of_a_cluster(stage)
    call = lambda method, path, body=None, keep=None: stage.admin.call(
        "container-infra", method, path, body, keep=keep and f"magnum-template-{keep}", version="1.11")
    one = call("POST", "/clustertemplates", TEMPLATE | {"labels": {"a": True, "b": 20}}, "labels-201")[2]["uuid"]
    replace = lambda field, value: [{"op": "replace", "path": field, "value": value}]
    for keep, patch in (("patch-200", replace("/labels", '{"octavia_provider":"amphora"}')),
                        ("patch-remove-200", [{"op": "remove", "path": "/dns_nameserver"}]),
                        ("patch-labels-object", replace("/labels", {"a": "b"})),
                        ("patch-internal", replace("/uuid", one)),
                        ("patch-not-removable", [{"op": "remove", "path": "/network_driver"}]),
                        ("patch-absent-image", replace("/image_id", "absent")),
                        ("patch-absent-flavor", replace("/flavor_id", "absent"))):
        call("PATCH", f"/clustertemplates/{one}", patch, keep)
    stage.a.call("container-infra", "PATCH", f"/clustertemplates/{one}", replace("/hidden", True), version="1.11",
                 keep="magnum-template-patch-of-another-project")
    id = call("POST", "/clusters", {"name": "omega-rec", "cluster_template_id": one, "keypair": "op",
                                    "master_count": 1, "node_count": 1})[2]["uuid"]
    time.sleep(1)
    call("PATCH", f"/clustertemplates/{one}", replace("/labels", "{}"), "patch-in-use")
    call("PATCH", f"/clustertemplates/{one}", replace("/hidden", True), "patch-hidden-in-use-200")
    for _ in range(60):
        if call("GET", f"/clusters/{id}")[2]["status"] != "CREATE_IN_PROGRESS":
            break
        time.sleep(1)
    call("DELETE", f"/clusters/{id}")
    while call("GET", f"/clusters/{id}")[0] != 404:
        time.sleep(1)
    call("DELETE", f"/clustertemplates/{one}")


def gone(call, id, deleted, absent):
    """Deletes the cluster. A conductor without a graft can't: DELETE_FAILED is then the end."""
    call("DELETE", f"/clusters/{id}", keep=deleted)
    call("GET", f"/clusters/{id}", keep="cluster-deleting-200")
    for _ in range(300):
        status, _, body = call("GET", f"/clusters/{id}")
        if status == 404:
            break
        if body["status"] == "DELETE_FAILED":
            call("GET", f"/clusters/{id}", keep="cluster-delete-failed-200")
            sys.exit(f"cluster {id} stays: {body['status_reason']}")
        time.sleep(1)
    if absent:
        call("GET", f"/clusters/{id}", keep=absent)


@part
def healthy(stage, rc):
    needs_of_a_cluster(stage)
    call = lambda method, path, body=None, keep=None: stage.admin.call(
        "container-infra", method, path, body, keep=keep and f"magnum-{keep}", version="1.11")
    template = call("POST", "/clustertemplates", TEMPLATE)[2]["uuid"]
    id = call("POST", "/clusters", {"name": "omega-rec", "cluster_template_id": template,
                                    "keypair": "op", "master_count": 1, "node_count": 1})[2]["uuid"]
    wanted = [("status", "CREATE_IN_PROGRESS", "cluster-creating-200"),
              ("status", "CREATE_COMPLETE", "cluster-complete-200"),
              ("health_status", "HEALTHY", "cluster-healthy-200")]
    for key, value, keep in wanted:
        for _ in range(400):
            if call("GET", f"/clusters/{id}")[2][key] == value:
                break
            time.sleep(1)
        call("GET", f"/clusters/{id}", keep=keep)
    call("GET", f"/clusters/{id}/nodegroups", keep="nodegroups-200")
    call("GET", "/clusters/detail", keep="clusters-healthy-200")
    gone(call, id, "cluster-healthy-delete-204", "cluster-healthy-404")
    call("DELETE", f"/clustertemplates/{template}")


# A qcow2 file of one empty MiB: header, refcount table, refcount block, L1 table; a cluster each.
def qcow2():
    cluster = 1 << 16
    header = struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, 16, 1 << 20, 0, 1, 3 * cluster,
                         cluster, 1, 0, 0, 0, 0, 0, 4, 104)
    table = struct.pack(">Q", 2 * cluster)
    counts = struct.pack(">4H", 1, 1, 1, 1)
    return b"".join(part.ljust(cluster, b"\0") for part in (header, table, counts, b""))


@part
def glance(stage, rc):
    """Images: staged, imported, refused, deleted."""
    def call(method, path, body=None, keep=None, raw=None, kind=None):
        return stage.a.call("image", method, path, body, keep=keep and f"glance-{keep}", raw=raw, kind=kind)

    def until(id, statuses, seconds=60):
        for _ in range(seconds * 10):
            _, _, image = call("GET", f"/images/{id}")
            if image["status"] in statuses and not image.get("os_glance_import_task"):
                return image
            time.sleep(0.1)
        sys.exit(f"image {id} is {image['status']}")

    def new(name, keep=None):
        id = str(uuid.uuid4())
        body = {"id": id, "name": name, "disk_format": "qcow2", "container_format": "bare", "os_distro": "ubuntu",
                "kube_version": "v1.34.8", "omega_source_sha512": hashlib.sha512(qcow2()).hexdigest()}
        call("POST", "/images", body, keep)
        stage.undo.append(("image", f"/images/{id}"))
        return id, body

    direct = {"method": {"name": "glance-direct"}}
    call("GET", "/info/import", keep="import-methods-200")
    call("GET", "/images?name=eq:absent&limit=1000", keep="images-none-200")
    id, body = new("omega-rec", "image-201")
    call("POST", "/images", body, "image-id-taken")
    call("GET", f"/images/{id}", keep="image-queued-200")
    call("POST", f"/images/{id}/import", direct, "import-unstaged")
    call("PUT", f"/images/{id}/stage", keep="stage-204", raw=qcow2())
    call("GET", f"/images/{id}", keep="image-uploading-200")
    call("PUT", f"/images/{id}/stage", keep="stage-again", raw=qcow2())
    call("POST", f"/images/{id}/import", direct, "import-202")
    call("GET", f"/images/{id}", keep="image-importing-200")
    call("POST", f"/images/{id}/import", direct, "import-again")
    until(id, {"active"})
    call("GET", f"/images/{id}", keep="image-active-200")
    call("GET", f"/images/{id}/tasks", keep="image-tasks-200")
    call("GET", "/images?name=eq:omega-rec&limit=1000", keep="images-200")
    patch = [{"op": "add", "path": "/kube_version", "value": "v1.34.9"}]
    call("PATCH", f"/images/{id}", patch, "image-patch-200", kind="application/openstack-images-v2.1-json-patch")
    stage.b.call("image", "GET", f"/images/{id}", keep="glance-image-of-another-project")
    call("DELETE", f"/images/{id}", keep="image-delete-204")
    call("GET", f"/images/{id}", keep="image-404")
    call("POST", "/images", body, "image-id-of-a-deleted")
    call("PUT", f"/images/{id}/stage", keep="stage-404", raw=qcow2())
    id, _ = new("omega-rec-broken")
    call("PUT", f"/images/{id}/stage", raw=b"this is not a qcow2 file" * 100)
    call("POST", f"/images/{id}/import", direct)
    until(id, {"queued", "importing", "uploading"})
    call("GET", f"/images/{id}", keep="image-failed-200")
    call("GET", f"/images/{id}/tasks", keep="image-tasks-failed-200")


def main():
    if len(sys.argv) < 3 or not PARTS.keys() >= set(sys.argv[2:]):
        sys.exit(f"usage: record.py OPENRC PART...; the parts: {' '.join(PARTS)}")
    rc = openrc(sys.argv[1])
    stage = Stage(rc)
    try:
        for name in sys.argv[2:]:
            PARTS[name](stage, rc)
    finally:
        stage.close()


main()
