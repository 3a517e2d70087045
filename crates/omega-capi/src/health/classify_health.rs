//! What is the matter with a workload cluster.

use super::{
    Answer, Credential, Diagnosis, Evidence, HealthCause, HealthPart, HealthRead, HealthStatus,
    Layer, Verdict,
    cluster_state::{State, objects},
    condition::{Polarity, top_conditions},
    driver_verdict,
    findings::Findings,
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
pub fn classify_health(evidence: &Evidence) -> Vec<Diagnosis> {
    let mut found = Findings::default();
    access(evidence, &mut found);
    let state = State::of(evidence);
    state.tell(&mut found);
    objects(evidence, &state, &mut found);
    openstack(evidence, &state, &mut found);
    driver(evidence, &mut found);
    record(evidence, &state, &mut found);
    if found.is_empty() {
        well(evidence, &mut found);
    }
    found.diagnoses()
}

/// Nothing is the matter, unless Magnum has a reason that nothing here explains.
fn well(evidence: &Evidence, found: &mut Findings) {
    let recorded = &evidence.recorded;
    if recorded.status.as_deref() != Some(HealthStatus::Healthy.name()) {
        let reason = serde_json::to_string(&recorded.reason).unwrap_or_default();
        let says = recorded.status.as_deref().unwrap_or("nothing");
        let fact = format!("Magnum says {says}, and nothing here explains why: {reason}");
        return found.add(HealthCause::Unclear, Layer::Magnum, fact);
    }
    let octavia = match &evidence.load_balancers {
        Some(all) => format!("{} load balancer(s), none in error", all.len()),
        None => "nobody asked Octavia".to_owned(),
    };
    found.add(HealthCause::Healthy, Layer::Magnum, "every object says so, and so does Magnum");
    found.add(HealthCause::Healthy, Layer::Magnum, octavia);
}

/// Why an answer can't be used, if it can't.
fn trouble(answer: &Answer) -> Option<(HealthCause, Layer, String)> {
    let unreachable = |why: String| (HealthCause::ManagementUnreachable, Layer::ManagementApi, why);
    match answer {
        Answer::Nothing { why } => Some(unreachable(why.clone())),
        Answer::NotAnObject => Some(unreachable("the answer is no JSON object".to_owned())),
        Answer::Status { code: code @ (401 | 403), words } => Some((
            HealthCause::CredentialRefused,
            Layer::DriverCredential,
            format!("HTTP {code}: {words}"),
        )),
        Answer::Status { code: 404, .. } | Answer::Object(_) | Answer::Empty => None,
        Answer::Status { code, words } => Some(unreachable(format!("HTTP {code}: {words}"))),
    }
}

/// Whether the management API answers.
fn access(evidence: &Evidence, found: &mut Findings) {
    let asked = &evidence.answers.0;
    let troubles: Vec<_> =
        asked.iter().filter_map(|(path, answer)| Some((path, answer, trouble(answer)?))).collect();
    let all = !asked.is_empty() && troubles.len() == asked.len();
    let driver = evidence.as_driver.as_ref();
    let driver_gets = driver.is_some_and(|answer| trouble(answer).is_none());
    for (path, answer, (cause, layer, why)) in troubles {
        let refused = cause == HealthCause::CredentialRefused;
        let lost = matches!(answer, Answer::Nothing { .. });
        // What was asked with another credential, or from elsewhere, says nothing of the driver.
        if (refused && driver.is_some()) || (lost && driver_gets) {
            let fact = format!("{path}: not as the driver asks: {why}");
            found.add(HealthCause::Unclear, Layer::Objects, fact);
        } else if !refused && !all {
            // One object fails among others that don't: a conversion webhook, most likely.
            found.add(cause, Layer::Controllers, format!("{path}: {why}"));
        } else {
            found.add(cause, layer, format!("{path}: {why}"));
        }
    }
    if let Some((cause, layer, why)) = driver.and_then(trouble) {
        found.add(cause, layer, format!("to the driver, from the conductor: {why}"));
    }
    let says = evidence.recorded.status.as_deref().unwrap_or("nothing");
    for (cause, layer) in
        found.of(&[HealthCause::ManagementUnreachable, HealthCause::CredentialRefused])
    {
        let fact = format!("Magnum says {says}, which is as old as the last poll that worked");
        found.add(cause, layer, fact);
    }
}

/// What Octavia and Keystone say.
fn openstack(evidence: &Evidence, state: &State, found: &mut Findings) {
    let steady = !state.creating && !state.deleting;
    let balancers = evidence.load_balancers.as_deref();
    for one in balancers.unwrap_or_default() {
        let (provisioning, operating) = (&*one.provisioning_status, &*one.operating_status);
        let fact = || format!("{} is {provisioning} and {operating}", one.name);
        if [provisioning, operating].contains(&"ERROR") {
            found.add(HealthCause::LoadBalancer, Layer::LoadBalancer, fact());
        } else if operating == "OFFLINE" && steady {
            // Octavia says so too where nothing reports to its health manager, and traffic flows.
            found.add(HealthCause::Unclear, Layer::LoadBalancer, fact());
        }
    }
    if steady && balancers.is_some_and(<[_]>::is_empty) {
        found.add(
            HealthCause::LoadBalancer,
            Layer::LoadBalancer,
            "Octavia has none of the cluster's load balancers",
        );
    }
    if let Some(Credential::Refused { words }) = &evidence.credential {
        let fact = format!("Keystone refused the cluster's application credential: {words}");
        found.add(HealthCause::CredentialRefused, Layer::ClusterCredential, fact);
    }
}

/// What the driver makes of what it reads.
fn driver(evidence: &Evidence, found: &mut Findings) {
    let Evidence { driver, overrides, names, answers, .. } = evidence;
    let Some(reads) = health_reads(driver, overrides, names) else {
        let fact = "the cluster has no stack_id, so that the driver's poll fails";
        return found.add(HealthCause::Unclear, Layer::Magnum, fact);
    };
    for read in &reads {
        match answers.0.get(&read.path) {
            None => {
                let fact = format!("nobody asked for {}", read.path);
                found.add(HealthCause::Unclear, Layer::Objects, fact);
            }
            Some(Answer::Status { code: 404, .. }) => unserved(evidence, read, found),
            Some(Answer::Object(_)) => misread(evidence, read, found),
            Some(_) => {}
        }
    }
    if let Ok(Verdict::Raises { at: Some(at), why }) =
        driver_verdict(driver, overrides, names, answers)
        && answers.0.get(&at).and_then(trouble).is_none()
    {
        let fact = format!("the driver's poll ends in an exception at {at}: {why}");
        found.add(HealthCause::Unclear, Layer::Controllers, fact);
    }
}

/// A 404 says either that the object is not there or that nothing of that version is.
fn unserved(evidence: &Evidence, read: &HealthRead, found: &mut Findings) {
    let HealthRead { part, at, plural, path } = read;
    let Some(served) = &evidence.served else {
        let fact = format!("{path}: 404, and nobody asked whether {at} is served");
        return found.add(HealthCause::Unclear, Layer::Objects, fact);
    };
    if served.serves(at, plural) {
        return;
    }
    let versions: Vec<&str> = served.versions_of(&at.group, plural).collect();
    let versions = if versions.is_empty() { "nothing".to_owned() } else { versions.join(", ") };
    let driver = &evidence.driver;
    let fact = format!("driver {driver} reads {plural} at {at}; served: {versions}");
    found.add(HealthCause::UnservedVersion, Layer::Driver, fact);
    if *part == HealthPart::Cluster {
        let fact = "it takes the cluster for gone: a delete would report success and leave it \
                    running";
        found.add(HealthCause::UnservedVersion, Layer::Driver, fact);
    }
}

/// What is good, and the driver takes for bad.
fn misread(evidence: &Evidence, read: &HealthRead, found: &mut Findings) {
    let Some(Answer::Object(object)) = evidence.answers.0.get(&read.path) else { return };
    let what = &read.part;
    if read.part == HealthPart::Infrastructure {
        let field = |at: &str| object.status.as_ref().and_then(|status| status.pointer(at));
        let provisioned = field("/initialization/provisioned").is_some_and(python::truth);
        if provisioned && field("/ready").is_none() {
            let fact = format!("{what} at {} has no status.ready, and is provisioned", read.at);
            found.add(HealthCause::PolarityMisread, Layer::Driver, fact);
        }
        return;
    }
    for condition in top_conditions(object).into_iter().filter(|one| one.status != "True") {
        let says = condition.says();
        match Polarity::of(&condition.kind) {
            Polarity::Positive => {}
            Polarity::Negative => {
                let fact = format!("{what} at {}: {says}, which is good", read.at);
                found.add(HealthCause::PolarityMisread, Layer::Driver, fact);
            }
            Polarity::Unheard => {
                let fact = format!("{what}: {says}, which the driver takes for a fault");
                found.add(HealthCause::Unclear, Layer::Driver, fact);
            }
        }
    }
}

/// What Magnum has on record.
fn record(evidence: &Evidence, state: &State, found: &mut Findings) {
    let Evidence { driver, overrides, names, answers, status, recorded, .. } = evidence;
    let Some(says) = &recorded.status else {
        let fact = if polled(status) {
            format!("{status}, and no poll has worked yet; Magnum polls each minute")
        } else {
            format!("Magnum does not poll while it is {status}")
        };
        return found.add(HealthCause::NeverPolled, Layer::Magnum, fact);
    };
    if state.deleting || unpolled(evidence) {
        return;
    }
    if !polled(status) {
        let fact = format!("{says} is from before: Magnum does not poll while it is {status}");
        return found.add(HealthCause::Outdated, Layer::Magnum, fact);
    }
    if let Ok(verdict @ Verdict::Says { status: now, .. }) =
        &driver_verdict(driver, overrides, names, answers)
        && verdict.recorded(recorded) != *recorded
    {
        let differs = if says == HealthStatus::name(*now) { ", for another reason" } else { "" };
        let fact = format!("Magnum says {says}; the driver would say {}{differs}", now.name());
        found.add(HealthCause::Outdated, Layer::Magnum, fact);
    }
}

/// Whether the driver can't be polling: then it is said already that the record is stale.
fn unpolled(evidence: &Evidence) -> bool {
    let answers = evidence.answers.0.values().chain(&evidence.as_driver);
    answers.into_iter().any(|answer| trouble(answer).is_some())
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
