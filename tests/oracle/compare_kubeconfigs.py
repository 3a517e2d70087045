"""Compares how two readers took kubeconfigs with what omega says: compare_kubeconfigs.py WORK

Reads in WORK: kubeconfigs, loader (the driver's), goclient, said, kubeconfig-rules, kubeconfig-planted.
omega must take what both take alike, and nothing else; what it refuses with a reader's name that reader
must refuse, or read as something else. Its own refusals are few, and counted.
"""
import collections
import json
import sys
from urllib.parse import urlsplit

# What omega refuses although both readers may take it, by its words, and why.
OWN = {
    "it uses `": "the driver does not read that field, and goes on without it",
    "it authenticates by ": "the driver does not support it, and goes on without it",
    "is in a separate file": "useless on another machine",
    "has a YAML tag": "the readers' tags differ",
    "is given, and then merged": "the readers disagree about which value counts",
    "is a list or a map": "a key that is no text",
    "has blanks, a query or a fragment": "the driver appends paths to the text",
    "has a user or a password in it": "it would be shown",
    "is not https": "a credential goes over TLS only",
    "is not a URL": "the driver wants the scheme",
    "has no current context": "an empty name is no name",
    "`` is not in it": "an empty name is no name",
    "it has no users": "Go passes over an empty list that the driver needs",
    "truncated, or not a kubeconfig in YAML": "directives, and what ends a line in YAML 1.1 only",
}


def lines(path):
    with open(path) as f:
        return {(value := json.loads(line))["id"]: value for line in f}


def server(text):
    at = urlsplit(text)
    return at.scheme, (at.hostname or "").lower(), at.port or 443, at.path.rstrip("/")


def facts(one):
    """What is used. The driver uses a certificate rather than a token."""
    auth = ("certificate", one["certificate"]) if one.get("certificate") else ("token", one.get("token"))
    return server(one["server"]), one.get("ca") or None, auth


def same(driver, other):
    """A name that is no text to the driver is another object, with another spelling."""
    return driver["context"] in (None, other["context"]) and facts(driver) == facts(other)


def alike(driver, go):
    return bool(driver["takes"] and go["takes"] and driver["text"] and same(driver, go))


def agrees(driver, go, said):
    both = alike(driver, go)
    if said["takes"]:
        return both and said["context"] == go["context"] and facts(said) == facts(driver)
    own = any(words in said["why"] for words in OWN)
    if said["reader"] == "driver":
        return own or not (driver["takes"] and driver["text"]) or go["takes"] and not both
    if said["reader"] == "go":
        return not go["takes"]
    return own or not (driver["takes"] or go["takes"])


def main(work):
    cases, driver, go, said = (lines(f"{work}/{name}") for name in ("kubeconfigs", "loader", "goclient", "said"))
    assert cases.keys() == driver.keys() == go.keys() == said.keys(), "not all cases were answered"
    wrong = [id for id in cases if not agrees(driver[id], go[id], said[id])]
    for id in wrong[:5]:
        print(f"kubeconfig {id} disagrees: {cases[id]['what']}")
        for name, one in [("driver", driver[id]), ("go", go[id]), ("said", said[id])]:
            print(f"  {name}: {json.dumps(one)[:420]}")
    tally = collections.Counter()
    for id in cases:
        one = said[id]
        tally["taken" if one["takes"] else f"refused by {one['reader'] or 'omega'}"] += 1
    print("kubeconfigs: " + ", ".join(f"{count} {name}" for name, count in sorted(tally.items())))
    for words, why in OWN.items():
        count = sum(alike(driver[id], go[id]) and words in (said[id].get("why") or "") for id in cases)
        if count:
            print(f"{count:4} refused by omega alone, `{words.strip()}`: {why}")
    with open(f"{work}/kubeconfig-rules") as f:
        rules = f.read().splitlines()
    noticed = set()
    with open(f"{work}/kubeconfig-planted") as f:
        for planted in map(json.loads, f):
            one = planted["said"]
            if not agrees(driver[one["id"]], go[one["id"]], one):
                noticed.add(planted["rule"])
    for rule in sorted(set(rules) - noticed):
        print(f"planted and not noticed: {rule}")
    print(f"kubeconfigs: {len(rules)} planted rules, {len(noticed)} noticed")
    print(f"kubeconfigs: {len(cases)} cases, {len(cases) - len(wrong)} agree")
    sys.exit(bool(wrong or not rules or set(rules) != noticed))


main(*sys.argv[1:])
