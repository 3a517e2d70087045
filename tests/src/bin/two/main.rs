//! Two runs at the same time, from two machines, on the same simulators: in every interleaving with at most
//! two context switches, and in random ones. The result is that of one run.
//!
//! See `tests/two/run`.

#![allow(
    clippy::single_match_else,
    clippy::wildcard_enum_match_arm,
    reason = "a harness: any other class is unexpected"
)]

mod seams;
mod turns;
mod world;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use omega::{
    core::{Failure, FailureClass, Touched},
    run::Report,
};
use tokio::runtime::Runtime;

use crate::{
    turns::{Schedule, Turns},
    world::{Everything, Scenario, WHO, World},
};

/// A schedule that never switches lets the first run end before the second begins.
const NEVER: usize = usize::MAX;

/// How many failing cases are shown.
const SHOWN: usize = 10;

fn main() -> Result<ExitCode, String> {
    let mut arguments = std::env::args().skip(1);
    let (mut seeds, mut stride, mut only) = (10_000, 1, None);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse::<u64>().ok());
        match (argument.as_str(), number) {
            ("--seeds", Some(count)) => seeds = count,
            ("--stride", Some(step)) => stride = usize::try_from(step).unwrap_or(1).max(1),
            ("--seed", Some(seed)) => only = Some(seed),
            _ => {
                return Err("usage: two [--seeds N] [--stride N] [--seed S]".to_owned());
            }
        }
    }
    let worlds = Scenario::ALL.iter().map(|scenario| prepared(*scenario));
    let worlds: Vec<Prepared> = worlds.collect::<Result<_, _>>()?;
    let mut cases: Vec<(usize, Schedule)> = Vec::new();
    match only {
        Some(seed) => cases.push((of_seed(seed), Schedule::Seeded(seed))),
        None => {
            for (nth, world) in worlds.iter().enumerate() {
                // The graft has many exchanges: a part of its interleavings is drawn by the seeds.
                let small = Scenario::SMALL.contains(&world.scenario);
                cases.extend(
                    twice(world, if small { stride } else { stride * 16 }).map(|s| (nth, s)),
                );
            }
            cases.extend((0..seeds).map(|seed| (of_seed(seed), Schedule::Seeded(seed))));
        }
    }
    let failed = all(&worlds, &cases)?;
    let mut out = io::stdout().lock();
    let written = failed
        .iter()
        .take(SHOWN)
        .try_for_each(|(scenario, schedule, why)| writeln!(out, "{scenario:?}, {schedule}: {why}"))
        .and_then(|()| {
            writeln!(out, "{} cases, {} passed", cases.len(), cases.len() - failed.len())
        });
    written.map_err(|error| error.to_string())?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Which scenario a seed is for: one in eight is for the graft.
fn of_seed(seed: u64) -> usize {
    usize::try_from(seed % 8).map_or(0, |nth| if nth == 7 { 4 } else { nth % 4 })
}

/// A world, and what one run alone makes of it.
struct Prepared {
    scenario: Scenario,
    world: World,
    before: Everything,
    /// The results of each operator alone, and of one after the other.
    results: Vec<Everything>,
    /// How many exchanges a run has.
    exchanges: usize,
    /// How many writes one run makes to what has a lock.
    writes: usize,
}

fn runtime() -> Result<Runtime, String> {
    let mut new = tokio::runtime::Builder::new_current_thread();
    new.enable_all().start_paused(true).build().map_err(|error| error.to_string())
}

fn prepared(scenario: Scenario) -> Result<Prepared, String> {
    runtime()?.block_on(prepare(scenario))
}

/// A schedule of one run that goes on until it ends.
fn alone(who: usize) -> Arc<Turns> {
    let never = Schedule::Twice { first: NEVER, second: NEVER, asleep: false };
    let turns = Arc::new(Turns::new(never));
    turns.end(1 - who);
    turns
}

async fn prepare(scenario: Scenario) -> Result<Prepared, String> {
    let world = World::new(scenario).map_err(|failure| failure.to_string())?;
    let (mut results, mut exchanges, mut writes) = (Vec::new(), 0, 0);
    for order in [&[0][..], &[1], &[0, 1], &[1, 0]] {
        let after = world.copy();
        for who in order {
            let turns = alone(*who);
            let ended = after.run(&turns, *who).await;
            if !is_done(&ended) {
                return Err(format!("{scenario:?} alone is not done: {}", one(&ended)));
            }
            exchanges = exchanges.max(turns.sent().into_iter().max().unwrap_or_default());
        }
        if order.len() == 1 {
            writes = writes.max(after.writes());
        }
        if !after.held().is_empty() {
            return Err(format!("{scenario:?} alone leaves a lock: {:?}", after.held()));
        }
        results.push(after.everything());
    }
    let before = world.everything();
    if results.contains(&before) || writes == 0 {
        return Err(format!("{scenario:?} changes nothing"));
    }
    Ok(Prepared { scenario, world, before, results, exchanges, writes })
}

/// Every pair of places at which the first and then the second gives way.
fn twice(world: &Prepared, stride: usize) -> impl Iterator<Item = Schedule> + use<> {
    let places = move |most: usize| (0..=most + 1).step_by(stride);
    let most = world.exchanges;
    places(most).flat_map(move |first| {
        places(most).flat_map(move |second| {
            [false, true].map(|asleep| Schedule::Twice { first, second, asleep })
        })
    })
}

type Failed = (Scenario, Schedule, String);

fn all(worlds: &[Prepared], cases: &[(usize, Schedule)]) -> Result<Vec<Failed>, String> {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let worker = |_| scope.spawn(|| work(worlds, cases, &next));
        let workers: Vec<_> = (0..workers).map(worker).collect();
        let failed = workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a worker panicked".to_owned()).flatten());
        failed.collect::<Result<Vec<_>, _>>().map(|all| all.concat())
    })
}

fn work(
    worlds: &[Prepared],
    cases: &[(usize, Schedule)],
    next: &AtomicUsize,
) -> Result<Vec<Failed>, String> {
    let mut failed = Vec::new();
    let runtime = runtime()?;
    while let Some((nth, schedule)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
        let Some(prepared) = worlds.get(*nth) else { continue };
        if let Err(why) = runtime.block_on(case(prepared, schedule)) {
            failed.push((prepared.scenario, schedule.clone(), why));
        }
    }
    Ok(failed)
}

type Ended = Result<Report, Failure>;

async fn case(prepared: &Prepared, schedule: &Schedule) -> Result<(), String> {
    let world = prepared.world.copy();
    let turns = Arc::new(Turns::new(schedule.clone()));
    let run = async |who: usize| {
        let ended = world.run(&turns, who).await;
        turns.end(who);
        ended
    };
    let ended: [Ended; 2] = tokio::join!(run(0), run(1)).into();
    let after = world.everything();
    for (who, ended) in ended.iter().enumerate() {
        said(who, ended)?;
    }
    let done = ended.iter().any(is_done);
    if done {
        // A run with other values that lost its lock half-way, and says so, leaves a half of each.
        let between = |ended: &Ended| !is_done(ended) && admits(ended);
        if prepared.scenario != Scenario::Different || !ended.iter().any(between) {
            fits(prepared, &after, &ended)?;
        }
        let most = match prepared.scenario {
            // One after the other, each with its own value.
            Scenario::Different => prepared.writes * 2,
            // Kubernetes compares no token: each run may send one write in the gap after its last look at
            // the Lease, which then has no effect.
            Scenario::Management => prepared.writes + 2,
            Scenario::Units | Scenario::Cloud | Scenario::Graft => prepared.writes,
        };
        if world.writes() > most {
            let found = world.writes();
            return Err(format!("{found} writes where one run makes {most}: {}", shown(&ended)));
        }
    } else if after != prepared.before && !ended.iter().any(admits) {
        return Err(format!("something was changed, and neither says so: {}", shown(&ended)));
    }
    // A run that was killed or stood still for too long leaves a lock that expires.
    tokio::time::sleep(omega::run::LOCK_LASTS).await;
    let expired = world.units.iter().all(|unit| unit.held().is_none());
    if !expired {
        return Err(format!("a lock stays: {:?}", world.held()));
    }
    // Whatever happened, the next run makes it right, and changes nothing that is right.
    let third = world.run(&alone(0), 0).await;
    if !is_done(&third) {
        return Err(format!("the next run is not done: {}", one(&third)));
    }
    fits(prepared, &world.everything(), &ended)
}

/// The state is that of one of the operators' runs, or of one after the other.
fn fits(prepared: &Prepared, after: &Everything, ended: &[Ended; 2]) -> Result<(), String> {
    if prepared.results.contains(after) {
        return Ok(());
    }
    let expected = prepared.results.first();
    Err(format!(
        "the result is not that of one run: {}\nfound {after:#?}\nexpected {expected:#?}",
        shown(ended)
    ))
}

fn is_done(ended: &Ended) -> bool {
    ended.as_ref().is_ok_and(|report| report.failure.is_none() && report.converged)
}

fn failure(ended: &Ended) -> Option<&Failure> {
    match ended {
        Ok(report) => report.failure.as_ref(),
        Err(failure) => Some(failure),
    }
}

fn admits(ended: &Ended) -> bool {
    failure(ended).is_some_and(|failure| failure.touched == Touched::Maybe)
}

/// Each run ends in done, in a refusal that names the other, or in "possibly changed".
fn said(who: usize, ended: &Ended) -> Result<(), String> {
    let Some(failure) = failure(ended) else { return Ok(()) };
    if failure.next.is_none() && failure.touched == Touched::Maybe {
        return Err(format!("it does not say what to do: {}", one(ended)));
    }
    let other = WHO.get(1 - who).copied().unwrap_or_default();
    let found = failure.found.as_deref().unwrap_or_default();
    let names = found.contains(&format!("{other}@"));
    match failure.class {
        FailureClass::Locked if names => Ok(()),
        // The other has taken the lock, and released it since.
        FailureClass::Locked
            if found.is_empty()
                && failure.causes.iter().any(|why| why.contains("expired, or was broken")) =>
        {
            Ok(())
        }
        FailureClass::Stale => Ok(()),
        // It stood still for longer than a request may take.
        FailureClass::Deadline if failure.touched == Touched::Nothing && failure.next.is_some() => {
            Ok(())
        }
        _ if failure.touched == Touched::Maybe => Ok(()),
        _ => Err(format!("an unexpected failure: {}", one(ended))),
    }
}

fn one(ended: &Ended) -> String {
    failure(ended).map_or_else(|| "done".to_owned(), |failure| format!("{failure:?}"))
}

fn shown(ended: &[Ended; 2]) -> String {
    let all = ended.iter().zip(WHO).map(|(ended, who)| format!("{who}: {}", one(ended)));
    all.collect::<Vec<_>>().join("; ")
}
