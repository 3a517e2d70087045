"""Tells how the driver's own loader and its session read kubeconfigs: ask_loader.py < CASES > ANSWERS

Wants magnum-capi-helm and its packages importable. It connects to nothing: the request is prepared, and
the files of its certificates are loaded as TLS would load them.
"""
import hashlib
import json
import ssl
import sys
import tempfile

import requests
from magnum_capi_helm import kubernetes


def digest(path):
    """The digest of the first certificate in a file, in DER."""
    with open(path, errors="replace") as f:
        text = f.read()
    begin = text.find("-----BEGIN CERTIFICATE-----")
    if begin < 0:
        return "in a form of OpenSSL's own"
    end = text.index("-----END CERTIFICATE-----", begin) + len("-----END CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[begin:end])).hexdigest()


def used(document):
    """The values of the current context that should be text. Names are only compared with each other."""
    cluster, user = kubernetes.Client._get_cluster_and_user(None, document)
    return [cluster["server"]] + ([user["token"]] if user.get("token") else [])


def read(path):
    document = kubernetes.Client._load_kubeconfig(path)
    client = kubernetes.Client(document)
    request = client.prepare_request(requests.Request("GET", client.server + "/version"))
    # TLS as the session would begin it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    current = document["current-context"]
    told = {"takes": True, "context": current if isinstance(current, str) else None, "server": client.server,
            "text": all(isinstance(value, str) for value in used(document))}
    if client.verify is not True:
        context.load_verify_locations(client.verify)
        told["ca"] = digest(client.verify)
    if client.cert:
        # Nobody is there to type a passphrase.
        context.load_cert_chain(*client.cert, password=lambda: "")
        told["certificate"] = digest(client.cert[0])
    if "Authorization" in request.headers:
        told["token"] = request.headers["Authorization"].removeprefix("Bearer ")
    if not request.url.startswith("https://"):
        raise ValueError("not https")
    return told


with tempfile.NamedTemporaryFile("w+", newline="", encoding="utf-8") as file:
    for line in sys.stdin:
        case = json.loads(line)
        file.seek(0)
        file.truncate()
        file.write(case["text"])
        file.flush()
        try:
            answer = read(file.name)
        except Exception as error:
            answer = {"takes": False, "why": repr(error)[:200]}
        print(json.dumps({"id": case["id"], **answer}, default=str))
