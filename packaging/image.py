#!/usr/bin/env python3
"""Writes an OCI image of one static program, without a daemon: one layer, the same bytes for the same input.

  packaging/image.py --program FILE --arch amd64 --version V --revision COMMIT --out IMAGE.tar
                     [--cas FILE] [--add FILE=PATH ...] [--name NAME:TAG] [--label KEY=VALUE ...]

The archive is an OCI image layout (skopeo's and podman's oci-archive) and also what `docker load` reads.
SOURCE_DATE_EPOCH is its time. What the image promises to `export kubernetes` is in docs/install.md.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import tarfile
from datetime import datetime, timezone
from pathlib import Path

USER = 65532
PROGRAM = "usr/local/bin/omega-cli"
CAS = "etc/ssl/certs/ca-certificates.crt"
PASSWD = f"root:x:0:0:root:/:/nonexistent\nomega:x:{USER}:{USER}:omega:/:/nonexistent\n"
GROUP = f"root:x:0:\nomega:x:{USER}:\n"
KINDS = {
    "index": "application/vnd.oci.image.index.v1+json",
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "layer": "application/vnd.oci.image.layer.v1.tar+gzip",
}


def archive(files, time):
    """Returns a tar of `files` (path: bytes, mode), all of root, with the directories that they are in."""
    entries = dict(files)
    for path in files:
        for parent in Path(path).parents:
            if str(parent) != ".":
                entries[str(parent) + "/"] = (None, 0o755)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, (data, mode) in sorted(entries.items()):
            info = tarfile.TarInfo(path)
            info.mtime, info.mode = time, mode
            if data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def descriptor(kind, data, **more):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return {"mediaType": KINDS[kind], "digest": digest, "size": len(data), **more}


def document(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def blob(digest):
    return "blobs/" + digest.replace(":", "/")


def image(layer_files, arch, labels, name, time, level):
    """Returns the files of the archive."""
    plain = archive(layer_files, time)
    layer = gzip.compress(plain, level, mtime=0)
    created = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {"org.opencontainers.image.created": created, **labels}
    config = document({
        "architecture": arch,
        "os": "linux",
        "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/local/bin", f"SSL_CERT_FILE=/{CAS}"],
            "Entrypoint": ["omega-cli"],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
        "history": [{"created": created, "created_by": "packaging/image.py"}],
    })
    of_config, of_layer = descriptor("config", config), descriptor("layer", layer)
    manifest = document({
        "schemaVersion": 2, "mediaType": KINDS["manifest"], "config": of_config, "layers": [of_layer], "annotations": labels,
    })
    of_manifest = descriptor("manifest", manifest, platform={"architecture": arch, "os": "linux"})
    if name:
        of_manifest["annotations"] = {"org.opencontainers.image.ref.name": name.rpartition(":")[2], "io.containerd.image.name": name}
    index = document({"schemaVersion": 2, "mediaType": KINDS["index"], "manifests": [of_manifest]})
    docker = document([{"Config": blob(of_config["digest"]), "Layers": [blob(of_layer["digest"])], "RepoTags": [name] if name else []}])
    blobs = {blob(of["digest"]): data for of, data in ((of_config, config), (of_layer, layer), (of_manifest, manifest))}
    whole = {"oci-layout": document({"imageLayoutVersion": "1.0.0"}), "index.json": index, "manifest.json": docker, **blobs}
    return {path: (data, 0o644) for path, data in whole.items()}, of_manifest["digest"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for required in ("--program", "--arch", "--version", "--revision", "--out"):
        parser.add_argument(required, required=True)
    parser.add_argument("--cas", default="/" + CAS, help="certificates of the CAs that are trusted, PEM")
    parser.add_argument("--add", action="append", default=[], metavar="FILE=PATH", help="one more file")
    parser.add_argument("--name", help="NAME:TAG, for who loads it; none: it is named when it is copied")
    parser.add_argument("--level", type=int, default=9, help="of compression, 0 to 9")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


def main():
    given = arguments()
    time = int(os.environ["SOURCE_DATE_EPOCH"])
    files = {
        PROGRAM: (Path(given.program).read_bytes(), 0o755),
        CAS: (Path(given.cas).read_bytes(), 0o644),
        "etc/passwd": (PASSWD.encode(), 0o644),
        "etc/group": (GROUP.encode(), 0o644),
    }
    for added in given.add:
        source, path = added.split("=", 1)
        files[path.lstrip("/")] = (Path(source).read_bytes(), 0o644)
    labels = {
        "org.opencontainers.image.title": "omega-cli",
        "org.opencontainers.image.description": "Typed, idempotent operations for Kubernetes on Charmed OpenStack",
        "org.opencontainers.image.version": given.version,
        "org.opencontainers.image.revision": given.revision,
        "org.opencontainers.image.licenses": "Apache-2.0",
        **dict(label.split("=", 1) for label in given.label),
    }
    whole, digest = image(files, given.arch, labels, given.name, time, given.level)
    Path(given.out).write_bytes(archive(whole, time))
    print(digest)


if __name__ == "__main__":
    main()
