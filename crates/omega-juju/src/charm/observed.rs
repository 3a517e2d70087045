//! What was observed of a charm's configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CharmOption, Upgrade, setting::boolean};
use crate::{channel::UnitStatus, upstream_messages};

/// The requested options, and the values that the units have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CharmConfigObserved {
    /// The charm.
    pub charm: String,
    /// The options that the charm has.
    pub options: BTreeMap<String, CharmOption>,
    /// Those that it does not have, and the nearest name.
    pub unknown: BTreeMap<String, Option<String>>,
    /// The application's units.
    pub units: Vec<UnitConfig>,
    /// Set if a change of the configuration runs an upgrade, should one be pending.
    pub upgrade: Option<Upgrade>,
}

/// A unit, and what it has of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnitConfig {
    /// Its name.
    pub name: String,
    /// Its workload status and the message.
    pub workload: (String, String),
    /// The status of its agent and the message.
    pub agent: (String, String),
    /// What the service on it reads.
    pub lines: Lines,
}

/// What a service reads from its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lines {
    /// The values of the requested options.
    Read(BTreeMap<String, String>),
    /// It could not be asked, and why.
    Unread(String),
}

/// Where a charm writes an option.
#[derive(Debug)]
pub(super) struct Written {
    charm: &'static str,
    option: &'static str,
    /// The option of `[DEFAULT]`.
    pub(super) line: &'static str,
    /// What the service reads where the line is absent.
    absent: Option<&'static str>,
}

/// charm-nova-compute, `templates/yoga/nova.conf` (stable/2024.1).
const WRITTEN: [Written; 2] = [
    Written {
        charm: "nova-compute",
        option: "reserved-host-memory",
        line: "reserved_host_memory_mb",
        absent: None,
    },
    Written {
        charm: "nova-compute",
        option: "resume-guests-state-on-host-boot",
        line: "resume_guests_state_on_host_boot",
        absent: Some("False"),
    },
];

/// The service that reads what this charm writes.
pub(super) const SERVICE: &str = "nova-compute";

/// Returns where a charm writes an option, if that is known.
pub(super) fn written(charm: &str, option: &str) -> Option<&'static Written> {
    WRITTEN.iter().find(|one| one.charm == charm && one.option == option)
}

impl CharmConfigObserved {
    /// Returns what each unit lacks that does not have the values of the options yet.
    pub(super) fn waiting(&self) -> Option<String> {
        /// More than these are counted.
        const NAMED: usize = 5;
        let late: Vec<String> = self.units.iter().filter_map(|unit| self.lacks(unit)).collect();
        let shown = late.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let (late, all) = (late.len(), self.units.len());
        let more =
            if late > NAMED { format!("; and {} more", late - NAMED) } else { String::new() };
        (late > 0).then(|| format!("{late} of {all} units do not have it yet: {shown}{more}"))
    }

    /// Returns why a unit does not have the values, and what to do about it.
    fn lacks(&self, unit: &UnitConfig) -> Option<String> {
        let wrong = match &unit.lines {
            Lines::Unread(why) => vec![format!("it can't be asked: {why}")],
            Lines::Read(lines) => self
                .options
                .iter()
                .filter_map(|(name, option)| self.wrong(name, option, lines))
                .collect(),
        };
        (!wrong.is_empty()).then(|| format!("{} ({})", unit.said(), wrong.join(", ")))
    }

    fn wrong(
        &self,
        name: &str,
        option: &CharmOption,
        lines: &BTreeMap<String, String>,
    ) -> Option<String> {
        let Written { line, absent, .. } = written(&self.charm, name)?;
        let found = lines.get(*line).map(String::as_str).or(*absent);
        let wanted = option.value.as_deref();
        let same = match (found.and_then(boolean), wanted.and_then(boolean)) {
            (Some(found), Some(wanted)) => found == wanted,
            _ => found == wanted,
        };
        let or_none = |value: Option<&str>| value.unwrap_or("not set").to_owned();
        (!same).then(|| format!("{line} is {}, not {}", or_none(found), or_none(wanted)))
    }
}

impl UnitConfig {
    pub(super) fn new(unit: &UnitStatus, lines: Lines) -> Self {
        let (workload, agent) = (&unit.workload, &unit.agent);
        Self {
            name: unit.name.to_string(),
            workload: (workload.current.clone(), workload.message.clone()),
            agent: (agent.current.clone(), agent.message.clone()),
            lines,
        }
    }

    /// Why a unit will not take a change by itself, and what to do about it.
    pub(super) fn held(&self) -> Option<String> {
        let Self { name, workload: (workload, message), agent: (agent, _), .. } = self;
        if upstream_messages::is_paused(workload, message) {
            return Some(format!(
                "{name} is paused and ignores the change: juju run {name} resume, if it may run again"
            ));
        }
        let silent = ["lost", "failed"].contains(&agent.as_str());
        silent.then(|| format!("the agent of {name} is {agent}: look at its machine"))
    }

    /// What Juju says of a unit that does not have the values.
    fn said(&self) -> String {
        let Self { name, workload: (workload, message), agent: (agent, running), .. } = self;
        if let Some(held) = self.held() {
            return held;
        }
        match (workload.as_str(), agent.as_str()) {
            ("error", _) => {
                format!("{name} is in error ({message}): juju debug-log, then juju resolve {name}")
            }
            (_, "executing") => format!("{name} is executing: {running}"),
            ("active", _) => format!("{name} has not run its hook yet"),
            (_, _) => format!("{name} is {workload}: {message}"),
        }
    }
}
