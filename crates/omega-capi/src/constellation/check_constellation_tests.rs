use std::fmt::Write as _;

use omega_core::Evidence;

use super::{
    Comparison, Constellation, ConstellationItem,
    VersionMatch::{self, Newer, NotNamed, Same},
    check_constellation, compare,
};
use crate::{
    constellation::{Component, Dependencies},
    controllers::Installed,
    releases::Release,
};

fn installed(component: Component, version: Option<&str>) -> Installed {
    let version = version.map(ToOwned::to_owned);
    Installed {
        component,
        version,
        evidence: vec![Evidence::text("deployment", format!("x/{component}"))],
        wanted: 1,
        available: Some(1),
    }
}

fn release(name: &str, chart: &str, version: &str, status: &str) -> Release {
    Release {
        namespace: "magnum-x".parse().unwrap(),
        name: name.into(),
        revision: 3,
        status: serde_json::from_value(status.into()).unwrap(),
        chart: chart.into(),
        chart_version: version.into(),
        app_version: None,
        updated: None,
    }
}

fn of(chart: &str) -> Constellation {
    Constellation::of(&chart.parse().unwrap()).unwrap()
}

fn as_tested(chart: &str) -> Vec<Installed> {
    let tested = of(chart).dependencies;
    let all = Component::ALL.into_iter();
    all.filter_map(|c| Some(installed(c, Some(tested.version(c)?)))).collect()
}

fn said(all: &[Comparison]) -> String {
    let mut table = String::new();
    for Comparison { part, wanted, found, version_match, evidence, remedy } in all {
        let part = match part {
            ConstellationItem::Controller(component) => component.to_string(),
            ConstellationItem::Release { namespace, name, chart } => {
                format!("{namespace}/{name} ({chart})")
            }
        };
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let (wanted, found, evidence) = (dash(wanted), dash(found), Evidence::line(evidence));
        writeln!(table, "{version_match:?} {part}: {wanted} wanted, {found} found ({evidence})")
            .unwrap();
        if let Some(remedy) = remedy {
            writeln!(table, "    -> {remedy}").unwrap();
        }
    }
    table
}

#[test]
fn every_tag_fits_itself_and_no_tag_of_another_core() {
    for tag in Dependencies::tags() {
        let own = as_tested(&tag.to_string());
        let all = check_constellation(&of(&tag.to_string()), &own, &[]);
        assert!(
            all.iter().all(|c| c.version_match == VersionMatch::Same && c.remedy.is_none()),
            "{tag}"
        );
        assert_eq!(all.len(), own.len(), "{tag}");
    }
    let newer = check_constellation(&of("0.23.0"), &as_tested("0.24.0"), &[]);
    let standings: Vec<_> = newer.iter().map(|c| c.version_match).collect();
    assert_eq!(standings, [Newer, Newer, Newer, Newer, NotNamed, Newer, Same, Same]);
}

#[test]
fn only_a_clusters_release_may_be_older() {
    let releases = [
        release("c1", "openstack-cluster", "0.23.0", "deployed"),
        release("c2", "openstack-cluster", "0.27.0", "deployed"),
        release("addons", "cluster-api-addon-provider", "0.11.0", "deployed"),
    ];
    let all = check_constellation(&of("0.25.1"), &as_tested("0.25.1"), &releases);
    let departing = all.iter().filter(|c| c.differs()).map(|c| c.found.clone().unwrap());
    assert_eq!(departing.collect::<Vec<_>>(), ["0.27.0", "0.11.0"]);
    let more = check_constellation(&of("0.23.0"), &as_tested("0.25.1"), &[]);
    let orc = more.iter().find(|c| c.version_match == NotNamed).unwrap();
    assert!(!orc.differs(), "the file of 0.23.0 does not name it");
}

#[test]
fn a_v_makes_no_difference_and_ten_is_more_than_nine() {
    let cases = [
        (Some("v1.13.2"), Some("1.13.2"), VersionMatch::Same),
        (Some("0.12.0"), Some("v0.12.0"), VersionMatch::Same),
        (Some("0.12.0"), Some("0.9.0"), VersionMatch::Older),
        (Some("v1.9.0"), Some("v1.10.0"), VersionMatch::Newer),
        (Some("v0.15.0"), Some("v0.15.0-beta.0"), VersionMatch::Older),
        (Some("v1.13.2"), Some("v1.13.2+local"), VersionMatch::Same),
        (Some("v1.13.2"), Some("latest"), VersionMatch::Unknown),
        (Some("v1.13.2"), None, VersionMatch::Unknown),
        (Some("main"), Some("main"), VersionMatch::Same),
        (None, Some("v1"), VersionMatch::NotNamed),
    ];
    for (wanted, found, expected) in cases {
        assert_eq!(compare(wanted, found), expected, "{wanted:?} {found:?}");
    }
}

#[test]
fn everything_as_it_is_said() {
    let mut found = as_tested("0.25.1");
    found.retain(|one| one.component != Component::Janitor);
    for one in &mut found {
        match one.component {
            Component::ClusterApi => one.version = Some("v1.13.3".into()),
            Component::KubeadmBootstrap => one.version = Some("v1.14.0".into()),
            Component::KubeadmControlPlane => one.version = None,
            Component::OpenstackProvider => one.version = Some("v0.13.0".into()),
            Component::AddonProvider
            | Component::ResourceController
            | Component::CertManager
            | Component::Janitor => {}
        }
    }
    found.push(installed(Component::OpenstackProvider, Some("v0.14.4")));
    let releases = [
        release("cluster-api-addon-provider", "cluster-api-addon-provider", "0.12.0", "failed"),
        release("c9", "openstack-cluster", "0.10.1", "deployed"),
        release("c10", "openstack-cluster", "0.25.1", "deployed"),
        release("c11", "openstack-cluster", "0.26.0", "pending-upgrade"),
        release("c12", "openstack-cluster", "0.10.1", "uninstalled"),
        release("ck-network", "cilium", "1.17.1", "deployed"),
    ];
    insta::assert_snapshot!(said(&check_constellation(&of("0.25.1"), &found, &releases)));
}

#[test]
fn nothing_installed_is_everything_missing() {
    let all = check_constellation(&of("0.25.1"), &[], &[]);
    assert_eq!(all.len(), 8);
    assert!(all.iter().all(|one| one.version_match == VersionMatch::Missing));
    let old = check_constellation(&of("0.23.0"), &[], &[]);
    assert_eq!(old.len(), 7, "0.23.0 knows no resource controller");
}

#[test]
fn a_file_without_a_tag_compares_controllers_only() {
    let text = r#"{"cluster-api": "v1.14.0", "cluster-api-provider-openstack": "v0.15.0"}"#;
    let file = Constellation { chart: None, dependencies: Dependencies::parse(text).unwrap() };
    let clusters = [release("c9", "openstack-cluster", "0.10.1", "deployed")];
    let all = check_constellation(&file, &as_tested("0.25.1"), &clusters);
    let older: Vec<_> = all.iter().filter(|c| c.version_match == VersionMatch::Older).collect();
    assert_eq!(older.len(), 4);
    let last = all.last().unwrap();
    assert_eq!((last.version_match, &last.remedy), (VersionMatch::NotNamed, &None));
}
