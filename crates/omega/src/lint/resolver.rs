//! `resolver`: of templates in the site file and of those in Magnum.

use std::net::IpAddr;

use omega_core::{Severity, Subject};

use super::{LintFinding, Position, Rule};

pub(super) const RULE: Rule = Rule {
    id: "resolver",
    decision: Some("D-019"),
    severity: Severity::Warning,
    reason: "D-019 gives tenants 1.1.1.1 and 1.0.0.1, and the template of phase 08 names 8.8.8.8: the documents contradict each other, and the decision counts.",
    source: "the decision; phase-08-workload-cluster-acceptance.md, 8.1",
};

/// Returns that DNS servers are not those of the decision, if some are not.
pub(super) fn judge<'a>(
    servers: impl Iterator<Item = &'a str>,
    resolvers: &[IpAddr],
    subject: Subject,
    position: Option<Position>,
) -> Option<LintFinding> {
    let odd = |server: &&str| server.parse().is_ok_and(|at: IpAddr| !resolvers.contains(&at));
    let odd: Vec<&str> = servers.filter(odd).collect();
    if odd.is_empty() {
        return None;
    }
    let known = resolvers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let summary =
        format!("its nodes ask the DNS servers {}; this cloud's are {known}", odd.join(", "));
    let remedy = format!(
        "set dns_nameserver to {}, or name the servers of this site: [lint] resolvers",
        known.replace(", ", ",")
    );
    Some(RULE.found(position, subject, summary, remedy))
}
