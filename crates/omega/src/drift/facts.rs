//! Which facts two looks are compared by.
//!
//! A duration differs each time, and a time says when something happened: neither is compared. What
//! ordinary use of the cloud changes is not compared either: it is listed here, with the reason. All
//! else is.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what else there is, or will be, is treated alike"
)]

use omega_core::{Evidence, Observation as Value};
use serde::{Deserialize, Serialize};

use super::Observation;

/// A fact that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FactChange {
    /// The fact.
    pub fact: String,
    /// What it was; none if it was not there.
    pub before: Option<Evidence>,
    /// What it is; none if it is not there.
    pub now: Option<Evidence>,
}

/// Facts that change while nothing is wrong: the rule or kind, and the fact's name or its beginning.
const ORDINARY: [(&str, &str); 12] = [
    // Users create and delete clusters.
    ("list-releases", "releases in "),
    ("finding", "clusters that use it"),
    ("management-machine", "clusters"),
    ("management-machine", "MachineHealthChecks"),
    ("cluster-health", "HEALTHY"),
    ("magnum-responds", ""),
    // A log grows. That the daemon does not stay up is the rule's verdict.
    ("daemon-steady", "errors in its log"),
    ("daemon-steady", "the last"),
    // A charm was published, and nothing was refreshed.
    ("running-channels", "newer in its channel"),
    // Servers and pods come and go.
    ("management-ready", "pods"),
    // Each template is an observation of its own.
    ("coherence", "templates"),
    // Interpreters are upgraded with the system; the gate `driver-imports` tells whether it matters.
    ("juju.driver.v1", "Python"),
];

/// Counters of the machine: only growth is a change. A daemon that somebody restarts counts from 0.
const COUNTERS: [&str; 1] = ["automatic restarts"];

/// Rules that have nothing to look at in the course of ordinary use: a cloud without clusters, a unit
/// whose hooks run.
const IDLE: [&str; 2] = ["cluster-health", "juju-status"];

/// Returns whether it is ordinary that the rule has nothing to look at for now.
pub(super) fn may_be_idle(one: &Observation) -> bool {
    is_idle(rule(one))
}

/// The same for a rule by its name.
pub(super) fn is_idle(rule: &str) -> bool {
    IDLE.contains(&rule)
}

fn rule(one: &Observation) -> &str {
    if one.id.kind == "gate" { &one.id.key } else { &one.id.kind }
}

/// Returns the facts that differ in more than what ordinary use changes.
pub(super) fn changes(before: &Observation, now: &Observation) -> Vec<FactChange> {
    let rule = rule(now);
    let facts = |one: &'_ Observation| -> Vec<Evidence> {
        one.evidence.iter().filter(|one| is_compared(rule, one)).cloned().collect()
    };
    let (then, now) = (facts(before), facts(now));
    let mut rest: Vec<&Evidence> = now.iter().collect();
    // Several facts may have one name: an equal one is the same.
    let mut is_left = |one: &&Evidence| match rest.iter().position(|other| *other == *one) {
        Some(at) => {
            rest.remove(at);
            false
        }
        None => true,
    };
    let left: Vec<&Evidence> = then.iter().filter(|one| is_left(one)).collect();
    let mut found = Vec::new();
    for one in left {
        let at = rest.iter().position(|other| other.fact == one.fact);
        let other = at.map(|at| rest.remove(at));
        if other.is_none_or(|other| differs(one, other)) {
            let (before, now) = (Some(one.clone()), other.cloned());
            found.push(FactChange { fact: one.fact.clone(), before, now });
        }
    }
    found.extend(rest.into_iter().map(|one| FactChange {
        fact: one.fact.clone(),
        before: None,
        now: Some(one.clone()),
    }));
    found
}

fn is_compared(rule: &str, one: &Evidence) -> bool {
    let ordinary = ORDINARY.iter().any(|(of, fact)| *of == rule && one.fact.starts_with(fact));
    !ordinary && !matches!(one.value, Value::Took(_) | Value::Time(_))
}

fn differs(before: &Evidence, now: &Evidence) -> bool {
    let counter = COUNTERS.iter().any(|name| now.fact.ends_with(name));
    match (&before.value, &now.value) {
        (Value::Count(before), Value::Count(now)) if counter => now > before,
        (before, now) => before != now,
    }
}

/// Returns the times that the machine itself knows and that are new: when a file was written, when a
/// daemon started.
pub(super) fn times(before: Option<&Observation>, now: &Observation) -> Vec<Evidence> {
    let known = |one: &&Evidence| before.is_some_and(|before| before.evidence.contains(one));
    let is_time = |one: &&Evidence| matches!(one.value, Value::Time(_)) && !is_end(&one.fact);
    now.evidence.iter().filter(is_time).filter(|one| !known(one)).cloned().collect()
}

/// The name of the fact that says when a credential ends.
pub(super) const EXPIRES: &str = "expires";

/// Whether a fact says when a credential ends: `expires`, or `identity ends`.
pub(super) fn is_end(fact: &str) -> bool {
    fact == EXPIRES || fact.ends_with(" ends")
}

/// Returns the time of a fact of an observation.
pub(super) fn time(one: &Observation, fact: &str) -> Option<jiff::Timestamp> {
    one.evidence.iter().find_map(|one| match one.value {
        Value::Time(time) if one.fact == fact => Some(time),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use omega_core::{StepId, Subject};

    use super::*;
    use crate::drift::{Source, State};

    fn seen(kind: &str, key: &str, evidence: Vec<Evidence>) -> Observation {
        let id = StepId { target: "t".into(), kind: kind.into(), key: key.into() };
        let subject = Subject::new("thing", "t");
        Observation::new(Source::Graft, id, subject, State::Holds).shown_by(evidence)
    }

    fn changed(kind: &str, key: &str, before: Evidence, now: Evidence) -> usize {
        changes(&seen(kind, key, vec![before]), &seen(kind, key, vec![now])).len()
    }

    #[test]
    fn durations_times_and_ordinary_use_are_not_compared_and_all_else_is() {
        let at = |second| Evidence::time("modified", Timestamp::from_second(second).unwrap());
        let took = |ms| Evidence::took("answer after", Duration::from_millis(ms));
        assert_eq!(changed("gate", "reach", took(1), took(2)), 0);
        assert_eq!(changed("juju.dropin.v1", "/x", at(1), at(2)), 0);
        let errors = |count| Evidence::count("errors in its log since the start", count);
        assert_eq!(changed("gate", "daemon-steady", errors(1), errors(2)), 0);
        assert_eq!(changed("gate", "another-rule", errors(1), errors(2)), 1);
        let releases = |name: &str| Evidence::list("releases in magnum-1", [name]);
        assert_eq!(changed("gate", "list-releases", releases("a"), releases("b")), 0);
        let text = |value: &str| Evidence::text("version", value);
        assert_eq!(changed("gate", "reach", text("v1"), text("v2")), 1);
        assert_eq!(changed("gate", "reach", text("v1"), Evidence::text("status", "200")), 2);
        assert_eq!(changed("gate", "reach", text("v1"), Evidence::count("version", 1)), 1);
    }

    #[test]
    fn a_counter_of_restarts_that_begins_again_is_no_change() {
        let restarts = |count| Evidence::count("magnum-conductor automatic restarts", count);
        let kind = "juju.services.v1";
        assert_eq!(changed(kind, "k", restarts(0), restarts(1)), 1);
        assert_eq!(changed(kind, "k", restarts(3), restarts(0)), 0);
    }

    #[test]
    fn of_several_facts_with_one_name_only_those_that_differ_are_named() {
        let all = |texts: &[&str]| {
            texts.iter().map(|text| Evidence::text("warning:", *text)).collect::<Vec<_>>()
        };
        let (before, now) = (seen("gate", "r", all(&["a", "b"])), seen("gate", "r", all(&["b"])));
        let found = changes(&before, &now);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].before, Some(Evidence::text("warning:", "a")));
        assert_eq!(found[0].now, None);
        assert_eq!(changes(&now, &before)[0].now, Some(Evidence::text("warning:", "a")));
    }
}
