//! `teardown`, end to end: the program, with stand-ins for juju and maas that keep state in files. No real
//! MAAS has met this code.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// juju 3.6 with the model `openstack` (`life`: alive, dying, gone), as its sources say
/// (`cmd/juju/controller/listmodels.go`, `cmd/juju/model/destroy.go`). `lag`: how often a model that is
/// destroyed is listed still. The client waits for the model without a limit.
const JUJU: &str = r#"#!/bin/sh
cd "$HOME"
echo "juju $*" >>called
life=$(cat life)
model() {
  printf ', {"name": "admin/%s", "short-name": "%s", "model-uuid": "%s", "controller-name": "foundation",
    "is-controller": false, "cloud": "maas1", "type": "maas", "life": "%s",
    "status": {"current": "%s"}}' "$1" "$1" "$2" "$3" "$4"
}
case "$1" in
  models)
    if [ "$life" = dying ]; then
      left=$(cat lag)
      case $left in never) ;; 0) life=gone; echo gone >life ;; *) echo $((left - 1)) >lag ;; esac
    fi
    printf '{"models": [{"name": "admin/controller", "short-name": "controller", "model-uuid": "c0",
      "controller-name": "foundation", "is-controller": true, "type": "maas", "life": "alive"}'
    case $life in
      alive) model openstack "$(cat uuid)" alive available ;;
      dying) model openstack "$(cat uuid)" dying destroying ;;
    esac
    model openstack2 aaaaaaaa-0000-4000-8000-000000000002 alive available
    echo ']}' ;;
  status) cat status.json ;;
  offers) echo '{}' ;;
  storage) cat storage ;;
  destroy-model)
    if read -r typed; then echo "juju read $typed" >>called; fi
    case "$*" in *" foundation:$(cat uuid)") ;; *) echo "ERROR model not found" >&2; exit 1 ;; esac
    case "$*" in *--no-prompt*) ;; *) echo "ERROR model destruction: aborted" >&2; exit 1 ;; esac
    echo dying >life
    if [ -e kill-juju ]; then rm kill-juju; kill -9 $PPID; exit 1; fi
    echo "Destroying model" >&2
    echo "Waiting for model to be removed, 2 machine(s), 2 application(s)..." >&2
    exec sleep 600 ;;
  *) echo "ERROR unrecognized command: juju $1" >&2; exit 1 ;;
esac
"#;

/// MAAS's command line: `machines/ID` has number, name, owner and model of a machine. What is released is
/// Ready when it is shown next, unless it is in `stuck`.
const MAAS: &str = r#"#!/bin/sh
cd "$HOME"
echo "maas $*" >>called
[ "$1" = admin ] || { echo "maas: error: argument COMMAND: invalid choice: '$1'" >&2; exit 2; }
one() {
  read -r number name host owner model <"machines/$1"
  if [ "$number" = 12 ] && ! grep -q "$1" stuck; then
    echo "4 Ready $host" >"machines/$1"; number=4 name=Ready owner= model=
  fi
  data={}; [ -z "$model" ] || data="{\"juju-model-uuid\": \"$model\"}"
  printf '{"system_id": "%s", "hostname": "%s", "status": %s, "status_name": "%s", "owner": "%s",
    "owner_data": %s, "locked": false}' "$1" "$host" "$number" "$name" "$owner" "$data"
}
case "$2 $3" in
  "machines read")
    printf '['; comma=
    for file in machines/*; do printf '%s' "$comma"; one "${file#machines/}"; comma=,; done
    echo ']' ;;
  "machine read") [ -e "machines/$4" ] || { printf 'Not Found'; exit 2; }; one "$4" ;;
  "machine release")
    read -r number name host owner model <"machines/$4"
    [ "$number" = 6 ] || { printf "Machine cannot be released in its current state ('%s')." "$name"; exit 2; }
    echo "12 Releasing $host $owner $model" >"machines/$4"
    if [ -e kill-maas ]; then rm kill-maas; kill -9 $PPID; exit 1; fi
    one "$4" ;;
  *) exit 2 ;;
esac
"#;

const MODEL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const STATUS: &str = r#"{"model": {"name": "openstack", "controller": "foundation"},
  "machines": {"0": {"instance-id": "4y3h7n", "hostname": "openstack0"},
               "1": {"instance-id": "4y3h7p", "hostname": "openstack1"}},
  "applications": {"keystone": {"charm": "keystone", "charm-name": "keystone", "units": {"keystone/0": {}}},
                   "magnum": {"charm": "magnum", "charm-name": "magnum", "units": {"magnum/0": {}}}}}"#;

const DOWN: [&str; 5] = ["teardown", "--maas-profile", "admin", "--within", "20s"];

impl Home {
    /// With a cloud of two machines, and a third one that is another model's.
    fn with_model() -> Self {
        let home = Self::new();
        for directory in ["bin", "machines"] {
            fs::create_dir(home.path().join(directory)).unwrap();
        }
        for (name, text) in [("bin/juju", JUJU), ("bin/maas", MAAS)] {
            home.write(name, text);
            let mode = fs::Permissions::from_mode(0o700);
            fs::set_permissions(home.path().join(name), mode).unwrap();
        }
        home.write("omega.toml", "[juju]\nmodel = \"foundation:openstack\"\n");
        let deployed = |host: &str| format!("6 Deployed {host} juju {MODEL}\n");
        for (file, text) in [
            ("life", "alive\n"),
            ("uuid", &format!("{MODEL}\n")),
            ("lag", "1\n"),
            ("status.json", STATUS),
            ("storage", ""),
            ("stuck", ""),
            ("machines/4y3h7n", &deployed("openstack0")),
            ("machines/4y3h7p", &deployed("openstack1")),
            ("machines/k8s4ab", "6 Deployed other juju aaaaaaaa-0000-4000-8000-000000000002\n"),
        ] {
            home.write(file, text);
        }
        home
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default().trim().to_owned()
    }

    /// What was done so far: the commands that write.
    fn done(&self) -> Vec<String> {
        let called = self.file("called");
        let writes = ["juju destroy-model", "maas admin machine release", "juju read"];
        let lines = called.lines().filter(|line| writes.iter().any(|one| line.starts_with(one)));
        lines.map(str::to_owned).collect()
    }

    fn run_down(&self, more: &[&str]) -> Ran {
        let mut command = self.command(&[&DOWN[..], more].concat());
        let path = format!("{}/bin:/usr/bin:/bin", self.path().display());
        ran(command.env("PATH", path).env("COLUMNS", "80"))
    }

    fn assert_untouched(&self) {
        assert_eq!((self.done(), self.runs()), (vec![], vec![]));
        assert_eq!(self.file("life"), "alive");
    }

    #[track_caller]
    fn assert_torn_down(&self) {
        assert_eq!(self.file("life"), "gone");
        assert_eq!(self.file("machines/4y3h7n"), "4 Ready openstack0");
        assert_eq!(self.file("machines/4y3h7p"), "4 Ready openstack1");
        assert!(self.file("machines/k8s4ab").starts_with("6 Deployed other juju"));
    }
}

#[test]
fn the_plan_on_80_columns() {
    let home = Home::with_model();
    let ran = home.run_down(&["--plan"]).exits(2);
    for line in [
        "1 what there is, and what is lost",
        "2 destroy the model",
        "  -  model        admin/openstack",
        "juju destroy-model --no-prompt --force --no-wait",
        "3 release the machines",
        "  -  machine      openstack0 (4y3h7n)",
        "release in MAAS: Deployed, of user juju",
        "4 verify both sides",
        "this can't be undone",
        "Next:  omega-cli teardown --maas-profile admin --within 20s",
    ] {
        assert!(ran.out.contains(line), "{line} is not in:\n{}", ran.out);
    }
    let widest = ran.out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}: {}", ran.out);
    home.assert_untouched();
    let ran = home.run_down(&["--plan", "--output", "json"]).exits(2);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&document["command"], &document["reversible"]),
        (&"teardown".into(), &false.into())
    );
}

#[test]
fn nothing_is_destroyed_unless_the_models_name_is_typed() {
    let home = Home::with_model();
    for answer in [
        "yes\n",
        "y\n",
        "Openstack\n",
        "openstack2\n",
        " openstack\n",
        "admin/openstack\n",
        "\n",
        "",
    ] {
        let ran = home.at_terminal(&DOWN, answer).exits(130);
        ran.says(&[
            "Type the name of the model to destroy it:",
            "not confirmed",
            "changed nothing",
        ]);
        home.assert_untouched();
    }
    // There is no flag that answers, and nobody to ask without a terminal.
    home.run_down(&[]).exits(64).says(&["nobody typed the model's name", "run it at a terminal"]);
    home.run_down(&["--yes"]).exits(64).says(&["unexpected argument '--yes'"]);
    home.assert_untouched();
    let ran = home.at_terminal(&DOWN, "openstack\n").exits(0);
    let (shown, done) = ran.out.split_once("Type the name of the model").unwrap();
    assert!(shown.contains("can't be undone"), "{shown}");
    assert!(done.contains("3 changed"), "{done}");
    home.assert_torn_down();
    let written = [
        format!("juju destroy-model --no-prompt --force --no-wait foundation:{MODEL}"),
        format!("maas admin machine release 4y3h7n comment=omega: teardown of Juju model {MODEL}"),
        format!("maas admin machine release 4y3h7p comment=omega: teardown of Juju model {MODEL}"),
    ];
    assert_eq!(home.done(), written, "nothing was read from a standard input");
    // The record has what was there, and rolls nothing back.
    let run = home.runs().remove(0);
    let before = home.file(&format!("state/omega/runs/{run}/pre-state.json"));
    let before: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(before["content"]["machines"][0]["hostname"], "openstack0");
    home.run(&["rollback", "--run", "latest", "--yes"]).exits(4).says(&["can be undone"]);
    // It is gone: there is nothing to do, and nothing is asked.
    let again = home.run_down(&[]).exits(0);
    assert!(again.out.contains("Nothing to do"), "{again:#?}");
    assert_eq!((home.done().len(), home.runs().len()), (3, 1));
}

/// The program is killed at the moment of a write; the model that would name its machines is gone then.
#[test]
fn a_run_that_was_killed_is_completed_by_the_next_one() {
    for killer in ["kill-juju", "kill-maas"] {
        let home = Home::with_model();
        home.write(killer, "");
        let ran = home.at_terminal(&DOWN, "openstack\n");
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        assert!(!home.file("called").is_empty() && home.file("life") != "alive", "{killer}");
        home.write("life", "gone\n");
        let ran = home.at_terminal(&DOWN, "no\n").exits(130);
        assert!(ran.out.contains("openstack1 (4y3h7p)"), "{killer}: {}", ran.out);
        home.at_terminal(&DOWN, "openstack\n").exits(0);
        home.assert_torn_down();
        let writes = home.done();
        assert_eq!(writes.iter().filter(|one| one.starts_with("juju")).count(), 1, "{writes:?}");
        assert_eq!(writes.len(), 3, "{killer}: no machine is released twice: {writes:?}");
    }
}

#[test]
fn a_machine_that_stays_releasing_is_named_after_the_deadline() {
    let home = Home::with_model();
    home.write("stuck", "4y3h7p\n");
    let ran = home.at_terminal(&[&DOWN[..3], &["--within", "4s"]].concat(), "openstack\n");
    let ran = ran.exits(124);
    ran.says(&["openstack1 (4y3h7p) is Releasing"]);
    assert_eq!(home.file("machines/4y3h7n"), "4 Ready openstack0");
    home.write("stuck", "");
    // Nothing is left to write, so that no name has to be typed.
    home.run_down(&[]).exits(0);
    home.assert_torn_down();
}

/// Ctrl-C while the model goes: the machines are not released, and the next run goes on.
#[test]
fn a_teardown_can_be_interrupted() {
    let home = Home::with_model();
    home.write("lag", "never\n");
    let line = shlex::try_join([&[env!("CARGO_BIN_EXE_omega-cli")], &DOWN[..]].concat()).unwrap();
    let line = shlex::try_quote(&line).unwrap();
    // Who runs the tests in the background has SIGINT ignored, and so has omega then.
    let line = format!(
        "sh -c 'echo openstack; sleep 6; printf \"\\003\"; sleep 3' | env --default-signal=INT script -qec {line} /dev/null"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(home.path()).env("HOME", home.path());
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", home.path().display()));
    let ran = ran(command.env("XDG_STATE_HOME", home.path().join("state"))).exits(130);
    assert!(ran.out.contains("run the same command again"), "{ran:#?}");
    assert_eq!((home.file("life").as_str(), home.done().len()), ("dying", 1));
    home.write("lag", "0\n");
    home.at_terminal(&DOWN, "openstack\n").exits(0);
    home.assert_torn_down();
}

#[test]
fn what_must_not_be_destroyed_by_accident_is_refused() {
    let home = Home::with_model();
    let storage = r#"{"storage": {"osd-devices/0": {"kind": "block", "persistent": true}}}"#;
    home.write("storage", storage);
    home.run_down(&["--plan"]).exits(4).says(&["--destroy-storage or --release-storage"]);
    for flag in ["--destroy-storage", "--release-storage"] {
        let ran = home.run_down(&["--plan", flag]).exits(2);
        assert!(ran.out.replace('\n', " ").contains(flag), "{}", ran.out);
    }
    home.run_down(&["--destroy-storage", "--release-storage"])
        .exits(64)
        .says(&["cannot be used with"]);
    home.write("storage", "");
    home.write("status.json", &STATUS.replace("\"magnum\"", "\"shop\""));
    home.run_down(&["--plan"]).exits(3).says(&["shop", "--accept other-applications"]);
    home.run_down(&["--plan", "--accept", "other-applications"]).exits(2);
    home.write("bundle.yaml", "applications:\n  keystone: {charm: keystone}\n");
    home.write("overlay.yaml", "applications:\n  magnum: {charm: shop}\n");
    home.run_down(&["--plan", "--bundle", "bundle.yaml"]).exits(3).says(&["not of the bundle"]);
    home.run_down(&["--plan", "--bundle", "none.yaml"])
        .exits(64)
        .says(&["could not read none.yaml"]);
    home.run_down(&["--plan", "--model", "foundation:controller"])
        .exits(4)
        .says(&["controller's own"]);
    let ran = home.run_down(&["--plan", "--model", "foundation:nosuch"]).exits(64);
    ran.says(&["juju lists no model nosuch", "admin/openstack", "correct the name"]);
    home.write("omega.toml", "");
    home.run_down(&["--plan"]).exits(64).says(&["--model is missing"]);
    home.run_down(&["--plan", "--model", "foundation:"]).exits(64).says(&["a name is empty"]);
    // Without a profile its machines would stay behind.
    home.write("omega.toml", "[juju]\nmodel = \"foundation:openstack\"\n");
    let mut command = home.command(&["teardown", "--plan"]);
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", home.path().display()));
    super::ran(&mut command).exits(3).says(&["profile of MAAS", "none given"]);
    let other = ["teardown", "--plan", "--maas-profile", "nosuch"];
    let mut command = home.command(&other);
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", home.path().display()));
    super::ran(&mut command).exits(1).says(&["invalid choice: 'nosuch'", "changed nothing"]);
    home.assert_untouched();
}
