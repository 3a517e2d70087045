use std::{collections::BTreeMap, fmt, path::Path};

use omega_core::{Touched, patiently, values::UnitName};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Deadlines, Program,
    classify::{self, Whom},
    command::model_label,
    not_run,
};
use crate::{Error, upstream_messages::juju_asks};

/// The identity of a model. A plan for one model must not be applied to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct JujuModel {
    /// The name of the controller in this client.
    pub controller: String,
    /// The model's name.
    pub name: String,
    /// Its id, if juju reports it: `juju status` of 3.4.2 does not.
    #[serde(alias = "model-uuid", skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

impl fmt::Display for JujuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.controller, self.name)
    }
}

/// The units of an application, and their model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JujuUnits {
    /// The model.
    pub model: JujuModel,
    /// The units, in the order of their numbers.
    pub units: Vec<UnitStatus>,
}

/// A unit as `juju status` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnitStatus {
    /// Its name.
    pub name: UnitName,
    /// Whether it is the leader of its application.
    pub leader: bool,
    /// The machine's id (`0`, `1/lxd/2`).
    pub machine: Option<String>,
    /// The state of the machine's agent (`started`).
    pub machine_agent: Option<String>,
    /// Its message, often empty.
    pub machine_message: Option<String>,
    /// The machine's operating system: juju 3's base (`ubuntu@22.04`) or juju 2.9's series (`jammy`).
    pub base: Option<String>,
    /// Its public address.
    pub address: Option<String>,
    /// The workload status (`active`, `blocked`).
    pub workload: StatusInfo,
    /// The status of the unit's agent (`idle`, `executing`, `lost`).
    pub agent: StatusInfo,
    /// Its subordinates.
    pub subordinates: Vec<UnitStatus>,
    /// The error, if juju could not determine the unit's status.
    pub error: Option<String>,
    /// `dying` or `dead`, if it is being removed.
    pub life: Option<String>,
    /// The same of its machine.
    pub machine_life: Option<String>,
    /// The status of the machine's instance in the cloud (`running`).
    pub instance: StatusInfo,
    /// The status of the model (`available`, `busy`).
    pub model: StatusInfo,
}

/// An application in `juju status`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplicationStatus {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: StatusInfo,
    /// Whether it is a subordinate.
    pub subordinate: bool,
    /// The error, if juju could not determine its status.
    pub error: Option<String>,
    /// The charm's name. (Of juju 2.9 its URL, if there is no name.)
    pub charm: Option<String>,
    /// The channel that the charm follows (`2024.1/stable`).
    pub channel: Option<String>,
    /// The charm's revision.
    pub revision: Option<i64>,
    /// Its operating system: juju 3's base (`ubuntu@22.04`) or juju 2.9's series (`jammy`).
    pub base: Option<String>,
    /// The version of the workload, as the charm reports it.
    pub version: Option<String>,
}

/// A machine or a container in `juju status`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineStatus {
    /// Its id (`0`, `1/lxd/2`).
    pub id: String,
    /// The status of its agent (`started`, `down`, `pending`).
    pub agent: StatusInfo,
    /// The status of the instance (`running`).
    pub instance: StatusInfo,
    /// Its host name.
    pub hostname: Option<String>,
    /// The id of the instance in juju's cloud.
    pub instance_id: Option<String>,
    /// Its addresses, as juju orders them.
    pub addresses: Vec<String>,
    /// Its operating system, as that of an application.
    pub base: Option<String>,
    /// What it is made of (`arch=amd64 cores=2 mem=4096M`).
    pub hardware: Option<String>,
}

/// A status and its message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StatusInfo {
    /// The status.
    pub current: String,
    /// The message, often empty.
    pub message: String,
}

/// The status of an agent, with the life of the unit or machine.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AgentInfo {
    #[serde(flatten)]
    status: StatusInfo,
    /// `dying` or `dead`; absent while it is alive.
    life: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RawModel {
    #[serde(flatten)]
    identity: JujuModel,
    model_status: StatusInfo,
    /// The version of the model's agents.
    version: Option<String>,
}

/// The output of `juju status --format json`, of juju 2.9 or 3.
#[derive(Clone, Debug, Deserialize)]
pub struct JujuStatus {
    #[serde(default)]
    model: RawModel,
    #[serde(default)]
    pub(super) applications: BTreeMap<String, Application>,
    #[serde(default)]
    machines: BTreeMap<String, Machine>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Application {
    units: BTreeMap<String, RawUnit>,
    #[serde(rename = "application-status")]
    status: StatusInfo,
    subordinate_to: Vec<String>,
    pub(super) status_error: Option<String>,
    version: Option<String>,
    pub(super) charm: String,
    pub(super) charm_name: String,
    pub(super) charm_origin: String,
    pub(super) charm_rev: Option<i64>,
    pub(super) charm_channel: Option<String>,
    pub(super) can_upgrade_to: Option<String>,
    base: Option<Base>,
    series: Option<String>,
}

impl Application {
    /// Returns its base: juju 3's (`ubuntu@22.04`) or juju 2.9's series (`jammy`).
    pub(super) fn base(&self) -> Option<String> {
        base(self.base.as_ref(), self.series.as_deref())
    }
}

fn base(base: Option<&Base>, series: Option<&str>) -> Option<String> {
    let base = base.map(|base| format!("{}@{}", base.name, base.channel));
    base.or_else(|| series.map(str::to_owned))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RawUnit {
    workload_status: StatusInfo,
    juju_status: AgentInfo,
    leader: bool,
    machine: Option<String>,
    public_address: Option<String>,
    subordinates: BTreeMap<String, RawUnit>,
    status_error: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Machine {
    juju_status: AgentInfo,
    #[serde(rename = "machine-status")]
    instance: StatusInfo,
    base: Option<Base>,
    series: Option<String>,
    containers: BTreeMap<String, Machine>,
    hostname: Option<String>,
    instance_id: Option<String>,
    ip_addresses: Vec<String>,
    hardware: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Base {
    name: String,
    channel: String,
}

impl JujuStatus {
    /// Parses the output of `juju status --format json`.
    ///
    /// # Errors
    ///
    /// Fails if it has another form.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Returns the model.
    pub fn model(&self) -> &JujuModel {
        &self.model.identity
    }

    /// Returns the version of juju that the model's agents have.
    pub fn juju_version(&self) -> Option<&str> {
        self.model.version.as_deref()
    }

    /// Returns the names of the applications.
    pub fn applications(&self) -> Vec<&str> {
        self.applications.keys().map(String::as_str).collect()
    }

    /// Returns the units of an application, ordered by number; `None` if the model has no such
    /// application. The units of a subordinate are listed below their principals.
    pub fn units(&self, application: &str) -> Option<Vec<UnitStatus>> {
        self.applications.get(application)?;
        let all = self.applications.values().flat_map(|app| &app.units);
        let mut units: Vec<UnitStatus> = all
            .filter_map(|(name, raw)| self.unit(name, raw, None))
            .flat_map(|unit| {
                let beside = unit.subordinates.clone();
                std::iter::once(unit).chain(beside)
            })
            .filter(|unit| unit.name.application() == application)
            .collect();
        units.sort_by_key(|unit| unit.name.number());
        Some(units)
    }

    /// Returns every application, by name.
    pub fn all_applications(&self) -> Vec<ApplicationStatus> {
        let status = |(name, raw): (&String, &Application)| ApplicationStatus {
            name: name.clone(),
            status: raw.status.clone(),
            subordinate: !raw.subordinate_to.is_empty(),
            error: raw.status_error.clone(),
            charm: [&raw.charm_name, &raw.charm].into_iter().find(|name| !name.is_empty()).cloned(),
            channel: raw.charm_channel.clone(),
            revision: raw.charm_rev,
            base: raw.base(),
            version: raw.version.clone().filter(|version| !version.is_empty()),
        };
        self.applications.iter().map(status).collect()
    }

    /// Returns every unit by name, each followed by the subordinates beside it.
    pub fn all_units(&self) -> Vec<UnitStatus> {
        let all = self.applications.values().flat_map(|app| &app.units);
        let mut units: Vec<UnitStatus> =
            all.filter_map(|(name, raw)| self.unit(name, raw, None)).collect();
        let key = |unit: &UnitStatus| (unit.name.application().to_owned(), unit.name.number());
        units.sort_by_key(key);
        let with = |unit: UnitStatus| {
            let beside = unit.subordinates.clone();
            std::iter::once(unit).chain(beside)
        };
        units.into_iter().flat_map(with).collect()
    }

    /// Returns every machine, each followed by its containers.
    pub fn all_machines(&self) -> Vec<MachineStatus> {
        let mut all = Vec::new();
        self.machines.iter().for_each(|(id, machine)| machine.add_to(id, &mut all));
        all
    }

    /// Returns the error, if juju could not determine the application's status.
    pub fn application_error(&self, application: &str) -> Option<&str> {
        self.applications.get(application)?.status_error.as_deref()
    }

    /// Returns the version of the workload, as the application's charm reported it.
    pub fn workload_version(&self, application: &str) -> Option<&str> {
        let version = self.applications.get(application)?.version.as_deref();
        version.filter(|version| !version.is_empty())
    }

    fn unit(&self, name: &str, raw: &RawUnit, principal: Option<&RawUnit>) -> Option<UnitStatus> {
        let machine = raw.machine.clone().or_else(|| principal?.machine.clone());
        let found = machine.as_deref().and_then(|id| self.machine(id));
        Some(UnitStatus {
            name: name.parse().ok()?,
            leader: raw.leader,
            machine_agent: found.map(|machine| machine.juju_status.status.current.clone()),
            machine_message: found.map(|machine| machine.juju_status.status.message.clone()),
            machine_life: found.and_then(|machine| machine.juju_status.life.clone()),
            instance: found.map(|machine| machine.instance.clone()).unwrap_or_default(),
            base: found.and_then(Machine::base),
            machine,
            address: raw.public_address.clone(),
            workload: raw.workload_status.clone(),
            agent: raw.juju_status.status.clone(),
            life: raw.juju_status.life.clone(),
            model: self.model.model_status.clone(),
            subordinates: raw
                .subordinates
                .iter()
                .filter_map(|(name, beside)| self.unit(name, beside, Some(raw)))
                .collect(),
            error: raw.status_error.clone(),
        })
    }

    /// Finds a machine by its id. The id of a container (`1/lxd/2`) starts with that of its host.
    fn machine(&self, id: &str) -> Option<&Machine> {
        let host = id.split('/').next().unwrap_or(id);
        let mut machine = self.machines.get(host)?;
        let parts: Vec<&str> = id.split('/').collect();
        for end in (3..=parts.len()).step_by(2) {
            machine = machine.containers.get(&parts.get(..end)?.join("/"))?;
        }
        Some(machine)
    }
}

impl Machine {
    fn add_to(&self, id: &str, all: &mut Vec<MachineStatus>) {
        let (agent, instance) = (self.juju_status.status.clone(), self.instance.clone());
        all.push(MachineStatus {
            id: id.to_owned(),
            agent,
            instance,
            hostname: self.hostname.clone(),
            instance_id: self.instance_id.clone(),
            addresses: self.ip_addresses.clone(),
            base: self.base(),
            hardware: self.hardware.clone(),
        });
        self.containers.iter().for_each(|(id, inside)| inside.add_to(id, all));
    }

    fn base(&self) -> Option<String> {
        base(self.base.as_ref(), self.series.as_deref())
    }
}

/// Runs `juju status`.
///
/// # Errors
///
/// Fails if juju fails, or its output is not JSON.
pub async fn juju_status(
    program: &Path,
    model: Option<&str>,
    deadlines: Deadlines,
) -> Result<JujuStatus, Error> {
    patiently(|| status_once(program, model, deadlines)).await
}

async fn status_once(
    program: &Path,
    model: Option<&str>,
    deadlines: Deadlines,
) -> Result<JujuStatus, Error> {
    let label = model_label(model);
    let controller = classify::controller_of(model);
    let model = model.into_iter().flat_map(|model| ["-m", model]);
    let args = ["status", "--format", "json"].into_iter().chain(model);
    let (within, start) = (deadlines.ask(), Instant::now());
    let program = Program::new(program).args(args).ends_at(juju_asks);
    let output = program.run(None, within).await;
    let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = output.as_ref().ok().and_then(|output| output.status).unwrap_or(-1);
    tracing::info!(target: "omega_trace", kind = "exec", what = "juju status", status, took_ms, "trace");
    let output =
        output.map_err(|error| not_run(&label, "status", &error, within, Touched::Nothing))?;
    if output.status != Some(0) {
        return Err(classify::exec(&Whom::new(&label, controller), &output, within));
    }
    JujuStatus::parse(&output.stdout).map_err(|error| Error::Malformed {
        unit: label,
        why: format!("the output of juju status is not JSON (line {})", error.line()),
        touched: Touched::Nothing,
    })
}

/// Returns the units of an application, and their model.
///
/// # Errors
///
/// Fails if juju fails, the model has no such application, or the application has no units.
pub async fn juju_units(
    program: &Path,
    model: Option<&str>,
    application: &str,
    deadlines: Deadlines,
) -> Result<JujuUnits, Error> {
    let status = juju_status(program, model, deadlines).await?;
    let none = |why: &str, found: String| {
        let application = application.to_owned();
        Err(Error::NoUnits { application, why: why.to_owned(), found })
    };
    if let Some(error) = status.application_error(application) {
        return none("juju can't determine its status", error.to_owned());
    }
    match status.units(application) {
        Some(units) if !units.is_empty() => Ok(JujuUnits { model: status.model.identity, units }),
        Some(_) => none("it has no units", "none".to_owned()),
        None => none("the model has no such application", status.applications().join(", ")),
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
