# The probes of what can be reached from the unit: the management cluster, a package index, a download.
# X509_V_ERR_* of OpenSSL (include/openssl/x509_vfy.h.in)
TLS_CODES = {9: "tls-not-yet-valid", 10: "tls-expired", 62: "tls-wrong-host", 64: "tls-wrong-host",
             18: "tls-untrusted", 19: "tls-untrusted", 20: "tls-untrusted", 21: "tls-untrusted"}


def probe_reach(ask, seconds):
    import socket
    import ssl
    started, seconds = time.monotonic(), min(seconds, 10)
    state = {"reply": "reach", "tcp": False, "tls": False, "status": None, "version": None, "error": None, "code": None}
    stage, plain = "TCP", None
    try:
        plain = socket.create_connection((ask["host"], ask["port"]), seconds)
        state["tcp"], stage = True, "TLS"
        trust = ssl.create_default_context(cadata=ask["ca_pem"])
        with trust.wrap_socket(plain, server_hostname=ask["host"]) as secure:
            state["tls"], stage = True, "HTTP"
            get_version(secure, ask, state)
    except ssl.SSLCertVerificationError as error:
        state.update(error="TLS: " + error.verify_message, code=TLS_CODES.get(error.verify_code, "tls"))
    except socket.gaierror as error:
        state.update(error="DNS: %s: %s" % (ask["host"], (error.strerror or str(error)).lower()), code="dns")
    except socket.timeout:
        state.update(error="%s: no answer within %s s" % (stage, seconds), code=stage.lower())
    except (OSError, ValueError) as error:
        message = (getattr(error, "strerror", None) or str(error)).lower()
        state.update(error="%s: %s" % (stage, message), code=stage.lower())
    finally:
        if plain is not None:
            plain.close()
    state["millis"] = int((time.monotonic() - started) * 1000)
    return state


def get_version(secure, ask, state):
    host = "[%s]" % ask["host"] if ":" in ask["host"] else ask["host"]
    # HTTP/1.0: the response is not chunked and ends with the connection. (http.client is slow to import.)
    request = "GET /version HTTP/1.0\r\nHost: %s:%d\r\nAccept: application/json\r\n\r\n"
    secure.sendall((request % (host, ask["port"])).encode())
    answer = b""
    while len(answer) < 65536:
        part = secure.recv(65536)
        if not part:
            break
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    first = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if first is None:
        state.update(error="HTTP: the response is not HTTP", code="http")
        return
    state["status"] = int(first.group(1))
    if state["status"] == 200:
        try:
            state["version"] = json.loads(body).get("gitVersion")
        except (ValueError, AttributeError):
            state.update(error="HTTP: the response of /version is not JSON", code="http")


def probe_package_index(ask, seconds):
    """What pip would look for, with the settings that it would have: -vv tells why an index was not read."""
    context = context_of(ask["service"], show(ask["service"]))
    if context is None:
        raise Fail("no-daemon", "this unit has no %s, so there is no interpreter to install for" % ask["service"])
    argv = [context[0], "-m", "pip", "-vv", "index", "versions", ask["distribution"], "--no-input", "--no-cache-dir",
            "--disable-pip-version-check", "--retries", "0", "--timeout", "10"]
    argv += ["--index-url", ask["index"]] if ask["index"] else []
    status, out, err = run(argv, seconds, env=root_env())
    lines = (out.decode("utf-8", "replace") + "\n" + err).splitlines()
    if any("unknown command" in line for line in lines):
        raise Fail("no-program", "pip is too old to ask an index (20.3 or newer can)")
    marker = "Available versions: "
    versions = [line[len(marker):].split(", ") for line in lines if line.startswith(marker)]
    if versions and ask["version"] in versions[0]:
        return {"reply": "source", "error": None}
    if versions:
        return {"reply": "source", "error": "it has no %s %s, only %s" % (ask["distribution"], ask["version"], ", ".join(versions[0]))}
    why = [line for line in lines if line.startswith("Could not fetch URL")] or [line for line in lines if "ERROR" in line]
    why = why[0] if why else "pip: exit status %d" % status
    return {"reply": "source", "error": re.sub(r"//[^/@\s]*@", "//…@", re.sub(r"<[^>]*>", "", why))[:400]}


def probe_download(ask, seconds):
    import urllib.request
    try:
        with urllib.request.urlopen(ask["url"], timeout=max(1, seconds - 1)) as answer:
            answer.read(1)
        return {"reply": "source", "error": None}
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        return {"reply": "source", "error": message_of(why) if isinstance(why, Exception) else str(why)}
