use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label, Outcome,
    Subject, ensure,
    values::{Secret, Sha256},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Error, Management, Namespace, ReadVersion, Verb,
    credentials::{ClusterCredentials, read_cluster_credentials, secret_name},
};

/// Ensures that a cluster's secret `STACK-cloud-credentials` holds a certain clouds.yaml.
///
/// The target has its bytes. The replaced clouds.yaml no longer authenticates, so it is not kept, and
/// the change can't be undone.
///
/// # Guarantees
///
/// The write names the `resourceVersion` of the diff, and changes nothing else of the secret: the
/// driver's labels and `cacert` stay.
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
}

/// The management cluster, and the clouds.yaml for it.
#[derive(Clone)]
pub struct CredentialSource {
    /// The management cluster.
    pub management: Management,
    /// The clouds.yaml.
    pub clouds: Secret,
}

impl Label for CredentialSource {
    fn label(&self) -> String {
        self.management.label()
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
    ensure(ctx, source, &ReplaceCredentials { namespace, stack, sha256, may_be_gone: false }).await
}

/// The digest of the current clouds.yaml, if the secret exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialObserved(Option<(Sha256, ReadVersion)>);

/// `PATCH` of the secret's `clouds.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub struct CredentialChange {
    pub secret: String,
    pub from: Sha256,
    pub to: Sha256,
    pub version: ReadVersion,
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
        Ok(CredentialObserved(read.await?.map(version)))
    }

    fn diff(&self, seen: &CredentialObserved) -> Result<Delta<CredentialChange>, Conflict> {
        let secret = self.subject().name;
        let Some((from, version)) = seen.0.clone() else {
            if self.may_be_gone {
                return Ok(Delta::Satisfied);
            }
            let why = format!("there is no secret {secret} in {}", self.namespace);
            let next =
                "check the name of the cluster; without this secret it is not of magnum-capi-helm";
            return Err(Conflict::new(why, next));
        };
        let to = self.sha256;
        let change = CredentialChange { secret, from, to, version };
        Ok(Delta::of(if from == to { vec![] } else { vec![change] }))
    }

    async fn apply(
        &self,
        _: &Context,
        source: &CredentialSource,
        change: &CredentialChange,
    ) -> Result<(), Error> {
        let CredentialSource { management, clouds } = source;
        let patch = json!({
            "metadata": { "resourceVersion": change.version },
            "data": { "clouds.yaml": STANDARD.encode(clouds.expose()) },
        });
        let at = format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, change.secret);
        management.change(Verb::Merge, &at, &patch, &[409]).await
    }
}

impl Describe for CredentialChange {
    fn describe(&self) -> Diff {
        let Self { secret, from, to, version: _ } = self;
        let subject = Subject::new("secret", secret);
        let effect = "another application credential in clouds.yaml";
        Diff::new(ChangeKind::Update, subject, effect).with(format!("sha256 {from} -> {to}"))
    }
}
