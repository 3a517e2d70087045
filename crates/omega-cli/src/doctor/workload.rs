//! The workload cluster from inside.

use omega_capi::{
    Management, Served,
    health::Answer,
    workload::{ClusterName, PATIENCE, Question, WorkloadGates},
};
use omega_core::{Failure, Gate as _, Verdict};
use serde_json::Value;

use super::{Cause, Finding, Layer, cluster::Clock, cluster_facts::ClusterFacts, report::Asked};

/// How the gate says that there are fewer nodes than are wanted.
const ABSENT: &str = " nodes are there";

type Answers = Vec<(Question, Result<Verdict, Failure>)>;

/// Asks the workload cluster of `facts`, if it should answer by now.
pub(super) async fn ask(
    management: &Management,
    served: Option<&Served>,
    facts: &ClusterFacts,
    network_driver: Option<String>,
    clock: &Clock,
) -> Option<Answers> {
    let deleting = facts.status().starts_with("DELETE");
    if deleting || !initialized(facts) {
        return None;
    }
    let namespace = facts.evidence.names.namespace().parse().ok()?;
    let cluster = ClusterName { namespace, name: facts.stack.parse().ok()? };
    let (management, served) = (management.clone(), served?.clone());
    let gates = WorkloadGates::new(management, served, cluster, network_driver, clock.now);
    // Who has less of it than these questions have.
    let gates = gates.patient_for(clock.patience.min(PATIENCE)).all();
    let mut answers = Vec::new();
    for gate in gates {
        // All are answered from what the first one reads.
        answers.push((gate.question(), gate.check().await));
    }
    Some(answers)
}

/// Whether Cluster API has ever seen its API answer.
fn initialized(facts: &ClusterFacts) -> bool {
    let lists = ["/conditions", "/v1beta2/conditions"];
    let says = |status: &Value| {
        let all = lists.iter().filter_map(|at| status.pointer(at)?.as_array()).flatten();
        let is = |one: &Value, key, value| one.get(key).and_then(Value::as_str) == Some(value);
        let mut all = all;
        all.any(|one| is(one, "type", "ControlPlaneInitialized") && is(one, "status", "True"))
    };
    facts.evidence.answers.0.values().any(|answer| match answer {
        Answer::Object(object) => object.status.as_ref().is_some_and(says),
        Answer::Empty | Answer::Alien | Answer::Status { .. } | Answer::Nothing { .. } => false,
    })
}

/// Says how the workload cluster stands.
pub(super) fn judge(facts: &ClusterFacts, answers: Option<&Answers>) -> Asked {
    let cluster = Some(facts.stack.clone());
    let Some(answers) = answers else {
        let well = "not asked: no control plane has been initialized, or it is being deleted";
        let asked = Asked::of(Layer::Workload, well, Vec::new());
        return Asked { cluster, ..asked };
    };
    let found = answers.iter().filter_map(|(question, answer)| {
        let found = match answer {
            Ok(Verdict::Fail { why, next }) => {
                let (layer, next) = (Layer::Workload, next.clone().unwrap_or_default());
                Finding::broken(layer, cause(*question, why), &facts.stack, why, next)
            }
            Ok(Verdict::Pass { .. } | Verdict::Deferred { .. }) => return None,
            Err(failure) => Finding::unknown(Layer::Workload, question.name(), &failure.message),
        };
        Some(Finding { cluster: cluster.clone(), ..found })
    });
    let told = answers.iter().find_map(|(question, answer)| match (question, answer) {
        (Question::Nodes, Ok(Verdict::Pass { evidence })) => Some(evidence.clone()),
        _ => None,
    });
    let well = told.unwrap_or_else(|| "it answers".to_owned());
    Asked { layer: Layer::Workload, cluster: cluster.clone(), well, findings: found.collect() }
}

fn cause(question: Question, why: &str) -> Cause {
    // A node that is not there has no fault of its own: Cluster API did not make it.
    let absent = |group| why.split("; ").all(|one| one.starts_with(group) && one.ends_with(ABSENT));
    match question {
        Question::Api => Cause::WorkloadUnreachable,
        Question::Nodes if absent("workers") => Cause::Workers,
        Question::Nodes if absent("") => Cause::ControlPlane,
        Question::Nodes => Cause::NodeNotReady,
        Question::Cni => Cause::Cni,
        Question::CloudController => Cause::CloudController,
        Question::Csi => Cause::Csi,
        Question::Dns => Cause::Dns,
        Question::Stuck => Cause::PodStuck,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_not_there_is_cluster_apis() {
        let cause = |why| cause(Question::Nodes, why);
        assert_eq!(cause("workers: 1 of 2 nodes are there"), Cause::Workers);
        let both = "control plane: 0 of 1 nodes are there; workers: 1 of 2 nodes are there";
        assert_eq!(cause(both), Cause::ControlPlane);
        let ill = "1 of 2 nodes not Ready: w: Ready is Unknown; workers: 1 of 2 nodes are there";
        assert_eq!(cause(ill), Cause::NodeNotReady);
    }
}
