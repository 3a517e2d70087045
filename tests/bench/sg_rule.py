"""Asks for one security group rule that is there already, in turn: by omega, the standard client, the runbook's lines, Ansible.

    sg_rule.py OMEGA LAB ROUNDS [--json]      in a directory with omega.toml, clouds.yaml, mgmt-clouds.yaml, openrc and play.yml

    omega    `ensure-sg-rule`, its token cached                 client   `openstack security group rule list`, and nothing else
    shell    the lines of the runbook (sg_rule.sh)              ansible  `ansible-playbook` with that one task
    module   the same module by itself, as ansible-playbook starts it, without ansible-playbook

Prints wall time, the requests that each sent, by haproxy's log in the cloud's machine, and what of the time those took until they were
answered there. Environment: GROUP (id), PROJECT (id), REMOTE (CIDR), CLOUD_PID (the init of the cloud's machine).
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import figures

NAMES = {"omega": "omega-cli ensure-sg-rule", "client": "openstack security group rule list", "shell": "the runbook's shell",
         "ansible": "ansible-playbook, one task", "module": "Ansible's module alone"}
MODULE = "openstack.cloud.security_group_rule"
LINE = re.compile(r"^([0-9.]+) .*?: 127\.\S+ \S+ ([A-Z]+) (\S+) (\d+) (\d+)$", re.M)


def ways(omega, lab):
    """Of each way: its words, and what it finds around it. Nothing of the lab's own is there."""
    here, rule = os.getcwd(), {"direction": "ingress", "ether_type": "IPv4", "protocol": "tcp", "port_range_min": 6443,
                               "port_range_max": 6443, "remote_ip_prefix": os.environ["REMOTE"]}
    asked = {"ANSIBLE_MODULE_ARGS": {"cloud": "mgmt", "security_group": os.environ["GROUP"], **rule}}
    pathlib.Path("module.json").write_text(json.dumps(asked))
    plain = {"PATH": "/usr/bin:/bin", "HOME": here + "/home", "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore"}
    mine = {**plain, "OS_CLIENT_CONFIG_FILE": here + "/clouds.yaml", "NO_COLOR": "1"}
    theirs = {**plain, "OS_CLIENT_CONFIG_FILE": here + "/mgmt-clouds.yaml"}
    shell = {**plain, "PATH": lab + "/osc/bin:/usr/bin:/bin"} | {key: os.environ[key] for key in ("GROUP", "PROJECT", "REMOTE")}
    ansible = {**theirs, "PATH": lab + "/ansible/bin:/usr/bin:/bin", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    python = lab + "/ansible/bin/python"
    return {
        "omega": ([omega, "ensure-sg-rule", "--yes", "--remote", os.environ["REMOTE"], "--port", "6443"], mine),
        "client": ([lab + "/osc/bin/openstack", "--os-cloud", "mgmt", "security", "group", "rule", "list", os.environ["GROUP"]], theirs),
        "shell": (["/bin/bash", os.path.dirname(os.path.abspath(__file__)) + "/sg_rule.sh"], shell),
        "ansible": ([lab + "/ansible/bin/ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=" + python,
                     "play.yml"], ansible),
        "module": ([python, "-m", "ansible_collections.openstack.cloud.plugins.modules.security_group_rule", "module.json"], ansible),
    }


def unchanged(name):
    """Ends all if this way found something to change, or did not see the rule. That nobody wrote is seen in the cloud's log."""
    out = pathlib.Path(name + ".out").read_text()
    found = {
        "omega": lambda: True,
        "client": lambda: os.environ["REMOTE"] in out,
        "shell": lambda: f"{os.environ['REMOTE']} 6443:6443" in out and "created_at" not in out,
        "ansible": lambda: [json.loads(out)["stats"]["localhost"][key] for key in ("ok", "changed")] == [1, 0],
        "module": lambda: json.loads(out)["changed"] is False,
    }
    if not found[name]():
        sys.exit("%s did not find the rule as it is wanted: %s" % (NAMES[name], out[-2000:]))


def requests(turns):
    """Gives each turn its requests: those of haproxy's log from its beginning to that of the next."""
    time.sleep(1)  # the journal
    inside = ["nsenter", "-t", os.environ["CLOUD_PID"], "-m", "-p", "-r", "-w"]
    journal = subprocess.run([*inside, "journalctl", "-q", "-u", "haproxy", "-o", "short-unix", "--since", "@%.3f" % turns[0]["began"]],
                             check=True, capture_output=True, text=True).stdout
    lines = [(float(at), method, url, int(ms)) for at, method, url, _, ms in LINE.findall(journal)]
    ends = [turn["began"] for turn in turns[1:]] + [time.time()]
    for turn, end in zip(turns, ends):
        turn["requests"] = [(method, url.split("?")[0], ms) for at, method, url, ms in lines if turn["began"] <= at < end]
        wrote = [one for one in turn["requests"] if one[0] != "GET" and one[:2] != ("POST", "/v3/auth/tokens")]
        if wrote or not turn["requests"]:
            sys.exit("%s: haproxy's log has %s" % (turn["name"], wrote or "no request of it"))


def summary(turns):
    times = [turn["ms"] for turn in turns]
    asked = max((turn["requests"] for turn in turns), key=len)
    return {"min_ms": round(min(times), 2), "median_ms": round(statistics.median(times), 2), "requests": len(asked),
            "cloud_median_ms": statistics.median(sum(one[2] for one in turn["requests"]) for turn in turns),
            "requested": ["%s %s" % one[:2] for one in asked]}


def main():
    rounds, form, turns = int(sys.argv[3]), "".join(sys.argv[4:]), []
    every = ways(*sys.argv[1:3])
    for each in range(rounds + 1):
        for name, (words, environment) in every.items():
            began = time.time()
            elapsed = figures.took(name, words, environment)
            unchanged(name)
            if each:  # the first is not counted: byte code, page cache, omega's token
                turns.append({"name": name, "began": began, "ms": elapsed})
            time.sleep(0.2)  # its last request is in the log before the next begins
    requests(turns)
    result = {"schema": 1, "what": "ask for one security group rule that is there", "rounds": rounds, "omega_build": "release"}
    result |= {name: summary([turn for turn in turns if turn["name"] == name]) for name in every}
    mine = result["omega"]
    result["ratios"] = {NAMES[name]: round(result[name]["median_ms"] / mine["median_ms"], 1) for name in every if name != "omega"}
    result["goals"] = [figures.goal("a no-op ensure-sg-rule (median)", mine["median_ms"], "below", 50, "ms"),
                       figures.goal("requests of it, with a cached token (the most)", mine["requests"], "at most", 1)]
    lines = [f"{result['what']}; {rounds} rounds", f"{'':8}{'min':>12}{'median':>12}{'in the cloud':>14}{'requests':>10}{'ratio':>8}"]
    for name in every:
        one = result[name]
        lines.append(f"{name:8}{one['min_ms']:9.1f} ms{one['median_ms']:9.1f} ms{one['cloud_median_ms']:11.0f} ms{one['requests']:10}"
                     f"{one['median_ms'] / mine['median_ms']:8.1f}  {NAMES[name]}")
    lines.append("in the cloud: until its requests were answered there, added up; ratio: of medians")
    lines.append("omega asked: " + ", ".join(mine["requested"]))
    figures.tell(result, lines, form)


main()
