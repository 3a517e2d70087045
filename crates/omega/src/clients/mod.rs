//! Clients for what a site names: its cloud, its management cluster, its units.

mod connect;
mod ignored_variables;
mod kubeconfig;
mod partial;
mod read_only;
mod reader;
mod sources;
mod units;
mod workload;

use std::{fmt, path::Path, sync::Arc};

pub use connect::Connect;
pub(crate) use connect::loaded;
use jiff::Timestamp;
pub use kubeconfig::kubeconfig_at;
use omega_capi::{Management, access::Mint};
use omega_core::{
    Label as _,
    kubeconfig::KubeconfigFacts,
    run::{Counts, Endpoints},
};
use omega_juju::Unit;
use omega_openstack::{
    Transport, container_infra::ContainerInfra, identity::Identity, network::Network,
};
pub use partial::{Part, PartialClients};
pub(crate) use read_only::limited;
pub use reader::Reader;
pub(crate) use sources::Payloads;
pub(crate) use units::UnitList;
pub use workload::workload_gates;
pub(crate) use workload::workload_gates_over;

/// The number of HTTP requests.
pub(crate) type Requests = Arc<dyn Fn() -> usize + Send + Sync>;

/// The services of a cloud, real or simulated.
#[derive(Clone)]
#[non_exhaustive]
pub struct CloudClients {
    /// Every service, as the operator.
    pub operator: Arc<dyn Transport>,
    /// Every service, in the management project.
    pub narrowed: Arc<dyn Transport>,
    /// Neutron, in the management project.
    pub network: Arc<Network>,
    /// Keystone, as the operator.
    pub identity: Arc<Identity>,
    /// Magnum, in the management project.
    pub magnum: Arc<ContainerInfra>,
    /// Keystone's address.
    pub keystone: String,
    requests: Requests,
}

/// Everything that the graft and the doctor act on.
#[derive(Clone)]
#[non_exhaustive]
pub struct Clients {
    /// The cloud.
    pub cloud: CloudClients,
    /// The management cluster's API, from this machine.
    pub management: Arc<Management>,
    /// The units of the conductor, in the order of their numbers.
    pub units: Vec<Arc<Unit>>,
    /// Removes what minting left on this machine, if the kubeconfig is known.
    pub mint: Option<Arc<Mint>>,
    /// The size of the helm that may be sent to a unit.
    pub helm_size: usize,
}

impl CloudClients {
    /// Returns clients over these transports.
    pub fn over(
        operator: Arc<dyn Transport>,
        narrowed: Arc<dyn Transport>,
        keystone: impl Into<String>,
        requests: impl Fn() -> usize + Send + Sync + 'static,
    ) -> Self {
        Self {
            network: Arc::new(Network::new(Arc::clone(&narrowed))),
            identity: Arc::new(Identity::new(Arc::clone(&operator))),
            magnum: Arc::new(ContainerInfra::new(Arc::clone(&narrowed))),
            operator,
            narrowed,
            keystone: keystone.into(),
            requests: Arc::new(requests),
        }
    }

    /// Returns the cloud's address.
    pub fn endpoints(&self) -> Endpoints {
        [("cloud".to_owned(), self.keystone.clone())].into()
    }

    /// Returns the number of requests so far.
    pub fn counts(&self) -> impl Fn() -> Counts + Send + Sync + 'static {
        let requests = Arc::clone(&self.requests);
        move || Counts { requests: requests(), ..Counts::default() }
    }
}

impl Clients {
    /// Returns clients of these three.
    pub fn new(cloud: CloudClients, management: Arc<Management>, units: Vec<Arc<Unit>>) -> Self {
        Self { cloud, management, units, mint: None, helm_size: 0 }
    }

    /// Returns the same clients for a verification: they cache what several facts share, and so do
    /// not see changes. `cache`: where imports of the drivers are remembered, if anywhere.
    #[must_use]
    pub fn for_verification(mut self, cache: Option<&Path>) -> Self {
        self.cloud.network = Arc::new(self.cloud.network.caching());
        if let Some(cache) = cache {
            let units = self.units.iter();
            self.units = units.map(|unit| Arc::new(unit.remembering_imports(cache))).collect();
        }
        self
    }

    /// Adds the client that removes the leftovers of minting and probing, with this kubeconfig.
    #[must_use]
    pub fn with_mint(mut self, kubeconfig: &KubeconfigFacts, now: Timestamp) -> Self {
        let management = (*self.management).clone();
        self.mint = Some(Arc::new(Mint::new(management, kubeconfig, now)));
        self
    }

    /// Sets the size of the helm that may be sent to a unit.
    #[must_use]
    pub fn with_helm(self, bytes: usize) -> Self {
        Self { helm_size: bytes, ..self }
    }

    /// Returns what distinguishes this site from others whose units have the same names: where its
    /// cloud and its management cluster are, and how each unit is reached.
    pub fn endpoints(&self) -> Endpoints {
        PartialClients::from(self).endpoints()
    }

    /// Returns the unit with this label.
    pub fn unit(&self, label: &str) -> Option<&Arc<Unit>> {
        self.units.iter().find(|unit| unit.label() == label)
    }

    /// Returns the number of requests so far.
    pub fn counts(&self) -> impl Fn() -> Counts + Send + Sync + 'static {
        PartialClients::from(self).counts()
    }
}

impl fmt::Debug for CloudClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudClients").field("keystone", &self.keystone).finish_non_exhaustive()
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("endpoints", &self.endpoints()).finish_non_exhaustive()
    }
}
