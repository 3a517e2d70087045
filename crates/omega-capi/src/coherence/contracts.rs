//! The contract labels by which Cluster API's core finds the version of a provider's kind.

use crate::{
    coherence::Rule,
    coherence::compatibility::CORE,
    served::{Definition, ServedApis, age},
};
use omega_core::{Evidence, Finding, Severity, Subject};

const CLUSTER: (&str, &str) = ("cluster.x-k8s.io", "clusters");
/// The kinds that the core, or an object that it creates, references without a version.
const REFERRED: [(&str, &str); 6] = [
    ("infrastructure.cluster.x-k8s.io", "openstackclusters"),
    ("infrastructure.cluster.x-k8s.io", "openstackmachines"),
    ("infrastructure.cluster.x-k8s.io", "openstackmachinetemplates"),
    ("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes"),
    ("bootstrap.cluster.x-k8s.io", "kubeadmconfigs"),
    ("bootstrap.cluster.x-k8s.io", "kubeadmconfigtemplates"),
];

/// Returns the contracts that the installed core accepts, in its order: v1beta2 and, for now, v1beta1
/// (1.11 to 1.15), or only v1beta1 (1.10 and earlier).
///
/// Source: cluster-api 1.13.2, `internal/contract/version.go`, `GetCompatibleVersions`.
fn accepted(surface: &ServedApis) -> &'static [&'static str] {
    let cluster = surface.definition(CLUSTER.0, CLUSTER.1);
    let newer = cluster.is_some_and(|d| d.versions.iter().any(|v| v.name == "v1beta2" && v.served));
    if newer { &["v1beta2", "v1beta1"] } else { &["v1beta1"] }
}

/// Returns the version that the core selects for `definition`: the newest that the first accepted
/// contract with a non-empty label lists.
fn selected<'a>(definition: &'a Definition, accepted: &[&str]) -> Option<&'a str> {
    let listed = accepted.iter().filter_map(|contract| definition.contracts.get(*contract));
    let first = listed.into_iter().find(|versions| !versions.is_empty())?;
    first.iter().map(String::as_str).max_by_key(|version| age(version))
}

/// Returns a finding for each kind whose labels don't select a served version.
///
/// The effects were tested with core, bootstrap and control plane 1.13.2 and helm 3.17.3, with one
/// label removed at a time. For kinds that a Cluster, a control plane or a `MachineDeployment`
/// references, helm fails with the webhook's message. For kinds that only a Machine references, helm
/// succeeds, the Machine stays Provisioning, and the reason is in the core's log. With a label that
/// lists an unserved version helm succeeds too, and the Cluster's `InfrastructureReady` is Unknown.
pub(crate) fn missing(surface: &ServedApis) -> Vec<Finding> {
    if surface.definition(CLUSTER.0, CLUSTER.1).is_none() {
        return Vec::new(); // without a core nothing needs the labels
    }
    let accepted = accepted(surface);
    let defined = REFERRED.iter().filter_map(|(group, plural)| surface.definition(group, plural));
    defined.filter_map(|definition| finding(surface, definition, accepted)).collect()
}

fn finding(surface: &ServedApis, definition: &Definition, accepted: &[&str]) -> Option<Finding> {
    let name = definition.name();
    let (what, remedy) = if let Some(version) = selected(definition, accepted) {
        let mut served = surface.served.versions_of(&definition.group, &definition.plural);
        if served.any(|other| other == version) {
            return None;
        }
        let what = format!(
            "the labels of {name} make Cluster API's core use {version}, which is not served: it \
             finds no {}, and a create never ends",
            definition.kind
        );
        (what, format!("serve {version}, or {}", reinstall(definition)))
    } else {
        let labels = accepted.iter().map(|contract| format!("cluster.x-k8s.io/{contract}"));
        let labels = labels.collect::<Vec<_>>().join(" or ");
        let outcome = outcome(definition, accepted);
        let what = format!("{name} has no label {labels}: {outcome}");
        (what, format!("label it, or {}", reinstall(definition)))
    };
    let subject = Subject::new("definition", &name);
    let finding = Rule::MissingContract.finding(Severity::Broken, subject, what);
    Some(finding.shown_by(evidence(definition)).remedy(remedy))
}

fn outcome(definition: &Definition, accepted: &[&str]) -> &'static str {
    if accepted.len() < 2 {
        "the core never reconciles a cluster, and a create never ends"
    } else if ["openstackmachines", "kubeadmconfigs"].contains(&definition.plural.as_str()) {
        "the core finds no version of it, no machine is created, and a create never ends"
    } else {
        "the core's webhook refuses references to it (`cannot find any versions matching contract \
         versions`), and the helm release fails"
    }
}

fn reinstall(definition: &Definition) -> &'static str {
    if CORE.contains(&definition.group.as_str()) {
        "apply the release of Cluster API again: its manifests have the labels"
    } else {
        "apply the provider's release again: its manifests have the labels, config/crd/bases \
         does not"
    }
}

fn evidence(definition: &Definition) -> Vec<Evidence> {
    if definition.contracts.is_empty() {
        return vec![Evidence::holds("it has no contract label")];
    }
    let one = |(contract, versions): (&String, &Vec<String>)| {
        let label = format!("label cluster.x-k8s.io/{contract}");
        match versions.as_slice() {
            [] => Evidence::holds(&format!("{label} is empty")),
            versions => Evidence::text(&label, versions.join("_")),
        }
    };
    definition.contracts.iter().map(one).collect()
}

/// Returns the kinds that only implement contract v1beta1.
pub(crate) fn only_v1beta1(surface: &ServedApis) -> Vec<&Definition> {
    let lacks = |definition: &&Definition| selected(definition, &["v1beta2"]).is_none();
    let defined = REFERRED.iter().filter_map(|(group, plural)| surface.definition(group, plural));
    defined.filter(lacks).collect()
}

#[cfg(test)]
mod tests {
    use super::missing;
    use crate::served::{ServedApis, apis_of_releases};

    const PROVIDER: &str = "infrastructure.cluster.x-k8s.io";

    fn surface(core: &str, provider: &str) -> ServedApis {
        apis_of_releases(&core.parse().unwrap(), &provider.parse().unwrap()).unwrap()
    }

    /// Each contract with the versions that it lists.
    type Labels<'a> = &'a [(&'a str, &'a [&'a str])];

    fn relabel(surface: &mut ServedApis, plural: &str, labels: Labels<'_>) {
        let all = surface.definitions.iter_mut();
        let one = all.into_iter().find(|d| d.group == PROVIDER && d.plural == plural).unwrap();
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        one.contracts = labels.iter().map(|(key, all)| ((*key).to_owned(), texts(all))).collect();
    }

    #[test]
    fn every_release_carries_the_labels_that_its_time_needs() {
        for core in ["1.5.1", "1.10.4", "1.11.0", "1.13.2"] {
            for provider in ["0.10.4", "0.11.3", "0.12.4", "0.14.4", "0.15.0"] {
                assert_eq!(missing(&surface(core, provider)), [], "{core} {provider}");
            }
        }
    }

    #[test]
    fn what_the_labels_must_say() {
        let cases: [(&str, Labels<'_>, Option<&str>); 8] = [
            ("none", &[], Some("has no label cluster.x-k8s.io/v1beta2 or")),
            ("empty", &[("v1beta1", &[])], Some("has no label")),
            ("old", &[("v1alpha4", &["v1beta1"])], Some("has no label")),
            ("right", &[("v1beta1", &["v1beta1"])], None),
            ("list", &[("v1beta1", &["v1beta1", "v1alpha7"])], None),
            (
                "unserved",
                &[("v1beta1", &["v1alpha7"])],
                Some("make Cluster API's core use v1alpha7"),
            ),
            // v1beta2 is looked for first, and found.
            (
                "first",
                &[("v1beta1", &["v1beta1"]), ("v1beta2", &["v1beta2"])],
                Some("make Cluster API's core use v1beta2"),
            ),
            ("empty first", &[("v1beta1", &["v1beta1"]), ("v1beta2", &[])], None),
        ];
        for (name, labels, expected) in cases {
            let mut surface = surface("1.13.2", "0.14.4");
            relabel(&mut surface, "openstackclusters", labels);
            let found = missing(&surface);
            match expected {
                None => assert_eq!(found, [], "{name}"),
                Some(words) => {
                    assert_eq!(found.len(), 1, "{name}: no other kind is blamed");
                    assert!(found[0].summary.contains(words), "{name}: {}", found[0].summary);
                    let kind = "openstackclusters.infrastructure.cluster.x-k8s.io";
                    assert!(found[0].summary.contains(kind), "{name}: {}", found[0].summary);
                }
            }
        }
    }

    #[test]
    fn an_old_core_does_not_know_v1beta2() {
        let mut old = surface("1.10.4", "0.15.0");
        relabel(&mut old, "openstackmachines", &[("v1beta2", &["v1beta2"])]);
        let found = missing(&old);
        assert_eq!(found.len(), 1);
        assert!(found[0].summary.contains("never reconciles"), "{}", found[0].summary);
    }

    #[test]
    fn where_there_is_no_core_nobody_looks() {
        let mut bare = surface("1.13.2", "0.14.4");
        bare.definitions.retain(|definition| definition.group == PROVIDER);
        relabel(&mut bare, "openstackclusters", &[]);
        assert_eq!(missing(&bare), []);
    }
}
