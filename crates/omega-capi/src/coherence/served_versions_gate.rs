use async_trait::async_trait;
use omega_core::{
    CheckRule, Diagnostic as _, Evidence, Failure, Gate, Label as _, Subject, Verdict,
};

use crate::{
    Error, Management,
    coherence::rule,
    coherence::{Combination, chart_emits, check_compatibility},
    served::discover_versions,
};
use omega_core::Finding;
use omega_driver::driver_reads;

/// Whether the management cluster serves what the driver reads and the chart creates. One request
/// ([`discover_versions`]).
#[derive(Clone, Debug)]
pub struct ServedVersionsGate {
    /// The management cluster.
    pub management: Management,
    /// What has to work with it.
    pub combination: Combination,
}

impl ServedVersionsGate {
    /// Returns what does not work together, worst first.
    ///
    /// # Errors
    ///
    /// Fails if the served versions can't be read.
    pub async fn findings(&self) -> Result<Vec<Finding>, Error> {
        Ok(check_compatibility(&discover_versions(&self.management).await?, &self.combination))
    }

    fn verdict(&self, findings: &[Finding]) -> Verdict {
        let Combination { driver, overrides, chart } = &self.combination;
        let reads = driver_reads(driver, overrides).iter().filter(|read| read.needed()).count();
        let mut evidence = vec![Evidence::count(&format!("kinds read by driver {driver}"), reads)];
        if let Some((chart, writes)) = chart.as_ref().and_then(|c| Some((c, chart_emits(c)?))) {
            let what = format!("kinds created by chart {chart}");
            evidence.push(Evidence::count(&what, writes.len()));
        }
        evidence.push(Evidence::holds("all served at those versions"));
        rule::verdict(findings, evidence)
    }
}

impl ServedVersionsGate {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("served-versions", &["D-028", "D-042"]);
}

#[async_trait]
impl Gate for ServedVersionsGate {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("versions", format!("served by {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let message = "could not read which versions the management cluster serves";
        match self.findings().await {
            Ok(findings) => Ok(self.verdict(&findings)),
            Err(error) => {
                let failure = Failure::from_error(message, &error);
                Err(Failure { touched: error.touched(), ..failure })
            }
        }
    }
}
