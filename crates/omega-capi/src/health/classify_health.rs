//! What is the matter with a workload cluster.

use omega_core::{Evidence, Subject};

use super::{
    Answer, Credential, Diagnosis, HealthCause, HealthFacts, HealthPart, HealthRead, HealthStatus,
    Layer, LoadBalancer, Recorded, Verdict,
    cluster_state::{State, objects},
    condition::{Polarity, top_conditions},
    driver_verdict,
    findings::{Fact, Findings},
    health_reads, polled,
};
use omega_driver::python;

/// Says what is the matter with a cluster, from the bottom up; [`super::fix_first`] picks what to
/// fix. Pure, and never empty.
///
/// Where the driver is wrong, this is not: a version that is not served is no missing
/// infrastructure, a good `False` is no fault, and a record is stale when the API can't be reached.
///
/// # Caveats
///
/// Times are not compared, for a clock may be wrong: a roll-out that hangs looks like one that
/// goes on, and a create that never ends like a slow one, unless a condition says more.
/// What nobody asked for is [`HealthCause::Unclear`] where the verdict needs it.
pub fn classify_health(facts: &HealthFacts) -> Vec<Diagnosis> {
    let stack = facts.names.stack_id.as_deref().unwrap_or_default();
    let mut found = Findings::about(Subject::new("cluster", stack));
    access(facts, &mut found);
    let state = State::of(facts);
    state.tell(&mut found);
    objects(facts, &state, &mut found);
    openstack(facts, &state, &mut found);
    driver(facts, &mut found);
    record(facts, &state, &mut found);
    if found.is_empty() {
        well(facts, &mut found);
    }
    found.diagnoses()
}

/// Nothing is the matter, unless Magnum has a reason that nothing here explains.
fn well(facts: &HealthFacts, found: &mut Findings) {
    let Recorded { status, reason } = &facts.recorded;
    if status.as_deref() != Some(HealthStatus::Healthy.name()) {
        let says = status.as_deref().unwrap_or("nothing");
        let words = serde_json::to_string(reason).unwrap_or_default();
        let summary = format!("Magnum says {says}, and nothing here explains why: {words}");
        let reasons = reason.iter().flatten();
        let reasons = reasons.map(|(part, why)| Evidence::text(part, python::text(why)));
        let fact = Fact::new(summary, [recorded(facts)].into_iter().chain(reasons));
        return found.add(HealthCause::Unclear, Layer::Magnum, fact);
    }
    let octavia = match &facts.load_balancers {
        Some(all) => Evidence::count("load balancers without error", all.len()),
        None => Evidence::holds("nobody asked Octavia"),
    };
    let summary = "every object says so, and so does Magnum";
    let fact = Fact::new(summary, [recorded(facts), octavia]);
    found.add(HealthCause::Healthy, Layer::Magnum, fact);
}

/// The health that Magnum has on record.
fn recorded(facts: &HealthFacts) -> Evidence {
    Evidence::text("health in Magnum", facts.recorded.status.as_deref().unwrap_or("none"))
}

/// Why an answer can't be used, if it can't.
fn trouble(answer: &Answer) -> Option<(HealthCause, Layer, Fact)> {
    let unreachable = |fact| (HealthCause::ManagementUnreachable, Layer::ManagementApi, fact);
    let refused = |fact| (HealthCause::CredentialRefused, Layer::DriverCredential, fact);
    let said = |code: u16, words: &str| {
        let status = Evidence::text("HTTP", code.to_string());
        Fact::new(format!("HTTP {code}: {words}"), [status]).quoting(words)
    };
    match answer {
        Answer::Nothing { why } => Some(unreachable(Fact::new(why, []).quoting(why))),
        Answer::NotAnObject => Some(unreachable(Fact::holds("the answer is not a JSON object"))),
        Answer::Status { code: code @ (401 | 403), words } => Some(refused(said(*code, words))),
        Answer::Status { code: 404, .. } | Answer::Object(_) | Answer::Empty => None,
        Answer::Status { code, words } => Some(unreachable(said(*code, words))),
    }
}

/// Whether the management API answers.
fn access(facts: &HealthFacts, found: &mut Findings) {
    let asked = &facts.answers.0;
    let troubles: Vec<_> =
        asked.iter().filter_map(|(path, answer)| Some((path, answer, trouble(answer)?))).collect();
    let all = !asked.is_empty() && troubles.len() == asked.len();
    let driver = facts.as_driver.as_ref();
    let driver_gets = driver.is_some_and(|answer| trouble(answer).is_none());
    for (path, answer, (cause, layer, fact)) in troubles {
        let refused = cause == HealthCause::CredentialRefused;
        let lost = matches!(answer, Answer::Nothing { .. });
        // What was asked with another credential, or from elsewhere, says nothing of the driver.
        let (cause, layer, fact) = if (refused && driver.is_some()) || (lost && driver_gets) {
            let other = "not as the driver asks";
            (HealthCause::Unclear, Layer::Objects, fact.about(other, Evidence::holds(other)))
        } else if !refused && !all {
            // One object fails among others that don't: a conversion webhook, most likely.
            (cause, Layer::Controllers, fact)
        } else {
            (cause, layer, fact)
        };
        found.add(cause, layer, fact.about(path, Evidence::text("GET", path)));
    }
    if let Some((cause, layer, fact)) = driver.and_then(trouble) {
        let shown = Evidence::holds("asked as the driver, from the conductor");
        found.add(cause, layer, fact.about("to the driver, from the conductor", shown));
    }
    let says = facts.recorded.status.as_deref().unwrap_or("nothing");
    for (cause, layer) in
        found.of(&[HealthCause::ManagementUnreachable, HealthCause::CredentialRefused])
    {
        let summary = format!("Magnum says {says}, which is as old as the last poll that worked");
        let shown = [recorded(facts), Evidence::holds("as old as the last poll that worked")];
        found.add(cause, layer, Fact::new(summary, shown));
    }
}

/// What Octavia and Keystone say.
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
            // Octavia says so too where nothing reports to its health manager, and traffic flows.
            found.add(HealthCause::Unclear, Layer::LoadBalancer, fact());
        }
    }
    if steady && balancers.is_some_and(<[_]>::is_empty) {
        let none = "Octavia has none of the cluster's load balancers";
        let fact = Fact::new(none, [Evidence::count("load balancers", 0)]);
        found.add(HealthCause::LoadBalancer, Layer::LoadBalancer, fact);
    }
    if let Some(Credential::Refused { words }) = &facts.credential {
        let summary = format!("Keystone refused the cluster's application credential: {words}");
        let fact = Fact::new(summary, [Evidence::sentence(words)]);
        found.add(HealthCause::CredentialRefused, Layer::ClusterCredential, fact);
    }
}

/// What the driver makes of what it reads.
fn driver(facts: &HealthFacts, found: &mut Findings) {
    let HealthFacts { driver, overrides, names, answers, .. } = facts;
    let Some(reads) = health_reads(driver, overrides, names) else {
        let fact = Fact::holds("the cluster has no stack_id, so that the driver's poll fails");
        return found.add(HealthCause::Unclear, Layer::Magnum, fact);
    };
    for read in &reads {
        match answers.0.get(&read.path) {
            None => found.add(HealthCause::Unclear, Layer::Objects, not_asked(read)),
            Some(Answer::Status { code: 404, .. }) => unserved(facts, read, found),
            Some(Answer::Object(_)) => misread(facts, read, found),
            Some(_) => {}
        }
    }
    if let Ok(Verdict::Raises { at: Some(at), why }) =
        driver_verdict(driver, overrides, names, answers)
        && answers.0.get(&at).and_then(trouble).is_none()
    {
        let summary = format!("the driver's poll ends in an exception at {at}: {why}");
        let shown = [Evidence::text("GET", at), Evidence::text("the driver's exception:", why)];
        found.add(HealthCause::Unclear, Layer::Controllers, Fact::new(summary, shown));
    }
}

/// A 404 says either that the object is not there or that nothing of that version is.
fn unserved(facts: &HealthFacts, read: &HealthRead, found: &mut Findings) {
    let HealthRead { part, at, plural, path } = read;
    let Some(served) = &facts.served else {
        let summary = format!("{path}: 404, and nobody asked whether {at} is served");
        let shown = [
            Evidence::text("GET", path),
            Evidence::text("HTTP", "404"),
            Evidence::text("nobody asked whether this is served:", at.to_string()),
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
        let fact = "it takes the cluster for gone: a delete would report success and leave it \
                    running";
        found.add(HealthCause::UnservedVersion, Layer::Driver, Fact::holds(fact));
    }
}

/// What is good, and the driver takes for bad.
fn misread(facts: &HealthFacts, read: &HealthRead, found: &mut Findings) {
    let Some(Answer::Object(object)) = facts.answers.0.get(&read.path) else { return };
    let HealthRead { part, at, .. } = read;
    if *part == HealthPart::Infrastructure {
        let field = |at: &str| object.status.as_ref().and_then(|status| status.pointer(at));
        let provisioned = field("/initialization/provisioned").is_some_and(python::truth);
        if provisioned && field("/ready").is_none() {
            let summary = format!("{part} at {at} has no status.ready, and is provisioned");
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
        let (cause, judged) = match Polarity::of(&condition.kind) {
            Polarity::Positive => continue,
            Polarity::Negative => (HealthCause::PolarityMisread, format!("which is good at {at}")),
            Polarity::Unheard => {
                (HealthCause::Unclear, "which the driver takes for a fault".to_owned())
            }
        };
        let read_at = Evidence::text("read at", at.to_string());
        found.add(cause, Layer::Driver, condition.fact(part).and(&judged, read_at));
    }
}

/// What Magnum has on record.
fn record(facts: &HealthFacts, state: &State, found: &mut Findings) {
    let HealthFacts { driver, overrides, names, answers, status: now, recorded: record, .. } =
        facts;
    let status = Evidence::text("status in Magnum", now);
    let Some(says) = &record.status else {
        let (summary, shown) = if polled(now) {
            let summary = format!("{now}, and no poll has worked yet; Magnum polls each minute");
            (summary, "no poll has worked yet")
        } else {
            (format!("Magnum does not poll while it is {now}"), "Magnum does not poll then")
        };
        let fact = Fact::new(summary, [status, Evidence::holds(shown)]);
        return found.add(HealthCause::NeverPolled, Layer::Magnum, fact);
    };
    if state.deleting || unpolled(facts) {
        return;
    }
    if !polled(now) {
        let summary = format!("{says} is from before: Magnum does not poll while it is {now}");
        let fact = Fact::new(summary, [recorded(facts), status]);
        return found.add(HealthCause::Outdated, Layer::Magnum, fact);
    }
    if let Ok(verdict @ Verdict::Says { status: now, .. }) =
        &driver_verdict(driver, overrides, names, answers)
        && verdict.recorded(record) != *record
    {
        let now = now.name();
        let differs = if says == now { ", for another reason" } else { "" };
        let summary = format!("Magnum says {says}; the driver would say {now}{differs}");
        let shown = [recorded(facts), Evidence::text("the driver would say", now)];
        found.add(HealthCause::Outdated, Layer::Magnum, Fact::new(summary, shown));
    }
}

/// The object was not requested.
pub(super) fn not_asked(read: &HealthRead) -> Fact {
    Fact::new(
        format!("nobody asked for {}", read.path),
        [Evidence::text("not asked for", &read.path)],
    )
}

/// Whether the driver can't be polling: then it is said already that the record is stale.
fn unpolled(facts: &HealthFacts) -> bool {
    let answers = facts.answers.0.values().chain(&facts.as_driver);
    answers.into_iter().any(|answer| trouble(answer).is_some())
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
