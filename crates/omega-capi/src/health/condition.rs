//! Conditions of Cluster API's objects, and their polarity.

use jiff::Timestamp;
use omega_core::Evidence;
use serde_json::Value;

use super::{HealthPart, Object, findings::Fact};

/// One condition of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) severity: String,
    pub(super) reason: String,
    message: String,
    /// Its `lastTransitionTime`, by the management cluster's clock.
    pub(super) since: Option<Timestamp>,
}

/// Which status of a condition is the healthy one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polarity {
    /// True.
    Positive,
    /// False: True means that something is in progress.
    Negative,
    /// Not known.
    Unknown,
}

/// `api/core/v1beta2/*_types.go` and `controlplane/kubeadm` of Cluster API 1.13.2.
const NEGATIVE: [&str; 7] =
    ["RollingOut", "Remediating", "ScalingUp", "ScalingDown", "Deleting", "Paused", "Updating"];
/// The same files, their `v1beta1_condition_consts.go`, and `api/v1beta1/conditions_consts.go` of
/// the OpenStack provider.
const POSITIVE: [&str; 33] = [
    "Available",
    "Ready",
    "InfrastructureReady",
    "ControlPlaneReady",
    "ControlPlaneInitialized",
    "ControlPlaneAvailable",
    "ControlPlaneMachinesReady",
    "ControlPlaneMachinesUpToDate",
    "WorkersAvailable",
    "WorkerMachinesReady",
    "WorkerMachinesUpToDate",
    "RemoteConnectionProbe",
    "TopologyReconciled",
    "Initialized",
    "CertificatesAvailable",
    "EtcdClusterHealthy",
    "ControlPlaneComponentsHealthy",
    "MachinesReady",
    "MachinesUpToDate",
    "MachinesCreated",
    "MachinesSpecUpToDate",
    "Resized",
    "MachineSetReady",
    "BootstrapReady",
    "NodeHealthy",
    "HealthCheckSucceeded",
    "NetworkReady",
    "RouterReady",
    "SecurityGroupsReady",
    "APIEndpointReady",
    "APIServerIngressReadyCondition",
    "OpenStackAuthenticationSucceeded",
    "InstanceReady",
];

impl Polarity {
    pub(super) fn of(kind: &str) -> Self {
        if NEGATIVE.contains(&kind) {
            Self::Negative
        } else if POSITIVE.contains(&kind) {
            Self::Positive
        } else {
            Self::Unknown
        }
    }
}

impl Condition {
    pub(super) fn fact(&self, part: &HealthPart) -> Fact {
        let Self { kind, status, reason, message, .. } = self;
        let reason = (!reason.is_empty()).then(|| Evidence::text("reason", reason));
        let status = Evidence::text(&format!("{part} {kind}"), status);
        let shown = [status].into_iter().chain(reason);
        Fact::new(format!("{part}: {}", self.summary()), shown).quoting(message)
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// `Ready is False: no quota`.
    fn summary(&self) -> String {
        let Self { kind, status, reason, message, .. } = self;
        let why = if message.is_empty() { reason } else { message };
        let colon = if why.is_empty() { "" } else { ": " };
        format!("{kind} is {status}{colon}{why}")
    }
}

/// Returns the conditions of both contracts: a v1beta1 object has those of v1beta2 in
/// `status.v1beta2`, and a v1beta2 object the old ones in `status.deprecated.v1beta1`.
///
/// Items that are not conditions are ignored.
pub(super) fn conditions(object: &Object) -> Vec<Condition> {
    at(object, &["/conditions", "/v1beta2/conditions", "/deprecated/v1beta1/conditions"])
}

/// Returns the conditions that the driver reads.
pub(super) fn top_conditions(object: &Object) -> Vec<Condition> {
    at(object, &["/conditions"])
}

fn at(object: &Object, places: &[&str]) -> Vec<Condition> {
    let status = object.status.as_ref().unwrap_or(&Value::Null);
    let lists = places.iter().filter_map(|place| status.pointer(place)?.as_array());
    let mut all = Vec::new();
    for condition in lists.flatten().filter_map(condition) {
        if !all.contains(&condition) {
            all.push(condition);
        }
    }
    all
}

fn condition(value: &Value) -> Option<Condition> {
    let fields = value.as_object()?;
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    // Other values keep their JSON form: `true` differs from `True`.
    let any = |key: &str| text(key).or_else(|| Some(fields.get(key)?.to_string()));
    Some(Condition {
        kind: any("type").unwrap_or_else(|| "a condition without a type".to_owned()),
        status: any("status").unwrap_or_else(|| "missing".to_owned()),
        severity: text("severity").unwrap_or_default(),
        reason: text("reason").unwrap_or_default(),
        message: text("message").unwrap_or_default(),
        since: text("lastTransitionTime").and_then(|time| time.parse().ok()),
    })
}
