//! Makes the running daemons be what is on disk.

use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label as _, Note,
    Outcome, PollPolicy, Subject, Touched, ensure, values::Sha256,
};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::{Reason, daemon_args, magnum};
use crate::{
    Action, Error, FileState, Interpreter, Payload, Probe, Reply, ServiceName, ServiceState, Unit,
    UnitPath,
};

/// Ensures that every daemon runs, and started after what it reads last changed.
///
/// Magnum reads its configuration and its drivers once, so the fact is about the processes: each
/// is younger than the driver, the configuration directory, `/etc/default` and its systemd
/// drop-ins; the conductor's live command line carries the flag; and what they read for the
/// driver's options is what the drop-in says. Only what is not so is restarted, the conductor
/// before the API: until the conductor knows the driver, no request should be let in for it.
///
/// A daemon that this unit does not have is said to be absent, and is no error.
///
/// ```no_run
/// # use omega_juju::{Unit, operations::{ConvergeServices, converge_services}};
/// # async fn f(unit: &Unit, desired: &ConvergeServices) -> Result<(), Box<dyn std::error::Error>> {
/// let done = converge_services(unit, desired).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a masked service, a unit with none of the daemons, and options that another file says
/// otherwise. A daemon that does not stay up is an error with its last words.
///
/// # Caveats
///
/// A restart has no way back. The rollback of what was changed ends in another one.
pub async fn converge_services(
    unit: &Unit,
    desired: &ConvergeServices,
) -> Result<Outcome<ServicesObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The running daemons of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvergeServices {
    /// In the order in which they are restarted.
    pub daemons: Vec<DaemonWanted>,
}

/// How one daemon should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonWanted {
    /// The service.
    pub service: ServiceName,
    /// The driver that it should have loaded; `None` if any will do that has been there since it
    /// started.
    pub driver: Option<Version>,
    /// What else it reads when it starts.
    pub inputs: Vec<Input>,
    /// What its live command line should say.
    pub flag: Flag,
    /// What it should read for options of `[capi_helm]`.
    pub options: BTreeMap<String, String>,
    /// It started later than this, in nanoseconds since the epoch by the unit's clock. What was
    /// removed leaves no time on disk, but a daemon that was started with it may still hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_after: Option<i64>,
}

/// Something on disk that a daemon reads when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Where.
    pub path: UnitPath,
    /// What it is to the daemon.
    pub reason: Reason,
    /// How it will be, so that a plan made before it changes already shows the restart.
    pub expect: InputExpect,
}

/// How an input will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputExpect {
    /// As it is.
    Any,
    /// A file with this digest.
    Digest(Sha256),
    /// Not there.
    Absent,
}

/// What a daemon's live command line should say of the configuration directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Nothing is asked.
    Any,
    /// `--config-dir`, exactly once; and the next start will too.
    Once,
    /// As often as the next start will.
    AsNextStart,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesObserved {
    /// In the order of the desired fact.
    pub daemons: Vec<DaemonObserved>,
}

/// One daemon and what it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonObserved {
    /// The service and its process.
    pub state: ServiceState,
    /// What the init script would start.
    pub args: Option<Vec<String>>,
    /// Its interpreter and the driver in it.
    pub python: Option<Interpreter>,
    /// Its inputs, in order.
    pub inputs: Vec<FileState>,
    /// What it reads for the options.
    pub options: OptionsObserved,
}

/// What a daemon reads for options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionsObserved {
    /// The values of those that are set.
    Values(BTreeMap<String, String>),
    /// It could not be told.
    Unknown {
        /// Why.
        why: String,
    },
}

/// `systemctl restart` of one service. A restart is a restart: the reasons are for the person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Restart {
    /// The service.
    pub service: ServiceName,
    /// Why.
    pub reasons: BTreeSet<Reason>,
}

impl PartialEq for Restart {
    fn eq(&self, other: &Self) -> bool {
        self.service == other.service
    }
}

impl Describe for Restart {
    fn describe(&self) -> Diff {
        let reasons: Vec<_> = self.reasons.iter().map(ToString::to_string).collect();
        let subject = Subject::new("service", self.service.as_str());
        Diff::new(ChangeKind::Update, subject, format!("restart: {}", reasons.join("; ")))
            .with("a restart has no way back")
    }
}

impl DaemonWanted {
    /// Returns the daemon with the inputs that every Magnum daemon has.
    pub fn new(service: ServiceName, flag: Flag) -> Self {
        let input = |path, reason| Input { path, reason, expect: InputExpect::Any };
        let inputs = vec![
            input(magnum::conf_d(), Reason::DropIn),
            input(magnum::dropin(), Reason::DropIn),
            input(magnum::old_dropin(), Reason::DropIn),
            input(magnum::default_file(&service), Reason::Defaults),
            input(magnum::systemd_drop_ins(&service), Reason::Systemd),
            input(magnum::systemd_override(&service), Reason::Systemd),
        ];
        Self { service, driver: None, inputs, flag, options: BTreeMap::new(), started_after: None }
    }

    /// Says how the file at `path` will be.
    #[must_use]
    pub fn expecting(mut self, path: &UnitPath, expect: InputExpect) -> Self {
        for input in self.inputs.iter_mut().filter(|input| input.path == *path) {
            input.expect = expect;
        }
        self
    }

    fn graft(service: ServiceName, flag: Flag, like: &Grafted<'_>) -> Self {
        let gone = if like.remove_leftovers { InputExpect::Absent } else { InputExpect::Any };
        let over = magnum::systemd_override(&service);
        Self {
            driver: Some(like.driver.clone()),
            options: like.options.clone(),
            ..Self::new(service, flag)
        }
        .expecting(&magnum::dropin(), InputExpect::Digest(like.dropin))
        .expecting(&magnum::old_dropin(), gone)
        .expecting(&over, gone)
    }
}

struct Grafted<'a> {
    driver: &'a Version,
    dropin: Sha256,
    options: &'a BTreeMap<String, String>,
    remove_leftovers: bool,
}

impl ConvergeServices {
    /// Returns the fact that the daemons run `driver` with a drop-in of this digest, which says
    /// `options`. `remove_leftovers`: the superseded graft's files will be gone.
    pub fn graft(
        driver: &Version,
        dropin: Sha256,
        options: &BTreeMap<String, String>,
        remove_leftovers: bool,
    ) -> Self {
        let like = Grafted { driver, dropin, options, remove_leftovers };
        let daemon = |service, flag| DaemonWanted::graft(service, flag, &like);
        let daemons =
            vec![daemon(magnum::conductor(), Flag::Once), daemon(magnum::api(), Flag::Any)];
        Self { daemons }
    }

    /// Returns the fact that the daemons run what is on disk, whatever that is: the end of a
    /// rollback.
    pub fn as_on_disk() -> Self {
        let daemons = vec![
            DaemonWanted::new(magnum::conductor(), Flag::AsNextStart),
            DaemonWanted::new(magnum::api(), Flag::Any),
        ];
        Self { daemons }
    }

    /// Says that the processes of `seen` are to be replaced: they were started with what is being
    /// taken back.
    #[must_use]
    pub fn after(mut self, seen: &ServicesObserved) -> Self {
        for (wanted, seen) in self.daemons.iter_mut().zip(&seen.daemons) {
            wanted.started_after = wanted.started_after.max(seen.state.started_ns);
        }
        self
    }

    /// Returns what a restart would not mend: an input that is not yet as it will be.
    pub(crate) fn not_yet(&self, change: &Restart, seen: &ServicesObserved) -> Option<String> {
        let (wanted, seen) =
            self.pairs(seen).find(|(wanted, _)| wanted.service == change.service)?;
        let mut inputs = wanted.inputs.iter().zip(&seen.inputs);
        if let Some((input, _)) = inputs.find(|(input, state)| !input.will_be(state)) {
            return Some(format!("{} is not yet as it will be", input.path));
        }
        if !wanted.is_driver(seen) {
            return Some(format!("{} is not yet at the pinned version", magnum::DRIVER));
        }
        (wanted.flag == Flag::Once && DaemonWanted::next_start(seen).is_some_and(|next| next != 1))
            .then(|| format!("its next start would not carry --config-dir {}", magnum::conf_d()))
    }

    fn pairs<'a>(
        &'a self,
        seen: &'a ServicesObserved,
    ) -> impl Iterator<Item = (&'a DaemonWanted, &'a DaemonObserved)> {
        self.daemons.iter().zip(&seen.daemons)
    }
}

impl DaemonObserved {
    fn exists(&self) -> bool {
        self.state.load != "not-found"
    }

    fn runs(&self) -> bool {
        self.state.active == "active" && self.state.sub == "running"
    }
}

async fn look(unit: &Unit, wanted: &DaemonWanted) -> Result<DaemonObserved, Error> {
    let service = &wanted.service;
    let inputs = wanted.inputs.iter().map(|input| unit.file(&input.path));
    let args = async {
        match wanted.flag {
            Flag::Any => Ok(None),
            Flag::Once | Flag::AsNextStart => unit.show_args(service).await,
        }
    };
    let (state, args, python, inputs, options) = futures::try_join!(
        unit.service(service),
        args,
        unit.python(service, magnum::DRIVER, magnum::DRIVERS_GROUP),
        futures::future::try_join_all(inputs),
        options(unit, wanted)
    )?;
    Ok(DaemonObserved { state, args, python, inputs, options })
}

async fn options(unit: &Unit, wanted: &DaemonWanted) -> Result<OptionsObserved, Error> {
    if wanted.options.is_empty() {
        return Ok(OptionsObserved::Values(BTreeMap::new()));
    }
    let probe = Probe::Options {
        service: wanted.service.clone(),
        group: magnum::SECTION.to_owned(),
        keys: wanted.options.keys().cloned().collect(),
    };
    match unit.ask(probe).await {
        Ok(Reply::Options { values }) => Ok(OptionsObserved::Values(values)),
        Ok(other) => Err(unit.unexpected(&other)),
        // A daemon that is not there, or whose configuration can't be read: the diff decides.
        Err(Error::Probe { why, .. }) => Ok(OptionsObserved::Unknown { why }),
        Err(error) => Err(error),
    }
}

impl DaemonWanted {
    fn reasons(&self, seen: &DaemonObserved) -> BTreeSet<Reason> {
        let mut reasons = BTreeSet::new();
        let Some(started) = seen.state.started_ns.filter(|_| seen.runs()) else {
            reasons.insert(Reason::NotRunning);
            return reasons;
        };
        let inputs = self.inputs.iter().zip(&seen.inputs);
        let newer = inputs.filter(|(input, state)| {
            modified(state).is_some_and(|at| at >= started) || !input.will_be(state)
        });
        reasons.extend(newer.map(|(input, _)| input.reason));
        if self.driver_is_new(seen, started) {
            reasons.insert(Reason::Driver);
        }
        if !self.command_line(seen) {
            reasons.insert(Reason::CommandLine);
        }
        if self.started_after.is_some_and(|after| started <= after) {
            reasons.insert(Reason::TakenBack);
        }
        reasons
    }

    fn driver_is_new(&self, seen: &DaemonObserved, started: i64) -> bool {
        let found = seen.python.as_ref().and_then(|python| python.distribution.as_ref());
        found.is_some_and(|found| found.modified_ns >= started) || !self.is_driver(seen)
    }

    fn is_driver(&self, seen: &DaemonObserved) -> bool {
        let found = seen.python.as_ref().and_then(|python| python.distribution.as_ref());
        let version = found.and_then(|found| found.version.parse::<Version>().ok());
        self.driver.as_ref().is_none_or(|driver| version.as_ref() == Some(driver))
    }

    /// How often the next start will carry `--config-dir`. A drop-in of systemd may start the
    /// daemon without its init script: then what that would do does not matter.
    fn next_start(seen: &DaemonObserved) -> Option<usize> {
        let args = seen.args.as_ref()?;
        let start: Vec<String> = seen.state.exec_start.split(' ').map(str::to_owned).collect();
        let by_script = start.first().is_none_or(|word| word.starts_with("/etc/init.d/"));
        let args = if by_script || seen.state.exec_start.is_empty() { args } else { &start };
        Some(daemon_args::count(args, &magnum::conf_d()))
    }

    fn command_line(&self, seen: &DaemonObserved) -> bool {
        let directory = magnum::conf_d();
        let live = daemon_args::count(&seen.state.cmdline, &directory);
        let next = Self::next_start(seen);
        match self.flag {
            Flag::Any => true,
            Flag::Once => live == 1 && next.is_none_or(|next| next == 1),
            Flag::AsNextStart => next.is_none_or(|next| live == next),
        }
    }

    fn refuse(&self, seen: &DaemonObserved) -> Result<(), Conflict> {
        if seen.state.load != "masked" {
            return Ok(());
        }
        let why = format!("{} is masked: somebody does not want it to run", self.service);
        Err(Conflict::new(why, format!("systemctl unmask {}, if it should", self.service)))
    }

    /// Refuses options that the daemon reads otherwise though every file is as wanted.
    fn in_effect(&self, seen: &DaemonObserved) -> Result<(), Conflict> {
        let values = match &seen.options {
            OptionsObserved::Values(values) => values,
            OptionsObserved::Unknown { why } => {
                let what = format!("what {} reads could not be told: {why}", self.service);
                return Err(Conflict::new(what, "look at its configuration files and their modes"));
            }
        };
        let other = self.options.iter().find(|(key, value)| values.get(*key) != Some(*value));
        let Some((key, value)) = other else { return Ok(()) };
        let why = format!("{} reads something else for {key} in [capi_helm]", self.service);
        let next = format!(
            "another file says {key}: grep -rn {key} /etc/magnum/ on the unit, and take it out there"
        );
        let found = values.get(key).cloned().unwrap_or_else(|| "nothing".to_owned());
        Err(Conflict::new(why, next).seen(value.clone(), found))
    }
}

impl Input {
    fn will_be(&self, state: &FileState) -> bool {
        match (self.expect, state) {
            (InputExpect::Any, _) | (InputExpect::Absent, FileState::Absent) => true,
            (InputExpect::Digest(sha256), FileState::Regular(facts)) => facts.sha256 == sha256,
            (InputExpect::Absent | InputExpect::Digest(_), _) => false,
        }
    }
}

fn not_restarted(unit: &Unit, change: &Restart, why: &str) -> Error {
    Error::Failed {
        unit: unit.label(),
        why: format!("{} was not restarted: {why}", change.service),
        expected: None,
        found: None,
        next: Some("do the steps before this one first".to_owned()),
        touched: Touched::Nothing,
    }
}

fn modified(state: &FileState) -> Option<i64> {
    match state {
        FileState::Regular(facts) => Some(facts.modified_ns),
        FileState::Link { target: _, resolved } => resolved.as_ref().map(|facts| facts.modified_ns),
        FileState::Directory { modified_ns, .. } => Some(*modified_ns),
        FileState::Absent | FileState::Special => None,
    }
}

impl Desired for ConvergeServices {
    const KIND: &'static str = "juju.services.v1";
    type Target = Unit;
    type Observed = ServicesObserved;
    type Change = Restart;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        let names: Vec<_> = self.daemons.iter().map(|daemon| daemon.service.as_str()).collect();
        Subject::new("service", names.join(", "))
    }

    fn key(&self) -> String {
        self.subject().name
    }

    async fn observe(&self, unit: &Unit) -> Result<ServicesObserved, Error> {
        let daemons = self.daemons.iter().map(|wanted| look(unit, wanted));
        Ok(ServicesObserved { daemons: futures::future::try_join_all(daemons).await? })
    }

    fn diff(&self, seen: &ServicesObserved) -> Result<Delta<Restart>, Conflict> {
        if !seen.daemons.iter().any(DaemonObserved::exists) {
            let Subject { noun: _, name } = self.subject();
            let next = "check the unit's name: Magnum does not run here";
            return Err(Conflict::new(format!("this unit has none of {name}"), next));
        }
        let mut restarts = Vec::new();
        for (wanted, seen) in self.pairs(seen).filter(|(_, seen)| seen.exists()) {
            wanted.refuse(seen)?;
            let reasons = wanted.reasons(seen);
            if reasons.is_empty() {
                wanted.in_effect(seen)?;
            } else {
                restarts.push(Restart { service: wanted.service.clone(), reasons });
            }
        }
        Ok(Delta::of(restarts))
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &Restart) -> Result<(), Error> {
        let seen = self.observe(unit).await?;
        if let Some(what) = self.not_yet(change, &seen) {
            return Err(not_restarted(unit, change, &what));
        }
        let action = Action::RestartService { service: change.service.clone() };
        // It returns once the daemon stays up, or with its last words.
        unit.act(&action, Payload::Null).await
    }

    fn notes(&self, seen: &ServicesObserved, _: Timestamp) -> Vec<Note> {
        let absent = self.pairs(seen).filter(|(_, seen)| !seen.exists());
        absent
            .map(|(wanted, _)| Note::new(format!("{} is not on this unit", wanted.service)))
            .collect()
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(2), Duration::from_mins(1))
    }
}

#[cfg(test)]
#[path = "converge_services_tests.rs"]
mod tests;
