//! The stand-in does what juju is documented to do: a test for each line of the reference that
//! concerns behaviour (`shared/reference/05-juju-cli.md`, whose words are quoted), and what omega
//! makes of it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use omega_core::{Context, Desired as _, Diagnostic as _, EnsureError, Touched, ensure, plan};
use omega_juju::{
    Action, Channel as _, Error, Payload, Probe,
    channel::{Deadlines, Juju, JujuProgram, JujuTarget, juju_units},
    charm::{self, CharmConfig, ensure_charm_config},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A stand-in with two units, both of them this machine.
struct Model {
    home: TempDir,
}

impl Model {
    fn new(more: &Value) -> Self {
        let model = Self { home: tempfile::tempdir().unwrap() };
        let path = model.home.path().join("bin");
        fs::create_dir(&path).unwrap();
        let machine = json!({ "local": { "path": [path] } });
        let mut config = json!({
            "units": { "magnum/0": machine, "magnum/1": machine },
            "leaders": { "magnum": "magnum/1" },
            "model": "openstack",
            "log": model.home.path().join("log"),
        });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        fs::write(model.config(), config.to_string()).unwrap();
        // The program as an operator has it, knowing its configuration.
        let script = format!(
            "#!/bin/sh\nOMEGA_JUJU_STANDIN='{}' exec '{}' \"$@\"\n",
            model.config().display(),
            env!("CARGO_BIN_EXE_juju")
        );
        model.script("../juju", &script);
        model
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("config.json")
    }

    fn program(&self) -> PathBuf {
        self.home.path().join("juju")
    }

    /// A program on the units' PATH.
    fn script(&self, name: &str, text: &str) {
        let path = self.home.path().join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    fn juju(&self, args: &[&str], stdin: Option<&str>) -> Output {
        let mut command = Command::new(self.program());
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = spawned(&mut command);
        if let Some(text) = stdin {
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        }
        child.wait_with_output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.juju(args, None).stdout).unwrap()
    }

    /// The command lines so far.
    fn log(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn channel(&self, unit: &str, deadlines: Deadlines) -> Juju {
        let unit = unit.parse().unwrap();
        let model = Some("openstack".to_owned());
        Juju::new(JujuTarget::new(self.program(), unit).in_model(model.as_deref()), deadlines)
    }
}

/// Another test may fork while the script is being written, and its child has it open for a moment.
#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn spawned(command: &mut Command) -> std::process::Child {
    loop {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            child => return child.unwrap(),
        }
    }
}

fn plain() -> Model {
    Model::new(&json!({}))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn probe() -> [Probe; 1] {
    [Probe::File { path: "/etc".parse().unwrap() }]
}

fn quick() -> Deadlines {
    let quick = Duration::from_secs(2);
    Deadlines { connect: quick, probe: quick, act: quick }
}

// "`juju exec --unit U [--unit V] [--format json|yaml|plain] [--wait 10m] [-m model] -- <cmd>`"
#[test]
fn exec_takes_units_a_format_a_wait_and_a_model() {
    let args = ["exec", "--unit", "magnum/0", "--unit=magnum/1", "--format", "json", "--wait=10m"];
    let answer = plain().json(&[args.as_slice(), &["-m", "openstack", "--", "echo hi"]].concat());
    let units: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(units, ["magnum/0", "magnum/1"]);
    let output = plain().juju(&["exec", "--unit", "magnum/0", "-m", "other", "--", "true"], None);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "ERROR model admin/other not found\n");
}

// "`app/leader` accepted for --unit"
#[test]
fn exec_takes_the_leader_of_an_application() {
    let answer =
        plain().json(&["exec", "--unit", "magnum/leader", "--format", "json", "--", "true"]);
    assert_eq!(answer["magnum/1"]["unit"], "magnum/1");
}

// "One argument after `--` is sent raw to a remote shell; several are re-quoted"
#[test]
fn one_argument_is_raw_and_several_are_quoted() {
    let model = plain();
    let raw = model.juju(&["exec", "--unit", "magnum/0", "--", "echo 'a  b' | tr a c"], None);
    assert_eq!(text(&raw.stdout), "c  b\n");
    let several = model.juju(&["exec", "--unit", "magnum/0", "--", "echo", "a  b", "|", "x"], None);
    assert_eq!(text(&several.stdout), "a  b | x\n");
}

// "**stdin is not forwarded.** Only the command string is sent."
#[test]
fn exec_forwards_no_stdin() {
    let output =
        plain().juju(&["exec", "--unit", "magnum/0", "--", "cat; echo end"], Some("a payload"));
    assert_eq!(text(&output.stdout), "end\n");
}

// "JSON: object keyed by unit ("magnum/0") or machine id: {id, unit|machine, status,
//  results:{return-code:int, stdout?, stderr?}, timing:{enqueued,started,completed}, ...}.
//  Empty stdout/stderr keys are ABSENT. stdout and stderr separate."
#[test]
fn exec_prints_what_juju_prints() {
    let both = "echo out; echo err >&2";
    let answer = plain().json(&["exec", "--unit", "magnum/0", "--format", "json", "--", both]);
    let results = json!({ "return-code": 0, "stdout": "out\n", "stderr": "err\n" });
    assert_eq!(answer["magnum/0"]["results"], results);
    let silent = plain().json(&["exec", "--unit", "magnum/0", "--format", "json", "--", "true"]);
    assert_eq!(silent["magnum/0"]["results"], json!({ "return-code": 0 }));
    let mut keys: Vec<&String> = silent["magnum/0"].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["id", "results", "status", "timing", "unit"], "as 3.6.14 (data/juju)");
}

// "4.0.3 strips trailing newlines (bug 21927, fixed by PR 21929)."
#[test]
fn a_juju_may_strip_the_last_newline() {
    let model = Model::new(&json!({ "fault": "trimmed" }));
    let answer = model.json(&["exec", "--unit", "magnum/0", "--format", "json", "--", "echo out"]);
    assert_eq!(answer["magnum/0"]["results"]["stdout"], "out");
}

// "Exit code: 0 if every return-code is 0; otherwise CLI exits **1** (not the remote code) after
//  printing output, stderr "ERROR the following task failed: - id "8600" with return code 1".
//  Read results.return-code."
#[test]
fn exec_exits_1_whatever_the_command_did() {
    let output = plain()
        .juju(&["exec", "--unit", "magnum/0", "--format", "json", "--", "echo out; exit 3"], None);
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["magnum/0"]["results"], json!({ "return-code": 3, "stdout": "out\n" }));
    let expected = "ERROR the following task failed:\n - id \"0\" with return code 3\n";
    assert!(text(&output.stderr).starts_with(expected), "{}", text(&output.stderr));
}

// "**If no task could be scheduled it prints "Operation N failed to schedule any tasks" and exits
//  0 with no JSON.** Must treat empty stdout/missing unit as failure."
#[tokio::test]
async fn nothing_scheduled_exits_0_and_is_an_error_of_omegas() {
    let model = Model::new(&json!({ "fault": "nothing_scheduled" }));
    let output = model.juju(&["exec", "--unit", "magnum/0", "--format", "json", "--", "x"], None);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"".as_slice()));
    assert_eq!(text(&output.stderr), "Operation 12 failed to schedule any tasks\n");
    let error = model.channel("magnum/0", quick()).ask(&probe()).await.unwrap_err();
    assert!(matches!(error, Error::NothingScheduled { .. }), "{error:?}");
}

// A machine that is down takes no task: whoever waits for one waits until its time is over.
#[test]
fn an_exec_on_a_machine_that_is_down_waits_in_vain() {
    // The process is one of this host, so the machine's is gone.
    let init = tempfile::NamedTempFile::new().unwrap();
    fs::write(init.path(), std::process::id().to_string()).unwrap();
    let ssh = json!({ "host": "127.0.0.1", "port": 9, "key": "k", "known_hosts": "h", "init": init.path() });
    let model = Model::new(&json!({ "units": { "magnum/0": { "ssh": ssh } } }));
    let begin = Instant::now();
    let output = model.juju(&["exec", "--unit", "magnum/0", "--wait", "1s", "--", "true"], None);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert_eq!(text(&output.stderr), "ERROR timed out waiting for results from: magnum/0\n");
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

// "Timeout (default 5 min; ...): error "timed out waiting for results from: ..." rc 1, and no
//  output at all. The remote task keeps running."
#[test]
fn a_late_exec_prints_nothing_and_its_task_goes_on() {
    let model = plain();
    let mark = model.home.path().join("mark");
    let line = format!("echo out; sleep 2; touch '{}'", mark.display());
    let args = ["exec", "--unit", "magnum/0", "--format", "json", "--wait", "1s", "--", &line];
    let output = model.juju(&args, None);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert_eq!(text(&output.stderr), "ERROR timed out waiting for results from: magnum/0\n");
    assert!(!mark.exists());
    let until = Instant::now() + Duration::from_secs(10);
    while !mark.exists() && Instant::now() < until {
        nap();
    }
    assert!(mark.exists(), "the task went on");
}

#[expect(clippy::disallowed_methods, reason = "a test without a runtime")]
fn nap() {
    std::thread::sleep(Duration::from_millis(50));
}

// "Command text and output are stored in the controller DB => never put secrets in exec argv".
// What omega sends by exec is its fixed program and the questions; a payload goes by ssh, on stdin.
#[tokio::test]
async fn a_payload_is_on_no_command_line() {
    let model = plain();
    model.script("sudo", "#!/bin/sh\nshift\nexec \"$@\"\n");
    model.script("python3", "#!/bin/sh\nwc -c >&2\nexit 9\n");
    let secret = "client-key-data: c2VjcmV0";
    let channel = model.channel("magnum/0", quick());
    let payload = Payload::Bytes(std::sync::Arc::new(secret.to_owned().into()));
    let error = channel.act(&reload(), payload, None).await.unwrap_err();
    assert_eq!(
        error.touched(),
        Touched::Maybe,
        "python3 ran, and nobody knows what it did: {error}"
    );
    drop(channel.ask(&probe()).await);
    let log = model.log();
    assert_eq!(log.len(), 2);
    let all = serde_json::to_string(&log).unwrap();
    assert!(!all.contains("c2VjcmV0") && !all.contains("client-key"), "{all}");
    // "=> always pass `--pty=false`"; "User ubuntu -> need sudo"
    assert_eq!(log[0][..5], ["ssh", "--pty=false", "-m", "openstack", "magnum/0"]);
    // "openssh options" stand between target and command: ssh itself must ask nobody.
    assert_eq!(log[0][5..7], ["-o", "BatchMode=yes"]);
    assert!(log[0][7].starts_with("sudo -n python3 -I -S -B -c "), "{}", log[0][7]);
    assert_eq!(log[0].len(), 8, "one argument, quoted once");
    // "Runs as **root** ... (so `sudo` is superfluous)"; "--format json"
    assert_eq!(log[1][..5], ["exec", "--unit", "magnum/0", "--format", "json"]);
    let line = log[1].last().unwrap();
    assert!(line.starts_with("python3 -I -S -B -c "), "{line}");
    assert!(line.len() < 128 * 1024, "Linux takes 128 KiB in one argument");
}

// "Starts the local OpenSSH client; stdin/stdout/stderr inherited; args joined by ssh (remote
//  shell re-parses: quote once more)."
#[test]
fn ssh_hands_on_stdin_and_joins_its_arguments() {
    let model = plain();
    let output = model.juju(&["ssh", "--pty=false", "magnum/0", "cat"], Some("a payload"));
    assert_eq!(text(&output.stdout), "a payload");
    let joined = model.juju(&["ssh", "--pty=false", "magnum/0", "echo", "a  b", "&&", "pwd"], None);
    assert!(text(&joined.stdout).starts_with("a b\n/"), "{}", text(&joined.stdout));
}

// "with a pty: CRLF in output (issue 19576), stderr merged"
#[test]
fn a_pty_changes_what_comes_back() {
    let model = plain();
    let both = "echo out; echo err >&2";
    let with = model.juju(&["ssh", "--pty=true", "magnum/0", both], None);
    assert_eq!((text(&with.stdout), text(&with.stderr)), ("out\r\nerr\r\n".into(), String::new()));
    let without = model.juju(&["ssh", "--pty=false", "magnum/0", both], None);
    assert_eq!((text(&without.stdout), text(&without.stderr)), ("out\n".into(), "err\n".into()));
    // "since PR 8261 (2018) a pty is allocated iff **stdin** is a terminal (stdout is not looked at)"
    let neither = model.juju(&["ssh", "magnum/0", both], None);
    assert_eq!(text(&neither.stdout), "out\n");
}

// "Exit: remote rc passed through (RcPassthroughError; "ERROR subprocess encountered error code
//  255"); 255 also = ssh transport failure."
#[tokio::test]
async fn ssh_passes_the_remote_status_through() {
    let output = plain().juju(&["ssh", "--pty=false", "magnum/0", "exit 7"], None);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stderr), "ERROR subprocess encountered error code 7\n");
    let model = Model::new(&json!({ "fault": "unreachable" }));
    let output = model.juju(&["ssh", "--pty=false", "magnum/0", "true"], None);
    assert_eq!(output.status.code(), Some(255));
    let channel = model.channel("magnum/0", quick());
    let error = channel.act(&reload(), Payload::Null, None).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.touched(), Touched::Nothing, "the connection was refused");
}

// "Options: --proxy (via controller), --no-host-key-checks, -m." "`app/leader` resolved by API."
#[test]
fn ssh_takes_its_options_and_the_leader() {
    let args =
        ["ssh", "--proxy", "--no-host-key-checks", "-m", "openstack", "magnum/leader", "pwd"];
    assert_eq!(plain().juju(&args, None).status.code(), Some(0));
    let args = ["ssh", "magnum/0", "-o", "BatchMode=yes", "echo", "-o"];
    assert_eq!(text(&plain().juju(&args, None).stdout), "-o\n");
    let output = plain().juju(&["ssh", "nova/leader", "pwd"], None);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("could not determine leader"), "{output:?}");
}

// A unit that is gone is juju's own error, before anything runs.
#[tokio::test]
async fn a_unit_that_is_not_there_is_said() {
    let model = plain();
    let channel = model.channel("magnum/9", quick());
    for error in [
        channel.ask(&probe()).await.unwrap_err(),
        channel.act(&reload(), Payload::Null, None).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("unit \"magnum/9\" not found"), "{error}");
        assert_eq!(error.touched(), Touched::Nothing);
    }
}

// A login that has expired asks for another, and never hangs at a prompt.
#[tokio::test]
async fn an_expired_login_is_an_error_that_says_what_to_do() {
    let model = Model::new(&json!({ "fault": "login_expired" }));
    let error = model.channel("magnum/0", quick()).ask(&probe()).await.unwrap_err();
    assert!(matches!(error, Error::NotLoggedIn { .. }), "{error:?}");
    assert!(error.next().unwrap().contains("juju login -c "), "{error:?}");
    assert!(error.found().unwrap().contains("cannot get discharge"), "{error:?}");
}

// "please enter password for USER on CONTROLLER: ", and it waits for somebody.
#[tokio::test]
async fn a_juju_that_asks_for_a_password_is_ended_at_once() {
    let model = Model::new(&json!({ "fault": "asks" }));
    let channel = model.channel("magnum/0", Deadlines::default());
    let start = std::time::Instant::now();
    let payload = Payload::Bytes(std::sync::Arc::new("a payload".to_owned().into()));
    let asked = channel.ask(&probe()).await.unwrap_err();
    let acted = channel.act(&reload(), payload, None).await.unwrap_err();
    for error in [asked, acted] {
        assert_eq!(error.to_string(), "juju is not logged in to controller lab");
        assert!(error.next().unwrap().contains("juju login -c lab"), "{error:?}");
        assert_eq!(error.touched(), Touched::Nothing);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

// design.md 3: every remote call has a deadline, kills its process group at it, and says what may
// have happened.
#[tokio::test]
async fn a_juju_that_hangs_is_killed_with_what_it_started() {
    let model = plain();
    let mark = model.home.path().join("mark");
    model.script("sudo", &format!("#!/bin/sh\nsleep 6\ntouch '{}'\n", mark.display()));
    let deadlines = Deadlines { connect: Duration::from_millis(500), ..quick() };
    let channel = model.channel("magnum/0", deadlines);
    let error = channel.act(&reload(), Payload::Null, None).await.unwrap_err();
    assert!(error.timed_out(), "{error:?}");
    assert_eq!(error.touched(), Touched::Maybe);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!mark.exists(), "what juju had started outlived it");
}

// "Parse JSON": the real status of a model of 17 applications.
#[tokio::test]
async fn units_of_an_application_are_found_by_name() {
    let seen = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/omega-juju/recordings/juju-status-3.4.2.json");
    let model = Model::new(&json!({ "status": seen }));
    let program = model.program();
    let units = juju_units(&program, Some("openstack"), "mysql", quick()).await.unwrap();
    let names: Vec<String> = units.units.iter().map(|unit| unit.name.to_string()).collect();
    assert_eq!(names, ["mysql/0", "mysql/1", "mysql/2"]);
    assert_eq!(units.units.iter().position(|unit| unit.leader), Some(0));
    let error = juju_units(&program, Some("openstack"), "magnum", quick()).await.unwrap_err();
    assert!(error.found().unwrap().contains("nova-compute"), "{error:?}");
    let error = juju_units(&program, Some("other"), "mysql", quick()).await.unwrap_err();
    assert!(error.to_string().contains("model admin/other not found"), "{error}");
}

fn reload() -> Action {
    omega_juju::ServiceAction::ReloadUnits.into()
}

/// The stand-in with the application magnum, whose charm has three options.
fn with_charm() -> Model {
    let model = plain();
    let (status, charms) = (model.home.path().join("status"), model.home.path().join("charms"));
    let settings = json!({
        "worker-multiplier": { "source": "unset", "type": "string", "description": "" },
        "workers": { "default": 4, "value": 4, "source": "default", "type": "int", "description": "" },
        "debug": { "default": false, "value": true, "source": "user", "type": "boolean" },
    });
    let magnum = json!({ "application": "magnum", "charm": "magnum", "settings": settings });
    let shown = json!({
        "model": { "name": "openstack", "controller": "c" }, "applications": { "magnum": {} },
    });
    fs::write(&status, shown.to_string()).unwrap();
    fs::write(&charms, json!({ "magnum": magnum }).to_string()).unwrap();
    let mut config: Value = serde_json::from_slice(&fs::read(model.config()).unwrap()).unwrap();
    (config["status"], config["charms"]) = (json!(status), json!(charms));
    fs::write(model.config(), config.to_string()).unwrap();
    model
}

// "`juju config APP KEY` ignores --format. JSON of all: settings.KEY {value, source: user/default/unset};
//  a value equal to the default reads `default`; unset has no value. `key=@x` reads a file"
#[test]
fn config_shows_sets_and_resets() {
    let model = with_charm();
    let all = || model.json(&["config", "-m", "openstack", "magnum", "--format", "json"]);
    let bare = model.juju(&["config", "magnum", "workers", "--format", "json"], None);
    assert_eq!(text(&bare.stdout), "4\n");
    assert_eq!(all()["settings"]["worker-multiplier"].get("value"), None);
    let file = model.home.path().join("value");
    fs::write(&file, "0.5").unwrap();
    let at = format!("worker-multiplier=@{}", file.display());
    assert!(model.juju(&["config", "magnum", "workers=8", &at], None).status.success());
    let settings = all()["settings"].clone();
    assert_eq!(
        (&settings["workers"]["value"], &settings["workers"]["source"]),
        (&json!(8), &json!("user"))
    );
    assert_eq!(settings["worker-multiplier"]["value"], "0.5");
    assert!(model.juju(&["config", "magnum", "workers=4"], None).status.success());
    assert_eq!(all()["settings"]["workers"]["source"], "default");
    let reset = ["config", "magnum", "--reset", "debug,worker-multiplier"];
    assert!(model.juju(&reset, None).status.success());
    assert_eq!(all()["settings"]["debug"]["value"], false);
    assert_eq!(all()["settings"]["worker-multiplier"]["source"], "unset");
    for (args, said) in [
        (["config", "magnum", "worker=1"], "unknown option \"worker\""),
        (["config", "magnum", "workers=x"], "option \"workers\" expected int, got \"x\""),
        (["config", "nova", "a=b"], "application \"nova\" not found"),
    ] {
        let output = model.juju(&args, None);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stderr), format!("ERROR {said}\n"));
    }
}

/// What omega makes of it: set, unchanged, and back to a user's value, a default and none.
#[tokio::test]
async fn a_charms_configuration_is_set_and_restored() {
    let standin = with_charm();
    let all = || standin.json(&["config", "magnum", "--format", "json"]);
    let (before, ctx) = (all(), Context::default());
    let (program, model) = (standin.program(), Some("openstack".to_owned()));
    let juju = JujuProgram { program, model, deadlines: Deadlines::default() };
    let model = charm::Model::open(std::sync::Arc::new(juju)).await.unwrap();
    assert_eq!(model.via(), "juju, model c:openstack");
    let settings = [("workers", "8"), ("debug", "false"), ("worker-multiplier", "0.5")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let desired = CharmConfig::new("magnum", settings.into()).unwrap();
    let planned = plan(&model, &desired).await.unwrap();
    let undo = desired.undo(planned.before()).unwrap();
    assert!(planned.apply(&ctx, &model).await.unwrap().changed());
    assert!(!ensure_charm_config(&ctx, &model, &desired).await.unwrap().changed());
    assert_eq!(all()["settings"]["workers"]["value"], 8);
    assert!(ensure(&ctx, &model, &undo).await.unwrap().changed());
    assert_eq!(all(), before);
    let other = CharmConfig::new("nova", [("workers".to_owned(), "1".to_owned())].into()).unwrap();
    let error = ensure(&ctx, &model, &other).await.unwrap_err();
    let EnsureError::Observe { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.found().as_deref(), Some("magnum"));
}
