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

use crate::{
    clients::{Connect, Part, PartialClients},
    graft::GRAFT,
};

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
    /// What can't be undone, as it was shown. A resumed run did some of it again: that is there once.
    pub one_way: Vec<String>,
    /// Whether it only restarted services, which leaves nothing to undo.
    pub only_restarts: bool,
}

/// Returns the step for a state that a journal holds: by the step before which it was, and what
/// restores it. None if the target is not at hand, or the kind unknown.
pub type Restore<'a> =
    &'a (dyn Fn(&StepId, &Undo) -> Result<Option<Box<dyn Step>>, Failure> + Send + Sync);

/// Checks that there is something to roll back on this machine. It makes no request.
///
/// # Errors
///
/// Fails if there is no such run, no graft that changed something, or if a run can't be read.
pub fn check(runs: &Runs, run: Option<&str>) -> Result<(), Failure> {
    let all = readable(runs, run)?;
    select(runs, GRAFT, run, &all, &Endpoints::new()).map(drop)
}

/// Connects to the parts of the site that a rollback of `runbook` changes, as the journals of its
/// runs name them, and to no other; `run` and the runs are those of [`rollback_of`]. `only`: these
/// units, or all.
///
/// # Errors
///
/// Fails if there is no such run on this site, or if the site file lacks a part of it.
pub async fn connect(
    runbook: &str,
    runs: &Runs,
    run: Option<&str>,
    connect: &Connect<'_>,
    only: &[String],
) -> Result<PartialClients, Failure> {
    let all = readable(runs, run)?;
    let mut clients = connect.known_cloud().await;
    let mut connected: Vec<Part> = clients.cloud.iter().map(|_| Part::Cloud).collect();
    // Each part tells more of which runs were on this site.
    loop {
        let chain = select(runs, runbook, run, &all, &clients.endpoints())?;
        let entries = entries(runs, &chain)?;
        let of = |part| undone(&entries).find(|(_, undo)| Part::needed(&undo.kind).contains(&part));
        let mut missing = Part::ALL.into_iter().filter(|part| !connected.contains(part));
        let Some((part, (step, _))) = missing.find_map(|part| Some((part, of(part)?))) else {
            return Ok(clients);
        };
        clients = connect.add(part, only, clients).await.map_err(|failure| {
            failure.because(format!("{} {} is to be undone", step.target, step.key))
        })?;
        connected.push(part);
    }
}

/// Returns what leads back to before `run`, whatever made it, or before the last graft that changed
/// something together with the runs that it resumed. `site`: the site, as the operator named it.
///
/// # Errors
///
/// Fails if there is no such run on this site, or if there is no client for one of its targets.
pub async fn rollback(
    runs: &Runs,
    run: Option<&str>,
    site: &str,
    clients: &PartialClients,
) -> Result<Rollback, Failure> {
    let known = |step: &StepId, undo: &Undo| restore(step, undo, clients);
    rollback_of(GRAFT, runs, run, site, clients, &known).await
}

/// The same for another `runbook`, which may have steps of another program: `restore` knows them, and
/// may call [`restore()`] for those of omega.
///
/// The job has the name of what it rolls back: `run`'s own, or `runbook`.
///
/// # Errors
///
/// As [`rollback()`].
pub async fn rollback_of(
    runbook: &str,
    runs: &Runs,
    run: Option<&str>,
    site: &str,
    clients: &PartialClients,
    restore: Restore<'_>,
) -> Result<Rollback, Failure> {
    let all = readable(runs, run)?;
    let chain = select(runs, runbook, run, &all, &clients.endpoints())?;
    let entries = entries(runs, &chain)?;
    let targets = targets(runs, &chain, &all, back(&entries, restore)?, clients).await?;
    // A run that was named is not always one of the runbook.
    let name = chain.first().map_or(runbook, |run| &run.runbook);
    let job = Job::new(name, site, targets).on(clients.endpoints(), clients.counts());
    let rolls_back = chain.iter().map(|run| run.id.clone()).collect();
    Ok(Rollback {
        job: Job { rolls_back, ..job },
        already: chain.last().and_then(|first| rolled_back_by(runs, first, &all)).cloned(),
        runs: chain.into_iter().cloned().collect(),
        one_way: one_way(&entries),
        only_restarts: only_restarts(&entries),
    })
}

/// If a run can't be read, it is not known which run is the last.
fn readable(runs: &Runs, run: Option<&str>) -> Result<Vec<RunInfo>, Failure> {
    let (all, damaged) = runs.all()?;
    let mut damaged = damaged.into_iter();
    let in_the_way = match run {
        None => damaged.next(),
        Some(id) if all.iter().any(|one| one.id == id) => None,
        Some(id) => damaged.find(|one| one.message.contains(id)),
    };
    in_the_way.map_or(Ok(all), Err)
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

/// Returns what the runs recorded, the oldest first.
fn entries(runs: &Runs, chain: &[&RunInfo]) -> Result<Vec<Entry>, Failure> {
    let each = chain.iter().rev().map(|run| {
        let journal = runs.directory(&run.id).unwrap_or_default().join("journal.jsonl");
        let next = format!(
            "without its journal omega rolls nothing back: read what is left of it, {}, and change that with the \
             commands that made it, with the earlier values",
            journal.display()
        );
        runs.entries(&run.id).map_err(|failure| match failure.next {
            Some(_) => failure,
            None => failure.next(next),
        })
    });
    Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Returns each step that changed something lasting, with what restores the state before it.
fn undone(entries: &[Entry]) -> impl Iterator<Item = (&StepId, &Undo)> {
    entries.iter().filter_map(|entry| {
        let Entry::Intent { step, undo: Some(undo), temporary: false, .. } = entry else {
            return None;
        };
        Some((step, undo))
    })
}

/// Returns the steps that restore, last change first. Of a fact that was changed twice, be it by a
/// run and the one that resumed it, the first state before is the one that counts.
fn back(entries: &[Entry], restore: Restore<'_>) -> Result<Vec<Box<dyn Step>>, Failure> {
    let mut all: Vec<Box<dyn Step>> = Vec::new();
    for (step, undo) in undone(entries) {
        let StepId { target, kind, key: _ } = step;
        let step = restore(step, undo)?.ok_or_else(|| {
            let what = format!(
                "{target} was changed, but is not among what this command reaches ({kind})"
            );
            Failure::new(FailureClass::Usage, what).next("name the site and the units of that run")
        })?;
        if !all.iter().any(|first| first.id() == step.id()) {
            all.push(step);
        }
    }
    all.reverse();
    Ok(all)
}

fn one_way(entries: &[Entry]) -> Vec<String> {
    let all = entries.iter().flat_map(|entry| {
        let Entry::Intent { step, changes, undo: None, temporary: false, .. } = entry else {
            return Vec::new();
        };
        changes.iter().map(|change| format!("{}: {}", step.target, change.subject)).collect()
    });
    all.fold(Vec::new(), |mut known, one| {
        if !known.contains(&one) {
            known.push(one);
        }
        known
    })
}

fn only_restarts(entries: &[Entry]) -> bool {
    let mut kinds = entries.iter().filter_map(|entry| {
        let Entry::Intent { step, temporary: false, .. } = entry else { return None };
        Some(step.kind.as_str())
    });
    kinds.all(|kind| kind == ConvergeServices::KIND)
}

/// One plan for each target: the facts that restore, then the daemons running with the restored
/// files.
async fn targets(
    runs: &Runs,
    chain: &[&RunInfo],
    all: &[RunInfo],
    steps: Vec<Box<dyn Step>>,
    clients: &PartialClients,
) -> Result<Vec<TargetPlan>, Failure> {
    let mut targets: Vec<TargetPlan> = Vec::new();
    for step in steps {
        let target = step.id().target;
        let nth = targets.iter().position(|one| one.target == target).unwrap_or(targets.len());
        if nth == targets.len() {
            let section = Section::new("1", "Restore the earlier state", Vec::new());
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
    Ok(Section::new("2", "Services", vec![Item::Step(step(unit, services))]))
}

#[cfg(test)]
mod connect_tests;
#[cfg(test)]
mod tests;
