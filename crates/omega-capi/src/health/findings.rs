use std::collections::BTreeMap;

use omega_core::{Evidence, Finding, Subject};

use super::{Diagnosis, HealthCause, Layer};

const SOURCE: &str =
    "cluster-api 1.13.2, api/core/v1beta2; magnum-capi-helm, common/capi_monitor.py";

/// One fact that shows a cause.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    summary: String,
    evidence: Vec<Evidence>,
}

impl Fact {
    pub(super) fn new(
        summary: impl Into<String>,
        evidence: impl IntoIterator<Item = Evidence>,
    ) -> Self {
        Self { summary: summary.into(), evidence: evidence.into_iter().collect() }
    }

    /// Adds a message of another program, unless it is empty.
    pub(super) fn quoting(mut self, message: &str) -> Self {
        self.evidence.extend((!message.is_empty()).then(|| Evidence::sentence(message)));
        self
    }

    /// Puts the topic in front.
    pub(super) fn about(self, about: &str, shown: Evidence) -> Self {
        let Self { summary, evidence } = self;
        Self::new(format!("{about}: {summary}"), [shown].into_iter().chain(evidence))
    }

    /// Adds another detail.
    pub(super) fn and(mut self, more: &str, shown: Evidence) -> Self {
        self.evidence.push(shown);
        Self { summary: format!("{}, {more}", self.summary), ..self }
    }

    /// A fact without a value.
    pub(super) fn holds(what: &str) -> Self {
        Self::new(what, [Evidence::holds(what)])
    }
}

/// Findings by layer and cause, from the bottom up.
#[derive(Debug)]
pub(super) struct Findings {
    subject: Subject,
    all: BTreeMap<(Layer, HealthCause), Vec<Finding>>,
}

impl Findings {
    pub(super) fn about(subject: Subject) -> Self {
        Self { subject, all: BTreeMap::new() }
    }

    /// Adds a fact, unless it is there already.
    pub(super) fn add(&mut self, cause: HealthCause, layer: Layer, fact: Fact) {
        let Fact { summary, evidence } = fact;
        let known = self.all.entry((layer, cause)).or_default();
        if known.iter().all(|one| one.summary != summary) {
            let finding = Finding::broken(cause.rule(), self.subject.clone(), summary)
                .severity(cause.severity())
                .shown_by(evidence)
                .remedy(cause.next())
                .source(SOURCE);
            known.push(finding);
        }
    }

    /// Returns the keys of `causes` so far.
    pub(super) fn of(&self, causes: &[HealthCause]) -> Vec<(HealthCause, Layer)> {
        let has = self.all.keys().filter(|(_, cause)| causes.contains(cause));
        has.map(|(layer, cause)| (*cause, *layer)).collect()
    }

    pub(super) fn has_fault_below(&self, above: Layer) -> bool {
        self.all.keys().any(|(layer, cause)| *layer < above && cause.is_fault())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn diagnoses(self) -> Vec<Diagnosis> {
        let all = self.all.into_iter();
        all.map(|((layer, cause), findings)| Diagnosis { cause, layer, findings }).collect()
    }
}
