//! `node-network`

use omega_core::{Severity, Subject};
use omega_openstack::network::address_mistakes;

use super::super::of_site::{described, known};
use super::{Input, LintFinding, Rule};

/// The gate before a cluster has the same name, and finds more: it asks Neutron.
pub(in crate::lint) const RULE: Rule = Rule {
    id: "node-network",
    decision: Some("D-016"),
    severity: Severity::Broken,
    reason: "The nodes of a cluster are in the tenants' pool, and overlap nothing that they have to reach.",
    source: "capi-helm-charts 0.25.1, openstack-cluster/values.yaml, kubeNetwork; magnum-capi-helm 1.4.0, driver.py (nodeCidr)",
};

pub(in crate::lint) const REMEDY: &str =
    "choose another range for the label fixed_subnet_cidr, or correct dns_nameserver";

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let ranges = known(input.site);
    let of = described(input.site).into_iter().flat_map(|one| {
        let mistakes = address_mistakes(&one.shape, &ranges);
        mistakes
            .into_iter()
            .map(|why| {
                // Of both values in question, the one that is written there.
                let server = why.starts_with("the DNS server");
                let key = if server {
                    one.key(&["dns_nameserver"])
                } else {
                    one.label("fixed_subnet_cidr")
                };
                let position = input.site.places.nearest(&key);
                RULE.found(position, Subject::new("cluster", &one.name), why, REMEDY)
            })
            .collect::<Vec<_>>()
    });
    of.collect()
}
