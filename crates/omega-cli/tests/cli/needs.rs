//! An operation needs only what it uses.

use omega::core::values::Sha512;

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
    pub(super) fn ran(&self, target: &str, kind: &str, desired: &Value, temporary: bool) {
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
    let ran = home.run(&["rollback", "graft", "--plan"]).exits(64);
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
    let of_run = &["what restores some.kind.v1 k on cloud here", "found it has the integer `7`"];
    home.run(&["rollback", "--run", id]).exits(1).says(of_run);
    let other = "run 2026-01-01T00-00-00Z-0001 is of ensure-sg-rule, not of graft";
    home.run(&["rollback", "graft", "--run", id]).exits(64).says(&[other, "leave `graft` out"]);
    let none = &["there is no run of graft yet"];
    home.run(&["rollback", "graft", "--run", "latest"]).exits(64).says(none);
    home.run(&["rollback", "--run", "latest"]).exits(1).says(of_run);
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

/// The values of a cluster are checked before anything is asked.
#[test]
fn the_prerequisites_of_a_cluster_and_a_server_need_only_the_cloud() {
    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    let check = |more: &[&str]| home.run(&[&["check", "cluster-prerequisites"], more].concat());
    check(&["--template", "t"]).exits(1).says(&["no answer from http://127.0.0.1:1"]);
    check(&[])
        .exits(64)
        .says(&["--template is missing", "omega-cli check cluster-prerequisites --help"]);
    check(&["--template", "t", "--master-count", "2"]).exits(64).says(&["use 1, 3 or 5"]);
    let odd = check(&["--template", "t", "--accept", "quota"]).exits(64);
    odd.says(&["invalid value 'quota'", "quota-compute"]);
    for (site, said) in [
        (
            "[trust]\ncert_manager = \"vault\"\n",
            "`vault` is not one of barbican, x509keypair, local",
        ),
        ("[network]\npool = \"10.20\"\n", "not an address or a prefix"),
        ("[network]\npools = \"10.20.0.0/16\"\n", "pools"),
    ] {
        home.write("omega.toml", &format!("{ONLY_CLOUD}{site}"));
        check(&["--template", "t"]).exits(64).says(&[said]);
    }
    home.write("omega.toml", ONLY_CLOUD);
    let ran = home.run(&["ensure-guest-running", "capi-mgmt-v2", "--plan"]).exits(1);
    assert!(ran.out.contains("no answer from http://127.0.0.1:1"), "{ran:#?}");
    home.run(&["ensure-guest-running", "--plan"]).exits(64).says(&["<SERVER>"]);
    home.run(&["ensure-guest-running", " ", "--plan"]).exits(64).says(&["SERVER: name a server"]);
}

/// A plan sends nothing, and looks at the file all the same.
#[test]
fn a_plan_of_an_image_looks_at_the_file() {
    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    home.write("img.qcow2", "an image");
    let plan = |file: &str, digest: &str| {
        let names = ["--name", "n", "--kubernetes-version", "v1.34.7"];
        let source = ["stage-image", "--plan", "--file", file, "--sha512", digest];
        home.run(&[&source[..], &names].concat())
    };
    let other = "ab".repeat(64);
    plan("none.qcow2", &other).exits(64).says(&["could not read none.qcow2", "--file FILE"]);
    plan("img.qcow2", &other).exits(1).says(&["not the file with the digest", &other]);
    let own = Sha512::of(b"an image").to_string();
    assert!(plan("img.qcow2", &own).exits(1).out.contains("no answer from http://127.0.0.1:1"));
}

/// Without a cloud: juju is asked, and nothing else.
#[test]
fn the_configuration_of_a_charm_needs_juju_alone() {
    let home = Home::new();
    let run = |more: &[&str]| home.run(&[&["ensure-charm-config", "--plan"], more].concat());
    home.write("omega.toml", "[juju]\nprogram = \"/nowhere/juju\"\n");
    run(&[]).exits(64).says(&["the site file has no [compute], which this needs"]);
    for (set, said) in [
        ("reserved-host-memory", "write KEY=VALUE"),
        ("reserved-host-memory=@/etc/shadow", "juju would read a file"),
        ("Memory=1", "is not the name of a charm's option"),
        ("rabbit-password=x", "may hold a secret"),
    ] {
        run(&["--set", set]).exits(64).says(&[said]);
    }
    let unreached = "/nowhere/juju can't be started";
    let set = ["--set", "reserved-host-memory=8192"];
    let ran = run(&set).exits(1);
    assert!(ran.err.contains(unreached) || ran.out.contains(unreached), "{ran:#?}");
    let table = "[juju]\nprogram = \"/nowhere/juju\"\n[compute]\nreserved_host_memory = 8192\n";
    home.write("omega.toml", table);
    run(&[]).exits(1);
    let undo = serde_json::json!({ "application": "nova-compute", "settings": {},
                                   "reset": ["reserved-host-memory"] });
    home.ran_by("ensure-charm-config", "model c:m", "juju-model.charm-config.v1", &undo, false);
    let ran = home.run(&["rollback", "--run", "2026-01-01T00-00-00Z-0001", "--plan"]).exits(1);
    assert!(ran.err.contains(unreached) || ran.out.contains(unreached), "{ran:#?}");
}

/// What has no effect is named whether Magnum answers or not.
#[test]
fn a_template_is_of_the_site_file_or_of_flags_and_says_what_has_no_effect() {
    let home = Home::with_cloud();
    let table = "[template.one]\nimage = \"i\"\nexternal_network = \"n\"\nflavor = \"f\"\n\
                 master_flavor = \"m\"\nmaster_lb_enabled = true\nlabels = { kube_tag = \"v1\" }\n";
    home.write("omega.toml", &format!("{ONLY_CLOUD}{table}"));
    let plan = |more: &[&str]| home.run(&[&["ensure-cluster-template", "--plan"], more].concat());
    let ran = plan(&["--label", "keystone_auth_enabled=true"]).exits(1);
    assert!(ran.out.contains("no answer from http://127.0.0.1:1"), "{ran:#?}");
    for line in
        ["note        ignored-label (D-036)", "warning     keystone-auth (D-029)", "next      "]
    {
        assert!(ran.out.contains(line), "{line}: {ran:#?}");
    }
    let ran = plan(&["--output", "json"]).exits(1);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let rules: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|one| &one["rule"]).collect();
    assert_eq!(rules, ["ignored-label", "ignored-field"]);

    let flannel = plan(&["--network-driver", "flannel"]).exits(64);
    flannel.says(&["\"flannel\" is refused: use \"calico\""]);
    plan(&["--label", "x"]).exits(64).says(&["write KEY=VALUE"]);
    plan(&["--name", "two"]).exits(64).says(&["template two: `image` is missing"]);
    let flags = ["--name", "two", "--image", "i", "--external-network", "n", "--flavor", "f"];
    let whole = [&flags[..], &["--master-flavor", "m", "--public", "--hidden=false"]].concat();
    assert!(plan(&whole).exits(1).out.contains("no answer from http://127.0.0.1:1"));
    home.write("omega.toml", &format!("{ONLY_CLOUD}{table}{}", table.replace("one", "two")));
    plan(&[]).exits(64).says(&["--name: choose one of one, two"]);
    home.write("omega.toml", ONLY_CLOUD);
    plan(&[]).exits(64).says(&["--name is missing"]);
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
        "found it has the integer `7` in place of a string",
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
    let ran = home.run(&["runs", "sweep", "--yes"]).exits(64);
    ran.says(&["could not remove k on m", "no `kubeconfig` in [management]"]);
    // With one it is asked for, and nothing else: there is no [conductor].
    let named = format!("{ONLY_CLOUD}[management]\nkubeconfig = \"capi.kubeconfig\"\n");
    home.write("omega.toml", &named);
    home.run(&["runs", "sweep", "--yes"])
        .exits(4)
        .says(&["could not remove k on m", "capi.kubeconfig"]);
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

const UNITS_AND_KUBECONFIG: &str = "[conductor]\n\
    unit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]\n\
    [management]\nkubeconfig = \"capi.kubeconfig\"\n";
const DRIVER_AND_CHART: &str = "[driver]\nversion = \"1.4.0\"\n\
                                [chart]\nrepo = \"https://charts.example\"\nversion = \"0.25.1\"\n";

/// It gets as far as what it asks, which does not answer.
#[test]
fn a_gate_needs_only_what_it_asks() {
    let home = Home::with_cloud();
    home.write("capi.kubeconfig", ADMIN);
    let helm =
        format!("[helm]\nversion = \"3\"\nfile = \"x\"\nsha256 = \"{}\"\n", Sha256::of(HELM));
    let units = UNITS_AND_KUBECONFIG;
    let releases = format!("{units}{helm}");
    let driver = format!("{ONLY_UNITS}{DRIVER_AND_CHART}");
    for (site, gate) in [
        (units, &["reach"][..]),
        (units, &["authenticate"]),
        (&releases, &["releases", "-n", "magnum-a"]),
        (&driver, &["driver"]),
    ] {
        home.write("omega.toml", site);
        let ran = home.run(&[&["check"], gate, &["--unit", "magnum/0"]].concat()).exits(1);
        assert!(ran.out.contains("can't be reached by ssh"), "{gate:?}: {ran:#?}");
        assert!(!home.path().join("cache").exists(), "{gate:?}: it asked for a token");
    }
    home.write("omega.toml", &format!("{ONLY_CLOUD}{releases}"));
    let ran = home.run(&["check", "releases"]).exits(1);
    ran.says(&["could not list the clusters of cloud here", "no answer from http://127.0.0.1:1"]);
    home.write("omega.toml", ONLY_CLOUD);
    for gate in ["trustee-domain", "magnum", "health"] {
        let ran = home.run(&["check", gate]).exits(1);
        assert!(ran.out.contains("no answer from http://127.0.0.1:1"), "{gate}: {ran:#?}");
    }
}

/// Nothing is asked before.
#[test]
fn a_gate_names_the_table_that_is_missing_and_why_it_is_needed() {
    let home = Home::with_cloud();
    home.write("omega.toml", "[timeouts]\nask = \"1s\"\n");
    let asks_units =
        ["the site file has no [conductor], which this needs", "the check asks its units"];
    for gate in ["reach", "authenticate", "releases", "driver"] {
        home.run(&["check", gate]).exits(64).says(&asks_units);
    }
    home.write("omega.toml", ONLY_UNITS);
    home.run(&["check", "driver"]).exits(64).says(&["no [driver]", "the check compares the"]);
    home.run(&["check", "releases"]).exits(64).says(&["no [helm]", "the check compares the"]);
    for gate in [
        &["reach"][..],
        &["authenticate"],
        &["served-versions"],
        &["coherence"],
        &["workload", "--cluster", "c1"],
    ] {
        let ran = home.run(&[&["check"], gate].concat()).exits(64);
        ran.says(&["no `kubeconfig` in [management]", "because", "add it; see docs/site-file.md"]);
    }
    fs::remove_file(home.path().join("clouds.yaml")).unwrap();
    for (gate, why) in
        [("health", "needed for: check health"), ("magnum", "needed for: check magnum")]
    {
        let ran = home.run(&["check", gate]).exits(64);
        ran.says(&["could not load cloud credentials", why]);
    }
}

/// What would have no effect is not taken.
#[test]
fn each_gate_takes_the_options_that_it_uses() {
    let home = Home::new();
    for gate in ["served-versions", "coherence", "trustee-domain", "magnum", "health", "workload"] {
        let ran = home.run(&["check", gate, "--unit", "magnum/0"]).exits(64);
        ran.says(&["unexpected argument '--unit'"]);
    }
    for gate in ["reach", "magnum"] {
        let ran = home.run(&["check", gate, "--cluster", "c1"]).exits(64);
        ran.says(&["unexpected argument '--cluster'"]);
    }
    home.run(&["check", "workload"]).exits(64).says(&["--cluster <CLUSTER>"]);
    // The site file is named before the gate or after it.
    for args in [["check", "--site", "a.toml", "health"], ["check", "health", "--site", "a.toml"]] {
        home.run(&args).exits(64).says(&["a.toml", "No such file"]);
    }
    insta::assert_snapshot!("check_help", home.run(&["check", "--help"]).exits(0).out);
    insta::assert_snapshot!(
        "check_releases_help",
        home.run(&["check", "releases", "--help"]).exits(0).out
    );
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

#[test]
fn a_cluster_needs_a_name_and_a_template_and_its_kubeconfig_one_source() {
    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    let no_answer = "no answer from http://127.0.0.1:1";
    let ensure = |more: &[&str]| home.run(&[&["ensure-cluster", "--plan"], more].concat());
    ensure(&["--name", "1c", "--template", "t"])
        .exits(64)
        .says(&["--name: a cluster's name begins"]);
    ensure(&["--name", "c"]).exits(64).says(&["--template is missing"]);
    ensure(&["--name", "c", "--template", "t", "--master-count", "2"])
        .exits(64)
        .says(&["use 1, 3 or 5"]);
    assert!(ensure(&["--name", "c", "--template", "t"]).exits(1).out.contains(no_answer));

    let fetch = ["fetch-cluster-kubeconfig", "--cluster", "c", "--out", "new/config"];
    let ran = home.run(&[&fetch[..], &["--plan"]].concat()).exits(1);
    assert!(ran.out.contains(no_answer), "{ran:#?}");
    let missing = "the site file has no `kubeconfig` in [management]";
    home.run(&[&fetch[..], &["--from-management"]].concat()).exits(64).says(&[missing]);
    assert!(!home.path().join("new").exists());
    let absent = home.run(&["ensure-cluster-absent", "--cluster", "c", "--plan"]).exits(64);
    absent.says(&[missing, "whether a delete is safe"]);
}

/// Only the cloud: neither a kubeconfig nor a conductor.
#[test]
fn a_failover_needs_only_the_cloud_and_a_name() {
    let home = Home::with_cloud();
    home.write("omega.toml", ONLY_CLOUD);
    let ensure =
        |more: &[&str]| home.run(&[&["ensure-load-balancer-active", "--plan"], more].concat());
    ensure(&[]).exits(64).says(&["--load-balancer <NAME|ID>"]);
    for more in [&["--load-balancer", "web"][..], &["--load-balancer", "web", "--failover"]] {
        ensure(more).exits(1).says(&[
            "could not use Octavia as an administrator",
            "could not log in to here",
            "changed nothing",
        ]);
    }
}
