use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use omega_core::{
    Check, Context, Desired as _, Event, Failure, FailureClass, Label as _, PollPolicy, StepId,
    Touched, WaitError, ensure, wait_for, with_temporary,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    judge::{EgressVerdict, judge},
    probe::{EgressProbe, MARK},
    probe_pod::{ProbePod, RemovedPod},
};
use crate::{
    Error, Management,
    list::{JSON, label_selector},
};

const EVERY: Duration = Duration::from_millis(500);
/// One attempt of a tool takes 5 s, plus its start.
const ATTEMPT: Duration = Duration::from_secs(6);
/// How many seconds after its deadline a pod counts as left behind.
const SPARE: i64 = 60;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeResult {
    /// The verdict.
    pub egress: EgressVerdict,
    /// The pod's status and events.
    pub evidence: Vec<String>,
    /// Pods of earlier probes that were killed. They were removed.
    pub swept: Vec<String>,
}

/// Creates a pod that tries a TCP connection, reads the result, and removes the pod.
///
/// ```no_run
/// # use omega_capi::{Management, egress::*};
/// # async fn f(management: &Management, probe: &EgressProbe) -> Result<(), omega_core::Failure> {
/// let done = probe_pod_egress(&Default::default(), management, probe).await?;
/// println!("{}", done.egress.description());
/// # Ok(()) }
/// ```
///
/// # Guarantees
///
/// The pod is a temporary resource of the run ([`ProbePod`]): it is removed in any case, and its
/// absence is verified. If this process is killed, the journal names the pod, it ends by itself
/// (`activeDeadlineSeconds`), and the next probe in that namespace removes it, from any machine. It
/// recognizes such a pod by its label and by its age on the server's clock; a younger one may be
/// a running probe and is left alone.
///
/// # Errors
///
/// Fails if the cluster does not answer, if the user may not create pods there, if the run was
/// cancelled, or if the pod can't be removed: then the error names it.
pub async fn probe_pod_egress(
    ctx: &Context,
    management: &Management,
    probe: &EgressProbe,
) -> Result<ProbeResult, Failure> {
    let swept = sweep(ctx, management, probe).await?;
    let pod = ProbePod { probe: probe.clone() };
    let found = Mutex::new(None);
    let done = with_temporary(ctx, management, &pod, |_| async {
        let judged = poll(ctx, management, probe).await;
        *found.lock().unwrap_or_else(PoisonError::into_inner) = judged.as_ref().ok().cloned();
        judged
    })
    .await;
    let judged = match done.map_err(|failure| (not_admitted(&failure), failure)) {
        Ok(judged) => judged,
        Err((Some(message), _)) => (EgressVerdict::NotAdmitted, vec![message]),
        Err((None, failure)) => {
            let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
            force_removal(ctx, management, probe, failure, found).await?
        }
    };
    let (egress, evidence) = judged;
    Ok(ProbeResult { egress, evidence, swept })
}

type Judged = (EgressVerdict, Vec<String>);

fn not_admitted(failure: &Failure) -> Option<String> {
    Some(failure.detail.as_ref()?.get("not_admitted")?.as_str()?.to_owned())
}

/// Removes a pod that its kubelet did not end, without waiting for the kubelet.
async fn force_removal(
    ctx: &Context,
    management: &Management,
    probe: &EgressProbe,
    failure: Failure,
    found: Option<Judged>,
) -> Result<Judged, Failure> {
    if failure.touched == Touched::Nothing {
        return Err(failure);
    }
    let (namespace, name) = (probe.namespace.clone(), probe.pod_name());
    let removed = RemovedPod { namespace, name, uid: None };
    match (ensure(&ctx.uncancelled(), management, &removed).await, found) {
        (Ok(_), Some(judged)) => Ok(judged),
        (Ok(_), None) => Err(Failure { touched: Touched::Nothing, ..failure }),
        (Err(_), found) => Err(left(failure, probe, found)),
    }
}

fn left(failure: Failure, probe: &EgressProbe, found: Option<Judged>) -> Failure {
    let EgressProbe { namespace, .. } = probe;
    let name = probe.pod_name();
    let verdict = found.map(|(egress, _)| format!("; the probe itself: {}", egress.description()));
    let found = failure.found.clone().unwrap_or_default();
    Failure {
        message: format!("pod {name} in {namespace} is still there"),
        found: Some(format!("{found}{}", verdict.unwrap_or_default())),
        touched: Touched::Maybe,
        next: Some(format!(
            "it ends by itself, and the next probe removes it; or: kubectl -n {namespace} delete \
             pod {name}"
        )),
        ..failure
    }
}

/// The pod, its events, and for how long its tool has been running.
struct Snapshot {
    pod: Value,
    events: Vec<Value>,
    running: Option<Duration>,
}

impl Snapshot {
    fn judge(&self, late: bool) -> Option<Judged> {
        let tried = self.running.is_some_and(|running| running >= ATTEMPT);
        judge(&self.pod, &self.events, late, tried)
    }
}

/// Polls the pod until there is a verdict.
async fn poll(
    ctx: &Context,
    management: &Management,
    probe: &EgressProbe,
) -> Result<Judged, Failure> {
    let pod = ProbePod { probe: probe.clone() };
    let key = pod.key();
    let step = StepId { target: management.label(), kind: ProbePod::KIND.to_owned(), key };
    let began = Mutex::new(None);
    let condition = |seen: &Snapshot| match seen.judge(false) {
        Some(_) => Check::Met,
        None => Check::Pending(format!("the pod: {}", text(&seen.pod, "/status/phase"))),
    };
    let tell = |wanted: &str, since: Duration| {
        ctx.tell(&Event::StepWaiting { step: step.clone(), wanted: wanted.to_owned(), since });
    };
    let what = format!("could not probe from {} on {}", probe.namespace, management.label());
    let policy = PollPolicy::new(EVERY, probe.within);
    let waited = wait_for(ctx, policy, || read(management, probe, &began), &condition, tell).await;
    match waited {
        Ok(seen) => seen.judge(false).ok_or_else(|| no_verdict(what)),
        Err(WaitError::TimedOut(late)) => {
            let judged = late.seen.and_then(|seen| seen.judge(true));
            judged.ok_or_else(|| no_verdict(what).because(late.why))
        }
        Err(WaitError::Cancelled) => {
            let stopped = "stopped before there was a verdict";
            Err(Failure::new(FailureClass::Interrupted, stopped).next("run the same command again"))
        }
        Err(WaitError::Read(error)) => Err(Failure::from_error(what, &error)),
        Err(_) => Err(no_verdict(what)),
    }
}

fn no_verdict(what: String) -> Failure {
    Failure::new(FailureClass::Deadline, what)
}

async fn read(
    management: &Management,
    probe: &EgressProbe,
    began: &Mutex<Option<Instant>>,
) -> Result<Snapshot, Error> {
    let path = format!("/api/v1/namespaces/{}/pods/{}", probe.namespace, probe.pod_name());
    let pod: Value = management.read(&path, JSON).await?;
    let events = events(management, probe, &pod).await?;
    let mut began = began.lock().unwrap_or_else(PoisonError::into_inner);
    if text(&pod, "/status/phase") == "Running" {
        began.get_or_insert_with(Instant::now);
    }
    Ok(Snapshot { pod, events, running: began.map(|began| began.elapsed()) })
}

/// Returns the pod's events; none without the right to read them.
async fn events(
    management: &Management,
    probe: &EgressProbe,
    pod: &Value,
) -> Result<Vec<Value>, Error> {
    let path = format!("/api/v1/namespaces/{}/events", probe.namespace);
    let of = format!("fieldSelector=involvedObject.uid%3D{}", text(pod, "/metadata/uid"));
    match management.list(&path, &of, 50, JSON).await {
        Err(Error::Forbidden { .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// Removes the pods of probes that were killed, whoever ran them.
async fn sweep(
    ctx: &Context,
    management: &Management,
    probe: &EgressProbe,
) -> Result<Vec<String>, Failure> {
    let what = || format!("could not probe from {} on {}", probe.namespace, management.label());
    let failed = |error: Error| Failure::from_error(what(), &error);
    let path = format!("/api/v1/namespaces/{}/pods", probe.namespace);
    let selector = label_selector(MARK.0, MARK.1);
    let pods: Vec<Value> = management.list(&path, &selector, 250, JSON).await.map_err(failed)?;
    if pods.is_empty() {
        return Ok(Vec::new());
    }
    let now = management.time().await.map_err(failed)?.as_second();
    let mut swept = Vec::new();
    for old in pods.iter().filter(|pod| is_left_behind(pod, now)) {
        let name = text(old, "/metadata/name");
        ctx.tell(&Event::Note { text: format!("removing pod {name} of an earlier probe") });
        let uid = Some(text(old, "/metadata/uid"));
        let namespace = probe.namespace.clone();
        let removed = RemovedPod { namespace, name: name.clone(), uid };
        ensure(&ctx.removing(), management, &removed).await?;
        swept.push(name);
    }
    Ok(swept)
}

/// Returns whether the deadline of a pod is long over.
fn is_left_behind(pod: &Value, now: i64) -> bool {
    let made: Option<Timestamp> = text(pod, "/metadata/creationTimestamp").parse().ok();
    let within = pod.pointer("/spec/activeDeadlineSeconds").and_then(Value::as_i64);
    match (made, within) {
        (Some(made), Some(within)) => made.as_second() + within + SPARE < now,
        // Not a pod that omega created.
        (None, _) | (_, None) => false,
    }
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}
