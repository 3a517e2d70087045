use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use omega_capi::Management;
use omega_core::Label as _;
use omega_juju::Unit;
use omega_openstack::{
    Transport, container_infra::ContainerInfra, identity::Identity, network::Network,
};

use crate::engine::Counts;

/// What a runbook acts on: real or simulated, it can't tell.
#[derive(Clone)]
pub(crate) struct Clients {
    /// Every service, as the operator.
    pub(crate) operator: Arc<dyn Transport>,
    /// Every service, in the management project.
    pub(crate) narrowed: Arc<dyn Transport>,
    /// Neutron, in the management project.
    pub(crate) network: Arc<Network>,
    /// Keystone, as the operator.
    pub(crate) identity: Arc<Identity>,
    /// Magnum, as the operator.
    pub(crate) magnum: Arc<ContainerInfra>,
    /// The management cluster's API, from this machine.
    pub(crate) management: Arc<Management>,
    /// The units of the conductor, in the order of their numbers.
    pub(crate) units: Vec<Arc<Unit>>,
    /// Where Keystone is.
    pub(crate) keystone: String,
    /// Bytes of the helm that may be sent to a unit.
    pub(crate) helm_size: usize,
    /// How many HTTP requests there were.
    pub(crate) requests: Rc<dyn Fn() -> usize>,
}

impl Clients {
    /// Returns what tells this site from another whose units have the same names: where its cloud
    /// is, and how each unit is reached.
    pub(crate) fn endpoints(&self) -> BTreeMap<String, String> {
        let units = self.units.iter().map(|unit| (unit.label(), unit.via()));
        units.chain([("cloud".to_owned(), self.keystone.clone())]).collect()
    }

    /// Returns the unit with this label.
    pub(crate) fn unit(&self, label: &str) -> Option<&Arc<Unit>> {
        self.units.iter().find(|unit| unit.label() == label)
    }

    /// Returns a closure that counts what was sent so far.
    pub(crate) fn counts(&self) -> Box<dyn Fn() -> Counts> {
        let world = self.clone();
        Box::new(move || Counts {
            units: world.units.len(),
            executions: world.units.iter().map(|unit| unit.executions()).sum(),
            requests: (world.requests)(),
        })
    }
}
