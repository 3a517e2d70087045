//! A kubeconfig, read the way both of its readers read it: magnum-capi-helm, and helm with kubectl.
//!
//! The driver (`magnum_capi_helm/kubernetes.py`, 1.1.0 to 1.4.0) reads YAML with `PyYAML`. It takes the
//! current context, a client certificate with its key or (from 1.3.0) a token, and a CA. It does not
//! support `exec`, `auth-provider`, `tokenFile`, `tls-server-name`, `proxy-url`, impersonation and
//! `insecure-skip-tls-verify`; and paths of other files are useless on another machine. helm and
//! kubectl (client-go) hold every entry to its type. What only one of them takes is refused with the
//! other's name. An empty text or null means that a field is absent, where it does for both.
//! `tests/oracle/run` compares this with both readers.

mod credential;
mod document;
mod error;
mod facts;
mod go_scalar;
mod judge;
mod new;
mod reader;
mod types;

use jiff::Timestamp;

use crate::values::Secret;
use credential::Credential;
pub use error::KubeconfigError;
use facts::account;
pub use facts::{
    AuthKind, KubeconfigFacts, RENEW_WITHIN, certificate_digest, expires_soon, token_expires,
};
pub use new::{NewCredential, NewKubeconfig};
pub use reader::Reader;

/// A kubeconfig that the driver can use, and the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// The bytes, as they will be written.
    pub bytes: Secret,
    /// What may be shown of it.
    pub facts: KubeconfigFacts,
}

impl Kubeconfig {
    /// Reads `bytes` and refuses what the driver could not use at `now`.
    ///
    /// # Errors
    ///
    /// Names the first problem and the remedy.
    pub fn parse(bytes: Secret, now: Timestamp) -> Result<Self, KubeconfigError> {
        let read = Self::read(bytes)?;
        match read.facts.validity_error(now) {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    /// Does the same without looking at the time: the client certificate may have expired.
    ///
    /// # Errors
    ///
    /// Names the first problem and the remedy.
    pub fn read(bytes: Secret) -> Result<Self, KubeconfigError> {
        let document = document::read(&bytes)?;
        let current = judge::current(&document)?;
        types::check(&document)?;
        let server = judge::server(current.cluster)?;
        let ca_pem = judge::ca(current.cluster)?;
        let credential = Credential::of(current.user)?;
        let (sha256, size) = (bytes.digest(), bytes.expose().len());
        let (token_expires, account) = match &credential {
            Credential::Token(token) => (token_expires(token.expose()), account(token.expose())),
            Credential::Certificate { .. } => (None, None),
        };
        let auth = credential.kind();
        let context = current.context;
        let facts =
            KubeconfigFacts { sha256, size, context, server, ca_pem, auth, token_expires, account };
        Ok(Self { bytes, facts })
    }

    /// Returns a kubeconfig that says the same of the current context, in the plainest form: each parser
    /// takes it alike.
    ///
    /// # Errors
    ///
    /// Fails as [`Kubeconfig::read`] does.
    pub fn plain(&self) -> Result<Secret, KubeconfigError> {
        let credential = self.credential()?;
        let KubeconfigFacts { context, server, ca_pem, .. } = &self.facts;
        let new = NewKubeconfig {
            cluster: context,
            user: context,
            server,
            ca_pem: ca_pem.as_deref(),
            credential: match &credential {
                Credential::Token(token) => NewCredential::Token(token),
                Credential::Certificate { certificate_pem, key_pem, .. } => {
                    NewCredential::Certificate { certificate_pem, key_pem }
                }
            },
        };
        new.text()
    }

    /// Returns its token, if it authenticates with one.
    pub fn token(&self) -> Option<Secret> {
        match self.credential() {
            Ok(Credential::Token(token)) => Some(token),
            Ok(Credential::Certificate { .. }) | Err(_) => None,
        }
    }

    /// Returns its client certificates and their key, in PEM, if it authenticates with one.
    pub fn client_certificate(&self) -> Option<(String, Secret)> {
        match self.credential() {
            Ok(Credential::Certificate { certificate_pem, key_pem, .. }) => {
                Some((certificate_pem, key_pem))
            }
            Ok(Credential::Token(_)) | Err(_) => None,
        }
    }

    fn credential(&self) -> Result<Credential, KubeconfigError> {
        let document = document::read(&self.bytes)?;
        Credential::of(judge::current(&document)?.user)
    }
}

#[cfg(test)]
#[path = "kubeconfig_reader_tests.rs"]
mod reader_tests;
#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
