#!/usr/bin/python3
"""Print every security group rule of the cloud, one a line, without ids. rules.py AUTH_URL [clear GROUP]

clear: delete the IPv4 TCP rules of the group first, so that a case does not inherit what a failed one left.
"""
import json
import sys
import urllib.request


def get(url, body=None, token=""):
    r = urllib.request.Request(url, data=body and json.dumps(body).encode(),
                               headers={"Content-Type": "application/json", "X-Auth-Token": token})
    with urllib.request.urlopen(r, timeout=30) as answer:
        return answer.headers, json.loads(answer.read())


headers, answer = get(f"{sys.argv[1]}/auth/tokens", {"auth": {
    "identity": {"methods": ["password"], "password": {"user": {
        "name": "admin", "domain": {"id": "default"}, "password": "lab"}}},
    "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}})
token = headers["X-Subject-Token"]
network = next(e["url"] for s in answer["token"]["catalog"] if s["type"] == "network" for e in s["endpoints"]
               if e["region_id"] == "RegionOne")
groups = get(f"{network}/v2.0/security-groups", token=token)[1]["security_groups"]
if sys.argv[2:3] == ["clear"]:
    for r in (r for g in groups if g["name"] == sys.argv[3] for r in g["security_group_rules"] if r["protocol"] == "tcp"):
        urllib.request.urlopen(urllib.request.Request(
            f"{network}/v2.0/security-group-rules/{r['id']}", method="DELETE", headers={"X-Auth-Token": token}), timeout=30)
    sys.exit()
for group in groups:
    for r in group["security_group_rules"]:
        print(group["project_id"], group["name"], r["direction"], r["ethertype"], r["protocol"], r["port_range_min"],
              r["port_range_max"], r["remote_ip_prefix"], "group" if r["remote_group_id"] else "-")
