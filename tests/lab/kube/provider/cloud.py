"""OpenStack with a cluster's own application credential. Errors read as gophercloud v2 writes them."""
import base64
import json
import tempfile
import time

import yaml
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

from provider.management import DEADLINE, core

KEEP = 25       # seconds
ANSWER = 45     # seconds for one request: a create of a load balancer once hung for minutes
# what gophercloud takes for success; its words name them
EXPECTED = {"GET": [200, 204, 300], "POST": [201, 202], "PUT": [200, 201, 202], "DELETE": [202, 204]}


class Refused(Exception):
    """OpenStack said no, or could not be asked."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class NotAuthenticated(Refused):
    pass


kept = {}       # secret -> what it held, the session, until when


def open_cloud(namespace, identity):
    """The cluster's cloud, with the secret as it is now. A session is authenticated anew when the secret differs or after KEEP
    seconds, so that a credential that was withdrawn shows soon. (The provider keeps its clients until a request answers 401.)
    """
    clouds, ca = credentials(namespace, identity)
    held, cloud, until = kept.get((namespace, identity["name"]), (None, None, 0))
    if held != (clouds, ca) or time.monotonic() > until:
        cloud = Cloud(clouds, ca)
        kept[namespace, identity["name"]] = (clouds, ca), cloud, time.monotonic() + KEEP
    return cloud


class Cloud:
    def __init__(self, clouds, ca):
        self.clouds, auth, verify = clouds, clouds["auth"], clouds.get("verify", True)
        self.ca = None
        if verify and ca:
            self.ca = tempfile.NamedTemporaryFile("w", suffix=".pem")
            self.ca.write(ca)
            self.ca.flush()
        self.auth = v3.ApplicationCredential(
            auth["auth_url"], application_credential_id=auth["application_credential_id"],
            application_credential_secret=auth["application_credential_secret"])
        self.session = session.Session(self.auth, verify=self.ca.name if self.ca else verify, timeout=ANSWER)
        self._authenticate(auth["auth_url"])

    def _authenticate(self, url):
        try:
            self.auth.get_access(self.session)
        except exceptions.HttpError as e:
            body = e.response.text if e.response is not None else str(e)
            raise NotAuthenticated(
                "providerClient authentication err: Expected HTTP response code [201 202] when accessing "
                f"[POST {url}/auth/tokens], but got {e.http_status} instead: {body}", e.http_status) from e
        except exceptions.ClientException as e:
            raise NotAuthenticated(f"providerClient authentication err: {e}") from e

    def url(self, service, what):
        try:
            url = self.session.get_endpoint(service_type=service, interface=self.clouds.get("interface", "public"),
                                            region_name=self.clouds.get("region_name"))
        except (exceptions.EndpointNotFound, exceptions.EmptyCatalog):
            url = None
        except exceptions.ClientException as e:
            raise Refused(f"failed to create {what} service client: {e}") from e
        if not url:
            raise Refused(f"failed to create {what} service client: No suitable endpoint could be found in the service catalog.")
        return url.rstrip("/")

    def call(self, method, url, body=None):
        try:
            r = self.session.request(url, method, json=body, raise_exc=False, redirect=False,
                                     headers={"Accept": "application/json"})
        except exceptions.ClientException as e:
            raise Refused(f"{method} {url}: {e}") from e
        if r.status_code not in EXPECTED[method]:
            expected = " ".join(map(str, EXPECTED[method]))
            raise Refused(f"Expected HTTP response code [{expected}] when accessing [{method} {url}], "
                          f"but got {r.status_code} instead: {r.text}", r.status_code)
        return json.loads(r.text) if r.text else {}


def credentials(namespace, identity):
    """What identityRef names: the entry of clouds.yaml and the CA, from the secret as it is now."""
    data = core.read_namespaced_secret(identity["name"], namespace, _request_timeout=DEADLINE).data or {}
    if "clouds.yaml" not in data:
        raise NotAuthenticated(f"OpenStack credentials secret {identity['name']} did not contain key clouds.yaml")
    clouds = yaml.safe_load(base64.b64decode(data["clouds.yaml"]))["clouds"]
    ca = base64.b64decode(data.get("cacert", "")).decode()
    return clouds[identity.get("cloudName", "openstack")], ca


class Neutron:
    def __init__(self, cloud):
        self.cloud, self.base = cloud, cloud.url("network", "networking") + "/v2.0"

    def find(self, kind, **look):
        query = "&".join(f"{k}={v}" for k, v in look.items())
        return self.cloud.call("GET", f"{self.base}/{kind.replace('_', '-')}?{query}")[kind]

    def make(self, kind, one, **fields):
        return self.cloud.call("POST", f"{self.base}/{kind.replace('_', '-')}", {one: fields})[one]

    def put(self, path, body=None):
        return self.cloud.call("PUT", f"{self.base}/{path}", body)

    def delete(self, path):
        self.cloud.call("DELETE", f"{self.base}/{path}")


class Octavia:
    def __init__(self, cloud):
        self.cloud, self.base = cloud, cloud.url("load-balancer", "load balancer") + "/v2/lbaas"

    def named(self, kind, name):
        found = self.cloud.call("GET", f"{self.base}/{kind}?name={name}")[kind]
        return found[0] if found else None

    def show(self, path):
        return self.cloud.call("GET", f"{self.base}/{path}")

    def make(self, kind, one, **fields):
        return self.cloud.call("POST", f"{self.base}/{kind}", {one: fields})[one]

    def delete(self, path):
        self.cloud.call("DELETE", f"{self.base}/{path}")


def availability_zones(cloud):
    url = cloud.url("compute", "compute")
    zones = cloud.call("GET", f"{url}/os-availability-zone")["availabilityZoneInfo"]
    return [z["zoneName"] for z in zones if z["zoneState"]["available"]]
