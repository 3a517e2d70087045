use std::sync::Arc;

use omega_core::{Class, Desired as _, Event, Failure, Item, Label as _, Leg, Section, Step, step};
use omega_juju::{
    Unit,
    operations::{ConvergeServices, undo_step as undo_step_on_unit},
};
use omega_openstack::network::SgRule;
use serde_json::Value;

use super::Session;
use crate::{
    cli::RollbackArgs,
    engine::{Approved, Task},
    exit::Exit,
    runbook::World,
    runs::{RunInfo, Runs},
    site::Site,
};

impl Session {
    /// Goes back to what was before a run: each fact that it changed has a fact that leads back.
    pub(super) async fn rollback(&self, args: RollbackArgs) -> Result<Exit, Failure> {
        let _lock = (!args.plan).then(|| self.runs.lock("rollback graft")).transpose()?;
        let (all, damaged) = self.runs.all()?;
        let chain = match args.run.as_deref() {
            Some(id) => vec![named(id, &all)?],
            // Which run is the last can't be told when one can't be read.
            None => match damaged.into_iter().next() {
                Some(damaged) => return Err(damaged),
                None => last(&self.runs, &all)?,
            },
        };
        let ids: Vec<_> = chain.iter().map(|run| run.id.clone()).collect();
        let mut events = Vec::new();
        for id in ids.iter().rev() {
            events.extend(self.runs.events(id)?);
        }
        let site = Site::read(&args.site.site)?;
        let kubeconfig = self.kubeconfig(&site)?;
        let world = self.connect(&site, &kubeconfig, &args.site.units).await?;
        let started = chain.last().map(|first| started(&self.runs, first, &all)).transpose()?;
        let legs = legs(&ids.join(", "), &events, &started.unwrap_or_default(), &world)?;
        self.say_where(&chain, &all, &events);
        let run = match ids.as_slice() {
            [one] => format!(" --run {one}"),
            _ => String::new(),
        };
        let task = Task {
            name: "graft".to_owned(),
            site: args.site.site.display().to_string(),
            again: format!("omega-cli rollback graft{run}{}", args.site.said()),
            legs,
            afterwards: Vec::new(),
            pre_state: None,
            counts: world.counts(),
            rolls_back: ids,
        };
        if args.plan {
            self.shown(self.engine().plan(&task, None).await?)
        } else {
            let report = self.engine().apply(&task, Approved::Now).await?;
            self.shown(report)
        }
    }

    fn say_where(&self, chain: &[&RunInfo], all: &[RunInfo], events: &[Event]) {
        let Some((first, later)) = chain.split_last() else { return };
        let later: Vec<_> = later.iter().map(|run| run.id.as_str()).collect();
        let resumed = match later.as_slice() {
            [] => String::new(),
            later => format!(", which did not end well and was resumed by {}", later.join(", ")),
        };
        self.console
            .say(&format!("Going back to before run {} ({}){resumed}.", first.id, first.began));
        if let Some(by) = rolled_back(first, all) {
            self.console.say(&format!("Run {} went back there already.", by.id));
        }
        for without in one_way(events) {
            self.console.say(&format!("  no way back: {without}"));
        }
    }
}

/// Returns what this run and later ones left running: a process of theirs may hold what is
/// removed now. (A rollback's own restart is not one of them.)
fn started(runs: &Runs, run: &RunInfo, all: &[RunInfo]) -> Result<Vec<Event>, Failure> {
    let since = all.iter().filter(|one| one.began >= run.began && one.rolls_back.is_empty());
    let mut events = Vec::new();
    for run in since {
        events.extend(runs.events(&run.id)?);
    }
    Ok(events)
}

/// Returns the last graft that changed something, and before it those that it resumed: runs
/// that stopped half-way. The newest is the first.
fn last<'a>(runs: &Runs, all: &'a [RunInfo]) -> Result<Vec<&'a RunInfo>, Failure> {
    let grafts = all.iter().filter(|run| run.runbook == "graft" && run.rolls_back.is_empty());
    let mut chain: Vec<&RunInfo> = Vec::new();
    for run in grafts {
        let changed = runs.events(&run.id)?.iter().any(is_intent);
        if chain.is_empty() && changed {
            chain.push(run);
        } else if !chain.is_empty() {
            if converged(runs, run) || rolled_back(run, all).is_some() {
                break;
            }
            chain.push(run);
        }
    }
    if chain.is_empty() {
        return Err(Failure::new(Class::Usage, "no graft on this machine has changed anything")
            .next("omega-cli runs lists them"));
    }
    Ok(chain)
}

fn converged(runs: &Runs, run: &RunInfo) -> bool {
    let report: Option<Value> = runs.kept(&run.id, "report.json");
    report.and_then(|report| report.get("converged")?.as_bool()).unwrap_or(false)
}

fn named<'a>(id: &str, all: &'a [RunInfo]) -> Result<&'a RunInfo, Failure> {
    all.iter().find(|run| run.id == id).ok_or_else(|| {
        Failure::new(Class::Usage, format!("there is no run `{id}` on this machine"))
            .next("omega-cli runs lists them")
    })
}

fn is_intent(event: &Event) -> bool {
    matches!(event, Event::Intent { .. })
}

/// Returns the run that went back behind this one.
fn rolled_back<'a>(run: &RunInfo, all: &'a [RunInfo]) -> Option<&'a RunInfo> {
    all.iter().find(|one| one.rolls_back.contains(&run.id))
}

/// A fact that leads back, and where it belongs.
struct Back<'a> {
    target: &'a str,
    kind: &'a str,
    undo: &'a Value,
}

/// Returns what leads back, last change first. Of a fact that a run changed twice, the first
/// before-image is the one that counts.
fn back(events: &[Event]) -> Vec<Back<'_>> {
    let mut all: Vec<Back<'_>> = Vec::new();
    let mut seen: Vec<(&str, &str, Vec<&omega_core::Subject>)> = Vec::new();
    for event in events {
        let Event::Intent { target, kind, desired: _, changes, undo: Some(undo) } = event else {
            continue;
        };
        let what = (target.as_str(), kind.as_str(), changes.iter().map(|c| &c.subject).collect());
        if !seen.contains(&what) {
            seen.push(what);
            all.push(Back { target, kind, undo });
        }
    }
    all.reverse();
    all
}

fn one_way(events: &[Event]) -> impl Iterator<Item = String> {
    events.iter().flat_map(|event| match event {
        Event::Intent { target, changes, undo: None, .. } => {
            changes.iter().map(|change| format!("{target}: {}", change.subject)).collect()
        }
        Event::Intent { .. } | Event::Verified { .. } | Event::Failed { .. } => Vec::new(),
    })
}

/// One leg for each target: the facts that lead back, then the daemons on what is then on disk.
fn legs(
    runs: &str,
    events: &[Event],
    started: &[Event],
    world: &World,
) -> Result<Vec<Leg>, Failure> {
    let mut legs: Vec<Leg> = Vec::new();
    for Back { target, kind, undo } in back(events) {
        let step = undo_step(target, kind, undo, world).ok_or_else(|| {
            let what = format!("{runs} changed {target}, which is not at hand ({kind})");
            Failure::new(Class::Usage, what).next("name the site and the units of that run")
        })?;
        let nth = legs.iter().position(|leg| leg.target == target).unwrap_or(legs.len());
        if nth == legs.len() {
            let section = Section { number: "0", title: "Back to what was", items: Vec::new() };
            legs.push(Leg { target: target.to_owned(), sections: vec![section] });
        }
        if let Some(section) = legs.get_mut(nth).and_then(|leg| leg.sections.first_mut()) {
            section.items.push(Item::Step(step));
        }
    }
    for leg in &mut legs {
        if let Some(unit) = world.unit(&leg.target) {
            leg.sections.push(services(unit, started));
        }
    }
    Ok(legs)
}

fn services(unit: &Arc<Unit>, started: &[Event]) -> Section {
    let seen = started.iter().filter_map(|event| match event {
        Event::Verified { target, kind, seen: Some(seen) }
            if *target == unit.label() && kind == ConvergeServices::KIND =>
        {
            serde_json::from_value(seen.clone()).ok()
        }
        Event::Verified { .. } | Event::Intent { .. } | Event::Failed { .. } => None,
    });
    let services =
        seen.fold(ConvergeServices::as_on_disk(), |services, seen| services.after(&seen));
    Section { number: "1", title: "Services", items: vec![Item::Step(step(unit, services))] }
}

fn undo_step(target: &str, kind: &str, undo: &Value, world: &World) -> Option<Box<dyn Step>> {
    if let Some(unit) = world.unit(target) {
        return undo_step_on_unit(kind, undo.clone(), unit);
    }
    if kind == SgRule::KIND && target == world.network.label() {
        let rule: SgRule = serde_json::from_value(undo.clone()).ok()?;
        return Some(step(&world.network, rule));
    }
    None
}

#[cfg(test)]
#[path = "rollback_tests.rs"]
mod tests;
