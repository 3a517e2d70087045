//! Rollback: each fact that a run changed has a fact that restores the state before.

mod left_running;
mod restore;

use std::sync::Arc;

use left_running::{Left, left_running};
use omega_core::{
    Desired as _, Entry, Failure, FailureClass, Item, Label as _, Section, Step, StepId,
    TargetPlan, Undo,
    run::{Endpoints, Job, RunInfo, Runs, last_run, named_run, rolled_back_by},
    step,
};
use omega_juju::{Unit, operations::ConvergeServices};
pub use restore::restore;

use crate::{clients::Clients, graft::GRAFT};

/// What a rollback does, and which runs it undoes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rollback {
    /// The job: the facts that restore, last change first, then the daemons running with the restored
    /// files.
    pub job: Job,
    /// The runs that it rolls back, newest first.
    pub runs: Vec<RunInfo>,
    /// The run that has already rolled them back, if any.
    pub already: Option<RunInfo>,
    /// What can't be undone, as it was shown.
    pub one_way: Vec<String>,
}

/// Returns the step that restores a state from a journal, by the target's label and the stored fact.
pub type Restore<'a> = &'a (dyn Fn(&str, &Undo) -> Option<Box<dyn Step>> + Send + Sync);

/// Checks that there is something to roll back on this machine. It makes no request.
///
/// # Errors
///
/// Fails if there is no such run, no graft that changed something, or if a run can't be read.
pub fn check(runs: &Runs, run: Option<&str>) -> Result<(), Failure> {
    let all = readable(runs, run)?;
    select(runs, GRAFT, run, &all, &Endpoints::new()).map(drop)
}

/// Returns the rollback of `run`, or of the last graft that changed something together with the runs
/// that it resumed. `site`: the site, as the operator named it.
///
/// # Errors
///
/// Fails if there is no such run on this site, or if there is no client for one of its targets.
pub async fn rollback(
    runs: &Runs,
    run: Option<&str>,
    site: &str,
    clients: &Clients,
) -> Result<Rollback, Failure> {
    let known = |target: &str, undo: &Undo| restore(target, undo, clients);
    rollback_of(GRAFT, runs, run, site, clients, &known).await
}

/// The same for another `runbook`, which may have steps of another program: `restore` knows them, and
/// may call [`restore()`] for those of omega.
///
/// # Errors
///
/// As [`rollback()`].
pub async fn rollback_of(
    runbook: &str,
    runs: &Runs,
    run: Option<&str>,
    site: &str,
    clients: &Clients,
    restore: Restore<'_>,
) -> Result<Rollback, Failure> {
    let all = readable(runs, run)?;
    let chain = select(runs, runbook, run, &all, &clients.endpoints())?;
    let mut entries = Vec::new();
    for run in chain.iter().rev() {
        entries.extend(runs.entries(&run.id)?);
    }
    let targets = targets(runs, &chain, &all, back(&entries, restore)?, clients).await?;
    let job = Job::new(runbook, site, targets).on(clients.endpoints(), clients.counts());
    let rolls_back = chain.iter().map(|run| run.id.clone()).collect();
    Ok(Rollback {
        job: Job { rolls_back, ..job },
        already: chain.last().and_then(|first| rolled_back_by(runs, first, &all)).cloned(),
        runs: chain.into_iter().cloned().collect(),
        one_way: one_way(&entries).collect(),
    })
}

/// If a run can't be read, it is not known which run is the last.
fn readable(runs: &Runs, run: Option<&str>) -> Result<Vec<RunInfo>, Failure> {
    let (all, damaged) = runs.all()?;
    match (run, damaged.into_iter().next()) {
        (None, Some(damaged)) => Err(damaged),
        (_, _) => Ok(all),
    }
}

fn select<'a>(
    runs: &Runs,
    runbook: &str,
    run: Option<&str>,
    all: &'a [RunInfo],
    here: &Endpoints,
) -> Result<Vec<&'a RunInfo>, Failure> {
    match run {
        Some(id) => Ok(vec![named_run(id, all, here)?]),
        None => last_run(runs, runbook, all, here),
    }
}

/// Returns the steps that restore, last change first. If a fact was changed several times, also by a
/// run that resumed another, the state before the first change is restored.
fn back(entries: &[Entry], restore: Restore<'_>) -> Result<Vec<Box<dyn Step>>, Failure> {
    let mut all: Vec<Box<dyn Step>> = Vec::new();
    for entry in entries {
        let Entry::Intent { step, undo: Some(undo), temporary: false, .. } = entry else {
            continue;
        };
        let StepId { target, kind, key: _ } = step;
        let step = restore(target, undo).ok_or_else(|| {
            let what = format!("{target} was changed, but is not among the given targets ({kind})");
            Failure::new(FailureClass::Usage, what)
                .next("use the site file and the units of that run")
        })?;
        if !all.iter().any(|first| first.id() == step.id()) {
            all.push(step);
        }
    }
    all.reverse();
    Ok(all)
}

fn one_way(entries: &[Entry]) -> impl Iterator<Item = String> {
    entries.iter().flat_map(|entry| {
        let Entry::Intent { step, changes, undo: None, .. } = entry else { return Vec::new() };
        changes.iter().map(|change| format!("{}: {}", step.target, change.subject)).collect()
    })
}

/// One plan for each target: the facts that restore, then the daemons running with the restored
/// files.
async fn targets(
    runs: &Runs,
    chain: &[&RunInfo],
    all: &[RunInfo],
    steps: Vec<Box<dyn Step>>,
    clients: &Clients,
) -> Result<Vec<TargetPlan>, Failure> {
    let mut targets: Vec<TargetPlan> = Vec::new();
    for step in steps {
        let target = step.id().target;
        let nth = targets.iter().position(|one| one.target == target).unwrap_or(targets.len());
        if nth == targets.len() {
            let section = Section::new("0", "Back to what was", Vec::new());
            targets.push(match clients.unit(&target) {
                Some(_) => TargetPlan::unit(target, vec![section]),
                None => TargetPlan::shared(target, vec![section]),
            });
        }
        if let Some(section) = targets.get_mut(nth).and_then(|one| one.sections.first_mut()) {
            section.items.push(Item::Step(step));
        }
    }
    let Some(first) = chain.last() else { return Ok(targets) };
    for target in &mut targets {
        if let Some(unit) = clients.unit(&target.target) {
            let left = left_running(runs, first, all, &target.target);
            target.sections.push(services(unit, left).await?);
        }
    }
    Ok(targets)
}

async fn services(unit: &Arc<Unit>, left: Left) -> Result<Section, Failure> {
    let on_disk = ConvergeServices::as_on_disk();
    let services = match left {
        Left::Known(seen) => seen.iter().fold(on_disk, ConvergeServices::after),
        // The processes that run now may be those that the restart started.
        Left::Unknown => {
            let seen = on_disk.observe(unit).await.map_err(|error| {
                Failure::from_error(format!("could not read the state of {}", unit.label()), &error)
            })?;
            on_disk.after(&seen)
        }
    };
    Ok(Section::new("1", "Services", vec![Item::Step(step(unit, services))]))
}

#[cfg(test)]
mod tests;
