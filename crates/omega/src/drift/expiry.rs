//! The ends of credentials, each an observation of its own.

use jiff::{SignedDuration, Timestamp};
use omega_core::{Evidence, Finding, Severity, StepId};

use super::{
    Observation, State,
    facts::{EXPIRES, time},
};

/// The kind of an observation of the end of a credential.
pub(super) const EXPIRY: &str = "expiry";
/// A credential that has expired.
pub(super) const EXPIRED: &str = "credential-expired";
/// A credential that expires soon.
pub(super) const SOON: &str = "credential-expires";

/// Returns the end of each credential that `all` names one of: it holds until `within` before it.
pub(super) fn ends(
    all: &[Observation],
    now: Timestamp,
    within: SignedDuration,
) -> Vec<Observation> {
    all.iter().filter_map(|one| end(one, time(one, EXPIRES)?, now, within)).collect()
}

fn end(
    of: &Observation,
    at: Timestamp,
    now: Timestamp,
    within: SignedDuration,
) -> Option<Observation> {
    let StepId { target, kind, key } = &of.id;
    let id = StepId {
        target: target.clone(),
        kind: EXPIRY.to_owned(),
        key: if kind == "gate" { key.clone() } else { format!("{kind} {key}") },
    };
    let soon = now.checked_add(within).ok()?;
    let finding = |rule, severity, what: String| {
        let remedy = "get a new one, and apply it: omega-cli plan graft";
        Finding::broken(rule, of.subject.clone(), what).severity(severity).remedy(remedy)
    };
    let state = if at <= now {
        let what = format!("the credential of {} on {target} expired at {at}", of.subject);
        State::of(finding(EXPIRED, Severity::Broken, what))
    } else if at <= soon {
        let what = format!("the credential of {} on {target} expires at {at}", of.subject);
        State::of(finding(SOON, Severity::Warning, what))
    } else {
        State::Holds
    };
    let shown = vec![Evidence::time(EXPIRES, at)];
    Some(Observation::new(of.source, id, of.subject.clone(), state).shown_by(shown))
}
