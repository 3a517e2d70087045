//! Probes with a pod, and leaves nothing behind.

use std::{fmt, ops::ControlFlow, time::Duration};

use jiff::Timestamp;
use omega_core::{Diagnostic, Label as _, Retry, Touched};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    judge::{Egress, judge},
    pod::{MARK, pod},
    tool::Tool,
};
use crate::{Error, Management, Namespace, Verb, list::JSON};

const EVERY: Duration = Duration::from_millis(500);
/// One try of a tool, and its beginning.
const A_TRY: Duration = Duration::from_secs(6);
/// How long a kubelet may take to end a pod.
const GOES: Duration = Duration::from_secs(30);
/// How long after its own end a pod is a leftover, in seconds.
const SPARE: i64 = 60;

/// What is probed, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressProbe {
    /// Where the pod is made.
    pub namespace: Namespace,
    /// Its image.
    pub image: String,
    /// The program in the image.
    pub tool: Tool,
    /// A name or an address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// What tells this pod's name from other probes': a-z, 0-9.
    pub id: String,
    /// How long the pod may take, its start included.
    pub within: Duration,
}

impl EgressProbe {
    /// Returns the pod that is made, as it is sent.
    pub fn pod(&self) -> Value {
        pod(self)
    }

    fn pods(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }

    fn path(&self) -> String {
        format!("{}/omega-egress-{}", self.pods(), self.id)
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The verdict.
    pub egress: Egress,
    /// What shows it: the pod's status and events, in their own words.
    pub evidence: Vec<String>,
    /// Leftovers of probes that were killed, which are gone now.
    pub swept: Vec<String>,
}

/// What happens now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeStep {
    /// A leftover is removed.
    Sweeping(String),
    /// The pod was made.
    Made(String),
    /// It is waited for; its phase.
    Waiting(String),
    /// It is removed.
    Removing(String),
}

impl fmt::Display for ProbeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sweeping(name) => write!(f, "removing pod {name}, left by an earlier probe"),
            Self::Made(name) => write!(f, "made pod {name}"),
            Self::Waiting(phase) => write!(f, "waiting for the pod: {phase}"),
            Self::Removing(name) => write!(f, "removing pod {name}"),
        }
    }
}

/// A probe that came to no verdict, or left something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The management cluster could not be asked, or forbids it.
    #[error("could not probe from {namespace} on {server}")]
    Api {
        /// The namespace.
        namespace: String,
        /// The management cluster.
        server: String,
        /// Its answer.
        source: Error,
    },
    /// The operator stopped it; nothing is left.
    #[error("stopped before there was a verdict; the pod is gone")]
    Stopped,
    /// The pod is still there.
    #[error("pod {pod} in {namespace} is still there")]
    Left {
        /// The pod.
        pod: String,
        /// Its namespace.
        namespace: String,
        /// What came of the probe itself.
        egress: Option<Egress>,
        /// Why it could not be removed.
        why: String,
    },
}

impl Diagnostic for ProbeError {
    fn retry(&self) -> Retry {
        match self {
            Self::Api { source, .. } => source.retry(),
            Self::Stopped | Self::Left { .. } => Retry::Final,
        }
    }

    fn expected(&self) -> Option<String> {
        let Self::Api { source, .. } = self else { return None };
        source.expected()
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::Api { source, .. } => source.found(),
            Self::Left { egress, why, .. } => Some(match egress {
                Some(egress) => format!("{why}; the probe itself: {}", egress.words()),
                None => why.clone(),
            }),
            Self::Stopped => None,
        }
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Api { source, .. } => return source.next(),
            Self::Stopped => "run the same command again".into(),
            Self::Left { pod, namespace, .. } => format!(
                "it ends by itself; the next probe removes it, or: kubectl -n {namespace} delete \
                 pod {pod}"
            ),
        })
    }

    fn touched(&self) -> Touched {
        match self {
            Self::Api { source, .. } => source.touched(),
            Self::Stopped => Touched::Nothing,
            Self::Left { .. } => Touched::Maybe,
        }
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Api { source, .. } if source.timed_out())
    }
}

/// Makes a pod that tries a TCP connection, reads what came of it, and removes the pod.
///
/// `watch` is told each step, and stops it by a break: the pod is then removed first.
///
/// # Guarantees
///
/// Whatever comes of it, the pod is removed, by its UID, and its absence is seen. If this process is
/// killed, the pod ends by itself (`activeDeadlineSeconds`) and the next probe in that namespace
/// removes it: it is known by its label, and by its age on the server's clock. A pod that has the
/// label and is younger may be somebody's running probe and is left.
///
/// # Errors
///
/// Fails if the cluster can't be asked, if pods may not be made there (RBAC), or if the pod stays.
pub async fn probe_pod_egress(
    management: &Management,
    probe: &EgressProbe,
    watch: &mut dyn FnMut(&ProbeStep) -> ControlFlow<()>,
) -> Result<Probed, ProbeError> {
    let api = |source| ProbeError::Api {
        namespace: probe.namespace.to_string(),
        server: management.label(),
        source,
    };
    let swept = sweep(management, probe, watch).await.map_err(api)?;
    let made = management.send(Verb::Create, &probe.pods(), &probe.pod()).await;
    let uid = match made {
        Ok(made) => text(&made, "/metadata/uid"),
        Err(Error::Forbidden { words, .. }) if admission(&words) => {
            return Ok(Probed { egress: Egress::NotAdmitted, evidence: vec![words], swept });
        }
        Err(error) => {
            // It may be there although nobody said so.
            if error.touched() == Touched::Maybe {
                remove(management, probe, None, None).await?;
            }
            return Err(api(error));
        }
    };
    let name = format!("omega-egress-{}", probe.id);
    let stopped = watch(&ProbeStep::Made(name.clone())).is_break();
    let seen = if stopped { Ok(None) } else { look(management, probe, watch).await };
    // The pod goes before anything is said of it.
    let _ = watch(&ProbeStep::Removing(name));
    let egress =
        seen.as_ref().ok().and_then(|seen| seen.as_ref().map(|(egress, _)| egress.clone()));
    remove(management, probe, Some(&uid), egress).await?;
    match seen.map_err(api)? {
        None => Err(ProbeError::Stopped),
        Some((egress, evidence)) => Ok(Probed { egress, evidence, swept }),
    }
}

/// Whether a 403 is admission's and not RBAC's, which names user and verb.
fn admission(words: &str) -> bool {
    !words.contains("cannot create resource")
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Looks at the pod until there is a verdict, or the operator stops.
async fn look(
    management: &Management,
    probe: &EgressProbe,
    watch: &mut dyn FnMut(&ProbeStep) -> ControlFlow<()>,
) -> Result<Option<(Egress, Vec<String>)>, Error> {
    let start = Instant::now();
    let mut began: Option<Instant> = None;
    loop {
        let pod: Value = management.read(&probe.path(), JSON).await?;
        let late = start.elapsed() >= probe.within;
        let events = events(management, probe, &pod).await?;
        if text(&pod, "/status/phase") == "Running" {
            began.get_or_insert_with(Instant::now);
        }
        let tried = began.is_some_and(|began| began.elapsed() >= A_TRY);
        if let Some(verdict) = judge(&pod, &events, late, tried) {
            return Ok(Some(verdict));
        }
        if watch(&ProbeStep::Waiting(text(&pod, "/status/phase"))).is_break() {
            return Ok(None);
        }
        sleep(EVERY).await;
    }
}

/// Returns the pod's events. Without the right to read them they are no evidence, and no error.
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

/// Removes what probes left that were killed.
async fn sweep(
    management: &Management,
    probe: &EgressProbe,
    watch: &mut dyn FnMut(&ProbeStep) -> ControlFlow<()>,
) -> Result<Vec<String>, Error> {
    let selector = format!("labelSelector={}%3D{}", MARK.0.replace('/', "%2F"), MARK.1);
    let pods: Vec<Value> = management.list(&probe.pods(), &selector, 250, JSON).await?;
    if pods.is_empty() {
        return Ok(Vec::new());
    }
    let now = management.time().await?.as_second();
    let mut swept = Vec::new();
    for old in pods.iter().filter(|pod| is_left(pod, now)) {
        let name = text(old, "/metadata/name");
        let _ = watch(&ProbeStep::Sweeping(name.clone()));
        let path = format!("{}/{name}", probe.pods());
        delete(management, &path, Some(&text(old, "/metadata/uid")), 0).await?;
        swept.push(name);
    }
    Ok(swept)
}

/// Whether a pod has had all the time that it had, and more.
fn is_left(pod: &Value, now: i64) -> bool {
    let made: Option<Timestamp> = text(pod, "/metadata/creationTimestamp").parse().ok();
    let within = pod.pointer("/spec/activeDeadlineSeconds").and_then(Value::as_i64);
    match (made, within) {
        (Some(made), Some(within)) => made.as_second() + within + SPARE < now,
        // Whatever it is, omega did not make it.
        (None, _) | (_, None) => false,
    }
}

/// Deletes the pod with that UID, and no other of its name.
async fn delete(
    management: &Management,
    path: &str,
    uid: Option<&str>,
    grace: u64,
) -> Result<(), Error> {
    // A precondition without a UID is none.
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace,
        "preconditions": { "uid": uid },
    });
    match management.send(Verb::Delete, path, &options).await {
        // 409: another pod has that name, and this one is gone.
        Ok(_) | Err(Error::Status { code: 404 | 409, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the pod and sees that it is gone: first as its kubelet likes it, then without it.
async fn remove(
    management: &Management,
    probe: &EgressProbe,
    uid: Option<&str>,
    egress: Option<Egress>,
) -> Result<(), ProbeError> {
    let mut why = "it was not gone in time".to_owned();
    for grace in [1, 0] {
        // A delete whose answer was lost is sent again: by the UID it can do no harm.
        for _ in 0..3 {
            match delete(management, &probe.path(), uid, grace).await {
                Ok(()) => break,
                Err(error) => why = error.to_string(),
            }
            sleep(EVERY).await;
        }
        let start = Instant::now();
        while start.elapsed() < GOES {
            match management.read::<Value>(&probe.path(), JSON).await {
                Err(Error::Status { code: 404, .. }) => return Ok(()),
                Ok(other) if uid.is_some_and(|uid| text(&other, "/metadata/uid") != uid) => {
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => why = error.to_string(),
            }
            sleep(EVERY).await;
        }
    }
    let (pod, namespace) = (format!("omega-egress-{}", probe.id), probe.namespace.to_string());
    Err(ProbeError::Left { pod, namespace, egress, why })
}
