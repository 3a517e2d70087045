#!/usr/bin/python3
"""Print every security group rule of the cloud, one a line, without ids. rules.py AUTH_URL"""
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
for group in get(f"{network}/v2.0/security-groups", token=token)[1]["security_groups"]:
    for r in group["security_group_rules"]:
        print(group["project_id"], group["name"], r["direction"], r["ethertype"], r["protocol"], r["port_range_min"],
              r["port_range_max"], r["remote_ip_prefix"], "group" if r["remote_group_id"] else "-")
