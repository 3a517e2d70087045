//! Whether a unit can be worked on, by the status that Juju reports.
//!
//! A task of `juju exec` is executed by the unit's agent, one at a time, behind hooks and actions. So the
//! question is whether that agent is there and takes tasks. `juju exec` has no answer of its own: it waits
//! until its deadline. The vocabulary is that of juju 2.9 to 3.6, `core/status/status.go`.
//!
//! | of | status | `juju exec` | omega | source in juju/juju |
//! |---|---|---|---|---|
//! | model | `busy` (a migration, an upgrade) | fails: "model migration in progress", "upgrade in progress" | refused | `state/modelmigration.go`; `apiserver/restrict_migrations.go`, `restrict_upgrades.go`: the facade Action is not allowed |
//! | model | `suspended` (the credential of its cloud) | works: only calls to the cloud stop | passes | `core/status`, `ValidModelStatus` |
//! | model | `available`, `destroying`, `error` | works while the unit is alive | passes | |
//! | unit | life `dying`, `dead` | may hang: the agent ends with the stop hook; `dead` is refused | refused | `worker/uniter/resolver.go`, `NextOp`, `nextOp`; `state/action.go`, `EnqueueAction` |
//! | machine | life `dying`, `dead` | the same: its units go with it | refused | |
//! | machine | `started` | works | passes | |
//! | machine | `pending` | hangs: it does not take part in the model yet | refused | `core/status` |
//! | machine | `stopped` | hangs: its agent performs no further action | refused | `core/status` |
//! | machine | `down` | hangs: its agent gives no signal | refused | `core/status` |
//! | machine | `error` | may hang: its agent says that somebody has to act | refused | `core/status` |
//! | instance | `provisioning error` | hangs: there is no instance | refused | `worker/provisioner/provisioner_task.go`, `setErrorStatus` |
//! | instance | `allocating`, `pending`, `error`, `unknown`, a cloud's own word | as the machine's agent | passes | |
//! | agent | `idle` | works | passes | |
//! | agent | `executing` | works, and waits behind the hook or action | passes, with a warning | `worker/uniter/actions/resolver.go` |
//! | agent | `rebooting` | hangs until the machine is back | refused | `core/status` |
//! | agent | `allocating` | hangs: its machine is not up | refused | `core/status` |
//! | agent | `failed` | hangs: the agent ended with an error | refused | `worker/uniter/uniter.go`, "resolver loop error" |
//! | agent | `lost` | hangs: the agent gives no signal | refused | `apiserver/common/unitstatus.go` |
//! | agent | `error` | works: Juju shows a failed hook as the workload's `error` | passes, and is told | `worker/uniter/actions/resolver.go`: actions run in a hook's error state |
//! | workload | `active`, `unknown` | works | passes | |
//! | workload | `maintenance`, `waiting` | works | passes, with a warning | |
//! | workload | `blocked`, `error`, `terminated` | works: it is the charm's own word, or a hook's error | passes, and is told | the same |
//!
//! A word that is not in the table passes and is reported.

use serde::{Deserialize, Serialize};

use super::{StatusInfo, UnitStatus};

/// Whether a unit can be worked on, as `juju status` reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", content = "why", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// Its workload is active (or the charm does not say), and its agent is idle.
    Ready,
    /// A hook or an action runs, or the charm waits: it should pass.
    Busy(String),
    /// The charm is blocked, or a hook failed.
    Unwell(String),
    /// Its agent or its machine does not answer: nothing can be executed there.
    Lost(String),
    /// Nothing can be executed there in this state of the unit, its machine or its model.
    Unusable(Unusable),
}

/// Why nothing can be executed on a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// The state, in juju's own words.
    pub why: String,
    /// What to do about it.
    pub next: String,
}

impl Standing {
    /// Returns why nothing can be executed on `unit`, if so.
    pub fn unusable(&self, unit: &str) -> Option<Unusable> {
        match self {
            Self::Lost(why) => {
                let machine = "if its machine is down, start it; else restart its agent there";
                let next = format!("{machine}: look at juju show-status-log {unit}");
                Some(Unusable { why: why.clone(), next })
            }
            Self::Unusable(unusable) => Some(unusable.clone()),
            Self::Ready | Self::Busy(_) | Self::Unwell(_) => None,
        }
    }
}

impl UnitStatus {
    /// Returns whether it can be worked on, in juju's own words.
    pub fn standing(&self) -> Standing {
        if let Some(refused) = self.refused() {
            return refused;
        }
        let (workload, agent) = (&self.workload, &self.agent);
        let of_agent = || said("agent", &agent.current, &agent.message);
        let of_workload = || said("workload", &workload.current, &workload.message);
        if let Some(error) = &self.error {
            return Standing::Unwell(format!("juju can't determine its status: {error}"));
        }
        match (workload.current.as_str(), agent.current.as_str()) {
            (_, "error") => Standing::Unwell(of_agent()),
            ("active" | "unknown" | "", "idle" | "") => Standing::Ready,
            ("active" | "unknown" | "", _) => Standing::Busy(of_agent()),
            ("maintenance" | "waiting", _) => Standing::Busy(of_workload()),
            _ => Standing::Unwell(of_workload()),
        }
    }

    /// The states in which `juju exec` would hang or fail.
    fn refused(&self) -> Option<Standing> {
        self.of_model()
            .or_else(|| self.removed())
            .or_else(|| self.of_machine())
            .or_else(|| self.of_agent())
    }

    fn of_model(&self) -> Option<Standing> {
        let StatusInfo { current, message } = &self.model;
        (current == "busy" || message.starts_with("migrating")).then(|| {
            let next = "wait until its migration or upgrade has ended (juju show-model)";
            unusable(said("model", current, message), next.to_owned())
        })
    }

    fn removed(&self) -> Option<Standing> {
        let ends = |life: &Option<String>| {
            life.clone().filter(|life| !matches!(life.as_str(), "" | "alive"))
        };
        let of_unit = ends(&self.life).map(|life| ("unit".to_owned(), life));
        let (of, life) =
            of_unit.or_else(|| Some((self.its_machine(), ends(&self.machine_life)?)))?;
        let why = said(&of, &life, "it is being removed");
        Some(unusable(why, "wait until juju status no longer lists it".to_owned()))
    }

    fn of_machine(&self) -> Option<Standing> {
        let id = self.machine.as_deref().unwrap_or("?");
        let log = format!("look at juju show-machine {id}");
        let StatusInfo { current, message } = &self.instance;
        if current == "provisioning error" {
            let next = format!("{log}; once the cause is gone: juju retry-provisioning {id}");
            return Some(unusable(said(&self.its_machine(), current, message), next));
        }
        let current = self.machine_agent.as_deref()?;
        let message = self.machine_message.as_deref().unwrap_or_default();
        let why = said(&self.its_machine(), current, message);
        let next = match current {
            "down" => return Some(Standing::Lost(why)),
            "pending" => format!("wait until it is started: {log}"),
            "stopped" => format!("its agent has ended: {log}, and start it again"),
            "error" => format!("{log}, and correct what it names"),
            _ => return None,
        };
        Some(unusable(why, next))
    }

    fn of_agent(&self) -> Option<Standing> {
        let (unit, StatusInfo { current, message }) = (&self.name, &self.agent);
        let why = said("agent", current, message);
        let next = match current.as_str() {
            "lost" => return Some(Standing::Lost(why)),
            "failed" => {
                format!("look at juju debug-log --include {unit} and juju show-status-log {unit}")
            }
            "allocating" | "rebooting" => {
                format!("wait until the agent of {unit} is idle (juju status)")
            }
            _ => return None,
        };
        Some(unusable(why, next))
    }

    fn its_machine(&self) -> String {
        format!("machine {}", self.machine.as_deref().unwrap_or("?"))
    }
}

fn unusable(why: String, next: String) -> Standing {
    Standing::Unusable(Unusable { why, next })
}

fn said(of: &str, status: &str, message: &str) -> String {
    if message.is_empty() { format!("{of} {status}") } else { format!("{of} {status}: {message}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::channel::JujuStatus;

    /// A unit that is well, with `status` at this place of the document.
    fn standing(place: &str, status: Value) -> Standing {
        let mut document = json!({
            "model": {"name": "m", "controller": "c", "model-status": {"current": "available"}},
            "machines": {"3": {
                "juju-status": {"current": "started"}, "machine-status": {"current": "running"},
            }},
            "applications": {"magnum": {"units": {"magnum/0": {
                "workload-status": {"current": "active"}, "juju-status": {"current": "idle"},
                "machine": "3",
            }}}},
        });
        *document.pointer_mut(place).unwrap() = status;
        let status = JujuStatus::parse(document.to_string().as_bytes()).unwrap();
        status.units("magnum").unwrap().remove(0).standing()
    }

    const MODEL: &str = "/model/model-status";
    const MACHINE: &str = "/machines/3/juju-status";
    const INSTANCE: &str = "/machines/3/machine-status";
    const AGENT: &str = "/applications/magnum/units/magnum~10/juju-status";
    const WORKLOAD: &str = "/applications/magnum/units/magnum~10/workload-status";

    /// One row for each status of Juju's vocabulary.
    #[test]
    fn each_status_of_juju_is_judged() {
        for (place, status, refused) in [
            (MODEL, "available", false),
            (MODEL, "busy", true),
            (MODEL, "suspended", false),
            (MODEL, "destroying", false),
            (MODEL, "error", false),
            (MACHINE, "started", false),
            (MACHINE, "pending", true),
            (MACHINE, "stopped", true),
            (MACHINE, "down", true),
            (MACHINE, "error", true),
            (INSTANCE, "running", false),
            (INSTANCE, "provisioning error", true),
            (INSTANCE, "allocating", false),
            (INSTANCE, "pending", false),
            (INSTANCE, "error", false),
            (INSTANCE, "unknown", false),
            (INSTANCE, "Deployed", false),
            (AGENT, "idle", false),
            (AGENT, "executing", false),
            (AGENT, "rebooting", true),
            (AGENT, "allocating", true),
            (AGENT, "failed", true),
            (AGENT, "lost", true),
            (AGENT, "error", false),
            (AGENT, "of the future", false),
            (WORKLOAD, "active", false),
            (WORKLOAD, "unknown", false),
            (WORKLOAD, "maintenance", false),
            (WORKLOAD, "waiting", false),
            (WORKLOAD, "blocked", false),
            (WORKLOAD, "error", false),
            (WORKLOAD, "terminated", false),
        ] {
            let standing = standing(place, json!({"current": status, "message": "so it says"}));
            let unusable = standing.unusable("magnum/0");
            assert_eq!(unusable.is_some(), refused, "{place} {status}: {standing:?}");
            let Some(Unusable { why, next }) = unusable else { continue };
            assert!(why.contains(status) && why.contains("so it says"), "{why}");
            assert!(!next.is_empty());
        }
    }

    #[test]
    fn what_is_being_removed_is_not_worked_on() {
        for (place, current) in [(AGENT, "idle"), (MACHINE, "started")] {
            for life in ["dying", "dead"] {
                let standing = standing(place, json!({"current": current, "life": life}));
                let why = standing.unusable("magnum/0").unwrap().why;
                assert!(why.ends_with(&format!("{life}: it is being removed")), "{why}");
            }
            let alive = standing(place, json!({"current": current, "life": ""}));
            assert_eq!(alive, Standing::Ready);
        }
    }

    #[test]
    fn what_passes_is_told_apart() {
        let of = |place: &str, status: &str| standing(place, json!({"current": status}));
        for (place, status) in [(AGENT, "executing"), (WORKLOAD, "waiting"), (AGENT, "new")] {
            assert!(matches!(of(place, status), Standing::Busy(_)), "{status}");
        }
        for (place, status) in [(AGENT, "error"), (WORKLOAD, "error"), (WORKLOAD, "terminated")] {
            assert!(matches!(of(place, status), Standing::Unwell(_)), "{status}");
        }
    }
}
