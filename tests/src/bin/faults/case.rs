//! One runbook with one fault, from a fresh simulator; and the same without, for comparison.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use omega::run::{Deadline, Status};
use tokio::time::timeout;

use crate::{
    fault::Fault,
    outcome::{Claim, Outcome, differs},
    runbook::Runbook,
    station::Station,
    wire::{Armed, Arrival, Kind},
    world::{Limits, Result, World},
};

/// How long any case may take: beyond it, it hangs. `juju exec` may wait a minute for a unit that is busy.
const HANGS: Duration = Duration::from_mins(6);

/// A runbook that met no fault.
pub(crate) struct Undisturbed {
    pub(crate) runbook: Runbook,
    pub(crate) world: World,
    pub(crate) before: Vec<String>,
    pub(crate) goal: Vec<String>,
    pub(crate) outcome: Outcome,
    pub(crate) log: Vec<Arrival>,
    pub(crate) took: Duration,
}

/// One thing that goes wrong in a runbook.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) armed: Armed,
    pub(crate) kind: Kind,
}

/// What became of a case.
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
    /// Whether it may have written, as it knows itself.
    pub(crate) has_written: bool,
    pub(crate) log: Vec<Arrival>,
    pub(crate) happened: bool,
    /// The bytes of a response without end that were sent.
    pub(crate) endless: u64,
    pub(crate) after: Vec<String>,
    /// The same command once more, without a fault.
    pub(crate) again: Outcome,
    pub(crate) finally: Vec<String>,
}

impl Undisturbed {
    /// Runs it.
    pub(crate) async fn play(runbook: Runbook) -> Result<Self> {
        let mut world = runbook.world().await?;
        let fork = world.fork()?;
        let before = fork.state();
        let station = Station::open(&fork, None).await?;
        let start = Instant::now();
        let outcome = runbook.run(&station).await.at(&fork.address.to_string());
        let took = start.elapsed();
        if outcome.claim != Claim::Done {
            return Err(format!("{runbook} fails without a fault: {}", outcome.words).into());
        }
        let goal = fork.state();
        let expected = if runbook.only_reads() { before.clone() } else { goal.clone() };
        if goal != expected || (!runbook.only_reads() && goal == before) {
            return Err(format!("{runbook} does not do what it is for").into());
        }
        let log = station.wire.log();
        let times = [start].into_iter().chain(log.iter().map(|one| one.at));
        let times: Vec<Instant> = times.chain([start + took]).collect();
        let gaps = times.windows(2).filter_map(|pair| Some(*pair.last()? - *pair.first()?));
        world.limits = Limits::for_answers_in(gaps.max().unwrap_or_default());
        Ok(Self { runbook, world, before, goal, outcome, log, took })
    }

    /// Returns every case: each request and action with each fault.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut before: BTreeMap<&str, String> = BTreeMap::new();
        let mut all = Vec::new();
        for arrival in &self.log {
            let last = before.insert(&arrival.front, arrival.key.clone());
            for fault in Fault::ALL.into_iter().filter(|fault| applies(*fault, arrival)) {
                let at = (arrival.front.clone(), arrival.key.clone());
                let armed = Armed { at, before: last.clone(), fault };
                all.push(Case { armed, kind: arrival.kind });
            }
        }
        all
    }

    /// Plays a case, and then the command once more. `within`: the time for the whole command.
    pub(crate) async fn with(&self, case: &Case, within: Option<Duration>) -> Result<Played> {
        let world = self.world.fork()?;
        let station = Station::open(&world, Some(case.armed.clone())).await?;
        let start = Instant::now();
        let outcome = timeout(HANGS, self.run(&station, within)).await;
        let took = start.elapsed();
        let has_written = station.ctx().has_written();
        let outcome = outcome.map_err(|_| format!("it did not end within {HANGS:?}"))?;
        let outcome = outcome.at(&world.address.to_string());
        let (log, happened) = (station.wire.log(), station.wire.happened());
        let endless = station.wire.endless();
        station.close().await;
        let after = world.state();
        let station = Station::open(&world, None).await?;
        let again = timeout(HANGS, self.runbook.run(&station)).await;
        let again = again.map_err(|_| format!("once more it did not end within {HANGS:?}"))?;
        let finally = world.state();
        Ok(Played { outcome, took, has_written, log, happened, endless, after, again, finally })
    }

    /// Runs the command as omega-cli does, with `--timeout` or without.
    async fn run(&self, station: &Station, within: Option<Duration>) -> Outcome {
        let Some(within) = within else { return self.runbook.run(station).await };
        tokio::select! {
            outcome = self.runbook.run(station) => outcome,
            failure = Deadline::within(within).passed(station.ctx(), || {}) => Outcome::failed(&failure),
        }
    }
}

/// Whether a fault can happen to this. What a proxy says of a size or a conflict is nothing that `juju`
/// prints, and a page of it is the same whatever its status.
fn applies(fault: Fault, arrival: &Arrival) -> bool {
    let of_proxy = match fault {
        Fault::Page(status) => ![200, 401, 403].contains(&status),
        Fault::PageAfter(status) => status != 500,
        Fault::PageOn(_) | Fault::Huge => true,
        Fault::Refused
        | Fault::RefusedOn
        | Fault::ResetBefore
        | Fault::ResetAfter
        | Fault::Truncated
        | Fault::Garbled
        | Fault::Hang
        | Fault::HangAfter
        | Fault::HangOn
        | Fault::Endless => false,
    };
    !(arrival.front == "juju" && of_proxy)
}

impl Played {
    /// Whether it ended as without a fault.
    pub(crate) fn is_as(&self, undisturbed: &Undisturbed) -> bool {
        let same = self.outcome.status == undisturbed.outcome.status;
        let reads = undisturbed.runbook.only_reads();
        same && self.outcome.claim == Claim::Done
            && (!reads || self.outcome.value == undisturbed.outcome.value)
    }

    /// How what it found differs from what is found without a fault.
    pub(crate) fn difference(&self, undisturbed: &Undisturbed) -> String {
        let found = differs(&self.outcome.value, &undisturbed.outcome.value);
        found.filter(|_| undisturbed.runbook.only_reads()).unwrap_or_default()
    }

    /// The request that met the fault.
    pub(crate) fn faulted(&self) -> Option<&Arrival> {
        self.log.iter().find(|one| one.fault.is_some())
    }

    /// In a word, for a tally.
    pub(crate) fn word(&self) -> &'static str {
        match (self.outcome.claim, self.outcome.status) {
            (Claim::Done, Status::Done | Status::Pending) => "done",
            (Claim::Done, _) => "reported",
            (Claim::Nothing, Status::Refused | Status::Gate) => "refused",
            (Claim::Nothing, _) => "failed, nothing changed",
            (Claim::Possibly, _) => "failed, possibly changed",
        }
    }
}
