//! `keeps-restarting`: systemd restarts a daemon again and again.

use omega_core::{Desired as _, Severity};
use omega_juju::operations::ConvergeServices;

use super::Changed;
use crate::{drift::DifferenceKind, lint::Rule};

pub(super) const RULE: Rule = Rule {
    id: "keeps-restarting",
    decision: None,
    severity: Severity::Broken,
    reason: "Between two restarts the daemon is active, so a look at its state alone finds nothing; what it was doing is lost each time.",
    source: "systemd.service(5), Restart=; systemctl show, NRestarts",
};

/// The check that a daemon stays up.
const STEADY: &str = "daemon-steady";
/// The fact of the step that has the daemons.
const RESTARTS: &str = " automatic restarts";

pub(super) fn named(changed: &Changed<'_>) -> Option<String> {
    let Changed { difference, now, .. } = changed;
    if now.id.key == STEADY && difference.kind == DifferenceKind::Fails {
        return Some(difference.summary.clone());
    }
    if now.id.kind != ConvergeServices::KIND || difference.kind == DifferenceKind::Unknown {
        return None;
    }
    let fact = difference.facts.iter().find(|fact| fact.fact.ends_with(RESTARTS))?;
    let daemon = fact.fact.strip_suffix(RESTARTS)?;
    let count = fact.now.as_ref()?;
    Some(format!(
        "systemd restarted {daemon} on {} by itself ({count} since it was last started)",
        now.id.target
    ))
}
