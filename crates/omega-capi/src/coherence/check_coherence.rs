//! Whether driver, chart, core, provider and templates fit together: every question of it.

use omega_core::Diagnostic as _;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{
    Coherence, Combination, Driver, Finding, GroupVersion, OverrideError, Overrides, Rule,
    Severity, Surface, TemplateFacts, age, chart_emits,
    compatibility::{CORE, HOLD, KNOWN, check_compatibility, unknown_option},
    contracts, delete_unsafe, driver_reads, finding, templates,
};

/// What is to work together, beside the management cluster itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The driver that magnum-conductor imports.
    pub driver: Driver,
    /// Its option `api_resources` as it is written on one line; `None`: it is not set.
    pub api_resources: Option<String>,
    /// Its option `default_helm_chart_version`; `None`: it is not set.
    pub chart: Option<Version>,
    /// Magnum's cluster templates; those of other drivers are passed over.
    pub templates: Vec<TemplateFacts>,
}

/// Asks every question of `surface` and `setup`. Pure; [`check_compatibility`] is a part of it.
///
/// `surface` comes from a management cluster ([`served_versions`](crate::served_versions)) or, without one, from the tables
/// of the releases ([`offline_surface`](crate::offline_surface)).
///
/// ```
/// use omega_capi::{Driver, Rule, Setup, check_coherence, offline_surface};
///
/// let surface = offline_surface(&"1.13.2".parse()?, &"0.14.4".parse()?)?;
/// let chart = Some("0.25.1".parse()?);
/// let old = Setup { driver: Driver::V1_3_0, api_resources: None, chart, templates: vec![] };
/// let refusal = check_coherence(&surface, &old).refusal(&[]).ok_or("it should be refused")?;
/// assert_eq!(refusal.findings[0].rule, Rule::UnservedRead);
/// assert_eq!(refusal.findings[0].decision, "D-042");
/// let new = Setup { driver: Driver::V1_4_0, ..old };
/// assert_eq!(check_coherence(&surface, &new).refusal(&[]), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_coherence(surface: &Surface, setup: &Setup) -> Coherence {
    let mut findings = Vec::new();
    let overrides = match setup.api_resources.as_deref().map(Overrides::of_line) {
        None => Overrides::default(),
        Some(Ok(overrides)) => overrides,
        Some(Err(error)) => {
            findings.push(if setup.driver.reads_overrides() {
                unreadable(&error)
            } else {
                unknown_option(setup.driver)
            });
            Overrides::default()
        }
    };
    let chart = setup.chart.clone().unwrap_or_else(|| setup.driver.default_chart());
    let combination = Combination { driver: setup.driver, overrides, chart: Some(chart.clone()) };
    findings.extend(delete_unsafe(surface, &combination));
    findings.extend(check_compatibility(&surface.served, &combination));
    findings.extend(contracts::missing(surface));
    findings.extend(setup.chart.is_none().then(|| default_chart(setup.driver, &chart)));
    findings.extend(templates::findings(surface, setup.driver, &chart, &setup.templates));
    findings.extend(unsettled(surface));
    findings.extend(coming_removal(surface, &combination));
    finding::sort(&mut findings);
    Coherence { findings }
}

fn unreadable(error: &OverrideError) -> Finding {
    let imports = matches!(error, OverrideError::Value { .. });
    let at = if imports {
        "it is used at the driver's first read (1.4.0, kubernetes.py:224)"
    } else {
        "it is parsed while the driver is imported, in magnum-api and magnum-conductor alike \
         (1.4.0, kubernetes.py:308)"
    };
    Finding {
        rule: Rule::UnreadableOverride,
        severity: Severity::Broken,
        what: format!("api_resources: {error}, and {}", error.outcome()),
        evidence: at.to_owned(),
        decision: "D-042".to_owned(),
        remedy: error.next().unwrap_or_default(),
    }
}

fn default_chart(driver: Driver, chart: &Version) -> Finding {
    Finding {
        rule: Rule::DefaultChart,
        severity: Severity::Warning,
        what: format!("no chart is set, so driver {driver} installs its own default, {chart}"),
        evidence: "default_helm_chart_version is not set".to_owned(),
        decision: "D-036".to_owned(),
        remedy: "set default_helm_chart_version to the tag whose dependencies.json is installed"
            .to_owned(),
    }
}

fn unsettled(surface: &Surface) -> Option<Finding> {
    let missing = surface.unsettled();
    let first = missing.first()?;
    Some(Finding {
        rule: Rule::UnsettledDefinition,
        severity: Severity::Warning,
        what: format!("the API server does not serve what is defined: {}", missing.join(", ")),
        evidence: "the definition says `served: true`; discovery does not list it".to_owned(),
        decision: "D-042".to_owned(),
        remedy: format!(
            "wait some seconds and ask again; if it stays: kubectl describe crd {}",
            first.split_once('/').map_or(first.as_str(), |(name, _)| name)
        ),
    })
}

/// What Cluster API v1.16 takes away, while it is there.
fn coming_removal(surface: &Surface, combination: &Combination) -> Option<Finding> {
    let versions: Vec<&str> = surface.served.versions_of("cluster.x-k8s.io", "clusters").collect();
    let newer = versions.iter().any(|version| age(version) > age(KNOWN));
    if !versions.contains(&KNOWN) || !newer {
        return None;
    }
    let Combination { driver, overrides, chart } = combination;
    let goes = |at: &GroupVersion| CORE.contains(&at.group.as_str()) && at.version == KNOWN;
    let reads = driver_reads(*driver, overrides).into_iter().filter(|read| goes(&read.at));
    let mut lost = vec![format!("driver {driver}: {}", list(reads.map(|read| read.plural)))];
    let emitted = chart.as_ref().and_then(|chart| Some((chart, chart_emits(chart)?)));
    if let Some((chart, emitted)) = emitted {
        let kinds = emitted.into_iter().filter(|one| goes(&one.at)).map(|one| one.kind);
        lost.push(format!("chart {chart}: {}", list(kinds)));
    }
    let labels = list(contracts::only_v1beta1(surface).into_iter().map(|d| d.kind.clone()));
    if !labels.is_empty() {
        lost.push(format!("only of contract v1beta1: {labels}"));
    }
    Some(Finding {
        rule: Rule::ComingRemoval,
        severity: Severity::Note,
        what: "Cluster API serves v1beta1 as deprecated; v1.16 (planned for April 2027) will not \
               serve it, and no released driver can do without"
            .to_owned(),
        evidence: format!("clusters: {}; lost then: {}", versions.join(", "), lost.join("; ")),
        decision: "D-042".to_owned(),
        remedy: HOLD.to_owned(),
    })
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "check_coherence_tests.rs"]
mod tests;
