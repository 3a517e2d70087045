//! A Juju model in memory: nova-compute, its configuration and its units. What it prints has the form
//! of juju 3.4 (`juju status`) and of its source (`cmd/juju/application/config.go`). It shares no code
//! with the client.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use omega_core::{
    Touched,
    run::HeldLock,
    testing::{Fault, REFUSAL},
    values::UnitName,
};
use serde_json::{Map, Value, json};

use crate::{
    Action, Channel, Error, FailureCode, Fence, LockRequest, OptionsState, Payload, Probe,
    ProbeFailure, Reply,
    agent::Output,
    channel::{JujuCommands, JujuModel, finished},
};

/// A model in memory with the application nova-compute. Clones are the same model.
#[derive(Clone, Debug)]
pub struct Juju(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    options: BTreeMap<&'static str, CharmOption>,
    units: Vec<Compute>,
    version: String,
    commands: Vec<String>,
    writes: usize,
    spoiled: Option<(usize, Fault)>,
}

#[derive(Debug)]
struct CharmOption {
    kind: &'static str,
    default: Option<Value>,
    value: Option<Value>,
}

/// A unit of nova-compute.
#[derive(Debug)]
struct Compute {
    /// `[DEFAULT]` of its nova.conf.
    conf: BTreeMap<String, String>,
    /// After how many looks its hook has run.
    lag: usize,
    /// How many looks are left until then.
    pending: Option<usize>,
    paused: bool,
    lost: bool,
}

impl Juju {
    /// Returns a model with so many units of nova-compute, all of them with what is configured. `lag`:
    /// after how many looks the first unit has run its hook; each further one needs one more.
    pub fn nova_compute(units: usize, lag: usize) -> Self {
        let option = |kind, default: Option<Value>| CharmOption { kind, default, value: None };
        let options = BTreeMap::from([
            ("action-managed-upgrade", option("boolean", Some(json!(false)))),
            ("cpu-mode", option("string", None)),
            ("openstack-origin", option("string", Some(json!("cloud:jammy-caracal")))),
            ("rabbit-password", option("string", None)),
            ("reserved-host-memory", option("int", Some(json!(512)))),
            ("resume-guests-state-on-host-boot", option("boolean", Some(json!(false)))),
        ]);
        let unit = |nth| Compute {
            conf: BTreeMap::new(),
            lag: lag + nth,
            pending: None,
            paused: false,
            lost: false,
        };
        let units = (0..units).map(unit).collect();
        let (version, commands) = ("29.2.0".to_owned(), Vec::new());
        let mut state = State { options, units, version, commands, writes: 0, spoiled: None };
        state.run_hooks();
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Configures as an operator did before. The units have it, unless they are paused.
    pub fn configure(&self, option: &str, value: Value) {
        let mut state = self.lock();
        if let Some(option) = state.options.get_mut(option) {
            option.value = Some(value).filter(|value| !value.is_null());
        }
        state.run_hooks();
    }

    /// The same, and no unit has run its hook yet.
    pub fn configure_late(&self, option: &str, value: Value) {
        let mut state = self.lock();
        if let Some(option) = state.options.get_mut(option) {
            option.value = Some(value).filter(|value| !value.is_null());
        }
        state.units.iter_mut().for_each(|unit| unit.pending = Some(unit.lag));
    }

    /// Sets the version of Nova that the application reports.
    pub fn set_version(&self, version: &str) {
        version.clone_into(&mut self.lock().version);
    }

    /// Pauses a unit, or resumes it: then it takes its configuration.
    pub fn pause(&self, nth: usize, paused: bool) {
        if let Some(unit) = self.lock().units.get_mut(nth) {
            unit.paused = paused;
        }
    }

    /// Loses the agent of a unit, or finds it again.
    pub fn lose(&self, nth: usize, lost: bool) {
        if let Some(unit) = self.lock().units.get_mut(nth) {
            unit.lost = lost;
        }
    }

    /// Makes the `nth` write fail, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: Fault) {
        self.lock().spoiled = Some((nth, fault));
    }

    /// Returns the number of writes.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// Returns the commands that were to write.
    pub fn commands(&self) -> Vec<String> {
        self.lock().commands.clone()
    }

    /// Returns the options that are not the default, and what each unit reads.
    pub fn snapshot(&self) -> Vec<String> {
        let state = self.lock();
        let set = |(name, option): (&&str, &CharmOption)| {
            let (value, source) = option.shown();
            (source == "user").then(|| format!("{name}={}", value.unwrap_or_default()))
        };
        let set = state.options.iter().filter_map(set);
        let units = state.units.iter().enumerate();
        set.chain(units.map(|(nth, unit)| format!("{nth}: {:?}", unit.conf))).collect()
    }
}

impl CharmOption {
    fn shown(&self) -> (Option<Value>, &'static str) {
        match (&self.value, &self.default) {
            (Some(value), default) if Some(value) != default.as_ref() => {
                (Some(value.clone()), "user")
            }
            (_, Some(default)) => (Some(default.clone()), "default"),
            (_, None) => (None, "unset"),
        }
    }

    fn parsed(&self, text: &str) -> Option<Value> {
        match self.kind {
            "int" => Some(json!(text.parse::<i64>().ok()?)),
            "boolean" => Some(json!(text.to_lowercase().parse::<bool>().ok()?)),
            _ => Some(json!(text)),
        }
    }
}

impl State {
    /// What the template of the charm makes of the options.
    fn rendered(&self) -> BTreeMap<String, String> {
        let value = |name| self.options.get(name).and_then(|option| option.shown().0);
        let memory = value("reserved-host-memory").map(|value| value.to_string());
        let resume = value("resume-guests-state-on-host-boot") == Some(json!(true));
        let memory = ("reserved_host_memory_mb".to_owned(), memory.unwrap_or_default());
        let resume =
            resume.then(|| ("resume_guests_state_on_host_boot".to_owned(), "True".to_owned()));
        [memory].into_iter().chain(resume).collect()
    }

    fn run_hooks(&mut self) {
        let conf = self.rendered();
        for unit in &mut self.units {
            if unit.paused {
                unit.pending = Some(unit.lag);
            } else {
                (unit.conf, unit.pending) = (conf.clone(), None);
            }
        }
    }

    /// One look at a unit; meanwhile its hook comes nearer.
    fn look(&mut self, nth: usize) {
        let conf = self.rendered();
        let Some(unit) = self.units.get_mut(nth).filter(|unit| !unit.paused) else { return };
        match unit.pending {
            Some(0) => (unit.conf, unit.pending) = (conf, None),
            Some(left) => unit.pending = Some(left - 1),
            None => {}
        }
    }

    fn command(&mut self, command: &str, args: &[&str]) -> Result<String, String> {
        match (command, args) {
            ("status", ["--format", "json"]) => Ok(self.status().to_string()),
            ("config", [application, ..]) if *application != "nova-compute" => {
                Err(format!("application {application:?} not found"))
            }
            ("config", [_, "--format", "json"]) => Ok(self.config().to_string()),
            ("config", [_, "--reset", keys]) => self.write(args, |state| state.reset(keys)),
            ("config", [_, settings @ ..]) => self.write(args, |state| state.set(settings)),
            _ => Err(format!("unrecognized command: juju {command}")),
        }
    }

    fn write(
        &mut self,
        args: &[&str],
        change: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<String, String> {
        self.commands.push(format!("juju config {}", args.join(" ")));
        let nth = self.writes;
        self.writes += 1;
        let fault = self.spoiled.filter(|(spoiled, _)| *spoiled == nth).map(|(_, fault)| fault);
        match fault {
            Some(Fault::Lost) => return Err("connection is shut down".to_owned()),
            Some(Fault::Ignored) => return Ok(String::new()),
            Some(Fault::Refused) => {
                return Err(format!(
                    "{REFUSAL}\n\nAll operations that change model have been disabled for the current \
                     model.\nTo enable changes, run\n\n    juju enable-command all\n"
                ));
            }
            Some(Fault::AnswerLost) | None => {}
        }
        change(self)?;
        self.units.iter_mut().for_each(|unit| unit.pending = Some(unit.lag));
        if fault.is_some() { Err("connection is shut down".to_owned()) } else { Ok(String::new()) }
    }

    fn set(&mut self, settings: &[&str]) -> Result<(), String> {
        for setting in settings {
            let (name, text) = setting.split_once('=').ok_or("expected \"key=value\"")?;
            let option = self.options.get_mut(name);
            let option = option.ok_or_else(|| format!("unknown option {name:?}"))?;
            let value = option.parsed(text);
            let kind = option.kind;
            let wrong = || format!("option {name:?} expected {kind}, got {text:?}");
            option.value = Some(value.ok_or_else(wrong)?);
        }
        Ok(())
    }

    fn reset(&mut self, keys: &str) -> Result<(), String> {
        for name in keys.split(',') {
            let option = self.options.get_mut(name);
            option.ok_or_else(|| format!("unknown option {name:?}"))?.value = None;
        }
        Ok(())
    }

    fn config(&self) -> Value {
        let shown = |(name, option): (&&str, &CharmOption)| {
            let (value, source) = option.shown();
            let mut shown = json!({
                "description": "as the charm says", "source": source, "type": option.kind,
            });
            for (key, value) in [("value", value), ("default", option.default.clone())] {
                if let (Some(value), Some(shown)) = (value, shown.as_object_mut()) {
                    shown.insert(key.to_owned(), value);
                }
            }
            ((*name).to_owned(), shown)
        };
        let settings: Map<String, Value> = self.options.iter().map(shown).collect();
        json!({ "application": "nova-compute", "charm": "nova-compute", "settings": settings })
    }

    fn status(&self) -> Value {
        let status = |(nth, unit): (usize, &Compute)| {
            let (workload, message) = if unit.paused {
                ("maintenance", "Paused. Use 'resume' action to resume normal service.")
            } else {
                ("active", "Unit is ready")
            };
            let (agent, running) = match unit.pending {
                _ if unit.lost => ("lost", "agent is not communicating with the server"),
                Some(0 | 1) if !unit.paused => ("executing", "running config-changed hook"),
                _ => ("idle", ""),
            };
            let unit = json!({
                "workload-status": { "current": workload, "message": message },
                "juju-status": { "current": agent, "message": running }, "machine": nth.to_string(),
            });
            (format!("nova-compute/{nth}"), unit)
        };
        let units: Map<String, Value> = self.units.iter().enumerate().map(status).collect();
        json!({
            "model": { "name": "openstack", "controller": "c" },
            "applications": { "nova-compute": { "version": self.version, "units": units } },
        })
    }
}

#[async_trait]
impl JujuCommands for Juju {
    async fn run(
        &self,
        doing: &str,
        command: &str,
        args: &[String],
        touched: Touched,
    ) -> Result<Vec<u8>, Error> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr) = match self.lock().command(command, &args) {
            Ok(text) => (0, text, String::new()),
            Err(why) => (1, String::new(), format!("ERROR {why}\n")),
        };
        let (stdout, stderr) = (stdout.into_bytes(), stderr.into_bytes());
        finished(
            doing,
            None,
            Output { status: Some(status), stdout, stderr, ..Output::default() },
            touched,
        )
    }

    fn channel(&self, unit: &UnitName, _: &JujuModel) -> Arc<dyn Channel> {
        let nth = usize::try_from(unit.number()).unwrap_or(usize::MAX);
        Arc::new(Machine { juju: self.clone(), nth })
    }
}

/// The machine of a unit, which answers for nova.conf and for nothing else.
#[derive(Debug)]
struct Machine {
    juju: Juju,
    nth: usize,
}

#[async_trait]
impl Channel for Machine {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        let mut state = self.juju.lock();
        state.look(self.nth);
        let Some(unit) = state.units.get(self.nth) else {
            return Err(Error::NothingScheduled { unit: format!("nova-compute/{}", self.nth) });
        };
        let reply = |probe: &Probe| {
            if let Probe::Options { group, keys, .. } = probe
                && group == "DEFAULT"
            {
                let value = |key: &String| Some((key.clone(), unit.conf.get(key)?.clone()));
                let values = keys.iter().filter_map(value).collect();
                return Reply::Options(OptionsState { values, ..OptionsState::default() });
            }
            let why = format!("this unit does not answer {probe}");
            Reply::Failed(ProbeFailure::new(FailureCode::UnknownRequest, why))
        };
        Ok(probes.iter().map(reply).collect())
    }

    async fn act(&self, _: &Action, _: Payload, _: Option<&Fence>) -> Result<(), Error> {
        Err(Error::NothingScheduled { unit: format!("nova-compute/{}", self.nth) })
    }

    async fn lock(&self, _: &LockRequest) -> Result<Option<HeldLock>, Error> {
        Err(Error::NothingScheduled { unit: format!("nova-compute/{}", self.nth) })
    }
}
