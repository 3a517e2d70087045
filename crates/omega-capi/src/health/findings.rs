//! What is being found out, by layer.

use std::collections::BTreeMap;

use super::{Diagnosis, HealthCause, Layer};

/// Facts by what they show. The order of the keys is from the bottom up.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<(Layer, HealthCause), Vec<String>>);

impl Findings {
    /// Adds one fact, once.
    pub(super) fn add(&mut self, cause: HealthCause, layer: Layer, fact: impl Into<String>) {
        let facts = self.0.entry((layer, cause)).or_default();
        let fact = fact.into();
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }

    /// Returns where there is something of `causes` so far.
    pub(super) fn of(&self, causes: &[HealthCause]) -> Vec<(HealthCause, Layer)> {
        let has = self.0.keys().filter(|(_, cause)| causes.contains(cause));
        has.map(|(layer, cause)| (*cause, *layer)).collect()
    }

    pub(super) fn has_fault_below(&self, above: Layer) -> bool {
        self.0.keys().any(|(layer, cause)| *layer < above && cause.is_fault())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn diagnoses(self) -> Vec<Diagnosis> {
        let diagnosis =
            |((layer, cause), evidence): (_, Vec<String>)| Diagnosis { cause, layer, evidence };
        self.0.into_iter().map(diagnosis).collect()
    }
}
