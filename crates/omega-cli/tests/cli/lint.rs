//! `lint`

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const BUNDLE: &str = "default-base: ubuntu@22.04/stable
applications:
  gss:
    charm: glance-simplestreams-sync
    channel: 2024.1/stable
    options: {run: true}
  hacluster:
    charm: hacluster
    channel: \"2.0/stable\" # in quotes
";

fn home() -> Home {
    let home = Home::new();
    home.write("bundle.yaml", BUNDLE);
    home
}

#[test]
fn findings_are_shown_with_their_lines() {
    let ran = home().run(&["lint", "bundle", "bundle.yaml"]).exits(3);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn a_level_can_be_denied_and_a_site_decides_for_itself() {
    let home = home();
    home.write("channels.yaml", "applications:\n  hacluster: {channel: 2.4/stable}\n");
    let both = ["lint", "bundle", "bundle.yaml", "channels.yaml"];
    let ran = home.run(&both).exits(0);
    assert!(ran.out.ends_with("0 errors, 2 warnings, 0 notes in 2 files\n"), "{}", ran.out);
    home.run(&[&both[..], &["--deny", "warning"]].concat()).exits(3);
    // The default site file counts if it is there, and a named one must be.
    home.write("omega.toml", "[lint.channels]\nhacluster = [\"2.0/stable\"]\n");
    home.run(&["lint", "bundle", "bundle.yaml"]).exits(0);
    home.run(&["lint", "bundle", "bundle.yaml", "--site", "nope.toml"])
        .exits(64)
        .says(&["nope.toml"]);
    home.write("omega.toml", "[lint]\nallocation_pools = [\"10.0.0.9-10.0.0.1\"]\n");
    home.run(&["lint", "bundle", "bundle.yaml"]).exits(64).says(&["no range of addresses"]);
}

#[test]
fn other_programs_read_the_findings() {
    let home = home();
    let ran = home.run(&["lint", "bundle", "bundle.yaml", "--format", "github"]).exits(3);
    let error = "::error file=bundle.yaml,line=9,col=14,title=charm-channel::hacluster: ";
    assert!(ran.out.lines().any(|line| line.starts_with(error)), "{}", ran.out);
    let ran = home.run(&["lint", "bundle", "bundle.yaml", "--format", "sarif"]).exits(3);
    let log: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 3);
    let clash = ["lint", "bundle", "bundle.yaml", "--format", "sarif", "--output", "json"];
    home.run(&clash).exits(64);
}

#[test]
fn what_has_one_right_answer_can_be_put_right() {
    let home = home();
    let fix = ["lint", "bundle", "bundle.yaml", "--fix"];
    home.run(&fix).exits(64).says(&["nobody confirmed it", "--yes"]);
    // Without a terminal too, the changes are shown.
    let before = fs::read_to_string(home.path().join("bundle.yaml")).unwrap();
    let shown = home.run(&[&fix[..], &["--plan"]].concat()).exits(2);
    assert!(shown.out.contains("+++ bundle.yaml\n@@ line "), "{}", shown.out);
    assert_eq!(fs::read_to_string(home.path().join("bundle.yaml")).unwrap(), before);
    // Standard input is read, and not changed.
    let piped = |more: &[&str]| {
        let mut command = home.command(&[&["lint", "bundle", "-"][..], more].concat());
        command.stdin(fs::File::open(home.path().join("bundle.yaml")).unwrap());
        super::ran(&mut command)
    };
    let read = piped(&[]);
    assert!(read.out.contains("-:") && read.code == home.run(&fix[..3]).code, "{read:?}");
    piped(&["--fix", "--yes"]).exits(64).says(&["it is standard input"]);
    assert_eq!(fs::read_to_string(home.path().join("bundle.yaml")).unwrap(), BUNDLE);
    let fixed = home.run(&[&fix[..], &["--yes"]].concat()).exits(0);
    assert!(fixed.out.contains("0 errors"), "{}", fixed.out);
    let text = fs::read_to_string(home.path().join("bundle.yaml")).unwrap();
    assert_eq!(text, BUNDLE.replace("2.0/stable", "2.4/stable"));
    // Nothing is left to put right, so nothing is asked.
    home.run(&fix).exits(0);
}

#[test]
fn what_can_t_be_read_is_refused_with_its_place() {
    let home = home();
    home.write("bad.yaml", "applications:\n  a: [\n");
    let ran = home.run(&["lint", "bundle", "bundle.yaml", "bad.yaml"]).exits(64);
    ran.says(&["bad.yaml: line 2, column 6: not valid YAML"]);
    home.run(&["lint", "bundle", "nope.yaml"]).exits(64).says(&["could not read nope.yaml"]);
    fs::write(home.path().join("bytes.yaml"), b"a: \xff\n").unwrap();
    home.run(&["lint", "bundle", "bytes.yaml"]).exits(64).says(&["it is not UTF-8 from byte 4 on"]);
    home.run(&["lint", "bundle"]).exits(64);
}

#[test]
fn a_file_of_options_is_read_as_its_service_reads_it() {
    let home = home();
    home.write("00.conf", "[capi_helm]\nkubeconfig_file = /etc/magnum/kubeconfig # ours\n");
    let ran = home.run(&["lint", "file", "00.conf"]).exits(0);
    insta::assert_snapshot!(ran.out);
    home.run(&["lint", "file", "00.conf", "--deny", "warning"]).exits(3);
    home.write("bad.conf", "kubeconfig_file = x\n");
    let bad = home.run(&["lint", "file", "bad.conf"]).exits(3);
    assert!(bad.out.contains("an option before the first section"), "{}", bad.out);
}

#[test]
fn what_is_no_file_is_not_read_and_names_are_not_obeyed() {
    let home = home();
    let pipe = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for name in ["pipe", "/dev/zero", "."] {
        home.run(&["lint", "bundle", name]).exits(64).says(&["could not read"]);
        home.run(&["lint", "file", name]).exits(64).says(&["could not read"]);
    }
    home.write("odd.yaml", "applications:\n  \"a\\e[31mred\": {charm: keystone}\n");
    for format in ["text", "github"] {
        let ran = home.run(&["lint", "bundle", "odd.yaml", "--format", format]).exits(3);
        assert!(!ran.out.contains('\u{1b}') && ran.out.contains("u{1b}"), "{}", ran.out);
    }
}

#[test]
fn a_file_keeps_its_mode_and_a_link_is_refused_before_anything_is_changed() {
    let home = home();
    let path = home.path().join("bundle.yaml");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    std::os::unix::fs::symlink("second.yaml", home.path().join("link.yaml")).unwrap();
    let both = ["lint", "bundle", "link.yaml", "--fix", "--yes"];
    home.write("second.yaml", BUNDLE);
    home.run(&both).exits(64).says(&["it is a link"]);
    assert_eq!(fs::read_to_string(home.path().join("second.yaml")).unwrap(), BUNDLE);
    home.run(&["lint", "bundle", "bundle.yaml", "--fix", "--yes"]).exits(0);
    assert_eq!(mode(), 0o664);
    home.write("bundle.yaml", BUNDLE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    home.run(&["lint", "bundle", "bundle.yaml", "--fix", "--yes"]).exits(64).says(&["read-only"]);
}

const PLAN: &str = "[lint]
vip_networks = [\"10.12.4.0/22\", \"10.12.8.0/22\"]

[network.tenants]
capi-mgmt = \"10.20.0.0/24\"
project1 = \"10.20.0.128/25\"
";

#[test]
fn an_address_plan_is_checked_and_drawn() {
    let home = Home::with_cloud();
    home.write("omega.toml", PLAN);
    home.write("bundle.yaml", "applications:\n  k: {charm: k, options: {vip: 10.12.4.20}}\n");
    let command = ["lint", "network", "bundle.yaml", "--svg", "plan.svg"];
    let ran = home.run(&command).exits(3);
    insta::assert_snapshot!(ran.out);
    let drawn = fs::read_to_string(home.path().join("plan.svg")).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("tenant project1"), "{drawn}");
    // It is drawn again, and nothing else is replaced.
    home.run(&command).exits(3);
    home.write("notes", "mine");
    let other = home.run(&["lint", "network", "--svg", "notes"]).exits(64);
    other.says(&["notes exists and is not a picture of a plan"]);
    assert_eq!(fs::read_to_string(home.path().join("notes")).unwrap(), "mine");
    // As data.
    let ran = home.run(&["lint", "network", "--output", "json"]).exits(3);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let pool = &document["plan"]["ranges"][2];
    assert_eq!((&pool["kind"], &pool["origin"]["said_by"]), (&"pool".into(), &"D-016".into()));
    // Neutron is asked only where that is wanted.
    home.write("omega.toml", &format!("[cloud]\nname = \"here\"\n{PLAN}"));
    home.run(&["lint", "network", "--live"])
        .exits(1)
        .says(&["could not read the networks of Neutron"]);
}

#[test]
fn a_site_file_is_checked_against_the_decisions() {
    let home = Home::new();
    home.write("omega.toml", "[driver]\nversion = \"1.3.0\"\n\n[chart]\nrepo = \"https://c.example\"\nversion = \"0.25.1\"\n");
    let ran = home.run(&["lint", "site"]).exits(3);
    assert!(
        ran.out.starts_with("omega.toml:1:1: note: D-011.3 [acceptance-settings, D-011]\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("omega.toml:2:11: error: 1.3.0 [unserved-read, D-042]\n"),
        "{}",
        ran.out
    );
    let ran = home.run(&["lint", "site", "--format", "github"]).exits(3);
    assert!(
        ran.out.contains("::error file=omega.toml,line=2,col=11,title=unserved-read::"),
        "{}",
        ran.out
    );
    home.write("omega.toml", "[management]\nkubeconfg = \"k\"\n");
    home.run(&["lint", "site"]).exits(64).says(&["unknown key `kubeconfg`"]);
    home.run(&["lint", "site", "--site", "nope.toml"]).exits(64).says(&["nope.toml"]);
}

#[test]
fn templates_need_a_cloud() {
    let home = Home::with_cloud();
    home.write("omega.toml", "[cloud]\nname = \"here\"\n");
    let ran = home.run(&["lint", "templates", "--template", "k8s"]).exits(1);
    ran.says(&["could not list the cluster templates"]);
}
