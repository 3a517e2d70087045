//! Whether Magnum's API answers.

use async_trait::async_trait;
use omega_core::{Failure, Gate, Subject, Verdict};

use super::ClusterList;

/// `coe cluster list` answers: the API and its database run.
#[derive(Clone, Debug)]
pub struct MagnumAnswers {
    /// The list.
    pub clusters: ClusterList,
}

#[async_trait]
impl Gate for MagnumAnswers {
    fn subject(&self) -> Subject {
        Subject::new("magnum", "lists its clusters")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let clusters = self.clusters.read().await?;
        let capi = clusters.iter().filter(|cluster| cluster.is_capi()).count();
        let evidence = match clusters.len() {
            0 => "no clusters yet".to_owned(),
            1 => format!("1 cluster, {capi} of the Cluster API driver"),
            all => format!("{all} clusters, {capi} of the Cluster API driver"),
        };
        Ok(Verdict::Pass { evidence })
    }
}
