//! The program as an operator starts it: its own process, a clean environment, an empty home.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests, which start the program itself"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Stdio},
};

use omega::core::values::Sha256;
use serde_json::Value;
use tempfile::TempDir;

#[path = "cli/acceptance.rs"]
mod acceptance;
#[path = "cli/confirm.rs"]
mod confirm;
#[path = "cli/deadline.rs"]
mod deadline;
#[path = "cli/decisions.rs"]
mod decisions;
#[path = "cli/drift.rs"]
mod drift;
#[path = "cli/export.rs"]
mod export;
#[path = "cli/images.rs"]
mod images;
#[path = "cli/json.rs"]
mod json;
#[path = "cli/lint.rs"]
mod lint;
#[path = "cli/live.rs"]
mod live;
#[path = "cli/needs.rs"]
mod needs;
#[path = "cli/read_only.rs"]
mod read_only;
#[path = "cli/schema.rs"]
mod schema;
#[path = "cli/site.rs"]
mod sites;
#[path = "cli/stored.rs"]
mod stored;
#[path = "cli/teardown.rs"]
mod teardown;

const STARTS: [&str; 5] = ["fresh", "graft-130", "superseded", "hook", "half"];
const ADMIN: &str = include_str!("../../omega-core/fixtures/kube/admin.yaml");
const EXPIRED: &str = include_str!("fixtures/expired.yaml");
const SITE: &str = r#"
[cloud]
name = "capi-admin"

[management]
kubeconfig = "capi.kubeconfig"
project = { name = "capi-mgmt", domain = "capi" }
security_group = "capi-mgmt-sg"
sources = ["10.20.0.0/16"]

[conductor]
unit = [{ name = "magnum/0", ssh = "127.0.0.1:1" }]

[driver]
version = "1.4.0"

[helm]
version = "3.17.3"
file = "helm"
sha256 = "@HELM@"

[chart]
repo = "https://charts.example"
version = "0.25.1"
"#;
const HELM: &[u8] = b"not really helm";

/// A home with nothing in it but a site.
struct Home(TempDir);

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write("omega.toml", &site());
        home.write("capi.kubeconfig", ADMIN);
        fs::write(home.path().join("helm"), HELM).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omega-cli"));
        command.args(args).current_dir(self.path()).env_clear().env("NO_COLOR", "1");
        command.env("HOME", self.path()).stdin(Stdio::null());
        for (variable, name) in [
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
        ] {
            command.env(variable, self.path().join(name));
        }
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }

    /// The names of what is in the directory of runs, apart from the lock.
    fn runs(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join("state/omega/runs")) else {
            return Vec::new();
        };
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let names = entries.map(name).filter(|name| !name.to_string_lossy().starts_with("lock"));
        names.map(|name| name.into_string().unwrap()).collect()
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran =
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!ran.err.contains("panicked"), "{ran:#?}");
    ran
}

impl Ran {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// stderr holds each of `words`, whatever the breaks between lines.
    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        let said = self.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in words {
            assert!(said.contains(words), "`{words}` is not in: {}", self.err);
        }
        self
    }
}

fn site() -> String {
    SITE.replace("@HELM@", &Sha256::of(HELM).to_string())
}

#[test]
fn a_rehearsal_from_every_start_ends_well_and_leaves_nothing_behind() {
    for start in STARTS {
        let home = Home::new();
        let ran = home.run(&["rehearse", "graft", "--start", start]).exits(0);
        let last: Vec<_> = ran.out.lines().rev().take(2).collect();
        assert_eq!(
            last[0], "Nothing outside this process was changed, and nothing is kept.",
            "{start}"
        );
        assert!(last[1].starts_with("Rehearsed from 1 starting point: "), "{start}: {}", last[1]);
        let second = ran.out.rsplit_once("$ omega-cli apply graft").unwrap().1;
        assert!(second.contains("\nNothing to do: "), "{start}: {second}");
        let before = ran.out.rsplit_once("$ omega-cli verify graft").unwrap().0;
        assert!(!before.contains("Nothing to do: "), "{start}: the first apply had nothing to do");
        assert!(!home.path().join("state").exists(), "{start}: the rehearsal kept a run");
    }
}

#[test]
fn what_a_rehearsal_prints_on_80_columns() {
    let home = Home::new();
    let args = ["rehearse", "graft", "--start", "superseded"];
    let ran = ran(home.command(&args).env("COLUMNS", "80")).exits(0);
    insta::assert_snapshot!("rehearse_superseded", steady(&ran.out));
}

/// Takes out what differs from run to run: ids of runs and durations.
fn steady(text: &str) -> String {
    let line = |line: &str| {
        if line.starts_with("Run ") {
            return "Run [id] (omega-cli runs show [id], omega-cli rollback graft).".to_owned();
        }
        let mut words: Vec<&str> = line.split(' ').collect();
        for nth in 1..words.len() {
            let number = words[nth - 1].trim_start_matches('(');
            if matches!(words[nth], "s," | "s:") && number.parse::<f64>().is_ok() {
                words[nth - 1] = if words[nth] == "s," { "([seconds]" } else { "[seconds]" };
            }
        }
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_rehearsal_in_json_is_one_document_with_every_exit_code() {
    let home = Home::new();
    let ran = home.run(&["rehearse", "graft", "--start", "half", "--output", "json"]).exits(0);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema_version"], 1);
    let reports = document["reports"].as_array().unwrap();
    let told: Vec<_> = reports
        .iter()
        .map(|report| (report["command"].as_str().unwrap(), report["exit_code"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("plan", 2), ("apply", 0), ("verify", 0), ("apply", 0)]);
    assert!(reports.iter().all(|report| report["schema_version"] == 2));
    assert!(reports[1]["recap"]["changed"].as_u64().unwrap() > 0);
    assert_eq!(reports[3]["recap"]["changed"], 0);
}

#[test]
fn an_unknown_start_is_told_the_names() {
    let home = Home::new();
    let ran = home.run(&["rehearse", "graft", "--start", "superceded"]).exits(64);
    ran.says(&["no such starting point: `superceded`", "fresh, graft-130, superseded, hook, half"]);
}

#[test]
fn a_decision_is_explained_by_any_spelling_and_a_wrong_one_gets_the_nearest() {
    let home = Home::new();
    let whole = home.run(&["explain", "D-042"]).exits(0).out;
    assert!(whole.starts_with("D-042"), "{whole}");
    assert_eq!(home.run(&["explain", "42"]).exits(0).out, whole);
    assert_eq!(home.run(&["explain", "d042"]).exits(0).out, whole);
    let all = home.run(&["explain"]).exits(0).out;
    assert!(all.lines().filter(|line| line.starts_with("D-")).count() > 10, "{all}");
    let ran = home.run(&["explain", "D-047"]);
    assert!(!matches!(ran.code, None | Some(0 | 101)), "{ran:#?}");
    assert_eq!(ran.out, "");
    ran.says(&["no decision `D-047`", "nearest: ", "D-042"]);
}

#[test]
fn help_and_version_are_no_errors_and_a_bad_command_line_is_one_of_usage() {
    let home = Home::new();
    let help = home.run(&["--help"]).exits(0);
    assert!(help.out.contains("Exit codes: 0 done"), "{}", help.out);
    assert_eq!(help.err, "");
    let version = home.run(&["--version"]).exits(0);
    assert!(version.out.starts_with(&format!("omega-cli {} (commit ", env!("CARGO_PKG_VERSION"))));
    for words in ["magnum-capi-helm  1.1.0, ", ", 1.4.0\n", "capi-helm-charts", "Cluster API"] {
        assert!(version.out.contains(words), "{words}: {}", version.out);
    }
    let short = home.run(&["-V"]).exits(0).out;
    assert_eq!(short, format!("omega-cli {}\n", env!("CARGO_PKG_VERSION")));
    for words in ["Runbooks:\n  plan", "Units of the conductor:", "OMEGA_LOG", "Options:\n"] {
        assert!(help.out.contains(words), "{words}: {}", help.out);
    }
    home.run(&["plan", "graft", "--remove-leftover"]).exits(64).says(&["--remove-leftovers"]);
    home.run(&["plan", "graft", "--remove-leftovers", "--keep-leftovers"])
        .exits(64)
        .says(&["cannot be used with"]);
    let absent = ["check-coherence", "--dependencies", "nope.json"];
    home.write("omega.toml", &site());
    home.run(&absent).exits(64).says(&["nope.json", "next get dependencies.json at that tag"]);
    fs::remove_file(home.path().join("omega.toml")).unwrap();
    home.run(&["plan", "grafts"]).exits(64).says(&["graft"]);
    home.run(&["apply", "graft", "--plan"]).exits(64).says(&["'--plan'", "omega-cli plan graft"]);
    let accept = ["verify", "graft", "--accept", "unserved-read"];
    home.run(&accept).exits(64).says(&["'--accept'", "plan and apply"]);
    let many = ["apply", "graft", "--parallel", "0"];
    home.run(&many).exits(64).says(&["write a whole number: 1, 2, 3"]);
    home.run(&[]).exits(64);
}

#[test]
fn a_site_file_that_is_missing_or_wrong_is_pointed_at() {
    let home = Home::new();
    for command in ["plan", "apply", "verify"] {
        home.run(&[command, "graft", "--site", "sites/nope.toml"])
            .exits(64)
            .says(&["sites/nope.toml", "No such file"]);
    }
    home.write("omega.toml", &site().replace("kubeconfig =", "kubeconfg ="));
    home.run(&["plan", "graft"]).exits(64).says(&[
        "omega.toml, line 6: unknown key `kubeconfg`",
        "6 | kubeconfg = ",
        "did you mean `kubeconfig`?",
    ]);
    home.write(
        "omega.toml",
        &site().replace("[conductor]", "[conductor]\napplication = \"magnum\""),
    );
    home.run(&["plan", "graft"])
        .exits(64)
        .says(&["`application` (Juju) and `unit` (SSH) contradict each other", "11 | [conductor]"]);
    assert_eq!(home.runs(), [""; 0]);
}

#[test]
fn a_kubeconfig_that_the_driver_could_not_use_is_refused_before_anything_is_sent() {
    let half = &ADMIN[..ADMIN.len() / 2];
    let here = ADMIN.replace("https://10.20.0.50:6443", "https://localhost:6443");
    let cases = [
        ("", "it is empty", "check the command that wrote it"),
        (half, "it has no current context", "kubectl config use-context"),
        ("just words", "not a kubeconfig in YAML", "with the original"),
        (&here, "is an address of the local machine", "an address that the units can reach"),
        (EXPIRED, "its client certificate expired on 2001-01-01", "get a new one"),
    ];
    for (text, why, next) in cases {
        let home = Home::new();
        home.write("capi.kubeconfig", text);
        for command in ["plan", "apply"] {
            let ran = home.run(&[command, "graft"]).exits(4);
            assert_eq!(ran.out, "");
            ran.says(&["capi.kubeconfig", why, next, "changed nothing"]);
        }
        assert_eq!(home.runs(), [""; 0], "{why}");
        assert!(!home.path().join("cache").exists(), "{why}: it went as far as a token");
    }
}

#[test]
fn a_failure_in_json_is_one_document_too() {
    let home = Home::new();
    home.write("capi.kubeconfig", "");
    let ran = home.run(&["plan", "graft", "--output", "json"]).exits(4);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert_eq!((&document["exit"], &document["exit_code"]), (&"refused".into(), &4.into()));
    assert_eq!(document["failure"]["touched"], "nothing");
}

#[test]
fn files_that_are_not_what_the_site_pins_are_refused() {
    let home = Home::new();
    let (wanted, found) = (Sha256::of(b"the wheel"), Sha256::of(b"another"));
    let pin = format!("version = \"1.4.0\"\nwheel = \"driver.whl\"\nsha256 = \"{wanted}\"");
    home.write("omega.toml", &site().replace("version = \"1.4.0\"", &pin));
    home.write("driver.whl", "another");
    home.run(&["plan", "graft"]).exits(4).says(&[
        "driver.whl",
        &format!("expected sha256 {wanted}"),
        &format!("found sha256 {found}"),
        "changed nothing",
        "correct driver.sha256 in the site file",
    ]);
    home.write("driver.whl", "the wheel");
    home.write("helm", "another");
    home.run(&["plan", "graft"]).exits(4).says(&["helm", &format!("found sha256 {found}")]);
    assert_eq!(home.runs(), [""; 0]);
}

#[test]
fn a_cloud_that_is_not_in_clouds_yaml_is_named() {
    let home = Home::new();
    let none = home.run(&["plan", "graft"]);
    assert!(!matches!(none.code, None | Some(0 | 101)), "{none:#?}");
    none.says(&["clouds.yaml", "changed nothing", "next"]);
    home.write(
        "clouds.yaml",
        "clouds:\n  capi-admins:\n    auth: {auth_url: 'http://127.0.0.1:1/v3'}\n",
    );
    let near = home.run(&["plan", "graft"]);
    assert!(!matches!(near.code, None | Some(0 | 101)), "{near:#?}");
    near.says(&["capi-admin", "capi-admins", "changed nothing", "next"]);
    assert_eq!(home.runs(), [""; 0]);
}

/// No kubeconfig, no cloud: what is asked of the tables needs neither.
#[test]
fn coherence_is_told_offline_and_refused_for_a_driver_that_reads_what_is_not_served() {
    let home = Home::new();
    fs::remove_file(home.path().join("capi.kubeconfig")).unwrap();
    let offline = ["check-coherence", "--core", "1.13.2", "--provider", "v0.14.4"];
    let json = [&offline[..], &["--output", "json"]].concat();
    let document = |ran: Ran| serde_json::from_str::<Value>(&ran.out).unwrap();

    let good = home.run(&offline).exits(0);
    assert!(good.out.starts_with("Driver 1.4.0, chart 0.25.1 and 0 templates, "), "{}", good.out);
    assert!(good.out.ends_with("Nothing is refused.\n"), "{}", good.out);
    let good = document(home.run(&json).exits(0));
    assert_eq!((&good["schema_version"], &good["exit_code"]), (&2.into(), &0.into()));
    assert_eq!(good["refusal"], Value::Null);

    home.write("omega.toml", &site().replace("1.4.0", "1.3.0"));
    let bad = home.run(&offline).exits(4);
    assert!(bad.out.contains("broken      unserved-read (D-042)"), "{}", bad.out);
    assert!(bad.out.contains("next      pin magnum-capi-helm 1.4.0"), "{}", bad.out);
    let bad = document(home.run(&json).exits(4));
    assert_eq!((&bad["exit"], &bad["exit_code"]), (&"refused".into(), &4.into()));
    let refused = &bad["refusal"]["findings"];
    assert_eq!((refused.as_array().unwrap().len(), &refused[0]), (1, &bad["findings"][0]));
    assert_eq!(refused[0]["rule"], "unserved-read");
    home.run(&[&offline[..], &["--accept", "unserved-read"]].concat()).exits(0);
    // 0.10.4 still serves what 1.3.0 reads.
    let file = r#"{"cluster-api": "v1.10.4", "cluster-api-provider-openstack": "v0.10.4"}"#;
    home.write("dependencies.json", file);
    let ran = home.run(&["check-coherence", "--dependencies", "dependencies.json"]).exits(0);
    assert!(!ran.out.contains("unserved-read"), "{}", ran.out);
    // A suggested command does not act on the default context of the shell.
    home.write("omega.toml", &site());
    let gone = home.run(&["check-coherence", "--core", "1.16.0", "--provider", "v0.14.4"]).out;
    let gone = gone.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(gone.contains("kubectl --kubeconfig capi.kubeconfig edit crd"), "{gone}");
    assert_eq!(home.runs(), [""; 0]);
    assert!(!home.path().join("cache").exists(), "it asked for a token");
}

#[test]
fn what_the_tables_do_not_know_is_a_wrong_command_line() {
    let home = Home::new();
    let ask = |core: &str, more: &[&str]| {
        let args = ["check-coherence", "--core", core, "--provider", "0.14.4"];
        let ran = home.run(&[&args[..], more].concat()).exits(64);
        assert_eq!(ran.out, "");
        ran
    };
    ask("1.13", &[])
        .says(&["--core \"1.13\" is not a valid version", "give the full version: 1.13.2"]);
    ask("1.2.0", &[]).says(&["not known which versions cluster-api 1.2.0 serves", "1.5 and later"]);
    ask("1.13.2", &["--accept", "unservedread"]).says(&["no such rule (nearest: unserved-read)"]);
    ask("1.13.2", &["--accept", "unsafe-delete"]).says(&["can't be accepted"]);
    home.run(&["check-coherence", "--core", "1.13.2"]).exits(64).says(&["--provider"]);
    home.write("omega.toml", &site().replace("0.25.1", "0.25.2"));
    let ran = home.run(&["check-constellation"]).exits(64);
    ran.says(&[
        "the versions that chart 0.25.2 was tested with are not known",
        "--dependencies FILE",
    ]);
    let ran = home.run(&["check-constellation", "--dependencies", "nope.json"]).exits(64);
    ran.says(&["nope.json", "No such file"]);
    home.run(&["read-releases", "--namespace", "a/b"]).exits(64).says(&["is not a namespace name"]);
}

#[test]
fn there_are_no_runs_to_list_show_or_undo() {
    let home = Home::new();
    assert_eq!(home.run(&["runs"]).exits(0).out, "There are no runs yet.\n");
    let json = home.run(&["runs", "--output", "json"]).exits(0).out;
    let document: Value = serde_json::from_str(&json).unwrap();
    let empty = serde_json::json!({
        "schema_version": 1, "command": "runs", "runs": [], "damaged": [], "exit": "done",
        "exit_code": 0,
    });
    assert_eq!(document, empty);
    // What is not understood is one document as well.
    let json = home.run(&["explain", "--no-such", "--output", "json"]).exits(64).out;
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&document["exit"], &document["exit_code"]), (&"usage".into(), &64.into()));
    assert!(document["failure"]["message"].as_str().unwrap().contains("--no-such"), "{document}");
    for id in ["nope", "../runs", ""] {
        let ran = home.run(&["runs", "show", id]).exits(64);
        assert!(!ran.err.contains("omega-cli runs"), "it would show nothing: {ran:#?}");
        ran.says(&[&format!("no run `{id}`"), "there are no runs yet"]);
    }
    home.run(&["rollback", "graft"]).exits(64).says(&["no graft on this machine has changed"]);
    home.run(&["rollback", "graft", "--run", "nope"]).exits(64).says(&["no run `nope`"]);
}

/// Each says what it is, and no site file is suggested where none is read.
#[test]
fn what_is_not_a_kubeconfig_is_not_retargeted() {
    let home = Home::new();
    let retarget = ["retarget-kubeconfig", "--file", "f", "--server", "10.12.7.40", "--plan"];
    for (bytes, why) in [
        (&b""[..], "it is empty"),
        (&[0x7f, 0x45, 0x4c, 0x46, 0xff, 0][..], "it is not text (UTF-8), and so not a kubeconfig"),
        (b"a: 1\n---\nb: 2\n", "it has several YAML documents"),
        (b"a: 1\n", "it is YAML, and not a kubeconfig"),
    ] {
        fs::write(home.path().join("f"), bytes).unwrap();
        let ran = home.run(&retarget).exits(64);
        assert!(!ran.err.contains("--site"), "{ran:#?}");
        ran.says(&[why, "changed nothing", "next"]);
    }
}

#[test]
fn what_is_no_plan_of_this_version_is_not_applied() {
    let home = Home::new();
    let cases = [
        ("not json", "not a plan file"),
        ("{}", "not a plan file"),
        (r#"{"schema_version": 3, "anything": 1}"#, "its version is 3"),
        (r#"{"schema_version": 1}"#, "it is damaged"),
        (
            r#"{"schema_version": 1, "task": "pin-driver", "legs": []}"#,
            "it is a plan for pin-driver",
        ),
    ];
    for (text, why) in cases {
        home.write("graft.plan", text);
        home.run(&["apply", "graft", "--from", "graft.plan"]).exits(64).says(&[
            "graft.plan can't be applied",
            why,
            "changed nothing",
            "make a new plan",
        ]);
    }
    let gone = home.run(&["apply", "graft", "--from", "gone.plan"]);
    gone.exits(64).says(&["gone.plan", "No such file"]);
    assert_eq!(home.runs(), [""; 0]);
}

/// `omega-cli rehearse graft | head -1`: stdout goes away while there is much left to say.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    let mut command = home.command(&["rehearse", "graft"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
    while first.trim().is_empty() {
        first.clear();
        assert!(out.read_line(&mut first).unwrap() > 0, "it said nothing");
    }
    drop(out);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(first, "1 of 5: from a fresh unit\n");
    assert!(!err.contains("panicked"), "{err}");
    assert_eq!(status.code(), Some(0), "{err}");
}
