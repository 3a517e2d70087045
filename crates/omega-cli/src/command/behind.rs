//! Which runs a rollback goes back behind, and what they left running.

use std::collections::BTreeMap;

use omega_core::{Desired as _, Event, Failure, FailureClass};
use omega_juju::operations::{ConvergeServices, ServicesObserved};
use serde_json::Value;

use crate::runs::{RunInfo, Runs};

/// What tells a site from others, as [`RunInfo::endpoints`].
pub(super) type Endpoints = BTreeMap<String, String>;

/// Returns run `id`, if it was on this site.
pub(super) fn named<'a>(
    id: &str,
    all: &'a [RunInfo],
    here: &Endpoints,
) -> Result<&'a RunInfo, Failure> {
    let run = all.iter().find(|run| run.id == id).ok_or_else(|| {
        Failure::new(FailureClass::Usage, format!("there is no run `{id}` on this machine"))
            .next("omega-cli runs lists them")
    })?;
    match other_site(run, here) {
        None => Ok(run),
        Some((what, then, now)) => Err(Failure {
            expected: Some(format!("{what}: {then}")),
            found: Some(format!("{what}: {now}")),
            ..Failure::new(FailureClass::Usage, format!("run {id} was on another site"))
        }
        .next(format!("name the site file of that run; it was {}", run.site))),
    }
}

/// Returns the last graft of this site that changed something, and before it those that it
/// resumed: runs that stopped half-way. The newest is the first.
pub(super) fn last<'a>(
    runs: &Runs,
    all: &'a [RunInfo],
    here: &Endpoints,
) -> Result<Vec<&'a RunInfo>, Failure> {
    let graft = |run: &&RunInfo| run.runbook == "graft" && run.rolls_back.is_empty();
    let here = |run: &&RunInfo| other_site(run, here).is_none();
    let mut chain: Vec<&RunInfo> = Vec::new();
    // Runs that came to their end on other units: they belong to it if one before them does.
    let mut between: Vec<&RunInfo> = Vec::new();
    for run in all.iter().filter(graft).filter(here) {
        let Some(newest) = chain.first() else {
            if runs.events(&run.id)?.iter().any(is_intent) {
                chain.push(run);
            }
            continue;
        };
        if rolled_back(runs, run, all).is_some() {
            break;
        }
        if !converged(runs, run) {
            chain.append(&mut between);
            chain.push(run);
        } else if newest.endpoints.keys().all(|target| run.endpoints.contains_key(target)) {
            break;
        } else {
            between.push(run);
        }
    }
    if chain.is_empty() {
        return Err(Failure::new(
            FailureClass::Usage,
            "no graft on this machine has changed this site",
        )
        .next("omega-cli runs lists them"));
    }
    Ok(chain)
}

/// Returns what is at another place than the run knew it.
fn other_site<'a>(run: &'a RunInfo, here: &'a Endpoints) -> Option<(&'a str, &'a str, &'a str)> {
    let kind = |at: &str| at.split([',', ' ']).next().unwrap_or_default().to_owned();
    let both = run.endpoints.iter().filter_map(|(what, then)| Some((what, then, here.get(what)?)));
    // The same unit may be reached by Juju once and by SSH another time.
    let mut differ = both
        .filter(|(what, then, now)| then != now && (*what == "cloud" || kind(then) == kind(now)));
    differ.next().map(|(what, then, now)| (what.as_str(), then.as_str(), now.as_str()))
}

fn is_intent(event: &Event) -> bool {
    matches!(event, Event::Intent { .. })
}

/// Returns the run that went back behind this one, to the end.
pub(super) fn rolled_back<'a>(
    runs: &Runs,
    run: &RunInfo,
    all: &'a [RunInfo],
) -> Option<&'a RunInfo> {
    all.iter().find(|one| one.rolls_back.contains(&run.id) && converged(runs, one))
}

fn converged(runs: &Runs, run: &RunInfo) -> bool {
    let report: Option<Value> = runs.kept(&run.id, "report.json");
    report.and_then(|report| report.get("converged")?.as_bool()).unwrap_or(false)
}

/// What runs left running on a unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Left {
    /// These processes, or none.
    Known(Vec<ServicesObserved>),
    /// A restart began, and what came of it was not recorded.
    Unknown,
}

/// Returns what this run and later ones left running on `unit`: a process of theirs may hold what
/// is removed now. (A rollback's own restart is not one of them.)
pub(super) fn left_running(runs: &Runs, run: &RunInfo, all: &[RunInfo], unit: &str) -> Left {
    let since = all.iter().filter(|one| one.began >= run.began && one.rolls_back.is_empty());
    let (mut known, mut open) = (Vec::new(), false);
    for run in since.rev() {
        let Ok(events) = runs.events(&run.id) else { return Left::Unknown };
        for event in events {
            match event {
                Event::Intent { target, kind, .. } | Event::Failed { target, kind, .. }
                    if target == unit && kind == ConvergeServices::KIND =>
                {
                    open = true;
                }
                Event::Verified { target, kind, seen }
                    if target == unit && kind == ConvergeServices::KIND =>
                {
                    let seen = seen.and_then(|seen| serde_json::from_value(seen).ok());
                    open = seen.is_none();
                    known.extend(seen);
                }
                Event::Intent { .. } | Event::Failed { .. } | Event::Verified { .. } => {}
            }
        }
    }
    if open && rolled_back(runs, run, all).is_none() { Left::Unknown } else { Left::Known(known) }
}
