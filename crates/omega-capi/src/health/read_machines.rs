use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Object,
    condition::{Condition, Polarity, conditions},
};
use crate::{
    Error, Management, Namespace,
    list::{JSON, label_selector},
    served::ServedVersions,
};

const PROVIDER: &str = "infrastructure.cluster.x-k8s.io";
/// The kinds of a machine: what refuses one is said best by the provider's.
const KINDS: [(&str, &str); 3] = [
    (PROVIDER, "openstackmachines"),
    (PROVIDER, "openstackservers"),
    ("cluster.x-k8s.io", MACHINES),
];
const MACHINES: &str = "machines";
const PAGE: usize = 100;
/// The reasons for which a machine does not come by itself (cluster-api-provider-openstack 0.14,
/// `api/v1beta1/conditions_consts.go`). v1beta2 has no severities.
const FINAL: [&str; 5] = [
    "InvalidMachineSpec",
    "InstanceCreateFailed",
    "InstanceStateError",
    "InstanceDeleted",
    "InstanceDeleteFailed",
];
/// The conditions that say that a machine has joined (Cluster API 1.13.2, `core/v1beta2/machine_types.go`,
/// `core/v1beta1_condition_consts.go`).
const JOINED: [&str; 4] = ["NodeHealthy", "NodeReady", "Ready", "Available"];

/// The machines of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// What their objects say is wrong.
    pub faults: Vec<MachineFault>,
    /// When one last joined, by the management cluster's clock: what shows that a rollout moves.
    pub joined: Option<Timestamp>,
    /// The node groups that have machines (label `capi.stackhpc.com/node-group`).
    pub groups: BTreeSet<String>,
}

/// What a machine's own object says is wrong. With the OpenStack provider 0.14 a refusal of Nova is in
/// the conditions of the `OpenStackServer` only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineFault {
    /// `openstackservers`, `openstackmachines` or `machines`.
    pub plural: String,
    /// Its name.
    pub name: String,
    /// What it says, in the provider's words.
    pub message: String,
    /// Since when, by the management cluster's clock.
    pub since: Option<Timestamp>,
    /// Whether it says so as an error, and not that it waits.
    pub is_error: bool,
    /// Whether it is a machine of the control plane.
    pub control_plane: bool,
}

/// Reads what the objects of the cluster's machines say.
///
/// # Guarantees
///
/// One request for each kind that is served, and for each 100 objects of it.
///
/// # Errors
///
/// Fails if they can't be listed.
pub async fn read_machines(
    management: &Management,
    served: &ServedVersions,
    namespace: &Namespace,
    cluster: &str,
) -> Result<Machines, Error> {
    let selector = label_selector("cluster.x-k8s.io/cluster-name", cluster);
    let mut all = Machines::default();
    for (group, plural) in KINDS {
        let Some(version) = served.versions_of(group, plural).next() else { continue };
        let path = format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}");
        let objects: Vec<Value> = management.list(&path, &selector, PAGE, JSON).await?;
        for object in &objects {
            all.add(plural, object);
        }
    }
    Ok(all)
}

impl Machines {
    fn add(&mut self, plural: &str, object: &Value) {
        let whole = Object { status: object.get("status").cloned(), ..Object::default() };
        let conditions = conditions(&whole);
        if plural == MACHINES {
            let joined = conditions
                .iter()
                .filter(|one| one.status == "True" && JOINED.contains(&one.kind.as_str()));
            self.joined = joined.filter_map(|one| one.since).max().max(self.joined);
            let group =
                object.pointer("/metadata/labels").and_then(|all| all.get(NODE_GROUP)?.as_str());
            self.groups.extend(group.map(str::to_owned));
        }
        self.faults.extend(faults(plural, object, &conditions));
    }
}

const NODE_GROUP: &str = "capi.stackhpc.com/node-group";
const CONTROL_PLANE: &str = "cluster.x-k8s.io/control-plane";

/// The untrue conditions with a message, and the reason of a failure.
fn faults(plural: &str, object: &Value, conditions: &[Condition]) -> Vec<MachineFault> {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let labels = object.pointer("/metadata/labels");
    let lasts = text("/metadata/deletionTimestamp").is_none();
    let fault = |message: String, since, is_error: bool| MachineFault {
        plural: plural.to_owned(),
        name: text("/metadata/name").unwrap_or_default(),
        message,
        since,
        is_error: is_error && lasts,
        control_plane: labels.is_some_and(|all| all.get(CONTROL_PLANE).is_some()),
    };
    let untrue = conditions
        .iter()
        .filter(|one| one.status != "True" && Polarity::of(&one.kind) == Polarity::Positive);
    let untrue = untrue.filter(|one| !one.message().is_empty()).map(|one| {
        let is_error = one.severity == "Error" || FINAL.contains(&one.reason.as_str());
        fault(one.message().to_owned(), one.since, is_error)
    });
    let failures = ["/status/failureMessage", "/status/deprecated/v1beta1/failureMessage"];
    let failures = failures.iter().filter_map(|at| text(at)).filter(|message| !message.is_empty());
    untrue.chain(failures.map(|message| fault(message, None, true))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_waits_is_told_from_what_failed_and_who_has_joined_is_known() {
        let mut all = Machines::default();
        let condition = |kind: &str, status: &str, severity: &str, reason: &str, hour: u8| {
            json!({"type": kind, "status": status, "severity": severity, "reason": reason,
                   "message": "words", "lastTransitionTime": format!("2026-11-21T{hour:02}:00:00Z")})
        };
        let object = |name: &str, labels: Value, conditions: Vec<Value>| json!({"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}});
        let waits = condition("InstanceReady", "False", "Info", "WaitingForBootstrapData", 9);
        let refused = condition("InstanceReady", "False", "Error", "InstanceCreateFailed", 9);
        let newer = condition("Ready", "False", "", "InstanceCreateFailed", 9);
        all.add("openstackmachines", &object("waits", json!({}), vec![waits]));
        all.add(
            "openstackmachines",
            &object("refused", json!({CONTROL_PLANE: ""}), vec![refused.clone()]),
        );
        all.add("openstackservers", &object("newer", json!({}), vec![newer]));
        let mut goes = object("goes", json!({}), vec![refused]);
        goes["metadata"]["deletionTimestamp"] = "2026-11-21T09:00:00Z".into();
        all.add("openstackmachines", &goes);
        let failed = json!({"metadata": {"name": "failed"}, "status": {"failureMessage": "gone"}});
        all.add("openstackmachines", &failed);
        let told =
            all.faults.iter().map(|one| (one.name.as_str(), one.is_error, one.control_plane));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("waits", false, false),
                ("refused", true, true),
                ("newer", true, false),
                ("goes", false, false),
                ("failed", true, false),
            ]
        );
        assert_eq!(all.joined, None, "the provider's kinds say nothing of nodes");
        let group = json!({"capi.stackhpc.com/node-group": "default-worker"});
        for hour in [8, 7] {
            let ready = condition("NodeHealthy", "True", "", "", hour);
            let untrue = condition("Ready", "False", "Info", "Waiting", 9);
            all.add(MACHINES, &object("m", group.clone(), vec![ready, untrue]));
        }
        assert_eq!(all.joined, "2026-11-21T08:00:00Z".parse().ok());
        assert_eq!(all.groups, BTreeSet::from(["default-worker".to_owned()]));
        for odd in [json!(null), json!({"status": null}), json!({"status": {"conditions": null}})] {
            let before = all.clone();
            all.add(MACHINES, &odd);
            assert_eq!(all, before, "{odd}");
        }
    }
}
