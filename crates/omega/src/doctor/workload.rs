//! The workload cluster from inside.

use omega_capi::{
    health::Object,
    workload::{Absent, ClusterName, PATIENCE, Question, WorkloadGates},
};
use omega_core::{Evidence, Failure, FailureClass, Gate as _, Subject, Verdict};
use serde_json::Value;

use super::{
    Cause, Layer, LayerFinding,
    cluster::{Asking, ClusterFacts, Patience},
    layer_result::LayerResult,
};

/// The workload cluster's answer to one check.
#[derive(Debug)]
pub(super) struct Answered {
    question: Question,
    verdict: Result<Verdict, Failure>,
    /// The nodes that do not exist, if nothing else is wrong with the nodes.
    absent: Option<Absent>,
}

/// Reads the workload cluster of `facts`, if it should answer by now.
pub(super) async fn ask(
    asking: &Asking<'_>,
    facts: &ClusterFacts,
    network_driver: Option<String>,
    patience: Patience,
) -> Option<Vec<Answered>> {
    if is_deleting(facts) || !is_initialized(facts) {
        return None;
    }
    let namespace = facts.evidence.names.namespace().parse().ok()?;
    let cluster = ClusterName { namespace, name: facts.stack.parse().ok()? };
    let Some(served) = asking.served else {
        let why = "the management cluster did not report what it serves";
        let verdict = Err(Failure::new(FailureClass::Error, why));
        return Some(vec![Answered { question: Question::Api, verdict, absent: None }]);
    };
    let (management, served) = (asking.management.clone(), served.clone());
    let gates = WorkloadGates::new(management, served, cluster, network_driver, patience.now);
    // The limit may be shorter than the time limits of these checks.
    let gates = gates.patient_for(patience.limit.min(PATIENCE)).rolling_for(patience.limit).all();
    let mut answers = Vec::new();
    for gate in gates {
        // The first one reads what all of them need.
        let (question, verdict) = (gate.question(), gate.check().await);
        let absent = gate.only_absent().await.ok().flatten();
        answers.push(Answered { question, verdict, absent });
    }
    Some(answers)
}

/// Whether Magnum deletes it, or tried to (magnum, `magnum/objects/fields.py`, `ClusterStatus`).
fn is_deleting(facts: &ClusterFacts) -> bool {
    matches!(facts.status(), "DELETE_IN_PROGRESS" | "DELETE_FAILED" | "DELETE_COMPLETE")
}

/// Whether its API has ever answered Cluster API.
fn is_initialized(facts: &ClusterFacts) -> bool {
    let lists = ["/conditions", "/v1beta2/conditions"];
    let says = |status: &Value| {
        let mut all = lists.iter().filter_map(|at| status.pointer(at)?.as_array()).flatten();
        let is = |one: &Value, key, value| one.get(key).and_then(Value::as_str) == Some(value);
        all.any(|one| is(one, "type", "ControlPlaneInitialized") && is(one, "status", "True"))
    };
    facts.objects().any(|(_, object): (_, &Object)| object.status.as_ref().is_some_and(says))
}

/// Returns what is wrong inside the cluster. `answers`: none if nothing was checked.
pub(super) fn judge(facts: &ClusterFacts, answers: Option<&[Answered]>) -> LayerResult {
    let result = LayerResult::of_cluster(Layer::Workload, &facts.stack);
    let Some(answers) = answers else {
        return result.not_asked(if is_deleting(facts) {
            "the cluster is being deleted"
        } else {
            "its control plane is not initialized yet"
        });
    };
    let nodes = answers.iter().find_map(|one| match (one.question, &one.verdict) {
        (Question::Nodes, Ok(Verdict::Pass { evidence })) => Some(evidence.clone()),
        _ => None,
    });
    let shown = nodes.unwrap_or_else(|| vec![Evidence::holds("it answers")]);
    result.shown_by(shown).with(answers.iter().filter_map(|one| finding(one, &facts.stack)))
}

fn finding(one: &Answered, stack: &str) -> Option<LayerFinding> {
    let Answered { question, verdict, absent } = one;
    match verdict {
        Ok(Verdict::Fail(finding)) => {
            let cause = cause(*question, *absent);
            Some(LayerFinding::new(Layer::Workload, cause, (**finding).clone()))
        }
        Ok(Verdict::Pass { .. } | Verdict::Deferred { .. }) => None,
        Err(failure) => {
            let subject = Subject::new("cluster", stack);
            let why = format!("{question}: {failure}");
            Some(LayerFinding::unknown(Layer::Workload, subject, why))
        }
    }
}

fn cause(question: Question, absent: Option<Absent>) -> Cause {
    match question {
        Question::Api => Cause::WorkloadUnreachable,
        Question::Nodes => match absent {
            Some(Absent::ControlPlane) => Cause::ControlPlane,
            Some(Absent::Workers) => Cause::Workers,
            None => Cause::NodeNotReady,
        },
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
        let cause = |absent| cause(Question::Nodes, absent);
        assert_eq!(cause(Some(Absent::Workers)), Cause::Workers);
        assert_eq!(cause(Some(Absent::ControlPlane)), Cause::ControlPlane);
        assert_eq!(cause(None), Cause::NodeNotReady);
        assert_eq!(super::cause(Question::Api, Some(Absent::Workers)), Cause::WorkloadUnreachable);
    }
}
