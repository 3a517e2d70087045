//! D-011.1: all charms are active and idle.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{
    Check, Context, Event, Evidence, Failure, FailureClass, Finding, Note, PollPolicy, Severity,
    Subject, WaitError, wait_for,
};
use omega_juju::{
    Error,
    channel::{
        ApplicationStatus, Deadlines, JujuStatus, MachineStatus, StatusInfo, UnitStatus,
        juju_status,
    },
};

use crate::acceptance::{Answer, Item, ItemId};

/// How long a hook may run that was running when we looked: `update-status` runs every five minutes on
/// each unit, and takes some seconds.
const SETTLE: PollPolicy = PollPolicy::new(Duration::from_secs(5), Duration::from_mins(1));

/// A model, whose state juju tells. The program asks `juju`; rehearsals and tests have one in memory.
#[async_trait]
pub trait JujuModel: fmt::Debug + Send + Sync {
    /// Returns the state of the whole model.
    ///
    /// # Errors
    ///
    /// Fails if juju does not answer.
    async fn status(&self) -> Result<JujuStatus, Error>;
}

/// The model, by the program `juju`.
#[derive(Clone, Debug)]
pub struct JujuCli {
    /// The program: `juju`, or a path to it.
    pub program: PathBuf,
    /// The model; the current one by default.
    pub model: Option<String>,
    /// How long it may take.
    pub deadlines: Deadlines,
}

#[async_trait]
impl JujuModel for JujuCli {
    async fn status(&self) -> Result<JujuStatus, Error> {
        juju_status(&self.program, self.model.as_deref(), self.deadlines).await
    }
}

/// D-011.1.
#[derive(Debug)]
pub struct Charms {
    /// The model, or why it can't be asked.
    pub model: Result<Arc<dyn JujuModel>, Failure>,
}

#[async_trait]
impl Item for Charms {
    fn id(&self) -> ItemId {
        ItemId::Charms
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.model.as_ref().map(|_| Vec::new()).map_err(Failure::clone)
    }

    async fn check(&self, ctx: &Context) -> Answer {
        let model = match &self.model {
            Ok(model) => model,
            Err(failure) => return Answer::unasked(failure),
        };
        match settled(&**model, ctx).await {
            Ok(status) => judge(&status).noting([note()]),
            Err(failure) => Answer::unasked(&failure).noting([note()]),
        }
    }
}

fn note() -> Note {
    Note::decision(
        "D-011",
        "The runbook's filter (grep -vE 'active|idle') hides blocked units, because their agent is \
         idle. This reads the JSON of juju status instead.",
    )
}

/// Reads the model. If nothing but running hooks is in the way, it waits until they end.
async fn settled(model: &dyn JujuModel, ctx: &Context) -> Result<JujuStatus, Failure> {
    let quiet = |status: &JujuStatus| match running(status).as_slice() {
        [] => Check::Met,
        some if some.len() == offenders(status) => {
            Check::Pending(format!("{} to be idle", some.join(", ")))
        }
        _ => Check::Met,
    };
    let tell = |wanted: &str, since| {
        let (step, wanted) = (ItemId::Charms.step(), wanted.to_owned());
        ctx.tell(&Event::StepWaiting { step, wanted, since });
    };
    let ended = match wait_for(ctx, SETTLE, || model.status(), &quiet, tell).await {
        Ok(status) => return Ok(status),
        Err(ended) => ended,
    };
    let unasked = || Failure::new(FailureClass::Error, "could not ask juju");
    match ended {
        WaitError::Read(error) => Err(unread(&error)),
        WaitError::Failed { seen, .. } => Ok(seen),
        WaitError::TimedOut(late) => late.seen.ok_or_else(|| unasked().because(late.why)),
        WaitError::Cancelled | _ => Err(unasked().because("interrupted")),
    }
}

/// Without the program nothing else will do: units that are reached by SSH do not tell the whole model.
pub(crate) fn unread(error: &Error) -> Failure {
    let failure = Failure::from_error("could not ask juju", error);
    if matches!(error, Error::Unreachable { .. }) {
        return failure.next(
            "install juju on this machine, or set its path in the site file: `program` in [juju]",
        );
    }
    failure
}

/// The units that are active, and whose agent runs a hook or an action.
fn running(status: &JujuStatus) -> Vec<String> {
    let runs = |unit: &UnitStatus| {
        unit.error.is_none()
            && unit.agent.current == "executing"
            && ["active", "maintenance"].contains(&unit.workload.current.as_str())
    };
    let units = status.all_units();
    units.iter().filter(|unit| runs(unit)).map(|unit| unit.name.to_string()).collect()
}

/// How many units and machines are not as they should be.
fn offenders(status: &JujuStatus) -> usize {
    let mut names: Vec<_> = findings(status)
        .into_iter()
        .filter(|one| one.severity == Severity::Broken)
        .map(|one| one.subject.to_string())
        .collect();
    names.dedup();
    names.len()
}

/// Returns what is wrong with a model.
fn judge(status: &JujuStatus) -> Answer {
    let units = status.all_units();
    let beside = units.iter().map(|unit| unit.subordinates.len()).sum::<usize>();
    let evidence = vec![
        Evidence::text("model", status.model().to_string()),
        Evidence::count("applications", status.all_applications().len()),
        Evidence::count("units", units.len() - beside),
        Evidence::count("subordinates", beside),
        Evidence::count("machines", status.all_machines().len()),
    ];
    Answer::judged(findings(status), evidence)
}

fn findings(status: &JujuStatus) -> Vec<Finding> {
    let units = status.all_units();
    if units.is_empty() {
        let model = Subject::new("model", status.model().to_string());
        let empty = Finding::broken("model-empty", model, "it has no units");
        return vec![empty.remedy("name the model of the cloud: `model` in [juju]")];
    }
    let applications = status.all_applications();
    let applications = applications.iter().filter_map(|one| application(one, &units));
    let machines = status.all_machines();
    let machines = machines.iter().filter_map(machine);
    let units_of = units.iter().filter_map(unit);
    applications.chain(machines).chain(units_of).collect()
}

fn application(one: &ApplicationStatus, units: &[UnitStatus]) -> Option<Finding> {
    let subject = Subject::new("application", &one.name);
    if let Some(error) = &one.error {
        let why = format!("juju can't tell its state: {error}");
        return Some(Finding::broken("application-unknown", subject, why));
    }
    let has_units = units.iter().any(|unit| unit.name.application() == one.name);
    if has_units || one.subordinate {
        return None;
    }
    let why = format!("it has no units ({})", said(&one.status));
    let bare = Finding::broken("application-without-units", subject, why);
    let remedy = format!("juju add-unit {0}, or juju remove-application {0}", one.name);
    Some(bare.severity(Severity::Warning).remedy(remedy))
}

fn machine(one: &MachineStatus) -> Option<Finding> {
    if one.agent.current == "started" {
        return None;
    }
    let subject = Subject::new("machine", &one.id);
    let found =
        Finding::broken("machine-not-started", subject, format!("it is {}", said(&one.agent)));
    let shown = [
        Evidence::text("agent", &one.agent.current),
        Evidence::text("instance", said(&one.instance)),
    ];
    Some(found.shown_by(shown).remedy(format!("juju show-machine {}", one.id)))
}

fn unit(one: &UnitStatus) -> Option<Finding> {
    let name = one.name.to_string();
    let subject = Subject::new("unit", &name);
    if let Some(error) = &one.error {
        let why = format!("juju can't tell its state: {error}");
        return Some(Finding::broken("unit-unknown", subject, why));
    }
    let (workload, agent) = (&one.workload, &one.agent);
    let shown = [
        Some(Evidence::text("workload", &workload.current)),
        Some(Evidence::text("agent", &agent.current)),
        one.machine.as_deref().map(|machine| Evidence::text("machine", machine)),
    ];
    let shown = shown.into_iter().flatten();
    let found = if workload.current != "active" {
        Finding::broken("charm-not-active", subject, format!("it is {}", said(workload)))
    } else if agent.current != "idle" {
        let why = format!("it is active, and its agent {}", said(agent));
        Finding::broken("charm-not-idle", subject, why)
    } else {
        return None;
    };
    Some(found.shown_by(shown).remedy(format!("juju show-status-log {name}")))
}

/// The state with its message.
fn said(info: &StatusInfo) -> String {
    let StatusInfo { current, message } = info;
    let current = if current.is_empty() { "unknown" } else { current };
    if message.is_empty() { current.to_owned() } else { format!("{current}: {message}") }
}

#[cfg(test)]
#[path = "charms_tests.rs"]
mod tests;
