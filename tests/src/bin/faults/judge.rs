//! What must hold of every case, whatever omega says: by what the simulators received and are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use omega_openstack::JSON_LIMIT;

use crate::{
    case::{Case, Played, Undisturbed},
    fault::{Fault, RETRY_AFTER},
    outcome::Claim,
    wire::{Arrival, Kind},
};

/// The limit for one answer (`ask` in the site), and for an action on a unit.
const ASK: Duration = Duration::from_secs(5);

/// How long an effect is waited for, by default: a service that went away after a write may come back.
const SETTLES: Duration = Duration::from_secs(30);

/// What a client may have taken from a response that is too large: its limit, and what is under way in
/// the buffers of both sides.
const READ: u64 = JSON_LIMIT as u64 + (16 << 20);

/// Returns what is wrong; nothing if all holds.
pub(crate) fn judge(case: &Case, played: &Played, undisturbed: &Undisturbed) -> Vec<String> {
    let mut wrong = Vec::new();
    wrong.extend(truth(played, undisturbed));
    wrong.extend(end(played, undisturbed));
    wrong.extend(in_time(case, played, undisturbed));
    wrong.extend(sent_once(played, undisturbed));
    wrong.extend(retried(case, played, undisturbed));
    wrong.extend(logins(played, undisturbed));
    wrong.extend(bounded(played));
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

/// Within its limits: a service that hangs costs its limit about once, not once for each question.
fn in_time(case: &Case, played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let of_unit = case.armed.at.0 == "juju";
    let limit = match case.armed.fault {
        // juju itself waits a minute for a unit that is busy.
        fault if fault.hangs() && of_unit && case.kind != Kind::Write => Duration::from_secs(80),
        fault if fault.hangs() => 4 * ASK,
        _ => 3 * ASK,
    };
    let wrote = played.log.iter().any(Arrival::wrote);
    let settles = if case.armed.fault.goes_on() && wrote { SETTLES } else { Duration::ZERO };
    let limit = limit + settles + 3 * undisturbed.took + Duration::from_secs(2);
    (played.took > limit).then(|| format!("it took {:.1?}, at most {limit:.1?}", played.took))
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
    if case.kind != Kind::Read || !played.happened {
        return None;
    }
    if let (true, Some(faulted)) = (case.armed.fault.says_when(), played.faulted()) {
        let next = played.log.iter().find(|one| one.whole == faulted.whole && one.at > faulted.at);
        let early = next.map(|next| next.at - faulted.at);
        let wait = Duration::from_secs(RETRY_AFTER);
        if let Some(early) =
            early.filter(|pause| *pause < wait.saturating_sub(Duration::from_millis(20)))
        {
            return Some(format!("it asked again after {early:.2?}, and was told {wait:?}"));
        }
    }
    // A server that has never answered may be the wrong one.
    let first = case.armed.before.is_none() && case.armed.fault == Fault::Refused;
    if case.armed.fault.passes() && !first && !played.is_as(undisturbed) {
        let words = beginning(&played.outcome.words);
        let how = format!("{} ({:?}) {words}", played.word(), played.outcome.status);
        return Some(format!("a fault that passes decides the end of it: {how}"));
    }
    None
}

/// A rejected login is never repeated; a token that is refused is renewed once.
fn logins(played: &Played, undisturbed: &Undisturbed) -> Option<String> {
    let faulted = played.faulted()?;
    if faulted.front != "cloud" || faulted.fault != Some(Fault::Page(401)) {
        return None;
    }
    let later = |kind: Kind| {
        let after = |one: &&Arrival| one.at > faulted.at && one.kind == kind;
        played.log.iter().filter(after).count()
    };
    if faulted.kind == Kind::Login {
        let again = later(Kind::Login);
        return (again > 0).then(|| format!("{again} logins after one that was rejected"));
    }
    let usual = undisturbed.log.iter().filter(|one| one.kind == Kind::Login).count();
    let all = played.log.iter().filter(|one| one.kind == Kind::Login).count();
    if all > usual + 1 {
        return Some(format!("{all} logins for one token that was refused"));
    }
    (!played.is_as(undisturbed)).then(|| {
        format!("a token that was refused once decides the end of it: {}", played.outcome.words)
    })
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
