//! `--timeout`: whatever hangs, the command ends. The other limits are far longer than these tests may take.

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::*;

/// Patience that no test has.
const PATIENT: &str = "\n[timeouts]\nconnect = \"1h\"\nask = \"1h\"\nact = \"1h\"\n";

/// A server that takes connections and never answers, and how many came.
struct Silent(u16, Arc<AtomicUsize>);

impl Silent {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                open.push(stream);
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self(port, count)
    }

    fn was_asked(&self) -> bool {
        self.1.load(Ordering::SeqCst) > 0
    }
}

/// It ended by its deadline, before anything was written, and says so.
fn ended_by_it(ran: &Ran, given: &str) {
    assert_eq!(ran.code, Some(124), "{ran:?}");
    let words = format!("timed out after {given} (--timeout)");
    let told = format!("{}{}", ran.out, ran.err);
    let engine = "timed out (--timeout)";
    assert!(told.contains(&words) || told.contains(engine), "{ran:?}");
    assert!(!told.contains("possibly"), "{ran:?}");
}

fn cloud_at(home: &Home, port: u16) {
    let auth = format!(
        "auth_url: 'http://127.0.0.1:{port}/v3', username: u, password: p, user_domain_name: d, \
         project_name: mgmt, project_domain_name: d"
    );
    home.write("clouds.yaml", &format!("clouds:\n  capi-admin:\n    auth: {{{auth}}}\n"));
}

fn program(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    home.write(name, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn a_keystone_that_hangs_ends_the_command() {
    let (home, silent) = (Home::new(), Silent::listen());
    cloud_at(&home, silent.0);
    home.write("omega.toml", &format!("{}{PATIENT}", site()));
    for args in [
        &["check", "magnum", "--timeout", "2s"][..],
        &["ensure-sg-rule", "--yes", "--timeout", "2s"],
    ] {
        let ran = home.run(args);
        ended_by_it(&ran, "2s");
        assert!(silent.was_asked(), "{ran:?}");
    }
    assert_eq!(home.runs(), [""; 0], "nothing was begun");
    let ran = home.run(&["check", "magnum", "--timeout", "2s", "--output", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&document["exit"], &document["exit_code"]), (&"deadline".into(), &124.into()));
    assert_eq!(document["failure"]["touched"], "nothing");
}

#[test]
fn an_ssh_that_hangs_ends_the_command() {
    let (home, silent) = (Home::new(), Silent::listen());
    let text = site().replace("127.0.0.1:1", &format!("127.0.0.1:{}", silent.0));
    home.write("omega.toml", &format!("{text}{PATIENT}"));
    fs::create_dir_all(home.path().join(".ssh")).unwrap();
    home.write(".ssh/known_hosts", "");
    let ran = home.run(&["stage-dropin", "--plan", "--timeout", "2s"]);
    ended_by_it(&ran, "2s");
    assert!(silent.was_asked(), "{ran:?}");
}

#[test]
fn a_juju_that_does_not_return_ends_with_the_command() {
    let home = Home::new();
    let juju = program(&home, "juju", "#!/bin/sh\necho $$ >\"$HOME/pid\"\nexec sleep 3600\n");
    let text = site().replace(
        "unit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]",
        "application = \"magnum\"",
    );
    home.write("omega.toml", &format!("{text}{PATIENT}\n[juju]\nprogram = \"{juju}\"\n"));
    let ran = home.run(&["stage-dropin", "--yes", "--timeout", "2s"]);
    ended_by_it(&ran, "2s");
    let pid = fs::read_to_string(home.path().join("pid")).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
    let is_gone = status.is_empty() || status.contains("State:\tZ");
    assert!(is_gone, "juju goes on: {status}");
}

#[test]
fn a_watch_ends() {
    let (home, silent) = (Home::new(), Silent::listen());
    cloud_at(&home, silent.0);
    home.write("omega.toml", &format!("{}{PATIENT}", site()));
    let ran =
        home.run(&["drift", "--watch", "--interval", "1h", "--deadline", "1h", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(124), "{ran:?}");
}

/// A juju whose writes take as long as the file `slow` says.
fn with_slow_juju(slow: &str) -> Home {
    let home = Home::with_juju();
    home.write("slow", slow);
    let juju = fs::read_to_string(home.path().join("juju")).unwrap();
    let slowly = juju.replace("*workers=*) ", "*workers=*) sleep \"$(cat slow)\"; ");
    assert_ne!(slowly, juju);
    home.write("juju", &slowly);
    let site = fs::read_to_string(home.path().join("omega.toml")).unwrap();
    home.write("omega.toml", &format!("{site}{PATIENT}"));
    home
}

#[test]
fn a_write_under_way_is_finished_and_the_run_says_what_stopped_it() {
    let home = with_slow_juju("4");
    let ran = home.run(&[&confirm::SET[..], &["--yes", "--timeout", "2s"]].concat());
    assert_eq!(ran.code, Some(124), "{ran:?}");
    assert_eq!(home.workers(), "4", "it was not left half-way");
    assert!(ran.err.contains("Timed out: ending the step under way"), "{ran:?}");
    assert!(!format!("{}{}", ran.out, ran.err).contains("changed   nothing"), "{ran:?}");
    let [id] = home.runs().try_into().unwrap();
    let list = home.run(&["runs"]);
    let row = list.out.lines().find(|line| line.contains(&id)).unwrap();
    assert!(row.contains("timed out") && row.contains(" ~1 "), "{row}");
    let document: Value =
        serde_json::from_str(&home.run(&["runs", "--output", "json"]).out).unwrap();
    assert!(document.to_string().contains("\"outcome\":\"deadline\""), "{document}");
    assert_eq!(home.run(&["runs", "show", "latest"]).code, Some(0));
    home.write("slow", "0");
    let again = home.run(&[&confirm::SET[..], &["--yes"]].concat());
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(fs::read_to_string(home.path().join("called")).unwrap().lines().count(), 1);
}

/// It takes as long as a write may take after the time is over.
#[test]
fn a_write_that_hangs_is_reported_as_possibly_made() {
    let home = with_slow_juju("3600");
    let ran = home.run(&[&confirm::SET[..], &["--yes", "--timeout", "1s"]].concat());
    assert_eq!(ran.code, Some(124), "{ran:?}");
    let told = format!("{}{}", ran.out, ran.err);
    assert!(told.contains("possibly changed: ") && !told.contains("changed   nothing"), "{ran:?}");
    let list = home.run(&["runs"]);
    assert!(list.out.contains("timed out") && list.out.contains("0, 1 uncertain"), "{list:?}");
    assert_eq!(home.workers(), "2");
    home.write("slow", "0");
    assert_eq!(home.run(&[&confirm::SET[..], &["--yes"]].concat()).code, Some(0));
    assert_eq!(home.workers(), "4");
}

#[test]
fn a_question_that_nobody_answers_ends_with_the_command() {
    let home = Home::with_juju();
    let words =
        [&[env!("CARGO_BIN_EXE_omega-cli")], &confirm::SET[..], &["--timeout", "3s"]].concat();
    let line = shlex::try_join(words).unwrap();
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(home.path()).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("NO_COLOR", "1").env("HOME", home.path());
    command.env("XDG_STATE_HOME", home.path().join("state"));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // Open until it has ended: nobody types anything.
    let typing = child.stdin.take().unwrap();
    let output = child.wait_with_output().unwrap();
    drop(typing);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(124), "{text}");
    assert!(text.contains("Only 'yes' is accepted") && text.contains("(--timeout)"), "{text}");
    assert_eq!(home.workers(), "2");
}

#[test]
fn what_ends_before_is_not_affected() {
    let home = Home::new();
    assert_eq!(
        home.run(&["rehearse", "graft", "--start", "fresh", "--timeout", "10m"]).code,
        Some(0)
    );
    let (with, without) = (home.run(&["validate", "--timeout", "1h"]), home.run(&["validate"]));
    assert_eq!((with.code, with.out), (without.code, without.out));
    for bad in ["0s", "-1m", "soon"] {
        assert_eq!(home.run(&["validate", "--timeout", bad]).code, Some(64), "{bad}");
    }
}
