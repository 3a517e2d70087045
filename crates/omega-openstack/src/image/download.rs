//! A download that goes on where it broke off.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use omega_core::{Context, read_regular, url_words};
use reqwest::{
    Certificate, Client, Proxy, Response, StatusCode,
    header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE},
    redirect::Policy,
};
use tokio::time::{sleep, timeout};
use url::Url;

use super::SourceError;
use crate::{Headers, TransportCause, request::ByteStream, transport_cause::Happened};

/// How often in a row it is tried without a byte of progress.
const MOST_ATTEMPTS: u32 = 5;

/// How images are downloaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// A file of certificates to trust besides the machine's.
    pub ca: Option<PathBuf>,
    /// The URL of a proxy.
    pub proxy: Option<String>,
    /// How long nothing may arrive.
    pub stall_limit: Duration,
    /// The pause before the first new attempt; each further one waits twice as long.
    pub pause: Duration,
}

impl Default for DownloadOptions {
    /// No proxy, one minute, one second.
    fn default() -> Self {
        let (stall_limit, pause) = (Duration::from_mins(1), Duration::from_secs(1));
        Self { ca: None, proxy: None, stall_limit, pause }
    }
}

/// A client for downloads, without any login. It follows redirects, but never from https to http.
#[derive(Clone, Default)]
pub struct Downloads {
    options: DownloadOptions,
    client: Arc<OnceLock<Client>>,
}

impl Downloads {
    /// Returns a client. A certificate or a proxy's URL that can't be used is an error of the first
    /// download.
    pub fn new(options: DownloadOptions) -> Self {
        Self { options, client: Arc::default() }
    }

    fn client(&self) -> Result<&Client, SourceError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let options = &self.options;
        let setup = |error: &dyn fmt::Display| SourceError::Setup(error.to_string());
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // If another provider was installed first, it is used.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let redirects = Policy::custom(|attempt| {
            let before = attempt.previous();
            let downgrade = attempt.url().scheme() != "https"
                && before.iter().any(|url| url.scheme() == "https");
            if before.len() > 10 || downgrade { attempt.stop() } else { attempt.follow() }
        });
        let mut builder = Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .redirect(redirects)
            .no_proxy()
            .no_gzip()
            .user_agent(concat!("omega/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &options.proxy {
            builder = builder
                .proxy(Proxy::all(proxy).map_err(|_| setup(&"the proxy's address is not a URL"))?);
        }
        if let Some(path) = &options.ca {
            let pem = read_regular(path, 16 << 20)
                .map_err(|source| SourceError::File { path: path.clone(), source })?;
            let not_pem = || format!("{} is not a file of certificates in PEM", path.display());
            for ca in Certificate::from_pem_bundle(&pem).map_err(|_| setup(&not_pem()))? {
                builder = builder.add_root_certificate(ca);
            }
        }
        let client = builder.build().map_err(|error| setup(&error))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Begins a download. Returns its bytes, and their number if the server gives it.
    pub(super) async fn open(
        &self,
        url: &Url,
        ctx: &Context,
    ) -> Result<(ByteStream, Option<u64>), SourceError> {
        let (response, identity) = self.first(url).await?;
        let length = identity.length;
        let download = Download {
            of: self.clone(),
            url: url.clone(),
            ctx: ctx.clone(),
            identity,
            received: 0,
            skip: 0,
            attempts: 0,
            body: Some(body(response)),
        };
        let bytes = stream::try_unfold(download, |mut download| async {
            let chunk = download.next().await.map_err(std::io::Error::other)?;
            Ok(chunk.map(|chunk| (chunk, download)))
        });
        Ok((Box::pin(bytes), length))
    }

    /// Returns a small text, of at most 4 MiB.
    ///
    /// # Errors
    ///
    /// Fails if it can't be downloaded, or is not UTF-8.
    pub async fn text(&self, url: &str) -> Result<String, SourceError> {
        const MOST: usize = 4 << 20;
        let broken = |why: &dyn fmt::Display| {
            let (url, source) = (url.to_owned(), why.to_string().into());
            SourceError::Broken { url, received: 0, attempts: 1, source }
        };
        let parsed = Url::parse(url).map_err(|error| broken(&url_words(error)))?;
        let (mut bytes, _) = self.open(&parsed, &Context::default()).await?;
        let mut all = Vec::new();
        while let Some(chunk) = bytes.next().await {
            all.extend_from_slice(&chunk.map_err(|error| broken(&error))?);
            if all.len() > MOST {
                return Err(broken(&"it has more than 4 MiB"));
            }
        }
        String::from_utf8(all).map_err(|_| broken(&"it is not text (UTF-8)"))
    }

    async fn first(&self, url: &Url) -> Result<(Response, Identity), SourceError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let failed = match self.ask(url, &[]).await {
                Ok(response) if response.status() == StatusCode::OK => {
                    let identity = Identity::of(response.headers(), response.content_length());
                    return Ok((response, identity));
                }
                Ok(response) => refused(url, response.status()),
                Err(source) => {
                    SourceError::Broken { url: url.to_string(), received: 0, attempts, source }
                }
            };
            let again = failed.retry() == omega_core::Retry::Transient && attempts < MOST_ATTEMPTS;
            if !again {
                return Err(failed);
            }
            sleep(self.pause(attempts)).await;
        }
    }

    async fn ask(
        &self,
        url: &Url,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let request = self.client()?.get(url.clone());
        let request = headers.iter().fold(request, |all, (name, value)| all.header(name, value));
        let limit = self.options.stall_limit;
        let response = timeout(limit, request.send()).await.map_err(|_| nothing_for(limit))?;
        Ok(response.map_err(|error| happened(&error))?)
    }

    fn pause(&self, attempts: u32) -> Duration {
        self.options.pause * 2_u32.saturating_pow(attempts.saturating_sub(1))
    }
}

impl fmt::Debug for Downloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Downloads").finish_non_exhaustive()
    }
}

/// What tells one version of a file on a server from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    length: Option<u64>,
    etag: Option<String>,
    modified: Option<String>,
}

impl Identity {
    fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Self { length, etag: text(ETAG), modified: text(LAST_MODIFIED) }
    }

    /// Returns whether `now` may be the same version: where both say something, it is the same.
    fn may_be(&self, now: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        agree(self.length.as_ref(), now.length.as_ref())
            && agree(self.etag.as_ref(), now.etag.as_ref())
            && agree(self.modified.as_ref(), now.modified.as_ref())
    }

    /// A strong `ETag`, or else the time (RFC 9110, 13.1.5: a weak one does not count).
    fn validator(&self) -> Option<String> {
        let strong = self.etag.clone().filter(|etag| !etag.starts_with("W/"));
        strong.or_else(|| self.modified.clone())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length {
            Some(length) => write!(f, "{length} bytes")?,
            None => f.write_str("of unknown length")?,
        }
        let etag = self.etag.as_deref().map(|etag| format!(", ETag {etag}"));
        let modified = self.modified.as_deref().map(|time| format!(", of {time}"));
        f.write_str(&[etag, modified].map(Option::unwrap_or_default).concat())
    }
}

struct Download {
    of: Downloads,
    url: Url,
    ctx: Context,
    identity: Identity,
    received: u64,
    /// What is sent again by a server that knows no ranges.
    skip: u64,
    /// How often in a row nothing arrived.
    attempts: u32,
    body: Option<Body>,
}

type Body = stream::BoxStream<'static, reqwest::Result<Bytes>>;

fn body(response: Response) -> Body {
    response.bytes_stream().boxed()
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            let why: Box<dyn std::error::Error + Send + Sync> = match self.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => continue,
                Ok(Some(chunk)) => {
                    self.attempts = 0;
                    self.received += chunk.len() as u64;
                    return match self.identity.length {
                        Some(length) if self.received > length => {
                            Err(self.changed(format!("more than {length} bytes")))
                        }
                        _ => Ok(Some(chunk)),
                    };
                }
                Ok(None) if self.identity.length.is_none_or(|length| length == self.received) => {
                    return Ok(None);
                }
                Ok(None) => "the connection was closed too early".into(),
                Err(Trouble::Transient(why)) => why,
                Err(Trouble::Final(error)) => return Err(*error),
            };
            self.body = None;
            self.attempts += 1;
            if self.attempts >= MOST_ATTEMPTS {
                let (url, received) = (self.url.to_string(), self.received);
                let attempts = self.attempts;
                return Err(SourceError::Broken { url, received, attempts, source: why });
            }
            let text =
                format!("the download broke off after {} bytes ({why}); going on", self.received);
            self.ctx.tell(&omega_core::Event::Note { text });
            sleep(self.of.pause(self.attempts)).await;
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Trouble> {
        let limit = self.of.options.stall_limit;
        let body = match &mut self.body {
            Some(body) => body,
            none => none.insert(
                resumed(&self.of, &self.url, &self.identity, self.received, &mut self.skip).await?,
            ),
        };
        let chunk = timeout(limit, body.next())
            .await
            .map_err(|_| Trouble::Transient(nothing_for(limit).into()))?;
        let chunk = chunk.transpose();
        let chunk = chunk.map_err(|error| Trouble::Transient(happened(&error).into()))?;
        Ok(chunk.map(|mut chunk| {
            let again = usize::try_from(self.skip).unwrap_or(usize::MAX).min(chunk.len());
            self.skip -= again as u64;
            chunk.split_off(again)
        }))
    }

    fn changed(&self, now: String) -> SourceError {
        changed(&self.url, &self.identity, now)
    }
}

fn nothing_for(limit: Duration) -> String {
    format!("nothing arrived for {limit:?}")
}

fn happened(error: &reqwest::Error) -> Happened {
    Happened::new(TransportCause::of(error), error)
}

enum Trouble {
    Transient(Box<dyn std::error::Error + Send + Sync>),
    Final(Box<SourceError>),
}

fn changed(url: &Url, was: &Identity, now: String) -> SourceError {
    SourceError::Changed { url: url.to_string(), was: was.to_string(), now }
}

fn refused(url: &Url, status: StatusCode) -> SourceError {
    SourceError::Refused { url: url.to_string(), status: status.as_u16() }
}

/// Asks for what is missing. A server that knows no ranges sends all again, and `skip` says how much
/// of it is known.
async fn resumed(
    of: &Downloads,
    url: &Url,
    identity: &Identity,
    received: u64,
    skip: &mut u64,
) -> Result<Body, Trouble> {
    let stop = |error: SourceError| Trouble::Final(Box::new(error));
    let mut headers = vec![(RANGE, format!("bytes={received}-"))];
    headers.extend(identity.validator().map(|validator| (IF_RANGE, validator)));
    *skip = 0;
    let response = of.ask(url, if received == 0 { &[] } else { &headers }).await;
    let response = response.map_err(Trouble::Transient)?;
    let (status, all) = (response.status(), response.headers());
    let range = all.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let range = Headers::keep(range.map(|range| ("content-range", range))).content_range();
    let whole = match status {
        StatusCode::OK => response.content_length(),
        StatusCode::PARTIAL_CONTENT => range.and_then(|range| range.total).or(identity.length),
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PRECONDITION_FAILED => {
            return Err(stop(changed(url, identity, format!("an answer of {status}"))));
        }
        status => {
            let refused = refused(url, status);
            let transient = refused.retry() == omega_core::Retry::Transient;
            return Err(if transient { Trouble::Transient(refused.into()) } else { stop(refused) });
        }
    };
    let now = Identity::of(all, whole);
    if !identity.may_be(&now) {
        return Err(stop(changed(url, identity, now.to_string())));
    }
    let with = match range {
        _ if status == StatusCode::OK => None,
        None => Some("without a usable Content-Range".to_owned()),
        Some(range) if range.first != received => {
            Some(format!("with the bytes from {} on", range.first))
        }
        Some(_) => None,
    };
    if let Some(with) = with {
        return Err(stop(SourceError::WrongRange { url: url.to_string(), received, with }));
    }
    if status == StatusCode::OK {
        // Without a validator that agrees it may be another file of the same length; the digest tells.
        *skip = received;
    }
    Ok(body(response))
}
