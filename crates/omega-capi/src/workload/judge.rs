use std::time::Duration;

use jiff::Timestamp;
use omega_core::{Diagnostic as _, Evidence, Failure, Finding, Subject, Verdict};

use super::{ListResult, Question, Wanted, WorkloadFacts, addons, nodes, stuck};
use crate::Error;

/// How long something may take before it is stuck. Pulling an image from a slow mirror or creating
/// a volume takes minutes.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Answers every [`Question`]. Pure: `now` is the caller's clock.
///
/// `Err` means that a list which the question needs could not be read. If the API does not answer,
/// only [`Question::Api`] fails, and the others are deferred.
pub fn judge(
    facts: &WorkloadFacts,
    wanted: &Wanted,
    now: Timestamp,
) -> Vec<(Question, Result<Verdict, Failure>)> {
    let api = api(facts);
    let silent = matches!(api, Verdict::Fail { .. });
    let answer = |question: Question| match question {
        Question::Api => Ok(api.clone()),
        _ if silent => Ok(deferred()),
        Question::Nodes => nodes::judge(facts, wanted, now),
        Question::Cni => addons::cni(facts, wanted, now),
        Question::CloudController => addons::cloud_controller(facts, wanted, now),
        Question::Csi => addons::csi(facts, wanted, now),
        Question::Dns => addons::dns(facts, wanted, now),
        Question::Stuck => stuck::judge(facts, wanted, now),
    };
    Question::ALL.map(|question| (question, answer(question))).into()
}

pub(super) fn fail(
    question: Question,
    why: impl Into<String>,
    next: Option<impl Into<String>>,
) -> Verdict {
    let subject = Subject::new(question.name(), "of the workload cluster");
    let finding = Finding::broken(question.rule(), subject, why);
    Verdict::fail(match next {
        Some(next) => finding.remedy(next),
        None => finding,
    })
}

/// The verdict of all other questions while the API does not answer.
pub(super) fn deferred() -> Verdict {
    Verdict::deferred("the workload cluster's API answers")
}

/// An API that denies rights does answer. One that refuses the credentials can't be used.
fn api(facts: &WorkloadFacts) -> Verdict {
    let WorkloadFacts {
        nodes,
        pods,
        failed_pods: _,
        daemon_sets,
        deployments,
        storage_classes,
        claims,
    } = facts;
    let all = [
        nodes.as_ref().err(),
        pods.as_ref().err(),
        daemon_sets.as_ref().err(),
        deployments.as_ref().err(),
        storage_classes.as_ref().err(),
        claims.as_ref().err(),
    ];
    let answers = |error: Option<&Error>| {
        error.is_none_or(|error| {
            matches!(error, Error::Forbidden { .. } | Error::Status { code: ..500, .. })
        })
    };
    match all.iter().copied().flatten().next() {
        Some(error) if !all.iter().copied().any(answers) => {
            let found = error.found().map(|found| format!(": {found}")).unwrap_or_default();
            fail(Question::Api, format!("{error}{found}"), error.next())
        }
        _ => {
            let read = all.iter().filter(|error| error.is_none()).count();
            Verdict::shown([
                Evidence::holds("it answers"),
                Evidence::count("lists requested", all.len()),
                Evidence::count("lists read", read),
            ])
        }
    }
}

/// Returns the list, or the failure that the question can't be answered.
pub(super) fn listed<'a, T>(list: &'a ListResult<T>, what: &str) -> Result<&'a [T], Failure> {
    list.as_deref().map_err(|error| {
        Failure::from_error(format!("could not list the workload cluster's {what}"), error)
    })
}
