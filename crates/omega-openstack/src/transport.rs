//! The seam to a cloud: a request value in, a response out, of any size in both directions.

use std::fmt;

use async_trait::async_trait;
use omega_core::Context;

use crate::{Error, Request, Response, StreamedResponse, TokenInfo};

/// An authenticated way to reach a cloud's services, with a token of one scope.
///
/// The program uses one over HTTPS ([`Session`](crate::Session)); rehearsals and tests use one in
/// memory (`sim::Cloud`). An answer with any status is a response; an error means that there was no
/// answer.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, and returns as soon as the response's status and headers have arrived.
    ///
    /// Transferred bytes are reported to `ctx` as progress. There is no limit on the total time: an
    /// exchange fails if there is no progress, when `ctx` is cancelled, and at its deadline. A
    /// cancelled upload leaves a partial write: pass [`Context::uncancelled`] to prevent that.
    ///
    /// # Errors
    ///
    /// Fails if no answer arrived. An answer of a service, even a refusal, is not an error here.
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error>;

    /// Sends one request with a JSON response, and reads it completely.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Transport::exchange), and for a body larger than
    /// [`JSON_LIMIT`](crate::JSON_LIMIT).
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.exchange(&Context::default(), request).await?.json().await
    }

    /// Returns the information about the token: user, project, roles and catalog.
    ///
    /// # Errors
    ///
    /// Fails if there is no token and the login fails.
    async fn token_info(&self) -> Result<TokenInfo, Error>;

    /// As [`token_info`](Transport::token_info), of a token of this process: one that an earlier process
    /// left in the cache has the roles and the catalog of its time.
    ///
    /// # Errors
    ///
    /// As [`token_info`](Transport::token_info).
    async fn current_token_info(&self) -> Result<TokenInfo, Error> {
        self.token_info().await
    }

    /// Returns the cloud and the project, as the operator named them.
    fn label(&self) -> String;

    /// Returns what [`remember`](Transport::remember) stored under `key`, if it is still there.
    ///
    /// It is a hint that saves a look-up (the id of a name), not a fact: the caller must detect a
    /// wrong one.
    fn recall(&self, key: &str) -> Option<String> {
        let _ = key;
        None
    }

    /// Stores a hint for later commands. It must not be a secret, and it may get lost.
    fn remember(&self, key: &str, value: &str) {
        let _ = (key, value);
    }
}

/// A service, by the name of its catalog entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Keystone.
    Identity,
    /// Neutron.
    Network,
    /// Magnum.
    ContainerInfra,
    /// Cinder.
    BlockStorage,
    /// Octavia.
    LoadBalancer,
    /// Nova.
    Compute,
    /// Glance.
    Image,
    /// Placement.
    Placement,
    /// Barbican.
    KeyManager,
}

impl Service {
    /// Returns the types under which a catalog may list it, the official one first.
    ///
    /// The older names are those of the service-types authority.
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Network => &["network"],
            Self::ContainerInfra => &["container-infra", "container-infrastructure-management"],
            Self::BlockStorage => {
                &["block-storage", "volumev3", "volumev2", "volume", "block-store"]
            }
            Self::LoadBalancer => &["load-balancer"],
            Self::Compute => &["compute"],
            Self::Image => &["image"],
            Self::Placement => &["placement"],
            Self::KeyManager => &["key-manager"],
        }
    }

    /// Returns the path segment of the API version that this crate speaks.
    ///
    /// Catalogs list endpoints with and without it. Placement has none.
    pub fn version(self) -> &'static str {
        match self {
            Self::Identity | Self::BlockStorage => "v3",
            Self::Network => "v2.0",
            Self::ContainerInfra | Self::KeyManager => "v1",
            Self::LoadBalancer | Self::Image => "v2",
            Self::Compute => "v2.1",
            Self::Placement => "",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.types().first().copied().unwrap_or("?"))
    }
}

/// The HTTP methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers of a `GET`, without the body.
    Head,
    /// Creates an object, or starts an action.
    Post,
    /// Changes an object, or starts an action on it.
    Put,
    /// Changes a part of an object.
    Patch,
    /// Deletes.
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        })
    }
}
