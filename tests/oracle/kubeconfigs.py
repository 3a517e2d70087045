"""Writes kubeconfigs, one JSON object a line: kubeconfigs.py SEED COUNT ADMIN

ADMIN: a kubeconfig with a CA, a client certificate and its key. First comes each spelling of each value by
itself, then what the seed makes of several at the same time.
"""
import base64
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

NAMES = ["mgmt", "'mgmt'", '"mgmt"', "2024", "'2024'", "!!str 2024", "yes", "'yes'", "y", "on", "Off",
         "08", "017", "0o17", "0x1f", "0b1", "1e5", "1.5", "1.5e3", "1.5e+3", ".5", ".inf", ".NaN",
         "1:30", "01:30", "1:30.5", "1:99", "2024-01-31", "2024-1-31", "2024-01-31T10:00:00Z",
         "2024-01-31 10:00:00", "1_000", "+1", "-", "-x", "null", "~", "''", "", "=", "a b", "a#b",
         "!custom x", "[a]", "{a: b}", "10.0.0.1:6443", "true", "'a\tb'", '"a\\tb"', "a\tb", "é", "&x y",
         "!!int 5", "1.2.3", "<<", "'<<'", "|\n      mgmt", ">-\n      mgmt", '"m\\u0067mt"', "_1", "0_7", '"\\U0001F600"', '"\\ud83d\\ude00"',
         '"a\\/b"', "2024-02-30", "2024-01-31 10:00:00 +24:00"]
SERVERS = ["https://10.20.0.50:6443", "'https://10.20.0.50:6443/'", "https://10.20.0.50:6443//",
           "https://API.example:6443", "https://10.20.0.50", "https://h:6443/k8s/clusters/c-1",
           '" https://10.20.0.50:6443"', '"https://10.20.0.50:6443\\n"', "https://h:6443?x=1",
           "https://h:6443#f", "https://[fd00::1]:6443", "http://10.20.0.50:6443", "10.20.0.50:6443",
           "null", "''", "5", "!!str https://h:1", "https://u:p@h:6443", "'https://a\\b:1'"]
TOKENS = ["secret", "'secret'", "12345", "'12345'", "''", '""', "null", "~", "", "true", "1:30", "0x1f",
          "2024-01-31", "!!str 12345", "[secret]", "|\n      secret", "e30.eyJleHAiOjF9.x", "=",
          '"a\\tb"', "1e5"]
TEXTS = ["''", '""', "null", "~", "", "x", "5", "yes", "[]"]
FLAGS = ["true", "false", "null", "~", "", "no", "off", "n", "'false'", "0", "''", "False"]
TYPED = {  # fields with their values, for the cluster and the user
    "cluster": {"tls-server-name": TEXTS, "proxy-url": TEXTS[:6] + ["http://p:1"],
                "insecure-skip-tls-verify": FLAGS, "disable-compression": FLAGS,
                "certificate-authority": TEXTS[:5] + ["/ca.crt"], "extensions": ["null", "[]", "5", "[{name: 5}]"],
                "unknown": TEXTS + ["{a: {b: yes}}"]},
    "user": {"tokenFile": TEXTS[:6], "username": TEXTS, "password": TEXTS, "as": TEXTS, "as-uid": TEXTS,
             "as-groups": ["null", "[]", "[a]", "[1]", "a"], "as-user-extra": ["null", "{}", "{a: [b]}", "{a: b}"],
             "client-certificate": TEXTS[:5] + ["/c"], "client-key": TEXTS[:5] + ["/k"],
             "exec": ["null", "{}", "{command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}",
                      "{args: [1]}"],
             "auth-provider": ["null", "{name: oidc}", "{name: 5}"], "unknown": TEXTS},
}
ENTRIES = ["{}", "null", "5", "[]", "{name: other}", "{name: 5}", "{name: yes}", "{name: null}",
           "{name: 'mgmt'}", "{name: other, cluster: {server: 5}, user: {token: 5}, context: {user: 5}}",
           "{name: other, user: {client-key-data: '!'}}", "{name: other, cluster: null, user: null}",
           "{name: 1:30}", "{name: 2024-01-31}"]


def lines(text, width, indent):
    return ("\n" + indent).join([""] + [text[i:i + width] for i in range(0, len(text), width)])


def spellings(data):
    """Base64 as people write it."""
    block = "      "
    return [data, f"'{data}'", "|" + lines(data, 76, block), "|-" + lines(data, 64, block),
            ">" + lines(data, 76, block), '"' + data[:40] + "\\\n      " + data[40:] + '"',
            "'" + data[:40] + "\n      " + data[40:] + "'", '"' + data[:40] + "\\r\\n" + data[40:] + '"',
            f"!!binary {data}", f"!!str {data}", "''", "null", "", data + "=", data.rstrip("="),
            data[:-8], "'" + data + "!'", "5", "eA==", f'"{data} "', f"'{data}=='", "[]",
            '"' + data[:10] + "\\t" + data[10:] + '"', "'" + data[:9] + "-_" + data[9:] + "'"]


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True, **more).stdout


def pairs():
    """Certificates with their keys, in PEM, by kind."""
    found = {}
    with tempfile.TemporaryDirectory() as work:
        key, certificate = os.path.join(work, "key"), os.path.join(work, "certificate")
        for kind, options in {
                "rsa": ["-newkey", "rsa:2048"], "rsa again": ["-newkey", "rsa:2048"], "ed25519": ["-newkey", "ed25519"],
                "ed448": ["-newkey", "ed448"], **{curve: ["-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}"]
                                                  for curve in ("P-256", "P-384", "P-521", "secp256k1")}}.items():
            openssl("req", "-x509", *options, "-nodes", "-keyout", key, "-out", certificate, "-days", "3000",
                    "-subj", "/CN=x")
            found[kind] = tuple(open(path).read() for path in (certificate, key))
    return found


def pems():
    """Pairs as people write them: what, the certificate's text, the key's."""
    all = pairs()
    for kind, (certificate, key) in all.items():
        yield kind, certificate, key
        yield f"{kind}, text around", f"subject=x: y\n{certificate}end", f"# ----- the key -----\n{key}\ntext\n"
        yield f"{kind}, one file", key + certificate, key + certificate
        yield f"{kind}, the other way", certificate + key, certificate + key
        yield f"{kind}, crlf", certificate.replace("\n", "\r\n"), key.replace("\n", "\r\n")
        for other, (_, foreign) in all.items():
            if other != kind:
                yield f"{kind} with the key of {other}", certificate, foreign
    certificate, key = all["rsa"]
    chain = certificate + all["P-256"][0]
    yield "a chain", chain, key
    yield "a chain the wrong way", all["P-256"][0] + certificate, key
    yield "trusted", openssl("x509", "-trustout", input=certificate), key
    yield "old label", certificate.replace("CERTIFICATE", "X509 CERTIFICATE"), key
    yield "pkcs1", certificate, openssl("rsa", "-traditional", input=key)
    yield "encrypted", certificate, openssl("pkey", "-aes128", "-passout", "pass:x", input=key)
    yield "encrypted, old", certificate, openssl("rsa", "-traditional", "-aes128", "-passout", "pass:x", input=key)
    yield "public", certificate, openssl("pkey", "-pubout", input=key)
    yield "no end", certificate, key[:-20]
    certificate, key = all["P-256"]
    yield "sec1", certificate, openssl("ec", input=key)
    yield "parameters", certificate, openssl("ecparam", "-name", "prime256v1") + openssl("ec", input=key)
    yield "no public part", certificate, openssl("ec", "-no_public", input=key)


def admin(path):
    """The data of a kubeconfig that kubectl wrote."""
    with open(path) as f:
        pairs = [line.strip().split(": ") for line in f if "-data: " in line]
    return dict(pairs)


class Case:
    """A kubeconfig to be written, with a choice for each of its values."""

    def __init__(self, data):
        self.data = data
        self.name = self.user = self.context = self.current = "mgmt"
        self.server, self.cluster_more, self.user_more = SERVERS[0], [], []
        self.ca = data["certificate-authority-data"]
        self.credential = [("client-certificate-data", data["client-certificate-data"]),
                           ("client-key-data", data["client-key-data"])]
        self.entries = {"clusters": [], "users": [], "contexts": []}
        self.head, self.tail, self.form = ["apiVersion: v1", "kind: Config"], [], lambda text: text

    def text(self):
        cluster = [("server", self.server)] + self.cluster_more
        if self.ca is not None:
            cluster.append(("certificate-authority-data", self.ca))
        out = list(self.head)
        for key, what, fields in [("clusters", "cluster", cluster), ("users", "user", self.credential + self.user_more)]:
            out.append(f"{key}:")
            out += [f"- {entry}" for entry in self.entries[key]]
            out += [f"- name: {self.name if what == 'cluster' else self.user}", f"  {what}:"]
            out += [f"    {name}: {value}" for name, value in fields]
        out += ["contexts:"] + [f"- {entry}" for entry in self.entries["contexts"]]
        out += [f"- name: {self.context}", "  context:", f"    cluster: {self.name}", f"    user: {self.user}"]
        out += [f"current-context: {self.current}"] + self.tail
        return self.form("\n".join(out) + "\n")


def as_json(indent, colon):
    def form(text):
        import yaml
        try:
            return json.dumps(yaml.safe_load(text), indent=indent, separators=(",", colon), default=str)
        except (yaml.YAMLError, ValueError):
            return text
    return form


def pem_name(case, name):
    case.name = name


def context_name(case, name):
    case.context = case.current = name


def only_token(case, token):
    case.credential = [("token", token)]


def certificate(n, value):
    def change(case):
        case.credential[n] = (case.credential[n][0], value)
    return change


def with_pem(certificate, key):
    """Both as data."""
    certificate, key = (base64.b64encode(text.encode()).decode() for text in (certificate, key))

    def change(case):
        case.credential = [("client-certificate-data", certificate), ("client-key-data", key)]
    return change


def dated(case):
    case.context, case.current = "2024-01-31", "'2024-01-31'"


def changes(data):
    """Every change of a kubeconfig, by name."""
    for name in NAMES:
        yield f"cluster {name}", lambda c, n=name: pem_name(c, n)
        yield f"user {name}", lambda c, n=name: setattr(c, "user", n)
        yield f"context {name}", lambda c, n=name: context_name(c, n)
        yield f"current {name}", lambda c, n=name: setattr(c, "current", n)
    for server in SERVERS:
        yield f"server {server}", lambda c, s=server: setattr(c, "server", s)
    for token in TOKENS:
        yield f"token {token}", lambda c, t=token: only_token(c, t)
        yield f"token beside {token}", lambda c, t=token: c.credential.append(("token", t))
    for what, certificate_pem, key_pem in pems():
        yield f"pair {what}", with_pem(certificate_pem, key_pem)
    for what, text in [("comment", "# ----- x: y\n{}"), ("latin-1", "# \xe9\n{}"), ("twice", "{0}{0}"), ("key", "{1}{0}"),
                       ("old label", "{2}"), ("trusted", "{3}")]:
        pem = base64.b64decode(data["certificate-authority-data"]).decode()
        label = pem.replace("CERTIFICATE", "X509 CERTIFICATE")
        trusted = openssl("x509", "-trustout", input=pem)
        whole = text.format(pem, base64.b64decode(data["client-key-data"]).decode(), label, trusted)
        whole = base64.b64encode(whole.encode("latin-1")).decode()
        yield f"ca with {what}", lambda c, w=whole: setattr(c, "ca", w)
    yield "date in quotes once", dated
    yield "no ca", lambda c: setattr(c, "ca", None)
    for n, value in enumerate(spellings(data["certificate-authority-data"])):
        yield f"ca spelled {n}", lambda c, v=value: setattr(c, "ca", v)
    for which, key in enumerate(["client-certificate-data", "client-key-data"]):
        for n, value in enumerate(spellings(data[key])):
            yield f"{key} spelled {n}", certificate(which, value)
        for token in ["secret", "''"]:
            for value in [data[key], "''", "null"]:
                def half(c, w=which, v=value, t=token, k=key):
                    c.credential = [(k, v), ("token", t)]
                yield f"{key} {value[:5]} with token {token}", half
    for what, fields in TYPED.items():
        for field, values in fields.items():
            for value in values:
                yield f"{field}: {value}", lambda c, w=what, f=field, v=value: \
                    getattr(c, f"{w}_more").append((f, v))
                if what == "user":
                    def with_token(c, f=field, v=value):
                        c.credential, c.user_more = [("token", "secret")], [(f, v)]
                    yield f"token and {field}: {value}", with_token
    for key in ["clusters", "users", "contexts"]:
        for entry in ENTRIES:
            yield f"{key} - {entry}", lambda c, k=key, e=entry: c.entries[k].append(e)
        for value in ["null", "[]", "{}", "5"]:
            yield f"{key}: {value} again", lambda c, k=key, v=value: c.tail.append(f"{k}: {v}")
    for head in ["kind: Pod", "kind: ''", "kind: null", "kind: 5", "apiVersion: v2", "apiVersion: ''",
                 "apiVersion: 1", "preferences: {}", "preferences: {colors: yes}", "preferences: null",
                 "preferences: {colors: 'yes'}", "extensions: [{name: x, extension: {a: 1:30}}]", "x: =",
                 "x: !custom 5", "current-context: other", "x: &a [1]\ny: *a", "x: *missing",
                 "x: &a [*a]", "5: x", "null: x", "? [a]\n: x", "? {a: b}\n: x", "yes: x", "# comment\there",
                 "x: 'tab\there'", "x: y\t", "x:\ty", "\tx: y", "x: y # with\ttab", "---", "%YAML 1.1\n---",
                 "%YAML 1.2\n---", "\ufeffx: y", "x: \x01", "x: \x7f", "x: \u2028y", "x: {a: b,\tc: d}",
                 "x: 2024-13-45", "x: {y: [2024-02-30]}", "x: 2024-01-31T25:00:00Z", "x: 2024-01-31 10:00:00 -23:59",
                 "2024-13-45: x", "x: 0b_", "x: -0x_", "x: <<", "<<: x", 'x: "a\\/b"', 'x: "\\ud83d\\ude00"',
                 'x: "\\\\/"', "x: !!set {a, b}", "x: !!int 5", "x: !!int x", "x: '2024-13-45'",
                 "x: |\n  a\tb", "\t", "x: >\n  a\n\t\n  b", "- a", "x: {", "x: \"a\\\n\t b\""]:
        last = head.startswith(("kind", "apiVersion"))
        yield f"head {head}", lambda c, h=head, n=2 if last else 0: c.head.insert(n, h)
    for tail in ["...", "---", "---\nx: y", "current-context: mgmt", "current-context: other",
                 "<<: {current-context: other}", "<<: {x: y}", "<<: [{x: y}, {x: z}]", "<<: 5",
                 "'<<': {current-context: other}", "trailing", "#", "\t", "  ", "\n\n"]:
        yield f"tail {tail}", lambda c, t=tail: c.tail.append(t)
    for name, more in [("merged", [("<<", "{token: secret}")]), ("twice merged", [("<<", "{token: a}"), ("token", "b")]),
                       ("then merged", [("token", "b"), ("<<", "{token: a}")]),
                       ("merged twice", [("<<", "{token: a}"), ("<<", "{token: b}")]),
                       ("merged lists", [("<<", "[{token: a}, {token: b}]")]),
                       ("merged list", [("<<", "[{token: a}, {x: y}]")]), ("twice", [("token", "a"), ("token", "b")])]:
        yield f"user {name}", lambda c, m=more: setattr(c, "credential", m)
    for start in ["...\n", "# c\n\n...\n", "...\n---\n", "... # c\n", "'...': x\n", "....: x\n"]:
        yield f"before {start!r}", lambda c, s=start: setattr(c, "form", lambda text: s + text)
    yield "crlf", lambda c: setattr(c, "form", lambda text: text.replace("\n", "\r\n"))
    yield "cr", lambda c: setattr(c, "form", lambda text: text.replace("\n", "\r"))
    for n, (indent, colon) in enumerate([(None, ":"), (2, ": "), ("\t", ": "), (2, ":\t")]):
        yield f"json {n}", lambda c, i=indent, s=colon: setattr(c, "form", as_json(i, s))
    yield "json \\/", lambda c: setattr(c, "form", lambda text: as_json(2, ": ")(text).replace("/", "\\/"))
    for cut in [20, 200, 700]:
        yield f"cut {cut}", lambda c, n=cut: setattr(c, "form", lambda text: text[:-n])
    for text in ["", "\n", "x", "[]", "{}", "null", "5", "\x00", "{\"a\": 1"]:
        yield f"whole {text!r}", lambda c, t=text: setattr(c, "form", lambda _: t)
    yield "anchored", lambda c: setattr(c, "form", lambda text: text.replace("name: mgmt", "name: &n mgmt", 1)
                                        .replace("cluster: mgmt", "cluster: *n"))


def corpus():
    """What the fuzz targets have found to be different: each that is text."""
    for path in sorted(pathlib.Path(__file__).parents[1].glob("fuzz/corpus/kubeconfig/*")):
        try:
            yield path.name, path.read_bytes().decode()
        except UnicodeDecodeError:
            pass


def main(seed, count, path):
    random.seed(int(seed))
    data, id = admin(path), 0

    def write(names, case):
        nonlocal id
        print(json.dumps({"id": id, "what": names, "text": case.text()}))
        id += 1

    write(["as it is"], Case(data))
    all = list(changes(data))
    for name, change in all:
        case = Case(data)
        change(case)
        write([name], case)
    for _ in range(int(count)):
        case, names = Case(data), []
        for name, change in random.sample(all, random.choice([2, 2, 3])):
            try:
                change(case)
                names.append(name)
            except IndexError:  # the credential has no such part any more
                continue
        write(names, case)

    for name, text in corpus():
        print(json.dumps({"id": id, "what": ["corpus " + name], "text": text}))
        id += 1


main(*sys.argv[1:])
