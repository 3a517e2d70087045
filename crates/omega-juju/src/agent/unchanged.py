# Whether an import of the drivers would find what the last one found. Nothing is stored on the unit: who asks brings along
# the paths that the last import read, and a digest of their state.


def mark(path, found):
    """Every change of a file changes one of these; ctime can't be set."""
    return "%s %d %d %o %d %d %d %d %d" % (path, found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_gid,
                                          found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def marks_of(path):
    """The state of a path, and of what is in it if it is a directory; of a link also of what it leads to."""
    try:
        found = os.stat(path)
    except OSError as error:
        return [("%s: errno %s" % (path, error.errno), 0)]
    places = [(path, found)]
    if stat.S_ISDIR(found.st_mode):
        for entry in os.scandir(path):
            places.append((entry.path, entry.stat(follow_symlinks=False)))
            if entry.is_symlink() and os.path.exists(entry.path):
                places.append((entry.path + "/", os.stat(entry.path)))
    return [(mark(*place), place[1].st_ctime_ns) for place in places]


def state_of(context, question, paths):
    """A digest of all that an import depends on, and the time of the latest change. The environment leaves the machine only
    as a part of what is hashed."""
    program, user, env = context
    depends = [program, user.pw_uid, user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid), sorted(env.items()),
               question["args"], question["project"], question["prog"], question["group"]]
    digest, latest = hashlib.sha256(json.dumps(depends).encode()), 0
    for path in paths:
        for line, changed in sorted(marks_of(path)):
            digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
            latest = max(latest, changed)
    return digest.hexdigest(), latest


MOST_PATHS = 4000
SETTLED = 2 * 1000000000  # what changed within this time before an import may change again at the same time of the clock


def inputs_of(context, question, paths, started):
    """What an import that began at `started` (in nanoseconds since the epoch) depended on; None if that is not certain."""
    import base64
    import zlib
    if not paths or len(paths) > MOST_PATHS:
        return None
    digest, latest = state_of(context, question, paths)
    packed = zlib.compress("\n".join(paths).encode("utf-8", "surrogateescape"), 9)
    return {"paths": base64.b64encode(packed).decode(), "state": digest} if latest < started - SETTLED else None


def is_unchanged(context, question, known):
    import base64
    import zlib
    unpacker = zlib.decompressobj()
    paths = unpacker.decompress(base64.b64decode(known["paths"]), 1 << 20).decode("utf-8", "surrogateescape").split("\n")
    return state_of(context, question, paths)[0] == known["state"]
