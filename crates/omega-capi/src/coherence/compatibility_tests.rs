use std::fmt::Write as _;

use semver::Version;

use super::{Combination, check_compatibility};
use crate::served::{ServedKind, ServedVersion, ServedVersions, age};
use omega_core::{Evidence, Finding, Severity};
use omega_driver::{DriverRelease, Overrides};

/// The kinds of each group, with a decoy of a similar name.
const KINDS: [(&str, &[&str]); 5] = [
    ("cluster.x-k8s.io", &["clusters", "clusterclasses", "machinedeployments", "machines"]),
    ("controlplane.cluster.x-k8s.io", &["kubeadmcontrolplanes", "kubeadmcontrolplanetemplates"]),
    ("bootstrap.cluster.x-k8s.io", &["kubeadmconfigs", "kubeadmconfigtemplates"]),
    ("infrastructure.cluster.x-k8s.io", &["openstackclusters", "openstackmachinetemplates"]),
    ("addons.stackhpc.com", &["helmreleases", "manifests"]),
];

fn served(core: &[&str], provider: &[&str], addons: &[&str]) -> ServedVersions {
    let group = |(group, plurals): (&str, &[&str])| {
        let versions = match group {
            "infrastructure.cluster.x-k8s.io" => provider,
            "addons.stackhpc.com" => addons,
            _ => core,
        };
        let kind = |plural: &&str| ServedKind { kind: (*plural).into(), plural: (*plural).into() };
        let kinds: Vec<_> = plurals.iter().map(kind).collect();
        let version = |v: &&str| ServedVersion { version: (*v).into(), kinds: kinds.clone() };
        let mut versions: Vec<_> = versions.iter().map(version).collect();
        versions.sort_by_key(|v| std::cmp::Reverse(age(&v.version)));
        (!versions.is_empty()).then(|| (group.to_owned(), versions))
    };
    ServedVersions { groups: KINDS.into_iter().filter_map(group).collect() }
}

fn findings(
    served: &ServedVersions,
    driver: &DriverRelease,
    overrides: &str,
    chart: &str,
) -> Vec<Finding> {
    let overrides = Overrides::of_value(overrides).unwrap();
    let chart = Some(Version::parse(chart).unwrap());
    check_compatibility(served, &Combination { driver: driver.clone(), overrides, chart })
}

fn broken(findings: &[Finding]) -> Vec<(&str, &str)> {
    let broken = findings.iter().filter(|f| f.severity == Severity::Broken);
    broken.map(|f| (f.decision.as_deref().unwrap(), f.remedy.as_deref().unwrap())).collect()
}

const BOTH: [&str; 2] = ["v1beta1", "v1beta2"];
const V1BETA2: &str = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;

/// Every set that releases of Cluster API and its provider serve, and two incomplete sets.
fn worlds() -> [(&'static str, ServedVersions); 7] {
    [
        ("core 1.13, provider 0.14", served(&BOTH, &["v1beta1"], &["v1alpha1"])),
        (
            "core 1.13, provider 0.10",
            served(&BOTH, &["v1alpha6", "v1alpha7", "v1beta1"], &["v1alpha1"]),
        ),
        ("core 1.13, provider 0.11", served(&BOTH, &["v1alpha7", "v1beta1"], &["v1alpha1"])),
        ("core 1.16, provider 0.14", served(&["v1beta2"], &["v1beta1"], &["v1alpha1"])),
        ("core 1.13, provider v1beta2 only", served(&BOTH, &["v1beta2"], &["v1alpha1"])),
        ("core 1.13, provider 0.14, no addons", served(&BOTH, &["v1beta1"], &[])),
        ("nothing installed", served(&[], &[], &[])),
    ]
}

#[test]
fn every_combination_as_it_is_said() {
    let mut table = String::new();
    for (name, served) in worlds() {
        for driver in [DriverRelease::v1_3_0(), DriverRelease::v1_4_0()] {
            for overrides in ["{}", V1BETA2] {
                for chart in ["0.10.1", "0.25.1"] {
                    let over = if overrides == "{}" { "" } else { ", Cluster at v1beta2" };
                    writeln!(table, "# {name}; driver {driver}{over}; chart {chart}").unwrap();
                    for finding in findings(&served, &driver, overrides, chart) {
                        let (severity, what) = (finding.severity, &finding.summary);
                        let decision = finding.decision.as_deref().unwrap();
                        let remedy = finding.remedy.as_deref().unwrap();
                        let evidence = Evidence::line(&finding.evidence);
                        writeln!(table, "{severity:?} {decision}: {what}").unwrap();
                        writeln!(table, "    {evidence}\n    -> {remedy}").unwrap();
                    }
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn which_driver_fits_which_provider() {
    let [now, old, between, ..] = worlds().map(|(_, served)| served);
    let pin = [("D-042", "pin magnum-capi-helm 1.4.0, which reads v1beta1")];
    for driver in DriverRelease::known().into_iter().take(4) {
        assert_eq!(broken(&findings(&now, &driver, "{}", "0.25.1")), pin, "{driver}");
        assert_eq!(broken(&findings(&between, &driver, "{}", "0.25.1")), pin, "{driver}");
        assert_eq!(broken(&findings(&old, &driver, "{}", "0.25.1")), [], "{driver}");
    }
    for world in [&now, &old, &between] {
        assert_eq!(broken(&findings(world, &DriverRelease::v1_4_0(), "{}", "0.25.1")), []);
    }
}

#[test]
fn which_chart_fits_which_provider() {
    let [now, _, between, ..] = worlds().map(|(_, served)| served);
    let set = "set default_helm_chart_version to 0.25.1, which uses v1beta1";
    assert_eq!(broken(&findings(&now, &DriverRelease::v1_4_0(), "{}", "0.10.1")), [("D-034", set)]);
    assert_eq!(broken(&findings(&between, &DriverRelease::v1_4_0(), "{}", "0.10.1")), []);
}

#[test]
fn no_override_helps_where_v1beta1_is_gone() {
    let gone = &worlds()[3].1;
    for overrides in ["{}", V1BETA2] {
        let findings = findings(gone, &DriverRelease::v1_4_0(), overrides, "0.25.1");
        let broken = broken(&findings);
        assert!(
            broken.iter().any(|(_, remedy)| remedy.starts_with("stay below Cluster API v1.16"))
        );
        assert!(!broken.iter().any(|(_, remedy)| remedy.contains("api_version")), "{broken:?}");
    }
    let all = r#"{
        "Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"},
        "MachineDeployment": {"api_version": "cluster.x-k8s.io/v1beta2"},
        "Machine": {"api_version": "cluster.x-k8s.io/v1beta2"},
        "K8sControlPlane": {"api_version": "controlplane.cluster.x-k8s.io/v1beta2"}
    }"#;
    let refused = findings(gone, &DriverRelease::v1_4_0(), all, "0.25.1");
    let harmful = |f: &&Finding| f.summary.starts_with("api_resources makes");
    let severities: Vec<_> = refused.iter().filter(harmful).map(|f| f.severity).collect();
    let expected = [Severity::Broken, Severity::Broken, Severity::Broken, Severity::Warning];
    assert_eq!(severities, expected, "all but Machine, which is only counted");
}

#[test]
fn what_the_driver_ignores_is_said() {
    let now = &worlds()[0].1;
    let warnings = |driver: &DriverRelease, overrides: &str| {
        let findings = findings(now, driver, overrides, "0.25.1");
        let warnings = findings.into_iter().filter(|f| f.severity == Severity::Warning);
        warnings.map(|f| (f.summary, f.remedy.unwrap())).collect::<Vec<_>>()
    };
    let kind =
        r#"{"OpenStackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta2"}}"#;
    let what = "api_resources has an entry `OpenStackCluster`, which the driver ignores";
    let expected = [(what.to_owned(), "write OpenstackCluster".to_owned())];
    assert_eq!(warnings(&DriverRelease::v1_4_0(), kind), expected);
    let plural = r#"{"Cluster": {"plural_name": "clusterses"}}"#;
    let what = "the driver ignores the plural_name of Cluster";
    let expected = [(what.to_owned(), "remove it".to_owned())];
    assert_eq!(warnings(&DriverRelease::v1_4_0(), plural), expected);
    let what = "driver 1.3.0 does not have the option api_resources";
    let expected = [(what.to_owned(), "pin 1.4.0, or remove the option".to_owned())];
    assert_eq!(warnings(&DriverRelease::v1_3_0(), kind), expected);
    let same = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"}}"#;
    assert_eq!(warnings(&DriverRelease::v1_4_0(), same), [], "saying the default changes nothing");
}

#[test]
fn the_worst_comes_first() {
    for (name, served) in worlds() {
        let severities: Vec<_> = findings(&served, &DriverRelease::v1_4_0(), V1BETA2, "0.10.1")
            .into_iter()
            .map(|finding| finding.severity)
            .collect();
        assert!(severities.is_sorted_by(|a, b| a >= b), "{name}: {severities:?}");
        assert_eq!(severities.first(), Some(&Severity::Broken), "{name}");
    }
}
