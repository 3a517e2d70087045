//! The ends of credentials, each an observation of its own.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what else there is, or will be, is treated alike"
)]

use jiff::{SignedDuration, Timestamp};
use omega_core::{Evidence, Finding, Observation as Value, Severity, StepId};

use super::{
    Observation, State,
    facts::{EXPIRES, is_end},
};

/// The kind of an observation of the end of a credential.
pub(super) const EXPIRY: &str = "expiry";
/// A credential that has expired.
pub(super) const EXPIRED: &str = "credential-expired";
/// A credential that expires soon.
pub(super) const SOON: &str = "credential-expires";

/// Returns the end of each credential that `all` names: it holds until `within` before it.
pub(super) fn ends(
    all: &[Observation],
    now: Timestamp,
    within: SignedDuration,
) -> Vec<Observation> {
    let soon = now.checked_add(within).unwrap_or(Timestamp::MAX);
    let ends = |one: &'_ Observation| -> Vec<Observation> {
        let facts = one.evidence.iter().filter(|fact| is_end(&fact.fact));
        let ends = facts.filter_map(|fact| match fact.value {
            Value::Time(at) => Some(end(one, &fact.fact, at, (now, soon))),
            _ => None,
        });
        ends.collect()
    };
    all.iter().flat_map(ends).collect()
}

/// Of one thing, there may be several: `identity ends`, `network ends`.
fn end(
    of: &Observation,
    fact: &str,
    at: Timestamp,
    (now, soon): (Timestamp, Timestamp),
) -> Observation {
    let StepId { target, kind, key } = &of.id;
    let which = fact.strip_suffix("ends").unwrap_or_default().trim();
    let parts = [if kind == "gate" { "" } else { kind }, key, which];
    let key = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let id = StepId { target: target.clone(), kind: EXPIRY.to_owned(), key };
    let is_named = target.contains(&of.subject.name);
    let place = if is_named { String::new() } else { format!(" on {target}") };
    let which = if which.is_empty() { String::new() } else { format!("{which}, ") };
    let finding = |rule, severity, how: &str| {
        let what = format!("the credential of {which}{}{place} {how} at {at}", of.subject);
        let remedy = "get a new one before its end, and put it in its place";
        Finding::broken(rule, of.subject.clone(), what).severity(severity).remedy(remedy)
    };
    let state = if at <= now {
        State::of(finding(EXPIRED, Severity::Broken, "expired"))
    } else if at <= soon {
        State::of(finding(SOON, Severity::Warning, "expires"))
    } else {
        State::Holds
    };
    let shown = vec![Evidence::time(EXPIRES, at)];
    Observation::new(of.source, id, of.subject.clone(), state).shown_by(shown)
}
