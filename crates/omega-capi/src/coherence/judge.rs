use std::collections::BTreeMap;

use omega_core::{Evidence, Failure, FailureClass, Finding, Severity, Verdict};
use serde::{Deserialize, Serialize};

use crate::coherence::{CoherenceInputs, Rule, rule};

/// The result of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[must_use = "check its refusal, or show its findings"]
pub struct Coherence {
    /// The findings, worst first.
    pub findings: Vec<Finding>,
}

/// Why a graft must not continue, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The version of this format: 2. (Version 1 had another format of findings.)
    pub schema: u32,
    /// The findings that are [`Severity::Broken`] and were not accepted, worst first.
    pub findings: Vec<Finding>,
    /// The broken findings that the operator accepted.
    pub accepted: Vec<Finding>,
}

impl Coherence {
    /// Returns the refusal if a broken finding is not `accepted`, or can't be
    /// ([`Rule::can_be_accepted`]).
    pub fn refusal(&self, accepted: &[Rule]) -> Option<Refusal> {
        let taken = |f: &&Finding| {
            Rule::of(f).is_some_and(|rule| accepted.contains(&rule) && rule.can_be_accepted())
        };
        let broken = self.findings.iter().filter(|f| f.severity == Severity::Broken);
        let (accepted, findings): (Vec<&Finding>, Vec<&Finding>) = broken.partition(taken);
        let owned = |all: Vec<&Finding>| all.into_iter().cloned().collect::<Vec<_>>();
        let (accepted, findings) = (owned(accepted), owned(findings));
        (!findings.is_empty()).then_some(Refusal { schema: 2, findings, accepted })
    }

    /// Returns the verdict of a gate, with the warnings and what was `accepted`.
    ///
    /// # Errors
    ///
    /// The refusal, if there is one.
    pub fn judge(&self, inputs: &CoherenceInputs, accepted: &[Rule]) -> Result<Verdict, Refusal> {
        if let Some(refusal) = self.refusal(accepted) {
            return Err(refusal);
        }
        let CoherenceInputs { driver, chart, templates, .. } = inputs;
        let chart = chart.clone().unwrap_or_else(|| driver.default_chart());
        let mut evidence = vec![
            Evidence::text("driver", driver.to_string()),
            Evidence::text("chart", chart.to_string()),
            Evidence::count("templates", templates.len()),
            Evidence::holds("all compatible"),
        ];
        let (broken, rest): (Vec<Finding>, Vec<Finding>) =
            self.findings.iter().cloned().partition(|f| f.severity == Severity::Broken);
        evidence.extend(broken.into_iter().map(|Finding { rule, summary, .. }| {
            Evidence::text(&format!("accepted ({rule}):"), summary)
        }));
        Ok(rule::verdict(&rest, evidence))
    }

    /// Returns how many findings there are of each severity.
    pub fn counts(&self) -> BTreeMap<Severity, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.severity).or_default() += 1;
        }
        counts
    }
}

impl From<Refusal> for Failure {
    /// The next step is the first finding's remedy. Every finding is a cause, and the whole refusal is
    /// the detail.
    fn from(refusal: Refusal) -> Self {
        let message = "driver, chart, Cluster API and templates are not compatible";
        let mut failure = Self::new(FailureClass::Refused, message);
        failure.next = refusal.findings.first().and_then(|finding| finding.remedy.clone());
        let cause = |f: &Finding| {
            let decision = f.decision.as_deref().unwrap_or_default();
            format!("{}: {} ({}; {decision})", f.rule, f.summary, Evidence::line(&f.evidence))
        };
        failure.causes = refusal.findings.iter().map(cause).collect();
        failure.detail = serde_json::to_value(&refusal).ok();
        failure
    }
}
