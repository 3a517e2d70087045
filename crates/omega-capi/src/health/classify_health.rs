use omega_core::{Evidence, Subject};

use super::{
    Answer, Credential, Diagnosis, HealthCause, HealthFacts, HealthPart, HealthRead, HealthStatus,
    Layer, LoadBalancer, Recorded, Verdict,
    cluster_state::{Patience, State, objects},
    condition::{Polarity, top_conditions},
    driver_verdict,
    findings::{Fact, Findings},
    health_reads, polled,
};
use omega_driver::python;

/// Finds out what is wrong with a cluster, from the bottom layer up; [`super::fix_first`] picks what
/// to fix. Pure, and never empty.
///
/// It avoids the driver's mistakes: an unserved version is not a missing object, a condition may be
/// healthy when it is `False`, and Magnum's record is outdated if the API can't be reached.
///
/// # Caveats
///
/// It does not compare times, as clocks may be wrong: without a condition that says more, a rollout
/// that hangs looks like a running one ([`classify_within`] tells them apart), and a create that never
/// ends like a slow one. Missing data that the verdict needs is [`HealthCause::Unclear`].
pub fn classify_health(facts: &HealthFacts) -> Vec<Diagnosis> {
    classify(facts, None)
}

/// The same with an end to the patience with a rollout: an untrue condition that has lasted longer, or
/// an object of which nothing has moved for longer, is a fault.
pub fn classify_within(facts: &HealthFacts, patience: Patience) -> Vec<Diagnosis> {
    classify(facts, Some(patience))
}

fn classify(facts: &HealthFacts, patience: Option<Patience>) -> Vec<Diagnosis> {
    let stack = facts.names.stack_id.as_deref().unwrap_or_default();
    let mut found = Findings::about(Subject::new("cluster", stack));
    access(facts, &mut found);
    let state = State::of(facts, patience);
    state.add_to(&mut found);
    objects(facts, &state, &mut found);
    openstack(facts, &state, &mut found);
    driver(facts, &mut found);
    record(facts, &state, &mut found);
    if found.is_empty() {
        healthy(facts, &mut found);
    }
    found.diagnoses()
}

/// Adds that nothing is wrong, unless Magnum's record has a reason that nothing else explains.
fn healthy(facts: &HealthFacts, found: &mut Findings) {
    let Recorded { status, reason } = &facts.recorded;
    if status.as_deref() != Some(HealthStatus::Healthy.name()) {
        let status = status.as_deref().unwrap_or("nothing");
        let text = serde_json::to_string(reason).unwrap_or_default();
        let summary = format!("Magnum reports {status}, and nothing here explains it: {text}");
        let reasons = reason.iter().flatten();
        let reasons = reasons.map(|(part, why)| Evidence::text(part, python::text(why)));
        let fact = Fact::new(summary, [recorded(facts)].into_iter().chain(reasons));
        return found.add(HealthCause::Unclear, Layer::Magnum, fact);
    }
    let octavia = match &facts.load_balancers {
        Some(all) => Evidence::count("load balancers without error", all.len()),
        None => Evidence::holds("Octavia was not checked"),
    };
    let summary = "all objects are healthy, and Magnum reports the same";
    let fact = Fact::new(summary, [recorded(facts), octavia]);
    found.add(HealthCause::Healthy, Layer::Magnum, fact);
}

fn recorded(facts: &HealthFacts) -> Evidence {
    Evidence::text("health in Magnum", facts.recorded.status.as_deref().unwrap_or("none"))
}

/// Returns why an answer can't be used, if so.
fn problem(answer: &Answer) -> Option<(HealthCause, Layer, Fact)> {
    let unreachable = |fact| (HealthCause::ManagementUnreachable, Layer::ManagementApi, fact);
    let refused = |fact| (HealthCause::CredentialRefused, Layer::DriverCredential, fact);
    let http = |code: u16, message: &str| {
        let status = Evidence::text("HTTP", code.to_string());
        Fact::new(format!("HTTP {code}: {message}"), [status]).quoting(message)
    };
    match answer {
        Answer::Nothing { why } => Some(unreachable(Fact::new(why, []).quoting(why))),
        Answer::NotAnObject => Some(unreachable(Fact::holds("the answer is not a JSON object"))),
        Answer::Status { code: code @ (401 | 403), message } => Some(refused(http(*code, message))),
        Answer::Status { code: 404, .. } | Answer::Object(_) | Answer::Empty => None,
        Answer::Status { code, message } => Some(unreachable(http(*code, message))),
    }
}

/// Adds why the management API does not answer.
fn access(facts: &HealthFacts, found: &mut Findings) {
    let answers = &facts.answers.0;
    let problem_of = |(path, answer)| Some((path, answer, problem(answer)?));
    let problems: Vec<(&String, &Answer, _)> = answers.iter().filter_map(problem_of).collect();
    let all = !answers.is_empty() && problems.len() == answers.len();
    let driver = facts.as_driver.as_ref();
    let driver_reads = driver.is_some_and(|answer| problem(answer).is_none());
    for (path, answer, (cause, layer, fact)) in problems {
        let refused = cause == HealthCause::CredentialRefused;
        let lost = matches!(answer, Answer::Nothing { .. });
        // A read with other credentials or from elsewhere says nothing about the driver.
        let (cause, layer, fact) = if (refused && driver.is_some()) || (lost && driver_reads) {
            let other = "not read with the driver's access";
            (HealthCause::Unclear, Layer::Objects, fact.about(other, Evidence::holds(other)))
        } else if !refused && !all {
            // Some objects can be read and some can't: most likely a conversion webhook fails.
            (cause, Layer::Controllers, fact)
        } else {
            (cause, layer, fact)
        };
        found.add(cause, layer, fact.about(path, Evidence::text("GET", path)));
    }
    if let Some((cause, layer, fact)) = driver.and_then(problem) {
        let how = "read as the driver, from the conductor";
        found.add(cause, layer, fact.about(how, Evidence::holds(how)));
    }
    let status = facts.recorded.status.as_deref().unwrap_or("nothing");
    for (cause, layer) in
        found.of(&[HealthCause::ManagementUnreachable, HealthCause::CredentialRefused])
    {
        let summary = format!("Magnum reports {status}, from its last successful poll");
        let shown = [recorded(facts), Evidence::holds("from its last successful poll")];
        found.add(cause, layer, Fact::new(summary, shown));
    }
}

/// Adds what Octavia and Keystone report.
fn openstack(facts: &HealthFacts, state: &State, found: &mut Findings) {
    let steady = !state.creating && !state.deleting;
    let balancers = facts.load_balancers.as_deref();
    for one in balancers.unwrap_or_default() {
        let LoadBalancer { name, provisioning_status, operating_status } = one;
        let fact = || {
            let shown = [
                Evidence::text("load balancer", name),
                Evidence::text("provisioning status", provisioning_status),
                Evidence::text("operating status", operating_status),
            ];
            Fact::new(format!("{name} is {provisioning_status} and {operating_status}"), shown)
        };
        if [provisioning_status.as_str(), operating_status].contains(&"ERROR") {
            found.add(HealthCause::LoadBalancer, Layer::LoadBalancer, fact());
        } else if operating_status == "OFFLINE" && steady {
            // It is also OFFLINE without a health manager, although traffic flows.
            found.add(HealthCause::Unclear, Layer::LoadBalancer, fact());
        }
    }
    if steady && balancers.is_some_and(<[_]>::is_empty) {
        let none = "Octavia has none of the cluster's load balancers";
        let fact = Fact::new(none, [Evidence::count("load balancers", 0)]);
        found.add(HealthCause::LoadBalancer, Layer::LoadBalancer, fact);
    }
    if let Some(Credential::Refused { message }) = &facts.credential {
        let summary = format!("Keystone refused the cluster's application credential: {message}");
        let fact = Fact::new(summary, [Evidence::sentence(message)]);
        found.add(HealthCause::CredentialRefused, Layer::ClusterCredential, fact);
    }
}

/// Adds what the driver misreads.
fn driver(facts: &HealthFacts, found: &mut Findings) {
    let HealthFacts { driver, overrides, names, answers, .. } = facts;
    let Some(reads) = health_reads(driver, overrides, names) else {
        let fact = Fact::holds("the cluster has no stack_id: the driver's health poll fails");
        return found.add(HealthCause::Unclear, Layer::Magnum, fact);
    };
    for read in &reads {
        match answers.0.get(&read.path) {
            None => found.add(HealthCause::Unclear, Layer::Objects, not_read(read)),
            Some(Answer::Status { code: 404, .. }) => unserved(facts, read, found),
            Some(Answer::Object(_)) => misread(facts, read, found),
            Some(_) => {}
        }
    }
    if let Ok(Verdict::Raises { at: Some(at), why }) =
        driver_verdict(driver, overrides, names, answers)
        && answers.0.get(&at).and_then(problem).is_none()
    {
        let summary = format!("the driver's health poll raises an exception at {at}: {why}");
        let shown = [Evidence::text("GET", at), Evidence::text("the driver's exception:", why)];
        found.add(HealthCause::Unclear, Layer::Controllers, Fact::new(summary, shown));
    }
}

/// Adds that a 404 means an unserved version, and not a missing object.
fn unserved(facts: &HealthFacts, read: &HealthRead, found: &mut Findings) {
    let HealthRead { part, at, plural, path } = read;
    let Some(served) = &facts.served else {
        let summary = format!("{path}: 404, and it was not checked whether {at} is served");
        let shown = [
            Evidence::text("GET", path),
            Evidence::text("HTTP", "404"),
            Evidence::text("not checked whether this is served:", at.to_string()),
        ];
        return found.add(HealthCause::Unclear, Layer::Objects, Fact::new(summary, shown));
    };
    if served.serves(at, plural) {
        return;
    }
    let mut versions: Vec<&str> = served.versions_of(&at.group, plural).collect();
    if versions.is_empty() {
        versions.push("nothing");
    }
    let driver = &facts.driver;
    let summary =
        format!("driver {driver} reads {plural} at {at}; served: {}", versions.join(", "));
    let shown = [
        Evidence::text("driver", driver.to_string()),
        Evidence::text(&format!("reads {plural} at"), at.to_string()),
        Evidence::list("served", versions),
    ];
    found.add(HealthCause::UnservedVersion, Layer::Driver, Fact::new(summary, shown));
    if *part == HealthPart::Cluster {
        let fact = "the driver treats the cluster as deleted: a delete would report success and \
                    leave it running";
        found.add(HealthCause::UnservedVersion, Layer::Driver, Fact::holds(fact));
    }
}

/// Adds what is healthy, but not for the driver.
fn misread(facts: &HealthFacts, read: &HealthRead, found: &mut Findings) {
    let Some(Answer::Object(object)) = facts.answers.0.get(&read.path) else { return };
    let HealthRead { part, at, .. } = read;
    if *part == HealthPart::Infrastructure {
        let provisioned = object.field("/initialization/provisioned").is_some_and(python::truth);
        if provisioned && object.field("/ready").is_none() {
            let summary = format!("{part} at {at} has no status.ready, but is provisioned");
            let shown = [
                Evidence::text(&format!("{part} at"), at.to_string()),
                Evidence::holds("no status.ready"),
                Evidence::holds("provisioned"),
            ];
            let fact = Fact::new(summary, shown);
            found.add(HealthCause::PolarityMisread, Layer::Driver, fact);
        }
        return;
    }
    for condition in top_conditions(object).into_iter().filter(|one| one.status != "True") {
        let (cause, meaning) = match Polarity::of(&condition.kind) {
            Polarity::Positive => continue,
            Polarity::Negative => (HealthCause::PolarityMisread, format!("healthy at {at}")),
            Polarity::Unknown => {
                let meaning = "an unknown condition, which the driver counts as a failure";
                (HealthCause::Unclear, meaning.to_owned())
            }
        };
        let read_at = Evidence::text("read at", at.to_string());
        found.add(cause, Layer::Driver, condition.fact(part).and(&meaning, read_at));
    }
}

/// Adds whether Magnum's record is outdated.
fn record(facts: &HealthFacts, state: &State, found: &mut Findings) {
    let HealthFacts { driver, overrides, names, answers, status: now, recorded: record, .. } =
        facts;
    let status = Evidence::text("status in Magnum", now);
    let Some(reported) = &record.status else {
        let (summary, shown) = if polled(now) {
            let summary =
                format!("{now}, and no poll has succeeded yet; Magnum polls every minute");
            (summary, "no poll has succeeded yet")
        } else {
            (format!("Magnum does not poll a cluster in {now}"), "Magnum does not poll it")
        };
        let fact = Fact::new(summary, [status, Evidence::holds(shown)]);
        return found.add(HealthCause::NeverPolled, Layer::Magnum, fact);
    };
    if state.deleting || poll_fails(facts) {
        return;
    }
    if !polled(now) {
        let summary = format!("{reported} is outdated: Magnum does not poll a cluster in {now}");
        let fact = Fact::new(summary, [recorded(facts), status]);
        return found.add(HealthCause::Outdated, Layer::Magnum, fact);
    }
    if let Ok(verdict @ Verdict::Says { status: now, .. }) =
        &driver_verdict(driver, overrides, names, answers)
        && verdict.recorded(record) != *record
    {
        let now = now.name();
        let differs = if reported == now { ", for another reason" } else { "" };
        let summary = format!("Magnum reports {reported}; the driver would report {now}{differs}");
        let shown = [recorded(facts), Evidence::text("the driver would report", now)];
        found.add(HealthCause::Outdated, Layer::Magnum, Fact::new(summary, shown));
    }
}

pub(super) fn not_read(read: &HealthRead) -> Fact {
    Fact::new(format!("{} was not read", read.path), [Evidence::text("not read", &read.path)])
}

/// Returns whether the driver's poll can't succeed. That the record is outdated was added before.
fn poll_fails(facts: &HealthFacts) -> bool {
    let answers = facts.answers.0.values().chain(&facts.as_driver);
    answers.into_iter().any(|answer| problem(answer).is_some())
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
