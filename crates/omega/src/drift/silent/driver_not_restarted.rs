//! `driver-not-restarted`: the driver on disk is not the one that the daemon runs.

use omega_core::{Desired as _, Severity};
use omega_juju::operations::ConvergeServices;

use super::Changed;
use crate::{
    drift::{DifferenceKind, Observation, facts::time},
    lint::Rule,
};

pub(super) const RULE: Rule = Rule {
    id: "driver-not-restarted",
    decision: Some("D-037"),
    severity: Severity::Broken,
    reason: "A daemon of Magnum loads its drivers when it starts: after an upgrade it runs the old one until it is restarted, and then changes its behaviour.",
    source: "magnum/drivers/common/driver.py, Driver.load_entry_points",
};

/// What the names of the facts of a daemon end with.
const INSTALLED: &str = " driver installed";

pub(super) fn named(changed: &Changed<'_>) -> Option<String> {
    let Changed { difference, now, .. } = changed;
    let kinds = [DifferenceKind::Pending, DifferenceKind::Fails];
    if now.id.kind != ConvergeServices::KIND || !kinds.contains(&difference.kind) {
        return None;
    }
    let facts = now.evidence.iter();
    let mut daemons = facts.filter_map(|fact| fact.fact.strip_suffix(INSTALLED));
    daemons.find_map(|daemon| old(daemon, now))
}

fn old(daemon: &str, now: &Observation) -> Option<String> {
    let installed = time(now, &format!("{daemon}{INSTALLED}"))?;
    let started = time(now, &format!("{daemon} started"))?;
    let unit = &now.id.target;
    (installed >= started).then(|| {
        format!(
            "the driver on {unit} was installed at {installed}, and {daemon}, which runs since {started}, was not restarted"
        )
    })
}
