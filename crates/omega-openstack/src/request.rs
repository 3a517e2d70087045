//! Requests.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use serde_json::Value;

use crate::{Method, Service};

/// A stream of bytes to send.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// One request, relative to the service's versioned endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The service.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// The path after the version, one segment each, not escaped.
    pub path: Vec<String>,
    /// The query, not escaped.
    pub query: Vec<(String, String)>,
    /// Headers besides those that every request has (`Range`). A `Content-Type` here replaces the
    /// body's own.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
    /// The microversion, without the service's name (`1.11`).
    pub microversion: Option<&'static str>,
    /// The limit without progress, if it is not that of the transport.
    pub stall_limit: Option<Duration>,
}

impl Request {
    /// Returns a request without query and body.
    pub fn new(service: Service, method: Method, path: &[&str]) -> Self {
        Self {
            service,
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            microversion: None,
            stall_limit: None,
        }
    }

    /// Adds a pair to the query.
    #[must_use]
    pub fn query(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    /// Adds a header. It must not be a secret, because requests can be shown.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Requests only the bytes from `first` on (RFC 9110, 14.2).
    #[must_use]
    pub fn from_byte(self, first: u64) -> Self {
        self.header("Range", format!("bytes={first}-"))
    }

    /// Sets a body of JSON.
    #[must_use]
    pub fn body(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    /// Sets a body that is streamed.
    #[must_use]
    pub fn upload(self, upload: Upload) -> Self {
        Self { body: Body::Stream(upload), ..self }
    }

    /// Sets the limit without progress, for a service that takes long to answer.
    #[must_use]
    pub fn stall_limit(self, limit: Duration) -> Self {
        Self { stall_limit: Some(limit), ..self }
    }

    /// Returns the body, if it is JSON.
    pub fn json(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(value) => Some(value),
            Body::None | Body::Bytes(_) | Body::Stream(_) => None,
        }
    }

    /// Returns whether it can change anything.
    pub fn writes(&self) -> bool {
        !matches!(self.method, Method::Get | Method::Head)
    }
}

/// The request as errors name it, without the query, which may be long.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, method, path, .. } = self;
        let version = Some(service.version()).filter(|version| !version.is_empty());
        let version = version.map(|version| format!("/{version}")).unwrap_or_default();
        write!(f, "{method} {service} {version}/{}", path.join("/"))
    }
}

/// The body of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Body {
    /// No body.
    None,
    /// JSON, as `application/json`.
    Json(Value),
    /// Bytes, as `application/octet-stream`.
    Bytes(Bytes),
    /// A stream of bytes, as `application/octet-stream`.
    Stream(Upload),
}

impl Body {
    /// Returns the default content type.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Json(_) => Some("application/json"),
            Self::Bytes(_) | Self::Stream(_) => Some("application/octet-stream"),
        }
    }
}

type Open = dyn Fn() -> Option<ByteStream> + Send + Sync;

/// A streamed body of any size.
#[derive(Clone)]
pub struct Upload {
    length: Option<u64>,
    /// How many bytes it is expected to have, where it is sent in chunks all the same.
    expected: Option<u64>,
    repeatable: bool,
    open: Arc<Open>,
}

impl Upload {
    /// Returns a body that `open` opens from the beginning each time. `length` is in bytes, if it is
    /// known. A body of another length is an error, and is not sent completely.
    pub fn new(length: Option<u64>, open: impl Fn() -> ByteStream + Send + Sync + 'static) -> Self {
        Self { length, expected: length, repeatable: true, open: Arc::new(move || Some(open())) }
    }

    /// Returns a body that can be read once: the request is not repeated with a new token.
    pub fn once(length: Option<u64>, stream: ByteStream) -> Self {
        let stream = Mutex::new(Some(stream));
        let open = move || stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self { length, expected: length, repeatable: false, open: Arc::new(open) }
    }

    /// Returns a body that can be read once and is sent in chunks (RFC 9112, 7.1), so that one which is
    /// cut is never taken as whole. `expected` bytes are shown as the total.
    pub fn in_chunks(expected: Option<u64>, stream: ByteStream) -> Self {
        Self { expected, ..Self::once(None, stream) }
    }

    /// Returns how many bytes it is expected to have, for who watches.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// Returns its length in bytes, if that is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Returns whether it can be opened again.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Opens it. None if it can be read only once and was opened before.
    pub fn open(&self) -> Option<ByteStream> {
        (self.open)()
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("length", &self.length).finish_non_exhaustive()
    }
}
