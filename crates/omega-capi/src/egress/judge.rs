//! The verdict from the status and the events of a probe pod. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::probe::CONTAINER;
use crate::upstream_messages::tools;

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EgressVerdict {
    /// The connection was made.
    Reached,
    /// The connection was refused.
    Refused,
    /// Nothing answered, or there is no route.
    NoAnswer,
    /// The name does not resolve in the cluster.
    NotResolved,
    /// The pod was not scheduled.
    NeverScheduled,
    /// The image could not be pulled.
    NoImage,
    /// Admission rejected the pod.
    NotAdmitted,
    /// The container could not be started.
    NotStarted,
    /// The tool failed in another way.
    Failed,
}

impl EgressVerdict {
    /// Returns whether the tool ran, so that the verdict is about the network.
    pub fn tried(&self) -> bool {
        matches!(self, Self::Reached | Self::Refused | Self::NoAnswer | Self::NotResolved)
    }

    /// Returns a short description.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Refused => "the connection was refused",
            Self::NoAnswer => "no answer, or no route",
            Self::NotResolved => "the name does not resolve in the cluster",
            Self::NeverScheduled => "the pod was not scheduled",
            Self::NoImage => "the image could not be pulled",
            Self::NotAdmitted => "admission rejected the pod",
            Self::NotStarted => "the container could not be started",
            Self::Failed => "the tool failed in another way",
        }
    }

    /// Returns what to do about it.
    pub fn next(&self) -> Option<&'static str> {
        Some(match self {
            Self::Reached => return None,
            Self::Refused => "check the port, and that the service listens on that address",
            Self::NoAnswer => {
                "check the node's own route, security groups, and reverse paths: a node with \
                 several interfaces may answer through the wrong one (D-035)"
            }
            Self::NotResolved => "check the cluster's DNS (coredns), or probe the address",
            Self::NeverScheduled => "do what the scheduler's message says; is a node Ready?",
            Self::NoImage => "name an image that the nodes have or can pull: --image",
            Self::NotAdmitted => {
                "do what the message says, or probe from another namespace: --namespace"
            }
            Self::NotStarted => {
                "check that the image has the tool (--tool), and the node's kubelet"
            }
            Self::Failed => "read the tool's output; try another tool: --tool",
        })
    }
}

/// Returns the verdict and its evidence, once there is one. `late`: the probe's time is over.
/// `tried`: the tool has run for as long as one attempt takes.
pub fn judge(
    pod: &Value,
    events: &[Value],
    late: bool,
    tried: bool,
) -> Option<(EgressVerdict, Vec<String>)> {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let phase = text("/status/phase");
    let state = container(pod).and_then(|container| container.get("state"));
    if let Some(ended) = state.and_then(|state| state.get("terminated")) {
        return Some(of_tool(ended));
    }
    if text("/status/reason") == "DeadlineExceeded" || (late && phase == "Running") {
        // A tool that started late had no time for an attempt: that says nothing of the network.
        let (egress, what) = if tried {
            (EgressVerdict::NoAnswer, "it did not end in time")
        } else {
            (EgressVerdict::NotStarted, "it started too late to connect")
        };
        return Some((egress, vec![format!("phase {phase}: {what}")]));
    }
    let waiting = state.and_then(|state| state.get("waiting"));
    let why = |key: &str| waiting.and_then(|w| w.get(key)).and_then(Value::as_str);
    if let Some(reason) = why("reason") {
        let evidence = || shown(&format!("waiting: {reason}"), why("message"), events);
        match reason {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                return Some((EgressVerdict::NoImage, evidence()));
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                return Some((EgressVerdict::NotStarted, evidence()));
            }
            _ => {}
        }
    }
    if !late && phase != "Failed" {
        return None;
    }
    if text("/spec/nodeName").is_empty() {
        let unscheduled = condition(pod, "PodScheduled").and_then(|one| one.get("message"));
        let message = unscheduled.and_then(Value::as_str);
        let what = if message.is_none() { "no scheduler handled it" } else { "Unschedulable" };
        return Some((EgressVerdict::NeverScheduled, shown(what, message, events)));
    }
    let what = format!("phase {phase} on {}", text("/spec/nodeName"));
    let message = Some(text("/status/message")).filter(|text| !text.is_empty());
    Some((EgressVerdict::NotStarted, shown(&what, message.or(why("message")), events)))
}

fn container(pod: &Value) -> Option<&Value> {
    let all = pod.pointer("/status/containerStatuses")?.as_array()?;
    all.iter().find(|one| one.get("name").is_some_and(|name| name == CONTAINER))
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = pod.pointer("/status/conditions")?.as_array()?;
    all.iter().find(|one| one.get("type").is_some_and(|found| found == kind))
}

/// Returns a fact with its message, and the warning events without duplicates.
fn shown(what: &str, message: Option<&str>, events: &[Value]) -> Vec<String> {
    let mut all = vec![message.map_or(what.to_owned(), |message| format!("{what}: {message}"))];
    for event in events.iter().filter(|event| event.get("type").is_some_and(|t| t == "Warning")) {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let line = format!("event {}: {}", text("reason"), text("message"));
        if !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

/// Judges the tool's exit code and the end of its output.
fn of_tool(ended: &Value) -> (EgressVerdict, Vec<String>) {
    let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or(-1);
    let output = ended.get("message").and_then(Value::as_str).unwrap_or_default().trim();
    let reason = ended.get("reason").and_then(Value::as_str).unwrap_or_default();
    let evidence = match output {
        "" => vec![format!("exit code {code} ({reason})")],
        output => vec![format!("exit code {code}: {output}")],
    };
    // D-035 requires exit code 0 as proof.
    if code == 0 {
        return (EgressVerdict::Reached, evidence);
    }
    let lower = output.to_lowercase();
    let verdict = if tools::is_resolver_failure(&lower) {
        EgressVerdict::NotResolved
    } else if tools::is_refused(&lower) {
        EgressVerdict::Refused
    } else if tools::is_timeout(&lower) || code == 124 {
        // 124: ended by `timeout`.
        EgressVerdict::NoAnswer
    } else if matches!(reason, "StartError" | "ContainerCannotRun") || matches!(code, 126..=128) {
        EgressVerdict::NotStarted
    } else {
        EgressVerdict::Failed
    };
    (verdict, evidence)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{EgressVerdict, judge};

    fn ended(code: i64, message: &str) -> Value {
        json!({"status": {"phase": "Failed", "containerStatuses": [
            {"name": "sidecar", "state": {"terminated": {"exitCode": 0}}},
            {"name": "probe", "state": {"terminated": {"exitCode": code, "message": message}}},
        ]}})
    }

    /// Each tool's own words, as it prints them.
    #[test]
    fn the_words_of_each_tool() {
        for (code, message, expected) in [
            (1, "REFUSED", EgressVerdict::Refused),
            (1, "TIMEOUT", EgressVerdict::NoAnswer),
            (1, "DNS: lookup x on 10.96.0.10:53: connection refused", EgressVerdict::NotResolved),
            (1, "OTHER: dial tcp 10.0.0.1:1: connect: no route to host", EgressVerdict::NoAnswer),
            (1, "nc: bad address 'x'", EgressVerdict::NotResolved),
            (
                1,
                "nc: connect to 10.0.0.1 port 1 (tcp) timed out: Operation now in progress",
                EgressVerdict::NoAnswer,
            ),
            (
                1,
                "x: line 1: x: Temporary failure in name resolution\nx: line 1: /dev/tcp/x/80: Invalid argument\n",
                EgressVerdict::NotResolved,
            ),
            (1, "192.0.2.1: connect: Network is unreachable\n", EgressVerdict::NoAnswer),
            (1, "10.88.0.1: connect: Connection refused\n", EgressVerdict::Refused),
            (124, "", EgressVerdict::NoAnswer),
            (127, "exec: nc: not found", EgressVerdict::NotStarted),
            (137, "", EgressVerdict::Failed),
            (0, "anything refused", EgressVerdict::Reached),
        ] {
            let found = judge(&ended(code, message), &[], false, true).map(|(egress, _)| egress);
            assert_eq!(found, Some(expected), "{code} {message}");
        }
    }

    #[test]
    fn a_pod_on_its_way_is_no_verdict_until_it_is_late() {
        let creating = json!({"spec": {"nodeName": "n"}, "status": {"phase": "Pending",
            "containerStatuses": [{"name": "probe", "state": {"waiting": {"reason": "ContainerCreating"}}}]}});
        let running = json!({"spec": {"nodeName": "n"}, "status": {"phase": "Running",
            "containerStatuses": [{"name": "probe", "state": {"running": {}}}]}});
        let late = |pod: &Value| judge(pod, &[], true, true).map(|(egress, _)| egress);
        for pod in [&creating, &running, &json!({})] {
            assert_eq!(judge(pod, &[], false, false), None, "{pod}");
        }
        assert_eq!(late(&creating), Some(EgressVerdict::NotStarted));
        assert_eq!(late(&running), Some(EgressVerdict::NoAnswer));
        let ended = json!({"status": {"phase": "Failed", "reason": "DeadlineExceeded"}});
        for pod in [&running, &ended] {
            let found = judge(pod, &[], true, false).map(|(egress, _)| egress);
            assert_eq!(found, Some(EgressVerdict::NotStarted), "it began too late: {pod}");
        }
        assert_eq!(late(&json!({})), Some(EgressVerdict::NeverScheduled));
        let warning = json!({"type": "Warning", "reason": "FailedMount", "message": "no secret"});
        let normal = json!({"type": "Normal", "reason": "Scheduled", "message": "fine"});
        let (_, evidence) =
            judge(&creating, &[normal, warning.clone(), warning], true, false).unwrap();
        assert_eq!(evidence[1..], ["event FailedMount: no secret"]);
    }
}
