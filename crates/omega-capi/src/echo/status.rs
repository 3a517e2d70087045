use serde::Deserialize;
use serde_json::Value;

use super::{EchoKind, RemovedEcho};
use crate::{
    Error, Namespace,
    list::JSON,
    workload::{ManagedWorkload, WorkloadError},
};

/// What Kubernetes says of the two objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EchoStatus {
    /// Whether the service is there.
    pub has_service: bool,
    /// Whether the pods' Deployment is there.
    pub has_deployment: bool,
    /// The addresses of the service: IP addresses or names.
    pub addresses: Vec<String>,
    /// How many pods are ready.
    pub ready: u32,
    /// The last warning about the service, if there is one and it may be read: the cloud controller's.
    pub warning: Option<String>,
    /// The last warning about the pods' Deployment, or why it makes no progress.
    pub pods_warning: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    load_balancer: LoadBalancer,
    #[serde(default)]
    ready_replicas: u32,
    #[serde(default)]
    conditions: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct LoadBalancer {
    #[serde(default)]
    ingress: Vec<Ingress>,
}

#[derive(Deserialize)]
struct Ingress {
    ip: Option<String>,
    hostname: Option<String>,
}

/// Reads what became of the service and the pods with this name.
///
/// # Errors
///
/// Fails if the cluster does not answer, or refuses.
pub async fn read_echo(
    workload: &ManagedWorkload,
    namespace: &Namespace,
    name: &Namespace,
) -> Result<EchoStatus, WorkloadError> {
    let api = workload.api().await?;
    let path = |kind| {
        let cluster = workload.cluster().clone();
        RemovedEcho { cluster, kind, namespace: namespace.clone(), name: name.clone(), uid: None }
            .path()
    };
    let (service, pods) = (path(EchoKind::Service), path(EchoKind::Deployment));
    let events = format!(
        "/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name%3D{name}&limit=50"
    );
    let (service, pods, events) = futures::join!(
        api.find::<Object>(&service, JSON),
        api.find::<Object>(&pods, JSON),
        api.read::<Value>(&events, JSON)
    );
    let (service, pods): (Option<Object>, Option<Object>) = (service?, pods?);
    let (has_service, has_deployment) = (service.is_some(), pods.is_some());
    let (service, pods) = (service.unwrap_or_default().status, pods.unwrap_or_default().status);
    let ingress = service.load_balancer.ingress.into_iter();
    Ok(EchoStatus {
        has_service,
        has_deployment,
        addresses: ingress.filter_map(|one| one.ip.or(one.hostname)).collect(),
        ready: pods.ready_replicas,
        warning: warning(&events, "Service"),
        pods_warning: warning(&events, "Deployment").or_else(|| unmet(&pods.conditions)),
    })
}

/// Returns the last warning about an object of this kind. Without the right to read events there is
/// none.
fn warning(events: &Result<Value, Error>, kind: &str) -> Option<String> {
    let all = events.as_ref().ok()?.get("items")?.as_array()?;
    let text = |one: &Value, at: &str| Some(one.pointer(at)?.as_str()?.to_owned());
    let about = |one: &&Value| {
        text(one, "/type").as_deref() == Some("Warning")
            && text(one, "/involvedObject/kind").as_deref() == Some(kind)
    };
    let last = all.iter().filter(about).max_by_key(|one| text(one, "/lastTimestamp"))?;
    let (reason, message) = (text(last, "/reason")?, text(last, "/message")?);
    Some(format!("{reason}: {message}"))
}

/// Returns the message of a condition that does not hold (`Available`, `Progressing`).
fn unmet(conditions: &[Value]) -> Option<String> {
    let unmet = conditions.iter().find(|one| one["status"] == "False")?;
    Some(unmet.get("message")?.as_str()?.to_owned())
}
