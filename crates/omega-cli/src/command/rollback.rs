use std::sync::Arc;

use omega_core::{
    Desired as _, Event, Failure, FailureClass, Item, Label as _, Section, Step, TargetPlan, step,
};
use omega_juju::{
    Unit,
    operations::{ConvergeServices, undo_step as undo_step_on_unit},
};
use omega_openstack::network::SgRule;
use serde_json::Value;

use super::{
    Session,
    behind::{self, Left},
};
use crate::{
    cli::RollbackArgs,
    engine::{Approved, Task, WayBack},
    exit::Exit,
    runbook::Clients,
    runs::{RunInfo, Runs},
    site::Site,
};

impl Session {
    /// Goes back to what was before a run: each fact that it changed has a fact that leads back.
    pub(super) async fn rollback(&self, args: RollbackArgs) -> Result<Exit, Failure> {
        let _lock = (!args.plan).then(|| self.runs.lock("rollback graft")).transpose()?;
        let (all, damaged) = self.runs.all()?;
        if let (None, Some(damaged)) = (&args.run, damaged.into_iter().next()) {
            // Which run is the last can't be told when one can't be read.
            return Err(damaged);
        }
        let behind = |here: &behind::Endpoints| match args.run.as_deref() {
            Some(id) => Ok(vec![behind::named(id, &all, here)?]),
            None => behind::last(&self.runs, &all, here),
        };
        // Where there is nothing to go back behind, nobody is asked anything.
        behind(&behind::Endpoints::new())?;
        let site = Site::read(&args.site.site)?;
        let kubeconfig = self.kubeconfig(&site)?;
        let world = self.connect(&site, &kubeconfig, &args.site.units).await?;
        let here = world.endpoints();
        let chain = behind(&here)?;
        let ids: Vec<_> = chain.iter().map(|run| run.id.clone()).collect();
        let mut events = Vec::new();
        for id in ids.iter().rev() {
            events.extend(self.runs.events(id)?);
        }
        let legs = legs(&self.runs, &chain, &all, &events, &world).await?;
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
            endpoints: here,
            rolls_back: ids,
            way_back: WayBack::None,
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
        if let Some(by) = behind::rolled_back(&self.runs, first, all) {
            self.console.say(&format!("Run {} went back there already.", by.id));
        }
        for without in one_way(events) {
            self.console.say(&format!("  no way back: {without}"));
        }
    }
}

/// A target's label, and what is done to it.
type OnTarget = (String, Box<dyn Step>);

/// Returns the targets and the steps that lead back, last change first. Of a fact that was changed
/// twice, be it by a run and the one that resumed it, the first before-image is the one that counts.
fn back(events: &[Event], world: &Clients) -> Result<Vec<OnTarget>, Failure> {
    let mut all: Vec<OnTarget> = Vec::new();
    for event in events {
        let Event::Intent { target, kind, desired: _, changes: _, undo: Some(undo) } = event else {
            continue;
        };
        let step = undo_step(target, kind, undo, world).ok_or_else(|| {
            let what = format!("{target} was changed, and is not at hand ({kind})");
            Failure::new(FailureClass::Usage, what).next("name the site and the units of that run")
        })?;
        let same = |(other, first): &OnTarget| other == target && first.subject() == step.subject();
        if !all.iter().any(same) {
            all.push((target.clone(), step));
        }
    }
    all.reverse();
    Ok(all)
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
async fn legs(
    runs: &Runs,
    chain: &[&RunInfo],
    all: &[RunInfo],
    events: &[Event],
    world: &Clients,
) -> Result<Vec<TargetPlan>, Failure> {
    let mut legs: Vec<TargetPlan> = Vec::new();
    for (target, step) in back(events, world)? {
        let nth = legs.iter().position(|leg| leg.target == target).unwrap_or(legs.len());
        if nth == legs.len() {
            let section = Section { number: "0", title: "Back to what was", items: Vec::new() };
            legs.push(TargetPlan { target, sections: vec![section] });
        }
        if let Some(section) = legs.get_mut(nth).and_then(|leg| leg.sections.first_mut()) {
            section.items.push(Item::Step(step));
        }
    }
    let Some(first) = chain.last() else { return Ok(legs) };
    for leg in &mut legs {
        if let Some(unit) = world.unit(&leg.target) {
            let left = behind::left_running(runs, first, all, &leg.target);
            leg.sections.push(services(unit, left).await?);
        }
    }
    Ok(legs)
}

async fn services(unit: &Arc<Unit>, left: Left) -> Result<Section, Failure> {
    let on_disk = ConvergeServices::as_on_disk();
    let services = match left {
        Left::Known(seen) => seen.iter().fold(on_disk, ConvergeServices::after),
        // What runs now may be what that restart started.
        Left::Unknown => {
            let seen = on_disk.observe(unit).await.map_err(|error| {
                Failure::from_error(format!("could not look at {}", unit.label()), &error)
            })?;
            on_disk.after(&seen)
        }
    };
    Ok(Section { number: "1", title: "Services", items: vec![Item::Step(step(unit, services))] })
}

fn undo_step(target: &str, kind: &str, undo: &Value, world: &Clients) -> Option<Box<dyn Step>> {
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
