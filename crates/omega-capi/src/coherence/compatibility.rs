use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{
    coherence::rule,
    coherence::{ChartObject, Rule, chart_emits},
    served::{ServedVersions, age},
};
use omega_core::{Evidence, Finding, Severity, Subject};
use omega_driver::{
    Answer404, DriverRelease, GroupVersion, Overrides, Read, ReadClass, WithoutEffect, driver_reads,
};

/// What has to work together on one management cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combination {
    /// The driver that magnum-conductor imports.
    pub driver: DriverRelease,
    /// Its option `api_resources`.
    pub overrides: Overrides,
    /// The chart that it installs, if known.
    pub chart: Option<Version>,
}

/// Cluster API's own groups, which lose v1beta1 in v1.16.
pub(crate) const CORE: [&str; 3] =
    ["cluster.x-k8s.io", "controlplane.cluster.x-k8s.io", "bootstrap.cluster.x-k8s.io"];
/// The only version whose conditions and fields the driver understands, in all releases.
pub(crate) const KNOWN: &str = "v1beta1";
pub(crate) const HOLD: &str = "stay below Cluster API v1.16";
/// What to do where nothing of Cluster API is served.
pub(crate) const NO_CORE: &str =
    "check that the kubeconfig is of the management cluster; or install Cluster API";

/// Returns what does not work together, worst first. Pure.
pub fn check_compatibility(served: &ServedVersions, combination: &Combination) -> Vec<Finding> {
    let Combination { driver, overrides, chart } = combination;
    if !CORE.iter().any(|group| served.has_group(group)) {
        // One cause is one finding: not each kind that the driver and the chart would use.
        return std::iter::once(no_core(driver)).chain(ignored(driver, overrides)).collect();
    }
    let reads = driver_reads(driver, overrides);
    let mut findings = unserved_reads(served, driver, &reads);
    findings.extend(reads.iter().filter(|read| read.moved).filter_map(|read| moved(served, read)));
    findings.extend(ignored(driver, overrides));
    if let Some(chart) = chart {
        findings.extend(unserved_writes(served, chart));
    }
    rule::sort(&mut findings);
    findings
}

fn no_core(driver: &DriverRelease) -> Finding {
    let what = "no kind of Cluster API is served: this is no management cluster";
    let subject = Subject::new("driver", driver.to_string());
    let finding = Rule::UnservedRead.finding(Severity::Broken, subject, what);
    let evidence = Evidence::holds(&format!("nothing of {} is served", CORE.join(", ")));
    finding.decision("D-034").shown_by([evidence]).remedy(NO_CORE)
}

fn unserved_reads(served: &ServedVersions, driver: &DriverRelease, reads: &[Read]) -> Vec<Finding> {
    let missing = |read: &&Read| !served.serves(&read.at, &read.plural);
    let mut by_version: BTreeMap<&GroupVersion, Vec<&Read>> = BTreeMap::new();
    for read in reads.iter().filter(|read| read.needed()).filter(missing) {
        by_version.entry(&read.at).or_default().push(read);
    }
    let finding = |(at, reads): (&GroupVersion, Vec<&Read>)| {
        let plurals: Vec<&str> = reads.iter().map(|read| read.plural.as_str()).collect();
        let list = plurals.join(", ");
        let moved = reads.iter().any(|read| read.moved);
        let outcome = outcome(&reads);
        let summary =
            format!("driver {driver} reads {list} at {at}, which is not served: {outcome}");
        let subject = Subject::new("driver", driver.to_string());
        let finding = Rule::UnservedRead.finding(Severity::Broken, subject, summary);
        let finding = finding.decision(decision(served, at));
        finding.shown_by(evidence(served, at, &plurals)).remedy(if moved {
            "remove api_resources".to_owned()
        } else {
            remedy(served, at, &plurals)
        })
    };
    by_version.into_iter().map(finding).collect()
}

/// Returns the effect of a failed read, from the driver's source and tests on real services.
fn outcome(reads: &[&Read]) -> &'static str {
    let has = |class: ReadClass| reads.iter().any(|read| read.class == class);
    if has(ReadClass::Cluster) {
        "it treats every cluster as deleted, a create never ends, and a delete reports success but \
         leaves the cluster running without an owner"
    } else if has(ReadClass::OpenstackCluster) {
        "healthy clusters become UNHEALTHY, `Infrastructure resource not found.`"
    } else if has(ReadClass::K8sControlPlane) || has(ReadClass::MachineDeployment) {
        "node groups never become ready"
    } else if reads.iter().any(|read| read.on_404 == Answer404::Raises) {
        "the status update fails, so the status never changes"
    } else {
        "a create is reported as complete before its addons are installed"
    }
}

fn decision(served: &ServedVersions, at: &GroupVersion) -> &'static str {
    if served.has_group(&at.group) { "D-042" } else { "D-034" }
}

fn evidence(served: &ServedVersions, at: &GroupVersion, plurals: &[&str]) -> Vec<Evidence> {
    if !served.has_group(&at.group) {
        return vec![Evidence::holds(&format!("nothing of {} is served", at.group))];
    }
    let one = |plural: &&str| {
        let versions: Vec<&str> = served.versions_of(&at.group, plural).collect();
        let name = format!("{plural}.{}", at.group);
        if versions.is_empty() {
            Evidence::holds(&format!("{name} is not served"))
        } else {
            Evidence::list(&format!("{name} is served at"), versions)
        }
    };
    plurals.iter().map(one).collect()
}

fn remedy(served: &ServedVersions, at: &GroupVersion, plurals: &[&str]) -> String {
    let versions = || plurals.iter().flat_map(|plural| served.versions_of(&at.group, plural));
    let provider = "the version in the chart's dependencies.json";
    if versions().next().is_none() {
        return format!("install the provider of {}, at {provider}", at.group);
    }
    if at.version != KNOWN && versions().any(|version| version == KNOWN) {
        return "pin magnum-capi-helm 1.4.0, which reads v1beta1".to_owned();
    }
    if versions().any(|version| age(version) > age(&at.version)) {
        let hold = if CORE.contains(&at.group.as_str()) {
            HOLD
        } else {
            "stay at OpenStack provider v0.14"
        };
        return format!(
            "{hold}, or go back to a release that serves {}; api_resources does not help: it \
             changes the path, but not the fields that the driver reads",
            at.version
        );
    }
    format!("upgrade the provider of {} to {provider}", at.group)
}

/// Returns the effect of a read that `api_resources` moves to a version whose status the driver does
/// not understand; `None` for any other read. It does not depend on what is served.
pub fn misread(read: &Read) -> Option<String> {
    let Read { class, at, moved, plural: _, on_404: _, .. } = read;
    let outcome = match class {
        ReadClass::Cluster => "health stays UNHEALTHY and a create IN_PROGRESS forever",
        ReadClass::K8sControlPlane => "the control plane never becomes ready",
        ReadClass::OpenstackCluster => "`Infrastructure not ready.` forever",
        ReadClass::MachineDeployment => "health stays UNHEALTHY forever",
        ReadClass::Machine
        | ReadClass::Manifests
        | ReadClass::HelmRelease
        | ReadClass::HelmChartProxy => {
            return None; // the driver does not read their status
        }
    };
    (*moved && age(&at.version) > age(KNOWN)).then(|| {
        let class = class.name();
        format!(
            "api_resources makes the driver read {class} at {at}, whose status has other fields: \
             {outcome}"
        )
    })
}

/// Returns a finding for an override to a served version.
fn moved(served: &ServedVersions, read: &Read) -> Option<Finding> {
    let class = read.class.name();
    let at = &read.at;
    let (severity, what) = if let Some(what) = misread(read) {
        (Severity::Broken, what)
    } else if served.serves(at, &read.plural) {
        let plural = &read.plural;
        (Severity::Warning, format!("api_resources makes the driver read {class} at {at}/{plural}"))
    } else {
        return None; // reported as unserved
    };
    let evidence =
        format!("driver 1.4.0 only changes the path, and still reads the fields of {KNOWN}");
    let finding = Rule::MovedRead.finding(severity, option(), what);
    let remedy = format!("remove {class} from api_resources; its {KNOWN} must be served");
    Some(finding.shown_by([Evidence::holds(&evidence)]).remedy(remedy))
}

fn option() -> Subject {
    Subject::new("option", "api_resources")
}

fn warning(what: String, evidence: Evidence, remedy: impl Into<String>) -> Finding {
    let finding = Rule::IgnoredOverride.finding(Severity::Warning, option(), what);
    finding.shown_by([evidence]).remedy(remedy)
}

pub(super) fn unknown_option(driver: &DriverRelease) -> Finding {
    let what = format!("driver {driver} does not have the option api_resources");
    let evidence = Evidence::text("the first release with it is", "1.4.0");
    warning(what, evidence, "pin 1.4.0, or remove the option")
}

/// Returns findings for overrides that the driver silently ignores.
fn ignored(driver: &DriverRelease, overrides: &Overrides) -> Vec<Finding> {
    if overrides.0.is_empty() {
        return Vec::new();
    }
    if !driver.reads_overrides() {
        return vec![unknown_option(driver)];
    }
    let one = |found: WithoutEffect| match found {
        WithoutEffect::Entry { name, near } => {
            let names = ReadClass::ALL.map(ReadClass::name);
            let remedy = near.map_or("remove it".to_owned(), |c| format!("write {}", c.name()));
            let what = format!("api_resources has an entry `{name}`, which the driver ignores");
            Some(warning(what, Evidence::list("the driver's names are", names), remedy))
        }
        WithoutEffect::PluralName { class } => {
            let what = format!("the driver ignores the plural_name of {}", class.name());
            let evidence = Evidence::text("it only reads the plural_name of", "K8sControlPlane");
            Some(warning(what, evidence, "remove it"))
        }
        WithoutEffect::Key { class, key } => {
            let what = format!("the driver ignores the key `{key}` of {}", class.name());
            let evidence = Evidence::list("it only reads", ["api_version", "plural_name"]);
            Some(warning(what, evidence, "remove it"))
        }
        _ => None,
    };
    overrides.without_effect().into_iter().filter_map(one).collect()
}

pub(crate) fn unserved_writes(served: &ServedVersions, chart: &Version) -> Vec<Finding> {
    let subject = || Subject::new("chart", chart.to_string());
    let Some(emitted) = chart_emits(chart) else {
        let what = format!("it is not known which versions chart {chart} uses");
        let finding = Rule::UnknownChart.finding(Severity::Warning, subject(), what);
        let evidence = Evidence::text("known releases:", "0.4.0 to 0.27.0");
        let remedy = "check the output of `helm template` before the first create";
        return vec![finding.shown_by([evidence]).remedy(remedy)];
    };
    let mut by_version: BTreeMap<&GroupVersion, Vec<&ChartObject>> = BTreeMap::new();
    for one in emitted.iter().filter(|one| !served.serves(&one.at, &one.plural)) {
        by_version.entry(&one.at).or_default().push(one);
    }
    let finding = |(at, emitted): (&GroupVersion, Vec<&ChartObject>)| {
        let kinds = emitted.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>().join(", ");
        let plurals: Vec<&str> = emitted.iter().map(|one| one.plural.as_str()).collect();
        let current = GroupVersion { group: at.group.clone(), version: KNOWN.to_owned() };
        let newer = at.version != KNOWN && plurals.iter().all(|p| served.serves(&current, p));
        let what = format!(
            "chart {chart} creates {kinds} at {at}, which is not served: a create fails with helm's \
             `no matches for kind`"
        );
        let finding = Rule::UnservedWrite.finding(Severity::Broken, subject(), what);
        finding.shown_by(evidence(served, at, &plurals)).remedy(if newer {
            "set default_helm_chart_version to 0.25.1, which uses v1beta1".to_owned()
        } else {
            remedy(served, at, &plurals)
        })
    };
    by_version.into_iter().map(finding).collect()
}

#[cfg(test)]
#[path = "compatibility_tests.rs"]
mod tests;
