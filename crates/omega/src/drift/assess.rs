//! Compares a look with the baseline, and keeps that up to date.

#![allow(clippy::if_same_then_else, reason = "two reasons")]

use omega_core::{
    Failure,
    run::{Runs, Status},
};

use super::{
    Difference, DifferenceKind, DriftReport, Look, LookOptions, Observation, Standing,
    baseline::{Baseline, BaselineFile},
    compare::compare,
    expiry::EXPIRY,
    runs::explain,
};

/// Whether what is seen becomes what is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Only what is as it was, better, or explained by a run of omega.
    Keep,
    /// All that was seen. What was not seen is not accepted.
    Accept,
}

/// Compares `look` with the baseline in `file`, updates that, and reports. If there is no baseline yet, the
/// look becomes it. `site`: the site, as the operator named it. `runs`: omega's, which may explain a change.
///
/// # Errors
///
/// Fails if the baseline can't be used or written, or if it is of another site and not accepted anew.
pub fn assess(
    look: &Look,
    file: &BaselineFile,
    runs: &Runs,
    site: &str,
    acceptance: Acceptance,
    options: &LookOptions,
) -> Result<DriftReport, Failure> {
    let stored = stored(file, look, acceptance)?;
    let mut differences = compare(stored.as_ref(), look);
    let since = stored.as_ref().map_or(look.at, |stored| stored.looked);
    let ran = explain(&mut differences, runs, &look.endpoints, since)?;
    let recorded = stored.is_none() || acceptance == Acceptance::Accept;
    let mut baseline =
        stored.unwrap_or_else(|| Baseline::new(site, look.endpoints.clone(), look.at));
    let recovered = tell(&mut differences, &baseline, look);
    let standings = standings(&differences, &baseline, look);
    update(&mut baseline, &mut differences, look, acceptance);
    count(&mut baseline, &differences, &recovered);
    file.write(&baseline)?;
    Ok(DriftReport {
        site: site.to_owned(),
        at: look.at,
        seconds: look.took.as_secs_f64(),
        baseline: baseline.recorded,
        recorded,
        looked: look.observations.len(),
        differences,
        recovered,
        runs: ran,
        skipped: options.skip.clone(),
        looks: baseline.looks,
        found: baseline.found,
        standings,
    })
}

/// Returns the baseline of this site. One of another site is refused, unless another is accepted.
fn stored(
    file: &BaselineFile,
    look: &Look,
    acceptance: Acceptance,
) -> Result<Option<Baseline>, Failure> {
    let Some(stored) = file.read()? else { return Ok(None) };
    match (stored.is_of(&look.endpoints), acceptance) {
        (Ok(()), _) => Ok(Some(stored)),
        (Err(_), Acceptance::Accept) => Ok(None),
        (Err(failure), Acceptance::Keep) => Err(failure),
    }
}

/// Takes into the baseline what belongs there, and what goes on being reported. What was accepted is not
/// among the differences any more.
fn update(
    baseline: &mut Baseline,
    differences: &mut Vec<Difference>,
    look: &Look,
    acceptance: Acceptance,
) {
    baseline.endpoints.extend(look.endpoints.clone());
    let known = baseline.seen.clone();
    keep(baseline, differences, look, acceptance);
    if acceptance == Acceptance::Accept {
        differences.retain(|one| !is_accepted(one.kind));
    }
    // What is in the baseline now is not reported again.
    let is_taken =
        |one: &&Difference| one.expected || (!known.contains(&one.source) && is_accepted(one.kind));
    // What was not to be looked at, or could not be, is as it was reported.
    let left_out = baseline.open.iter().filter(|open| is_unseen(open, differences, look));
    let left_out: Vec<Difference> = left_out.cloned().collect();
    baseline.open = differences.iter().filter(|one| !is_taken(one)).cloned().collect();
    baseline.open.extend(left_out);
}

/// Whether this look tells nothing of what was reported.
fn is_unseen(open: &Difference, now: &[Difference], look: &Look) -> bool {
    let unknown = |one: &Difference| one.id == open.id && one.kind == DifferenceKind::Unknown;
    look.leaves_out(open.source, &open.id)
        || (open.kind != DifferenceKind::Unknown
            && (look.is_blind(open.source) || now.iter().any(unknown)))
}

/// Whether a difference of this kind can be accepted: not what a failing rule found, what `apply` would
/// change, or what was not seen.
fn is_accepted(kind: DifferenceKind) -> bool {
    kind.status() == Status::Pending && kind != DifferenceKind::Pending
}

/// Marks what was reported already, since when it is so, and returns what is over.
fn tell(all: &mut [Difference], baseline: &Baseline, look: &Look) -> Vec<Difference> {
    for one in all.iter_mut() {
        match baseline.open.iter().find(|open| open.id == one.id && one.is_told(open)) {
            Some(open) => {
                one.since = open.since.clone();
                one.runs.clone_from(&open.runs);
            }
            None => one.new = true,
        }
    }
    let is_over = |open: &&Difference| {
        let looked = !look.is_blind(open.source) && !look.leaves_out(open.source, &open.id);
        // What could not be looked at for a while is over once.
        let other = |one: &Difference| one.id == open.id && one.kind != DifferenceKind::Unknown;
        let is_second = open.kind == DifferenceKind::Unknown && baseline.open.iter().any(other);
        looked && !is_second && !all.iter().any(|one| one.id == open.id)
    };
    let over = baseline.open.iter().filter(is_over).cloned();
    over.map(|open| open.recovered(look.ended())).collect()
}

/// Takes into the baseline what is as it was, what is better, and what is accepted or expected.
fn keep(baseline: &mut Baseline, differences: &[Difference], look: &Look, acceptance: Acceptance) {
    let accepts = acceptance == Acceptance::Accept;
    for now in &look.observations {
        let found = differences.iter().find(|one| one.id == now.id);
        let is_known = baseline.record(&now.id).is_some();
        // What can't be accepted is compared with what was recorded before.
        let is_accepted = accepts && found.is_none_or(|one| is_accepted(one.kind));
        let takes = is_accepted || !baseline.seen.contains(&now.source);
        if takes && (!now.state.is_unknown() || !is_known) {
            let agreed = (!now.state.is_unknown()).then_some(look.at);
            baseline.put(now.clone(), agreed);
        } else if found.is_none_or(|one| one.expected) && !now.state.is_unknown() {
            baseline.put(now.clone(), Some(look.at));
        } else if first_seen(baseline, now) {
            baseline.put(now.clone(), Some(look.at));
        }
    }
    let is_left = |one: &Observation| {
        let is_there = look.observations.iter().any(|now| now.id == one.id);
        let gone = differences.iter().find(|gone| gone.id == one.id);
        let is_accepted = accepts || gone.is_none_or(|gone| gone.expected);
        // The end of a credential that can't be read now may be read later.
        let is_unread = look.is_blind(one.source) || look.skips(one) || one.id.kind == EXPIRY;
        is_there || is_unread || !is_accepted
    };
    baseline.records.retain(|record| is_left(&record.observation));
    for one in &look.observations {
        if !baseline.seen.contains(&one.source) {
            baseline.seen.push(one.source);
        }
    }
    if accepts {
        baseline.recorded = look.at;
    }
    baseline.looked = look.at;
    baseline.looks += 1;
}

/// Whether it was not known when the baseline was recorded, and is now: there is nothing to compare with.
fn first_seen(baseline: &Baseline, now: &Observation) -> bool {
    let before = baseline.record(&now.id);
    before.is_some_and(|before| before.observation.state.is_unknown()) && !now.state.is_unknown()
}

fn count(baseline: &mut Baseline, all: &[Difference], recovered: &[Difference]) {
    for one in all.iter().filter(|one| one.new).chain(recovered) {
        *baseline.found.entry(one.kind.name().to_owned()).or_default() += 1;
    }
}

const UNKNOWN: &str = "unknown";

/// Returns each thing that is known, also what could not be looked at.
fn standings(differences: &[Difference], baseline: &Baseline, look: &Look) -> Vec<Standing> {
    let changed = |one: &Observation| {
        let kinds = [DifferenceKind::Changed, DifferenceKind::Appeared, DifferenceKind::Gone];
        let is_change = |kind| kinds.contains(&kind) || kind == DifferenceKind::Pending;
        differences.iter().any(|other| other.id == one.id && is_change(other.kind))
    };
    let seen = look.observations.iter().map(|one| Standing {
        observation: one.clone(),
        state: one.state.word().to_owned(),
        changed: changed(one),
    });
    let unseen = baseline.records.iter().map(|record| &record.observation);
    let unseen = unseen.filter(|one| look.is_blind(one.source));
    let unseen = unseen.map(|one| Standing {
        observation: one.clone(),
        state: UNKNOWN.to_owned(),
        changed: false,
    });
    seen.chain(unseen).collect()
}
