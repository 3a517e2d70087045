use omega_core::{Diagnostic as _, Evidence, Subject};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{
    coherence::compatibility::{CORE, HOLD, KNOWN, check_compatibility, unknown_option},
    coherence::contracts,
    coherence::rule,
    coherence::templates,
    coherence::{Coherence, Combination, Rule, TemplateFacts, chart_emits, delete_unsafe},
    served::{Definition, ServedApis, age},
};
use omega_core::{Finding, Severity};
use omega_driver::{DriverRelease, GroupVersion, OverrideError, Overrides, driver_reads};

/// What has to work together with the management cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoherenceInputs {
    /// The driver that magnum-conductor imports.
    pub driver: DriverRelease,
    /// Its option `api_resources` as it is written, on one line; `None` if not set.
    pub api_resources: Option<String>,
    /// Its option `default_helm_chart_version`; `None` if not set.
    pub chart: Option<Version>,
    /// Magnum's cluster templates. Those of other drivers are ignored.
    pub templates: Vec<TemplateFacts>,
}

/// Runs every check of `apis` and `inputs`, [`check_compatibility`] included. Pure.
///
/// `apis` comes from a management cluster ([`read_served_apis`](crate::served::read_served_apis)) or
/// from the tables of releases ([`apis_of_releases`](crate::served::apis_of_releases)).
///
/// ```
/// use omega_capi::coherence::{CoherenceInputs, Rule, check_coherence};
/// use omega_capi::served::apis_of_releases;
/// use omega_driver::DriverRelease;
///
/// let apis = apis_of_releases(&"1.13.2".parse()?, &"0.14.4".parse()?)?;
/// let chart = Some("0.25.1".parse()?);
/// let driver = DriverRelease::v1_3_0();
/// let old = CoherenceInputs { driver, api_resources: None, chart, templates: vec![] };
/// let refusal = check_coherence(&apis, &old).refusal(&[]).ok_or("it should be refused")?;
/// assert_eq!(Rule::of(&refusal.findings[0]), Some(Rule::UnservedRead));
/// assert_eq!(refusal.findings[0].decision.as_deref(), Some("D-042"));
/// let new = CoherenceInputs { driver: DriverRelease::v1_4_0(), ..old };
/// assert_eq!(check_coherence(&apis, &new).refusal(&[]), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_coherence(apis: &ServedApis, inputs: &CoherenceInputs) -> Coherence {
    let mut findings = Vec::new();
    let overrides = match inputs.api_resources.as_deref().map(Overrides::of_line) {
        None => Overrides::default(),
        Some(Ok(overrides)) => overrides,
        Some(Err(error)) => {
            findings.push(if inputs.driver.reads_overrides() {
                unreadable(&error)
            } else {
                unknown_option(&inputs.driver)
            });
            Overrides::default()
        }
    };
    let chart = inputs.chart.clone().unwrap_or_else(|| inputs.driver.default_chart());
    let combination =
        Combination { driver: inputs.driver.clone(), overrides, chart: Some(chart.clone()) };
    let unsafe_delete = delete_unsafe(apis, &combination);
    let compatibility = check_compatibility(&apis.served, &combination);
    if apis.served.has_group(CORE[0]) {
        findings.extend(unsafe_delete.into_iter().chain(compatibility));
    } else {
        // Without Cluster API, that is the cause.
        findings.extend(compatibility.into_iter().chain(unsafe_delete));
    }
    findings.extend(contracts::missing(apis));
    findings.extend(inputs.chart.is_none().then(|| default_chart(&inputs.driver, &chart)));
    findings.extend(templates::findings(apis, &inputs.driver, &chart, &inputs.templates));
    findings.extend(unsettled(apis));
    findings.extend(apis.definitions.iter().filter_map(|one| stored(apis, one)));
    findings.extend(coming_removal(apis, &combination));
    rule::sort(&mut findings);
    Coherence { findings }
}

fn unreadable(error: &OverrideError) -> Finding {
    let at = if error.is_importable() {
        "it is evaluated at the driver's first read (1.4.0, kubernetes.py:224)"
    } else {
        "it is parsed when magnum-api and magnum-conductor import the driver (1.4.0, \
         kubernetes.py:308)"
    };
    let what = format!("api_resources: {error}, and {}", error.outcome());
    let subject = Subject::new("option", "api_resources");
    let finding = Rule::UnreadableOverride.finding(Severity::Broken, subject, what);
    finding.shown_by([Evidence::holds(at)]).remedy(error.next().unwrap_or_default())
}

fn default_chart(driver: &DriverRelease, chart: &Version) -> Finding {
    let what = format!("no chart is set: driver {driver} installs its default, {chart}");
    let subject = Subject::new("option", "default_helm_chart_version");
    let finding = Rule::DefaultChart.finding(Severity::Warning, subject, what);
    finding
        .shown_by([Evidence::holds("default_helm_chart_version is not set")])
        .remedy("set default_helm_chart_version to the tag whose dependencies.json is installed")
}

fn unsettled(apis: &ServedApis) -> Option<Finding> {
    let missing = apis.unsettled();
    let first = missing.first()?;
    let name = first.split_once('/').map_or(first.as_str(), |(name, _)| name);
    let subject = Subject::new("definition", name);
    let what = format!("defined versions are not served: {}", missing.join(", "));
    let finding = Rule::UnsettledDefinition.finding(Severity::Warning, subject, what);
    let evidence = "`served: true` in the definition, but not in discovery";
    let remedy =
        format!("wait some seconds and check again; if it stays: kubectl describe crd {name}");
    Some(finding.shown_by([Evidence::holds(evidence)]).remedy(remedy))
}

/// Warns of versions that objects may still be stored in. The API server refuses a definition without
/// one of them, and so an upgrade of the provider that drops it (`status.storedVersions: Invalid value`).
fn stored(apis: &ServedApis, definition: &Definition) -> Option<Finding> {
    let outdated: Vec<&str> = definition.outdated().collect();
    let first = outdated.first()?;
    let name = definition.name();
    let served: Vec<&str> =
        apis.served.versions_of(&definition.group, &definition.plural).collect();
    // What is not served any more is what the next release drops.
    let next = outdated.iter().any(|version| !served.contains(version));
    let severity = if next { Severity::Warning } else { Severity::Note };
    let what = format!(
        "objects of {name} may still be stored in {}: an upgrade that drops it is refused",
        outdated.join(", ")
    );
    let subject = Subject::new("definition", &name);
    let finding = Rule::StoredVersion.finding(severity, subject, what);
    Some(finding.shown_by([Evidence::list("storedVersions", &definition.stored)]).remedy(format!(
        "before the upgrade write each object again (kubectl get {name} -A -o json | kubectl replace -f \
         -), then take {first} out: kubectl patch crd {name} --subresource=status --type=merge -p \
         '{{\"status\":{{\"storedVersions\":[...]}}}}'"
    )))
}

/// Warns of what Cluster API v1.16 will remove, while it is still served.
fn coming_removal(apis: &ServedApis, combination: &Combination) -> Option<Finding> {
    let versions: Vec<&str> = apis.served.versions_of("cluster.x-k8s.io", "clusters").collect();
    let newer = versions.iter().any(|version| age(version) > age(KNOWN));
    if !versions.contains(&KNOWN) || !newer {
        return None;
    }
    let Combination { driver, overrides, chart } = combination;
    let removed = |at: &GroupVersion| CORE.contains(&at.group.as_str()) && at.version == KNOWN;
    let reads = driver_reads(driver, overrides).into_iter().filter(|read| removed(&read.at));
    let plurals = reads.map(|read| read.plural);
    let mut evidence = vec![
        Evidence::list("clusters are served at", versions),
        Evidence::list(&format!("removed for driver {driver}:"), plurals),
    ];
    let emitted = chart.as_ref().and_then(|chart| Some((chart, chart_emits(chart)?)));
    if let Some((chart, emitted)) = emitted {
        let kinds = emitted.into_iter().filter(|one| removed(&one.at)).map(|one| one.kind);
        evidence.push(Evidence::list(&format!("removed for chart {chart}:"), kinds));
    }
    let labels: Vec<String> =
        contracts::only_v1beta1(apis).into_iter().map(|d| d.kind.clone()).collect();
    if !labels.is_empty() {
        evidence.push(Evidence::list("only contract v1beta1 is implemented by", labels));
    }
    let what = "v1beta1 of Cluster API is deprecated; v1.16 (planned for April 2027) will not serve \
                it, and every released driver needs it";
    let subject = Subject::new("definition", "clusters.cluster.x-k8s.io");
    let finding = Rule::ComingRemoval.finding(Severity::Note, subject, what);
    Some(finding.shown_by(evidence).remedy(HOLD))
}

#[cfg(test)]
#[path = "check_coherence_tests.rs"]
mod tests;
