//! One list of clusters that several gates share.

use std::sync::Arc;

use omega_core::{Failure, Label as _};
use tokio::sync::OnceCell;

use super::{Cluster, ContainerInfra};

/// The clusters that a token may see, shared by several gates.
///
/// In a verification the list is read once for all gates. In a run that makes changes it is read for
/// each gate.
#[derive(Clone, Debug)]
pub struct ClusterList {
    magnum: ContainerInfra,
    kept: Option<Arc<OnceCell<Vec<Cluster>>>>,
}

impl ClusterList {
    /// Returns a list that is requested each time it is used.
    pub fn live(magnum: ContainerInfra) -> Self {
        Self { magnum, kept: None }
    }

    /// Returns a list that is requested once and then cached.
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
