//! `accept` and `rehearse acceptance`.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const NAMED: &str = "\n[acceptance]\ncluster = \"c1\"\nvault = [\"https://127.0.0.1:1\"]\n";

impl Home {
    fn document(&self, args: &[&str], code: i32) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--output", "json"]).collect();
        serde_json::from_str(&self.run(&args).exits(code).out).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_rehearsal_writes_a_report_of_each_cloud() {
    let home = Home::new();
    let document = home.document(&["rehearse", "acceptance", "--report-dir", "reports"], 0);
    let reports = document["reports"].as_array().unwrap();
    let told: Vec<_> = reports
        .iter()
        .map(|one| (one["scenario"].as_str().unwrap(), one["report"]["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("good", "accepted"),
            ("blocked-unit", "failed"),
            ("foreign-certificate", "failed"),
            ("sealed-vault", "failed"),
            ("tenant-cut-off", "failed"),
            ("snapshot-missing", "failed"),
            ("one-pod-answers", "failed"),
            ("no-address", "failed"),
        ]
    );
    for (scenario, _) in told {
        for name in ["report.json", "report.xml", "report.html"] {
            let path = home.path().join("reports").join(scenario).join(name);
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    assert!(!home.path().join("state").exists(), "the rehearsal kept a run");
}

/// Its reports are for who sees it end.
#[test]
fn an_interrupted_rehearsal_leaves_nothing_behind() {
    let home = Home::new();
    let temporary = home.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut command = home.command(&["rehearse", "acceptance"]);
    let mut child = command.env("TMPDIR", &temporary).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    while !first.contains("1 of ") {
        assert!(out.read_line(&mut first).unwrap() > 0, "{first}");
    }
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 2, "its runs, and its reports");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn what_a_rehearsal_of_a_blocked_unit_prints_on_80_columns() {
    let home = Home::new();
    let args = ["rehearse", "acceptance", "--start", "blocked-unit", "--report-dir", "reports"];
    let ran = ran(home.command(&args).env("COLUMNS", "80")).exits(0);
    let digest = |line: &str| {
        if line.starts_with("  sha256") {
            "  sha256     [digest]".to_owned()
        } else {
            line.to_owned()
        }
    };
    let text: Vec<String> = ran.out.lines().map(digest).collect();
    insta::assert_snapshot!("rehearse_acceptance", text.join("\n"));
    home.run(&["rehearse", "acceptance", "--start", "bad"])
        .exits(64)
        .says(&["no such starting point: `bad`", "good, blocked-unit, foreign-certificate"]);
}

#[test]
fn items_are_chosen_and_those_that_cannot_be_asked_are_an_error() {
    let home = Home::new();
    let document = home.document(&["accept", "--only", "D-011.8"], 0);
    assert_eq!(document["report"]["items"][0]["outcome"]["decision"], "D-019");
    assert_eq!(document["report"]["verdict"], "incomplete", "one item is not the whole");
    // Neither is named.
    let document = home.document(&["accept", "--only", "3", "--only", "D-011.7"], 1);
    let items = document["report"]["items"].as_array().unwrap();
    let states: Vec<_> = items.iter().map(|item| item["outcome"]["state"].as_str()).collect();
    assert_eq!(states, [Some("not_run"), Some("not_run")]);
    home.run(&["accept", "--only", "D-011.9"]).exits(64).says(&["no item `D-011.9`"]);
}

/// A machine that can't be asked is not one that failed.
#[test]
fn machines_that_do_not_answer_leave_their_items_open() {
    let home = Home::with_cloud();
    let named = r#"
        [acceptance]
        core = ["identity"]
        tenant = { ssh = "ubuntu@127.0.0.1:1", jump = "ops@127.0.0.1:1" }
        tenant_address = "https://10.12.4.50:5000"
        cluster = "c1"
        [[acceptance.hypervisor]]
        ssh = "root@127.0.0.1:1"
        domains = ["openstack0"]
        snapshots = ["snapshot-1"]
        [juju]
        program = "/nowhere/juju"
        [timeouts]
        connect = "2s"
    "#;
    home.write("omega.toml", &format!("[cloud]\nname = \"here\"\n{named}"));
    let document = home.document(&["accept", "--only", "3", "--only", "5", "--only", "7"], 1);
    let items = document["report"]["items"].as_array().unwrap();
    let why = |nth: usize| items[nth]["outcome"]["why"].as_str().unwrap();
    assert!(why(0).starts_with("could not ask ubuntu@127.0.0.1:1 what it reaches: "), "{}", why(0));
    assert!(why(1).contains("no `kubeconfig` in [management]"), "{}", why(1));
    assert!(why(2).contains("127.0.0.1"), "{}", why(2));
    // Keystone is named and refuses the connection; juju is not there.
    let document = home.document(&["accept", "--only", "1", "--only", "2"], 3);
    let items = document["report"]["items"].as_array().unwrap();
    assert_eq!(items[0]["outcome"]["state"], "not_run");
    assert_eq!(items[1]["findings"][0]["rule"], "endpoint-unreachable");
}

/// Nobody answers: what is named and does not answer fails, and is not merely open.
#[test]
fn a_failed_item_is_exit_code_3_and_the_report_is_kept() {
    let home = Home::new();
    home.write("omega.toml", &format!("{}{NAMED}", site()));
    let document = home.document(&["accept", "--only", "D-011.6", "--report-dir", "out"], 3);
    assert_eq!(document["report"]["items"][0]["findings"][0]["rule"], "vault-unreachable");
    let files = &document["files"];
    let (json, run) =
        (files["json"].as_str().unwrap(), document["report"]["run"].as_str().unwrap());
    assert_eq!(Sha256::of(&fs::read(json).unwrap()).to_string(), files["sha256"]);
    assert_eq!(fs::read(json).unwrap(), fs::read(home.path().join("out/report.json")).unwrap());
    let shown = home.run(&["runs", "show", run]).exits(0).out;
    assert!(shown.contains(&format!("report.json  sha256 {}", files["sha256"].as_str().unwrap())));

    // It is continued, and what passed is kept.
    let again = home.document(&["accept", "--resume", run], 3);
    assert_eq!(again["report"]["resumes"], run);
    assert_eq!(again["report"]["items"].as_array().unwrap().len(), 1, "as before: one item");
    let edited = fs::read_to_string(json).unwrap().replace("vault-unreachable", "fine");
    fs::write(json, edited).unwrap();
    home.run(&["accept", "--resume", run]).exits(4).says(&["it was edited or damaged"]);
    home.run(&["runs", "show", run]).exits(4).says(&["report.json", "it was edited or damaged"]);
    let document = home.document(&["runs", "show", run], 4);
    assert_eq!(document["report"], Value::Null, "an edited report is not shown as the run's");
    assert_eq!(document["damaged"].as_array().unwrap().len(), 1);
    fs::write(json, fs::read(home.path().join("out/report.json")).unwrap()).unwrap();
    home.run(&["runs", "show", run]).exits(0);
    let page = Path::new(files["html"].as_str().unwrap());
    fs::write(page, fs::read_to_string(page).unwrap().replace("failed", "passed")).unwrap();
    home.run(&["runs", "show", run]).exits(4).says(&["could not use report.html of run"]);
    home.run(&["accept", "--resume", "nope"]).exits(64).says(&["no run `nope`"]);
}

/// A program in the place of ssh-keygen tells how it was called.
#[test]
fn a_report_is_signed_by_ssh_keygen() {
    let home = Home::new();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let keygen = bin.join("ssh-keygen");
    fs::write(&keygen, "#!/bin/sh\necho \"$@\" >\"$HOME/called\"\necho SIGNED >\"$7.sig\"\n")
        .unwrap();
    fs::set_permissions(&keygen, fs::Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let args = ["accept", "--only", "8", "--sign", "key.pub", "--report-dir", "out"];
    let ran = ran(home.command(&args).env("PATH", path)).exits(0);
    assert!(ran.out.contains("report.json.sig"), "{ran:#?}");
    let called = fs::read_to_string(home.path().join("called")).unwrap();
    assert!(called.starts_with("-Y sign -n omega-acceptance -f key.pub /"), "{called}");
    assert_eq!(fs::read(home.path().join("out/report.json.sig")).unwrap(), b"SIGNED\n");
    assert_eq!(mode(&home.path().join("out/report.json.sig")), 0o600);
    // A key that can't sign is noticed before anything is checked.
    let runs = home.runs();
    fs::write(&keygen, "#!/bin/sh\necho 'incorrect passphrase' >&2\nexit 255\n").unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let ran = super::ran(home.command(&args).env("PATH", &path)).exits(64);
    ran.says(&["no report can be signed with key.pub", "incorrect passphrase", "ssh-add"]);
    assert_eq!(home.runs(), runs);

    // One that fails after the run hides neither the report nor what it found.
    let once = "#!/bin/sh\n[ -e \"$HOME/once\" ] && { echo 'agent refused' >&2; exit 255; }\n\
        : >\"$HOME/once\"; echo SIGNED >\"$7.sig\"\n";
    home.write("omega.toml", &format!("{}{NAMED}", site()));
    for (item, code) in [("8", 1), ("6", 3)] {
        fs::write(&keygen, once).unwrap();
        drop(fs::remove_file(home.path().join("once")));
        let args = ["accept", "--only", item, "--sign", "key.pub", "--report-dir", "out"];
        let ran = super::ran(home.command(&args).env("PATH", &path)).exits(code);
        assert!(ran.out.contains("  evidence   "), "the report's path is shown: {ran:#?}");
        let ran = ran.says(&["could not sign", "agent refused", "ssh-keygen -Y sign"]);
        assert!(!ran.err.contains("nothing"), "{ran:#?}");
        assert!(!home.path().join("out/report.json.sig").exists(), "that was of another report");
        fs::remove_file(home.path().join("once")).unwrap();
        let args = [args.as_slice(), &["--output", "json"]].concat();
        let ran = super::ran(home.command(&args).env("PATH", &path)).exits(code);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(document["report"]["items"].as_array().unwrap().len(), 1);
        assert_eq!(document["exit_code"], code);
        assert!(document["files"]["json"].is_string());
        assert!(document["failure"]["message"].as_str().unwrap().starts_with("could not sign"));
    }
}

/// A run that is killed leaves no report. What it had finished is kept, and `--resume` goes on from there.
#[test]
fn a_run_without_a_report_is_continued() {
    let home = Home::new();
    let document = home.document(&["accept", "--only", "8", "--only", "7"], 1);
    let run = document["report"]["run"].as_str().unwrap();
    let directory = Path::new(document["files"]["json"].as_str().unwrap()).parent().unwrap();
    // As it is at the moment of a kill: what comes last is not there.
    let journal = directory.join("journal.jsonl");
    let kept: Vec<String> = fs::read_to_string(&journal)
        .unwrap()
        .lines()
        .filter(|line| !line.contains("report.") && !line.contains("D-011.8.json"))
        .map(str::to_owned)
        .collect();
    fs::write(&journal, kept.join("\n") + "\n").unwrap();
    fs::remove_file(directory.join("report.json")).unwrap();
    let again = home.document(&["accept", "--resume", run], 1);
    assert_eq!(again["report"]["resumes"], run);
    assert_eq!(again["report"]["items"].as_array().unwrap().len(), 2, "as before: two items");
    assert_eq!(again["report"]["items"][1]["kept_from"], Value::Null, "it was checked again");
}

/// What passed for one site file says nothing of another one.
#[test]
fn another_site_file_is_checked_again() {
    let home = Home::new();
    let run = home.document(&["accept", "--only", "8"], 0)["report"]["run"].clone();
    let run = run.as_str().unwrap();
    let again = home.document(&["accept", "--resume", run], 0);
    assert_eq!(again["report"]["items"][0]["kept_from"], run);
    assert_eq!(again["report"]["not_kept"], Value::Null);
    let shown = home.run(&["accept", "--resume", run]).exits(0).out;
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(&format!("by run {run})")), "{shown}");
    home.write("omega.toml", &format!("{}{NAMED}", site()));
    let again = home.document(&["accept", "--resume", run], 0);
    assert_eq!(again["report"]["items"][0]["kept_from"], Value::Null);
    assert!(again["report"]["not_kept"].as_str().unwrap().contains("the site file has changed"));
}

/// A rehearsal that can't write says what is there, and has its directory alone.
#[test]
fn a_rehearsal_without_room_says_what_is_there() {
    let home = Home::new();
    // Nothing can be written in the place of the second cloud's reports.
    fs::create_dir(home.path().join("reports")).unwrap();
    fs::write(home.path().join("reports/blocked-unit"), "").unwrap();
    let ran = home.run(&["rehearse", "acceptance", "--report-dir", "reports"]).exits(1);
    let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("the reports of 1 clouds are in reports, and the rest are not"),
        "{said}"
    );
    assert!(said.contains("changed possibly") && !said.contains("own directory"), "{said}");
    let lock =
        omega::core::Lock::take(&home.path().join("reports/.omega-lock"), "another").unwrap();
    home.run(&["rehearse", "acceptance", "--report-dir", "reports"])
        .exits(6)
        .says(&["another run writes its reports to reports (another)"]);
    drop(lock);
}

#[test]
fn the_schema_describes_the_report() {
    let home = Home::new();
    let schema: Value =
        serde_json::from_str(&home.run(&["schema", "acceptance"]).exits(0).out).unwrap();
    let report = &home.document(&["accept", "--only", "8"], 0)["report"];
    let properties = schema["properties"].as_object().unwrap();
    for (key, value) in report.as_object().unwrap() {
        assert!(properties.contains_key(key), "{key}: {value}");
    }
    for key in schema["required"].as_array().unwrap() {
        assert!(report.get(key.as_str().unwrap()).is_some(), "{key}");
    }
}

#[test]
fn a_mistake_in_the_acceptance_table_is_pointed_at() {
    let home = Home::new();
    for (table, says) in [
        ("[acceptance]\nvaults = []\n", "vaults"),
        ("[acceptance]\nvault = [\"ftp://x\"]\n", "an address must be http(s)://host[:port]"),
        ("[acceptance]\ntenant = { ssh = \"a:b@c\" }\n", "`ssh` and `jump` must be"),
        ("[[acceptance.hypervisor]]\ndomains = []\n", "at least one of its `domains`"),
        ("[[acceptance.hypervisor]]\ndomains = [\"-x\"]\n", "does not begin with a hyphen"),
        ("[acceptance]\ncore = []\n", "`core` must list"),
    ] {
        home.write("omega.toml", &format!("{}\n{table}", site()));
        home.run(&["accept"]).exits(64).says(&[says]);
    }
}

/// What is read is told apart from what is written, and a plan asks nothing.
#[test]
fn a_plan_says_which_item_writes() {
    let home = Home::with_cloud();
    let site = |more: &str| {
        let management = "[management]\nkubeconfig = \"admin.kubeconfig\"\n";
        format!("[cloud]\nname = \"here\"\n{management}[acceptance]\ncluster = \"c1\"\n{more}")
    };
    let kubeconfig = "{apiVersion: v1, kind: Config, current-context: c, \
        clusters: [{name: c, cluster: {server: 'https://10.20.0.50:6443'}}], \
        contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}]}";
    home.write("admin.kubeconfig", kubeconfig);
    home.write("omega.toml", &site(""));
    let document = home.document(&["accept", "--plan"], 2);
    let items = document["plan"].as_array().unwrap();
    let writing: Vec<_> =
        items.iter().filter(|one| one["effects"] != serde_json::json!([])).collect();
    assert_eq!(writing.len(), 1, "{items:?}");
    assert_eq!(writing[0]["id"], "D-011.4");
    assert_eq!(writing[0]["effects"].as_array().unwrap().len(), 1);
    home.write(
        "omega.toml",
        &site("failover = true\nload_balancer_image = \"registry/agnhost:1\"\n"),
    );
    let ran = home.run(&["accept", "--plan", "--only", "4"]).exits(2);
    let out = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("WRITES: it creates 2 pods of registry/agnhost:1"), "{out}");
    assert!(out.contains("WRITES: it fails over") && out.contains("an outage"), "{out}");
    let ran = home.run(&["accept", "--plan", "--only", "2"]).exits(0);
    assert!(ran.out.contains("only reads"), "{}", ran.out);
    home.write("omega.toml", "[cloud]\nname = \"here\"\n");
    let ran = home.run(&["accept", "--plan", "--only", "4"]).exits(0);
    assert!(ran.out.contains("not checked: the site file names no cluster"), "{}", ran.out);
    // What is deferred or not named is not read either, and says so.
    let out = home.run(&["accept", "--plan"]).exits(0).out;
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(out.matches("only reads").count(), 2, "the charms and the endpoints: {out}");
    assert_eq!(out.matches("not checked: ").count(), 6, "{out}");
    assert!(out.contains("not checked: deferred by D-019: Designate is not deployed"), "{out}");
    assert!(out.contains("no unit of Vault next: name it in the site file: `vault`"), "{out}");
    assert_eq!(home.runs(), [""; 0], "a plan keeps no run");
}
