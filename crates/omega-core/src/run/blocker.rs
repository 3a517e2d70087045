//! Why a job can't begin: one failure for everything that was found.

use super::Status;
use crate::{
    Failure, FailureClass, ItemPreview, ItemState, TargetPreview, Verdict, runbook::not_held,
};

/// A failed item.
struct Failed<'a> {
    target: &'a str,
    subject: String,
    failure: Failure,
    /// The rule of the check, if it is one.
    check: Option<&'a str>,
    /// Whether it was refused or could not be read, and not a gate that failed.
    read: bool,
}

/// So many facts are named.
const NAMED: usize = 2;
/// So many other causes are named: the plan above has all of them.
const CAUSES: usize = 3;
/// So many characters of another cause are shown.
const SHOWN: usize = 100;

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
        let facts = same.len();
        failure.message = match failure.class {
            FailureClass::Error | FailureClass::Deadline => unread(&same),
            FailureClass::Gate
            | FailureClass::Refused
            | FailureClass::Stale
            | FailureClass::Locked
            | FailureClass::Partial
            | FailureClass::Interrupted
            | FailureClass::Usage => format!("{} ({facts} facts)", failure.message),
        };
    }
    let others = by_cause(others.into_iter().filter(|one| !std::ptr::eq(*one, first)));
    let failure = others.iter().take(CAUSES).fold(failure, |failure, (cause, subjects)| {
        let more = subjects.len().saturating_sub(NAMED);
        let names: Vec<&str> = subjects.iter().take(NAMED).copied().collect();
        let names = names.join("; ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        failure.because(format!("also failed: {names}{more}: {}", shortened(cause)))
    });
    let left: usize = others.iter().skip(CAUSES).map(|(_, subjects)| subjects.len()).sum();
    Some(if left > 0 { failure.because(format!("also failed: {left} more")) } else { failure })
}

/// Returns what could not be read, of at least two facts with one cause.
fn unread(same: &[&Failed<'_>]) -> String {
    let mut targets: Vec<&str> = same.iter().map(|one| one.target).collect();
    targets.dedup();
    let (facts, targets) = (same.len(), targets.join(", "));
    let checks: Option<Vec<String>> =
        same.iter().map(|one| Some(one.check?.replace('-', " "))).collect();
    match checks {
        // The target of a check is where it belongs, not what did not answer.
        Some(names) if facts <= NAMED => {
            format!("could not run {facts} checks on {targets}: {}", names.join(", "))
        }
        None if facts <= NAMED => {
            let names: Vec<&str> = same.iter().map(|one| one.subject.as_str()).collect();
            format!("could not read {facts} facts on {targets}: {}", names.join(", "))
        }
        Some(_) => format!("could not run {facts} checks on {targets}"),
        None => format!("could not read {targets} ({facts} facts)"),
    }
}

fn shortened(cause: &str) -> String {
    match cause.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", cause.get(..end).unwrap_or_default().trim_end()),
        None => cause.to_owned(),
    }
}

/// Returns each cause with what failed for it.
fn by_cause<'a>(failed: impl Iterator<Item = &'a Failed<'a>>) -> Vec<(String, Vec<&'a str>)> {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for Failed { subject, failure, .. } in failed {
        // What it comes from, not all that follows.
        let words = failure.causes.first().unwrap_or(&failure.message).clone();
        match all.iter_mut().find(|(known, _)| *known == words) {
            Some((_, subjects)) => subjects.push(subject),
            None => all.push((words, vec![subject.as_str()])),
        }
    }
    all
}

fn failures(target: &TargetPreview) -> Vec<Failed<'_>> {
    target.items().filter_map(|item| failed(&target.target, item)).collect()
}

fn failed<'a>(target: &'a str, item: &'a ItemPreview) -> Option<Failed<'a>> {
    let (failure, read) = match &item.found {
        ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken() => {
            (not_held(&item.subject, finding), false)
        }
        ItemState::Failed(failure) => (failure.clone(), true),
        ItemState::Verdict(_) | ItemState::Preview(_) => return None,
    };
    let check = (item.kind == "gate").then_some(item.key.as_str());
    Some(Failed { target, subject: item.subject.to_string(), failure, check, read })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SectionPreview, Subject};

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
        assert_eq!(told.causes, ["no route", "also failed: fact 0: leftovers"]);
        let other = looked("cloud", &[(Refused, "leftovers"), (Error, "401"), (Error, "401")]);
        let told = blocker([&one, &two, &other]).unwrap();
        let of_others =
            ["also failed: fact 0; fact 0: leftovers", "also failed: fact 1; fact 2: 401"];
        assert_eq!(told.causes[1..], of_others);
        let few = looked("cloud", &[(Error, "no route"), (Error, "no route")]);
        let named = blocker([&few]).unwrap().message;
        assert_eq!(named, "could not read 2 facts on cloud: fact 0, fact 1");
        assert_eq!(blocker([&looked("magnum/2", &[])]), None);
    }

    #[test]
    fn checks_are_named_by_their_rules() {
        let mut few = looked("magnum/0", &[(FailureClass::Error, "no answer"); 2]);
        for (item, rule) in few.sections[0].items.iter_mut().zip(["driver-imports", "reach"]) {
            (item.kind, item.key) = ("gate".to_owned(), rule.to_owned());
        }
        let named = blocker([&few]).unwrap().message;
        assert_eq!(named, "could not run 2 checks on magnum/0: driver imports, reach");
    }

    /// The plan above has it all: the failure names what else there is, and does not repeat it.
    #[test]
    fn what_else_failed_takes_a_line_for_each_of_three_causes() {
        use FailureClass::{Error, Refused};
        let long = "x".repeat(300);
        let found =
            [(Error, "401"), (Refused, &*long), (Refused, "b"), (Refused, "c"), (Refused, "d")];
        let failure = blocker([&looked("cloud", &found)]).unwrap();
        let cut = format!("also failed: fact 1: {}…", "x".repeat(100));
        let others =
            [&*cut, "also failed: fact 2: b", "also failed: fact 3: c", "also failed: 1 more"];
        assert_eq!(failure.causes[1..], others);
    }
}
