//! The workload cluster from inside.

use omega_capi::{
    Management, health,
    served::ServedVersions,
    workload::{Absent, ClusterName, PATIENCE, Question, WorkloadGates},
};
use omega_core::{Evidence, Failure, FailureClass, Gate as _, Verdict};
use serde_json::Value;

use super::{
    Cause, Finding, Layer, cluster::Clock, cluster_facts::ClusterFacts, report::LayerResult,
};

/// One answer of the workload cluster.
pub(super) struct Answer {
    question: Question,
    verdict: Result<Verdict, Failure>,
    /// Of the nodes: which are not there, where that is all that is the matter.
    absent: Option<Absent>,
}

/// Asks the workload cluster of `facts`, if it should answer by now.
pub(super) async fn ask(
    management: &Management,
    served: Option<&ServedVersions>,
    facts: &ClusterFacts,
    network_driver: Option<String>,
    clock: &Clock,
) -> Option<Vec<Answer>> {
    let deleting = facts.status().starts_with("DELETE");
    if deleting || !initialized(facts) {
        return None;
    }
    let namespace = facts.evidence.names.namespace().parse().ok()?;
    let cluster = ClusterName { namespace, name: facts.stack.parse().ok()? };
    let Some(served) = served else {
        let why = "the management cluster did not say what it serves";
        let verdict = Err(Failure::new(FailureClass::Error, why));
        return Some(vec![Answer { question: Question::Api, verdict, absent: None }]);
    };
    let (management, served) = (management.clone(), served.clone());
    let gates = WorkloadGates::new(management, served, cluster, network_driver, clock.now);
    // Who has less of it than these questions have.
    let gates = gates.patient_for(clock.patience.min(PATIENCE)).all();
    let mut answers = Vec::new();
    for gate in gates {
        // All are answered from what the first one reads.
        let (question, verdict) = (gate.question(), gate.check().await);
        let absent = gate.only_absent().await.ok().flatten();
        answers.push(Answer { question, verdict, absent });
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
    facts.evidence.answers.0.values().any(|answer| {
        let health::Answer::Object(object) = answer else { return false };
        object.status.as_ref().is_some_and(says)
    })
}

/// Says how the workload cluster stands.
pub(super) fn judge(facts: &ClusterFacts, answers: Option<&[Answer]>) -> LayerResult {
    let cluster = Some(facts.stack.clone());
    let Some(answers) = answers else {
        let well = "not asked: no control plane has been initialized, or it is being deleted";
        let asked = LayerResult::of(Layer::Workload, well, Vec::new());
        return LayerResult { cluster, ..asked };
    };
    let found = answers.iter().filter_map(|Answer { question, verdict, absent }| {
        let found = match verdict {
            Ok(Verdict::Fail(finding)) => {
                let (layer, why) = (Layer::Workload, &finding.summary);
                let next = finding.remedy.clone().unwrap_or_default();
                Finding::broken(layer, cause(*question, *absent), &facts.stack, why, next)
            }
            Ok(Verdict::Pass { .. } | Verdict::Deferred { .. }) => return None,
            Err(failure) => Finding::unknown(Layer::Workload, question.name(), &failure.message),
        };
        Some(Finding { cluster: cluster.clone(), ..found })
    });
    let told = answers.iter().find_map(|one| match (one.question, &one.verdict) {
        (Question::Nodes, Ok(Verdict::Pass { evidence })) => Some(Evidence::line(evidence)),
        _ => None,
    });
    let well = told.unwrap_or_else(|| "it answers".to_owned());
    LayerResult {
        layer: Layer::Workload,
        cluster: cluster.clone(),
        well,
        findings: found.collect(),
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
