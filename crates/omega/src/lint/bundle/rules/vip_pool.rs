//! `vip-in-pool`

use std::net::IpAddr;

use omega_core::Severity;

use super::{Hit, Input, Rule, vips};

pub(super) const RULE: Rule = Rule {
    id: "vip-in-pool",
    decision: Some("D-003"),
    severity: Severity::Broken,
    reason: "Neutron gives the addresses of its allocation pools to routers and floating IPs: one of them would have the API's address too.",
    source: "openstack/neutron-lib api/definitions/subnet.py: allocation_pools are the addresses that may be given out",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for application in &input.bundle.applications {
        let vips = vips(application);
        if let Some(odd) = vips.iter().find(|vip| vip.parse::<IpAddr>().is_err()) {
            let summary = format!("vip has {odd:?}, which is no address");
            let place = application.option_place("vip");
            hits.push(Hit::new(
                place,
                &application.name,
                summary,
                "write addresses with a space between them",
            ));
            continue;
        }
        for vip in vips {
            let Ok(address) = vip.parse::<IpAddr>() else { continue };
            let pools = &input.policy.allocation_pools;
            if let Some(pool) = pools.iter().find(|pool| pool.contains(address)) {
                let summary = format!("the virtual IP {vip} is in the allocation pool {pool}");
                let remedy = "take an address outside it; if Neutron's pool is another one, say so in the site file: [lint] allocation_pools";
                hits.push(Hit::new(
                    application.option_place("vip"),
                    &application.name,
                    summary,
                    remedy,
                ));
            }
        }
    }
    hits
}
