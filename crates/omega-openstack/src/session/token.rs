//! A token and its information.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use omega_core::values::Secret;
use serde::Deserialize;

use crate::{Catalog, Error, Name, Request, Response, TokenInfo, service_response::utc};

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
            .map_err(|error| Error::malformed(request, id, error))?;
        let Body { expires_at: expires, user, project, roles, catalog } = token;
        let roles = roles.into_iter().map(|role| role.name).collect();
        let (project, domain) = project.map(|one| (one.itself, one.domain)).unzip();
        let domain = domain.flatten();
        Ok(Self {
            value,
            expires,
            grant: TokenInfo { user, project, roles, catalog },
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
