use std::{collections::BTreeSet, fmt::Write as _};

use omega_core::{Evidence, Failure};
use semver::Version;

use super::{Coherence, CoherenceInputs, check_coherence};
use crate::{
    coherence::{Rule, TemplateFacts},
    constellation::{Component, Dependencies},
    served::{ServedApis, apis_of_dependencies, apis_of_releases},
};
use omega_core::Severity;
use omega_driver::DriverRelease;

const CORES: [&str; 3] = ["1.10.4", "1.13.2", "1.16.0"];
const PROVIDERS: [&str; 5] = ["0.10.4", "0.11.3", "0.12.4", "0.14.4", "0.15.0"];
const CHARTS: [&str; 7] = ["0.4.0", "0.10.1", "0.11.0", "0.23.0", "0.25.1", "0.27.0", "0.28.0"];
const V1BETA1: &str = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"}}"#;
const V1BETA2: &str = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
const OVERRIDES: [Option<&str>; 5] = [None, Some("{}"), Some(V1BETA1), Some(V1BETA2), Some("{},")];

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn surface(core: &str, provider: &str) -> ServedApis {
    apis_of_releases(&version(core), &version(provider)).unwrap()
}

fn setup(
    driver: &DriverRelease,
    api_resources: Option<&str>,
    chart: Option<&str>,
) -> CoherenceInputs {
    let api_resources = api_resources.map(Into::into);
    CoherenceInputs {
        driver: driver.clone(),
        api_resources,
        chart: chart.map(version),
        templates: Vec::new(),
    }
}

fn broken(coherence: &Coherence) -> BTreeSet<Rule> {
    let broken = coherence.findings.iter().filter(|f| f.severity == Severity::Broken);
    broken.filter_map(Rule::of).collect()
}

fn said(coherence: &Coherence) -> String {
    let mut table = String::new();
    for finding in &coherence.findings {
        let (rule, severity) = (Rule::of(finding).unwrap(), finding.severity);
        let (what, decision) = (&finding.summary, finding.decision.as_deref().unwrap());
        let (remedy, evidence) =
            (finding.remedy.as_deref().unwrap(), Evidence::line(&finding.evidence));
        writeln!(table, "{severity:?} {rule:?} {decision}: {what}").unwrap();
        writeln!(table, "    {evidence}\n    -> {remedy}").unwrap();
    }
    table
}

/// Without Cluster API, not each kind that the driver and the chart would use is a finding.
#[test]
fn where_nothing_of_cluster_api_is_served_that_is_the_cause() {
    let mut bare = surface("1.13.2", "0.14.4");
    bare.served.groups.clear();
    bare.definitions.clear();
    let found = check_coherence(&bare, &setup(&DriverRelease::v1_4_0(), None, Some("0.25.1")));
    let broken = found.findings.iter().filter(|f| f.severity == Severity::Broken);
    let rules: Vec<Rule> = broken.filter_map(Rule::of).collect();
    assert_eq!(rules, [Rule::UnservedRead, Rule::UnsafeDelete]);
    assert!(found.findings[0].summary.ends_with("this is no management cluster"));
}

/// What must be broken, derived independently: which versions the driver and the chart use, and which
/// are served.
fn expected(
    core: &str,
    provider: &str,
    driver: &DriverRelease,
    overrides: Option<&str>,
    chart: &str,
) -> BTreeSet<Rule> {
    let new = *driver == DriverRelease::v1_4_0();
    let moved = new && overrides == Some(V1BETA2);
    let gone = core == "1.16.0";
    let cluster = if moved { core != "1.10.4" } else { !gone };
    let at_least = |text: &str, other: &str| version(text) >= version(other);
    let facts = [
        (Rule::UnreadableOverride, new && overrides == Some("{},")),
        (Rule::UnsafeDelete, !cluster),
        (Rule::UnservedRead, gone || !cluster || (!new && at_least(provider, "0.11.0"))),
        (Rule::MovedRead, moved),
        (
            Rule::UnservedWrite,
            chart != "0.28.0"
                && (gone || (!at_least(chart, "0.11.0") && at_least(provider, "0.12.0"))),
        ),
    ];
    facts.into_iter().filter_map(|(rule, holds)| holds.then_some(rule)).collect()
}

#[test]
fn every_combination_is_broken_where_the_facts_say_so_and_nowhere_else() {
    let mut asked = 0;
    for core in CORES {
        for provider in PROVIDERS {
            let surface = surface(core, provider);
            for driver in DriverRelease::known() {
                for overrides in OVERRIDES {
                    for chart in CHARTS {
                        let found =
                            check_coherence(&surface, &setup(&driver, overrides, Some(chart)));
                        let expected = expected(core, provider, &driver, overrides, chart);
                        let name = format!("{core} {provider} {driver} {overrides:?} {chart}");
                        assert_eq!(broken(&found), expected, "{name}");
                        assert_eq!(found.refusal(&[]).is_some(), !expected.is_empty(), "{name}");
                        let all = &found.findings;
                        assert!(all.is_sorted_by(|a, b| a.severity <= b.severity), "{name}");
                        for finding in all {
                            let texts = [&finding.summary, finding.remedy.as_ref().unwrap()];
                            assert!(texts.iter().all(|text| !text.is_empty()), "{name}");
                            assert!(!finding.evidence.is_empty(), "{name}");
                            assert!(finding.source.is_some(), "{name}");
                            let decision = finding.decision.as_ref().unwrap();
                            assert!(decision.starts_with("D-0"), "{name}");
                        }
                        asked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(asked, 3 * 5 * 5 * 5 * 7);
}

/// Each chart with the core and the provider that it was tested with.
#[test]
fn which_driver_works_with_which_chart() {
    let mut table = String::new();
    for tag in Dependencies::tags() {
        let dependencies = Dependencies::of(tag).unwrap();
        let of = |component| dependencies.version(component).unwrap();
        let (core, provider) = (of(Component::ClusterApi), of(Component::OpenstackProvider));
        write!(table, "{tag} (core {core}, provider {provider}):").unwrap();
        match apis_of_dependencies(dependencies) {
            Err(unknown) => writeln!(table, " {unknown}").unwrap(),
            Ok(surface) => {
                for driver in DriverRelease::known() {
                    let chart = tag.to_string();
                    let found = check_coherence(&surface, &setup(&driver, None, Some(&chart)));
                    let rules: Vec<_> = broken(&found).iter().map(|r| format!("{r:?}")).collect();
                    let rules = if rules.is_empty() { "fits".into() } else { rules.join("+") };
                    write!(table, " {driver} {rules}").unwrap();
                }
                writeln!(table).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_good_setup_as_it_is_said() {
    let found = check_coherence(
        &surface("1.13.2", "0.14.4"),
        &setup(&DriverRelease::v1_4_0(), None, Some("0.25.1")),
    );
    insta::assert_snapshot!("good", said(&found));
    assert_eq!(found.refusal(&[]), None);
    assert_eq!(found.counts(), [(Severity::Note, 2)].into());
}

#[test]
fn everything_that_can_be_wrong_as_it_is_said() {
    let mut world = surface("1.13.2", "0.14.4");
    for definition in &mut world.definitions {
        if definition.plural == "openstackmachinetemplates" {
            definition.contracts.clear();
        }
        if definition.plural == "openstackmachines" {
            definition.contracts = [("v1beta1".to_owned(), vec!["v1alpha7".to_owned()])].into();
        }
        if definition.plural == "kubeadmconfigs" {
            definition.contracts = [("v1beta2".to_owned(), vec![])].into();
        }
    }
    let core = world.served.groups.get_mut("cluster.x-k8s.io").unwrap();
    core.retain(|version| version.version != "v1beta1");
    let flannel = TemplateFacts {
        name: "old".into(),
        coe: "kubernetes".into(),
        server_type: "vm".into(),
        network_driver: Some("flannel".into()),
        clusters: 1,
        ..TemplateFacts::default()
    };
    let setup = CoherenceInputs {
        templates: vec![flannel],
        ..setup(&DriverRelease::v1_4_0(), Some(""), None)
    };
    insta::assert_snapshot!("everything", said(&check_coherence(&world, &setup)));
}

#[test]
fn at_v1_16_no_driver_may_delete() {
    for driver in DriverRelease::known() {
        let setup = setup(&driver, None, Some("0.25.1"));
        let found = check_coherence(&surface("1.16.0", "0.14.4"), &setup);
        assert_eq!(
            Rule::of(&found.findings[0]),
            Some(Rule::UnsafeDelete),
            "{driver}: it comes first"
        );
        assert_eq!(
            found.findings[0].remedy.as_deref().unwrap(),
            "delete no cluster; serve v1beta1 again: kubectl edit crd clusters.cluster.x-k8s.io"
        );
    }
    // If v1beta1 is not even defined, it can't be served again.
    let mut later = surface("1.16.0", "0.14.4");
    for definition in &mut later.definitions {
        definition.versions.retain(|version| version.name != "v1beta1");
    }
    let found = check_coherence(&later, &setup(&DriverRelease::v1_4_0(), None, Some("0.25.1")));
    let remedy = found.findings[0].remedy.as_deref().unwrap();
    assert!(remedy.starts_with("delete no cluster; stay below Cluster API v1.16"), "{remedy}");
    // An override breaks health and creates, but the Cluster is found.
    let moved = setup(&DriverRelease::v1_4_0(), Some(V1BETA2), Some("0.25.1"));
    let rules = broken(&check_coherence(&surface("1.16.0", "0.14.4"), &moved));
    assert!(!rules.contains(&Rule::UnsafeDelete) && rules.contains(&Rule::MovedRead), "{rules:?}");
}

#[test]
fn an_old_driver_ignores_whatever_the_option_says() {
    let world = surface("1.10.4", "0.10.4");
    for text in [V1BETA2, "{},", ""] {
        let found =
            check_coherence(&world, &setup(&DriverRelease::v1_3_0(), Some(text), Some("0.11.0")));
        let rules: Vec<_> =
            found.findings.iter().map(|f| (Rule::of(f).unwrap(), f.severity)).collect();
        assert_eq!(rules, [(Rule::IgnoredOverride, Severity::Warning)], "{text}");
    }
}

#[test]
fn without_a_chart_the_drivers_own_is_judged() {
    let world = surface("1.13.2", "0.14.4");
    for driver in DriverRelease::known() {
        let found = check_coherence(&world, &setup(&driver, None, None));
        assert!(broken(&found).contains(&Rule::UnservedWrite), "{driver}");
        let own = found.findings.iter().find(|f| Rule::of(f) == Some(Rule::DefaultChart)).unwrap();
        let expected = if driver == DriverRelease::v1_1_0() { "0.4.0" } else { "0.10.1" };
        assert!(own.summary.ends_with(expected), "{}", own.summary);
    }
}

#[test]
fn a_refusal_is_for_programs_and_can_be_accepted_but_for_what_cannot_be_undone() {
    let world = surface("1.13.2", "0.14.4");
    let old = check_coherence(&world, &setup(&DriverRelease::v1_3_0(), None, Some("0.10.1")));
    let refusal = old.refusal(&[]).unwrap();
    insta::assert_snapshot!("refusal", serde_json::to_string_pretty(&refusal).unwrap());
    let some = old.refusal(&[Rule::UnservedRead]).unwrap();
    assert_eq!((some.findings.len(), some.accepted.len()), (1, 1));
    assert_eq!(old.refusal(&[Rule::UnservedRead, Rule::UnservedWrite]), None);
    let failure = Failure::from(refusal);
    assert_eq!(failure.class, omega_core::FailureClass::Refused);
    assert_eq!(failure.touched, omega_core::Touched::Nothing);
    assert_eq!(failure.causes.len(), 2);
    assert_eq!(failure.next.as_deref(), Some("pin magnum-capi-helm 1.4.0, which reads v1beta1"));
    let all = [Rule::UnsafeDelete, Rule::UnservedRead, Rule::UnservedWrite, Rule::MovedRead];
    let gone = surface("1.16.0", "0.14.4");
    let found = check_coherence(&gone, &setup(&DriverRelease::v1_4_0(), None, Some("0.25.1")));
    let left = found.refusal(&all).unwrap();
    assert!(left.findings.iter().all(|f| Rule::of(f) == Some(Rule::UnsafeDelete)), "{left:?}");
    let found =
        check_coherence(&world, &setup(&DriverRelease::v1_4_0(), Some("x"), Some("0.25.1")));
    assert!(found.refusal(&[Rule::UnreadableOverride]).is_some());
}

/// kubernetes-sigs/cluster-api-provider-openstack#2863.
#[test]
fn a_version_that_objects_may_still_be_stored_in_is_told() {
    let mut apis = surface("1.13.2", "0.14.4");
    let name = "openstackclusters";
    let one = apis.definitions.iter_mut().find(|one| one.plural == name).unwrap();
    let told = |apis: &ServedApis| {
        let inputs = setup(&DriverRelease::v1_4_0(), None, Some("0.25.1"));
        let findings = check_coherence(apis, &inputs).findings;
        findings.into_iter().find(|one| Rule::of(one) == Some(Rule::StoredVersion))
    };
    one.stored = vec!["v1alpha6".to_owned(), "v1beta1".to_owned()];
    let found = told(&apis).unwrap();
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.summary.contains("may still be stored in v1alpha6"), "{}", found.summary);
    assert_eq!(Evidence::line(&found.evidence), "storedVersions v1alpha6, v1beta1");
    let one = apis.definitions.iter_mut().find(|one| one.plural == name).unwrap();
    one.stored = vec!["v1beta1".to_owned()];
    assert_eq!(told(&apis), None);
    // Still served: the next release does not drop it.
    let clusters = apis.definitions.iter_mut().find(|one| one.plural == "clusters").unwrap();
    clusters.stored = vec!["v1beta1".to_owned(), "v1beta2".to_owned()];
    assert_eq!(told(&apis).unwrap().severity, Severity::Note);
}
