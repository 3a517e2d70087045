use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{EchoKind, MARK, PORT, RemovedEcho, SERVICE_PORT};
use crate::{
    Namespace, Verb,
    list::METADATA,
    wire::PartialObject,
    workload::{ClusterName, ManagedWorkload, WorkloadError},
};

/// The pods, or the service in front of them, exist. Temporary: its removal is [`RemovedEcho`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct Echo {
    /// The workload cluster.
    pub cluster: ClusterName,
    pub namespace: Namespace,
    /// The name of both objects.
    pub name: Namespace,
    pub object: EchoObject,
}

/// One of the two objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoObject {
    /// The pods.
    Deployment {
        /// An image with `/agnhost netexec`, whose `/hostname` answers with the pod's name.
        image: String,
        /// How many pods.
        replicas: u32,
    },
    /// The service of type `LoadBalancer`.
    Service,
}

/// An object of this name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EchoObserved {
    /// Its UID.
    pub uid: String,
    /// Whether it has the label of such an object.
    pub ours: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// `POST` of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchoChange(Echo);

impl Echo {
    fn kind(&self) -> EchoKind {
        match self.object {
            EchoObject::Deployment { .. } => EchoKind::Deployment,
            EchoObject::Service => EchoKind::Service,
        }
    }

    fn removed(&self, uid: Option<String>) -> RemovedEcho {
        let Self { cluster, namespace, name, .. } = self.clone();
        RemovedEcho { cluster, kind: self.kind(), namespace, name, uid }
    }

    /// Returns the object to create. The pods meet the restricted Pod Security Standard, and have no
    /// token.
    pub fn manifest(&self) -> Value {
        let (name, namespace) = (self.name.as_str(), self.namespace.as_str());
        let labels = json!({ MARK: name });
        let metadata = json!({ "name": name, "namespace": namespace, "labels": labels });
        match &self.object {
            EchoObject::Service => json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": {
                    "type": "LoadBalancer", "selector": labels,
                    "ports": [{
                        "name": "http", "protocol": "TCP", "port": SERVICE_PORT, "targetPort": PORT,
                    }],
                },
            }),
            EchoObject::Deployment { image, replicas } => json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                "spec": {
                    "replicas": replicas,
                    "selector": { "matchLabels": labels },
                    "template": { "metadata": { "labels": labels }, "spec": pod(image) },
                },
            }),
        }
    }
}

fn pod(image: &str) -> Value {
    json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65534, "runAsGroup": 65534,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [{
            "name": "echo",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["/agnhost", "netexec", format!("--http-port={PORT}")],
            "ports": [{ "containerPort": PORT }],
            "readinessProbe": { "httpGet": { "path": "/hostname", "port": PORT } },
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
            },
            "resources": {
                "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "128Mi" },
            },
        }],
    })
}

pub(super) async fn observe(
    workload: &ManagedWorkload,
    path: &str,
) -> Result<Option<EchoObserved>, WorkloadError> {
    let found = workload.api().await?.find::<PartialObject>(path, METADATA).await?;
    Ok(found.map(|PartialObject { metadata }| EchoObserved {
        ours: metadata.labels.is_some_and(|all| all.contains_key(MARK)),
        uid: metadata.uid.unwrap_or_default(),
        deleting: metadata.deletion_timestamp.is_some(),
    }))
}

impl Desired for Echo {
    const KIND: &'static str = "capi.echo.v1";
    type Target = ManagedWorkload;
    type Observed = Option<EchoObserved>;
    type Change = EchoChange;
    type Undo = RemovedEcho;
    type Error = WorkloadError;

    fn subject(&self) -> Subject {
        self.removed(None).subject()
    }

    fn key(&self) -> String {
        self.removed(None).key()
    }

    async fn observe(
        &self,
        workload: &ManagedWorkload,
    ) -> Result<Option<EchoObserved>, WorkloadError> {
        observe(workload, &self.removed(None).path()).await
    }

    fn diff(&self, seen: &Option<EchoObserved>) -> Result<Delta<EchoChange>, Conflict> {
        match seen {
            None => Ok(Delta::Changes(vec![EchoChange(self.clone())])),
            Some(EchoObserved { ours: true, deleting: false, .. }) => Ok(Delta::Satisfied),
            Some(EchoObserved { ours: true, deleting: true, .. }) => {
                let why = format!("{} is being deleted", self.subject());
                Err(Conflict::new(why, "run it again: each run has a name of its own"))
            }
            Some(_) => {
                let why = format!("{} exists and is not omega's", self.subject());
                Err(Conflict::new(why, "choose another name or another namespace"))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        workload: &ManagedWorkload,
        EchoChange(echo): &EchoChange,
    ) -> Result<(), WorkloadError> {
        let collection = echo.kind().collection(&echo.namespace);
        let api = workload.api().await?;
        Ok(api.change(Verb::Create, &collection, &echo.manifest(), &[]).await?)
    }

    fn undo(&self, before: &Option<EchoObserved>) -> Option<RemovedEcho> {
        before.is_none().then(|| self.removed(None))
    }

    fn removal(&self, made: &Option<EchoObserved>) -> Option<RemovedEcho> {
        Some(self.removed(Some(made.as_ref()?.uid.clone())))
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}

impl Describe for EchoChange {
    fn describe(&self) -> Diff {
        let Self(echo) = self;
        let effect = match &echo.object {
            EchoObject::Deployment { image, replicas } => {
                format!("{replicas} pods of {image}; removed afterwards")
            }
            EchoObject::Service => format!(
                "type LoadBalancer, port {SERVICE_PORT}: the cloud controller makes a load balancer and a \
                 floating IP; removed afterwards"
            ),
        };
        Diff::new(ChangeKind::Create, echo.subject(), effect)
    }
}
