//! Checks the address plan: the ranges of the site file, the virtual IPs of a bundle, and what Neutron has.

mod meets;
mod of_bundle;
pub(super) mod of_neutron;
pub(super) mod of_site;
mod plan;
pub(super) mod rules;
mod svg;
mod svg_blocks;
#[cfg(test)]
mod tests;

use omega_openstack::network::AddressInventory;

pub use plan::{AddressPlan, Origin, PlannedAddress, PlannedPool, PlannedRange, RangeKind};
pub use svg::svg;

use super::{
    LintFinding, LintReport, Rule, SourceFile,
    bundle::{self, BundleError, Charms, Policy},
};
use crate::site::PlacedSite;

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct NetworkSources<'a> {
    /// The site file.
    pub site: &'a PlacedSite,
    /// A bundle and its overlays; none: no virtual IP is known.
    pub bundle: &'a [SourceFile],
    /// What Neutron has, if it was asked.
    pub live: Option<&'a AddressInventory>,
}

/// What a rule looks at.
struct Input<'a> {
    plan: &'a AddressPlan,
    site: &'a PlacedSite,
    live: Option<&'a AddressInventory>,
}

/// The rules of bundles about virtual IPs, which are checked here too.
const OF_BUNDLES: [&str; 3] = ["vip-in-pool", "vip-twice", "dual-vips"];

/// Returns every rule, in the order of the decisions.
pub fn rules() -> Vec<Rule> {
    let own = rules::ALL.iter().map(|(rule, _)| *rule);
    let of_bundles = bundle::rules().into_iter().filter(|rule| OF_BUNDLES.contains(&rule.id));
    own.chain(of_bundles).collect()
}

/// Checks the address plan, and returns it with what was found.
///
/// # Errors
///
/// Fails if the bundle can't be read.
pub fn lint(
    sources: &NetworkSources<'_>,
    charms: &Charms,
) -> Result<(LintReport, AddressPlan), BundleError> {
    let NetworkSources { site, bundle, live } = *sources;
    let mut plan = AddressPlan {
        ranges: of_site::ranges(site),
        pools: of_site::pools(site),
        addresses: Vec::new(),
    };
    plan.ranges.extend(live.map(of_neutron::ranges).unwrap_or_default());
    plan.pools.extend(live.map(of_neutron::pools).unwrap_or_default());
    let mut findings = Vec::new();
    if !bundle.is_empty() {
        let pools = plan.pools.iter().map(|pool| pool.range.clone()).collect();
        let policy = Policy { allocation_pools: pools, ..site.site.lint.clone() };
        let wanted = |rule: &Rule| OF_BUNDLES.contains(&rule.id);
        let (merged, found) = bundle::found_by(bundle, &policy, charms, wanted)?;
        plan.addresses = of_bundle::addresses(&merged, bundle);
        findings.extend(found);
        findings.extend(of_bundle::unknown(&merged, bundle));
    }
    findings.extend(judged(&Input { plan: &plan, site, live }));
    let files = site.source.iter().chain(bundle).map(|file| file.name.clone()).collect();
    Ok((LintReport::new(files, findings), plan))
}

fn judged(input: &Input<'_>) -> Vec<LintFinding> {
    rules::ALL.iter().flat_map(|(_, check)| check(input)).collect()
}
