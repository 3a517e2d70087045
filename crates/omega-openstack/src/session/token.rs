//! A token and its information.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use omega_core::{json_words, values::Secret};
use serde::Deserialize;

use crate::{
    Catalog, Error, LoginMethod, Name, Request, Response, TokenInfo, service_response::utc,
};

/// A token that expires sooner than this is not used, because a call may take as long.
pub(crate) const MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// A token, its expiry, and its information.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) value: Secret,
    pub(crate) expires: Timestamp,
    pub(crate) grant: TokenInfo,
    /// Its project's domain; none for a token from the cache.
    pub(crate) domain: Option<Name>,
    /// When this process got it; none for one from the cache.
    pub(crate) got: Option<Instant>,
}

/// A new token is used however soon it expires.
const NEW: Duration = Duration::from_secs(30);

/// The body of Keystone's answer to a login.
#[derive(Debug, Deserialize)]
struct Answer {
    token: Body,
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(deserialize_with = "utc")]
    expires_at: Timestamp,
    user: Name,
    #[serde(default)]
    project: Option<Project>,
    #[serde(default)]
    roles: Vec<Name>,
    #[serde(default)]
    catalog: Catalog,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    application_credential: Option<OfCredential>,
}

/// The application credential that a token is of (Keystone 13, `models/token_model.py`).
#[derive(Debug, Deserialize)]
struct OfCredential {
    #[serde(default)]
    name: String,
    #[serde(default = "yes")]
    restricted: bool,
}

fn yes() -> bool {
    true
}

impl Body {
    fn login(&self) -> LoginMethod {
        match &self.application_credential {
            Some(OfCredential { name, restricted }) => {
                LoginMethod::ApplicationCredential { name: name.clone(), restricted: *restricted }
            }
            None if self.methods.is_empty() => LoginMethod::Unknown,
            None => LoginMethod::Other(self.methods.clone()),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Project {
    #[serde(flatten)]
    itself: Name,
    #[serde(default)]
    domain: Option<Name>,
}

impl Token {
    /// Reads Keystone's answer; `value` is its header `X-Subject-Token`.
    pub(crate) fn read(
        request: &Request,
        response: Response,
        value: Option<Secret>,
    ) -> Result<Self, Error> {
        let id = response.request_id;
        let Some(value) = value else {
            return Err(Error::malformed(request, id, "no header X-Subject-Token"));
        };
        let Answer { token } = serde_json::from_value(response.body)
            .map_err(|error| Error::malformed(request, id, json_words(&error)))?;
        let login = token.login();
        let Body { expires_at: expires, user, project, roles, catalog, .. } = token;
        let roles = roles.into_iter().map(|role| role.name).collect();
        let (project, domain) = project.map(|one| (one.itself, one.domain)).unzip();
        let domain = domain.flatten();
        Ok(Self {
            value,
            expires,
            grant: TokenInfo { login, ..TokenInfo::new(user, project, roles, catalog) },
            domain,
            got: Some(Instant::now()),
        })
    }

    /// Returns whether it can still be used at `now`.
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        let new = self.got.is_some_and(|got| got.elapsed() < NEW) && now < self.expires;
        new || now.checked_add(MARGIN).is_ok_and(|soon| soon < self.expires)
    }
}
