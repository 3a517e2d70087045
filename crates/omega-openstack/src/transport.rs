//! The one seam to a cloud: a request value in, a response out, of any size in both directions.

use std::fmt;

use async_trait::async_trait;
use omega_core::Context;

use crate::{Error, Request, Response, StreamedResponse, TokenInfo};

/// An authenticated way to reach a cloud's services, with a token of one scope.
///
/// The program has one over HTTPS ([`Session`](crate::Session)), rehearsals and tests have one in
/// memory (`sim::Cloud`). An answer of any status is a response; an error is a request that got
/// none.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, and returns as soon as the response's status and headers are there.
    ///
    /// Bytes that move are told to `ctx` as progress. No limit is on the whole: an exchange ends
    /// when nothing moves any more, when `ctx` is cancelled and at its deadline. A cancelled upload
    /// leaves half a write: pass [`Context::uncancelled`] where that must not be.
    ///
    /// # Errors
    ///
    /// Fails when no answer arrived. What a service answered, a refusal too, is no error here.
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error>;

    /// Sends one request whose answer is JSON, and reads it whole.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Transport::exchange), and for a body larger than
    /// [`JSON_LIMIT`](crate::JSON_LIMIT).
    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.exchange(&Context::default(), request).await?.json().await
    }

    /// Returns what the token stands for: who, in which project, with which roles and catalog.
    ///
    /// # Errors
    ///
    /// Fails when there is no token and none can be had.
    async fn token_info(&self) -> Result<TokenInfo, Error>;

    /// Returns the cloud and the project, as the operator named them.
    fn label(&self) -> String;

    /// Returns what [`remember`](Transport::remember) kept under `key`, if it still has it.
    ///
    /// It is a hint that saves a look-up (the id of a name), never a fact: the caller must
    /// notice when it is wrong.
    fn recall(&self, key: &str) -> Option<String> {
        let _ = key;
        None
    }

    /// Keeps a hint for later commands. Not a secret, and it may be forgotten.
    fn remember(&self, key: &str, value: &str) {
        let _ = (key, value);
    }
}

/// A service, by what its catalog entry is called.
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
        }
    }

    /// Returns the path segment of the API version that this crate speaks.
    ///
    /// Catalogs list endpoints with and without it.
    pub fn version(self) -> &'static str {
        match self {
            Self::Identity | Self::BlockStorage => "v3",
            Self::Network => "v2.0",
            Self::ContainerInfra => "v1",
            Self::LoadBalancer | Self::Image => "v2",
            Self::Compute => "v2.1",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.types().first().copied().unwrap_or("?"))
    }
}

/// The methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    Get,
    /// Reads what a `GET` would say of itself, without the body.
    Head,
    /// Creates, or acts.
    Post,
    /// Changes, or acts on what is there.
    Put,
    /// Changes a part.
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
