//! What the cluster's objects say, read as Cluster API means it.

use serde_json::Value;

use super::{
    Answer, Evidence, HealthCause, HealthPart, HealthRead, Layer, Object,
    condition::{Condition, Polarity, conditions},
    findings::Findings,
    health_reads,
    health_reads::served_reads,
};
use omega_driver::python;

/// What goes on, which makes some conditions untrue without a fault.
#[derive(Debug)]
pub(super) struct State {
    pub(super) creating: bool,
    pub(super) deleting: bool,
    rolling: bool,
    facts: Vec<(HealthCause, String)>,
}

/// Where the objects are read: where they are served, or else where the driver does.
fn reads(evidence: &Evidence) -> Vec<HealthRead> {
    let Evidence { driver, overrides, names, served, .. } = evidence;
    let served = served.as_ref().map(|served| served_reads(served, names));
    served.or_else(|| health_reads(driver, overrides, names)).unwrap_or_default()
}

fn object<'a>(evidence: &'a Evidence, read: &HealthRead) -> Option<&'a Object> {
    match evidence.answers.0.get(&read.path)? {
        Answer::Object(object) => Some(object),
        Answer::Empty | Answer::NotAnObject | Answer::Status { .. } | Answer::Nothing { .. } => {
            None
        }
    }
}

impl State {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut facts = Vec::new();
        let status = evidence.status.as_str();
        match status {
            "DELETE_IN_PROGRESS" => facts.push((HealthCause::Deleting, status.to_owned())),
            "UPDATE_IN_PROGRESS" => facts.push((HealthCause::RollingOut, status.to_owned())),
            _ => {}
        }
        for read in reads(evidence) {
            let Some(object) = object(evidence, &read) else { continue };
            let what = &read.part;
            if object.deleted.is_some() && read.part == HealthPart::Cluster {
                let held = object.finalizers.join(", ");
                facts.push((
                    HealthCause::Deleting,
                    format!("{what} is being deleted; held by its finalizers [{held}]"),
                ));
            }
            if object.paused {
                facts.push((HealthCause::Paused, format!("{what} is paused")));
            }
            let told = conditions(object);
            let told = told.iter().filter_map(|one| Some((goes_on(one)?, one.says())));
            facts.extend(told.map(|(cause, says)| (cause, format!("{what}: {says}"))));
        }
        let has = |wanted: HealthCause| facts.iter().any(|(cause, _)| *cause == wanted);
        Self {
            creating: status == "CREATE_IN_PROGRESS",
            deleting: has(HealthCause::Deleting),
            rolling: has(HealthCause::RollingOut),
            facts,
        }
    }

    pub(super) fn tell(&self, found: &mut Findings) {
        for (cause, fact) in &self.facts {
            found.add(*cause, Layer::Objects, fact.clone());
        }
    }

    /// Whether an untrue condition is no fault but part of what goes on.
    fn expects(&self, cause: HealthCause, condition: &Condition) -> bool {
        let machines = matches!(cause, HealthCause::ControlPlane | HealthCause::Workers);
        let rolls = self.rolling && machines && !condition.kind.ends_with("Available");
        self.deleting || rolls || (self.creating && condition.severity != "Error")
    }
}

/// What a condition says goes on: by those of v1beta2, and by two of v1beta1.
fn goes_on(condition: &Condition) -> Option<HealthCause> {
    match (condition.kind.as_str(), condition.status.as_str()) {
        ("Paused", "True") => Some(HealthCause::Paused),
        ("RollingOut" | "ScalingUp" | "ScalingDown" | "Remediating" | "Updating", "True")
        | ("Resized" | "MachinesSpecUpToDate", "False") => Some(HealthCause::RollingOut),
        _ => None,
    }
}

/// Adds what the objects say is wrong.
pub(super) fn objects(evidence: &Evidence, state: &State, found: &mut Findings) {
    let (mut summaries, steady) = (Vec::new(), !state.creating && !state.deleting);
    let reads = reads(evidence);
    let Evidence { driver, overrides, names, .. } = evidence;
    for wanted in health_reads(driver, overrides, names).unwrap_or_default() {
        if !reads.iter().any(|read| read.part == wanted.part) {
            let fact = format!("{}: no version is served, so that nothing is known", wanted.part);
            found.add(HealthCause::Unclear, Layer::Objects, fact);
        }
    }
    for read in reads {
        let what = &read.part;
        match evidence.answers.0.get(&read.path) {
            None => {
                let fact = format!("nobody asked for {}", read.path);
                found.add(HealthCause::Unclear, Layer::Objects, fact);
            }
            Some(Answer::Empty | Answer::Status { code: 404, .. }) if steady => {
                found.add(
                    HealthCause::Missing,
                    Layer::Objects,
                    format!("{} is not there", read.path),
                );
            }
            Some(Answer::Object(object)) => {
                if steady && !tells(&read.part, object) {
                    let fact = format!("{what}: no status says that a controller has seen it");
                    found.add(HealthCause::Unclear, Layer::Controllers, fact);
                }
                if read.part == HealthPart::Infrastructure {
                    provider(object, what, state, found);
                }
                summaries.extend(faults(&read, object, state, found));
            }
            Some(_) => {}
        }
    }
    if !found.has_fault_below(Layer::Driver) {
        for fact in summaries {
            found.add(HealthCause::Unclear, Layer::Objects, fact);
        }
    }
}

/// Whether there is anything to go by.
fn tells(part: &HealthPart, object: &Object) -> bool {
    match part {
        HealthPart::Infrastructure => object.status.as_ref().is_some_and(Value::is_object),
        HealthPart::Cluster | HealthPart::ControlPlane | HealthPart::NodeGroup(_) => {
            conditions(object).iter().any(|one| Polarity::of(&one.kind) == Polarity::Positive)
        }
    }
}

/// The provider's own fields, which v1beta2 no longer has.
fn provider(object: &Object, what: &HealthPart, state: &State, found: &mut Findings) {
    let field = |at: &str| object.status.as_ref().and_then(|status| status.pointer(at));
    let truthy = |at: &str| field(at).filter(|value| python::truth(value));
    if let Some(reason) = truthy("/failureReason") {
        let message = truthy("/failureMessage").map(python::text).unwrap_or_default();
        let fact = format!("{what}: {}: {message}", python::text(reason));
        found.add(HealthCause::Infrastructure, Layer::Infrastructure, fact);
    }
    let ready = field("/ready").or_else(|| field("/initialization/provisioned"));
    let known = object.status.as_ref().is_some_and(Value::is_object);
    if known && !ready.is_some_and(python::truth) && !state.creating && !state.deleting {
        found.add(
            HealthCause::Infrastructure,
            Layer::Infrastructure,
            format!("{what} is not ready"),
        );
    }
}

/// Adds the untrue conditions of an object, and returns those that only sum up others.
fn faults(read: &HealthRead, object: &Object, state: &State, found: &mut Findings) -> Vec<String> {
    let mut summaries = Vec::new();
    let all = conditions(object);
    for condition in all.iter().filter(|one| one.status != "True") {
        if is_told_elsewhere(&all, condition) {
            continue;
        }
        if Polarity::of(&condition.kind) != Polarity::Positive {
            continue;
        }
        let fact = format!("{}: {}", read.part, condition.says());
        match blame(&read.part, &condition.kind) {
            Some((cause, _)) if state.expects(cause, condition) => {}
            Some((cause, layer)) => found.add(cause, layer, fact),
            None if state.rolling || state.expects(HealthCause::Unclear, condition) => {}
            None => summaries.push(fact),
        }
    }
    summaries
}

/// Whether the other contract's condition of the same type says True of what this one does not
/// know. With external etcd the control plane's controller reports `EtcdClusterHealthy` in the old
/// conditions only (Cluster API 1.13.2, `updateExternalEtcdConditions` in
/// `controlplane/kubeadm/internal/workload_cluster_conditions.go`); seen in the lab.
fn is_told_elsewhere(all: &[Condition], condition: &Condition) -> bool {
    let known = |other: &Condition| other.kind == condition.kind && other.status == "True";
    condition.status == "Unknown" && all.iter().any(known)
}

/// Whose fault an untrue condition is; `None` for one that only sums up others.
fn blame(part: &HealthPart, kind: &str) -> Option<(HealthCause, Layer)> {
    let infrastructure = (HealthCause::Infrastructure, Layer::Infrastructure);
    let control_plane = (HealthCause::ControlPlane, Layer::ControlPlane);
    let workers = (HealthCause::Workers, Layer::Workers);
    match (part, kind) {
        (HealthPart::Infrastructure, "OpenStackAuthenticationSucceeded") => {
            Some((HealthCause::CredentialRefused, Layer::ClusterCredential))
        }
        (HealthPart::Infrastructure, "APIServerIngressReadyCondition" | "APIEndpointReady") => {
            Some((HealthCause::LoadBalancer, Layer::LoadBalancer))
        }
        (HealthPart::Infrastructure, _) | (HealthPart::Cluster, "InfrastructureReady") => {
            Some(infrastructure)
        }
        (HealthPart::ControlPlane, _) | (HealthPart::Cluster, "RemoteConnectionProbe") => {
            Some(control_plane)
        }
        (HealthPart::NodeGroup(_), _) => Some(workers),
        (HealthPart::Cluster, kind) if kind.starts_with("ControlPlane") => Some(control_plane),
        (HealthPart::Cluster, kind) if kind.starts_with("Worker") => Some(workers),
        (HealthPart::Cluster, _) => None,
    }
}
