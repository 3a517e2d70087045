use miette::Diagnostic as _;

use super::*;

pub(crate) const GOOD: &str = r#"
[cloud]
name = "capi-admin"

[management]
kubeconfig = "capi.kubeconfig"
project = { name = "capi-mgmt", domain = "capi" }
security_group = "capi-mgmt-sg"
sources = ["10.20.0.0/16"]

[conductor]
application = "magnum"

[driver]
version = "1.4.0"

[helm]
version = "3.17.3"
file = "helm"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

[chart]
repo = "https://charts.example"
version = "0.25.1"
"#;

/// The message, the lines around the mistake, and what is marked with which hint.
fn error(text: &str) -> String {
    let error = Site::parse(Path::new("omega.toml"), text).unwrap_err();
    let label = error.labels().unwrap().next().unwrap();
    let shown = |around| {
        let read = error.source_code().unwrap().read_span(label.inner(), around, around).unwrap();
        String::from_utf8(read.data().to_vec()).unwrap()
    };
    let hint = label.label().unwrap_or_default();
    format!("{error}\n{}\n{} <- {hint}", shown(1).trim_end(), shown(0))
}

#[test]
fn a_site_is_read_with_the_charms_names_and_relative_paths() {
    let mut site = Site::parse(Path::new("omega.toml"), GOOD).unwrap();
    assert_eq!(site.trust.domain, "magnum");
    assert_eq!(site.kubeconfig_path(), "/etc/magnum/kubeconfig");
    site.directory = "/srv/site".into();
    let machine = crate::Machine::new("/home/me");
    let connect = crate::clients::Connect::new(&site, &machine);
    for (path, expected) in [("a", "/srv/site/a"), ("/a", "/a"), ("~/a", "/home/me/a")] {
        assert_eq!(connect.path(Path::new(path)), Path::new(expected));
    }
}

#[test]
fn a_site_may_have_only_what_a_job_needs() {
    let site = Site::parse(Path::new("omega.toml"), "").unwrap();
    assert_eq!(site.cloud().name, None);
    let missing = [
        site.kubeconfig().unwrap_err(),
        site.project().unwrap_err(),
        site.security_group().unwrap_err(),
        site.sources().unwrap_err(),
        site.conductor().unwrap_err(),
        site.driver().unwrap_err(),
        site.helm().unwrap_err(),
        site.chart().unwrap_err(),
        site.compute().unwrap_err(),
        site.prove().unwrap_err(),
    ];
    for failure in missing {
        assert_eq!(failure.class, omega_core::FailureClass::Usage, "{failure:?}");
        assert!(failure.next.is_some(), "{failure:?}");
    }
    // Without a project the login's own counts.
    let missing = site.missing_for_graft();
    assert_eq!((missing.len(), missing.contains(&"`project` in [management]")), (7, false));
    let named = site.is_complete_for_graft().unwrap_err().message;
    assert!(named.contains("`sources` in [management], [conductor], [driver]"), "{named}");
    let message = site.driver().unwrap_err().message;
    assert_eq!(message, "the site file has no [driver], which this needs");
}

#[test]
fn an_unknown_key_is_pointed_at_and_the_nearest_name_offered() {
    insta::assert_snapshot!(error(&GOOD.replace("kubeconfig =", "kubeconfg =")), @r#"
    omega.toml, line 6: unknown key `kubeconfg`
    [management]
    kubeconfg = "capi.kubeconfig"
    project = { name = "capi-mgmt", domain = "capi" }
    kubeconfg <- did you mean `kubeconfig`?
    "#);
    let failure =
        Site::parse(Path::new("omega.toml"), &GOOD.replace("kubeconfig =", "kubeconfg ="));
    let failure = omega_core::Failure::from(failure.unwrap_err());
    assert_eq!(failure.next.unwrap(), "did you mean `kubeconfig`?");
    insta::assert_snapshot!(error(&GOOD.replace("[driver]", "[drver]")), @r#"
    omega.toml, line 14: unknown key `drver`

    [drver]
    version = "1.4.0"
    drver <- did you mean `driver`?
    "#);
}

#[test]
fn what_is_missing_or_of_the_wrong_kind_is_named() {
    insta::assert_snapshot!(error(&GOOD.replace(r#"version = "1.4.0""#, "")), @r"
    omega.toml, line 14: the key `version` is missing

    [driver]
    [driver] <- add it; see [driver] in docs/site-file.md
    ");
    insta::assert_snapshot!(error(&GOOD.replace(r#"["10.20.0.0/16"]"#, r#""10.20.0.0/16""#)), @r#"
    omega.toml, line 9: management.sources: expected an array, found the text "10.20.0.0/16"
    security_group = "capi-mgmt-sg"
    sources = "10.20.0.0/16"
    "10.20.0.0/16" <- write it in brackets: ["10.20.0.0/16"]
    "#);
    assert!(error(&GOOD.replace("ba7816bf", "xx7816bf")).contains(": not a SHA-256 digest"));
    assert!(error("[cloud").contains("omega.toml"));
    let range = error(&format!("{GOOD}\n[network]\npool = \"10.20.0.0\""));
    assert!(range.contains(": \"10.20.0.0\" has no length (10.20.0.0/16)"), "{range}");
    let time = error(&format!("{GOOD}\n[timeouts]\nask = \"2 fortnights\""));
    assert!(time.contains(": not a duration: write 30s, 10m or 1h 30m"), "{time}");
}

#[test]
fn contradictions_are_refused() {
    let with = |from: &str, to: &str| error(&GOOD.replace(from, to));
    let name = r#"name = "capi-admin""#;
    assert!(with(name, &format!("{name}\nopenrc = \"x\"")).contains(": `name` and `openrc`"));
    let unit = "application = \"magnum\"\n[[conductor.unit]]\nname = \"magnum/0\"\nssh = \"h\"";
    assert!(with(r#"application = "magnum""#, unit).contains(": `application` (Juju) and `unit`"));
    assert!(with(r#"application = "magnum""#, "").contains(": [conductor] needs `application`"));
    let wheel = "version = \"1.4.0\"\nwheel = \"x.whl\"";
    assert!(
        with(r#"version = "1.4.0""#, wheel).contains(": `wheel` and `sha256` must be set together")
    );
    assert!(with(r#"file = "helm""#, "").contains(": set either `file` or `url`"));
    let project = r#"{ name = "capi-mgmt", domain = "capi" }"#;
    insta::assert_snapshot!(with(project, r#"{ name = "capi-mgmt" }"#), @r#"
    omega.toml, line 7: management.project needs an `id`, or a `name` with its `domain`
    kubeconfig = "capi.kubeconfig"
    project = { name = "capi-mgmt" }
    security_group = "capi-mgmt-sg"
    { name = "capi-mgmt" } <- add the name of its `domain`
    "#);
    for bad in ["-1s", "0s", "PT0S", "25h", "9000000000000000s"] {
        let text = format!("{GOOD}\n[timeouts]\nask = \"{bad}\"");
        assert!(error(&text).contains(": a deadline must be more than 0"), "{}", error(&text));
    }
}

#[test]
fn what_would_do_nothing_or_harm_is_refused() {
    let with = |from: &str, to: &str| error(&GOOD.replace(from, to));
    let unit = "[[conductor.unit]]\nname = \"magnum/0\"\nssh = \"h\"\n";
    let twice = format!("[conductor]\n{unit}{unit}");
    let text = with("[conductor]\napplication = \"magnum\"", &twice);
    assert!(text.contains(": two units have the same name"), "{text}");
    for bad in ["ubuntu:hunter2@10.1.1.1", "a b c", "u@h@i", "", "ssh://h", "@h"] {
        let unit = unit.replace("\"h\"", &format!("{bad:?}"));
        let text = with("[conductor]\napplication = \"magnum\"", &format!("[conductor]\n{unit}"));
        assert!(
            text.contains(": `ssh` and `jump` of a unit must be [user@]host[:port]"),
            "{bad}: {text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
    let text = with(r#"["10.20.0.0/16"]"#, "[]");
    assert!(text.contains(": `sources` must list at least one"), "{text}");
    let group = r#"security_group = "capi-mgmt-sg""#;
    let text = with(group, &format!("{group}\npath = \"/etc/passwd\""));
    assert!(text.contains(": the kubeconfig must be below /etc/magnum"), "{text}");
}

#[test]
fn an_address_has_no_password_and_a_refusal_does_not_show_it() {
    let cases = [
        (r#"version = "1.4.0""#, "version = \"1.4.0\"\nindex = \"https://me:hunter2@i.example\""),
        (r#"file = "helm""#, r#"url = "https://hunter2@helm.example/helm""#),
        (r#"repo = "https://charts.example""#, r#"repo = "https://me:hunter2@charts.example""#),
    ];
    let indx = error(&GOOD.replace(cases[0].0, &cases[0].1.replace("index", "indx")));
    assert!(indx.contains("unknown key `indx`") && !indx.contains("hunter2"), "{indx}");
    for (from, to) in cases {
        let text = error(&GOOD.replace(from, to));
        assert!(text.contains(": an address with a user, a password or a query"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_template_is_read_under_its_name_and_flannel_is_refused() {
    let text = "[template.\"k8s v1.34\"]\nimage = \"i\"\nexternal_network = \"n\"\nflavor = \"f\"\n\
                master_flavor = \"m\"\nlabels = { boot_volume_size = 20, monitoring_enabled = false }\n";
    let site = Site::parse(Path::new("omega.toml"), text).unwrap();
    let spec = &site.template["k8s v1.34"];
    assert!(spec.floating_ip_enabled && spec.labels["boot_volume_size"] == "20");
    assert_eq!(spec.labels["monitoring_enabled"], "false");
    insta::assert_snapshot!("flannel", error(&format!("{text}network_driver = \"flannel\"\n")));
    insta::assert_snapshot!(
        "misspelt",
        error(&format!("{text}dns_nameservers = \"192.0.2.53\"\n"))
    );
}

#[test]
fn of_compute_only_what_is_named_is_set() {
    let site = |text: &str| Site::parse(Path::new("omega.toml"), text).unwrap();
    let memory = site("[compute]\nreserved_host_memory = 8192");
    let memory = memory.compute().unwrap();
    assert_eq!(memory.application, "nova-compute");
    let settings: Vec<_> = memory.settings().into_iter().collect();
    assert_eq!(settings, [("reserved-host-memory".to_owned(), "8192".to_owned())]);
    let resume = site("[compute]\napplication = \"nova-kvm\"\nresume_guests = false");
    let resume = resume.compute().unwrap();
    assert_eq!(resume.application, "nova-kvm");
    let settings: Vec<_> = resume.settings().into_iter().collect();
    assert_eq!(settings, [("resume-guests-state-on-host-boot".to_owned(), "false".to_owned())]);
    let nothing = error("[compute]\napplication = \"nova-compute\"");
    assert!(nothing.contains("needs `reserved_host_memory` or `resume_guests`"), "{nothing}");
}

#[test]
fn the_cluster_of_an_acceptance_does_not_contradict_itself() {
    let acceptance = |text: &str| {
        let site = Site::parse(Path::new("omega.toml"), &format!("[acceptance]\n{text}")).unwrap();
        site.acceptance()
    };
    let table = "[acceptance.create_cluster]\ntemplate = \"t\"\n";
    let new =
        acceptance(&format!("{table}labels = {{ size = 20 }}\nwithin = \"45m\"")).create_cluster;
    let new = new.unwrap();
    assert_eq!((new.master_count, new.node_count, new.labels["size"].as_str()), (1, 2, "20"));
    assert!(acceptance(table).check().is_ok());
    for (text, why) in [
        (format!("cluster = \"c\"\n{table}"), "names a cluster, and says"),
        (format!("{table}master_count = 2"), "not odd"),
        (format!("{table}master_count = 0"), "not odd"),
        (format!("{table}node_count = 0"), "lacks a template or workers"),
    ] {
        let told = error(&format!("[acceptance]\n{text}"));
        assert!(told.contains(why), "{told}");
    }
}
