//! Why a job can't begin: one failure for everything that was found.

use super::Status;
use crate::{Failure, FailureClass, ItemState, TargetPreview, Verdict, runbook::not_held};

/// A failed item.
struct Failed<'a> {
    target: &'a str,
    subject: String,
    failure: Failure,
    /// Whether it was refused or could not be read, and not a gate that failed.
    read: bool,
}

/// So many facts are named.
const NAMED: usize = 2;

impl Failed<'_> {
    /// Whether both have the same cause. What was being done may differ.
    fn alike(&self, other: &Self) -> bool {
        let cause = |one: &Failure| {
            (one.class, one.causes.clone(), one.expected.clone(), one.found.clone())
        };
        self.read && other.read && cause(&self.failure) == cause(&other.failure)
    }
}

/// Returns the failure that decides the status, with the number of facts that have the same cause, and
/// what else failed.
pub(super) fn blocker<'a>(targets: impl IntoIterator<Item = &'a TargetPreview>) -> Option<Failure> {
    let failed: Vec<Failed<'_>> = targets.into_iter().flat_map(failures).collect();
    let status = |one: &Failed<'_>| Status::of(&one.failure, None);
    let exit = Status::first(failed.iter().map(status));
    let first = failed.iter().find(|one| status(one) == exit)?;
    let (same, others): (Vec<_>, Vec<_>) = failed.iter().partition(|one| first.alike(one));
    let mut failure = first.failure.clone();
    if same.len() > 1 {
        let mut targets: Vec<&str> = same.iter().map(|one| one.target).collect();
        targets.dedup();
        let facts = same.len();
        failure.message = match failure.class {
            // The target of a check is where it belongs, not what did not answer.
            FailureClass::Error | FailureClass::Deadline if facts <= NAMED => {
                let names: Vec<&str> = same.iter().map(|one| one.subject.as_str()).collect();
                format!("could not read {} of {}", names.join(" and "), targets.join(", "))
            }
            FailureClass::Error | FailureClass::Deadline => {
                format!("could not read {} ({facts} facts)", targets.join(", "))
            }
            FailureClass::Gate
            | FailureClass::Refused
            | FailureClass::Stale
            | FailureClass::Locked
            | FailureClass::Partial
            | FailureClass::Interrupted
            | FailureClass::Usage => format!("{} ({facts} facts)", failure.message),
        };
    }
    let others = others.into_iter().filter(|one| !std::ptr::eq(*one, first));
    Some(by_cause(others).iter().fold(failure, |failure, (cause, subjects)| {
        let (count, subjects) = (subjects.len(), subjects.join("; "));
        failure.because(format!("{count} more failed: {subjects}: {cause}"))
    }))
}

/// Returns each cause with what failed for it.
fn by_cause<'a>(failed: impl Iterator<Item = &'a Failed<'a>>) -> Vec<(String, Vec<&'a str>)> {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for Failed { subject, failure, .. } in failed {
        let words = match failure.causes.as_slice() {
            [] => failure.message.clone(),
            causes => causes.join(": "),
        };
        match all.iter_mut().find(|(known, _)| *known == words) {
            Some((_, subjects)) => subjects.push(subject),
            None => all.push((words, vec![subject.as_str()])),
        }
    }
    all
}

fn failures(target: &TargetPreview) -> Vec<Failed<'_>> {
    let of = |item: &crate::ItemPreview| {
        let (failure, read) = match &item.found {
            ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken() => {
                (not_held(&item.subject, finding), false)
            }
            ItemState::Failed(failure) => (failure.clone(), true),
            ItemState::Verdict(_) | ItemState::Preview(_) => return None,
        };
        Some(Failed { target: &target.target, subject: item.subject.to_string(), failure, read })
    };
    target.items().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ItemPreview, SectionPreview, Subject};

    fn looked(target: &str, found: &[(FailureClass, &str)]) -> TargetPreview {
        let item = |(nth, (class, why)): (usize, &(FailureClass, &str))| {
            let failure = Failure::new(*class, format!("could not read fact {nth}"));
            ItemPreview {
                subject: Subject::new("fact", nth.to_string()),
                kind: "k".to_owned(),
                key: nth.to_string(),
                found: ItemState::Failed(failure.because(*why)),
            }
        };
        let items = found.iter().enumerate().map(item).collect();
        let section = SectionPreview { number: String::new(), title: String::new(), items };
        TargetPreview { target: target.to_owned(), sections: vec![section] }
    }

    #[test]
    fn one_cause_is_one_failure_and_the_status_is_that_of_the_failure_told() {
        use FailureClass::{Error, Refused};
        let one = looked("magnum/0", &[(Error, "no route"); 11]);
        let told = blocker([&one]).unwrap();
        assert_eq!(told.message, "could not read magnum/0 (11 facts)");
        assert_eq!(told.causes, ["no route"]);
        let two = looked("magnum/1", &[(Refused, "leftovers"), (Error, "no route")]);
        let told = blocker([&two, &one]).unwrap();
        assert_eq!(told.class, Error, "as the exit code");
        assert_eq!(told.message, "could not read magnum/1, magnum/0 (12 facts)");
        assert_eq!(told.causes, ["no route", "1 more failed: fact 0: leftovers"]);
        let other = looked("cloud", &[(Refused, "leftovers"), (Error, "401"), (Error, "401")]);
        let told = blocker([&one, &two, &other]).unwrap();
        let of_others =
            ["2 more failed: fact 0; fact 0: leftovers", "2 more failed: fact 1; fact 2: 401"];
        assert_eq!(told.causes[1..], of_others);
        let few = looked("cloud", &[(Error, "no route"), (Error, "no route")]);
        let named = blocker([&few]).unwrap().message;
        assert_eq!(named, "could not read fact 0 and fact 1 of cloud");
        assert_eq!(blocker([&looked("magnum/2", &[])]), None);
    }
}
