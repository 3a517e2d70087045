//! One entry, made ready: its beginning, and what an undisturbed run of it comes to.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    calls::Call,
    home::{Home, Ran},
    mounted::Mounted,
    runbooks::{Entry, words},
    runs::Runs,
    serve::{MANAGEMENT, Served},
    shadow::Shadow,
    tracer::{Ended, Point, Tracer, drain},
    world::{Stage, World, differences},
};

/// An entry, its home and its simulators.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) entry: Entry,
    pub(crate) home: Home,
    /// What the home is on, if it is not the machine's own file system.
    pub(crate) mounted: Option<Mounted>,
    pub(crate) stage: Stage,
    /// The simulators as they are at the beginning.
    pub(crate) start: World,
    /// The home as it is at the beginning.
    saved: PathBuf,
    /// What the run that is killed prints.
    output: PathBuf,
    /// The runs that are there at the beginning.
    pub(crate) earlier: usize,
    pub(crate) expected: Expected,
}

/// What an undisturbed run comes to.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Its calls, in order.
    pub(crate) calls: Vec<Call>,
    /// The simulators after it.
    pub(crate) end: Vec<String>,
    /// The names of the files that runs and questions leave.
    pub(crate) names: BTreeSet<String>,
}

impl Lab {
    /// Makes the entry ready below `directory`. `program`: omega-cli. `mounted`: where its home is.
    pub(crate) fn ready(
        entry: Entry,
        directory: &Path,
        program: &Path,
        served: &Served,
        stage: &Stage,
        mounted: Option<Mounted>,
    ) -> Result<Self> {
        let place = mounted.as_ref().map_or(directory, Mounted::path);
        let (home, start) = Self::begun(entry, place, program, served, stage)?;
        let (saved, output) = (directory.join("saved"), directory.join("output"));
        home.save(&saved)?;
        let (stage, expected) = (stage.clone(), Expected::default());
        let mut lab =
            Self { entry, home, mounted, stage, start, saved, output, earlier: 0, expected };
        lab.earlier = Runs::of(&lab.home)?.all.len();
        lab.expected = lab.undisturbed()?;
        Ok(lab)
    }

    /// Makes its home, and does what comes before it. Returns the simulators as they are then.
    pub(crate) fn begun(
        entry: Entry,
        directory: &Path,
        program: &Path,
        served: &Served,
        stage: &Stage,
    ) -> Result<(Home, World)> {
        let world = (entry.world)(served)?.at(MANAGEMENT, served.management);
        let start = world.copy();
        stage.put(world);
        let home = Home::make(directory, program, served, &entry)?;
        for args in entry.before {
            succeeds(args, &home.run(&words(args))?)?;
        }
        Ok((home, if entry.before.is_empty() { start } else { stage.now() }))
    }

    /// Runs it to its end, once more, and back.
    fn undisturbed(&self) -> Result<Expected> {
        let (ended, calls) = self.run_until(None, None)?;
        if calls.is_empty() {
            // omega-cli is undumpable: /proc shows its descriptors to root alone.
            return Err("no call of omega-cli was seen: run this as root".into());
        }
        match ended {
            Ended::Exited(code) if code == self.entry.exits => {}
            other => return Err(format!("undisturbed: {other:?}\n{}", self.printed()).into()),
        }
        let end = self.stage.now().seen();
        if (end == self.start.seen()) == self.entry.writes {
            return Err("undisturbed, it changes nothing, or it should not".into());
        }
        let again = self.home.run(&words(self.entry.args))?;
        if again.code != Some(self.entry.exits) {
            return Err(format!("a second run: {again}").into());
        }
        let differ = differences(&end, &self.stage.now().seen());
        if !differ.is_empty() {
            return Err(format!("the second run changed something: {differ:#?}").into());
        }
        if self.entry.undo {
            let problems = self.undone()?;
            if !problems.is_empty() {
                return Err(format!("undisturbed, the way back fails: {problems:#?}").into());
            }
        }
        Ok(Expected { calls, end, names: self.names()? })
    }

    /// Runs the command from the beginning to the point.
    pub(crate) fn run_until(
        &self,
        at: Option<Point>,
        shadow: Option<&mut Option<Shadow>>,
    ) -> Result<(Ended, Vec<Call>)> {
        self.home.load(&self.saved)?;
        if let Some(mounted) = &self.mounted {
            mounted.settle()?;
        }
        self.stage.put(self.start.copy());
        let mut command = self.home.traced(&words(self.entry.args), &self.output)?;
        let shadow = match shadow {
            Some(place) => Some(place.insert(Shadow::of(self.home.path())?)),
            None => None,
        };
        let mut tracer = Tracer::start(&mut command, self.home.path(), at, shadow)?;
        let ended = tracer.follow()?;
        let calls = std::mem::take(&mut tracer.calls);
        drain()?;
        Ok((ended, calls))
    }

    /// Returns what the traced run printed.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Returns the names of the files below the home, without the ids of runs.
    pub(crate) fn names(&self) -> Result<BTreeSet<String>> {
        let entries = self.home.entries()?;
        let names = entries.iter().filter_map(|path| path.file_name()?.to_str());
        // A run's directory is named as the time when it began.
        Ok(names.filter(|name| !name.starts_with("20")).map(str::to_owned).collect())
    }

    /// Rolls the runs back, the latest first, and returns what is wrong then.
    pub(crate) fn undone(&self) -> Result<Vec<String>> {
        let runs = Runs::of(&self.home)?;
        let new = runs.all.len().saturating_sub(self.earlier);
        let mut problems = Vec::new();
        for run in runs.all.iter().take(new).filter(|run| run.may_have_changed()) {
            let ran = self.home.run(&words(&["rollback", "--run", &run.id, "--yes"]))?;
            // What a run restarted is undone by the rollback of the run that changed the files.
            let only_restarts = ran.code == Some(4) && ran.err.contains("a restart needs no undo");
            if ran.code != Some(0) && !only_restarts {
                problems.push(format!("rollback of run {} ({}): {ran}", run.id, run.outcome));
            }
        }
        let differ = differences(&self.start.seen(), &self.stage.now().seen());
        problems.extend(differ.into_iter().map(|line| format!("after the rollback: {line}")));
        Ok(problems)
    }
}

fn succeeds(args: &[&str], ran: &Ran) -> Result<()> {
    if ran.code == Some(0) {
        return Ok(());
    }
    Err(format!("omega-cli {}: {ran}", args.join(" ")).into())
}
