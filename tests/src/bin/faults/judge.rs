//! What must hold of every case, whatever omega says: by what the simulators received and are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use omega::{core::GRACE, run::Status};
use omega_openstack::JSON_LIMIT;
use serde_json::Value;

use crate::{
    case::{Case, Played, Undisturbed},
    fault::{Fault, RETRY_AFTER},
    outcome::Claim,
    runbook::Runbook,
    wire::{Arrival, Kind, NO_TOKEN},
    world::Limits,
};

/// How long a request to a unit may take beyond the site's limit: the start of Python, some round trips; and
/// that `juju exec` itself waits for a unit that is busy.
const OVERHEAD: Duration = Duration::from_secs(10);
const QUEUE: Duration = Duration::from_mins(1);

/// How long an effect is waited for, by default: a service that went away after a write may come back.
const SETTLES: Duration = Duration::from_secs(30);

/// How long the final gates of a graft wait for a service that does not answer, besides.
const SETTLES_GATES: Duration = Duration::from_secs(90);

/// The same for Glance: once while the image is made, and once while it is removed again.
const SETTLES_IMAGE: Duration = Duration::from_mins(2);

/// What a client may have taken from a response that is too large: its limit, and what is under way in
/// the buffers of both sides.
const READ: u64 = JSON_LIMIT as u64 + (16 << 20);

/// Returns what is wrong; nothing if all holds. `within`: the time for the whole command, if it had one.
pub(crate) fn judge(
    case: &Case,
    played: &Played,
    undisturbed: &Undisturbed,
    within: Option<Duration>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    wrong.extend(truth(played, undisturbed));
    wrong.extend(end(played, undisturbed));
    wrong.extend(sent_once(played, undisturbed));
    wrong.extend(bounded(played));
    if let Some(within) = within {
        wrong.extend(by_deadline(played, within));
    } else {
        wrong.extend(in_time(case, played, undisturbed));
        wrong.extend(retried(case, played, undisturbed));
        wrong.extend(logins(played, undisturbed));
    }
    wrong.extend(converges(played, undisturbed));
    wrong
}

/// Never "changed nothing" after a write that had an effect; nothing is written by what only reads.
fn truth(played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let changed = played.after != undisturbed.before;
    let writes: Vec<&Arrival> = played.log.iter().filter(|one| one.wrote()).collect();
    if undisturbed.runbook.only_reads() && (changed || !writes.is_empty()) {
        return Some(format!("it wrote, and only reads: {}", keys(&writes)));
    }
    if played.outcome.claim == Claim::Nothing && changed {
        return Some(format!(
            "it says that it changed nothing, and these writes were executed: {}",
            keys(&writes)
        ));
    }
    None
}

fn keys(all: &[&Arrival]) -> String {
    all.iter().map(|one| one.key.as_str()).collect::<Vec<_>>().join("; ")
}

/// Done only if all is as it is to be; and it says something if it is not.
fn end(played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    if played.outcome.claim == Claim::Done {
        let differs = difference(&played.after, &undisturbed.goal);
        return differs.map(|what| format!("it says that it is done, and it is not: {what}"));
    }
    if played.outcome.words.contains("(it does not say what to do next)") {
        return Some("its error does not say what to do next".to_owned());
    }
    None
}

/// Within its limits: a service that hangs costs its limit about once, not once for each question. What hangs
/// from now on costs it once more for each lock that is to be released.
fn in_time(case: &Case, played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let (fault, front) = (case.armed.fault, case.armed.at.0.as_str());
    let Limits { ask, act, connect } = undisturbed.world.limits;
    let of_unit = front == "juju";
    let limit = match case.kind {
        Kind::Read if fault.hangs() && of_unit => ask + OVERHEAD + QUEUE + connect,
        Kind::Lock if fault.hangs() && of_unit => ask + OVERHEAD + connect,
        Kind::Write if fault.hangs() && of_unit => act + connect,
        _ if fault.hangs() => 4 * ask,
        Kind::Read | Kind::Login | Kind::Review | Kind::Lock | Kind::Write => 3 * ask,
    };
    let wrote = played.log.iter().any(Arrival::wrote);
    let settles = match (fault.goes_on(), wrote, undisturbed.runbook) {
        (true, true, Runbook::StageImage | Runbook::StageImageUrl) => SETTLES_IMAGE,
        (true, true, Runbook::ApplyGraft | Runbook::RemoveLeftovers) => SETTLES_GATES,
        (true, true, _) => SETTLES,
        _ => Duration::ZERO,
    };
    let locked = |one: &&Arrival| one.kind == Kind::Lock && one.front == front;
    let release = match played.log.iter().filter(locked).count() {
        0 | 1 => Duration::ZERO,
        _ if !fault.goes_on() => Duration::ZERO,
        _ => ask + OVERHEAD + connect,
    };
    // Other cases are run at the same time.
    let busy = 6 * undisturbed.took + ask;
    let limit = limit + settles + release + busy;
    (played.took > limit).then(|| format!("it took {:.1?}, at most {limit:.1?}", played.took))
}

/// What the program needs to end once its time is over, on a machine that is busy with other cases.
const ENDS: Duration = Duration::from_secs(2);

/// What a run that has written has beyond [`GRACE`].
const LAST: Duration = Duration::from_secs(5);

/// With a time for the whole command: it ends then, and says so. What it had begun to write has some time more.
fn by_deadline(played: &Played, within: Duration) -> Option<String> {
    let more = if played.has_written { GRACE + LAST } else { Duration::ZERO };
    let limit = within + more + ENDS;
    if played.took > limit {
        return Some(format!("it took {:.1?}, at most {limit:.1?}", played.took));
    }
    let (claim, status) = (played.outcome.claim, played.outcome.status);
    let is_late = played.took > within + ENDS && claim != Claim::Done;
    // What was being written may end in an error of its own.
    (is_late && !played.has_written && status != Status::Deadline)
        .then(|| format!("it ended after its time with {status:?}"))
}

/// A write is sent once, unless it was refused for its token.
fn sent_once(played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let count = |log: &[Arrival]| {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for one in log.iter().filter(|one| one.kind == Kind::Write) {
            let by_token = one.front == "cloud" && one.fault == Some(Fault::Page(401));
            let entry = counts.entry((one.front.clone(), one.whole.clone())).or_default();
            *entry += usize::from(!by_token);
        }
        counts
    };
    let usual = count(&undisturbed.log);
    let twice = count(&played.log)
        .into_iter()
        .find(|(which, times)| *times > usual.get(which).copied().unwrap_or(1).max(1));
    twice.map(|((front, whole), times)| {
        format!("a write was sent {times} times to {front}: {}", beginning(&whole))
    })
}

fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}

/// A read that failed for a moment is sent again, after the time that the service asks for.
fn retried(case: &Case, played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    if !matches!(case.kind, Kind::Read | Kind::Lock) || !played.happened {
        return None;
    }
    if let Some(early) = early(case, played, undisturbed) {
        return Some(early);
    }
    // A server that has never answered may be the wrong one.
    let first = case.armed.before.is_none() && case.armed.fault == Fault::Refused;
    if case.armed.fault.passes() && !first && !played.is_as(undisturbed) {
        let words = beginning(&played.outcome.words);
        let differs = played.difference(undisturbed);
        let how = format!("{} ({:?}) {words}{differs}", played.word(), played.outcome.status);
        return Some(format!("a fault that passes decides the end of it: {how}"));
    }
    None
}

/// Whether it was sent again before the time that the proxy asked for. Others may send the same at that time,
/// as they do without a fault.
fn early(case: &Case, played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let faulted = played.faulted().filter(|_| case.armed.fault.says_when())?;
    let wait = Duration::from_secs(RETRY_AFTER);
    // A server's clock and a client's timer differ a little.
    let asked = wait.saturating_sub(Duration::from_millis(20));
    let within = |log: &[Arrival], first: &Arrival| {
        let same = |one: &&Arrival| one.front == first.front && one.whole == first.whole;
        let soon = |one: &&Arrival| one.at > first.at && one.at - first.at < asked;
        log.iter().filter(same).filter(soon).count()
    };
    let usual =
        undisturbed.log.iter().find(|one| one.front == faulted.front && one.key == faulted.key);
    let usual = usual.map_or(0, |one| within(&undisturbed.log, one));
    let soon = within(&played.log, faulted);
    (soon > usual).then(|| format!("it asked again within {wait:?}, the time that the proxy named"))
}

/// A rejected login is never repeated; a token that is refused is renewed once.
fn logins(played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let faulted = played.faulted()?;
    if faulted.front != "cloud" || faulted.fault != Some(Fault::Page(401)) {
        return None;
    }
    if faulted.kind == Kind::Login {
        let again = played.log.iter().filter(|one| repeats(one, faulted, &played.log)).count();
        return (again > 0).then(|| format!("{again} logins after one that was rejected"));
    }
    if faulted.whole.starts_with(NO_TOKEN) {
        return None;
    }
    let usual = undisturbed.log.iter().filter(|one| one.kind == Kind::Login).count();
    let all = played.log.iter().filter(|one| one.kind == Kind::Login).count();
    if all > usual + 1 {
        return Some(format!("{all} logins for one token that was refused"));
    }
    (!played.is_as(undisturbed)).then(|| {
        let (words, differs) = (&played.outcome.words, played.difference(undisturbed));
        format!("a token that was refused once decides the end of it: {words}{differs}")
    })
}

/// Whether a login is one that was rejected, once more: the same one; or one in another scope of a user who has never
/// been let in.
fn repeats(login: &Arrival, rejected: &Arrival, log: &[Arrival]) -> bool {
    let who = identity(rejected);
    let let_in = |one: &Arrival| {
        one.kind == Kind::Login
            && identity(one) == who
            && one.at < rejected.at
            && one.fault.is_none()
    };
    login.kind == Kind::Login
        && login.at > rejected.at
        && identity(login) == who
        && (login.whole == rejected.whole || !log.iter().any(let_in))
}

/// The user and secret of a login, as it has them.
fn identity(login: &Arrival) -> Option<Value> {
    let body = login.whole.find('{').and_then(|at| login.whole.get(at..))?;
    let body: Value = serde_json::from_str(body).ok()?;
    body.pointer("/auth/identity").cloned()
}

/// Whatever a service sends, what is read of it is bounded.
fn bounded(played: &Played) -> Option<String> {
    let sent = played.endless;
    (sent > READ).then(|| format!("it read {} MiB of a response", sent >> 20))
}

/// The same command without a fault leads to where an undisturbed one does.
fn converges(played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    if played.again.claim != Claim::Done {
        return Some(format!("the same command fails after it: {}", played.again.words));
    }
    let differs = difference(&played.finally, &undisturbed.goal);
    differs.map(|what| format!("the same command does not lead to the same state: {what}"))
}

/// The first thing that differs.
fn difference(is: &[String], goal: &[String]) -> Option<String> {
    let (is, goal): (BTreeSet<_>, BTreeSet<_>) = (is.iter().collect(), goal.iter().collect());
    let lacks = goal.difference(&is).next().map(|one| format!("it lacks {}", beginning(one)));
    lacks.or_else(|| is.difference(&goal).next().map(|one| format!("it has {}", beginning(one))))
}
