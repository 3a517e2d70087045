//! `tenant-overlap`

use omega_core::Severity;
use omega_openstack::network::Cidr;

use super::super::super::network::rules;
use super::super::Judged;
use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = rules::TENANT_OVERLAP;

const REMEDY: &str = "leave fixed_subnet_cidr out of the template and name a range for each cluster \
                      (--label fixed_subnet_cidr=10.20.N.0/24), if they are ever to be connected";

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let named: Vec<(&Judged<'_>, Cidr)> =
        input.templates.iter().filter_map(|one| Some((one, nodes(one)?))).collect();
    let mut found = Vec::new();
    for (nth, (one, cidr)) in named.iter().enumerate() {
        if one.facts.clusters > 1 {
            let summary = format!(
                "{} clusters use it, and the nodes of each have {cidr}",
                one.facts.clusters
            );
            found.push(warned(one, &summary));
        }
        for (other, theirs) in named.iter().take(nth).filter(|(_, other)| other.overlaps(*cidr)) {
            let summary = format!("its nodes have {cidr}, those of {} {theirs}", other.subject);
            found.push(warned(one, &summary));
        }
    }
    found
}

/// With routers of their own they work.
fn warned(one: &Judged<'_>, summary: &str) -> LintFinding {
    RULE.found(None, one.subject.clone(), summary, REMEDY).severity(Severity::Warning)
}

fn nodes(one: &Judged<'_>) -> Option<Cidr> {
    let named = one.facts.ours() && one.shape.has_own_network() && one.shape.names_node_cidr();
    named.then(|| one.shape.node_cidr().parse().ok()).flatten()
}
