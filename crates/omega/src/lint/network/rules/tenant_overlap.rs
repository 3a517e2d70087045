//! `tenant-overlap`

use omega_core::Severity;

use super::{Input, LintFinding, Meeting, RangeKind, Rule, meeting, place, subject};

pub(in crate::lint) const RULE: Rule = Rule {
    id: "tenant-overlap",
    decision: Some("D-016"),
    severity: Severity::Broken,
    reason: "Each project gets a subnet of its own: with routers of their own two equal ones work, and nothing can ever connect them.",
    source: "the decision: per-project subnets within the pool",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let clashes = meeting(input.plan, Meeting::Tenants).into_iter();
    clashes
        .map(|(one, other)| {
            let summary = format!("{other} overlaps {one}");
            let remedy = "take another /24 of the pool for one of them";
            let found = RULE.found(place(one, other), subject(other), summary, remedy);
            // What was given away twice is a mistake; what works apart is only a risk.
            let given = |kind| kind == RangeKind::Tenant;
            if given(one.kind) || given(other.kind) {
                found
            } else {
                found.severity(Severity::Warning)
            }
        })
        .collect()
}
