//! Whether Magnum's API answers.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Gate, Subject, Verdict};

use super::ClusterList;

/// The gate that Magnum lists the clusters, so that its API and its database work.
#[derive(Clone, Debug)]
pub struct MagnumResponds {
    /// The list.
    pub clusters: ClusterList,
}

impl MagnumResponds {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("magnum-responds", &[]);
}

#[async_trait]
impl Gate for MagnumResponds {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("magnum", "lists its clusters")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let clusters = self.clusters.read().await?;
        let capi = clusters.iter().filter(|cluster| cluster.is_capi()).count();
        let others = clusters.iter().filter(|cluster| cluster.is_of_another_driver()).count();
        let others = (others > 0).then(|| Evidence::count("of other drivers", others));
        let counts = [
            Evidence::count("clusters", clusters.len()),
            Evidence::count("of the Cluster API driver", capi),
        ];
        Ok(Verdict::shown(counts.into_iter().chain(others)))
    }
}
