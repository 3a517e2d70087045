//! `defaults-rewritten`: something rewrote the file that the conductor's init script reads.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what else there is, or will be, is treated alike"
)]

use omega_core::{Desired as _, Severity};
use omega_juju::operations::InjectConfigDir;

use super::Changed;
use crate::{
    drift::{DifferenceKind, facts::time},
    lint::Rule,
};

pub(super) const RULE: Rule = Rule {
    id: "defaults-rewritten",
    decision: Some("D-037"),
    severity: Severity::Broken,
    reason: "A hook of the charm can rewrite /etc/default/magnum-conductor; the daemon that runs goes on, and the next start has no --config-dir: Magnum then has no Cluster API driver.",
    source: "openstack-pkg-tools init-script-template; magnum charm, render of /etc/default",
};

pub(super) fn named(changed: &Changed<'_>) -> Option<String> {
    let Changed { difference, before, now } = changed;
    let rewritten = difference.facts.iter().any(|fact| fact.fact == "sha256");
    let is_new = before.is_none() && difference.kind == DifferenceKind::Pending;
    if now.id.kind != InjectConfigDir::KIND || !(rewritten || is_new) {
        return None;
    }
    let at = time(now, "modified").map(|at| format!(" at {at}")).unwrap_or_default();
    let (file, unit) = (&now.id.key, &now.id.target);
    let effect = match difference.kind {
        DifferenceKind::Pending => {
            "the next start of the conductor will not have --config-dir once (a charm's hook does that)"
        }
        DifferenceKind::Fails => "and apply would not change it",
        _ => "the next start of the conductor still has --config-dir",
    };
    Some(format!("{file} on {unit} was rewritten{at}: {effect}"))
}
