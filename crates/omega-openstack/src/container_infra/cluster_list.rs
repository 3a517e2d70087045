//! One list of clusters for all who ask about them.

use std::sync::Arc;

use omega_core::{Failure, Label as _};
use tokio::sync::OnceCell;

use super::{Cluster, ContainerInfra};

/// The clusters that a token may see, for several gates.
///
/// A verification asks once and every gate reads the same answer. A run that changes things in
/// between asks anew for each gate.
#[derive(Clone, Debug)]
pub struct ClusterList {
    magnum: ContainerInfra,
    kept: Option<Arc<OnceCell<Vec<Cluster>>>>,
}

impl ClusterList {
    /// Returns a list that is asked for each time it is read.
    pub fn live(magnum: ContainerInfra) -> Self {
        Self { magnum, kept: None }
    }

    /// Returns a list that is asked for when it is first read, and then kept.
    pub fn once(magnum: ContainerInfra) -> Self {
        Self { magnum, kept: Some(Arc::default()) }
    }

    /// Returns the clusters.
    ///
    /// # Errors
    ///
    /// Fails if Magnum does not answer or does not permit it.
    pub async fn read(&self) -> Result<Vec<Cluster>, Failure> {
        let asked = match &self.kept {
            Some(kept) => kept.get_or_try_init(|| self.magnum.clusters()).await.cloned(),
            None => self.magnum.clusters().await,
        };
        asked.map_err(|error| {
            let what = format!("could not list the clusters of {}", self.magnum.label());
            Failure::from_error(what, &error)
        })
    }
}
