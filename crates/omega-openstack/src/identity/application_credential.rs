//! Whether an application credential still authenticates.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::OwnCredential;
use crate::{
    Error, Method, Name, RefusalReason, Request, Service, Transport,
    service_response::{fetch, list},
};

/// Keystone's answer to an application credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialStatus {
    /// It returned a token.
    Accepted(AcceptedCredential),
    /// It refused, and will continue to.
    Refused {
        /// Keystone's message.
        words: String,
    },
}

/// The scope of an accepted application credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcceptedCredential {
    /// The project of its token.
    pub project: Option<Name>,
    /// The roles of its token. They were fixed when it was created.
    pub roles: Vec<String>,
    /// When it expires. None if it does not, or Keystone does not allow reading it.
    pub expires: Option<Timestamp>,
}

/// Logs in over `transport`, which must have no token yet, and returns the outcome.
///
/// `id` is the credential's; without it the expiry is not read.
///
/// Keystone 22 answers 404 once the credential is deleted, and 401, always with the same message, if
/// its secret is wrong, it has expired, or its user has lost a role or was disabled. The reason is
/// only in Keystone's log.
///
/// # Errors
///
/// Fails if Keystone does not answer, or its answer is not about the credential, which is not a
/// refusal.
pub async fn check_application_credential(
    transport: &dyn Transport,
    id: Option<&str>,
) -> Result<CredentialStatus, Error> {
    let grant = match transport.token_info().await {
        Ok(grant) => grant,
        Err(error) => {
            let words = refusal(&error).ok_or(error)?;
            return Ok(CredentialStatus::Refused { words });
        }
    };
    let expires = match id {
        Some(id) => ends(transport, &grant.user.id, id).await,
        None => None,
    };
    let (project, roles) = (grant.project, grant.roles);
    Ok(CredentialStatus::Accepted(AcceptedCredential { project, roles, expires }))
}

/// Returns the application credentials of the login's own user whose names begin with `prefix`.
///
/// # Errors
///
/// Fails if Keystone does not answer or does not permit it.
pub async fn application_credentials_of(
    transport: &dyn Transport,
    prefix: &str,
) -> Result<Vec<Name>, Error> {
    let user = transport.token_info().await?.user.id;
    let path = ["users", user.as_str(), "application_credentials"];
    let request = Request::new(Service::Identity, Method::Get, &path);
    let mut all: Vec<Name> = list(transport, request, "application_credentials").await?;
    all.retain(|one| one.name.starts_with(prefix));
    Ok(all)
}

/// Returns Keystone's message, if it refused the login.
fn refusal(error: &Error) -> Option<String> {
    let Error::Login { source, .. } = error else { return None };
    let refused = [
        RefusalReason::NotAuthenticated,
        RefusalReason::PolicyForbids,
        RefusalReason::NoSuchCredential,
    ];
    let refusal = source.refusal()?;
    refused.contains(&refusal.reason()).then(|| refusal.message.clone())
}

/// Returns when it expires. The owner may read it with its own token, unless the site's policy
/// forbids it.
async fn ends(transport: &dyn Transport, user: &str, id: &str) -> Option<Timestamp> {
    let path = ["users", user, "application_credentials", id];
    let request = Request::new(Service::Identity, Method::Get, &path);
    let itself: Result<OwnCredential, Error> =
        fetch(transport, request, "application_credential").await;
    itself.ok()?.expires_at.map(|moment| moment.0)
}
