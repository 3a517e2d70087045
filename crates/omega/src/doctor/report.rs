//! What was found, layer by layer, and what to fix first.

use omega_core::{Evidence, Severity};
use serde::{Deserialize, Serialize};

use super::{Layer, LayerFinding, layer_result::LayerResult};

/// The state of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LayerState {
    /// It was checked, and nothing is wrong.
    Ok,
    /// It must be fixed.
    Broken,
    /// Something is wrong here too, but may be fixed by fixing the first cause.
    Follows,
    /// It works, but something does not have the effect that it seems to have, or will soon stop.
    Warning,
    /// Something is in progress that should end by itself.
    Waiting,
    /// It could not be checked.
    Unknown,
    /// It was not checked: see [`LayerReport::not_asked`].
    NotAsked,
}

/// A layer with its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerReport {
    /// The layer.
    pub layer: Layer,
    /// The workload cluster, by its `stack_id`, for the layers that each cluster has.
    pub cluster: Option<String>,
    /// Its state.
    pub state: LayerState,
    /// What was observed there, apart from the findings.
    pub evidence: Vec<Evidence>,
    /// Why it was not checked, if it was not.
    pub not_asked: Option<String>,
    /// The findings: by severity, then in the order of fixing.
    pub findings: Vec<LayerFinding>,
}

/// The layers and their findings, from the bottom up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether something must be fixed.
    pub broken: bool,
    /// What to fix first.
    pub first: Option<LayerFinding>,
    /// The layers: those of the site, then those of each cluster.
    pub layers: Vec<LayerReport>,
}

impl LayerReport {
    /// Returns the layer in one line: the most important finding, or else what was observed.
    pub fn summary(&self) -> String {
        let worst = self.findings.first().filter(|one| one.finding.severity != Severity::Note);
        if let Some(LayerFinding { cluster, finding, .. }) = worst {
            let name = &finding.subject.name;
            let shown = !name.is_empty() && cluster.as_ref() != Some(name);
            return if shown {
                format!("{name}: {}", finding.summary)
            } else {
                finding.summary.clone()
            };
        }
        match &self.not_asked {
            Some(why) if self.state == LayerState::NotAsked => format!("not checked: {why}"),
            _ => self.evidence.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }
}

impl Report {
    /// Sorts the layers, and chooses what to fix first.
    pub(super) fn new(results: Vec<LayerResult>) -> Self {
        let mut results = LayerResult::joined(results);
        results.sort_by(|a, b| (&a.cluster, a.layer).cmp(&(&b.cluster, b.layer)));
        let all = results.iter().flat_map(|one| &one.findings);
        let broken = all.filter(|one| one.finding.severity == Severity::Broken);
        let first = broken.min_by_key(|one| (one.depth(), &one.cluster)).cloned();
        let layers = results.into_iter().map(|one| layer(one, first.as_ref())).collect();
        Self { broken: first.is_some(), first, layers }
    }
}

fn layer(result: LayerResult, first: Option<&LayerFinding>) -> LayerReport {
    let LayerResult { layer, cluster, evidence, not_asked, mut findings } = result;
    findings.sort_by_key(|one| (rank(one.finding.severity), one.depth()));
    let state = match findings.first().map(|one| one.finding.severity) {
        Some(Severity::Broken) => broken(&findings, cluster.as_ref(), first),
        Some(Severity::Unknown) => LayerState::Unknown,
        Some(Severity::Warning) => LayerState::Warning,
        Some(Severity::Waiting) => LayerState::Waiting,
        Some(_) | None if not_asked.is_some() && evidence.is_empty() => LayerState::NotAsked,
        Some(_) | None => LayerState::Ok,
    };
    LayerReport { layer, cluster, state, evidence, not_asked, findings }
}

/// How important a finding is for its layer. A check that could not be made may hide anything, so it
/// comes before a warning or a wait.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Broken => 0,
        Severity::Unknown => 1,
        Severity::Warning => 2,
        Severity::Waiting => 3,
        Severity::Note => 4,
        _ => 5,
    }
}

/// Whether a broken layer has its own cause, or may follow from `first`.
fn broken(
    findings: &[LayerFinding],
    cluster: Option<&String>,
    first: Option<&LayerFinding>,
) -> LayerState {
    let here = first.is_some_and(|first| findings.contains(first));
    // One cluster does not depend on another.
    let of_another =
        first.is_some_and(|one| one.cluster.is_some() && one.cluster.as_ref() != cluster);
    if here || of_another { LayerState::Broken } else { LayerState::Follows }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
