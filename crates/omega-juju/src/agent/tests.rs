//! Tests of the agent with this machine's Python. They are ignored by default, and the lab runs
//! them (`cargo test -- --ignored python`).

use std::time::Duration;

use omega_core::{Diagnostic as _, Touched, values::Secret};

use super::*;
use crate::{
    Action, Error, FailureCode, FileState, Probe, Reply, ServiceAction,
    channel::{Deadlines, Local, python3},
};

const WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
#[ignore = "needs python3"]
async fn python_reports_what_is_on_disk() {
    use crate::Channel as _;
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).display().to_string().parse().unwrap();
    std::fs::write(home.path().join("text"), "caf\u{e9}\n").unwrap();
    std::fs::write(home.path().join("bytes"), [0xff, 0xfe]).unwrap();
    std::fs::write(home.path().join("large"), vec![b'x'; 65537]).unwrap();
    std::os::unix::fs::symlink("text", home.path().join("link")).unwrap();
    let mut probes: Vec<Probe> =
        ["text", "bytes", "large", "link", "none"].map(|n| Probe::Text { path: at(n) }).to_vec();
    probes.push(Probe::Directory { path: home.path().display().to_string().parse().unwrap() });
    probes.push(Probe::Directory { path: at("text") });
    let replies = Local::new(false, Deadlines::default()).ask(&probes).await.unwrap();
    let texts: Vec<Option<&str>> =
        replies
            .iter()
            .filter_map(|reply| {
                if let Reply::Text { text, .. } = reply { Some(text.as_deref()) } else { None }
            })
            .collect();
    assert_eq!(texts, [Some("caf\u{e9}\n"), None, None, None, None]);
    let Reply::Text { state: FileState::Link { target, resolved: Some(facts) }, .. } = &replies[3]
    else {
        panic!("{:?}", replies[3])
    };
    assert_eq!((target.as_str(), facts.size), ("text", 6));
    let names = ["bytes", "large", "link", "text"].map(String::from).to_vec();
    assert_eq!(replies[5], Reply::Directory { names: Some(names) });
    assert!(matches!(&replies[6], Reply::Failed(_)), "a probe that fails, fails alone");
}

fn stdin(preamble: Vec<u8>) -> Stdin {
    Stdin { preamble, payload: None }
}

fn reload() -> Request {
    let reload = Action::Service(ServiceAction::ReloadUnits);
    Request::act(&reload, Secret::new(vec![b'x'; 4096]).into(), WITHIN, None)
}

/// Sends all but the last `missing` bytes.
async fn cut(request: &Request, missing: usize) -> Error {
    let mut whole = Vec::new();
    request.stdin().write(&mut whole).await.unwrap();
    whole.truncate(whole.len() - missing);
    let output = python3(&from_stdin(), stdin(whole), WITHIN).await;
    done("unit", &output, &request.nonce).unwrap_err()
}

#[tokio::test]
#[ignore = "needs python3"]
async fn python_does_nothing_with_an_incomplete_payload_or_request() {
    let payload = cut(&reload(), 1).await;
    assert_eq!(payload.to_string(), "unit: the payload is incomplete");
    assert_eq!(payload.expected().as_deref(), Some("4096 bytes"));
    assert_eq!(payload.found().as_deref(), Some("4095 bytes"));
    assert_eq!(payload.touched(), Touched::Nothing);
    assert_eq!(payload.code(), Some(&FailureCode::Incomplete));
    let request = cut(&reload(), 4097).await;
    assert_eq!(request.to_string(), "unit: the request is incomplete; nothing was done");
    assert_eq!(request.touched(), Touched::Nothing);
}

#[tokio::test]
#[ignore = "needs python3"]
async fn python_reads_probes_from_arguments_too() {
    let probes = [Probe::File { path: "/nowhere".parse().unwrap() }];
    let request = Request::ask(&probes, WITHIN);
    let args = request.command("unit").unwrap();
    let output = python3(&args, stdin(Vec::new()), WITHIN).await;
    let found = replies("unit", &output, &request.nonce, &probes).unwrap();
    assert_eq!(found, [Reply::File(FileState::Absent)]);
    let mut altered = args;
    altered[7].pop();
    let output = python3(&altered, stdin(Vec::new()), WITHIN).await;
    assert!(replies("unit", &output, &request.nonce, &probes).is_err(), "cut in transit");
}

/// The temporary file of a killed placement holds the kubeconfig. No other file is removed.
#[test]
#[ignore = "needs python3"]
fn python_removes_the_copy_that_a_killed_placement_left() {
    let home = tempfile::tempdir().unwrap();
    let ours = ".kubeconfig.omega-0123456789abcdef";
    let others = [
        "kubeconfig",
        ".kubeconfig.omega-",
        ".kubeconfig.omega-0123456789abcdeg",
        ".kubeconfig.omega-0123456789abcdef0",
        ".kubeconfig2.omega-0123456789abcdef",
        "xkubeconfig.omega-0123456789abcdef",
    ];
    for name in others.into_iter().chain([ours]) {
        std::fs::write(home.path().join(name), "token").unwrap();
    }
    in_the_agent("sweep('kubeconfig', os.open(sys.argv[1], os.O_RDONLY))", home.path());
    let left = std::fs::read_dir(home.path()).unwrap().map(|one| one.unwrap().file_name());
    let mut left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
    let mut others = others.map(str::to_owned).to_vec();
    left.sort();
    others.sort();
    assert_eq!(left, others);
}

/// Once a program was started, something may have changed.
#[test]
#[ignore = "needs python3"]
fn python_reports_maybe_once_a_program_was_started() {
    for (before, touched) in [("", "nothing"), ("STARTED.append('systemctl')", "maybe")] {
        let home = tempfile::tempdir().unwrap();
        let statements = format!(
            "STATE = sys.argv[1]\n\
             def act_late(action, payload, until):\n    {before}\n    raise Fail('busy', 'late')\n\
             try:\n    perform({{'action': {{'action': 'late'}}, 'payload': None, 'seconds': 5}}, None)\n\
             except Fail as fail:\n    assert (fail.why, fail.code, fail.touched) == ('late', 'busy', '{touched}'), \
             (fail.why, fail.touched)\n\
             else:\n    raise SystemExit('nothing was raised')"
        );
        in_the_agent(&statements, home.path());
    }
}

/// Two distributions of one name are both listed with their paths, and broken metadata is named while the
/// rest is read.
#[test]
#[ignore = "needs python3"]
fn python_lists_every_copy_and_names_broken_metadata() {
    let home = tempfile::tempdir().unwrap();
    let metadata = |name: &str, files: &[(&str, &str)]| {
        let directory = home.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        for (file, text) in files {
            std::fs::write(directory.join(file), text).unwrap();
        }
    };
    let points = (
        "entry_points.txt",
        "[magnum.drivers]\nk8s_capi_helm_v1 = magnum_capi_helm.driver:Driver\n",
    );
    // pip renames one so while it removes it, and it stays if pip is killed.
    for (version, stem) in
        [("1.2.0", "~agnum"), ("1.3.0", "magnum"), ("1.4.0", "magnum"), ("1.5.0", "other")]
    {
        let text = format!("Metadata-Version: 2.1\nName: magnum-capi-helm\nVersion: {version}\n");
        metadata(
            &format!("{stem}_capi_helm-{version}.dist-info"),
            &[("METADATA", text.as_str()), points],
        );
    }
    metadata("Magnum.Capi_Helm-9.dist-info", &[("METADATA", "")]);
    metadata("magnum_capi_helm_docs-1.dist-info", &[]);
    let statements = r#"
text = open(sys.argv[2]).read().split("out = os.dup(1)")[0]
inside = {}
exec(compile(text, "inside", "exec"), inside)
sys.path.insert(0, sys.argv[1])
copies, broken = inside["copies_of"]({"distribution": "magnum-capi-helm", "group": "magnum.drivers"})
assert sorted(one["version"] for one in copies) == ["1.2.0", "1.3.0", "1.4.0", "1.5.0"], copies
assert all(one["path"].startswith(sys.argv[1]) and one["entry_points"] == ["k8s_capi_helm_v1"] for one in copies), copies
assert [one["path"].rpartition("/")[2] for one in broken] == ["Magnum.Capi_Helm-9.dist-info"], broken
found = inside["distributions"]({"containing": ["magnum"]})
assert len(found["others"]) == 3 and len(found["broken"]) == 2 and "magnum-capi-helm" in found["versions"], found
"#;
    let program = home.path().join("inside.py");
    std::fs::write(&program, include_str!("inside.py")).unwrap();
    let arguments = [home.path().to_str().unwrap(), program.to_str().unwrap()];
    run_python(&["-I", "-B", "-c", &format!("import sys\n{statements}")], &arguments);
}

/// Each change that an import could notice changes the digest, and nothing else does.
#[test]
#[ignore = "needs python3"]
fn python_notices_what_an_import_would() {
    let home = tempfile::tempdir().unwrap();
    let statements = r#"
HOME = sys.argv[1]
at = lambda name: os.path.join(HOME, name)
def write(name, text):
    with open(at(name), "w") as file:
        file.write(text)
    os.utime(at(name), ns=(0, 0))
os.makedirs(at("package/inner"))
write("package/module.py", "a")
write("single", "a")
os.symlink("module.py", at("package/link.py"))
user = pwd.getpwuid(os.geteuid())
context = ("/usr/bin/python3", user, {"A": "1"})
question = {"args": [], "project": "magnum", "prog": "magnum-conductor", "group": "magnum.drivers"}
paths = [at("absent"), at("package"), at("single")]
digest = lambda context=context, question=question, paths=paths: state_of(context, question, paths)[0]
before = digest()
assert digest() == before
def changes(what, change):
    global before
    change()
    after = digest()
    assert after != before, what
    before = after
changes("the same length and time", lambda: write("package/module.py", "b"))
changes("the mode", lambda: os.chmod(at("single"), 0o600))
changes("a new module", lambda: write("package/new.py", ""))
changes("where a link leads", lambda: (os.remove(at("package/link.py")), os.symlink("new.py", at("package/link.py"))))
changes("something in a directory below", lambda: write("package/inner/x.py", ""))
changes("what was absent", lambda: os.mkdir(at("absent")))
changes("a file that is gone", lambda: os.remove(at("single")))
assert digest((context[0], user, {"A": "2"})) != before, "the environment"
assert digest(("/usr/bin/python3.9", user, {"A": "1"})) != before, "the interpreter"
assert digest(question=dict(question, args=["--config-dir", "/x"])) != before, "the arguments"
long_ago, soon = time.time_ns() + 10 * SETTLED, time.time_ns()
assert inputs_of(context, question, paths, soon) is None, "it changes at the moment"
known = inputs_of(context, question, paths, long_ago)
assert is_unchanged(context, question, known)
write("package/module.py", "c")
assert not is_unchanged(context, question, known)
"#;
    let program = format!("{}\n{statements}\n", probes());
    run_python(&["-I", "-B", "-c", &program], &[home.path().to_str().unwrap()]);
}

/// Errors are counted from the start of the process, and what looks like a secret does not leave the unit.
#[test]
#[ignore = "needs python3"]
fn python_masks_secrets_in_the_last_error() {
    let statements = r#"
lines = ["2026-11-21 08:59:59.1 7 ERROR old x", "2026-11-21 09:00:01.1 7 INFO fine",
         "2026-11-21 09:00:02.1 7 CRITICAL magnum [-] Unhandled", "Traceback (most recent call last):", "  File x", "ValueError: bad"]
assert errors_of(lines, "2026-11-21 09:00:00") == (2, lines[5]), errors_of(lines, "2026-11-21 09:00:00")
head = "2026-11-21 09:00:02.1 7 ERROR magnum.service.periodic "
oslo = [head + rest for rest in ("[-] failed", "Traceback (most recent call last):", "  File x", "magnum.X: no", "")]
assert errors_of(oslo, "2026-11-21 09:00:00") == (1, oslo[3]), errors_of(oslo, "2026-11-21 09:00:00")
for secret in ("mysql://u:hunter2@h/db", "{'password': 'hunter2 hunter2'}", "token=hunter2, x", "Authorization: Bearer hunter2",
               "admin_password = hunter2", "X-Auth-Token: gAAAAAhunter2"):
    assert "hunter2" not in masked("ERROR x " + secret), masked(secret)
assert masked("ERROR cluster c9 is gone") == "ERROR cluster c9 is gone"
assert "kkkk" not in masked("ERROR x " + "k" * 64)
"#;
    run_python(&["-I", "-c", &format!("{}\n{statements}", probes())], &[]);
}

/// The unit file is what systemctl prints, in its lines; the value of a variable that is a secret is not.
#[test]
#[ignore = "needs python3"]
fn python_prints_a_unit_file_without_secrets() {
    let statements = r##"
path = "/etc/systemd/system/magnum-conductor.service.d/%s.conf" % ("o" * 70)
printed = "# %s\n[Service]\nEnvironment=\"DB_PASSWORD=hunter2\" HOME=/var/lib/magnum\nExecStart=/etc/init.d/magnum-conductor systemd-start\n" % path
def run(argv, seconds, *rest):
    if argv[1] == "show":
        return 0, ("LoadState=%s\n" % ("loaded" if "magnum" in argv[2] else "not-found")).encode(), ""
    assert argv == ["systemctl", "--no-pager", "cat", "magnum-conductor.service"], argv
    return 0, printed.encode(), ""
reply = probe_unit_file({"service": "magnum-conductor"}, 10)
assert reply == {"reply": "unit_file", "text": printed.replace("hunter2", "***")}, reply
assert probe_unit_file({"service": "nonesuch"}, 10) == {"reply": "unit_file", "text": None}
"##;
    run_python(&["-I", "-c", &format!("{}\n{statements}", probes())], &[]);
}

/// The program for probes, without its start.
fn probes() -> String {
    [
        include_str!("common.py"),
        include_str!("obstacle.py"),
        include_str!("held.py"),
        include_str!("network.py"),
        include_str!("unchanged.py"),
        include_str!("ask.py"),
    ]
    .concat()
}

/// What would stop a write is reported in the words of the write that fails.
#[test]
#[ignore = "needs python3"]
fn python_tells_what_would_stop_a_write() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "x").unwrap();
    let statements = r#"
HOME, nobody = sys.argv[1], {"owner": "nobody-here", "group": "root", "mode": "0600"}
STATE = HOME + "/state"
root = {"owner": "root", "group": "root", "mode": "0644"}


def why(path, access=root, size=1):
    try:
        refuse_write(HOME + path, access, size)
    except Fail as fail:
        return fail.code, fail.why.replace(HOME, "H"), fail.next and fail.next.replace(HOME, "H")


def placed(path, access=root):
    import hashlib
    action = dict(access, path=HOME + path, sha256=hashlib.sha256(b"x").hexdigest(), expect="absent")
    try:
        place(action, b"x")
    except Fail as fail:
        return fail.code, fail.why.replace(HOME, "H"), fail.next and fail.next.replace(HOME, "H")


def placed_state():
    try:
        state_directory("lock")
    except Fail as fail:
        return fail.code, fail.why.replace(HOME, "H")


for path, access in (("/none/below/x", root), ("/file/x", root), ("/new", nobody)):
    assert why(path, access) is not None and why(path, access) == placed(path, access), (why(path, access), placed(path, access))
assert why("/none/x") == ("not-found", "no such file or directory: H/none", "create H/none first"), why("/none/x")
assert why("/new") is None and placed("/new") is None, why("/new")
assert why("/new", None) is None and why("/none/below/x", None) is None
assert why("/new", size=1 << 60)[0] == "no-space"
STATE = HOME + "/file"
assert why("/new")[:2] == ("occupied", "H/file is not a directory that belongs to root") == placed_state()[:2], why("/new")
STATE = HOME + "/state"
real, os.statvfs = os.statvfs, lambda path: os.statvfs_result(tuple(real(path)[:8]) + (1,) + tuple(real(path)[9:]))
assert why("/new")[1].endswith(": read-only file system"), why("/new")
os.statvfs = real
protected = lambda path: path == HOME + "/new"
code, words, remedy = why("/new")
assert (code, words) == ("not-permitted", "H/new: operation not permitted") and "chattr -ia H/new" in remedy, (words, remedy)
assert why("/other") is None
"#;
    in_the_agent(statements, home.path());
}

/// An immutable file or directory: the probe and the actions say the same, and nothing is left behind. A
/// temporary file that can't be removed does not hide the first error.
#[test]
#[ignore = "needs python3"]
fn python_refuses_what_is_immutable_in_the_words_of_the_write() {
    let home = tempfile::tempdir().unwrap();
    let statements = r#"
import hashlib
HOME, root = sys.argv[1], {"owner": named(os.geteuid(), 0)[0], "group": named(0, os.getegid())[1], "mode": "0644"}
STATE, path = HOME + "/state", HOME + "/d/f"
os.mkdir(HOME + "/d")
open(path, "w").write("old")
sha = lambda text: hashlib.sha256(text).hexdigest()


def said(call, *args):
    try:
        call(*args)
    except Fail as fail:
        return fail.code, fail.why, fail.next


def same(path, name, access=root, **action):
    told = said(refuse_write, path, access, 1)
    done = said(globals()["act_" + name], dict(root, path=path, **action), b"x", 9e9)
    assert told is not None and told == done, (name, told, done)


def flags(change, path):
    return subprocess.call(["chattr", change, path], stderr=subprocess.DEVNULL) == 0


new, old = {"sha256": sha(b"x")}, {"expect": {"sha256": sha(b"old")}}
if flags("+i", path):
    try:
        same(path, "place_file", **new, **old)
        same(path, "set_file_mode")
        same(path, "remove_file", None, **old)
    finally:
        flags("-i", path)
for change in ("+i", "+a"):
    if flags(change, HOME + "/d"):
        try:
            same(HOME + "/d/n", "place_file", expect="absent", **new)
        finally:
            flags("-ia", HOME + "/d")
assert os.listdir(HOME + "/d") == ["f"], os.listdir(HOME + "/d")


def read_only(*args):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), ".n.omega-0123456789abcdef")


write_temporary = remove_quietly = read_only
failed = said(place, dict(root, path=HOME + "/d/n", expect="absent", **new), b"x")
assert failed[:2] == ("not-permitted", HOME + "/d/n: read-only file system"), failed
"#;
    in_the_agent(statements, home.path());
}

/// Runs statements that use the agent's functions.
fn in_the_agent(statements: &str, home: &std::path::Path) {
    let program = [
        include_str!("common.py"),
        include_str!("obstacle.py"),
        include_str!("held.py"),
        include_str!("lock.py"),
        include_str!("act.py"),
        statements,
    ];
    run_python(&["-I", "-c", &program.join("\n")], &[home.to_str().unwrap()]);
}

#[expect(clippy::disallowed_methods, reason = "a test without a channel")]
fn run_python(program: &[&str], arguments: &[&str]) {
    let mut python = std::process::Command::new("python3");
    let ran = python.args(program).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// The functions of `os` that the program for probes may call; none of them writes.
const READS: [&str; 29] = [
    "access",
    "basename",
    "close",
    "dirname",
    "dup",
    "dup2",
    "exists",
    "fdopen",
    "fsdecode",
    "fstat",
    "geteuid",
    "getgrouplist",
    "isdir",
    "isfile",
    "join",
    "killpg",
    "listdir",
    "lstat",
    "open",
    "readlink",
    "realpath",
    "scandir",
    "setgid",
    "setgroups",
    "setuid",
    "stat",
    "statvfs",
    "strerror",
    "write",
];

/// Checks the syntax tree of the program for probes. `write` writes to a pipe (`frame`), and `open`
/// gets no flag or mode that writes.
#[test]
#[ignore = "needs python3"]
fn python_probes_call_nothing_that_writes() {
    let statements = r#"
import ast
tree, calls, wrong = ast.parse(open(sys.argv[1]).read()), set(), []
for node in ast.walk(tree):
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("os", "os.path"):
        if node.attr.startswith("O_") and node.attr not in ("O_RDONLY", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
            wrong.append(node.attr)
    if not isinstance(node, ast.Call):
        continue
    name = ast.unparse(node.func)
    if ast.unparse(getattr(node.func, "value", node.func)) in ("os", "os.path"):
        calls.add(name.rpartition(".")[2])
    modes = [a.value for a in node.args[1:2] + [k.value for k in node.keywords if k.arg == "mode"]
             if isinstance(a, ast.Constant)]
    if name in ("open", "os.fdopen") and any(m not in ("r", "rb") for m in modes):
        wrong.append(ast.unparse(node))
calls -= set(sys.argv[2].split())
assert not calls and not wrong, (calls, wrong)
"#;
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("ask.py");
    let inside = include_str!("inside.py");
    for (text, more) in [
        (probes(), "_exit"),
        // memfd_create creates a file in memory: requests needs a path for a key.
        (inside.to_owned(), "memfd_create"),
    ] {
        std::fs::write(&program, text).unwrap();
        let allowed = format!("{} {more}", READS.join(" "));
        run_python(
            &["-I", "-c", &format!("import sys\n{statements}")],
            &[program.to_str().unwrap(), &allowed],
        );
    }
}

/// A program in the place of virsh: no hypervisor is needed.
#[tokio::test]
#[ignore = "needs python3"]
async fn python_lists_the_snapshots_of_each_domain() {
    use std::os::unix::fs::PermissionsExt as _;

    use crate::{Channel as _, DomainSnapshots};
    let home = tempfile::tempdir().unwrap();
    let virsh = home.path().join("virsh");
    let script = r#"#!/bin/sh
        [ "$*" = "-r -c qemu:///system snapshot-list --domain $6 --name" ] || exit 9
        case "$6" in one) printf 'after\nbefore\n\n';; none) echo;; *) echo "error: no domain" >&2; exit 1;; esac
    "#;
    std::fs::write(&virsh, script).unwrap();
    std::fs::set_permissions(&virsh, std::fs::Permissions::from_mode(0o700)).unwrap();
    let domains = ["one", "none", "absent"].map(str::to_owned).to_vec();
    let probe = |program: String| [Probe::Snapshots { program, domains: domains.clone() }];
    let local = Local::new(false, Deadlines::default());
    let replies = local.ask(&probe(virsh.display().to_string())).await.unwrap();
    let state = |domain: &str, snapshots: Option<&[&str]>, error: Option<&str>| DomainSnapshots {
        domain: domain.to_owned(),
        snapshots: snapshots.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
        error: error.map(str::to_owned),
    };
    let expected = vec![
        state("one", Some(&["after", "before"]), None),
        state("none", Some(&[]), None),
        state("absent", None, Some("error: no domain")),
    ];
    assert_eq!(replies, [Reply::Snapshots { domains: expected }]);
    let absent = local.ask(&probe("/nowhere/virsh".to_owned())).await.unwrap();
    let Reply::Failed(failure) = &absent[0] else { panic!("{absent:?}") };
    assert_eq!(failure.code, FailureCode::NoProgram);
}

/// Nothing listens there: the agent says so in words, not with a failure.
#[tokio::test]
#[ignore = "needs python3"]
async fn python_tells_why_nothing_can_be_downloaded() {
    use crate::Channel as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/helm.tar.gz", listener.local_addr().unwrap());
    drop(listener);
    let local = Local::new(false, Deadlines::default());
    let asked = [Probe::Download { url }, Probe::Download { url: "helm.tar.gz".to_owned() }];
    let replies = local.ask(&asked).await.unwrap();
    let errors = replies.iter().map(|reply| {
        let Reply::Source { error } = reply else { panic!("{reply:?}") };
        error.clone().unwrap_or_default()
    });
    let errors: Vec<String> = errors.collect();
    assert!(errors[0].to_lowercase().contains("connection refused"), "{errors:?}");
    assert!(errors[1].contains("unknown url type"), "{errors:?}");
}
