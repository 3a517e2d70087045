//! What was found, and what follows from it: a refusal, a gate.

use std::collections::BTreeMap;

use async_trait::async_trait;
use omega_core::{Diagnostic as _, Failure, FailureClass, Gate, Label as _, Subject, Verdict};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Finding, Management, Rule, Setup, Severity, check_coherence, finding, served_versions,
};

/// Everything that was found, worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[must_use = "ask it for its refusal, or show its findings"]
pub struct Coherence {
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Why a graft must not go on, for a program to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The version of this form.
    pub schema: u32,
    /// What is refused, worst first: only what is [`Severity::Broken`] and was not accepted.
    pub findings: Vec<Finding>,
    /// What the operator accepted although it is broken.
    pub accepted: Vec<Finding>,
}

impl Coherence {
    /// Returns the refusal, unless nothing is broken or all that is was `accepted`.
    ///
    /// Not everything can be accepted: [`Rule::can_be_accepted`].
    pub fn refusal(&self, accepted: &[Rule]) -> Option<Refusal> {
        let taken = |f: &&Finding| accepted.contains(&f.rule) && f.rule.can_be_accepted();
        let broken = self.findings.iter().filter(|f| f.severity == Severity::Broken);
        let (accepted, findings): (Vec<&Finding>, Vec<&Finding>) = broken.partition(taken);
        let owned = |all: Vec<&Finding>| all.into_iter().cloned().collect::<Vec<_>>();
        let (accepted, findings) = (owned(accepted), owned(findings));
        (!findings.is_empty()).then_some(Refusal { schema: 1, findings, accepted })
    }

    /// Returns what a gate says: that all of it fits, with what is worth a warning and what was
    /// `accepted`.
    ///
    /// # Errors
    ///
    /// The refusal, if there is one.
    pub fn judge(&self, setup: &Setup, accepted: &[Rule]) -> Result<Verdict, Refusal> {
        if let Some(refusal) = self.refusal(accepted) {
            return Err(refusal);
        }
        let Setup { driver, chart, templates, .. } = setup;
        let chart = chart.clone().unwrap_or_else(|| driver.default_chart());
        let templates = match templates.len() {
            1 => "1 template".to_owned(),
            several => format!("{several} templates"),
        };
        let mut evidence = format!("driver {driver}, chart {chart} and {templates} fit");
        let (broken, rest): (Vec<Finding>, Vec<Finding>) =
            self.findings.iter().cloned().partition(|f| f.severity == Severity::Broken);
        for Finding { rule, what, .. } in broken {
            evidence = format!("{evidence}; accepted ({rule}): {what}");
        }
        Ok(finding::verdict(&rest, evidence))
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
    /// The first finding's remedy is what to do next; every finding is a cause, and the whole is
    /// the detail.
    fn from(refusal: Refusal) -> Self {
        let message = "driver, chart, Cluster API and templates do not fit together";
        let mut failure = Self::new(FailureClass::Refused, message);
        failure.next = refusal.findings.first().map(|finding| finding.remedy.clone());
        let cause =
            |f: &Finding| format!("{}: {} ({}; {})", f.rule, f.what, f.evidence, f.decision);
        failure.causes = refusal.findings.iter().map(cause).collect();
        failure.detail = serde_json::to_value(&refusal).ok();
        failure
    }
}

/// Whether all of it fits, asked of the management cluster.
///
/// What is broken and was not accepted is a [`Refusal`], and so a failure of class
/// [`FailureClass::Refused`] with the refusal as its detail.
///
/// It costs two requests or a few more (see [`served_versions`]); a gate that costs one is
/// [`ServedVersionsFit`](crate::ServedVersionsFit).
#[derive(Clone, Debug)]
pub struct Coherent {
    /// The cluster that is asked.
    pub management: Management,
    /// What is to work on it.
    pub setup: Setup,
    /// What the operator accepts although it is broken.
    pub accepted: Vec<Rule>,
}

impl Coherent {
    /// Returns everything that was found.
    ///
    /// # Errors
    ///
    /// Fails if the management cluster can't be asked.
    pub async fn coherence(&self) -> Result<Coherence, Error> {
        Ok(check_coherence(&served_versions(&self.management).await?, &self.setup))
    }
}

#[async_trait]
impl Gate for Coherent {
    fn rule(&self) -> &'static str {
        "coherent"
    }

    fn subject(&self) -> Subject {
        Subject::new("coherence", format!("of driver, chart and {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let message = "could not ask how the management cluster's kinds are defined";
        match self.coherence().await {
            Ok(found) => found.judge(&self.setup, &self.accepted).map_err(Failure::from),
            Err(error) => {
                let failure = Failure::from_error(message, &error);
                Err(Failure { touched: error.touched(), ..failure })
            }
        }
    }
}
