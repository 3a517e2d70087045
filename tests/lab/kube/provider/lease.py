"""The leader's lease of a stand-in, in the names of the controller it stands for. It is taken over at once: the lab never
runs two of a kind."""
import datetime
import socket
import threading
import time
import uuid

from kubernetes import client
from kubernetes.client.rest import ApiException

from provider.management import log, management

SECONDS, RENEWED = 15, 2        # as controller-runtime has them


def hold(namespace, name, pod):
    """Renews the lease from a thread of its own, for as long as the process lives."""
    leases, holder = client.CoordinationV1Api(management), f"{pod}-{socket.gethostname()}_{uuid.uuid4()}"

    def now():
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def renew(taken):
        spec = {"holderIdentity": holder, "leaseDurationSeconds": SECONDS, "renewTime": now()}
        if taken:
            spec["acquireTime"] = now()
        try:
            leases.patch_namespaced_lease(name, namespace, {"spec": spec}, _request_timeout=5)
        except ApiException as e:
            if e.status != 404:
                raise
            leases.create_namespaced_lease(namespace, {"metadata": {"name": name, "namespace": namespace},
                                                       "spec": {**spec, "acquireTime": now()}}, _request_timeout=5)

    def forever():
        taken = True
        while True:
            try:
                renew(taken)
                taken = False
            except Exception as e:      # tried again before it runs out
                log("lease", name, type(e).__name__)
            time.sleep(RENEWED)

    threading.Thread(target=forever, daemon=True).start()
