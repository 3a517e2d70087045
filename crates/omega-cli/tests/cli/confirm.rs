//! The question before a write: at a terminal, without one, and with `--yes`.

use std::{io::Write as _, os::unix::fs::PermissionsExt as _};

use super::*;

/// juju with one application, whose only option is in the file `workers`.
const JUJU: &str = r#"#!/bin/sh
cd "$HOME"
case "$*" in
  status*) echo '{"model": {"name": "m", "controller": "c"},
                  "applications": {"web": {"charm": "web", "units": {}}}}' ;;
  *'--format json'*) printf '{"application": "web", "charm": "web", "settings": {"workers":
    {"description": "d", "source": "user", "type": "int", "value": %s, "default": 1}}}' "$(cat workers)" ;;
  *workers=*) echo "$*" >>called; echo "${*##*workers=}" >workers ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"#;

pub(super) const SET: [&str; 5] =
    ["ensure-charm-config", "--application", "web", "--set", "workers=4"];

impl Home {
    /// Whose juju works, with 2 workers.
    pub(super) fn with_juju() -> Self {
        let home = Self::new();
        home.write("juju", JUJU);
        home.write("workers", "2\n");
        let program = home.path().join("juju");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        home.write("omega.toml", &format!("[juju]\nprogram = {:?}\n", program.display()));
        home
    }

    pub(super) fn workers(&self) -> String {
        fs::read_to_string(self.path().join("workers")).unwrap().trim().to_owned()
    }

    /// Runs the program with a terminal of 80 columns, on which `answer` is typed.
    pub(super) fn at_terminal(&self, args: &[&str], answer: &str) -> Ran {
        let line = [&[env!("CARGO_BIN_EXE_omega-cli")], args].concat();
        let line = shlex::try_join(line).unwrap();
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(self.path()).env_clear();
        let path = format!("{}/bin:/usr/bin:/bin", self.path().display());
        for (variable, value) in [("PATH", path.as_str()), ("NO_COLOR", "1"), ("COLUMNS", "80")] {
            command.env(variable, value);
        }
        command.env("HOME", self.path()).env("XDG_STATE_HOME", self.path().join("state"));
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
        assert!(!text.contains("panicked"), "{text}");
        Ran { code: output.status.code(), err: text.clone(), out: text }
    }
}

#[test]
fn changes_are_shown_and_made_only_after_yes() {
    let home = Home::with_juju();
    for answer in ["y\n", "no\n", "YES\n", "\n", " yes\n", ""] {
        let ran = home.at_terminal(&SET, answer).exits(130);
        // The terminal ends the line of an answer when it is typed: here, before the question.
        if answer.is_empty() {
            assert!(!ran.err.contains("accepted: error"), "a line of its own: {}", ran.err);
        }
        ran.says(&[
            "workers",
            "2 -> 4",
            "Only 'yes' is accepted:",
            "not confirmed",
            "changed nothing",
        ]);
        assert_eq!((home.workers().as_str(), home.runs()), ("2", vec![]), "{answer:?}");
    }
    let ran = home.at_terminal(&SET, "yes\n").exits(0);
    let (shown, done) = ran.out.split_once("Only 'yes' is accepted:").unwrap();
    assert!(shown.contains("2 -> 4"), "{shown}");
    assert!(done.contains("1 changed"), "{done}");
    assert_eq!(home.workers(), "4");
    // There is nothing to ask.
    let again = home.at_terminal(&SET, "").exits(0);
    assert!(again.out.contains("1 fact holds"), "{}", again.out);
    assert_eq!(home.runs().len(), 1);
    // The way back asks too. The command is the one that was printed.
    let back =
        done.split_once("(omega-cli runs show ").unwrap().1.split_whitespace().next().unwrap();
    let back = ["rollback", "--run", back.trim_end_matches(',')];
    home.at_terminal(&back, "no\n").exits(130).says(&["4 -> 2", "not confirmed"]);
    assert_eq!(home.workers(), "4");
    home.at_terminal(&back, "yes\n").exits(0);
    assert_eq!(home.workers(), "2");
}

#[test]
fn without_a_terminal_nothing_is_changed_and_the_flag_is_named() {
    let home = Home::with_juju();
    let ran = home.run(&SET).exits(64);
    ran.says(&["nobody confirmed it", "not a terminal", "changed nothing", "next add --yes"]);
    assert_eq!((home.workers().as_str(), home.runs()), ("2", vec![]));
    home.run(&[&SET[..], &["--plan"]].concat()).exits(2);
    home.run(&[&SET[..], &["--yes"]].concat()).exits(0);
    assert_eq!(home.workers(), "4");
    home.run(&SET).exits(0);
    // stdout has the document alone; the question is on stderr.
    home.write("workers", "2\n");
    let json = [&SET[..], &["--output", "json"]].concat();
    let document: Value = serde_json::from_str(&home.run(&json).exits(64).out).unwrap();
    assert_eq!(document["exit"], "usage");
}

/// Ctrl-C is an answer too.
#[test]
fn a_question_can_be_interrupted() {
    let home = Home::with_juju();
    let line = [&[env!("CARGO_BIN_EXE_omega-cli")], &SET[..]].concat();
    let line = shlex::try_join(line).unwrap();
    let line = shlex::try_quote(&line).unwrap();
    // Who runs the tests in the background has SIGINT ignored, and so has omega then.
    let line = format!(
        "sh -c 'sleep 2; printf \"\\003\"; sleep 2' | env --default-signal=INT script -qec {line} /dev/null"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(home.path()).env("HOME", home.path());
    let ran = ran(command.env("XDG_STATE_HOME", home.path().join("state"))).exits(130);
    assert!(ran.out.contains("error: interrupted"), "{ran:#?}");
    assert_eq!((home.workers().as_str(), home.runs()), ("2", vec![]));
}

/// What is found at the moment of the write must be what was shown.
#[test]
fn what_changed_while_the_question_was_open_is_stale() {
    let home = Home::with_juju();
    let changes = "sh -c 'sleep 1; echo 3 >workers; echo yes'";
    let line = [&[env!("CARGO_BIN_EXE_omega-cli")], &SET[..]].concat();
    let line = shlex::try_join(line).unwrap();
    let line = format!("{changes} | script -qec {} /dev/null", shlex::try_quote(&line).unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(home.path()).env("HOME", home.path());
    let ran = ran(command.env("XDG_STATE_HOME", home.path().join("state"))).exits(5);
    assert!(ran.out.contains("2 -> 4"), "{ran:#?}");
    assert_eq!(home.workers(), "3");
}

/// What killed runs left is removed by a write, so it is asked about too.
#[test]
fn a_sweep_asks() {
    let home = Home::with_cloud();
    home.write("omega.toml", "[cloud]\nname = \"here\"\n");
    let undo = serde_json::json!({ "namespace": "default", "name": "p" });
    home.ran("m", "capi.removed-pod.v1", &undo, true);
    home.run(&["runs", "sweep"]).exits(64).says(&["add --yes"]);
    let ran = home.at_terminal(&["runs", "sweep"], "no\n").exits(130);
    ran.says(&["some.kind.v1 k on m", "not confirmed", "changed nothing"]);
}

/// Nothing that only reads has the flag.
#[test]
fn commands_that_only_read_do_not_take_yes() {
    let home = Home::new();
    for command in [
        &["plan", "graft"][..],
        &["verify", "graft"],
        &["doctor"],
        &["runs"],
        &["rehearse", "graft"],
    ] {
        home.run(&[command, &["--yes"]].concat()).exits(64).says(&["unexpected argument '--yes'"]);
    }
}
