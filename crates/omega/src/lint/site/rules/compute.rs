//! `reserved-host-memory` and `resume-guests`: what `ensure-charm-config` would set, and what a bundle is checked against.

use omega_core::Subject;

use super::super::super::bundle::rules::{reserved_host_memory, resume_guests};
use super::{Input, LintFinding, Rule};

pub(super) const RULES: [Rule; 2] = [reserved_host_memory::RULE, resume_guests::RULE];

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let site = &input.placed.site;
    let Ok(compute) = site.compute() else { return Vec::new() };
    let subject = || Subject::new("application", &compute.application);
    let place = |key| input.placed.places.nearest(&["compute", key]);
    let mut found = Vec::new();
    let least = site.lint.reserved_host_memory;
    if let Some(memory) = compute.reserved_host_memory.filter(|memory| *memory < least) {
        let summary =
            format!("reserved_host_memory is {memory}; this cloud's hosts need {least} MB");
        let remedy = format!("set reserved_host_memory = {least}");
        let at = place("reserved_host_memory");
        found.push(reserved_host_memory::RULE.found(at, subject(), summary, remedy));
    }
    if let (Some(set), Some(decided)) = (compute.resume_guests, site.lint.resume_guests)
        && set != decided
    {
        let summary = format!("resume_guests is {set}, and [lint] says {decided}");
        let at = place("resume_guests");
        let remedy = "say the same in [compute] and [lint]";
        found.push(resume_guests::RULE.found(at, subject(), summary, remedy));
    }
    found
}
