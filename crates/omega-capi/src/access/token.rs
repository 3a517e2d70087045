use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use omega_core::values::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Account;
use crate::{Error, Management, Verb};

/// The claims of a token, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) user: String,
    /// The UID of the account, which a new account of the same name does not have.
    pub(super) uid: String,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

#[derive(Deserialize)]
struct Wire {
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(rename = "kubernetes.io")]
    bound: Bound,
}

#[derive(Deserialize)]
struct Bound {
    serviceaccount: BoundTo,
}

#[derive(Deserialize)]
struct BoundTo {
    uid: String,
}

impl Claims {
    /// Parses the payload of a JSON Web Token.
    pub(super) fn read(token: &[u8]) -> Option<Self> {
        let middle = token.split(|byte| *byte == b'.').nth(1)?;
        let wire: Wire = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).ok()?).ok()?;
        let time = |seconds| Timestamp::from_second(seconds).ok();
        let (user, uid) = (wire.sub, wire.bound.serviceaccount.uid);
        Some(Self { user, uid, issued: time(wire.iat)?, expires: time(wire.exp)? })
    }
}

/// Whether `token` has readable claims.
#[cfg(feature = "sim")]
pub(crate) fn is_claims(token: &[u8]) -> bool {
    Claims::read(token).is_some()
}

/// Requests a token for `seconds`; the API server may shorten it.
pub(super) async fn request_token(
    management: &Management,
    account: &Account,
    seconds: u64,
) -> Result<Secret, Error> {
    let Account { namespace, .. } = account;
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{}/token", account.name());
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": { "expirationSeconds": seconds },
    });
    let mut answer = management.send(Verb::Create, &path, &body).await?;
    let token = answer.get_mut("status").and_then(|status| status.get_mut("token"));
    match token.map(Value::take) {
        Some(Value::String(token)) => Ok(Secret::from(token)),
        Some(_) | None => Err(management.malformed(Verb::Create, &path, "it has no token")),
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;

    /// The claims of a token that kube-apiserver 1.34.4 issued; its signature is left out.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InBwSHVJcEFQQkJPZk1VV3lPVG5Gb1Q3eTc0bE1nb0lhNmozTXEzOUlRcDAifQ.eyJhdWQiOlsiaHR0cHM6Ly9sYWIiXSwiZXhwIjoxNzk1MjgwMTMxLCJpYXQiOjE3OTUyNzY1MzEsImlzcyI6Imh0dHBzOi8vbGFiIiwianRpIjoiMTRiNDI5ZmItMzk4Zi00Yjg4LWJiOGYtNDEwOGVhY2FjZjk0Iiwia3ViZXJuZXRlcy5pbyI6eyJuYW1lc3BhY2UiOiJvbWVnYSIsInNlcnZpY2VhY2NvdW50Ijp7Im5hbWUiOiJtYWdudW0tZHJpdmVyIiwidWlkIjoiZjRiZGMyNjAtMWE3Ni00NmJiLWE1NjAtZTgzMWFmZjdmMDhiIn19LCJuYmYiOjE3OTUyNzY1MzEsInN1YiI6InN5c3RlbTpzZXJ2aWNlYWNjb3VudDpvbWVnYTptYWdudW0tZHJpdmVyIn0.x";

    #[test]
    fn a_token_says_whose_it_is_and_how_long_it_lives() {
        let claims = Claims::read(TOKEN.as_bytes()).unwrap();
        assert_eq!(claims.user, "system:serviceaccount:omega:magnum-driver");
        assert_eq!(claims.uid, "f4bdc260-1a76-46bb-a560-e831aff7f08b");
        assert_eq!(claims.issued.to_string(), "2026-11-21T15:55:31Z");
        assert_eq!(claims.expires.to_string(), "2026-11-21T16:55:31Z");
        for bad in ["", "a.b.c", "abcdef.0123456789abcdef", "e30.e30.x"] {
            assert_eq!(Claims::read(bad.as_bytes()), None, "{bad}");
        }
    }
}
