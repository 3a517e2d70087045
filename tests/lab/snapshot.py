"""What is on a unit, one fact a line: files with owner, mode and digest, packages, services and their command lines.

Runs on the unit. Of what Debian's packages own, size and time stand for the content. Left out: what pip writes about where a package came from, byte code, and omega's own
directory of before-images, which stays on the unit for good.
"""
import grp
import hashlib
import importlib.metadata
import os
import pwd
import stat
import subprocess

TREES = ("/etc", "/usr/bin", "/usr/sbin", "/usr/local", "/usr/lib/python3/dist-packages", "/opt/wheels", "/lib/systemd/system",
         "/home", "/root", "/tmp", "/var/tmp", "/var/lib/magnum")
PACKAGED = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/lib/")
SHALLOW = ("/usr/lib/python3/dist-packages", "/etc/ssl/certs")    # what is in it, not what is in that
IGNORED_DIRS = ("__pycache__", "/var/lib/omega", "/root/.cache", "/var/lib/magnum/.cache", "/etc/magnum/.omega")
PROVENANCE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
IGNORED_FILES = ("/etc/mtab", "/etc/.updated", "/etc/machine-id", "/var/lib/magnum/magnum.db")

BUILT = os.stat("/etc/hostname").st_mtime      # written when the machine was made


def name(lookup, number):
    try:
        return lookup(number)[0]
    except KeyError:
        return str(number)


def ignored(path):
    directory, base = os.path.split(path)
    return path in IGNORED_FILES or (directory.endswith(".dist-info") and base in PROVENANCE)


def line(path):
    s = os.lstat(path)
    if stat.S_ISLNK(s.st_mode):
        what = "-> " + os.readlink(path)
    elif stat.S_ISREG(s.st_mode) and path.startswith(PACKAGED) and s.st_mtime < BUILT:
        what = f"{s.st_size} bytes of {s.st_mtime_ns}"
    elif stat.S_ISREG(s.st_mode):
        with open(path, "rb") as f:
            what = hashlib.file_digest(f, "sha256").hexdigest()
    else:
        what = "directory" if stat.S_ISDIR(s.st_mode) else "special"
    return f"file {path} {name(pwd.getpwuid, s.st_uid)}:{name(grp.getgrgid, s.st_gid)} {stat.S_IMODE(s.st_mode):04o} {what}"


lines = []
for tree in TREES:
    for directory, subdirs, files in os.walk(tree):
        subdirs[:] = [d for d in subdirs if d not in IGNORED_DIRS and os.path.join(directory, d) not in IGNORED_DIRS
                      and not (tree == "/var/tmp" and d.startswith("systemd-private-"))
                      and not (tree == "/tmp" and d.startswith("systemd-private-"))]
        lines += [line(os.path.join(directory, x)) for x in subdirs + files if not ignored(os.path.join(directory, x))]
        if directory in SHALLOW:
            subdirs.clear()
lines += [f"package {d.metadata['Name']} {d.version}" for d in importlib.metadata.distributions()]
for unit in ("magnum-api", "magnum-conductor"):
    shown = subprocess.run(["systemctl", "show", unit, "-p", "LoadState,ActiveState,SubState,UnitFileState,DropInPaths,NeedDaemonReload"],
                           capture_output=True, text=True, check=True).stdout.split("\n")
    lines += [f"service {unit} {x}" for x in shown if x]
    args = subprocess.run(["ps", "-ww", "-C", unit, "-o", "ppid=,args="], capture_output=True, text=True).stdout
    lines += [f"process {unit} {x.split(None, 1)[1]}" for x in args.splitlines() if x.split()[0] == "1"]
print("\n".join(sorted(set(lines))))
