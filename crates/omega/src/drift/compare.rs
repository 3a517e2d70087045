//! Compares what one look found with the baseline.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_same_arms,
    reason = "what else there is, or will be, is treated alike"
)]

use omega_core::{Evidence, StepId, Subject};

use super::{
    Difference, DifferenceKind, Look, Observation, Since, State,
    baseline::{Baseline, Record},
    facts::{self, FactChange},
    look::Blind,
    silent,
};

/// Returns everything that differs from `baseline` or is not as it should be, in the order of the look.
/// Without a baseline, nothing can differ.
pub(super) fn compare(baseline: Option<&Baseline>, look: &Look) -> Vec<Difference> {
    let blind = look.blind.iter().map(|blind| unseen(baseline, look, blind));
    let now = look.observations.iter().filter_map(|now| {
        let before = baseline.and_then(|baseline| baseline.record(&now.id));
        let is_known = baseline.is_some_and(|baseline| baseline.seen.contains(&now.source));
        difference(is_known, before, now, look)
    });
    let gone = baseline.into_iter().flat_map(|baseline| &baseline.records);
    let gone = gone.filter(|record| is_gone(&record.observation, look));
    blind.chain(now).chain(gone.map(|record| left(record, look))).collect()
}

/// Whether what was observed once is not there any more.
fn is_gone(before: &Observation, look: &Look) -> bool {
    !look.is_blind(before.source)
        && !look.skips(before)
        && !before.comes_and_goes()
        && !before.state.is_unknown()
        && !look.observations.iter().any(|one| one.id == before.id)
}

fn difference(
    is_known: bool,
    before: Option<&Record>,
    now: &Observation,
    look: &Look,
) -> Option<Difference> {
    let seen = before.map(|record| &record.observation);
    let (kind, facts) = kind(is_known, seen, now)?;
    let since = since(before, now, &facts, look);
    let next = match &now.state {
        State::Unknown { next, .. } => next.clone(),
        state => state.finding().and_then(|finding| finding.remedy.clone()),
    };
    let mut found = Difference {
        kind,
        source: now.source,
        id: now.id.clone(),
        subject: now.subject.clone(),
        silent: None,
        summary: summary(kind, now, &facts),
        facts,
        finding: now.state.finding().cloned(),
        next,
        since,
        runs: Vec::new(),
        expected: false,
        new: false,
    };
    silent::name(&mut found, seen, now);
    Some(found)
}

/// Returns since when it is so. What was so when it was recorded has no look before that.
fn since(before: Option<&Record>, now: &Observation, facts: &[FactChange], look: &Look) -> Since {
    let seen = before.map(|record| &record.observation);
    let agreed = before.and_then(|record| record.agreed);
    let was_so = facts.is_empty() && seen.is_some_and(|seen| seen.state.is_alike(&now.state));
    let machine = facts::times(seen, now);
    match agreed {
        Some(first) if was_so => Since { after: None, before: first, machine },
        after => Since { after, before: look.ended(), machine },
    }
}

/// Returns what is about `now`, and which facts differ; none if it is as it was, and good. `is_known`:
/// whether the baseline knows what its source tells.
fn kind(
    is_known: bool,
    before: Option<&Observation>,
    now: &Observation,
) -> Option<(DifferenceKind, Vec<FactChange>)> {
    let changes = || {
        let before = before.filter(|before| compares(before) && compares(now));
        before.map(|before| facts::changes(before, now)).unwrap_or_default()
    };
    match (&now.state, before.map(|one| &one.state)) {
        (State::Unknown { .. }, _) => Some((DifferenceKind::Unknown, Vec::new())),
        (State::Fails { .. }, _) => Some((DifferenceKind::Fails, changes())),
        (State::Pending { .. }, _) => Some((DifferenceKind::Pending, changes())),
        (State::Warns { finding }, Some(State::Warns { finding: known }))
            if finding.rule == known.rule =>
        {
            let changes = changes();
            (!changes.is_empty()).then_some((DifferenceKind::Changed, changes))
        }
        (State::Warns { .. }, _) => Some((DifferenceKind::Warns, changes())),
        (State::Deferred { .. }, Some(State::Holds)) if !facts::may_be_idle(now) => {
            Some((DifferenceKind::Waits, Vec::new()))
        }
        (State::Deferred { .. }, _) => None,
        (State::Holds, None) if is_known && !now.comes_and_goes() => {
            Some((DifferenceKind::Appeared, Vec::new()))
        }
        (State::Holds, Some(State::Holds)) => {
            let changes = changes();
            (!changes.is_empty()).then_some((DifferenceKind::Changed, changes))
        }
        // It is better than it was.
        (State::Holds, _) => None,
    }
}

/// Whether the evidence shows what is there, whatever the verdict. A check that fails shows why.
fn compares(one: &Observation) -> bool {
    match &one.state {
        State::Holds | State::Pending { .. } | State::Warns { .. } => true,
        State::Fails { .. } | State::Deferred { .. } | State::Unknown { .. } => false,
    }
}

fn summary(kind: DifferenceKind, now: &Observation, facts: &[FactChange]) -> String {
    match (&now.state, kind) {
        (State::Unknown { why, .. }, _) => why.clone(),
        (State::Deferred { until }, _) => format!("nothing to look at: {until}"),
        (_, DifferenceKind::Changed) => changed(facts),
        (_, DifferenceKind::Appeared) => "it was not there".to_owned(),
        (state, _) => state.finding().map(|one| one.summary.clone()).unwrap_or_default(),
    }
}

/// Returns what differs, in one line.
fn changed(facts: &[FactChange]) -> String {
    let value = |one: &Option<Evidence>, fact: &str| match one {
        None => "none".to_owned(),
        Some(one) => {
            let text = one.to_string();
            let bare = text.strip_prefix(fact).map_or(text.as_str(), str::trim_start);
            bare.strip_prefix(": ").unwrap_or(bare).to_owned()
        }
    };
    let one = |FactChange { fact, before, now }: &FactChange| {
        format!("{fact} {} -> {}", value(before, fact), value(now, fact))
    };
    facts.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn left(record: &Record, look: &Look) -> Difference {
    let before = &record.observation;
    Difference {
        kind: DifferenceKind::Gone,
        source: before.source,
        id: before.id.clone(),
        subject: before.subject.clone(),
        silent: None,
        summary: "it is not there any more".to_owned(),
        facts: Vec::new(),
        finding: None,
        next: None,
        since: Since { after: record.agreed, before: look.ended(), machine: Vec::new() },
        runs: Vec::new(),
        expected: false,
        new: false,
    }
}

/// A source that could not be asked: everything that it would tell is unknown.
fn unseen(baseline: Option<&Baseline>, look: &Look, blind: &Blind) -> Difference {
    let records = baseline.into_iter().flat_map(|baseline| &baseline.records);
    let records = records.filter(|record| record.observation.source == blind.source);
    let after = records.filter_map(|record| record.agreed).max();
    let name = blind.source.name();
    Difference {
        kind: DifferenceKind::Unknown,
        source: blind.source,
        id: StepId { target: "site".to_owned(), kind: "source".to_owned(), key: name.to_owned() },
        subject: Subject::new("source", name),
        silent: None,
        summary: super::observation::reason(&blind.failure),
        facts: Vec::new(),
        finding: None,
        next: blind.failure.next.clone(),
        since: Since { after, before: look.ended(), machine: Vec::new() },
        runs: Vec::new(),
        expected: false,
        new: false,
    }
}
