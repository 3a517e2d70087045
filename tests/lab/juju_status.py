#!/usr/bin/python3
"""Print what `juju status --format json` would, were these the units of magnum: a recorded answer of juju 3.4.2 with
keystone's application taken for magnum's. All its other applications stay, as decoys.

  juju_status.py RECORDING ADDRESS...    magnum/0 (the leader), magnum/1 ... at these addresses
"""
import copy
import json
import sys

recording, *addresses = sys.argv[1:]
status = json.load(open(recording))
status["model"]["name"] = "openstack"
keystone = status["applications"]["keystone"]
magnum = copy.deepcopy(keystone)
magnum.update({"charm": "magnum", "charm-name": "magnum", "units": {}})
(_, unit), = keystone["units"].items()
for n, address in enumerate(addresses):
    mine = copy.deepcopy(unit)
    mine.update({"public-address": address, "leader": True, "subordinates": {}})
    if n:
        del mine["leader"]      # the key is absent, not false
    magnum["units"][f"magnum/{n}"] = mine
status["applications"]["magnum"] = magnum
json.dump(status, sys.stdout, indent=1)
