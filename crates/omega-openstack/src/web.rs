//! One GET of an address: whether something answers there over TLS, and what.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt as _;
use omega_core::{Context, Touched};
use reqwest::Client;
use tokio::time::Instant;
use url::Url;

use crate::{
    CloudConfig, Error, Limits, RetryAfter, Session, TransportCause,
    response::Headers,
    session::{Answered, Patience, cause_of, given_ca, is_passing, trusting, unpooled},
    transport_cause::Happened,
};

/// The most that is read of a page. Version documents and seal states have a few kB.
const MOST: usize = 64 << 10;

/// Gets single pages. The program uses a [`WebClient`]; rehearsals and tests use one in memory.
#[async_trait]
pub trait Web: fmt::Debug + Send + Sync {
    /// Sends one GET to `url`. A redirect is an answer, and is not followed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] if no answer arrived; [`Error::Login`] if a token is needed and there is
    /// none. An answer with any status is not an error.
    async fn get(&self, url: &Url) -> Result<Page, Error>;
}

/// An answer to a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most 64 KiB of it.
    pub body: Vec<u8>,
    /// How long it took until the body had arrived.
    pub took: Duration,
}

/// Gets pages over HTTPS.
///
/// # Guarantees
///
/// Certificates are always verified, whatever the cloud's configuration says. A token is sent only
/// over TLS. Redirects are not followed, and no proxy is used. A page is got once, unless the client is
/// [`patient`](WebClient::patient).
#[derive(Clone)]
pub struct WebClient {
    client: Client,
    session: Option<Arc<Session>>,
    limits: Limits,
    /// The servers that have answered, if a page is asked for again.
    patient: Option<Arc<Answered>>,
}

impl fmt::Debug for WebClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, session, limits, patient: _ } = self;
        f.debug_struct("WebClient").field("session", session).field("limits", limits).finish()
    }
}

impl WebClient {
    /// Returns a client that trusts the CA of the cloud. `limits`: for each page, which must be complete
    /// within `ask`.
    ///
    /// # Errors
    ///
    /// Fails if the CA can't be used.
    pub fn of_cloud(config: &CloudConfig, limits: Limits) -> Result<Self, Error> {
        let client = trusting(&config.cloud, given_ca(config)?, true, limits)?;
        Ok(Self { client, session: None, limits, patient: None })
    }

    /// Returns a client that trusts the CA `pem`, or the machine's own. `name`: of what is asked, for
    /// errors. `limits`: as of [`WebClient::of_cloud`].
    ///
    /// # Errors
    ///
    /// Fails if the CA can't be used.
    pub fn trusting(pem: Option<Vec<u8>>, name: &str, limits: Limits) -> Result<Self, Error> {
        let given = pem.map(|pem| (pem, format!("the CA of {name}")));
        Ok(Self {
            client: trusting(name, given, true, limits)?,
            session: None,
            limits,
            patient: None,
        })
    }

    /// Returns a client that opens a connection for each page: a load balancer chooses a member for each
    /// connection, not for each request. `name`: of what is asked, for errors. `limits`: as of
    /// [`WebClient::of_cloud`].
    ///
    /// # Errors
    ///
    /// Fails if the machine's own CAs can't be used.
    pub fn unpooled(name: &str, limits: Limits) -> Result<Self, Error> {
        Ok(Self { client: unpooled(name, limits)?, session: None, limits, patient: None })
    }

    /// Asks for a page again while that may help and the limit allows it, as a [`Session`] does. Not for who
    /// measures how often something answers.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { patient: Some(Arc::default()), ..self }
    }

    /// The same, where `session` has had answers already: a server that refuses a connection then is being
    /// restarted.
    #[must_use]
    pub fn patient_after(self, session: &Session) -> Self {
        Self { patient: Some(session.answered()), ..self }
    }

    /// Sends the session's token with each request over TLS. Use it only for addresses of its catalog.
    #[must_use]
    pub fn with_token_of(self, session: Arc<Session>) -> Self {
        Self { session: Some(session), ..self }
    }
}

impl WebClient {
    /// Returns the page, and when the server allows the next request, if it says so.
    async fn once(&self, url: &Url) -> Result<(Page, Option<RetryAfter>), Error> {
        let start = Instant::now();
        let mut request = self.client.get(url.clone()).header("Accept", "application/json");
        request = request.timeout(self.limits.ask);
        if let Some(session) = self.session.as_ref().filter(|_| url.scheme() == "https") {
            let token = session.token().await?;
            let mut value = reqwest::header::HeaderValue::from_bytes(token.expose())
                .map_err(|error| unreachable(url, TransportCause::Other, error))?;
            value.set_sensitive(true);
            request = request.header("X-Auth-Token", value);
        }
        let failed = async |error: reqwest::Error| {
            let mut cause = cause_of(&error, url).await;
            if cause == TransportCause::Other && error.is_timeout() {
                // The limit is on the whole exchange.
                cause = TransportCause::Stalled { after: self.limits.ask, moved: 0 };
            }
            let happened = Happened::new(cause, &error);
            unreachable(url, cause, happened)
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(failed(error).await),
        };
        let status = response.status().as_u16();
        let asked = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let asked = Headers::keep(asked.map(|value| ("retry-after", value))).retry_after();
        let (mut body, mut chunks) = (Vec::new(), Box::pin(response.bytes_stream()));
        while let Some(chunk) = chunks.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Err(failed(error).await),
            };
            let room = MOST.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            if body.len() >= MOST {
                break;
            }
        }
        let took = start.elapsed();
        tracing::info!(
            target: "omega_trace", kind = "request", what = %url, status,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "trace"
        );
        Ok((Page { status, body, took }, asked))
    }
}

#[async_trait]
impl Web for WebClient {
    async fn get(&self, url: &Url) -> Result<Page, Error> {
        let ctx = Context::default();
        let mut patience = Patience::with_a_read(&ctx, self.limits.ask);
        loop {
            let (answer, asked) = match self.once(url).await {
                Ok((page, asked)) => (Ok(page), asked),
                Err(error) => (Err(error), None),
            };
            let Some(answered) = &self.patient else { return answer };
            let again = match &answer {
                Ok(page) => {
                    answered.add(url);
                    is_passing(page.status)
                }
                Err(error) => answered.may_again(error),
            };
            if !again || !patience.again(&ctx, asked).await {
                return answer;
            }
        }
    }
}

fn unreachable(
    url: &Url,
    cause: TransportCause,
    source: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::Unreachable {
        request: format!("GET {}", url.path()),
        url: url.origin().ascii_serialization(),
        cause,
        touched: Touched::Nothing,
        source: Box::new(source),
    }
}

#[cfg(test)]
#[path = "web_tests.rs"]
mod tests;
