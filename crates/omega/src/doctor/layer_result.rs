//! The result of one check of a layer.

use omega_core::Evidence;

use super::{Layer, LayerFinding};

/// What was observed and found at a layer. One layer can have several results.
#[derive(Clone, Debug)]
pub(super) struct LayerResult {
    pub(super) layer: Layer,
    /// The cluster, for the layers that each cluster has.
    pub(super) cluster: Option<String>,
    /// What was observed.
    pub(super) evidence: Vec<Evidence>,
    /// Why it was not checked.
    pub(super) not_asked: Option<String>,
    pub(super) findings: Vec<LayerFinding>,
}

impl LayerResult {
    /// Returns the result of a layer of the site.
    pub(super) fn new(layer: Layer) -> Self {
        Self { layer, cluster: None, evidence: Vec::new(), not_asked: None, findings: Vec::new() }
    }

    /// Returns the result of a layer of the cluster `stack`.
    pub(super) fn of_cluster(layer: Layer, stack: &str) -> Self {
        Self { cluster: Some(stack.to_owned()), ..Self::new(layer) }
    }

    /// Sets why it was not checked.
    pub(super) fn not_asked(self, why: impl Into<String>) -> Self {
        Self { not_asked: Some(why.into()), ..self }
    }

    /// Adds what was observed.
    pub(super) fn shown_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds findings. At a layer of a cluster they belong to that cluster.
    pub(super) fn with(mut self, found: impl IntoIterator<Item = LayerFinding>) -> Self {
        let cluster = self.cluster.as_deref();
        self.findings.extend(found.into_iter().map(|one| match cluster {
            Some(stack) => one.of_cluster(stack),
            None => one,
        }));
        self
    }

    /// Merges the results of the same layer of the same cluster.
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
