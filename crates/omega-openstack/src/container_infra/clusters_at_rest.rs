//! Whether Magnum is working on a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};

use super::ClusterList;

/// The gate that no cluster is being created, changed or deleted, before the conductor is restarted.
///
/// It warns and stops nothing: what the conductor handed to Cluster API goes on without it, and what it
/// had not yet handed over stays `IN_PROGRESS` (nothing in Magnum takes it up again).
#[derive(Clone, Debug)]
pub struct ClustersAtRest {
    /// The list.
    pub clusters: ClusterList,
}

impl ClustersAtRest {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("clusters-at-rest", &[]);
}

#[async_trait]
impl Gate for ClustersAtRest {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("magnum", "is working on no cluster")
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let clusters = self.clusters.read().await?;
        let busy = clusters.iter().filter(|one| {
            one.status.as_deref().is_some_and(|status| status.ends_with("_IN_PROGRESS"))
        });
        let busy: Vec<String> =
            busy.map(|one| format!("{} is {}", one.name, one.status_text())).collect();
        if busy.is_empty() {
            return Ok(Verdict::shown([Evidence::holds("none in progress")]));
        }
        let why = format!("{}: a restart of the conductor may interrupt it", busy.join(", "));
        let finding = Finding::broken(self.rule(), self.subject(), why)
            .severity(Severity::Warning)
            .remedy("wait until it is complete, or look at it after the restart: omega-cli doctor");
        Ok(Verdict::fail(finding))
    }
}
