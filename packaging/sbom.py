#!/usr/bin/env python3
"""Writes the program's bill of materials, as CycloneDX 1.5 JSON: the crates of one target, with licences and digests.

  packaging/sbom.py TARGET VERSION OUT          in the root of the checkout; SOURCE_DATE_EPOCH is its time
"""

import json
import os
import sys
import uuid
from datetime import datetime, timezone

from components import PROGRAM, components


def reference(key):
    return "pkg:cargo/{}@{}".format(*key)


def component(crate):
    entry = {
        "type": "library",
        "bom-ref": reference(crate.key),
        "name": crate.name,
        "version": crate.version,
        "description": crate.description,
        "scope": "required" if crate.linked else "excluded",
        "licenses": [{"expression": crate.licence}],
        "purl": reference(crate.key),
    }
    if crate.sha256:
        entry["hashes"] = [{"alg": "SHA-256", "content": crate.sha256}]
    if crate.repository:
        entry["externalReferences"] = [{"type": "vcs", "url": crate.repository}]
    return entry


def document(target, version, crates):
    root = next(crate for crate in crates.values() if crate.name == PROGRAM)
    main = component(root) | {"type": "application", "version": version}
    del main["scope"]
    time = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    others = [crates[key] for key in sorted(crates) if key != root.key]
    body = {
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": main,
            "properties": [{"name": "omega:target", "value": target}],
        },
        "components": [component(crate) for crate in others],
        "dependencies": [
            {"ref": reference(key), "dependsOn": [reference(need) for need in crates[key].needs]} for key in sorted(crates)
        ],
    }
    # The same contents have the same number.
    number = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(body, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{number}", "version": 1}
    return head | body


def main():
    target, version, out = sys.argv[1:]
    crates = components(target)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(document(target, version, crates), file, indent=1, ensure_ascii=False)
        file.write("\n")
    print(f"{len(crates)} crates: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
