//! Responses.

use std::{fmt, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use jiff::{Timestamp, fmt::rfc2822};
use omega_core::values::Withheld;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Request};

/// The largest JSON response that is read: 64 MiB. A page of a thousand of the largest objects of
/// these services has about 5 MB.
pub const JSON_LIMIT: usize = 64 << 20;

/// One response, read completely.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The service's id of this request, which is also in its log.
    pub request_id: Option<String>,
    /// The headers that callers need.
    pub headers: Headers,
    /// The JSON body; `Null` if there is none, a string if it is not JSON.
    pub body: Value,
    /// Where the request was sent, without its query. None in memory.
    pub url: Option<String>,
}

impl Response {
    /// Returns a response without headers and id.
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, request_id: None, headers: Headers::default(), body, url: None }
    }
}

/// The headers of a response that callers need. No token is among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(Vec<(String, String)>);

/// The headers that are kept, in lower case.
const KEPT: [&str; 9] = [
    "accept-ranges",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "location",
    "openstack-image-import-methods",
    "retry-after",
];

impl Headers {
    /// Keeps the headers that callers need.
    pub fn keep<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let kept = all.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let kept = kept.filter(|(name, _)| KEPT.contains(&name.as_str()));
        Self(kept.map(|(name, value)| (name, value.trim().to_owned())).collect())
    }

    /// Returns the value of a header. The case of its name does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the range of bytes in the body (RFC 9110, 14.4).
    pub fn content_range(&self) -> Option<ContentRange> {
        let (range, total) = self.get("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        Some(ContentRange { first: first.parse().ok()?, last: last.parse().ok()?, total })
    }

    /// Returns the service's time of the response (RFC 9110, 6.6.1).
    pub fn date(&self) -> Option<Timestamp> {
        Some(rfc2822::parse(self.get("date")?).ok()?.timestamp())
    }

    /// Returns how Glance can import an image (`web-download`, `glance-direct`).
    pub fn image_import_methods(&self) -> Vec<&str> {
        let methods = self.get("openstack-image-import-methods").unwrap_or_default();
        methods.split(',').map(str::trim).filter(|method| !method.is_empty()).collect()
    }

    /// Returns when the service allows the next request (RFC 9110, 10.2.3).
    pub fn retry_after(&self) -> Option<RetryAfter> {
        let text = self.get("retry-after")?;
        let seconds = text.parse().ok().map(|s| RetryAfter::Pause(Duration::from_secs(s)));
        seconds.or_else(|| {
            let time = rfc2822::parse(text).ok()?;
            Some(RetryAfter::At(time.timestamp()))
        })
    }
}

/// The range of bytes in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte, counted from 0.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The total, if it is known.
    pub total: Option<u64>,
}

/// When a service allows the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// After this time.
    Pause(Duration),
    /// At this time.
    At(Timestamp),
}

impl RetryAfter {
    /// Returns how long that is from `now` on.
    pub(crate) fn pause(self, now: Timestamp) -> Duration {
        match self {
            Self::Pause(pause) => pause,
            Self::At(at) => Duration::try_from(at.duration_since(now)).unwrap_or_default(),
        }
    }
}

/// One response whose body has not been read yet.
#[derive(Debug)]
#[non_exhaustive]
pub struct StreamedResponse {
    /// The HTTP status.
    pub status: u16,
    /// The service's id of this request, which is also in its log.
    pub request_id: Option<String>,
    /// The headers that callers need.
    pub headers: Headers,
    /// The body.
    pub body: Download,
    /// Where the request was sent, without its query. None in memory.
    pub url: Option<String>,
    /// What the service was sent, and must not be shown if the service returns it.
    pub(crate) withheld: Withheld,
}

impl StreamedResponse {
    /// Returns a response without headers and id.
    pub fn new(status: u16, body: Download) -> Self {
        let (headers, withheld) = (Headers::default(), Withheld::default());
        Self { status, request_id: None, headers, body, url: None, withheld }
    }

    /// Reads the whole body as JSON. One that says that it is too large is not read at all.
    ///
    /// # Errors
    ///
    /// Fails if it is cut short or larger than [`JSON_LIMIT`].
    pub async fn json(self) -> Result<Response, Error> {
        let Self { status, request_id, mut headers, body, url, withheld } = self;
        let length = headers.get("content-length").and_then(|text| text.parse::<u64>().ok());
        if let (Some(request), true) =
            (body.request(), length.is_some_and(|length| length > JSON_LIMIT as u64))
        {
            return Err(too_large(request, request_id.as_deref()));
        }
        let mut body = body.json(request_id.as_deref()).await?;
        // What is no success, or no JSON, is shown.
        if !(200..300).contains(&status) || body.is_string() {
            hide_in(&mut body, &withheld);
            headers.0.iter_mut().for_each(|(_, value)| *value = withheld.hide_in(value));
        }
        Ok(Response { status, request_id, headers, body, url })
    }
}

impl From<Response> for StreamedResponse {
    fn from(Response { status, request_id, headers, body, url }: Response) -> Self {
        let (body, withheld) = (Download(Source::Json(body)), Withheld::default());
        Self { status, request_id, headers, body, url, withheld }
    }
}

/// Hides the secrets in each text of a JSON value, and in its keys.
fn hide_in(value: &mut Value, withheld: &Withheld) {
    match value {
        Value::String(text) => *text = withheld.hide_in(text),
        Value::Array(values) => values.iter_mut().for_each(|value| hide_in(value, withheld)),
        Value::Object(map) => {
            let hidden = std::mem::take(map).into_iter().map(|(key, mut value)| {
                hide_in(&mut value, withheld);
                (withheld.hide_in(&key), value)
            });
            *map = hidden.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn too_large(request: &Request, request_id: Option<&str>) -> Error {
    let why = format!("it has more than {} MiB", JSON_LIMIT >> 20);
    Error::malformed(request, request_id.map(str::to_owned), why)
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// The streamed body of a response. Dropping it ends the transfer.
pub struct Download(Source);

enum Source {
    Json(Value),
    Stream { request: Box<Request>, chunks: Chunks },
}

impl Download {
    /// Returns the body of the response to `request`.
    pub fn new(
        request: &Request,
        chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    ) -> Self {
        let request = Box::new(request.clone());
        Self(Source::Stream { request, chunks: Box::pin(chunks) })
    }

    /// Returns the next bytes; none at the end.
    ///
    /// # Errors
    ///
    /// Fails if the transfer does. There is no more data after that.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.0 {
            Source::Json(Value::Null) => Ok(None),
            Source::Json(value) => Ok(Some(Bytes::from(value.take().to_string()))),
            Source::Stream { request: _, chunks } => chunks.next().await.transpose(),
        }
    }

    /// Returns the request, unless the body is in memory.
    fn request(&self) -> Option<&Request> {
        match &self.0 {
            Source::Json(_) => None,
            Source::Stream { request, chunks: _ } => Some(request),
        }
    }

    async fn json(self, request_id: Option<&str>) -> Result<Value, Error> {
        let (request, mut chunks) = match self.0 {
            Source::Json(value) => return Ok(value),
            Source::Stream { request, chunks } => (request, chunks),
        };
        let mut bytes = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() > JSON_LIMIT {
                return Err(too_large(&request, request_id));
            }
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Download")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that returns the request in its error.
    #[tokio::test]
    async fn what_a_service_was_sent_is_not_in_its_error() {
        let body = serde_json::json!({
            "error": { "message": "no: {\"password\": \"s3cr\\\"et\"}", "x": [{ "s3cr\"et": 1 }] }
        });
        let secret = omega_core::values::Secret::from("s3cr\"et".to_owned());
        let answer = |status| StreamedResponse {
            headers: Headers::keep([("Location", "http://h/?p=s3cr%22et")]),
            withheld: Withheld::new([secret.clone()]),
            ..StreamedResponse::from(Response::new(status, body.clone()))
        };
        for status in [302, 401, 500] {
            let refused = answer(status).json().await.unwrap();
            let shown = format!("{refused:?}");
            assert!(!shown.contains("s3cr") && shown.contains("[secret]"), "{shown}");
        }
        assert_eq!(answer(200).json().await.unwrap().body, body, "a success is data");
    }

    #[test]
    fn headers_are_data_and_hold_no_token() {
        let headers = Headers::keep([
            ("Content-Range", "bytes 5-9/12"),
            ("ETag", "\"d41d8\""),
            ("OpenStack-Image-Import-Methods", "glance-direct, web-download"),
            ("Retry-After", "120"),
            ("X-Subject-Token", "secret"),
        ]);
        let range = ContentRange { first: 5, last: 9, total: Some(12) };
        assert_eq!(headers.content_range(), Some(range));
        assert_eq!(headers.get("etag"), Some("\"d41d8\""));
        assert_eq!(headers.image_import_methods(), ["glance-direct", "web-download"]);
        assert_eq!(headers.retry_after(), Some(RetryAfter::Pause(Duration::from_mins(2))));
        assert!(!format!("{headers:?}").contains("secret"));
        let at = Headers::keep([("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]).retry_after();
        assert_eq!(at, Some(RetryAfter::At("2026-10-21T07:28:00Z".parse().unwrap())));
        let odd = Headers::keep([("retry-after", "soon"), ("content-range", "bytes */12")]);
        assert_eq!((odd.retry_after(), odd.content_range()), (None, None));
        assert_eq!(odd.image_import_methods(), [""; 0]);
    }
}
