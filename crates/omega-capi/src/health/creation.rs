//! How far the creation of a cluster is, and how long each stage took.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Addon, AddonOutcome, read_addons};
use crate::{Error, Management, Namespace, list::JSON, served::ServedVersions};

/// How many characters of a condition's message are kept.
const WORDS: usize = 200;

/// A stage of a creation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stage {
    /// Network, router, security groups and the load balancer of the API.
    Infrastructure,
    /// The machines of the control plane, until it is available.
    ControlPlane,
    /// The workers.
    Workers,
    /// The addons: network plugin, cloud controller, storage driver and the rest.
    Addons,
}

/// How far a creation is, as Cluster API says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Creation {
    /// When the Cluster was created.
    pub began: Option<Timestamp>,
    /// Its stages, in order.
    pub stages: Vec<StageState>,
}

/// The state of one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageState {
    /// Which.
    pub stage: Stage,
    /// Whether it is reached.
    pub reached: bool,
    /// Since when, by the management cluster's clock, if Cluster API says so.
    pub at: Option<Timestamp>,
    /// What is missing, in Cluster API's words.
    pub missing: Option<String>,
}

/// How long one stage took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageTime {
    /// Which.
    pub stage: Stage,
    /// When it began: when the stage before was reached.
    pub began: Timestamp,
    /// When it was reached.
    pub ended: Timestamp,
    /// From the one to the other, in seconds.
    pub seconds: i64,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Infrastructure => "infrastructure",
            Self::ControlPlane => "control plane",
            Self::Workers => "workers",
            Self::Addons => "addons",
        })
    }
}

/// Returns the conditions that say that the stage is reached: that of contract v1beta2 first
/// (Cluster API 1.13.2, `api/core/v1beta2/cluster_types.go`, `v1beta1_condition_consts.go`).
fn conditions_of(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::Infrastructure => &["InfrastructureReady"],
        Stage::ControlPlane => &["ControlPlaneAvailable", "ControlPlaneReady"],
        Stage::Workers => &["WorkersAvailable"],
        Stage::Addons => &[],
    }
}

impl Creation {
    /// Reads it off the Cluster and its addons. Pure.
    pub fn of(cluster: &Value, addons: &[Addon]) -> Self {
        let began = cluster.pointer("/metadata/creationTimestamp").and_then(time);
        let of_conditions = [Stage::Infrastructure, Stage::ControlPlane, Stage::Workers];
        let stages = of_conditions.into_iter().filter_map(|stage| of_condition(cluster, stage));
        let left: Vec<_> =
            addons.iter().filter(|one| one.outcome() != AddonOutcome::Deployed).collect();
        let missing = left.first().map(|first| {
            let (name, phase) = (&first.name, first.phase());
            format!("{} of {} not deployed, the first is {name}: {phase}", left.len(), addons.len())
        });
        let addons =
            StageState { stage: Stage::Addons, reached: left.is_empty(), at: None, missing };
        Self { began, stages: stages.chain([addons]).collect() }
    }

    /// Returns the first stage that is not reached.
    pub fn current(&self) -> Option<&StageState> {
        self.stages.iter().find(|one| !one.reached)
    }

    /// Returns how long each stage took, up to the first that is not reached. `complete`: when the
    /// driver said that the cluster is complete, which ends the last stage.
    ///
    /// A condition that became untrue once and true again counts from then.
    pub fn timeline(&self, complete: Option<Timestamp>) -> Vec<StageTime> {
        let Some(mut began) = self.began else { return Vec::new() };
        let mut all = Vec::new();
        for StageState { stage, reached, at, .. } in &self.stages {
            let at = if *stage == Stage::Addons { complete } else { *at };
            let (true, Some(at)) = (*reached, at) else { break };
            // A stage may be reached while an earlier one goes on.
            let ended = at.max(began);
            let seconds = ended.duration_since(began).as_secs();
            all.push(StageTime { stage: *stage, began, ended, seconds });
            began = ended;
        }
        all
    }
}

/// What is missing: `control plane: 0 of 1 machines are ready`.
impl fmt::Display for StageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            Some(missing) => write!(f, "{}: {missing}", self.stage),
            None => write!(f, "{}", self.stage),
        }
    }
}

/// Returns the state of a stage; none if this release of Cluster API says nothing about it.
fn of_condition(cluster: &Value, stage: Stage) -> Option<StageState> {
    let lists = ["/v1beta2/conditions", "/conditions", "/deprecated/v1beta1/conditions"];
    let status = cluster.get("status")?;
    let all = lists.iter().filter_map(|at| status.pointer(at)?.as_array()).flatten();
    let all: Vec<&Value> = all.collect();
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
    let named = |kind: &str| all.iter().find(|one| text(one, "type").as_deref() == Some(kind));
    let found = conditions_of(stage).iter().find_map(|kind| named(kind));
    let Some(found) = found else {
        let missing = Some("Cluster API has not reported it yet".to_owned());
        // v1beta1 has no condition for the workers.
        let unknown = StageState { stage, reached: false, at: None, missing };
        return (stage != Stage::Workers).then_some(unknown);
    };
    let reached = text(found, "status").as_deref() == Some("True");
    let words = text(found, "message").filter(|words| !words.trim().is_empty());
    let words = words.or_else(|| text(found, "reason"));
    let words = words.map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "));
    Some(StageState {
        stage,
        reached,
        at: found.get("lastTransitionTime").and_then(time).filter(|_| reached),
        missing: words.map(|words| words.chars().take(WORDS).collect()).filter(|_| !reached),
    })
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Reads how far the creation of the cluster is. None if Cluster API does not know it yet.
///
/// # Guarantees
///
/// Three requests at most.
///
/// # Errors
///
/// Fails if the management cluster does not answer, or does not permit it.
pub async fn read_creation(
    management: &Management,
    served: &ServedVersions,
    namespace: &Namespace,
    stack: &str,
) -> Result<Option<Creation>, Error> {
    const GROUP: &str = "cluster.x-k8s.io";
    let Some(version) = served.versions_of(GROUP, "clusters").next() else { return Ok(None) };
    let path = format!("/apis/{GROUP}/{version}/namespaces/{namespace}/clusters/{stack}");
    let cluster: Value = match management.read(&path, JSON).await {
        Ok(cluster) => cluster,
        Err(Error::Status { code: 404, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let addons = read_addons(management, namespace, stack).await?;
    Ok(Some(Creation::of(&cluster, &addons)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn addon(name: &str, phase: &str) -> Addon {
        let (plural, name, phase) = ("manifests".into(), name.into(), Some(phase.into()));
        Addon { plural, name, phase, message: None, changed: None }
    }

    fn condition(kind: &str, status: &str, minute: u8, message: &str) -> Value {
        json!({
            "type": kind, "status": status, "reason": "Because", "message": message,
            "lastTransitionTime": format!("2026-11-28T10:{minute:02}:00Z"),
        })
    }

    fn cluster(conditions: &[Value]) -> Value {
        json!({
            "metadata": { "creationTimestamp": "2026-11-28T10:00:00Z" },
            "status": { "conditions": conditions },
        })
    }

    #[test]
    fn the_first_stage_that_is_not_reached_is_the_current_one() {
        let ready = condition("InfrastructureReady", "True", 2, "");
        let available = condition("ControlPlaneAvailable", "True", 7, "");
        let waits = condition("ControlPlaneAvailable", "False", 2, "* Machine c-1:\n  * no node");
        let silent = condition("WorkersAvailable", "Unknown", 3, "");
        let cases = [
            (Creation::of(&json!({}), &[]), None),
            (
                Creation::of(&cluster(&[]), &[]),
                Some("infrastructure: Cluster API has not reported it yet"),
            ),
            (
                Creation::of(&cluster(&[ready.clone(), waits]), &[]),
                Some("control plane: * Machine c-1: * no node"),
            ),
            (
                Creation::of(&cluster(&[ready.clone(), available.clone(), silent]), &[]),
                Some("workers: Because"),
            ),
            (
                Creation::of(
                    &cluster(&[ready, available]),
                    &[addon("cni", "Deployed"), addon("csi", "Pending")],
                ),
                Some("addons: 1 of 2 not deployed, the first is csi: Pending"),
            ),
        ];
        for (creation, expected) in cases {
            let shown = creation.current().map(ToString::to_string);
            assert_eq!(shown.as_deref(), expected, "{creation:?}");
        }
    }

    #[test]
    fn a_timeline_has_the_seconds_of_each_stage() {
        let all = [
            condition("InfrastructureReady", "True", 2, ""),
            condition("ControlPlaneAvailable", "True", 7, ""),
            // While the control plane went on.
            condition("WorkersAvailable", "True", 6, ""),
        ];
        let creation = Creation::of(&cluster(&all), &[addon("cni", "Deployed")]);
        let complete = "2026-11-28T10:08:30Z".parse().unwrap();
        let seconds = |complete| -> Vec<_> {
            let all = creation.timeline(complete);
            all.iter().map(|one| format!("{} {}", one.stage, one.seconds)).collect()
        };
        let until_workers = ["infrastructure 120", "control plane 300", "workers 0"];
        assert_eq!(seconds(None), until_workers);
        assert_eq!(seconds(Some(complete)), [&until_workers[..], &["addons 90"]].concat());
        let half = Creation::of(&cluster(&all[..1]), &[]);
        assert_eq!(half.timeline(Some(complete)).len(), 1);
        assert_eq!(Creation::of(&json!({}), &[]).timeline(Some(complete)), []);
    }
}
