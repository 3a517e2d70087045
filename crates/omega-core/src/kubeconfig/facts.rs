//! What may be shown of a kubeconfig.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::{Host, Url};
use x509_parser::parse_x509_certificate;

use super::{KubeconfigError, error::unusable};
use crate::{pem, values::Sha256};

/// What a kubeconfig says, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigFacts {
    /// The digest of the whole file.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: usize,
    /// The current context's name.
    pub context: String,
    /// The API server of the current context.
    pub server: Url,
    /// The CA bundle of the current context, in PEM. `None` means the machine's own.
    pub ca_pem: Option<String>,
    /// How the driver will authenticate.
    pub auth: AuthKind,
    /// When its token expires, if it has one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires: Option<Timestamp>,
    /// The service account whose token it has, as `NAMESPACE/NAME`, if it has one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// How a kubeconfig authenticates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// With a client certificate.
    ClientCertificate {
        /// Its subject.
        subject: String,
        /// When it begins to be valid.
        not_before: Timestamp,
        /// When it expires.
        not_after: Timestamp,
    },
    /// With a bearer token, which driver 1.1.0 and 1.2.x can't use.
    Token,
}

impl KubeconfigFacts {
    /// Returns when its credential expires: its client certificate, or a token that says so.
    pub fn expires(&self) -> Option<Timestamp> {
        match &self.auth {
            AuthKind::ClientCertificate { not_after, .. } => Some(*not_after),
            AuthKind::Token => self.token_expires,
        }
    }

    /// Returns whether its credential expires within [`RENEW_WITHIN`] of `now`.
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        expires_soon(self.expires(), now)
    }

    /// Returns why it can't be used at `now`: its client certificate or token has expired or is not
    /// valid yet.
    pub fn validity_error(&self, now: Timestamp) -> Option<KubeconfigError> {
        let (what, not_before) = match &self.auth {
            AuthKind::ClientCertificate { not_before, .. } => {
                ("client certificate", Some(*not_before))
            }
            AuthKind::Token => ("token", None),
        };
        let expired = self.expires().filter(|end| *end <= now);
        let early = not_before.filter(|begin| *begin > now);
        let (why, next) = match (expired, early) {
            (Some(end), _) => {
                let why = format!("its {what} expired on {end}");
                (why, "get a new one from the management cluster")
            }
            (None, Some(begin)) => {
                let why = format!("its {what} is not valid before {begin}");
                (why, "wait, or check the clock of this machine")
            }
            (None, None) => return None,
        };
        Some(unusable(why, next))
    }

    /// Returns the host and the port of the API server.
    pub fn endpoint(&self) -> (String, u16) {
        let host = match self.server.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        };
        (host, self.server.port_or_known_default().unwrap_or(443))
    }
}

/// How long before its end a credential should be renewed.
pub const RENEW_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Returns whether `expires` is within [`RENEW_WITHIN`] of `now`.
pub fn expires_soon(expires: Option<Timestamp>, now: Timestamp) -> bool {
    let soon = now.checked_add(RENEW_WITHIN).ok();
    expires.zip(soon).is_some_and(|(end, soon)| end <= soon)
}

/// Returns when a token of a service account expires; `None` if it does not say so. Its signature is
/// not verified: only the API server can do that.
pub fn token_expires(token: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims: Claims = claims(token)?;
    Timestamp::from_second(claims.exp).ok()
}

/// Returns the service account that a token names: `system:serviceaccount:NAMESPACE:NAME`
/// (apiserver 0.34, `pkg/authentication/serviceaccount/util.go`).
pub(super) fn account(token: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
    }
    let claims: Claims = claims(token)?;
    let (namespace, name) = claims.sub.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(format!("{namespace}/{name}"))
}

/// Parses the payload of a JSON Web Token.
fn claims<T: DeserializeOwned>(token: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(token).ok()?;
    let mut parts = text.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

impl fmt::Display for AuthKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientCertificate { subject: _, not_before: _, not_after } => {
                write!(f, "client certificate expires {}", day(*not_after))
            }
            Self::Token => f.write_str("token"),
        }
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// Returns the digest of the first certificate in `pem`, in DER: two spellings of one certificate have
/// the same.
pub fn certificate_digest(pem: &[u8]) -> Option<Sha256> {
    let first = pem::blocks(pem)?.into_iter().find(pem::Block::is_certificate)?;
    parse_x509_certificate(&first.der).ok()?;
    Some(Sha256::of(&first.der))
}
