"""Stand-in for the addon provider (a test fixture): says Deployed of every addon, or Failed where the knob `addon-failed`
wants it (infra.py says what a knob is). Nothing is installed into the workload cluster.

  addons.py BIN STATE      KUBECONFIG: the management cluster's
"""
import time

from provider.lease import hold
from provider.management import ADDONS, every, knobs, log, patch_status


def once():
    for plural in ("helmreleases", "manifests"):
        for addon in every(ADDONS, plural):
            name = addon["metadata"].get("labels", {}).get("addons.stackhpc.com/cluster", "")
            phase = "Failed" if "addon-failed" in knobs(name) else "Deployed"
            if patch_status(ADDONS, plural, addon, {"phase": phase}):
                log(plural, addon["metadata"]["name"], phase)


# the real one takes none that is known; this name is the lab's
hold("capi-addon-system", "cluster-api-addon-provider", "cluster-api-addon-provider")
while True:
    try:
        once()
    except Exception as e:      # seen again in a second
        log("retry:", type(e).__name__, str(getattr(e, "body", None) or e)[:300])
    time.sleep(1)
