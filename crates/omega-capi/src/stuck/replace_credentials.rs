//! Puts other credentials into a cluster's own secret.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label, Outcome,
    Subject, ensure,
    values::{Secret, Sha256},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Error, Management, Namespace, Verb, credentials::read_cluster_credentials};

/// That a cluster's secret `STACK-cloud-credentials` holds a certain clouds.yaml.
///
/// The bytes are not part of it: the target has them. What they replace does not authenticate any
/// more, so it is not kept, and there is no way back.
///
/// # Guarantees
///
/// The write is bound to the `resourceVersion` that was read in the same breath, and changes
/// nothing else of the secret: the driver's labels stay, and so does its `cacert`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceCredentials {
    /// The cluster's namespace.
    pub namespace: Namespace,
    /// The cluster's name: Magnum's `stack_id`.
    pub stack: String,
    /// The digest of the clouds.yaml that is wanted.
    pub sha256: Sha256,
    /// Whether it is as well if there is no such secret: Magnum takes it away once a delete ends.
    #[serde(default)]
    pub may_be_gone: bool,
}

/// The management cluster, and the clouds.yaml to put there.
#[derive(Clone)]
pub struct CredentialSource {
    /// Where the secret is.
    pub management: Management,
    /// The whole text.
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
/// Refuses if there is no such secret: the driver makes it, and it tells whose cluster it is.
pub async fn replace_credentials(
    ctx: &Context,
    source: &CredentialSource,
    namespace: Namespace,
    stack: String,
) -> Result<Outcome<CredentialObserved>, EnsureError<Error>> {
    let sha256 = source.clouds.digest();
    ensure(ctx, source, &ReplaceCredentials { namespace, stack, sha256, may_be_gone: false }).await
}

/// The digest of the clouds.yaml that is there; none where there is no such secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialObserved(Option<Sha256>);

/// `PATCH` of the secret's `clouds.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "what is there, and what is wanted")]
pub struct CredentialChange {
    pub secret: String,
    pub from: Sha256,
    pub to: Sha256,
}

impl Desired for ReplaceCredentials {
    const KIND: &'static str = "capi.cluster-credentials.v1";
    type Target = CredentialSource;
    type Observed = CredentialObserved;
    type Change = CredentialChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("secret", format!("{}-cloud-credentials", self.stack))
    }

    fn key(&self) -> String {
        format!("{}/{}-cloud-credentials", self.namespace, self.stack)
    }

    async fn observe(&self, source: &CredentialSource) -> Result<CredentialObserved, Error> {
        let read = read_cluster_credentials(&source.management, &self.namespace, &self.stack);
        Ok(CredentialObserved(read.await?.map(|found| found.clouds.digest())))
    }

    fn diff(&self, seen: &CredentialObserved) -> Result<Delta<CredentialChange>, Conflict> {
        let secret = self.subject().name;
        let Some(from) = seen.0 else {
            if self.may_be_gone {
                return Ok(Delta::Satisfied);
            }
            let why = format!("there is no secret {secret} in {}", self.namespace);
            let next = "check the cluster's name; a cluster without it was made by another driver";
            return Err(Conflict::new(why, next));
        };
        let to = self.sha256;
        Ok(Delta::of(if from == to { vec![] } else { vec![CredentialChange { secret, from, to }] }))
    }

    async fn apply(
        &self,
        _: &Context,
        source: &CredentialSource,
        change: &CredentialChange,
    ) -> Result<(), Error> {
        let CredentialSource { management, clouds } = source;
        let read = read_cluster_credentials(management, &self.namespace, &self.stack).await?;
        // Somebody was faster. That is no proof: verification will look.
        let Some(now) = read.filter(|now| now.clouds.digest() == change.from) else {
            return Ok(());
        };
        let patch = json!({
            "metadata": { "resourceVersion": now.resource_version },
            "data": { "clouds.yaml": STANDARD.encode(clouds.expose()) },
        });
        let at = format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, change.secret);
        match management.send(Verb::Merge, &at, &patch).await {
            Err(Error::Status { code: 409, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

impl Describe for CredentialChange {
    fn describe(&self) -> Diff {
        let Self { secret, from, to } = self;
        let subject = Subject::new("secret", secret);
        let effect = "another application credential in clouds.yaml";
        Diff::new(ChangeKind::Update, subject, effect).with(format!("sha256 {from} -> {to}"))
    }
}
