#!/usr/bin/env python3
"""Checks an image of packaging/image.py: the digests and sizes, the documents, and that the pods of
`omega-cli export kubernetes` find in it what they expect.

  packaging/check_image.py IMAGE.tar EXPORT.json [SCHEMAS]

EXPORT.json is what `export kubernetes --output json` prints. SCHEMAS is the directory `schema` of the image
specification's sources; with it (and the Python package jsonschema) the documents are validated by it too.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path


def check(holds, message):
    if not holds:
        sys.exit(f"error: {message}")


def read(path):
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar if info.isfile()}


def fetch(files, descriptor):
    """Returns the bytes that a descriptor is of."""
    name = "blobs/" + descriptor["digest"].replace(":", "/")
    check(name in files, f"{name} is not in the archive")
    data = files[name]
    check(len(data) == descriptor["size"], f"{name} has {len(data)} bytes, its descriptor says {descriptor['size']}")
    check("sha256:" + hashlib.sha256(data).hexdigest() == descriptor["digest"], f"{name} has another digest")
    return data


def documents(files):
    """Returns index, manifest, configuration and layer; all blobs are reached, and no more."""
    check(json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}, "oci-layout is another one")
    index = json.loads(files["index.json"])
    (of_manifest,) = index["manifests"]
    manifest = json.loads(fetch(files, of_manifest))
    config = json.loads(fetch(files, manifest["config"]))
    (of_layer,) = manifest["layers"]
    plain = gzip.decompress(fetch(files, of_layer))
    check(config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(plain).hexdigest()], "the diff id is not the layer's")
    check(of_manifest["platform"] == {key: config[key] for key in ("architecture", "os")}, "the platforms differ")
    blobs = [name for name in files if name.startswith("blobs/")]
    check(len(blobs) == 3, f"{len(blobs)} blobs, 3 are used")
    (docker,) = json.loads(files["manifest.json"])
    check(fetch(files, manifest["config"]) == files[docker["Config"]], "docker's manifest has another configuration")
    check([files[name] for name in docker["Layers"]] == [fetch(files, of_layer)], "docker's manifest has another layer")
    return index, manifest, config, plain


def check_layer(plain):
    """Returns the members by path: all of root, none that others can write or that gains rights."""
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = {"/" + info.name: info for info in tar}
    for path, info in members.items():
        check(info.isfile() or info.isdir(), f"{path} is neither a file nor a directory")
        check((info.uid, info.gid) == (0, 0), f"{path} is not root's")
        check(info.mode & 0o7022 == 0, f"{path} has the mode {info.mode:o}")
    return members


def check_pods(config, members, export):
    """The pods name the program without a path, run as a user with a number, and mount over nothing of the image."""
    pods = [item["spec"]["jobTemplate"]["spec"]["template"]["spec"] for item in export["items"] if item["kind"] == "CronJob"]
    check(pods, "the export has no CronJob")
    path = next(of.removeprefix("PATH=") for of in config["config"]["Env"] if of.startswith("PATH="))
    for pod in pods:
        (container,) = pod["containers"]
        (program,) = container["command"]
        found = [members.get(f"{directory}/{program}") for directory in path.split(":")]
        check(any(info and info.mode & 0o111 for info in found), f"{program} is not on the image's PATH {path}")
        check([program] == config["config"]["Entrypoint"], "the entry point is another program")
        security = pod["securityContext"]
        user = f"{security['runAsUser']}:{security['runAsGroup']}"
        check(user == config["config"]["User"], f"pods run as {user}, the image as {config['config']['User']}")
        for mount in container["volumeMounts"]:
            below = [name for name in members if f"{name}/".startswith(mount["mountPath"] + "/")]
            check(not below, f"{mount['name']} is mounted over {below}")
    return len(pods)


def without_id(schema):
    """The ids are addresses on the network, which the names of files would be resolved against."""
    return {key: value for key, value in schema.items() if key != "id" or not isinstance(value, str)}


def validate(schemas, index, manifest, config):
    """By the specification's own schemas (draft 4), which refer to each other by file name."""
    import jsonschema
    from referencing import Registry
    from referencing.jsonschema import DRAFT4

    every = {path.name: json.loads(path.read_text(), object_hook=without_id) for path in schemas.glob("*.json")}
    registry = Registry().with_resources((name, DRAFT4.create_resource(schema)) for name, schema in every.items())
    for name, value in (("image-index", index), ("image-manifest", manifest), ("config", config)):
        jsonschema.Draft4Validator(every[f"{name}-schema.json"], registry=registry).validate(value)
    return "valid by the specification's schemas"


def main():
    image, export = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    index, manifest, config, plain = documents(read(image))
    members = check_layer(plain)
    pods = check_pods(config, members, export)
    schemas = validate(Path(sys.argv[3]), index, manifest, config) if len(sys.argv) > 3 else "not validated by schemas"
    print(f"image: {len(members)} members, digests and sizes are right, it fits {pods} pod(s) of the export; {schemas}")


if __name__ == "__main__":
    main()
