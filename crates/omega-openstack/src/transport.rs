//! The one seam to a cloud: a request value in, a response value out.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::{Error, Grant};

/// An authenticated way to reach a cloud's services, with a token of one scope.
///
/// The program has one over HTTPS ([`Session`](crate::Session)), rehearsals and tests have one in
/// memory (`sim::Cloud`). An answer of any status is a [`Response`]; an error is a request that
/// got none.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request.
    ///
    /// # Errors
    ///
    /// Fails when no answer arrived. What a service answered, a refusal too, is no error here.
    async fn send(&self, request: Request) -> Result<Response, Error>;

    /// Returns what the token stands for: who, in which project, with which roles and catalog.
    ///
    /// # Errors
    ///
    /// Fails when there is no token and none can be had.
    async fn grant(&self) -> Result<Grant, Error>;

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
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or acts.
    Post,
    /// Changes, or acts on what is there.
    Put,
    /// Deletes.
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        })
    }
}

/// One request, relative to the service's versioned endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The service.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// The path after the version, one segment each, not escaped.
    pub path: Vec<String>,
    /// The query, not escaped.
    pub query: Vec<(String, String)>,
    /// The JSON body.
    pub body: Option<Value>,
    /// The microversion, without the service's name (`1.11`).
    pub microversion: Option<&'static str>,
}

impl Request {
    /// Returns a request without query and body.
    pub fn new(service: Service, method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        Self { service, method, path, query: Vec::new(), body: None, microversion: None }
    }

    /// Adds a pair to the query.
    #[must_use]
    pub fn query(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Returns whether it can change anything.
    pub fn writes(&self) -> bool {
        self.method != Method::Get
    }
}

/// The request as an error names it: no query values, which may be long.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, method, path, .. } = self;
        write!(f, "{method} {service} /{}/{}", service.version(), path.join("/"))
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The service's id of this request, which its log has too.
    pub request_id: Option<String>,
    /// The JSON body; `Null` where there is none, a string where it is not JSON.
    pub body: Value,
}
