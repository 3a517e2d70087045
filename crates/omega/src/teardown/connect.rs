//! What a teardown asks: Juju's controller, MAAS, and the cloud that is lost.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use omega_core::{Failure, run::Counts};
use omega_juju::controller::Controller;
use omega_openstack::cloud_inventory::CloudInventory;

use super::maas::{Maas, MaasProgram};
use crate::{
    clients::Connect,
    cluster::{ClusterSite, DriverSettings},
};

/// The clients of a teardown. What is not there is not asked, and the plan says so.
#[derive(Clone)]
#[non_exhaustive]
pub struct TeardownClients {
    /// Juju's controller.
    pub controller: Arc<Controller>,
    /// MAAS, if its profile was named.
    pub maas: Option<Arc<Maas>>,
    /// The cloud in the model, or why it can't be asked.
    pub cloud: Result<CloudInventory, Failure>,
    /// Where the workload clusters are, if the cloud can be asked.
    pub clusters: Option<(Arc<ClusterSite>, DriverSettings)>,
    requests: Arc<dyn Fn() -> usize + Send + Sync>,
}

impl TeardownClients {
    /// Returns clients of a controller alone.
    pub fn new(controller: Controller, without_cloud: Failure) -> Self {
        let controller = Arc::new(controller);
        let requests = Arc::new(|| 0);
        Self { controller, maas: None, cloud: Err(without_cloud), clusters: None, requests }
    }

    /// Adds MAAS.
    #[must_use]
    pub fn with_maas(self, maas: Maas) -> Self {
        Self { maas: Some(Arc::new(maas)), ..self }
    }

    /// Adds the cloud. `requests`: how many were sent to it.
    #[must_use]
    pub fn with_cloud(
        self,
        cloud: CloudInventory,
        requests: impl Fn() -> usize + Send + Sync + 'static,
    ) -> Self {
        Self { cloud: Ok(cloud), requests: Arc::new(requests), ..self }
    }

    /// Says why the cloud can't be asked.
    #[must_use]
    pub fn without_cloud(self, why: Failure) -> Self {
        Self { cloud: Err(why), ..self }
    }

    /// Adds where the workload clusters are.
    #[must_use]
    pub fn with_clusters(self, site: Arc<ClusterSite>, driver: DriverSettings) -> Self {
        Self { clusters: Some((site, driver)), ..self }
    }

    /// Returns what was sent so far.
    pub(super) fn counts(&self) -> impl Fn() -> Counts + Send + Sync + 'static + use<> {
        let (controller, maas) = (Arc::clone(&self.controller), self.maas.clone());
        let requests = Arc::clone(&self.requests);
        move || {
            let maas = maas.as_ref().map_or(0, |maas| maas.executions());
            let executions = controller.executions() + maas;
            Counts { executions, requests: requests(), ..Counts::default() }
        }
    }
}

impl fmt::Debug for TeardownClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { controller, maas, .. } = self;
        f.debug_struct("TeardownClients")
            .field("controller", controller)
            .field("maas", maas)
            .finish_non_exhaustive()
    }
}

/// How long `maas` takes beyond the answer: it is a Python program, often in a snap.
const START: Duration = Duration::from_secs(20);

impl Connect<'_> {
    /// Asks juju for the models of the controller `name`, or of its current one.
    ///
    /// # Errors
    ///
    /// Fails if juju does not answer.
    pub async fn controller(&self, name: Option<&str>) -> Result<Controller, Failure> {
        let controller = Controller::open(self.juju_commands(None), name).await;
        controller.map_err(|error| Failure::from_error("could not ask juju", &error))
    }

    /// Returns the MAAS of this profile of the program `maas`. Nothing is sent.
    pub fn maas(&self, profile: &str) -> Maas {
        let program = PathBuf::from("maas");
        let within = self.site.timeouts.ask + START;
        let commands = MaasProgram { program, profile: profile.to_owned(), within };
        Maas::new(self.maas_commands(Arc::new(commands)), profile)
    }
}
