use omega_core::Evidence;
use serde_json::Value;

use super::{Answer, HealthFacts, HealthPart, Object, condition::top_conditions, health_reads};

/// The default of the driver's option `k8s_control_plane_resource_conditions`, and what 1.1.0 to 1.3.0 wait
/// for.
pub const CONTROL_PLANE_CONDITIONS: [&str; 4] =
    ["MachinesReady", "Ready", "EtcdClusterHealthy", "ControlPlaneComponentsHealthy"];

/// The conditions of the Cluster that the driver waits for.
const CLUSTER_CONDITIONS: [&str; 3] = ["InfrastructureReady", "ControlPlaneReady", "Ready"];

/// One thing for which the driver keeps a create or an update in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverWait {
    /// The object that it looks at.
    pub part: HealthPart,
    /// The condition of the object, if it waits for one.
    pub condition: Option<String>,
    /// What it waits for.
    pub summary: String,
    /// What the object says.
    pub evidence: Vec<Evidence>,
}

/// Returns for what the status code of the driver keeps a create or an update in progress, apart from the
/// addons. Empty if nothing is left to wait for. Pure. `control_plane`: its option
/// `k8s_control_plane_resource_conditions`.
///
/// A node group is waited for only while Magnum has it in progress. What could not be read is left out.
///
/// Source: magnum-capi-helm 1.4.0, `driver.py`, `update_cluster_status`,
/// `_update_control_plane_nodegroup_status`, `_update_worker_nodegroup_status`, `_update_status_updating`.
pub fn driver_waits(facts: &HealthFacts, control_plane: &[String]) -> Vec<DriverWait> {
    let HealthFacts { driver, overrides, names, answers, .. } = facts;
    let mut all = Vec::new();
    for read in health_reads(driver, overrides, names).unwrap_or_default() {
        let object = match answers.0.get(&read.path) {
            Some(Answer::Object(object)) => object,
            Some(Answer::Empty | Answer::Status { code: 404, .. }) if is_waited_for(&read.part) => {
                let shown = vec![Evidence::text("GET", &read.path), Evidence::text("HTTP", "404")];
                let summary = format!("{} exists", read.part);
                all.push(DriverWait { part: read.part, condition: None, summary, evidence: shown });
                continue;
            }
            Some(_) | None => continue,
        };
        match &read.part {
            HealthPart::Cluster => {
                all.extend(conditions(&read.part, object, CLUSTER_CONDITIONS));
            }
            HealthPart::ControlPlane => {
                all.extend(conditions(
                    &read.part,
                    object,
                    control_plane.iter().map(String::as_str),
                ));
                all.extend(replicas(object));
            }
            HealthPart::NodeGroup(_) => all.extend(phase(&read.part, object)),
            HealthPart::Infrastructure => {}
        }
    }
    all
}

/// The status code does not read the provider's object.
fn is_waited_for(part: &HealthPart) -> bool {
    *part != HealthPart::Infrastructure
}

/// The conditions that have to be True.
fn conditions<'a>(
    part: &HealthPart,
    object: &Object,
    wanted: impl IntoIterator<Item = &'a str>,
) -> Vec<DriverWait> {
    let has = top_conditions(object);
    let lacks = wanted.into_iter().filter_map(|kind| {
        let all = || has.iter().filter(|one| one.kind == kind);
        if all().any(|one| one.status == "True") {
            return None;
        }
        let status = all().next().map_or("absent", |one| one.status.as_str());
        Some(DriverWait {
            part: part.clone(),
            condition: Some(kind.to_owned()),
            summary: format!("{part}: {kind} is True; it is {status}"),
            evidence: vec![Evidence::text(&format!("{part} {kind}"), status)],
        })
    });
    lacks.collect()
}

/// All replicas have to exist, to be up to date and ready.
fn replicas(object: &Object) -> Option<DriverWait> {
    let status = |field: &str| object.field(field).and_then(Value::as_i64);
    let counts = [
        ("wanted", object.replicas),
        ("replicas", status("/replicas")),
        ("updated", status("/updatedReplicas")),
        ("ready", status("/readyReplicas")),
    ];
    let [(_, wanted), rest @ ..] = counts;
    if rest.iter().all(|(_, count)| *count == wanted) {
        return None;
    }
    let said = counts.map(|(name, count)| {
        (name, count.map_or_else(|| "absent".to_owned(), |count| count.to_string()))
    });
    let listed = said.iter().map(|(name, count)| format!("{name} {count}"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    Some(DriverWait {
        part: HealthPart::ControlPlane,
        condition: None,
        summary: format!(
            "{}: its counts of replicas are the same ({listed})",
            HealthPart::ControlPlane
        ),
        evidence: said.iter().map(|(name, count)| Evidence::text(name, count)).collect(),
    })
}

/// `Running`; with `Failed` and `Unknown` the node group has failed, which the driver does not wait for.
fn phase(part: &HealthPart, object: &Object) -> Option<DriverWait> {
    let phase = object.field("/phase").and_then(Value::as_str).filter(|phase| !phase.is_empty());
    if matches!(phase, Some("Running" | "Failed" | "Unknown")) {
        return None;
    }
    let phase = phase.unwrap_or("absent");
    Some(DriverWait {
        part: part.clone(),
        condition: None,
        summary: format!("{part}: its phase is Running; it is {phase}"),
        evidence: vec![Evidence::text(&format!("{part} phase"), phase)],
    })
}

#[cfg(test)]
mod tests {
    use omega_driver::{DriverRelease, Overrides};
    use serde_json::json;

    use super::{
        super::{Answers, Names, NodeGroup, Recorded},
        *,
    };

    /// Each object with all that the driver waits for.
    fn done(change: impl Fn(&str, &mut Value)) -> HealthFacts {
        let names = Names {
            stack_id: Some("c-1".into()),
            project_id: "p".into(),
            namespace_prefix: "magnum".into(),
            node_groups: vec![NodeGroup { name: "w".into(), role: "worker".into() }],
        };
        let (driver, overrides) = (DriverRelease::v1_4_0(), Overrides::default());
        let mut answers = Answers::default();
        for read in health_reads(&driver, &overrides, &names).unwrap() {
            let all = CLUSTER_CONDITIONS.iter().chain(&CONTROL_PLANE_CONDITIONS);
            let all: Vec<Value> = all.map(|kind| json!({"type": kind, "status": "True"})).collect();
            let mut object = json!({
                "metadata": {"name": "c-1"}, "spec": {"replicas": 3},
                "status": {"conditions": all, "phase": "Running", "replicas": 3, "readyReplicas": 3,
                           "updatedReplicas": 3},
            });
            change(&read.plural, &mut object);
            answers.0.insert(read.path, Answer::of(200, &object.to_string()));
        }
        HealthFacts {
            driver,
            overrides,
            names,
            status: "CREATE_IN_PROGRESS".into(),
            recorded: Recorded::default(),
            served: None,
            answers,
            as_driver: None,
            load_balancers: None,
            credential: None,
        }
    }

    fn waits(plural: &str, at: &str, value: &Value) -> Vec<String> {
        let facts = done(|one, object| {
            if one == plural
                && let Some(place) = object.pointer_mut(at)
            {
                *place = value.clone();
            }
        });
        let conditions = CONTROL_PLANE_CONDITIONS.map(str::to_owned);
        driver_waits(&facts, &conditions).into_iter().map(|one| one.summary).collect()
    }

    #[test]
    fn what_the_driver_waits_for_is_what_its_status_code_reads() {
        let nothing: Vec<String> = Vec::new();
        assert_eq!(waits("", "", &Value::Null), nothing);
        let untrue = json!([{"type": "InfrastructureReady", "status": "True"},
                            {"type": "ControlPlaneReady", "status": "Unknown"}]);
        assert_eq!(
            waits("clusters", "/status/conditions", &untrue),
            [
                "Cluster: ControlPlaneReady is True; it is Unknown",
                "Cluster: Ready is True; it is absent"
            ]
        );
        assert_eq!(
            waits("kubeadmcontrolplanes", "/status/readyReplicas", &json!(2)),
            [
                "KubeadmControlPlane: its counts of replicas are the same (wanted 3, replicas 3, updated 3, \
              ready 2)"
            ]
        );
        let absent = waits("kubeadmcontrolplanes", "/status/updatedReplicas", &Value::Null);
        assert!(absent[0].contains("updated absent"), "{absent:?}");
        assert_eq!(
            waits("kubeadmcontrolplanes", "/status/conditions/5/status", &json!("False")),
            ["KubeadmControlPlane: EtcdClusterHealthy is True; it is False"]
        );
        let phase = |phase: &Value| waits("machinedeployments", "/status/phase", phase);
        assert_eq!(
            phase(&json!("ScalingUp")),
            ["MachineDeployment of w: its phase is Running; it is ScalingUp"]
        );
        assert_eq!(
            phase(&Value::Null),
            ["MachineDeployment of w: its phase is Running; it is absent"]
        );
        assert_eq!(phase(&json!("Failed")), nothing, "the node group has failed");
        assert_eq!(waits("openstackclusters", "/status", &Value::Null), nothing, "it is not read");
        for plural in ["clusters", "kubeadmcontrolplanes", "machinedeployments"] {
            assert_ne!(waits(plural, "/status", &Value::Null), nothing, "{plural}");
        }
    }

    #[test]
    fn what_does_not_exist_is_waited_for_and_what_was_not_read_is_left_out() {
        let of = |answer: &Answer| {
            let mut facts = done(|_, _| {});
            for (path, one) in &mut facts.answers.0 {
                if path.contains("/machinedeployments/") {
                    *one = answer.clone();
                }
            }
            let conditions = CONTROL_PLANE_CONDITIONS.map(str::to_owned);
            driver_waits(&facts, &conditions).into_iter().map(|one| one.summary).collect::<Vec<_>>()
        };
        let status = |code| Answer::Status { code, message: String::new() };
        assert_eq!(of(&status(404)), ["MachineDeployment of w exists"]);
        assert!(of(&status(500)).is_empty());
    }
}
