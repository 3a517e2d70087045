//! Every document of every subcommand is as its published schema says, and every flag has an effect.

use std::collections::BTreeSet;

use super::{confirm::SET, schema::differences, *};

const ONLY_CLOUD: &str = "[cloud]\nname = \"here\"\n";

/// Returns what a shell would offer after these words.
fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let args = [&["--", "omega-cli"], words].concat();
    let ran = ran(home.command(&args).env("COMPLETE", "fish")).exits(0);
    let names = ran.out.lines().map(|line| line.split('\t').next().unwrap().to_owned());
    names.collect()
}

/// Returns every subcommand, in full.
fn subcommands(home: &Home) -> Vec<String> {
    let is_one = |name: &String| !name.starts_with('-') && name != "help";
    let mut all = Vec::new();
    for name in offered(home, &[""]).into_iter().filter(is_one) {
        let inner = match name.as_str() {
            "check" | "lint" | "runs" | "export" => offered(home, &[&name, ""]),
            _ => Vec::new(),
        };
        all.extend(inner.into_iter().filter(is_one).map(|one| format!("{name} {one}")));
        if !["check", "lint", "export"].contains(&name.as_str()) {
            all.push(name);
        }
    }
    assert!(all.len() > 45, "{all:?}");
    all
}

/// Returns the examples in the help of a subcommand.
fn examples(home: &Home, subcommand: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = subcommand.split(' ').chain(["--help"]).collect();
    let help = home.run(&words).exits(0).out;
    let (_, shown) = help.split_once("Examples:\n").unwrap();
    let lines = shown.lines().filter_map(|line| line.trim().strip_prefix("omega-cli "));
    let words = |line: &str| shlex::split(line.split(" # ").next().unwrap()).unwrap();
    lines.map(words).collect()
}

/// The schema of what a subcommand prints.
fn schema_of(subcommand: &str) -> &str {
    match subcommand {
        "runs show" => "run",
        "runs sweep" => "sweep",
        "export kubernetes" => "export-kubernetes",
        "lint bundle" | "lint network" | "lint site" | "lint templates" | "lint file" => "lint",
        "show"
        | "runs"
        | "locks"
        | "explain"
        | "decisions"
        | "as-built"
        | "doctor"
        | "drift"
        | "accept"
        | "rehearse"
        | "validate"
        | "init"
        | "served-versions"
        | "check-coherence"
        | "check-constellation"
        | "read-releases"
        | "probe-pod-egress"
        | "capture-pre-state"
        | "man" => subcommand,
        _ => "report",
    }
}

impl Home {
    /// Runs a command for its document, and compares that with the schema of `subcommand`.
    #[track_caller]
    fn conforms(&self, subcommand: &str, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--output", "json"]].concat());
        let document: Value = serde_json::from_str(&ran.out)
            .inspect_err(|error| assert!(ran.out.is_empty(), "{args:?}: {error}: {ran:#?}"))
            .unwrap();
        assert_eq!(document["exit_code"].as_i64(), ran.code.map(i64::from), "{args:?}");
        assert_eq!(document["command"], subcommand, "{args:?}: {document:#}");
        let name = schema_of(subcommand);
        // What failed before it had a result.
        let failed = name == "report" && document.get("recap").is_none();
        let name = if failed { "error" } else { name };
        let schema = self.run(&["schema", name]).exits(0).out;
        let schema = serde_json::from_str(&schema).unwrap();
        let found = differences(&schema, &document);
        assert!(found.is_empty(), "{args:?}, schema {name}: {found:#?}\n{document:#}");
        // Who fails says why, at the top.
        let told = document["failure"].is_object()
            || ["done", "pending"].contains(&document["exit"].as_str().unwrap())
            || ["doctor", "drift", "accept", "validate", "lint", "runs", "sweep", "decisions"]
                .contains(&name);
        assert!(told, "{args:?}: no failure at the top: {document:#}");
        document
    }
}

/// A site whose cloud, management cluster and unit do not answer.
pub(super) fn nowhere() -> Home {
    let home = Home::with_cloud();
    home.write("capi.kubeconfig", ADMIN);
    home.write(
        "omega.toml",
        &format!("{}[timeouts]\nconnect = \"1s\"\n", site().replace("capi-admin", "here")),
    );
    home
}

/// Nothing answers here, so this is what most of them print when they fail.
#[test]
fn every_example_of_every_subcommand_prints_a_document_of_its_schema() {
    let home = nowhere();
    for subcommand in subcommands(&home) {
        if ["schema", "completions"].contains(&subcommand.as_str()) {
            continue;
        }
        for example in examples(&home, &subcommand) {
            let words: Vec<&str> = example.iter().map(String::as_str).collect();
            // The one asks the network for a release; the other does not end by itself (drift.rs).
            let waits = words.contains(&"--manifest") || words.contains(&"--watch");
            if waits || !example.join(" ").starts_with(&subcommand) {
                continue;
            }
            if subcommand == "runs" && words.len() > 1 && !words[1].starts_with('-') {
                continue;
            }
            home.conforms(&subcommand, &words);
        }
    }
}

#[test]
fn documents_of_commands_that_end_well_are_of_their_schemas() {
    let home = Home::with_juju();
    let with = |more: &[&'static str]| [&SET[..], more].concat();
    assert_eq!(home.conforms("ensure-charm-config", &SET)["exit"], "usage");
    assert_eq!(home.conforms("ensure-charm-config", &with(&["--plan"]))["exit"], "pending");
    assert_eq!(home.conforms("ensure-charm-config", &with(&["--yes"]))["exit"], "done");
    assert_eq!(home.conforms("ensure-charm-config", &SET)["exit"], "done");
    let runs = home.conforms("runs", &["runs"]);
    assert_eq!(
        (&runs["runs"][0]["outcome"], &runs["runs"][0]["changes"]),
        (&"done".into(), &1.into())
    );
    let shown = home.conforms("runs show", &["runs", "show", "latest"]);
    assert_eq!(shown["run"], runs["runs"][0]["id"]);
    let back = ["rollback", "--run", "latest"];
    assert_eq!(home.conforms("rollback", &[&back[..], &["--plan"]].concat())["exit"], "pending");
    assert_eq!(home.conforms("rollback", &[&back[..], &["--yes"]].concat())["exit"], "done");
    home.conforms("runs sweep", &["runs", "sweep"]);
    home.conforms("rehearse", &["rehearse", "graft", "--start", "half"]);
    home.write("mine.toml", "[cloud]\nname = \"c\"\n");
    home.conforms("rehearse", &["rehearse", "graft", "--start", "half", "--site", "mine.toml"]);
    home.conforms("rehearse", &["rehearse", "acceptance", "--start", "good", "--report-dir", "r"]);
    home.conforms("check-coherence", &["check-coherence", "--site", "none.toml"]);

    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    assert_eq!(home.conforms("doctor", &["doctor"])["exit"], "gate");
    home.write("bundle.yaml", "applications:\n  k: {charm: keystone, channel: edge}\n");
    assert_eq!(home.conforms("lint bundle", &["lint", "bundle", "bundle.yaml"])["exit"], "gate");
    assert_eq!(home.conforms("accept", &["accept", "--only", "8"])["exit"], "done");
    home.write("omega.toml", "[cloud]\nnmae = 1\n");
    assert_eq!(home.conforms("validate", &["validate"])["exit"], "usage");
    home.conforms(
        "init",
        &["init", "--site", "new.toml", "--ssh-unit", "magnum/0=ubuntu@10.0.0.1"],
    );
    let undo = serde_json::json!({ "namespace": "default", "name": "p" });
    home.ran("m", "capi.removed-pod.v1", &undo, true);
    assert_eq!(home.conforms("runs sweep", &["runs", "sweep", "--plan"])["exit"], "pending");
    home.write("omega.toml", ONLY_CLOUD);
    assert_eq!(home.conforms("runs sweep", &["runs", "sweep", "--yes"])["exit"], "usage");
    // What is not understood is a document too.
    let ran = home.run(&["runs", "shwo", "--output", "json"]).exits(64);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(document["failure"].is_object() && document["command"] == "runs", "{document:#}");
    for (args, command) in [(["plan", "graf"], "plan"), (["schema", "nope"], "schema")] {
        let ran = home.run(&[&args[..], &["--output", "json"]].concat()).exits(64);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(document["command"], command);
    }
}

/// How the effect of a flag is seen.
enum Effect {
    /// These words end or print otherwise with the flag.
    Differs(&'static [&'static str], &'static [&'static str]),
    /// This text in this file, of a test that needs more than a machine on which nothing answers.
    Tested(&'static str, &'static str),
}

use Effect::{Differs, Tested};

#[expect(clippy::too_many_lines, reason = "a table")]
/// The flags that a subcommand has, apart from those that many have.
fn effect(subcommand: &str, flag: &str) -> Option<Effect> {
    const GRAFT: &str = "../omega/src/graft/apply_tests.rs";
    const LAB_40: &str = "../../tests/lab/cases/40-management.sh";
    const LAB_50: &str = "../../tests/lab/cases/50-stuck-delete.sh";
    const LAB_92: &str = "../../tests/lab/cases/92-clusters.sh";
    const LAB_16: &str = "../../tests/lab/cases/16-image.sh";
    const TEMPLATE: &[&str] = &["ensure-cluster-template", "--plan", "--name", "two"];
    const CLUSTER: &[&str] = &["ensure-cluster", "--plan", "--name", "c"];
    const NEEDS: &str = "tests/cli/needs.rs";
    Some(match (subcommand, flag) {
        ("init", "--openrc") => Differs(&["init", "--site", "@new"], &["--openrc", "admin-openrc"]),
        ("init", _) => Tested("tests/cli/site.rs", flag_text(flag)?),
        ("plan" | "apply" | "verify", "--remove-leftovers" | "--keep-leftovers") => {
            Tested(GRAFT, "LeftoverPolicy::")
        }
        ("remove-leftovers", "--remove-leftovers" | "--keep-leftovers") => {
            Tested("../../tests/lab/cases/20-graft.sh", "leftovers")
        }
        ("plan" | "apply", "--accept") => Differs(&["plan", "graft"], &["--accept", "nope"]),
        ("check-coherence", "--accept") => {
            Tested("tests/cli.rs", "\"--accept\", \"unserved-read\"")
        }
        ("plan", "--out") => Differs(&["plan", "graft"], &["--out", "helm"]),
        ("apply", "--from") => Differs(&["apply", "graft"], &["--from", "gone.plan"]),
        ("apply", "--prove") => Differs(&["apply", "graft"], &["--prove"]),
        ("apply", "--parallel") => Tested("../omega/src/graft/apply_tests.rs", ".parallel("),
        ("decisions", "--contradictions") => Differs(&["decisions"], &["--contradictions"]),
        ("as-built", "--out") => Differs(&["as-built"], &["--out", "as-built.md"]),
        ("rollback", "--run") => Differs(&["rollback", "graft"], &["--run", "nope"]),
        (
            "lint bundle" | "lint network" | "lint site" | "lint templates" | "lint file",
            "--deny" | "--format" | "--fix" | "--live" | "--svg" | "--template",
        ) => Tested("tests/cli/lint.rs", flag_text(flag)?),
        ("drift", "--remove-leftovers" | "--keep-leftovers") => {
            Tested("src/command/drift.rs", "leftovers.policy()")
        }
        ("drift", "--reader") => Differs(&["drift", "--skip", "live"], &["--reader", "nope"]),
        ("export kubernetes", _) => Tested("tests/cli/export.rs", flag_text(flag)?),
        ("drift", _) => Tested("tests/cli/drift.rs", flag_text(flag)?),
        ("doctor", "--cluster") => {
            Tested("../omega/src/doctor/examination_tests.rs", "options.clusters")
        }
        ("doctor", "--kubeconfig") => Differs(&["doctor"], &["--kubeconfig", "nope"]),
        ("doctor", "--patience") => Differs(&["doctor"], &["--patience", "x"]),
        ("accept", "--only") => Differs(&["accept", "--only", "8"], &["--only", "7"]),
        ("accept", "--resume") => Differs(&["accept", "--only", "8"], &["--resume", "nope"]),
        ("accept", "--report-dir") => {
            Differs(&["accept", "--only", "8"], &["--report-dir", "helm"])
        }
        ("accept", "--sign") => Differs(&["accept", "--only", "8"], &["--sign", "nope"]),
        ("rehearse", "--start") => {
            Differs(&["rehearse", "graft", "--start", "half"], &["--start", "x"])
        }
        ("rehearse", "--report-dir") => {
            Tested("tests/cli/acceptance.rs", "\"--report-dir\", \"reports\"")
        }
        ("check-coherence", "--core" | "--provider") => {
            Tested("tests/cli.rs", "\"--core\", \"1.13.2\"")
        }
        ("check-coherence", "--dependencies") => {
            Differs(&["check-coherence"], &["--dependencies", "nope"])
        }
        ("check-constellation", "--dependencies") => {
            Differs(&["check-constellation"], &["--dependencies", "nope"])
        }
        ("read-releases", "--namespace") => Tested("src/command/capi_tests.rs", "&[decoy]"),
        ("check live", "--only") => Differs(&["check live"], &["--only", "dependencies"]),
        ("check releases", "--namespace") => Tested(NEEDS, "\"releases\", \"-n\", \"magnum-a\""),
        ("ensure-sg-rule", "--group") => Differs(
            &[
                "ensure-sg-rule",
                "--plan",
                "--site",
                "@cloud",
                "--port",
                "1",
                "--remote",
                "10.0.0.0/8",
            ],
            &["--group", "g"],
        ),
        ("ensure-sg-rule", "--protocol") => {
            Differs(&["ensure-sg-rule", "--plan"], &["--protocol", "x y"])
        }
        ("ensure-sg-rule", "--port") => Differs(&["ensure-sg-rule", "--plan"], &["--port", "many"]),
        ("ensure-sg-rule", "--remote") => {
            Differs(&["ensure-sg-rule", "--plan"], &["--remote", "x"])
        }
        ("ensure-sg-rule", "--absent") => {
            Tested("../../tests/lab/cases/15-operations.sh", "--absent")
        }
        ("stage-image", "--endpoint" | "--url") => Tested(LAB_16, flag_text(flag)?),
        ("stage-image", "--select" | "--manifest" | "--keep" | "--os-distro") => {
            Tested("tests/cli/images.rs", flag_text(flag)?)
        }
        ("stage-image", _) => Tested("../../tests/lab/cases/18-unchanged.sh", flag_text(flag)?),
        ("ensure-cluster-template", "--name") => Tested(NEEDS, "\"--name\", \"two\""),
        ("ensure-cluster-template", "--label") => Differs(TEMPLATE, &["--label", "x"]),
        ("ensure-cluster-template", "--network-driver") => Tested(NEEDS, "--network-driver"),
        ("ensure-cluster-template", _) => {
            Tested("src/command/ensure_cluster_template.rs", "json!(spec)")
        }
        ("ensure-cluster" | "check cluster-prerequisites", "--template") => {
            Differs(CLUSTER, &["--template", "t"])
        }
        ("ensure-cluster", "--name") => Tested(NEEDS, "\"--name\", \"1c\""),
        ("ensure-cluster" | "check cluster-prerequisites", "--master-count") => {
            Tested(NEEDS, "\"--master-count\", \"2\"")
        }
        ("ensure-cluster" | "check cluster-prerequisites", "--accept") => {
            Tested(NEEDS, "\"--accept\", \"quota\"")
        }
        (
            "ensure-cluster" | "check cluster-prerequisites",
            "--keypair" | "--node-count" | "--label",
        ) => Tested(LAB_92, flag_text(flag)?),
        ("ensure-cluster", "--retry" | "--within") => Tested(
            "../omega/src/cluster/cluster_tests.rs",
            flag_text(flag)?.trim_start_matches("--"),
        ),
        ("ensure-cluster-absent", "--within") => {
            Differs(&["ensure-cluster-absent", "--cluster", "c"], &["--within", "0s"])
        }
        (
            "ensure-cluster-absent"
            | "fetch-cluster-kubeconfig"
            | "release-stuck-delete"
            | "check health"
            | "check workload",
            "--cluster",
        ) => Tested(NEEDS, "\"--cluster\", \"c"),
        ("fetch-cluster-kubeconfig", "--out" | "--from-management") => {
            Tested(NEEDS, flag_text(flag)?)
        }
        ("release-stuck-delete", "--namespace" | "--credential-from" | "--patience" | "--wait") => {
            Tested(LAB_50, flag_text(flag)?)
        }
        ("teardown", _) => Tested("tests/cli/teardown.rs", flag_text(flag)?),
        ("ensure-load-balancer-active", _) => Tested(NEEDS, flag_text(flag)?),
        ("ensure-guest-running", "--within") => {
            Differs(&["ensure-guest-running", "g", "--plan"], &["--within", "0s"])
        }
        ("ensure-charm-config", "--set" | "--application") => {
            Tested("tests/cli/confirm.rs", flag_text(flag)?)
        }
        ("mint-kubeconfig", "--out" | "--namespace" | "--all-namespaces" | "--account") => {
            Tested(LAB_40, flag_text(flag).filter(|f| *f != "--namespace").unwrap_or("-n $one"))
        }
        ("mint-kubeconfig", "--server") => Tested(LAB_40, "--server"),
        ("mint-kubeconfig", "--lifetime" | "--renew-before") => {
            Tested("src/command/access.rs", flag_text(flag)?)
        }
        ("mint-kubeconfig", "--autoscaler") => {
            Tested("../omega-capi/src/access/mint_tests.rs", "autoscaler")
        }
        ("retarget-kubeconfig", "--file" | "--server") => Tested(LAB_40, flag_text(flag)?),
        ("probe-pod-egress", _) => {
            Tested(LAB_40, flag_text(flag).filter(|f| *f != "--namespace").unwrap_or("-n default"))
        }
        _ => return None,
    })
}

/// The flag itself, where it can be a text of a file.
fn flag_text(flag: &str) -> Option<&'static str> {
    const ALL: &[&str] = &[
        "--cloud",
        "--kubeconfig",
        "--project",
        "--domain",
        "--security-group",
        "--source",
        "--application",
        "--model",
        "--ssh-unit",
        "--openrc",
        "--deny",
        "--format",
        "--fix",
        "--live",
        "--svg",
        "--template",
        "--select",
        "--keep",
        "--endpoint",
        "--url",
        "--manifest",
        "--os-distro",
        "--file",
        "--name",
        "--kubernetes-version",
        "--sha512",
        "--keypair",
        "--node-count",
        "--label",
        "--retry",
        "--within",
        "--out",
        "--from-management",
        "--namespace",
        "--credential-from",
        "--patience",
        "--wait",
        "--model",
        "--maas-profile",
        "--destroy-storage",
        "--release-storage",
        "--bundle",
        "--accept",
        "--load-balancer",
        "--failover",
        "--set",
        "--all-namespaces",
        "--account",
        "--lifetime",
        "--renew-before",
        "--server",
        "--image",
        "--tool",
        "--accept",
        "--accept-finding",
        "--skip",
        "--expires-within",
        "--deadline",
        "--metrics-file",
        "--watch",
        "--interval",
        "--listen",
        "--listen-anywhere",
        "--elsewhere",
        "--schedule",
        "--once",
        "--storage-class",
        "--rule-label",
        "--rules-file",
        "--output-dir",
    ];
    ALL.iter().find(|one| **one == flag).copied()
}

/// What a run prints, without what differs from one run to the next.
fn steady_run(ran: &Ran) -> String {
    let text = format!("{:?} {} {}", ran.code, ran.out, ran.err);
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[test]
fn every_flag_of_every_subcommand_has_an_effect() {
    let home = nowhere();
    home.write("cloud.toml", ONLY_CLOUD);
    let mut without = BTreeSet::new();
    for subcommand in subcommands(&home) {
        let words: Vec<&str> = subcommand.split(' ').chain(["--"]).collect();
        for flag in offered(&home, &words) {
            let seen = match flag.as_str() {
                // Of every command: `what_every_command_takes`.
                // --break-lock: `read_only.rs`, and `locks_tests.rs` of omega, as no run here comes so far. And `confirm.rs` has --yes and --plan, needs.rs --unit, read_only.rs and deadline.rs theirs.
                "--output" | "--quiet" | "--verbose" | "--trace" | "--help" | "--version"
                | "--yes" | "--plan" | "--unit" | "--read-only" | "--timeout" | "--break-lock" => {
                    true
                }
                "--site" => names_site(&home, &subcommand),
                _ => match effect(&subcommand, &flag) {
                    Some(effect) => is_seen(&home, &effect),
                    None => is_in_the_lab(&subcommand, &flag),
                },
            };
            if !seen {
                without.insert(format!("{subcommand} {flag}"));
            }
        }
    }
    assert!(without.is_empty(), "no effect is known of: {without:#?}");
}

fn is_seen(home: &Home, effect: &Effect) -> bool {
    match effect {
        Differs(base, flag) => {
            let run = |more: &[&str], nth: usize| {
                let new = format!("new-{nth}.toml");
                let words = base.iter().chain(more).map(|word| match *word {
                    "@new" => new.as_str(),
                    "@cloud" => "cloud.toml",
                    word => word,
                });
                let ran = home.run(&words.collect::<Vec<_>>());
                let written = fs::read_to_string(home.path().join(&new)).unwrap_or_default();
                steady_run(&ran) + &written
            };
            run(&[], 1) != run(flag, 2)
        }
        Tested(file, text) => {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            fs::read_to_string(&path).is_ok_and(|all| all.contains(text))
        }
    }
}

/// A lab case runs the subcommand with the flag, in one line.
fn is_in_the_lab(subcommand: &str, flag: &str) -> bool {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lab/cases");
    let files = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let run = format!("omega {subcommand} ");
    let has = |line: &str| line.contains(&run) && line.split(' ').any(|word| word == flag);
    texts.iter().flat_map(|text| text.lines()).any(has)
}

/// The site file that is named is the one that is read; `init` writes it.
fn names_site(home: &Home, subcommand: &str) -> bool {
    let Some(example) = examples(home, subcommand).into_iter().next() else { return false };
    if [
        "init",
        "rehearse",
        "runs sweep",
        "retarget-kubeconfig",
        "rollback",
        "check-coherence",
        "decisions",
    ]
    .contains(&subcommand)
    {
        // They read it only in some cases, each with a test: site.rs, needs.rs.
        return true;
    }
    let mut words: Vec<&str> = example.iter().map(String::as_str).collect();
    words.retain(|word| *word != "--manifest");
    words.extend(["--site", "nope.toml"]);
    let ran = home.run(&words);
    let said = format!("{}{}", ran.out, ran.err);
    said.contains("nope.toml") || ran.code == Some(64)
}

#[test]
fn what_every_command_takes() {
    let home = Home::with_juju();
    let plan = [&SET[..], &["--plan"]].concat();
    let run = |more: &[&str]| home.run(&[&plan[..], more].concat());
    assert!(run(&["--output", "json"]).out.starts_with('{'));
    assert!(run(&["-v"]).err.contains("read target="), "{}", run(&["-v"]).err);
    let log = run(&["-vv"]).err;
    assert!(log.contains("omega_trace") && log.contains("took_ms="), "{log}");
    assert_eq!(run(&["--quiet"]).err, "");
    run(&["--trace", "trace.jsonl"]);
    assert!(fs::read_to_string(home.path().join("trace.jsonl")).unwrap().contains("took_ms"));
    // Two processes write to one file.
    let both = [&plan[..], &["--trace", "both.jsonl"]].concat();
    let children = [(); 2].map(|()| home.command(&both).stdout(Stdio::null()).spawn().unwrap());
    for mut child in children {
        child.wait().unwrap();
    }
    for line in fs::read_to_string(home.path().join("both.jsonl")).unwrap().lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["took_ms"].is_u64(), "{line}");
    }
    // An earlier trace is replaced, and nothing else is.
    assert_ne!(run(&["--trace", "trace.jsonl"]).code, Some(64));
    home.write("notes", "mine\n");
    let ran_over = run(&["--trace", "notes"]).exits(64);
    ran_over.says(&["the file exists and is not a trace", "--trace FILE"]);
    assert_eq!(fs::read_to_string(home.path().join("notes")).unwrap(), "mine\n");
    let mut command = home.command(&plan);
    assert!(ran(command.env("OMEGA_LOG", "omega_core=info")).err.contains("read target="));
    // Where the program stands is asked of the user database, if HOME is not set.
    let mut command = home.command(&["runs"]);
    ran(command.env_remove("HOME").env_remove("XDG_STATE_HOME").env_remove("XDG_CACHE_HOME"));
}

/// Wherever it is cut, the line is named, and what to read.
#[test]
fn a_journal_that_was_cut_is_told_with_its_line() {
    let home = Home::with_juju();
    home.run(&[&SET[..], &["--yes"]].concat()).exits(0);
    let id = home.runs().remove(0);
    let path = home.path().join("state/omega/runs").join(&id).join("journal.jsonl");
    let whole = fs::read(&path).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for (length, why) in [
        (0, "line 1 of the journal is damaged: the file is empty"),
        (header / 2, "line 1 of the journal is damaged: it ends too early"),
        (header, "it ends after line 1, and the run has reported 1 changed"),
        (header + 20, "line 2 is cut off"),
        (whole.len() - 5, "is cut off, and what followed it is lost"),
    ] {
        fs::write(&path, &whole[..length]).unwrap();
        home.run(&["runs", "show", &id]).exits(1).says(&[
            "journal",
            why,
            "next",
            "journal.jsonl",
            "run its command again with --plan",
        ]);
        let json = home.run(&["runs", "show", &id, "--output", "json"]).exits(1).out;
        let document: Value = serde_json::from_str(&json).unwrap();
        assert!(document["failure"]["next"].is_string(), "{document}");
    }
    fs::write(&path, &whole[..header / 2]).unwrap();
    let back = home.run(&["rollback", "--run", &id, "--plan"]);
    back.says(&["without its journal omega rolls nothing back", "journal.jsonl"]);
    // A run that was killed may leave half a line: it is reported, and is no damage.
    fs::remove_file(path.parent().unwrap().join("report.json")).unwrap();
    fs::write(&path, &whole[..header + 20]).unwrap();
    let shown = home.run(&["runs", "show", &id]).exits(0).out;
    assert!(shown.contains("it was killed. Line 2 of its journal is incomplete"), "{shown}");
    // Nothing was begun, so there is nothing to undo.
    let back = home.run(&["rollback", "--run", &id, "--plan"]).exits(0).out;
    assert!(
        back.ends_with("There is nothing to roll back: the run made no lasting change.\n"),
        "{back}"
    );
}

#[test]
fn completions_offer_values() {
    let home = Home::with_juju();
    home.run(&[&SET[..], &["--yes"]].concat()).exits(0);
    let id = home.runs().remove(0);
    assert!(offered(&home, &["runs", "show", ""]).contains(&id));
    assert!(offered(&home, &["rollback", "--run", ""]).contains(&"latest".to_owned()));
    assert!(offered(&home, &["explain", "D-04"]).contains(&"D-042".to_owned()));
    for (words, value) in [
        (&["accept", "--only", ""][..], "D-011.4"),
        (&["rehearse", "graft", "--start", ""], "half"),
        (&["rehearse", "acceptance", "--start", "sealed"], "sealed-vault"),
        (&["check-coherence", "--accept", ""], "unserved-read"),
        (&["plan", "graft", "--accept", "uns"], "unserved-read"),
        (&["check", "live", "--only", "octavia"], "octavia-image"),
        (&["drift", "--skip", ""], "constellation"),
        (&["export", "kubernetes", "--skip", "daemon"], "daemon-steady"),
    ] {
        assert!(offered(&home, words).contains(&value.to_owned()), "{words:?}");
    }
    // Nothing is offered that would be refused.
    for (words, value) in [
        (&["check", "live", "--only", ""][..], "D-011.4"),
        (&["rehearse", "graft", "--start", ""], "sealed-vault"),
        (&["rehearse", "acceptance", "--start", ""], "half"),
        (&["accept", "--resume", ""], id.as_str()),
    ] {
        assert!(!offered(&home, words).contains(&value.to_owned()), "{words:?}");
    }
    let refused = offered(&home, &["check-coherence", "--accept", "uns"]);
    assert!(!refused.contains(&"unsafe-delete".to_owned()), "it can't be accepted: {refused:?}");
    home.write("omega.toml", "[conductor]\nunit = [{ name = \"magnum/3\", ssh = \"u@h\" }]\n");
    assert_eq!(offered(&home, &["place-kubeconfig", "--unit", "mag"]), ["magnum/3"]);
    let clouds = Home::with_cloud();
    assert_eq!(offered(&clouds, &["init", "--cloud", ""]), ["here"]);
    assert!(home.run(&["completions", "bash"]).exits(0).out.contains("COMPLETE="));
}
