//! Runs the cases of each runbook, many at a time, and counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet};

use crate::{
    case::{Case, Played, Undisturbed},
    judge::judge,
    options::Options,
    runbook::Runbook,
    wire::Kind,
    world::Result,
};

/// How many cases are run at the same time.
const TOGETHER: usize = 6;

/// How many of those that meet no answer: they mostly wait.
const HANGING: usize = 24;

/// How many cases of each runbook are run in CI.
const IN_CI: usize = 20;

/// In CI one of so many of the cases that wait for a limit.
const WAITING: usize = 12;

/// Runs everything; false if a case failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut good = true;
        for runbook in &options.runbooks {
            good &= runbook_with(*runbook, options).await?;
        }
        Ok(good)
    })
}

fn name(case: &Case) -> String {
    format!("{}:{}", case.armed.at.0, case.armed.at.1)
}

/// The same case in every run.
fn id(runbook: Runbook, case: &Case, options: &Options) -> String {
    format!("{runbook} {} {}{}", case.armed.fault, name(case), within(options))
}

/// The option for the time of the whole command.
fn within(options: &Options) -> String {
    let option = |within: Duration| format!(" --timeout {}", within.as_secs());
    options.timeout.map(option).unwrap_or_default()
}

/// Returns about `count` of the cases, of all faults: an odd step meets each of an even number of them.
fn spread(cases: Vec<Case>, count: usize) -> Vec<Case> {
    let step = cases.len().div_ceil(count).max(1) | 1;
    cases.into_iter().step_by(step).collect()
}

/// Whether a case is to be run.
fn chosen(nth: usize, case: &Case, options: &Options) -> bool {
    let slow = case.armed.fault.hangs() || case.armed.fault.goes_on();
    let by_unit = case.armed.at.0 == "juju" && case.kind != Kind::Write;
    let ci = !options.ci || !slow || (!by_unit && nth % WAITING == 3);
    ci && nth.is_multiple_of(options.every)
        && (options.faults.is_empty() || options.faults.contains(&case.armed.fault))
        && options.at.as_ref().is_none_or(|at| *at == name(case))
}

async fn runbook_with(runbook: Runbook, options: &Options) -> Result<bool> {
    let start = Instant::now();
    let undisturbed = Arc::new(Undisturbed::play(runbook).await?);
    let all = undisturbed.cases();
    let done = finished(options)?;
    let cases: Vec<Case> = all
        .into_iter()
        .enumerate()
        .filter(|(nth, case)| {
            chosen(*nth, case, options) && !done.contains(&id(runbook, case, options))
        })
        .map(|(_, case)| case)
        .collect();
    let cases = if options.ci { spread(cases, IN_CI) } else { cases };
    if options.list {
        for one in &undisturbed.log {
            say(&format!("{runbook} {:?} {}:{}", one.kind, one.front, one.key));
        }
        return Ok(true);
    }
    let mut tally = Tally::default();
    let gate = |permits| Arc::new(Semaphore::new(permits));
    let (busy, hanging) = (gate(TOGETHER), gate(HANGING));
    let mut running = JoinSet::new();
    // What takes longest begins first.
    let (slow, quick): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| case.armed.fault.hangs());
    for case in slow.into_iter().chain(quick) {
        let gate = if case.armed.fault.hangs() { &hanging } else { &busy };
        let turn = Arc::clone(gate).acquire_owned().await?;
        while let Some(ended) = running.try_join_next() {
            let (case, played) = ended?;
            tally.count(&undisturbed, &case, &played, options)?;
        }
        let (undisturbed, handle) = (Arc::clone(&undisturbed), Handle::current());
        let within = options.timeout;
        // A thread for each: what a command does need not be sent to another.
        drop(running.spawn_blocking(move || {
            let played = handle.block_on(undisturbed.with(&case, within));
            drop(turn);
            (case, played)
        }));
    }
    while let Some(ended) = running.join_next().await {
        let (case, played) = ended?;
        tally.count(&undisturbed, &case, &played, options)?;
    }
    tally.show(&undisturbed, start);
    Ok(tally.passed == tally.cases)
}

fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// The cases that passed in an earlier run.
fn finished(options: &Options) -> Result<BTreeSet<String>> {
    let Some(path) = &options.resume else { return Ok(BTreeSet::new()) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Default)]
struct Tally {
    cases: usize,
    passed: usize,
    /// Those whose fault never happened: the run took another way.
    missed: usize,
    words: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn count(
        &mut self,
        undisturbed: &Undisturbed,
        case: &Case,
        played: &Result<Played>,
        options: &Options,
    ) -> Result<()> {
        self.cases += 1;
        let runbook = undisturbed.runbook;
        let (wrong, shown) = match played {
            Ok(played) => {
                self.missed += usize::from(!played.happened);
                *self.words.entry(played.word()).or_default() += 1;
                (judge(case, played, undisturbed, options.timeout), shown(played))
            }
            Err(error) => (vec![error.to_string()], String::new()),
        };
        if options.verbose {
            say(&format!("{} {shown}", id(runbook, case, options)));
        }
        if wrong.is_empty() {
            self.passed += 1;
            return note(options, &id(runbook, case, options));
        }
        say(&format!("FAILED {} ({shown})", id(runbook, case, options)));
        for one in &wrong {
            say(&format!("  {one}"));
        }
        let (fault, at) = (case.armed.fault, name(case));
        say(&format!(
            "  repeat: tests/faults/run {runbook} --fault {fault} --at '{at}'{} -v",
            within(options)
        ));
        Ok(())
    }

    fn show(&self, undisturbed: &Undisturbed, start: Instant) {
        let Undisturbed { runbook, log, took, world, .. } = undisturbed;
        let count = |kind: Kind| log.iter().filter(|one| one.kind == kind).count();
        let writes = count(Kind::Write);
        let others = log.len() - writes;
        say(&format!(
            "{runbook}: {others} reads and {writes} writes in {took:.2?} without a fault; ask = {:?}",
            world.limits.ask
        ));
        let words = self.words.iter().map(|(word, count)| format!("{count} {word}"));
        let words = words.collect::<Vec<_>>().join(", ");
        let missed = match self.missed {
            0 => String::new(),
            some => format!("; in {some} the fault did not happen"),
        };
        say(&format!("{runbook}: {words}{missed}; {:.0?}", start.elapsed()));
        say(&format!("{runbook}: {} cases, {} passed", self.cases, self.passed));
    }
}

fn shown(played: &Played) -> String {
    let words = &played.outcome.words;
    format!("{} {:?} in {:.1?}: {words}", played.word(), played.outcome.status, played.took)
}

fn note(options: &Options, id: &str) -> Result<()> {
    let Some(path) = &options.resume else { return Ok(()) };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(writeln!(file, "{id}")?)
}
