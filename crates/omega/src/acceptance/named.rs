//! What the items need, and a site may not name.

use omega_core::{Failure, FailureClass};

use super::{
    ItemId,
    items::{no_cluster, not_named},
};
use crate::site;

/// Returns the items that can't be checked because the site does not name what they need, and what that is.
pub fn not_named_for(named: &site::Acceptance) -> Vec<(ItemId, Failure)> {
    let lacks_cluster = named.cluster.is_none() && named.create_cluster.is_none();
    let all = [
        (named.tenant.is_none(), ItemId::Tenant, no_tenant as fn() -> Failure),
        (lacks_cluster, ItemId::LoadBalancer, no_cluster),
        (lacks_cluster, ItemId::Cluster, not_named),
        (named.vault.is_empty(), ItemId::Vault, no_vault),
        (named.hypervisor.is_empty(), ItemId::Snapshots, no_hypervisor),
    ];
    let lacking = all.into_iter().filter(|(lacks, ..)| *lacks);
    lacking.map(|(_, item, failure)| (item, failure())).collect()
}

pub(super) fn no_tenant() -> Failure {
    unnamed("server on a tenant network", "`tenant` in [acceptance]")
}

pub(super) fn no_vault() -> Failure {
    unnamed("unit of Vault", "`vault` in [acceptance], the address of each unit")
}

pub(super) fn no_hypervisor() -> Failure {
    unnamed("hypervisor", "[[acceptance.hypervisor]], with its `domains`")
}

fn unnamed(what: &str, key: &str) -> Failure {
    let next = format!("name it in the site file: {key}; see docs/acceptance.md");
    Failure::new(FailureClass::Usage, format!("the site file names no {what}")).next(next)
}
