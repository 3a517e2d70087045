use super::*;
use crate::{
    operations::{
        ApiResources,
        world::{cases, client, options, shown, stage_dropin as desired},
    },
    sim::{self, Start},
};

const PATH: &str = "/etc/magnum/magnum.conf.d/00-capi-helm.conf";

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let fresh = Start::Fresh.unit("magnum/0");
    let old = Start::Grafted130.unit("magnum/0");
    let done = Start::Fresh.unit("magnum/0");
    ensure(&Context::default(), &client(&done), &desired()).await.unwrap();
    let (link, file) = (Start::Fresh.unit("magnum/0"), Start::Fresh.unit("magnum/0"));
    link.make_directory("/etc/magnum/magnum.conf.d");
    link.link(PATH, "/etc/magnum/other.conf");
    file.write("/etc/magnum/magnum.conf.d", b"", "root", "root", 0o644);
    let plural = r#"{"Machine": {"plural_name": "machines"}}"#;
    let plural =
        CapiHelm { api_resources: Some(ApiResources::parse(plural).unwrap()), ..options() };
    let plural = StageDropin::new(&plural, &"1.4.0".parse().unwrap()).unwrap();
    insta::assert_snapshot!(cases(vec![
        ("nothing there", shown(&fresh, &desired()).await),
        ("another text", shown(&old, &desired()).await),
        ("there", shown(&done, &desired()).await),
        ("a link", shown(&link, &desired()).await),
        ("a file in the directory's place", shown(&file, &desired()).await),
        ("an override that is half ignored", shown(&fresh, &plural).await),
    ]));
}

/// The text of the runbook's own step 7.6, byte for byte: who has done it by hand has done it.
#[test]
fn the_text_is_the_runbooks() {
    let DropinWanted::Text { text, notes } = desired().wanted else { panic!() };
    assert!(notes.is_empty());
    insta::assert_snapshot!(text);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_used_meanwhile_stays_on_the_way_back() {
    let sim = Start::Fresh.unit("magnum/0");
    let done = ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    let omega_core::Outcome::Changed { before, .. } = done else { panic!() };
    sim.write("/etc/magnum/magnum.conf.d/50-site.conf", b"[a]\n", "root", "root", 0o644);
    ensure(&Context::default(), &client(&sim), &desired().undo(&before).unwrap()).await.unwrap();
    assert_eq!(sim.read(PATH), None);
    assert_eq!(sim.read("/etc/magnum/magnum.conf.d/50-site.conf").as_deref(), Some("[a]\n"));
}

fn refused(change: impl FnOnce(&mut CapiHelm), driver: &str) -> String {
    let mut options = options();
    change(&mut options);
    let error = options.render(&driver.parse().unwrap()).unwrap_err();
    let next = omega_core::Diagnostic::next(&error).unwrap_or_default();
    format!("{error}\n  next: {next}\n")
}

#[test]
fn what_is_refused() {
    let more = |key: &'static str, value: &'static str| {
        move |options: &mut CapiHelm| {
            options.options.insert(key.into(), value.into());
        }
    };
    let label = |options: &mut CapiHelm| {
        options.cluster_labels.insert("octavia_providr".into(), "ovn".into());
    };
    insta::assert_snapshot!(cases(vec![
        ("an unknown option", refused(more("minimum_flavour_ram", "1"), "1.4.0")),
        ("nothing like it", refused(more("zzz", "1"), "1.4.0")),
        ("an option that 1.3.0 has not", refused(|_| (), "1.3.0")),
        ("an option that moved", refused(more("csi_cinder_fstype", "xfs"), "1.4.0")),
        ("a label", refused(label, "1.4.0")),
        ("not a number", refused(more("minimum_flavor_ram", "2 GiB"), "1.4.0")),
        ("said twice", refused(more("helm_chart_name", "x"), "1.4.0")),
        ("no value", refused(|o| o.helm_chart_name.clear(), "1.4.0")),
        ("a dollar", refused(|o| o.helm_chart_name = "$x".into(), "1.4.0")),
        ("quotes", refused(|o| o.helm_chart_name = "'x'".into(), "1.4.0")),
        ("two lines", refused(|o| o.helm_chart_name = "x\ny".into(), "1.4.0")),
        ("not ASCII", refused(|o| o.helm_chart_name = "a\u{2013}b".into(), "1.4.0")),
    ]));
}

#[test]
fn the_options_of_every_release_are_known() {
    let fits = |driver: &str, key: &str| {
        let mut options = CapiHelm { api_resources: None, ..options() };
        options.options.insert(key.into(), "x".into());
        options.render(&driver.parse().unwrap()).is_ok()
    };
    assert!(fits("1.1.0", "csi_cinder_fstype") && fits("1.3.0", "csi_cinder_fstype"));
    assert!(!fits("1.4.0", "csi_cinder_fstype"));
    assert!(fits("1.4.0", "k8s_control_plane_resource_conditions"));
    assert!(!fits("1.3.0", "k8s_control_plane_resource_conditions"));
    assert!(fits("1.4.1", "api_resources"), "a release not yet known is taken for the last one");
}

/// What the driver's `json.loads` would say of a value, and what omega says.
#[test]
fn api_resources_is_read_as_the_driver_reads_it() {
    for good in [
        "{}",
        " {} ",
        "'{}'",
        r#"{"Manifests": {"api_version": "addons.stackhpc.com/v1alpha1"}}"#,
        r#"{"OpenstackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta1"}}"#,
        r#"{"K8sControlPlane": {"plural_name": "kubeadmcontrolplanes"}}"#,
    ] {
        ApiResources::parse(good).unwrap();
    }
    let all = [
        "",
        "[]",
        "null",
        r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"},}"#,
        "'{\n}'",
        "{'Cluster': {}}",
        r#"{"Cluster""#,
        r#"{"OpenStackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta1"}}"#,
        r#"{"KubeadmControlPlane": {}}"#,
        r#"{"cluster": {}}"#,
        r#"{"Zebra": {}}"#,
        r#"{"Cluster": null}"#,
        r#"{"Cluster": "cluster.x-k8s.io/v1beta1"}"#,
        r#"{"Cluster": {"apiVersion": "cluster.x-k8s.io/v1beta1"}}"#,
        r#"{"Cluster": {"api_version": "v1beta1"}}"#,
        r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#,
        r#"{"MachineDeployment": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#,
        r#"{"Machine": {"api_version": "cluster.x-k8s.io/v1"}}"#,
        r#"{"K8sControlPlane": {"plural_name": 1}}"#,
    ];
    let all = all.map(|text| {
        let error = ApiResources::parse(text).unwrap_err();
        let next = omega_core::Diagnostic::next(&error).unwrap_or_default();
        (text, format!("{error}\n  next: {next}\n"))
    });
    insta::assert_snapshot!(cases(all.to_vec()));
}

/// The simulator's daemons read back what was written.
#[tokio::test(start_paused = true)]
async fn the_daemons_read_what_was_written() {
    let sim: sim::Unit = Start::Fresh.unit("magnum/0");
    let unit = client(&sim);
    ensure(&Context::default(), &unit, &desired()).await.unwrap();
    let keys = options().effective().into_keys().collect();
    let probe = Probe::Options { service: magnum::api(), group: magnum::SECTION.into(), keys };
    let Reply::Options { values } = unit.ask(probe).await.unwrap() else { panic!() };
    assert_eq!(values, options().effective());
}
