# Packages of the daemon's interpreter. A version that is replaced is stored as a wheel.
# REPACK runs in that interpreter, as root; it writes one wheel and prints its name.
REPACK = r'''
import base64, csv, hashlib, importlib.metadata as metadata, io, json, os, sys, zipfile

question = json.load(sys.stdin)
found = metadata.distribution(question["distribution"])
name = found.metadata["Name"].replace("-", "_").replace(".", "_")
stem = "%s-%s" % (name, found.version)
wheel = found.read_text("WHEEL")
if wheel is None or not found.files:
    sys.exit("%s %s was not installed from a wheel" % (found.metadata["Name"], found.version))
tags = [line.split(":", 1)[1].strip() for line in wheel.splitlines() if line.startswith("Tag:")]
scripts = {p.name for p in found.entry_points if p.group in ("console_scripts", "gui_scripts")}
left_out = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")
record, file_name = [], "%s-%s.whl" % (stem, tags[0] if tags else "py3-none-any")
temporary = os.path.join(question["home"], "." + file_name)
if os.path.exists(temporary):
    os.unlink(temporary)
with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED) as archive:
    for path in found.files:
        place, source = str(path), str(found.locate_file(path))
        info = os.path.dirname(place).endswith(".dist-info")
        if place.endswith(".pyc") or (info and os.path.basename(place) in left_out) or not os.path.isfile(source):
            continue
        if place.startswith(".."):
            base = os.path.basename(place)
            if base in scripts and os.path.basename(os.path.dirname(place)) == "bin":
                continue
            kind = "scripts" if "bin" in place.split("/") else "data"
            rest = base if kind == "scripts" else place.replace("../", "")
            place = "%s.data/%s/%s" % (stem, kind, rest)
        with open(source, "rb") as file:
            content = file.read()
        entry = zipfile.ZipInfo(place, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100755 if os.access(source, os.X_OK) and os.stat(source).st_mode & 0o100 else 0o100644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record.append([place, "sha256=" + digest, len(content)])
    home = next(p for p, _, _ in record if p.endswith(".dist-info/METADATA")).rpartition("/")[0]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(record + [[home + "/RECORD", "", ""]])
    archive.writestr(home + "/RECORD", text.getvalue())
with open(temporary, "rb") as file:
    os.fsync(file.fileno())
os.rename(temporary, os.path.join(question["home"], file_name))
print(file_name)
'''


def same_name(left, right):
    return re.sub(r"[-_.]+", "-", left).lower() == re.sub(r"[-_.]+", "-", right).lower()


def stored_wheel(distribution, version):
    """The stored wheel of a version."""
    home = state_directory("wheels")
    for name in sorted(os.listdir(home)):
        parts = name.split("-")
        if name.endswith(".whl") and len(parts) >= 5 and same_name(parts[0], distribution) and parts[1] == version:
            return os.path.join(home, name)
    return None


def installed(service, distribution):
    """The daemon's interpreter, and the distribution as the daemon's user imports it."""
    context = context_of(service, show(service))
    if context is None:
        raise Fail("no-daemon", "this unit has no %s, so there is no interpreter to install for" % service)
    answer = ask_interpreter(context, [{"probe": "python", "distribution": distribution, "group": ""}], 60)[0]
    if "failed" in answer:
        raise Fail(answer["code"], answer["failed"])
    if answer["pip"] is None:
        raise Fail("no-program", "%s has no pip" % context[0], expected="pip", found="none", next="apt-get install python3-pip")
    return context[0], answer["distribution"]


def keep_wheel(program, distribution, before):
    """Stores the installed version as a wheel, unless it belongs to a package manager: pip does not remove that."""
    if before is None or before["location"].startswith("/usr/lib/python3/"):
        return
    if stored_wheel(distribution, before["version"]) is not None:
        return
    home = state_directory("wheels")
    question = json.dumps({"distribution": distribution, "home": home}).encode()
    status, _, err = run([program, "-I", "-B", "-c", REPACK], 120, None, root_env(), question)
    if status != 0:
        last = err.strip().rpartition("\n")[2]
        raise Fail("not-kept", "%s %s can't be stored as a wheel: %s" % (distribution, before["version"], last[:300]))
    sync_directory(home)


def run_pip(program, args, until):
    """Runs pip. What it installs is readable by all users, whatever root's umask."""
    os.umask(0o022)
    try:
        status, out, err = change([program, "-m", "pip"] + args, max(1, until - time.monotonic()), root_env())
    finally:
        os.umask(0o077)
    if status != 0:
        lines = [line for line in (err + out.decode("utf-8", "replace")).splitlines() if "ERROR" in line or "error" in line]
        why = "; ".join(lines[:3]) or err.strip()[-300:] or "exit status %d" % status
        raise Fail("pip", "pip: " + re.sub(r"//[^/@\s]*@", "//…@", why)[:600])


def source_args(action, payload):
    """The arguments that name the source, and a directory to remove afterwards."""
    source = action["source"]
    if source == "kept":
        wheel = stored_wheel(action["distribution"], action["version"])
        if wheel is None:
            raise Fail("not-kept", "no wheel of %s %s is stored on this unit" % (action["distribution"], action["version"]),
                       expected=os.path.join(STATE, "wheels"), next="provide the wheel, or an index that has it")
        return ["--no-index", wheel], None
    if "index" in source:
        url = source["index"]["url"]
        index = [] if url is None else ["--index-url", url]
        return index + ["%s==%s" % (action["distribution"], action["version"])], None
    name, sha256 = source["wheel"]["file_name"], source["wheel"]["sha256"]
    if payload is None or hashlib.sha256(payload).hexdigest() != sha256:
        raise Fail("digest-differs", "the wheel that was sent is not the planned one", expected="sha256:" + sha256)
    if os.path.basename(name) != name or not name.endswith(".whl"):
        raise Fail("unexpected", "not the name of a wheel: %s" % name)
    home = os.path.join(state_directory("wheels"), ".in-" + secrets.token_hex(8))
    os.mkdir(home, 0o700)
    try:
        write_private(os.path.join(home, name), payload)
    except Fail:
        remove_tree(home)
        raise
    return ["--no-index", os.path.join(home, name)], home


def remove_tree(home):
    import shutil
    shutil.rmtree(home, ignore_errors=True)


def pip(action, program, args, until, before):
    """Runs pip. When it fails, it reinstalls what it removed; the installed version shows whether it did."""
    args = [args[0], "--no-input", "--disable-pip-version-check"] + args[1:]
    args += ["--break-system-packages"] if action["break_system_packages"] else []
    try:
        run_pip(program, args, until)
    except Fail as fail:
        if installed(action["service"], action["distribution"])[1] == before:
            fail.touched, fail.sure = "nothing", True
        raise


def act_pip_install(action, payload, until):
    distribution, version = action["distribution"], action["version"]
    program, before = installed(action["service"], distribution)
    if before is None or before["version"] != version:
        keep_wheel(program, distribution, before)
    source, home = source_args(action, payload)
    try:
        pip(action, program, ["install", "--no-deps", "--force-reinstall"] + source, until, before)
    finally:
        if home is not None:
            remove_tree(home)
    after = installed(action["service"], distribution)[1]
    if after is None or after["version"] != version:
        raise Fail("not-written", "pip succeeded, but %s would not import %s %s" % (action["service"], distribution, version),
                   expected=version, found=after and "%(version)s in %(location)s" % after, touched="maybe",
                   next="look for another copy earlier on the interpreter's path")


def act_pip_uninstall(action, payload, until):
    distribution = action["distribution"]
    program, before = installed(action["service"], distribution)
    if before is None:
        raise Fail("not-found", "%s is not installed" % distribution, expected="an installed version", found="none")
    keep_wheel(program, distribution, before)
    pip(action, program, ["uninstall", "--yes", distribution], until, before)
    after = installed(action["service"], distribution)[1]
    if after is not None:
        raise Fail("not-written", "%s is still installed" % distribution, expected="none",
                   found="%(version)s in %(location)s" % after, touched="maybe")
