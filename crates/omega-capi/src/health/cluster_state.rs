//! The cluster's objects, read as Cluster API defines them.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use omega_core::Evidence;
use serde_json::Value;

use super::{
    Answer, HealthCause, HealthFacts, HealthPart, HealthRead, Layer, Object,
    classify_health::not_read,
    condition::{Condition, Polarity, conditions},
    findings::{Fact, Findings},
    health_reads,
    health_reads::served_reads,
};
use omega_driver::python;

/// What Cluster API is doing, which makes some conditions untrue without a fault.
#[derive(Debug)]
pub(super) struct State {
    pub(super) creating: bool,
    pub(super) deleting: bool,
    rolling: Rolling,
    activities: Vec<(HealthCause, Fact)>,
    patience: Option<Patience>,
}

/// Where machines are being created, replaced or removed.
#[derive(Debug, Default)]
struct Rolling {
    /// Whether Magnum says so, of no object in particular.
    magnum: bool,
    /// The objects that say so.
    parts: BTreeSet<HealthPart>,
}

impl Rolling {
    fn any(&self) -> bool {
        self.magnum || !self.parts.is_empty()
    }

    /// Whether the object says so whose machines a condition of `part` is about.
    fn itself(&self, part: &HealthPart, cause: HealthCause) -> bool {
        let workers = |part: &HealthPart| matches!(part, HealthPart::NodeGroup(_));
        match (part, cause) {
            (HealthPart::Cluster, HealthCause::ControlPlane) => {
                self.parts.contains(&HealthPart::ControlPlane)
            }
            (HealthPart::Cluster, HealthCause::Workers) => self.parts.iter().any(workers),
            (part, _) => self.parts.contains(part),
        }
    }

    fn excuses(&self, part: &HealthPart, cause: HealthCause) -> bool {
        let summary = *part == HealthPart::Cluster && self.parts.contains(part);
        self.magnum || summary || self.itself(part, cause)
    }
}

/// Returns the reads at served versions, or else those of the driver.
fn reads(facts: &HealthFacts) -> Vec<HealthRead> {
    let HealthFacts { driver, overrides, names, served, .. } = facts;
    let served = served.as_ref().map(|served| served_reads(served, names));
    served.or_else(|| health_reads(driver, overrides, names)).unwrap_or_default()
}

fn object<'a>(facts: &'a HealthFacts, read: &HealthRead) -> Option<&'a Object> {
    if let Answer::Object(object) = facts.answers.0.get(&read.path)? { Some(object) } else { None }
}

impl State {
    pub(super) fn of(facts: &HealthFacts, patience: Option<Patience>) -> Self {
        let (mut activities, mut rolling) = (Vec::new(), Rolling::default());
        let status = facts.status.as_str();
        let shown = || Fact::new(status, [Evidence::text("status in Magnum", status)]);
        match status {
            "DELETE_IN_PROGRESS" => activities.push((HealthCause::Deleting, shown())),
            "UPDATE_IN_PROGRESS" => {
                rolling.magnum = true;
                activities.push((HealthCause::RollingOut, shown()));
            }
            _ => {}
        }
        for read in reads(facts) {
            let Some(object) = object(facts, &read) else { continue };
            let what = &read.part;
            if object.deleted.is_some() && read.part == HealthPart::Cluster {
                let finalizers = &object.finalizers;
                let deleted = format!("{what} is being deleted");
                let summary = format!("{deleted}; its finalizers: [{}]", finalizers.join(", "));
                let list = Evidence::list("finalizers", finalizers);
                let list = (!finalizers.is_empty()).then_some(list);
                let shown = [Evidence::holds(&deleted)].into_iter().chain(list);
                activities.push((HealthCause::Deleting, Fact::new(summary, shown)));
            }
            if object.paused {
                let fact = Fact::holds(&format!("{what} is paused"));
                activities.push((HealthCause::Paused, fact));
            }
            let all = conditions(object);
            for (one, cause) in activities_of(object, &all, patience.is_some()) {
                if cause == HealthCause::RollingOut {
                    rolling.parts.insert(what.clone());
                }
                let since = one.since.filter(|_| patience.is_some());
                let fact = one.fact(what);
                let fact = match since {
                    Some(since) => {
                        fact.and(&format!("since {since}"), Evidence::time("since", since))
                    }
                    None => fact,
                };
                activities.push((cause, fact));
            }
        }
        let has = |wanted: HealthCause| activities.iter().any(|(cause, _)| *cause == wanted);
        Self {
            creating: status == "CREATE_IN_PROGRESS",
            deleting: has(HealthCause::Deleting),
            rolling,
            activities,
            patience,
        }
    }

    pub(super) fn add_to(&self, found: &mut Findings) {
        for (cause, fact) in &self.activities {
            found.add(*cause, Layer::Objects, fact.clone());
        }
    }

    /// Returns whether an untrue condition of `part` belongs to an activity and is not a fault. `hangs`:
    /// nothing of its object has moved for too long.
    fn expects(
        &self,
        part: &HealthPart,
        cause: HealthCause,
        condition: &Condition,
        hangs: bool,
    ) -> bool {
        let machines = matches!(cause, HealthCause::ControlPlane | HealthCause::Workers);
        let available = condition.kind.ends_with("Available");
        // v1beta2 has no severities. What only tells how far a rollout is can take long.
        let counts = condition.severity == "Error" || condition.severity.is_empty() || available;
        let tells = activity(condition).is_some() || condition.kind.ends_with("UpToDate");
        let over = counts && !tells && self.is_over(self.moved(condition.since));
        // While machines come or go, too few of them are available: their object itself says so then.
        let excused = !over && !hangs && (!available || self.rolling.itself(part, cause));
        let rolls = self.rolling.excuses(part, cause) && machines && excused;
        self.deleting || rolls || (self.creating && condition.severity != "Error")
    }

    /// When something that began or changed at `since`, or a machine, last made progress.
    fn moved(&self, since: Option<Timestamp>) -> Option<Timestamp> {
        let joined = self.patience.and_then(|patience| patience.joined);
        since.map(|since| joined.map_or(since, |joined| joined.max(since)))
    }
}

/// How long a rollout may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The time, by the management cluster's clock.
    pub now: Timestamp,
    /// How long a condition may be untrue, or nothing may move.
    pub limit: Duration,
    /// When one of the cluster's machines last became ready ([`super::Machines::joined`]): a rollout that
    /// takes longer than the limit, machine by machine, makes progress.
    pub joined: Option<Timestamp>,
}

impl State {
    /// Whether something that began at `since` has taken too long. An unknown time has not.
    fn is_over(&self, since: Option<Timestamp>) -> bool {
        let limit = |patience: Patience| SignedDuration::try_from(patience.limit).ok();
        self.patience.zip(since).is_some_and(|(patience, since)| {
            limit(patience).is_some_and(|limit| patience.now.duration_since(since) > limit)
        })
    }

    /// Whether no condition of the object has changed, and no machine has joined, for too long.
    fn hangs(&self, all: &[Condition]) -> bool {
        let changed = all.iter().filter_map(|one| one.since).max();
        self.rolling.any() && self.is_over(self.moved(changed))
    }
}

/// The reasons of contract v1beta1 for an untrue condition while machines come or go (Cluster API 1.13.2,
/// `controlplane/kubeadm/v1beta1_condition_consts.go`).
const SCALING: [&str; 3] = ["ScalingUp", "ScalingDown", "RollingUpdateInProgress"];
/// The same of a `MachineDeployment` (`core/v1beta1_condition_consts.go`). It has this reason too where a
/// machine that was there is lost, which only a time tells apart.
const MAY_SCALE: &str = "WaitingForAvailableMachines";

/// Returns the activity that a condition shows: those of v1beta2, and some of v1beta1.
fn activity(condition: &Condition) -> Option<HealthCause> {
    match (condition.kind.as_str(), condition.status.as_str()) {
        ("Paused", "True") => Some(HealthCause::Paused),
        ("RollingOut" | "ScalingUp" | "ScalingDown" | "Remediating" | "Updating", "True")
        | ("Resized" | "MachinesSpecUpToDate", "False") => Some(HealthCause::RollingOut),
        (_, "False") if SCALING.contains(&condition.reason.as_str()) => {
            Some(HealthCause::RollingOut)
        }
        _ => None,
    }
}

/// Returns the conditions of an object that show an activity. `timed`: whether it is known how long
/// it may take.
fn activities_of<'a>(
    object: &Object,
    all: &'a [Condition],
    timed: bool,
) -> Vec<(&'a Condition, HealthCause)> {
    // v1beta2 says that it scales only until the machines exist: until they are ready, the phase does.
    let phase = object.field("/phase").and_then(Value::as_str);
    let scales = matches!(phase, Some("ScalingUp" | "ScalingDown"));
    let may = |one: &Condition| {
        let waits = one.reason == MAY_SCALE || scales && one.kind == "Available";
        (timed && waits && one.status == "False").then_some(HealthCause::RollingOut)
    };
    all.iter().filter_map(|one| Some((one, activity(one).or_else(|| may(one))?))).collect()
}

/// Adds the faults that the objects show.
pub(super) fn objects(facts: &HealthFacts, state: &State, found: &mut Findings) {
    let (mut summaries, steady) = (Vec::new(), !state.creating && !state.deleting);
    let reads = reads(facts);
    let HealthFacts { driver, overrides, names, .. } = facts;
    for wanted in health_reads(driver, overrides, names).unwrap_or_default() {
        if !reads.iter().any(|read| read.part == wanted.part) {
            let (part, plural) = (&wanted.part, &wanted.plural);
            let summary = format!("{part}: no version is served");
            let none = Evidence::count(&format!("versions of {plural} served"), 0);
            let fact = Fact::new(summary, [none]);
            found.add(HealthCause::Unclear, Layer::Objects, fact);
        }
    }
    for read in reads {
        let what = &read.part;
        match facts.answers.0.get(&read.path) {
            None => found.add(HealthCause::Unclear, Layer::Objects, not_read(&read)),
            Some(answer @ (Answer::Empty | Answer::Status { code: 404, .. })) if steady => {
                let got = if *answer == Answer::Empty {
                    Evidence::holds("empty response")
                } else {
                    Evidence::text("HTTP", "404")
                };
                let shown = [Evidence::text("GET", &read.path), got];
                let fact = Fact::new(format!("{} does not exist", read.path), shown);
                found.add(HealthCause::Missing, Layer::Objects, fact);
            }
            Some(Answer::Object(object)) => {
                if steady && !is_reconciled(&read.part, object) {
                    let fact = format!("{what}: its status does not show that it was reconciled");
                    let fact = Fact::holds(&fact);
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

/// Returns whether the status shows that a controller has reconciled the object.
fn is_reconciled(part: &HealthPart, object: &Object) -> bool {
    match part {
        HealthPart::Infrastructure => object.status.as_ref().is_some_and(Value::is_object),
        HealthPart::Cluster | HealthPart::ControlPlane | HealthPart::NodeGroup(_) => {
            conditions(object).iter().any(|one| Polarity::of(&one.kind) == Polarity::Positive)
        }
    }
}

/// Adds what the provider's own fields show. v1beta2 no longer has them.
fn provider(object: &Object, what: &HealthPart, state: &State, found: &mut Findings) {
    let truthy = |at: &str| object.field(at).filter(|value| python::truth(value));
    if let Some(reason) = truthy("/failureReason") {
        let message = truthy("/failureMessage").map(python::text).unwrap_or_default();
        let reason = python::text(reason);
        let summary = format!("{what}: {reason}: {message}");
        let fact = Fact::new(summary, [Evidence::text(&format!("{what} failureReason"), reason)])
            .quoting(&message);
        found.add(HealthCause::Infrastructure, Layer::Infrastructure, fact);
    }
    let ready = object.field("/ready").or_else(|| object.field("/initialization/provisioned"));
    let known = object.status.as_ref().is_some_and(Value::is_object);
    if known && !ready.is_some_and(python::truth) && !state.creating && !state.deleting {
        let value = ready.map_or_else(|| "missing".to_owned(), python::text);
        let shown = [Evidence::text(&format!("{what} ready"), value)];
        let fact = Fact::new(format!("{what} is not ready"), shown);
        found.add(HealthCause::Infrastructure, Layer::Infrastructure, fact);
    }
}

/// Adds the untrue conditions of an object, and returns those that only summarize others.
fn faults(read: &HealthRead, object: &Object, state: &State, found: &mut Findings) -> Vec<Fact> {
    let mut summaries = Vec::new();
    let all = conditions(object);
    let hangs = state.hangs(&all);
    for condition in all.iter().filter(|one| one.status != "True") {
        let positive = Polarity::of(&condition.kind) == Polarity::Positive;
        if !positive || is_true_in_other_contract(&all, condition) {
            continue;
        }
        let fact = condition.fact(&read.part);
        match cause_of(&read.part, &condition.kind) {
            Some((cause, _)) if state.expects(&read.part, cause, condition, hangs) => {}
            Some((cause, layer)) => found.add(cause, layer, fact),
            None if state.rolling.any() => {}
            None if state.expects(&read.part, HealthCause::Unclear, condition, false) => {}
            None => summaries.push(fact),
        }
    }
    summaries
}

/// Returns whether an Unknown condition is True in the other contract. With external etcd the control
/// plane's controller reports `EtcdClusterHealthy` in the old conditions only (Cluster API 1.13.2,
/// `updateExternalEtcdConditions` in
/// `controlplane/kubeadm/internal/workload_cluster_conditions.go`; also observed).
fn is_true_in_other_contract(all: &[Condition], condition: &Condition) -> bool {
    let known = |other: &Condition| other.kind == condition.kind && other.status == "True";
    condition.status == "Unknown" && all.iter().any(known)
}

/// Returns the cause of an untrue condition; `None` if it only summarizes others.
fn cause_of(part: &HealthPart, kind: &str) -> Option<(HealthCause, Layer)> {
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
