use omega_core::{Desired as _, Label as _, Step, Undo};

use crate::clients::Clients;

/// Returns the step that restores a state that a journal holds: the one place that knows every kind.
/// `None` if the target is not at hand, or the kind unknown.
pub fn restore(target: &str, undo: &Undo, clients: &Clients) -> Option<Box<dyn Step>> {
    let Undo { kind, desired } = undo;
    if let Some(unit) = clients.unit(target) {
        return omega_juju::operations::restore(kind, desired.clone(), unit);
    }
    let network = &clients.cloud.network;
    if kind == omega_openstack::network::SgRule::KIND && target == network.label() {
        let rule = serde_json::from_value::<omega_openstack::network::SgRule>(desired.clone());
        return Some(omega_core::step(network, rule.ok()?));
    }
    None
}
