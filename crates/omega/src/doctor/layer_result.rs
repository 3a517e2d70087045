//! What one question about a layer brought.

use omega_core::Evidence;

use super::{Layer, LayerFinding};

/// What was seen and found at a layer. Several results may be of the same layer.
#[derive(Clone, Debug)]
pub(super) struct LayerResult {
    pub(super) layer: Layer,
    /// Of which cluster, for the layers that each cluster has.
    pub(super) cluster: Option<String>,
    /// What was seen.
    pub(super) evidence: Vec<Evidence>,
    /// Why nothing was asked.
    pub(super) not_asked: Option<String>,
    pub(super) findings: Vec<LayerFinding>,
}

impl LayerResult {
    /// Returns the result of a layer that the site has once.
    pub(super) fn new(layer: Layer) -> Self {
        Self { layer, cluster: None, evidence: Vec::new(), not_asked: None, findings: Vec::new() }
    }

    /// Returns the result of a layer that `stack` has.
    pub(super) fn of_cluster(layer: Layer, stack: &str) -> Self {
        Self { cluster: Some(stack.to_owned()), ..Self::new(layer) }
    }

    /// Says that nothing was asked, and why.
    pub(super) fn not_asked(self, why: impl Into<String>) -> Self {
        Self { not_asked: Some(why.into()), ..self }
    }

    /// Adds what was seen.
    pub(super) fn shown_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds what was found. At a layer of a cluster it is of that cluster.
    pub(super) fn with(mut self, found: impl IntoIterator<Item = LayerFinding>) -> Self {
        let cluster = self.cluster.as_deref();
        self.findings.extend(found.into_iter().map(|one| match cluster {
            Some(stack) => one.of_cluster(stack),
            None => one,
        }));
        self
    }

    /// Joins the results of the same layer of the same cluster.
    pub(super) fn joined(all: Vec<Self>) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::new();
        for one in all {
            let place = |of: &Self| (of.layer, of.cluster.clone());
            match joined.iter_mut().find(|other| place(other) == place(&one)) {
                None => joined.push(one),
                Some(other) => {
                    other.evidence.extend(one.evidence);
                    other.findings.extend(one.findings);
                    other.not_asked = other.not_asked.take().or(one.not_asked);
                }
            }
        }
        joined
    }
}
