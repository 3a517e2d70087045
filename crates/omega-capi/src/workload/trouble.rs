//! What is the matter with one pod, and for how long.

use std::{cmp::Ordering, time::Duration};

use jiff::Timestamp;

use super::{Container, Pod, PodController, PodControllerKind};

/// How far another machine's clock may be ahead of this one's before it counts as wrong.
const AHEAD: Duration = Duration::from_mins(1);
/// How many things are named.
const NAMED: usize = 3;
/// How much of a message is shown.
const WORDS: usize = 300;
/// What a container waits for while all is well.
const EN_ROUTE: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// How long ago something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// So long.
    Past(Duration),
    /// It is still to come: one of the two clocks is wrong.
    Future(Duration),
    /// It does not say.
    Unknown,
}

impl Age {
    pub(super) fn of(since: Option<Timestamp>, now: Timestamp) -> Self {
        let Some(since) = since else { return Self::Unknown };
        let apart = now.duration_since(since);
        let length = apart.unsigned_abs();
        match apart.signum().cmp(&0) {
            Ordering::Less if length > AHEAD => Self::Future(length),
            Ordering::Less => Self::Past(Duration::ZERO),
            Ordering::Equal | Ordering::Greater => Self::Past(length),
        }
    }
}

/// What is the matter with a pod; `None`: nothing, or nothing that can be seen.
pub(super) fn trouble(pod: &Pod) -> Option<String> {
    if matches!(pod.phase.as_str(), "Succeeded" | "Failed") && pod.deleted.is_none() {
        return None; // it is done
    }
    if let Some(container) = pod.containers.iter().find(|c| waits(c)) {
        return Some(waiting(container));
    }
    if pod.deleted.is_some() {
        return Some("it should be gone".to_owned());
    }
    if let Some(condition) = &pod.unscheduled {
        let (reason, message) = (&condition.reason, words(&condition.message));
        return Some(format!("no node takes it: {reason}: {message}"));
    }
    match pod.phase.as_str() {
        "Running" => None,
        "" => Some("it has no status".to_owned()),
        phase => Some(format!("it is {phase}")),
    }
}

fn waits(container: &Container) -> bool {
    container.waiting.as_ref().is_some_and(|waiting| !EN_ROUTE.contains(&waiting.reason.as_str()))
}

fn waiting(container: &Container) -> String {
    let Container { name, restarts, waiting, last, .. } = container;
    let waiting = waiting.clone().unwrap_or_default();
    let message = words(&waiting.message);
    let colon = if message.is_empty() { "" } else { ": " };
    let ended = last
        .as_ref()
        .map(|ended| format!(", last exit code {} ({})", ended.code, ended.reason))
        .unwrap_or_default();
    let restarts = if *restarts > 0 { format!(", {restarts} restarts{ended}") } else { ended };
    format!("container {name} waits, {}{colon}{message}{restarts}", waiting.reason)
}

/// What is the matter with the pods of `fleet`; `None`: all are ready.
pub(super) fn short(fleet: &PodController, pods: &[Pod]) -> Option<String> {
    let PodController { namespace, name, wanted, ready, observed, .. } = fleet;
    let kind = kind(fleet);
    if *wanted == 0 {
        return Some(format!("{kind} {namespace}/{name} wants no pod"));
    }
    if ready >= wanted {
        let late = || format!("{kind} {namespace}/{name}: its newest change is not seen yet");
        return (!observed).then(late);
    }
    let ours = pods.iter().filter(|pod| belongs(pod, fleet));
    let troubled = ours.filter_map(|pod| Some(format!("{}: {}", pod.name, trouble(pod)?)));
    let troubled: Vec<String> = troubled.collect();
    let shown = if troubled.is_empty() { String::new() } else { format!(" ({})", some(&troubled)) };
    Some(format!("{kind} {namespace}/{name}: {ready} of {wanted} ready{shown}"))
}

/// `daemonset` or `deployment`, as kubectl takes it.
pub(super) fn kind(fleet: &PodController) -> &'static str {
    match fleet.kind {
        PodControllerKind::DaemonSet => "daemonset",
        PodControllerKind::Deployment => "deployment",
    }
}

/// Whether a pod is one of `fleet`'s.
pub(super) fn belongs(pod: &Pod, fleet: &PodController) -> bool {
    let has = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
    pod.namespace == fleet.namespace && !fleet.selector.is_empty() && fleet.selector.iter().all(has)
}

/// Names the first few.
pub(super) fn some(all: &[String]) -> String {
    let shown: Vec<&str> = all.iter().take(NAMED).map(String::as_str).collect();
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

/// A server's words, on one line and cut short.
pub(super) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect()
}

/// `4 min`, `3 h`, `2 days`.
pub(super) fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::{Age, some, span};

    #[test]
    fn no_clock_makes_an_age_negative() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let after = |seconds| Age::of(Some(now + SignedDuration::from_secs(seconds)), now);
        assert_eq!(after(-300), Age::Past(Duration::from_mins(5)));
        assert_eq!(after(0), Age::Past(Duration::ZERO));
        assert_eq!(after(59), Age::Past(Duration::ZERO), "clocks are never the same");
        assert_eq!(after(3600), Age::Future(Duration::from_hours(1)));
        assert_eq!(Age::of(None, now), Age::Unknown);
        let ends = [Timestamp::MIN, Timestamp::MAX];
        assert!(matches!(Age::of(Some(ends[0]), ends[1]), Age::Past(_)));
        assert!(matches!(Age::of(Some(ends[1]), ends[0]), Age::Future(_)));
    }

    #[test]
    fn a_span_is_said_in_the_unit_that_fits() {
        let said =
            [0, 119, 120, 7199, 7200, 172_799, 172_800].map(|s| span(Duration::from_secs(s)));
        assert_eq!(said, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]);
        let four = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!((some(&four), some(&four[..3])), ("a; b; c; 1 more".into(), "a; b; c".into()));
    }
}
