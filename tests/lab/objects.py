#!/usr/bin/python3
"""Everything in the cloud that a cluster's infrastructure is made of, one a line, with its status: to see that nothing stays.

Standard library only. objects.py AUTH_URL
"""
import json
import sys
import urllib.request

AUTH = sys.argv[1]
NETWORK = {"networks": "name", "subnets": "name", "routers": "name", "ports": "device_owner", "floatingips": "description",
           "security-groups": "name"}
BALANCER = ("loadbalancers", "listeners", "pools", "healthmonitors")


def request(url, body=None, token=""):
    r = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode(),
                               headers={"Content-Type": "application/json", "X-Auth-Token": token})
    with urllib.request.urlopen(r, timeout=60) as answer:
        return answer.headers, json.loads(answer.read())


headers, answer = request(f"{AUTH}/auth/tokens", {"auth": {
    "identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "lab"}}},
    "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}})
url = {s["type"]: e["url"] for s in answer["token"]["catalog"] for e in s["endpoints"]
       if e["interface"] == "public" and e["region_id"] == "RegionOne"}
token = headers["X-Subject-Token"]
for kind, says in NETWORK.items():
    for o in request(f"{url['network']}/v2.0/{kind}", token=token)[1][kind.replace("-", "_")]:
        if (kind, o.get("name")) != ("security-groups", "default"):     # Neutron makes it when a project is first used
            print(kind, o["id"], o[says], o.get("floating_ip_address", ""))
for kind in BALANCER:
    for o in request(f"{url['load-balancer']}/v2/lbaas/{kind}", token=token)[1][kind]:
        print(kind, o["id"], o["name"], o["provisioning_status"])
