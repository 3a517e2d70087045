//! `dual-vips`

use omega_core::Severity;
use omega_openstack::network::Cidr;

use super::{Application, Hit, Input, Rule, vips};

pub(super) const RULE: Rule = Rule {
    id: "dual-vips",
    decision: Some("D-020"),
    severity: Severity::Broken,
    reason: "Each endpoint needs a virtual IP in its network: without one for the internal endpoint the charm fails with ValueError.",
    source: "openstack/charms.openstack charms_openstack/ip.py (resolve_address); juju/charm-helpers charmhelpers/contrib/openstack/ip.py",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let clustered = |charm: &str| input.policy.clustered.iter().any(|one| one == charm);
    let applications = input.bundle.applications.iter();
    applications
        .filter(|application| application.charm().is_some_and(clustered))
        .filter(|application| !vips(application).is_empty())
        .filter_map(|application| lacking(application, &input.policy.vip_networks))
        .collect()
}

fn lacking(application: &Application, networks: &[Cidr]) -> Option<Hit> {
    let addresses: Vec<Cidr> =
        vips(application).iter().filter_map(|vip| vip.parse().ok()).collect();
    let missing: Vec<String> = networks
        .iter()
        .filter(|network| !addresses.iter().any(|address| network.contains(*address)))
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let summary = format!("vip has no address in {}", missing.join(" and in "));
    let remedy = format!(
        "write one address in each of the networks: vip: \"PROVIDER METAL\" ({})",
        networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    );
    Some(Hit::new(application.option_place("vip"), &application.name, summary, remedy))
}
