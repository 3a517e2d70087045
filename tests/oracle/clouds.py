"""Writes cases, has openstacksdk read them, and compares that with omega's reading.

    clouds.py cases SEED COUNT > CASES      one JSON object a line
    clouds.py ask CASES > READINGS          what openstacksdk makes of them
    clouds.py compare WORK                  clouds.cases, .sdk, .omega, .rules and .planted in WORK

A case is a clouds.yaml, a secure.yaml and variables. openstacksdk reads them as the openstack
command has it do: OS_CLOUD and OS_REGION_NAME choose, OS_INTERFACE and OS_CACERT count, and `default` is the domain where nothing
says another (osc_lib/cli/client_config.py, `_auth_default_domain`). Both must read the same, or omega
must refuse, naming what it refuses.
"""
import collections
import json
import os
import random
import re
import sys
import tempfile
import warnings

SERVICES = {  # as omega calls them: names in keys
    "identity": ["identity"],
    "network": ["network"],
    "container-infra": ["container_infra", "container_infrastructure_management"],
    "block-storage": ["block_storage", "volumev3", "volume"],
    "load-balancer": ["load_balancer"],
    "compute": ["compute"],
    "image": ["image"],
    "placement": ["placement"],
    "key-manager": ["key_manager"],
}
OFFICIAL = {"container-infra": "container-infrastructure-management"}


# ---- cases

def maybe(chance):
    return random.random() < chance


def spelt(key):
    """A key as somebody may write it."""
    return key.replace("_", "-") if "_" in key and maybe(.2) else key


def place(cloud, key, value, beside=.2):
    """Puts a value inside of auth or beside it, sometimes into both."""
    here = cloud if maybe(beside) else cloud["auth"]
    here[spelt(key)] = value
    if maybe(.02):
        other = cloud["auth"] if here is cloud else cloud
        other[key] = value if maybe(.5) else "other"


def login(cloud):
    kind = random.choice(["password"] * 8 + ["token", "credential", "named credential"])
    place(cloud, "auth_url", random.choice(
        ["http://k:5000", "https://k/identity", "https://k:5000/v3", "https://k/identity/v3/"]), .05)
    if kind == "password":
        if maybe(.2):
            cloud["auth_type"] = random.choice(["password", "v3password"])
        place(cloud, "user_id" if maybe(.2) else random.choice(["username"] * 5 + ["user_name"]), "op", .1)
        place(cloud, "password", "x", .1)
    elif kind == "token":
        cloud["auth_type"] = random.choice(["token", "v3token"])
        place(cloud, random.choice(["token", "auth_token"]), "t")
    else:
        cloud["auth_type"] = "v3applicationcredential"
        place(cloud, "application_credential_secret", "s", .1)
        if kind == "credential":
            place(cloud, "application_credential_id", "ac1", .1)
        else:
            place(cloud, "application_credential_name", "ac", .1)
            place(cloud, "username", "op", .1)
            if maybe(.8):
                place(cloud, random.choice(["user_domain_name", "user_domain_id"]), "opsdom")
        return
    scope = random.random()
    if scope < .6:
        place(cloud, random.choice(["project_name"] * 4 + ["tenant_name"]), "ops")
    elif scope < .75:
        place(cloud, random.choice(["project_id"] * 4 + ["tenant_id"]), "p1")
    elif scope < .8:
        place(cloud, "system_scope", "all", .1)
    for key in ("user_domain_name", "user_domain_id", "project_domain_name", "project_domain_id"):
        # The client refuses a user's domain beside a token; omega passes it over, as it is not needed.
        if maybe(.3) and not (kind == "token" and key.startswith("user")):
            place(cloud, key, random.choice(["opsdom", "staff"]))
    if maybe(.25) and kind == "password":
        place(cloud, random.choice(["domain_name", "domain_id"]), "lone")
    if maybe(.1) and cloud.get("auth_type", "password") == "password":
        place(cloud, random.choice(["default_domain_id", "default_domain_name"]), "dflt", .1)


def connection(cloud):
    if maybe(.5):
        cloud[spelt("region_name")] = random.choice(["One", "One", "Two", "One,Two", ["One", "Two"]])
    elif maybe(.4):
        regions = ["One", "Two", {"name": "Three", "values": {
            "interface": "internal", "network_endpoint_override": "http://three/net",
            "auth": {"auth_url": "http://three:5000"}}}]
        cloud["regions"] = random.sample(regions, random.choice([1, 1, 1, 2, 3]))
    if maybe(.4):
        cloud["interface"] = random.choice(
            ["public", "internal", "admin", "internalURL", ["internal", "public"], ["admin"]] * 3 + ["odd"])
    if maybe(.05):
        cloud["endpoint-type" if maybe(.1) else "endpoint_type"] = random.choice(["public", "internal", "adminURL"])
    if maybe(.25):
        cloud["verify"] = random.choice([True, True, False, True, False, "False"])
    if maybe(.15):
        cloud["insecure"] = random.choice([True, False, "true", "false", "yes"])
    if maybe(.2):
        cloud["cacert"] = "/etc/ca.pem"
    elif maybe(.05):
        cloud["verify"] = None  # beside a cacert the client then takes the machine's own CAs
    for service, names in SERVICES.items():
        if maybe(.08):
            key = f"{random.choice(names)}_{random.choice(['endpoint_override'] * 4 + ['endpoint'])}"
            cloud[spelt(key)] = f"http://{service}/override"
    for key, value, chance in [
            ("network_region_name", "Two", .02), ("identity_interface", "admin", .02),
            ("identity_api_version", random.choice([3, "3", "2.0"]), .1), ("cert", "/c.pem", .02),
            ("compute_api_version", "2.1", .05), ("image_format", "raw", .05),
            ("networks", [{"name": "public", "routes_externally": True}], .05), ("profile", "nobody", .01)]:
        if maybe(chance):
            cloud[key] = value
    for key, value in [("verify", False), ("insecure", True), ("region_name", "Two"), ("colour", "blue"),
                       ("trust_id", "t")]:
        if maybe(.02):
            cloud["auth"][key] = value


# Values in YAML that JSON has not, in a cloud that is not chosen.
ODD = ["{x: .inf}", "{x: .nan}", "{x: !!int 5}", "{~: x}", "{null: x}", "{5: x}", "{x: !!set {a, b}}",
       "{x: !!binary eA==}", "{x: 2024-01-31}", "{x: 2024-13-45}", "{x: !other y}", "{x: 1:30}", "{<<: {x: y}}",
       "{<<: 5}", "{x: =}", "{[a]: x}", "{x: \"\\ud83d\\ude00\"}", "{x: \"a\\/b\"}", "!!omap [{a: b}]"]

NEIGHBOURS = [
    {"auth_type": "v3multifactor", "auth": {"auth_methods": ["v3password", "v3totp"]}},
    {"auth": {"verify": False}, "profile": "nobody"}, {}, {"region_name": "Nine", "regions": [1]},
]


def case(id):
    cloud = {"auth": {}}
    login(cloud)
    connection(cloud)
    variables = {}
    if maybe(.15):  # variables alone
        for key, value in {**cloud, **cloud["auth"]}.items():
            # The client takes OS_VERIFY for the path of a CA, whatever it says.
            if key not in ("auth", "verify") and value is not None and not isinstance(value, (list, dict)):
                variables["OS_" + key.upper().replace("-", "_")] = str(value)
        return {"id": id, "clouds": None, "secure": None, "variables": variables}
    variables["OS_CLOUD"] = "a"
    if maybe(.3):
        variables["OS_REGION_NAME"] = random.choice(["One", "One", "Two", "Three"])
    if maybe(.1):
        variables["OS_IMAGE_ENDPOINT_OVERRIDE"] = "http://variable/image"
    if maybe(.1):
        variables["OS_INTERFACE"] = random.choice(["public", "internal", "admin"])
    if maybe(.1) and cloud.get("verify", True) is not None:
        variables["OS_CACERT"] = random.choice(["/etc/ca.pem", "/variable.pem"])
    secure = None
    if maybe(.2):
        secure = {"clouds": {"a": {"auth": {}}}}
        for key in list(cloud["auth"]):
            # Of two places in two files the client takes the one beside auth, in any order.
            if key.replace("-", "_") in cloud:
                continue
            if "password" in key or "secret" in key or maybe(.1):
                secure["clouds"]["a"]["auth"][key] = cloud["auth"].pop(key)
        if maybe(.3):
            secure["clouds"]["a"]["interface"] = "internal"
    clouds = {"clouds": {"a": cloud}}
    if maybe(.4):
        clouds["clouds"]["b"] = random.choice(NEIGHBOURS)
    odd = random.choice(ODD) if "b" not in clouds["clouds"] and maybe(.2) else None
    return {"id": id, "clouds": clouds, "secure": secure, "variables": variables, "odd": odd}


# ---- openstacksdk

def domain(auth, of, fallback):
    if auth.get(f"{of}_domain_id"):
        return {"id": auth[f"{of}_domain_id"]}
    if auth.get(f"{of}_domain_name"):
        return {"name": auth[f"{of}_domain_name"]}
    if auth.get("default_domain_id"):
        return {"id": auth["default_domain_id"]}
    if auth.get("default_domain_name"):
        return {"name": auth["default_domain_name"]}
    return fallback


def client():
    """The client's reader, with the domain that the openstack command assumes for a password."""
    from openstack.config import loader

    class Client(loader.OpenStackConfig):
        def auth_config_hook(self, config):
            auth = config["auth"]
            said = any(auth.get(key) or config.get(key)
                       for key in ("default_domain_id", "default_domain_name"))
            for of in ("user", "project") if config["auth_type"] in ("password", "v3password") else ():
                if not (said or auth.get(f"{of}_domain_id") or auth.get(f"{of}_domain_name")):
                    auth[f"{of}_domain_id"] = "default"
            return config

    return Client


def ask(one):
    for name in [name for name in os.environ if name.startswith("OS_")]:
        del os.environ[name]
    os.environ.update(one["variables"])
    with tempfile.TemporaryDirectory() as work:
        files = {}
        for name in ("clouds", "secure"):
            files[name] = []
            if one[name] is not None:
                files[name] = [os.path.join(work, f"{name}.yaml")]
                text = json.dumps(one[name])
                if name == "clouds" and one.get("odd"):
                    text = f"{text[:-2]}, \"b\": {one['odd']}}}}}"
                with open(files[name][0], "w") as f:
                    f.write(text)
        config = client()(
            config_files=files["clouds"], secure_files=files["secure"], vendor_files=[])
        arguments = {}
        if one["clouds"] is not None:
            override = one["variables"].get("OS_IMAGE_ENDPOINT_OVERRIDE")
            arguments = {"image_endpoint_override": override} if override else {}
            # As the command passes them on.
            for key in ("interface", "cacert"):
                if value := one["variables"].get("OS_" + key.upper()):
                    arguments[key] = value
        region = config.get_one(
            cloud=one["variables"].get("OS_CLOUD"),
            region_name=one["variables"].get("OS_REGION_NAME", ""), **arguments)
    auth, default = region.config["auth"], {"id": "default"}
    user = {"id": auth["user_id"]} if auth.get("user_id") else {
        "name": auth.get("username"), "domain": domain(auth, "user", default)}
    kind = region.config["auth_type"]
    if kind == "v3applicationcredential":
        which = {"application_credential": auth.get("application_credential_id")}
        if not which["application_credential"]:
            which = {"application_credential": auth.get("application_credential_name"), "of": user}
        login, scope = which, None
    else:
        login = "token" if "token" in kind else {"password": user}
        if auth.get("project_id"):
            scope = {"project": {"id": auth["project_id"]}}
        elif auth.get("project_name"):
            scope = {"project": {"name": auth["project_name"],
                                 "domain": domain(auth, "project", default)}}
        elif auth.get("domain_id"):
            scope = {"domain": {"id": auth["domain_id"]}}
        elif auth.get("domain_name"):
            scope = {"domain": {"name": auth["domain_name"]}}
        else:
            scope = "system" if auth.get("system_scope") else None
    # An address that is given is asked for at the class's own word: `get_endpoint` also returns
    # auth_url for an identity without a scope.
    endpoints = {}
    for service in SERVICES:
        official = OFFICIAL.get(service, service)
        given = [region._get_config(key, official) for key in ("endpoint_override", "endpoint")]
        if any(given):
            endpoints[service] = next(filter(None, given)).rstrip("/")
    interface = region.get_interface()
    interfaces = interface if isinstance(interface, list) else [interface]
    verify, _ = region.get_requests_verify_args()
    return {
        "auth_url": auth["auth_url"].rstrip("/"),
        "login": login,
        "scope": scope,
        "region": region.get_region_name() or None,
        "interfaces": [re.sub("URL$", "", name) for name in interfaces],
        "verify": verify is not False,
        "cacert": verify if isinstance(verify, str) else None,
        "endpoints": endpoints,
    }


# ---- comparison

def lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def named(one, why):
    """Whether a refusal names a key, a variable or a region of the case."""
    words = set(re.findall(r'"([^"]+)"', json.dumps(one)))
    words |= {word.replace("-", "_") for word in words} | set(one["variables"])
    if one.get("odd"):
        words.add("line 1")  # of the file
    return any(word in why for word in words if len(word) > 2) or "is missing" in why


def differs(one, sdk, omega):
    """Why omega's reading is wrong; None if it is right, or refused by name."""
    if omega["refused"] is not None:
        return None if named(one, omega["refused"]) else "refused without a name"
    if sdk["refused"] is not None:
        return "openstacksdk refuses it"
    wrong = [key for key in sdk["read"] if sdk["read"][key] != omega["read"][key]]
    return f"read otherwise: {', '.join(wrong)}" if wrong else None


def compare(work):
    cases = {one["id"]: one for one in lines(f"{work}/clouds.cases")}
    sdk = {one["id"]: one for one in lines(f"{work}/clouds.sdk")}
    omega = {one["id"]: one for one in lines(f"{work}/clouds.omega")}
    assert cases.keys() == sdk.keys() == omega.keys(), "not all cases were read"
    wrong = {id: why for id, one in cases.items() if (why := differs(one, sdk[id], omega[id]))}
    for id, why in list(wrong.items())[:5]:
        print(f"case {id}: {why}", json.dumps(cases[id]), f"  openstacksdk: {json.dumps(sdk[id])}",
              f"  omega:        {json.dumps(omega[id])}", sep="\n")
    refused = [id for id in cases if omega[id]["refused"] is not None]
    both = [id for id in refused if sdk[id]["refused"] is not None]
    alike = len(cases) - len(wrong) - len(refused)
    tally = collections.Counter(re.sub(r"^[^:]*: | from \S+", "", omega[id]["refused"])[:60]
                                for id in refused if sdk[id]["refused"] is None)
    for why, count in tally.most_common(12):
        print(f"{count:5} refused by omega alone: {why}")
    with open(f"{work}/clouds.rules") as f:
        rules = f.read().splitlines()
    noticed = set()
    for planted in lines(f"{work}/clouds.planted"):
        id = planted["reading"]["id"]
        if differs(cases[id], sdk[id], planted["reading"]):
            noticed.add(planted["rule"])
    for rule in sorted(set(rules) - noticed):
        print(f"planted and not noticed: {rule}")
    print(f"{len(cases)} clouds: {alike} read alike, {len(refused)} refused by name ({len(both)} by "
          f"openstacksdk too), {len(wrong)} wrong; {len(rules)} planted rules, {len(noticed)} noticed")
    sys.exit(bool(wrong or not rules or set(rules) != noticed or 3 * alike < len(cases)))


def main(what, *arguments):
    if what == "cases":
        random.seed(int(arguments[0]))
        for id in range(int(arguments[1])):
            print(json.dumps(case(id)))
    elif what == "ask":
        warnings.simplefilter("ignore")
        for one in lines(arguments[0]):
            try:
                answer = {"read": ask(one), "refused": None}
            except Exception as error:
                answer = {"read": None, "refused": f"{type(error).__name__}: {error}"}
            print(json.dumps({"id": one["id"], **answer}))
    else:
        compare(*arguments)


main(*sys.argv[1:])
