//! `init`, `validate`, `show`, `runs`, checks by name, and a rehearsal on one's own site file.

use super::{confirm::SET, *};

#[test]
fn init_writes_what_is_told_and_found_and_overwrites_nothing() {
    let home = Home::with_cloud();
    let args = [
        "init",
        "--site",
        "new.toml",
        "--kubeconfig",
        "capi.kubeconfig",
        "--project",
        "capi-mgmt",
        "--domain",
        "capi",
        "--security-group",
        "g",
        "--source",
        "10.20.0.0/16",
        "--ssh-unit",
        "magnum/0=ubuntu@10.12.8.20",
    ];
    let ran = home.run(&args).exits(0);
    assert!(ran.out.contains("Next:  omega-cli validate --site new.toml"), "{}", ran.out);
    let text = fs::read_to_string(home.path().join("new.toml")).unwrap();
    for line in [
        "# found: clouds here",
        "name = \"here\"",
        "kubeconfig = \"capi.kubeconfig\"",
        "project = { domain = \"capi\", name = \"capi-mgmt\" }",
        "security_group = \"g\"",
        "sources = [\"10.20.0.0/16\"]",
        "ssh = \"ubuntu@10.12.8.20\"",
        "# [helm]",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    home.run(&args).exits(64).says(&["new.toml exists and is not overwritten", "changed nothing"]);
    let other = home.run(&[
        "init",
        "--site",
        "b.toml",
        "--application",
        "magnum",
        "--model",
        "c:m",
        "--cloud",
        "here",
    ]);
    other.exits(0);
    let text = fs::read_to_string(home.path().join("b.toml")).unwrap();
    assert!(
        text.contains("application = \"magnum\"") && text.contains("model = \"c:m\""),
        "{text}"
    );
    let unknown = home.run(&["init", "--site", "c.toml", "--cloud", "x"]).exits(64);
    let unknown = unknown.says(&["clouds.yaml has no cloud x; it has here", "next"]);
    let bad = home.run(&["init", "--site", "c.toml", "--source", "10.20"]).exits(64);
    let bad = bad.says(&["management.sources", "10.20", "next"]);
    assert!(!bad.err.contains("omega.toml"), "there is no such file yet: {}", bad.err);
    let absent = home.run(&["init", "--site", "c.toml", "--openrc", "nosuch"]).exits(64);
    let absent = absent.says(&["--openrc nosuch: there is no file", "relative to the site file"]);
    let nowhere = home.run(&["init", "--site", "no where/c.toml"]).exits(64);
    let nowhere = nowhere.says(&["could not write no where/c.toml", "mkdir -p 'no where'"]);
    for failed in [&unknown, &absent, &nowhere] {
        assert!(!failed.err.contains("Asking juju"), "{}", failed.err);
    }
    let spaced = home.run(&["init", "--site", "sp ace.toml"]).exits(0);
    assert!(spaced.out.contains("omega-cli validate --site 'sp ace.toml'"), "{}", spaced.out);
    assert!(!home.path().join("c.toml").exists());
}

/// juju waits for its controller without a word: what is waited for is said, and not for long.
#[test]
fn init_goes_on_without_a_juju_that_hangs() {
    let home = Home::with_cloud();
    home.write("juju", "#!/bin/sh\nexec sleep 600\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(home.path().join("juju"), executable).unwrap();
    let path = format!("{}:/usr/bin:/bin", home.path().display());
    let ran =
        ran(home.command(&["init", "--site", "new.toml", "--model", "c:m"]).env("PATH", path));
    ran.exits(0).says(&[
        "Asking juju for the units of magnum in c:m",
        "juju status (model c:m) did not end within 15s and was killed. init goes on without them.",
    ]);
    let text = fs::read_to_string(home.path().join("new.toml")).unwrap();
    assert!(text.contains("# found: clouds here") && !text.contains("# found: units"), "{text}");
}

#[test]
fn init_says_why_juju_lists_no_units() {
    let home = Home::with_cloud();
    let said = "ERROR not logged in to controller \"c\". Please use \"juju login\"";
    home.write("juju", &format!("#!/bin/sh\necho '{said}' >&2\nexit 1\n"));
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(home.path().join("juju"), executable).unwrap();
    let path = format!("{}:/usr/bin:/bin", home.path().display());
    let ran = ran(home.command(&["init", "--site", "new.toml"]).env("PATH", path));
    ran.exits(0).says(&["could not list the units of application magnum", "init goes on without"]);
}

#[test]
fn init_asks_at_a_terminal() {
    let home = Home::with_cloud();
    let ran = home.at_terminal(
        &["init", "--site", "new.toml"],
        "k.yaml\ncapi-mgmt\n\n\n10.20\n10.20.0.0/16, 10.21.0.1\nmagnum\n",
    );
    let ran = ran.exits(0);
    // A wrong answer is asked for again.
    for why in ["capi-mgmt: write DOMAIN/PROJECT", "10.20: ", "as DOMAIN/PROJECT"] {
        assert!(ran.out.contains(why), "{why}: {}", ran.out);
    }
    assert!(
        ran.out.contains("The kubeconfig of the management cluster (Enter leaves it out):"),
        "{}",
        ran.out
    );
    let text = fs::read_to_string(home.path().join("new.toml")).unwrap();
    assert!(text.contains("sources = [\"10.20.0.0/16\", \"10.21.0.1\"]"), "{text}");
    assert!(text.contains("kubeconfig = \"k.yaml\"") && text.contains("# project = "), "{text}");
}

#[test]
fn validate_tells_every_mistake_with_line_and_column_and_contacts_nothing() {
    let home = Home::with_cloud();
    home.write("capi.kubeconfig", ADMIN);
    let text = site().replace("capi-admin", "here");
    home.write("omega.toml", &text);
    let good = home.run(&["validate"]).exits(0);
    assert!(good.out.contains("omega.toml: 0 errors, "), "{}", good.out);
    assert!(
        good.out.contains("other users can read") && good.out.contains("chmod 600"),
        "{}",
        good.out
    );
    for name in ["capi.kubeconfig", "clouds.yaml"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(home.path().join(name), mode).unwrap();
    }
    assert!(home.run(&["validate"]).exits(0).out.contains("0 errors, 0 warnings"));

    let bad = text
        .replace("kubeconfig =", "kubeconfg =")
        .replace("10.20.0.0/16", "10.20")
        .replace("0.25.1", "x");
    home.write("omega.toml", &bad);
    fs::write(home.path().join("helm"), "another").unwrap();
    let ran = home.run(&["validate", "--output", "json"]).exits(64);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let told: Vec<_> = document["problems"].as_array().unwrap().iter().collect();
    let at = |line: u64| told.iter().filter(|one| one["line"] == line).count();
    assert_eq!((at(6), at(9)), (1, 1), "{document:#}");
    for words in ["kubeconfg", "management.sources", "chart.version", "does not match helm.sha256"]
    {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    // As every other command sees them: the first one, before anything is asked.
    home.run(&["plan", "graft"]).exits(64).says(&["unknown key `kubeconfg`"]);
    home.write("omega.toml", &text.replace("10.20.0.0/16", "10.20"));
    home.run(&["verify", "graft"]).exits(64).says(&["management.sources", "line 9"]);
    home.write("omega.toml", &format!("{text}[capi_helm]\napi_resource = \"{{}}\"\n"));
    home.run(&["verify", "graft"]).exits(64).says(&["api_resource", "line 26"]);
}

/// A new file has few values: a rehearsal on it says which are invented.
#[test]
fn a_rehearsal_on_a_new_file_names_every_value_that_it_invents() {
    let home = Home::with_cloud();
    home.run(&["init", "--site", "new.toml", "--cloud", "here"]).exits(0);
    let args = ["rehearse", "graft", "--start", "fresh", "--site", "new.toml", "--output", "json"];
    let ran = home.run(&args).exits(0);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = document["invented"].as_array().unwrap();
    let keys: Vec<_> =
        all.iter().map(|one| (text(one, "key"), one["in_file"].as_bool().unwrap())).collect();
    let expected = [
        ("cloud", true),
        ("management.kubeconfig", false),
        ("helm.version", false),
        ("helm.file", false),
        ("helm.sha256", false),
        ("conductor.application", false),
        ("conductor.unit", false),
        ("chart.repo", false),
        ("chart.version", false),
        ("management.project", false),
        ("management.security_group", false),
        ("management.sources", false),
    ];
    assert_eq!(keys, expected.map(|(key, in_file)| (key.to_owned(), in_file)));
    assert!(all.iter().all(|one| !text(one, "used").is_empty()), "{all:#?}");
}

#[test]
fn help_is_text_and_a_filter_of_the_log_that_is_none_is_refused() {
    let home = Home::new();
    let help = home.run(&["help"]).exits(0).out;
    for same in [&["help", "help"][..], &["help", "--output", "json"], &["help", "--output=json"]] {
        assert_eq!(home.run(same).exits(0).out, help, "{same:?}");
    }
    let mut command = home.command(&["explain", "D-042", "D-043"]);
    let ran = super::ran(command.env("OMEGA_LOG", "%%%")).exits(64);
    ran.says(&["OMEGA_LOG=", "can't be used", "OMEGA_LOG=info"]);
    let both = home.run(&["explain", "D-042", "D-043"]).exits(0).out;
    assert!(both.contains("D-042  ") && both.contains("\nD-043  "), "{both}");
}

/// What it is, and what helps: not `init`.
#[test]
fn a_site_file_that_is_no_text_gets_a_next_step_that_helps() {
    let home = Home::new();
    fs::create_dir(home.path().join("dir")).unwrap();
    fs::write(home.path().join("latin"), b"[cloud]\nname = \"\xfc\"\n").unwrap();
    fs::write(home.path().join("utf-16"), b"\xff\xfe[\0c\0]\0\n\0").unwrap();
    for command in [&["validate"][..], &["plan", "graft"], &["rehearse", "graft"]] {
        let run = |site: &str| home.run(&[command, &["--site", site]].concat()).exits(64);
        let dir = run("dir");
        assert!(!dir.err.contains("init"), "{}", dir.err);
        dir.says(&["dir: it is a directory", "--site dir/omega.toml"]);
        run("latin").says(&["latin, line 2: the byte 0xfc is not UTF-8", "iconv"]);
        run("none").says(&["No such file", "omega-cli init"]);
        let wide = run("utf-16");
        assert!(
            wide.err.contains("it is UTF-16") && wide.err.contains("-f UTF-16"),
            "{}",
            wide.err
        );
    }
}

#[test]
fn a_check_by_name_fails_where_what_it_is_about_is_absent_or_unreachable() {
    let home = Home::with_cloud();
    home.write("capi.kubeconfig", ADMIN);
    let ran = home.run(&["check", "health"]).exits(64);
    ran.says(&["error: could not", "there is no cloud", "changed nothing"]);
}

/// One unit that is not reached is one error, whatever it was asked.
#[test]
fn facts_that_fail_for_one_cause_are_one_line() {
    let home = Home::with_cloud();
    home.write("capi.kubeconfig", ADMIN);
    home.write("omega.toml", "[conductor]\nunit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]\n[ssh]\nknown_hosts = []\n");
    let ran = home.run(&["remove-leftovers", "--remove-leftovers", "--plan"]).exits(1);
    let lines = ran.out.matches("can't be reached").count();
    assert!(lines <= 1, "{}", ran.out);
    ran.says(&["error: ", "changed nothing"]);
}

#[test]
fn a_stored_plan_is_shown_as_it_was_and_runs_tell_what_became_of_them() {
    let home = Home::with_juju();
    home.run(&["show", "nope.plan"]).exits(64).says(&["nope.plan can't be shown", "No such file"]);
    home.write("a.plan", "{}");
    home.run(&["show", "a.plan"]).exits(64).says(&["not a plan file"]);
    home.run(&[&SET[..], &["--yes"]].concat()).exits(0);
    let run = home.runs().remove(0);
    // A run keeps its plan.
    let plan = home.path().join("state/omega/runs").join(&run).join("plan.json");
    let shown = home.run(&["show", plan.to_str().unwrap()]).exits(0).out;
    assert!(shown.contains("2 -> 4") && shown.contains("Signs: ~ update"), "{shown}");
    assert!(shown.contains("A plan for ensure-charm-config on:\n  juju: juju, model"), "{shown}");

    let listed = home.run(&["runs"]).exits(0).out;
    let row = listed.lines().nth(1).unwrap_or_default();
    let words: Vec<_> = row.split_whitespace().collect();
    assert_eq!(words[..4], [&run, "ensure-charm-config", "done", "~1"], "{listed}");
    let by_prefix = home.run(&["runs", "show", &run[..20]]).exits(0).out;
    assert_eq!(by_prefix, home.run(&["runs", "show", "latest"]).exits(0).out);
    home.write("workers", "2\n");
    home.run(&[&SET[..], &["--yes"]].concat()).exits(0);
    home.run(&["runs", "show", "20"]).exits(64).says(&["2 runs begin with `20`", "choose one: "]);
    // One that is damaged says how it is removed.
    fs::write(home.path().join("state/omega/runs").join(&run).join("run.json"), "{").unwrap();
    let damaged = home.run(&["runs"]).exits(1);
    damaged.says(&["is damaged", "rm -r '", &run]);
}

/// A run that was killed while it wrote a file left it under a name of its own.
#[test]
fn a_sweep_removes_a_file_that_a_killed_run_had_not_finished() {
    let home = Home::with_juju();
    home.run(&[&SET[..], &["--yes"]].concat()).exits(0);
    let run = home.path().join("state/omega/runs").join(home.runs().remove(0));
    let (left, other) = (run.join(".omega-a1B2c3.new"), run.join("notes.new"));
    for file in [&left, &other] {
        fs::write(file, "{").unwrap();
    }
    home.run(&["runs", "sweep"]).exits(0);
    assert!(!left.exists(), "it is still there");
    assert!(other.exists(), "it is not omega's");
}

/// No room for the state: nothing is changed, and nothing is left that later commands trip over.
#[test]
fn a_state_directory_that_is_full_prevents_the_change() {
    let home = Home::with_juju();
    home.run(&["runs", "sweep"]).exits(0);
    let line = [&[env!("CARGO_BIN_EXE_omega-cli")], &SET[..], &["--yes"]].concat();
    let line = format!("trap '' XFSZ; ulimit -f 0; exec {}", shlex::try_join(line).unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(home.path()).env_clear().env("HOME", home.path());
    command.env("PATH", "/usr/bin:/bin").env("XDG_STATE_HOME", home.path().join("state"));
    let ran = ran(&mut command);
    assert_eq!((ran.code, home.workers().as_str()), (Some(1), "2"), "{ran:#?}");
    assert_eq!(home.run(&["runs"]).exits(0).out, "There are no runs yet.\n");
}

#[test]
fn suggested_commands_name_the_site_file_that_was_given() {
    let home = Home::with_juju();
    fs::rename(home.path().join("omega.toml"), home.path().join("my site.toml")).unwrap();
    let ran = home.run(&[&SET[..], &["--plan", "--site", "my site.toml"]].concat()).exits(2);
    let next = ran.out.rsplit_once("Next:  ").unwrap().1.trim();
    let words = shlex::split(next).unwrap();
    let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    assert!(!words.contains(&"--yes"), "{next}");
    home.at_terminal(&words, "yes\n").exits(0);
    assert_eq!(home.workers(), "4");
}

#[test]
fn a_rehearsal_takes_names_and_values_of_a_site_file_and_suggests_nothing() {
    let home = Home::new();
    let mine = site()
        .replace("magnum/0", "magnum/7")
        .replace("capi-mgmt-sg", "my-group")
        .replace("10.20.0.0/16", "10.99.0.0/24");
    home.write("omega.toml", &mine);
    let ran =
        home.run(&["rehearse", "graft", "--start", "superseded", "--site", "omega.toml"]).exits(0);
    for words in ["magnum/7", "my-group: tcp 6443 from 10.99.0.0/24"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("Next:"), "{}", ran.out);
    // What is not the file's is named; what is, is not.
    for words in [
        "omega.toml: 4 values are simulated instead of taken from the file:\n",
        "  management.kubeconfig: the file's is not used; the rehearsal uses that of a management cluster",
        "  helm.sha256: the file's is not used; the rehearsal uses ",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("management.sources:"), "{}", ran.out);
    home.run(&["rehearse", "graft", "--site", "nope.toml"]).exits(64).says(&["nope.toml"]);
    home.run(&["rehearse", "acceptance", "--site", "omega.toml"])
        .exits(64)
        .says(&["rehearse graft"]);
}
