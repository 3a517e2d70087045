//! The gate: everything that is read and written is served.

use async_trait::async_trait;
use omega_core::{Diagnostic as _, Failure, Gate, Label as _, Subject, Verdict};

use crate::{
    Combination, Error, Finding, Management, chart_emits, check_compatibility, discover_versions,
    driver_reads, finding,
};

/// Whether the management cluster serves what the driver reads and what the chart writes.
///
/// It costs one request (see [`discover_versions`]).
#[derive(Clone, Debug)]
pub struct ServedVersionsFit {
    /// The cluster that is asked.
    pub management: Management,
    /// What is to work on it.
    pub combination: Combination,
}

impl ServedVersionsFit {
    /// Returns everything that does not fit, worst first.
    ///
    /// # Errors
    ///
    /// Fails if the management cluster can't be asked.
    pub async fn findings(&self) -> Result<Vec<Finding>, Error> {
        Ok(check_compatibility(&discover_versions(&self.management).await?, &self.combination))
    }

    fn verdict(&self, findings: &[Finding]) -> Verdict {
        let Combination { driver, overrides, chart } = &self.combination;
        let reads = driver_reads(*driver, overrides).iter().filter(|read| read.needed()).count();
        let mut evidence = format!("driver {driver} reads {reads} kinds");
        if let Some((chart, writes)) = chart.as_ref().and_then(|c| Some((c, chart_emits(c)?))) {
            evidence = format!("{evidence}, chart {chart} writes {}", writes.len());
        }
        evidence.push_str(": served at those versions");
        finding::verdict(findings, evidence)
    }
}

#[async_trait]
impl Gate for ServedVersionsFit {
    fn rule(&self) -> &'static str {
        "served-versions"
    }

    fn subject(&self) -> Subject {
        Subject::new("versions", format!("served by {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let message = "could not ask which versions the management cluster serves";
        match self.findings().await {
            Ok(findings) => Ok(self.verdict(&findings)),
            Err(error) => {
                let failure = Failure::from_error(message, &error);
                Err(Failure { touched: error.touched(), ..failure })
            }
        }
    }
}
