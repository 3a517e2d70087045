//! An operation needs only what it uses.

use super::*;

const ONLY_CLOUD: &str = "[cloud]\nname = \"here\"\n";
const ONLY_UNITS: &str = "[conductor]\nunit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]\n";

impl Home {
    /// Whose cloud is there, and does not answer.
    pub(super) fn with_cloud() -> Self {
        let home = Self::new();
        let auth = "auth_url: 'http://127.0.0.1:1/v3', username: u, password: p, \
                    user_domain_name: d, project_name: mgmt, project_domain_name: d";
        home.write("clouds.yaml", &format!("clouds:\n  here:\n    auth: {{{auth}}}\n"));
        // Nothing can read it: it is for operations that need its content.
        home.write("capi.kubeconfig", "just words");
        home
    }

    /// Records a run of this site that changed something, or left it.
    fn ran(&self, target: &str, kind: &str, desired: &Value, temporary: bool) {
        self.ran_by("graft", target, kind, desired, temporary);
    }

    fn ran_by(&self, task: &str, target: &str, kind: &str, desired: &Value, temporary: bool) {
        let run = self.path().join("state/omega/runs/2026-01-01T00-00-00Z-0001");
        fs::create_dir_all(&run).unwrap();
        let endpoints = serde_json::json!({ "cloud": "http://127.0.0.1:1/v3", "management": "m" });
        let info = serde_json::json!({
            "id": "2026-01-01T00-00-00Z-0001", "runbook": task, "began": "2026-01-01T00:00:00Z",
            "site": "omega.toml", "endpoints": endpoints,
        });
        let intent = serde_json::json!({
            "entry": "intent", "step": { "target": target, "kind": "some.kind.v1", "key": "k" },
            "desired": {}, "changes": [], "undo": { "kind": kind, "desired": desired },
            "temporary": temporary,
        });
        let header = r#"{"format":"omega-journal","version":2}"#;
        fs::write(run.join("run.json"), info.to_string()).unwrap();
        fs::write(run.join("journal.jsonl"), format!("{header}\n{intent}\n")).unwrap();
    }
}

/// Neither a kubeconfig nor a conductor is looked for, and the other way round.
#[test]
fn a_rollback_needs_only_what_the_run_changed() {
    let home = Home::with_cloud();
    let rule = serde_json::json!({
        "direction": "ingress", "ethertype": "IPv4", "protocol": "6", "port_range_min": 22,
        "port_range_max": 22, "remote_ip_prefix": null, "remote_group_id": null,
    });
    let undo = serde_json::json!({ "group": "web", "rule": rule, "was": [] });
    home.ran("cloud here, project mgmt", "openstack.restored-sg-rules.v1", &undo, false);
    for site in [
        ONLY_CLOUD.to_owned(),
        format!("{ONLY_CLOUD}[management]\nkubeconfig = \"capi.kubeconfig\"\n"),
    ] {
        home.write("omega.toml", &site);
        let ran = home.run(&["rollback", "graft", "--plan"]).exits(1);
        assert!(
            ran.out.contains("no answer from http://127.0.0.1:1"),
            "it got as far as Keystone: {ran:#?}"
        );
    }
    fs::remove_file(home.path().join("clouds.yaml")).unwrap();
    home.write("omega.toml", ONLY_UNITS);
    let ran = home.run(&["rollback", "graft", "--plan"]).exits(1);
    ran.says(&["could not load cloud credentials", "cloud here, project mgmt k is to be undone"]);

    let home = Home::with_cloud();
    let undo = serde_json::json!({ "files": [["/etc/x", "absent"]], "directory": null });
    home.ran("magnum/0", "juju.restore-files.v1", &undo, false);
    home.write("omega.toml", ONLY_UNITS);
    let ran = home.run(&["rollback", "graft", "--plan"]).exits(1);
    assert!(ran.out.contains("magnum/0") && !ran.err.contains("kubeconfig"), "{ran:#?}");
    home.write("omega.toml", ONLY_CLOUD);
    let ran = home.run(&["rollback", "graft", "--plan"]).exits(64);
    ran.says(&["the site file has no [conductor]", "magnum/0 k is to be undone", "add it"]);
}

/// The run of a single operation is undone by its id. No runbook is named.
#[test]
fn any_run_is_rolled_back_by_its_id() {
    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    let undo = serde_json::json!({ "group": 7 });
    let (target, kind) = ("cloud here, project mgmt", "openstack.restored-sg-rules.v1");
    home.ran_by("ensure-sg-rule", target, kind, &undo, false);
    let id = "2026-01-01T00-00-00Z-0001";
    let of_run = &["what restores some.kind.v1 k on cloud here", "found invalid type: integer `7`"];
    home.run(&["rollback", "--run", id]).exits(1).says(of_run);
    home.run(&["rollback", "graft", "--run", id]).exits(1).says(of_run);
    home.run(&["rollback", "graft"]).exits(64).says(&["no graft on this machine has changed"]);
    home.run(&["rollback"]).exits(64).says(&["required arguments", "<RUNBOOK|--run <ID>>"]);
    home.run(&["rollback", "--run", "nope"]).exits(64).says(&["no run `nope`"]);
}

#[test]
fn an_operation_that_acts_on_no_unit_takes_none_and_names_its_own_help() {
    let home = Home::with_cloud();
    let rule = home.run(&["ensure-sg-rule", "--unit", "magnum/0", "--plan"]).exits(64);
    rule.says(&["unexpected argument '--unit'"]);
    let rule = home.run(&["ensure-sg-rule", "--port", "many", "--plan"]).exits(64);
    rule.says(&["--port: ", "omega-cli ensure-sg-rule --help"]);
}

#[test]
fn a_stored_fact_that_cannot_be_read_is_told_to_the_operator() {
    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    let target = "cloud here, project mgmt";
    home.ran(target, "openstack.restored-sg-rules.v1", &serde_json::json!({ "group": 7 }), false);
    let says = [
        "could not read from the journal what restores some.kind.v1 k on cloud here, project mgmt",
        "expected a value of openstack.restored-sg-rules.v1",
        "found invalid type: integer `7`, expected a string",
        "changed nothing",
    ];
    home.run(&["rollback", "graft"]).exits(1).says(&says);
}

#[test]
fn a_sweep_needs_only_what_something_was_left_on() {
    let home = Home::with_cloud();
    let undo = serde_json::json!({ "namespace": "default", "name": "p" });
    home.ran("m", "capi.removed-pod.v1", &undo, true);
    home.write("omega.toml", ONLY_CLOUD);
    let ran = home.run(&["runs", "sweep"]).exits(64);
    ran.says(&["could not remove k on m", "no `kubeconfig` in [management]"]);
    // With one it is asked for, and nothing else: there is no [conductor].
    let named = format!("{ONLY_CLOUD}[management]\nkubeconfig = \"capi.kubeconfig\"\n");
    home.write("omega.toml", &named);
    home.run(&["runs", "sweep"]).exits(4).says(&["could not remove k on m", "capi.kubeconfig"]);
}

#[test]
fn only_an_operation_that_needs_a_file_reads_it() {
    let home = Home::with_cloud();
    // Neither is what the site pins.
    let pin = format!("version = \"1.4.0\"\nwheel = \"w.whl\"\nsha256 = \"{}\"", Sha256::of(b"w"));
    home.write("omega.toml", &site().replace("version = \"1.4.0\"", &pin));
    home.write("w.whl", "another");
    home.write("helm", "another");
    for operation in ["stage-dropin", "inject-config-dir", "converge-services", "remove-leftovers"]
    {
        let ran = home.run(&[operation, "--plan"]).exits(1);
        assert!(ran.out.contains("magnum/0"), "{operation} got as far as the unit: {ran:#?}");
    }
    for (operation, needs) in
        [("place-kubeconfig", "capi.kubeconfig"), ("pin-driver", "w.whl"), ("ensure-helm", "helm")]
    {
        home.run(&[operation, "--plan"]).exits(4).says(&[needs]);
    }
    // A kubeconfig with a token needs a driver that knows tokens.
    fs::write(home.path().join("w.whl"), "w").unwrap();
    home.run(&["pin-driver", "--plan"]).exits(4).says(&["capi.kubeconfig"]);
    fs::write(home.path().join("helm"), HELM).unwrap();
    let ran = home.run(&["ensure-helm", "--plan"]).exits(1);
    assert!(ran.out.contains("magnum/0"), "{ran:#?}");
    home.write("capi.kubeconfig", ADMIN);
    home.write("helm", "another");
    home.write("w.whl", "another");
    let ran = home.run(&["place-kubeconfig", "--plan"]).exits(1);
    assert!(ran.out.contains("magnum/0"), "{ran:#?}");
}

#[test]
fn the_doctor_examines_what_the_site_names() {
    let home = Home::with_cloud();
    let not_asked = |document: &Value| -> Vec<String> {
        let layers = document["layers"].as_array().unwrap().iter();
        let layers = layers.filter(|one| one["state"] == "not-asked");
        layers.map(|one| one["layer"].as_str().unwrap().to_owned()).collect()
    };
    for (site, first, expected) in [
        (
            ONLY_CLOUD,
            "cloud",
            &["vm", "kube-api", "driver-credential", "conductor", "controllers"][..],
        ),
        (ONLY_UNITS, "conductor", &["cloud", "vm", "kube-api", "controllers", "magnum"]),
    ] {
        // The only cloud of clouds.yaml would be taken for the site's.
        if site == ONLY_UNITS {
            fs::remove_file(home.path().join("clouds.yaml")).unwrap();
        }
        home.write("omega.toml", site);
        let ran = home.run(&["doctor", "--output", "json"]).exits(3);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(document["first"]["layer"], first);
        assert_eq!(not_asked(&document), expected, "{document:#}");
    }
    let shown = home.run(&["doctor"]).exits(3);
    assert!(shown.out.contains("not checked: the site file has no `kubeconfig`"), "{}", shown.out);
    home.write("omega.toml", "[driver]\nversion = \"1.4.0\"\n");
    let none = home.run(&["doctor"]).exits(64);
    none.says(&["names no cloud, no management cluster and no conductor", "add [cloud]"]);
    home.run(&["doctor", "--unit", "magnum/0"]).exits(64).says(&["no [conductor]"]);
}
