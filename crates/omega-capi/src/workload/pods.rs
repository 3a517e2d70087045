//! What is wrong with a pod, and for how long.

use std::{cmp::Ordering, time::Duration};

use jiff::Timestamp;

use super::{Container, Pod, PodController, PodControllerKind};

/// How far another machine's clock may be ahead of this one's before it counts as wrong.
const AHEAD: Duration = Duration::from_mins(1);
/// How many items of a list are shown.
const SHOWN: usize = 3;
/// How many characters of a message are shown.
const MESSAGE: usize = 300;
/// The reasons of a waiting container that starts normally.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// How long ago something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Past(Duration),
    /// It is in the future: one of the two clocks is wrong.
    Future(Duration),
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

/// Whether somebody holds the pod back on purpose (`spec.schedulingGates`): the scheduler does not look at
/// it until the last gate is removed. Its condition says so a moment later.
pub(super) fn is_gated(pod: &Pod) -> bool {
    let reason = pod.unscheduled.as_ref().map(|condition| condition.reason.as_str());
    (!pod.gates.is_empty() || reason == Some("SchedulingGated")) && pod.deleted.is_none()
}

/// Whether the pod is being deleted, and its grace period is not over: `deletionTimestamp` is when it ends
/// (apiserver 0.34, `pkg/registry/rest/delete.go`, `BeforeDelete`).
pub(super) fn is_leaving(pod: &Pod, now: Timestamp) -> bool {
    let ends = pod.deleted.map(|ends| ends.duration_since(now));
    ends.is_some_and(|left| !left.is_negative() && left.unsigned_abs() <= pod.grace + AHEAD)
}

/// Whether it is younger than `patience`. Who is ahead by less than that may have another clock.
pub(super) fn is_young(created: Option<Timestamp>, patience: Duration, now: Timestamp) -> bool {
    matches!(Age::of(created, now), Age::Past(length) | Age::Future(length) if length < patience)
}

/// Whether all that `controller` lacks is in motion: pods that are new, or that are being deleted within
/// their grace period, and pods for as many new nodes as there are.
pub(super) fn is_moving(
    controller: &PodController,
    pods: &[Pod],
    new_nodes: usize,
    patience: Duration,
    now: Timestamp,
) -> bool {
    let count = |count: i64| usize::try_from(count).unwrap_or_default();
    let wanted = count(controller.wanted);
    let lacks = wanted.saturating_sub(count(controller.ready));
    let ours: Vec<&Pod> = pods.iter().filter(|pod| belongs(pod, controller)).collect();
    let leaving = ours.iter().filter(|pod| is_leaving(pod, now)).count();
    let new = |pod: &&&Pod| {
        pod.deleted.is_none() && is_young(pod.created, patience, now) && !is_ready(pod)
    };
    let absent = wanted.saturating_sub(ours.len() - leaving);
    let per_node = controller.kind == PodControllerKind::DaemonSet;
    let coming = if per_node { new_nodes.max(leaving) } else { leaving };
    let excused = ours.iter().filter(new).count() + absent.min(coming);
    lacks > 0 && excused >= lacks
}

fn is_ready(pod: &Pod) -> bool {
    pod.phase == "Running" && pod.containers.iter().all(|container| container.ready)
}

/// Returns what is wrong with a pod, if anything is known.
pub(super) fn problem(pod: &Pod) -> Option<String> {
    if matches!(pod.phase.as_str(), "Succeeded" | "Failed") && pod.deleted.is_none() {
        return None; // completed
    }
    if is_gated(pod) {
        return None;
    }
    if let Some(waiting) = pod.containers.iter().find_map(waiting) {
        return Some(waiting);
    }
    if pod.deleted.is_some() {
        return Some("still terminating".to_owned());
    }
    if let Some(condition) = &pod.unscheduled {
        let (reason, message) = (&condition.reason, one_line(&condition.message));
        return Some(format!("not scheduled: {reason}: {message}"));
    }
    match pod.phase.as_str() {
        "Running" => None,
        "" => Some("it has no status".to_owned()),
        phase => Some(format!("it is {phase}")),
    }
}

fn waiting(container: &Container) -> Option<String> {
    let Container { name, restarts, waiting, last, .. } = container;
    let waiting = waiting.as_ref().filter(|one| !STARTING.contains(&one.reason.as_str()))?;
    let message = one_line(&waiting.message);
    let colon = if message.is_empty() { "" } else { ": " };
    let ended = last
        .as_ref()
        .map(|ended| format!(", last exit code {} ({})", ended.code, ended.reason))
        .unwrap_or_default();
    let restarts = if *restarts > 0 { format!(", {restarts} restarts{ended}") } else { ended };
    Some(format!("container {name} is waiting, {}{colon}{message}{restarts}", waiting.reason))
}

/// Returns why not all pods of a controller are ready; `None` if they are.
pub(super) fn shortfall(controller: &PodController, pods: &[Pod]) -> Option<String> {
    let PodController { namespace, name, wanted, ready, observed, .. } = controller;
    let kind = kind(controller);
    if *wanted == 0 {
        return Some(format!("{kind} {namespace}/{name} wants no pods"));
    }
    if ready >= wanted {
        let late = || format!("{kind} {namespace}/{name}: its latest change is not processed yet");
        return (!observed).then(late);
    }
    let ours = pods.iter().filter(|pod| belongs(pod, controller));
    let held = |pod: &Pod| {
        is_gated(pod).then(|| format!("scheduling gates hold it ({})", pod.gates.join(", ")))
    };
    let what = |pod: &Pod| problem(pod).or_else(|| held(pod));
    let problems = ours.filter_map(|pod| Some(format!("{}: {}", pod.name, what(pod)?)));
    let problems: Vec<String> = problems.collect();
    let shown =
        if problems.is_empty() { String::new() } else { format!(" ({})", first_few(&problems)) };
    Some(format!("{kind} {namespace}/{name}: {ready} of {wanted} ready{shown}"))
}

/// `daemonset` or `deployment`, as in kubectl.
pub(super) fn kind(controller: &PodController) -> &'static str {
    match controller.kind {
        PodControllerKind::DaemonSet => "daemonset",
        PodControllerKind::Deployment => "deployment",
    }
}

pub(super) fn belongs(pod: &Pod, controller: &PodController) -> bool {
    let PodController { namespace, selector, .. } = controller;
    let has = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
    pod.namespace == *namespace && !selector.is_empty() && selector.iter().all(has)
}

/// Joins the first items, and counts the others.
pub(super) fn first_few(all: &[String]) -> String {
    let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

/// Puts a message on one line and shortens it.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MESSAGE).collect()
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

    use super::{Age, first_few, span};

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
    fn a_span_has_the_unit_that_fits() {
        let shown =
            [0, 119, 120, 7199, 7200, 172_799, 172_800].map(|s| span(Duration::from_secs(s)));
        assert_eq!(shown, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]);
        let four = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(
            (first_few(&four), first_few(&four[..3])),
            ("a; b; c; 1 more".into(), "a; b; c".into())
        );
    }
}
