//! What was found, and what follows from it: a refusal, a gate.

use std::collections::BTreeMap;

use async_trait::async_trait;
use omega_core::{Class, Explain as _, Failure, Gate, Label as _, Subject, Verdict};
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
    /// The first finding's remedy is what to do next; every finding is a cause.
    fn from(refusal: Refusal) -> Self {
        let message = "driver, chart, Cluster API and templates do not fit together";
        let mut failure = Self::new(Class::Refused, message);
        failure.next = refusal.findings.first().map(|finding| finding.remedy.clone());
        let cause = |f: &Finding| format!("{} ({}; {})", f.what, f.evidence, f.decision);
        failure.causes = refusal.findings.iter().map(cause).collect();
        failure
    }
}

/// Whether all of it fits, asked of the management cluster.
///
/// It costs two requests or a few more (see [`served_versions`]); the gate of a graft that must
/// cost one is [`ServedVersionsFit`](crate::ServedVersionsFit).
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
    fn subject(&self) -> Subject {
        Subject::new("coherence", format!("of driver, chart and {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let message = "could not ask how the management cluster's kinds are defined";
        match self.coherence().await {
            Ok(found) => {
                let refused = found.refusal(&self.accepted).map(|refusal| refusal.findings);
                let rest = found.findings.into_iter().filter(|f| f.severity != Severity::Broken);
                let findings: Vec<Finding> = refused.into_iter().flatten().chain(rest).collect();
                let Setup { driver, chart, templates, .. } = &self.setup;
                let chart = chart.clone().unwrap_or_else(|| driver.default_chart());
                let templates = templates.len();
                let evidence =
                    format!("driver {driver}, chart {chart} and {templates} templates fit");
                Ok(finding::verdict(&findings, evidence))
            }
            Err(error) => {
                let failure = Failure::from_error(message, &error);
                Err(Failure { touched: error.touched(), ..failure })
            }
        }
    }
}
