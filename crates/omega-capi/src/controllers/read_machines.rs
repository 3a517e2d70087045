use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod};
use serde::{Deserialize, Serialize};

use crate::{Error, Management, constellation::Component, controllers::split_image, list::JSON};

const NODES: &str = "/api/v1/nodes";
const PODS: &str = "/api/v1/pods";
/// A finished pod restarts nothing.
const UNFINISHED: &str = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";
const PAGE: usize = 250;
/// A container with this many restarts, the last of them recent, does not stay up.
const RESTARTS: i32 = 3;
/// How recent that is. kubelet waits up to five minutes before it starts a container again.
const RECENT: Duration = Duration::from_mins(15);

/// A node of the management cluster that is not Ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// Why it is not Ready; none if it is.
    pub unready: Option<String>,
    /// The version of its kubelet (`v1.32.3`); none if no kubelet has reported.
    #[serde(default)]
    pub kubelet: Option<String>,
}

/// A pod of a controller, and how often it was started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerPod {
    /// The controller.
    pub component: Component,
    /// `capo-system/capo-controller-manager-7c9`.
    pub name: String,
    /// How often its container was started again.
    pub restarts: i32,
    /// Why it waits (`CrashLoopBackOff`).
    pub waiting: Option<String>,
    /// When it last ended.
    pub ended: Option<Timestamp>,
    /// The digest of the image that runs (`sha256:9f2c41...`); none until it was pulled.
    #[serde(default)]
    pub digest: Option<String>,
}

impl ControllerPod {
    /// Returns whether it does not stay up at `now`, by the management cluster's clock.
    pub fn is_crashing(&self, now: Timestamp) -> bool {
        let recent = SignedDuration::try_from(RECENT).unwrap_or(SignedDuration::MAX);
        let recent = self.ended.is_some_and(|end| now.duration_since(end) < recent);
        self.waiting.as_deref() == Some("CrashLoopBackOff") || recent && self.restarts >= RESTARTS
    }
}

/// Reads whether the nodes of the management cluster are Ready.
///
/// # Guarantees
///
/// One request for each 250 nodes.
///
/// # Errors
///
/// Fails if they can't be listed.
pub async fn read_nodes(management: &Management) -> Result<Vec<NodeState>, Error> {
    management.list_as(NODES, "", (PAGE, 10_000), JSON, node).await
}

fn node(node: Node) -> NodeState {
    let status = node.status.unwrap_or_default();
    let kubelet = status.node_info.map(|info| info.kubelet_version).filter(|one| !one.is_empty());
    let conditions = status.conditions.unwrap_or_default();
    let ready = conditions.into_iter().find(|one| one.type_ == "Ready");
    let unready = match ready {
        Some(one) if one.status == "True" => None,
        Some(one) => {
            let [reason, message] = [one.reason, one.message].map(Option::unwrap_or_default);
            Some(format!("Ready is {}, {reason}: {message}", one.status))
        }
        None => Some("no kubelet has reported".to_owned()),
    };
    NodeState { name: node.metadata.name.unwrap_or_default(), unready, kubelet }
}

/// Reads the pods of the controllers, in any namespace.
///
/// # Guarantees
///
/// One request for each 250 pods that have not finished.
///
/// # Errors
///
/// Fails if they can't be listed.
pub async fn read_controller_pods(management: &Management) -> Result<Vec<ControllerPod>, Error> {
    let all = management.list_as(PODS, UNFINISHED, (PAGE, 100_000), JSON, pods).await?;
    let mut all: Vec<ControllerPod> = all.into_iter().flatten().collect();
    all.sort_by(|a, b| (a.component, &a.name).cmp(&(b.component, &b.name)));
    Ok(all)
}

fn pods(pod: Pod) -> Vec<ControllerPod> {
    let [namespace, name] =
        [pod.metadata.namespace, pod.metadata.name].map(Option::unwrap_or_default);
    let containers = pod.spec.map(|spec| spec.containers).unwrap_or_default();
    let statuses = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
    let one = |status: ContainerStatus| {
        let container = containers.iter().find(|one| one.name == status.name)?;
        let (repository, _) = split_image(container.image.as_deref()?);
        let last = repository.rsplit('/').next();
        let component = Component::ALL.into_iter().find(|c| Some(c.image()) == last)?;
        // `docker.io/library/a@sha256:...`, or the digest alone.
        let digest = status.image_id.rsplit('@').next().filter(|one| one.contains(':'));
        let digest = digest.map(ToOwned::to_owned);
        let waiting = status.state.and_then(|state| state.waiting).and_then(|one| one.reason);
        let ended = status.last_state.and_then(|state| state.terminated);
        Some(ControllerPod {
            component,
            name: format!("{namespace}/{name}"),
            restarts: status.restart_count,
            waiting,
            ended: ended.and_then(|ended| ended.finished_at).map(|time| time.0),
            digest,
        })
    };
    statuses.into_iter().filter_map(one).collect()
}
