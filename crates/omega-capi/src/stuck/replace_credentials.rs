use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label, Outcome,
    Subject, ensure,
    run::TargetLock,
    values::{Secret, Sha256},
};
use omega_driver::naming::{CACERT, CLOUDS_YAML};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ObjectRef;
use crate::{
    Error, Management, Namespace, ReadVersion, Verb,
    credentials::{ClusterCredentials, read_cluster_credentials, secret_name},
    list::JSON,
};

/// Ensures that a cluster's secret `STACK-cloud-credentials` holds a certain clouds.yaml.
///
/// The target has its bytes. The replaced clouds.yaml no longer authenticates, so it is not kept, and
/// the change can't be undone.
///
/// # Guarantees
///
/// The write names the `resourceVersion` of the diff, and changes nothing else of the secret: the
/// driver's labels and `cacert` stay. A secret that is created has an owner, and the garbage collector
/// removes it with that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceCredentials {
    /// The cluster's namespace.
    pub namespace: Namespace,
    /// The cluster's name: Magnum's `stack_id`.
    pub stack: String,
    /// The digest of the clouds.yaml.
    pub sha256: Sha256,
    /// Whether a missing secret is accepted: Magnum deletes it at the end of a delete.
    #[serde(default)]
    pub may_be_gone: bool,
    /// If this object is there and the secret is not, the secret is created, and owned by it. Magnum
    /// deletes the secret when it takes a cluster for deleted, also one that is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_for: Option<ObjectRef>,
}

/// The management cluster, and the clouds.yaml for it.
#[derive(Clone)]
pub struct CredentialSource {
    /// The management cluster.
    pub management: Management,
    /// The clouds.yaml.
    pub clouds: Secret,
    /// The CA bundle in PEM, for a secret that is created.
    pub cacert: Option<Secret>,
}

impl CredentialSource {
    /// The secret as the driver writes it (magnum-capi-helm 1.4.0, driver.py, `_create_appcred_secret`),
    /// without its labels: Magnum does not know the cluster any more.
    fn secret(&self, name: &str, owner: &ObjectRef) -> Value {
        let ObjectRef { group, version, kind, namespace, name: of, uid, plural: _ } = owner;
        let clouds = Some((CLOUDS_YAML, &self.clouds));
        let cacert = self.cacert.as_ref().map(|cacert| (CACERT, cacert));
        let encoded = |(key, bytes): (&str, &Secret)| {
            (key.to_owned(), json!(STANDARD.encode(bytes.expose())))
        };
        let data: Map<String, Value> = clouds.into_iter().chain(cacert).map(encoded).collect();
        let owner = json!({ "apiVersion": format!("{group}/{version}"), "kind": kind, "name": of, "uid": uid });
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": { "name": name, "namespace": namespace, "ownerReferences": [owner] },
            "data": data,
        })
    }
}

impl Label for CredentialSource {
    fn label(&self) -> String {
        self.management.label()
    }

    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        self.management.lock()
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CredentialSource").field(&self.label()).finish()
    }
}

/// Puts `source`'s clouds.yaml into the secret of the cluster `stack`.
///
/// ```no_run
/// # use omega_capi::{Namespace, stuck::*};
/// # async fn f(source: &CredentialSource, ns: Namespace) -> Result<(), Box<dyn std::error::Error>> {
/// let done = replace_credentials(&Default::default(), source, ns, "c1-x".to_owned()).await?;
/// println!("replaced: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses if there is no such secret. The driver creates it.
pub async fn replace_credentials(
    ctx: &Context,
    source: &CredentialSource,
    namespace: Namespace,
    stack: String,
) -> Result<Outcome<CredentialObserved>, EnsureError<Error>> {
    let sha256 = source.clouds.digest();
    let (may_be_gone, create_for) = (false, None);
    let desired = ReplaceCredentials { namespace, stack, sha256, may_be_gone, create_for };
    ensure(ctx, source, &desired).await
}

/// The digest of the current clouds.yaml, if the secret exists; and whether that for which it would be
/// created exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialObserved {
    secret: Option<(Sha256, ReadVersion)>,
    is_needed: bool,
}

/// `PATCH` of the secret's `clouds.yaml`, or `POST` of the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub struct CredentialChange {
    pub secret: String,
    /// The digest that is replaced; none if the secret is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Sha256>,
    pub to: Sha256,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<ReadVersion>,
}

impl Desired for ReplaceCredentials {
    const KIND: &'static str = "capi.cluster-credentials.v1";
    type Target = CredentialSource;
    type Observed = CredentialObserved;
    type Change = CredentialChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("secret", secret_name(&self.stack))
    }

    fn key(&self) -> String {
        format!("{}/{}", self.namespace, secret_name(&self.stack))
    }

    async fn observe(&self, source: &CredentialSource) -> Result<CredentialObserved, Error> {
        let read = read_cluster_credentials(&source.management, &self.namespace, &self.stack);
        let version = |found: ClusterCredentials| {
            (found.clouds.digest(), ReadVersion::new(found.resource_version))
        };
        let secret = read.await?.map(version);
        let is_needed = match &self.create_for {
            Some(owner) if secret.is_none() => is_there(&source.management, owner).await?,
            _ => false,
        };
        Ok(CredentialObserved { secret, is_needed })
    }

    fn diff(&self, seen: &CredentialObserved) -> Result<Delta<CredentialChange>, Conflict> {
        let secret = self.subject().name;
        let Some((from, version)) = seen.secret.clone() else {
            if seen.is_needed {
                let change =
                    CredentialChange { secret, from: None, to: self.sha256, version: None };
                return Ok(Delta::Changes(vec![change]));
            }
            if self.may_be_gone {
                return Ok(Delta::Satisfied);
            }
            let why = format!("there is no secret {secret} in {}", self.namespace);
            let next =
                "check the name of the cluster; without this secret it is not of magnum-capi-helm";
            return Err(Conflict::new(why, next));
        };
        let to = self.sha256;
        let change = CredentialChange { secret, from: Some(from), to, version: Some(version) };
        Ok(Delta::of(if from == to { vec![] } else { vec![change] }))
    }

    async fn apply(
        &self,
        _: &Context,
        source: &CredentialSource,
        change: &CredentialChange,
    ) -> Result<(), Error> {
        let CredentialSource { management, clouds, .. } = source;
        if let (None, Some(owner)) = (&change.version, &self.create_for) {
            let at = format!("/api/v1/namespaces/{}/secrets", self.namespace);
            let secret = source.secret(&change.secret, owner);
            return management.change(Verb::Create, &at, &secret, &[409]).await;
        }
        let patch = json!({
            "metadata": { "resourceVersion": change.version },
            "data": { "clouds.yaml": STANDARD.encode(clouds.expose()) },
        });
        let at = format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, change.secret);
        management.change(Verb::Merge, &at, &patch, &[409]).await
    }
}

async fn is_there(management: &Management, object: &ObjectRef) -> Result<bool, Error> {
    let found = management.find::<Value>(&object.path(), JSON).await?;
    let uid = found.as_ref().and_then(|found| found.pointer("/metadata/uid")?.as_str());
    Ok(uid == Some(object.uid.as_str()))
}

impl Describe for CredentialChange {
    fn describe(&self) -> Diff {
        let Self { secret, from, to, version: _ } = self;
        let subject = Subject::new("secret", secret);
        let Some(from) = from else {
            let effect = "new, with an application credential in clouds.yaml";
            return Diff::new(ChangeKind::Create, subject, effect).with(format!("sha256 {to}"));
        };
        let effect = "another application credential in clouds.yaml";
        Diff::new(ChangeKind::Update, subject, effect).with(format!("sha256 {from} -> {to}"))
    }
}

#[cfg(test)]
mod tests {
    use kube::client::Body;

    use super::*;

    #[tokio::test]
    async fn a_new_secret_goes_with_its_owner() {
        let nobody = tower::service_fn(|_: http::Request<Body>| async {
            Err::<http::Response<Body>, _>(std::io::Error::other("nobody"))
        });
        let source = CredentialSource {
            management: Management::over(nobody, "test"),
            clouds: "a: 1".to_owned().into(),
            cacert: None,
        };
        let owner = ObjectRef {
            group: "cluster.x-k8s.io".into(),
            version: "v1beta2".into(),
            plural: "clusters".into(),
            kind: "Cluster".into(),
            namespace: "magnum-1".parse().unwrap(),
            name: "c1".into(),
            uid: "u".into(),
        };
        let made = source.secret("c1-cloud-credentials", &owner);
        let owners = &made["metadata"]["ownerReferences"];
        let expected = json!([{
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "c1", "uid": "u"
        }]);
        assert_eq!(*owners, expected);
        assert_eq!(made["data"], json!({ "clouds.yaml": "YTogMQ==" }));
        assert_eq!(made["metadata"]["namespace"], "magnum-1");
    }
}
