//! HTTPS: the client, and one exchange with its limits and errors.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use omega_core::{
    Context, Progress, Touched, read_regular,
    tls::{TrustedCertificates, certificates},
};
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect::Policy};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use url::{Host, Url};

use crate::{
    Body, ByteStream, CloudConfig, Download, Error, Headers, Limits, Request, StreamedResponse,
    TransportCause, Upload,
    transport_cause::{Happened, Stalled, TooSlow, UnusableSource},
};

/// The largest file of certificates that is read. A system's has about 200 kB.
const MOST: u64 = 16 << 20;

/// How long it may take to find out whether a port accepts connections, after TLS took too long there.
const PROBE: Duration = Duration::from_secs(2);

/// How often the progress of a transfer is reported.
const TELL: Duration = Duration::from_millis(250);

/// Returns a client that trusts the given CA, or the machine's CAs.
///
/// It follows no redirects and uses no proxy, so that a token is sent only to addresses of the catalog.
/// Bodies are not compressed, because ranges and digests refer to the original bytes.
pub(crate) fn client(config: &CloudConfig, limits: Limits) -> Result<Client, Error> {
    trusting(&config.cloud, given_ca(config)?, config.verify, limits)
}

/// Returns the CA that the configuration names, with a name for it.
pub(crate) fn given_ca(config: &CloudConfig) -> Result<Option<(Vec<u8>, String)>, Error> {
    let tls = |why: String| Error::Tls { cloud: config.cloud.clone(), why };
    Ok(match (&config.ca, &config.cacert) {
        (Some(text), _) => Some((text.expose().to_vec(), "the given CA".to_owned())),
        (None, Some(path)) => {
            let name = path.display().to_string();
            let pem = read_regular(path, MOST).map_err(|error| tls(format!("{name}: {error}")))?;
            Some((pem, name))
        }
        (None, None) => None,
    })
}

/// Returns a client that trusts the CA `given`, with a name for it, or the machine's CAs. `cloud`: for
/// errors.
pub(crate) fn trusting(
    cloud: &str,
    given: Option<(Vec<u8>, String)>,
    verify: bool,
    limits: Limits,
) -> Result<Client, Error> {
    built(cloud, builder(cloud, given, verify, limits)?)
}

/// Returns a client that trusts the machine's CAs, and never uses a connection twice. `name`: for
/// errors.
pub(crate) fn unpooled(name: &str, limits: Limits) -> Result<Client, Error> {
    built(name, builder(name, None, true, limits)?.pool_max_idle_per_host(0))
}

fn built(cloud: &str, builder: ClientBuilder) -> Result<Client, Error> {
    builder.build().map_err(|error| Error::Tls {
        cloud: cloud.to_owned(),
        why: omega_core::chain(&error).join(": "),
    })
}

fn builder(
    cloud: &str,
    given: Option<(Vec<u8>, String)>,
    verify: bool,
    limits: Limits,
) -> Result<ClientBuilder, Error> {
    let tls = |why: String| Error::Tls { cloud: cloud.to_owned(), why };
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // If another provider was installed first, that one is used.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let mut builder = Client::builder()
        .connect_timeout(limits.connect)
        .redirect(Policy::none())
        .no_proxy()
        .no_gzip()
        .user_agent(concat!("omega/", env!("CARGO_PKG_VERSION")));
    if !verify {
        return Ok(builder.danger_accept_invalid_certs(true));
    }
    let Some((pem, name)) = given else { return Ok(builder) };
    let wrong = |why: &dyn fmt::Display| tls(format!("{name}: {why}"));
    let cas = certificates(&pem).map_err(|error| tls(format!("{name} {error}")))?;
    let trusted = TrustedCertificates::new(cas).and_then(TrustedCertificates::client);
    let mut trusted = trusted.map_err(|error| wrong(&error))?;
    trusted.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    builder = builder.use_preconfigured_tls(trusted);
    Ok(builder)
}

/// Returns a URL as it is shown: its query may be long.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// One exchange: the request, the address, and the limits.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) ctx: Context,
    pub(super) request: Request,
    pub(super) url: Url,
    /// The limit without progress.
    pub(super) stall_limit: Duration,
    /// The limit for the whole of it, its answer included; none if the answer is streamed.
    pub(super) total: Option<Total>,
    /// Whether it may change anything.
    pub(super) writes: bool,
}

impl Exchange {
    /// Adds the body and the headers of the request.
    pub(super) fn filled(
        &self,
        mut builder: RequestBuilder,
        meter: &Arc<Meter>,
    ) -> Result<RequestBuilder, Error> {
        let Request { headers, body, .. } = &self.request;
        let named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let (false, Some(content_type)) = (named, body.content_type()) {
            builder = builder.header("Content-Type", content_type);
        }
        builder =
            headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, value));
        Ok(match body {
            Body::None => builder,
            Body::Json(value) => builder.body(value.to_string()),
            Body::Bytes(bytes) => builder.body(bytes.clone()),
            Body::Stream(upload) => {
                let source = upload.open().ok_or_else(|| {
                    let source = UnusableSource("it can be read only once".to_owned());
                    self.failed(TransportCause::Source, false, Box::new(source))
                })?;
                if let Some(length) = upload.length() {
                    // Otherwise it is sent in chunks (RFC 9112, 7.1).
                    builder = builder.header("Content-Length", length);
                }
                let body = metered(self.ctx.clone(), Arc::clone(meter), upload, source);
                builder.body(reqwest::Body::wrap_stream(body))
            }
        })
    }

    /// Sends it, and returns when the head of the response has arrived.
    pub(super) async fn send(
        self,
        builder: RequestBuilder,
        meter: Arc<Meter>,
    ) -> Result<(reqwest::header::HeaderMap, StreamedResponse), Error> {
        let mut trace = Trace::new(&self.request, shown(&self.url));
        meter.moved(0);
        let response = match self.limited(&meter, builder.send()).await? {
            Ok(response) => response,
            Err(error) => return Err(self.unreachable(&error).await),
        };
        let status = response.status().as_u16();
        let all = response.headers().clone();
        let text = |name: &str| all.get(name).and_then(|value| value.to_str().ok());
        let request_id = text("x-openstack-request-id").or_else(|| text("x-compute-request-id"));
        let request_id = request_id.map(str::to_owned);
        trace.status = Some(status);
        trace.request_id.clone_from(&request_id);
        let pairs =
            all.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers = Headers::keep(pairs);
        let total = response.content_length();
        let (request, url) = (self.request.clone(), shown(&self.url));
        let body = Download::new(&request, self.download(response, total, trace));
        Ok((
            all.clone(),
            StreamedResponse {
                request_id,
                headers,
                url: Some(url),
                ..StreamedResponse::new(status, body)
            },
        ))
    }

    fn download(
        self,
        response: reqwest::Response,
        total: Option<u64>,
        trace: Trace,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let chunks = Box::pin(response.bytes_stream());
        let state = (self, chunks, Arc::new(Meter::new("receiving", total)), trace);
        stream::try_unfold(state, async |(exchange, mut chunks, meter, trace)| {
            meter.moved(0);
            let chunk = exchange.limited(&meter, chunks.next()).await?;
            let Some(chunk) = chunk else { return Ok(None) };
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Err(exchange.unreachable(&error).await),
            };
            meter.moved(chunk.len() as u64);
            meter.tell(&exchange.ctx);
            Ok(Some((chunk, (exchange, chunks, meter, trace))))
        })
    }

    /// Awaits `what` as long as there is progress and the run is not cancelled.
    async fn limited<T>(&self, meter: &Meter, what: impl Future<Output = T>) -> Result<T, Error> {
        let given_up = |timed_out| Error::Cancelled {
            request: self.request.to_string(),
            timed_out,
            touched: self.touched(),
        };
        let deadline = async {
            match self.ctx.deadline() {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let end = async {
            match self.total {
                Some(total) => {
                    sleep_until(total.end).await;
                    total.limit
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = what => Ok(done),
            after = end => {
                let cause = TransportCause::TooSlow { after, moved: meter.count() };
                Err(self.failed(cause, true, Box::new(TooSlow)))
            }
            () = meter.stalled(self.stall_limit) => {
                let cause = TransportCause::Stalled { after: self.stall_limit, moved: meter.count() };
                Err(self.failed(cause, true, Box::new(Stalled)))
            }
            () = self.ctx.cancel().cancelled() => Err(given_up(false)),
            () = deadline => Err(given_up(true)),
        }
    }

    fn touched(&self) -> Touched {
        if self.writes { Touched::Maybe } else { Touched::Nothing }
    }

    async fn unreachable(&self, error: &reqwest::Error) -> Error {
        let sent = !(error.is_connect() || error.is_builder());
        let cause = cause_of(error, &self.url).await;
        self.failed(cause, sent, Box::new(Happened::new(cause, error)))
    }

    fn failed(
        &self,
        cause: TransportCause,
        sent: bool,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> Error {
        Error::Unreachable {
            request: self.request.to_string(),
            url: shown(&self.url),
            cause,
            touched: if sent { self.touched() } else { Touched::Nothing },
            source,
        }
    }
}

/// When an exchange must be complete, and how long that was from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Total {
    end: Instant,
    limit: Duration,
}

impl Total {
    /// For an exchange that begins now.
    pub(super) fn within(limit: Duration) -> Self {
        Self { end: Instant::now() + limit, limit }
    }
}

/// Returns what happened to an exchange with `url`. The error of a connection that took too long does not
/// tell whether TLS was the reason: the port does.
pub(crate) async fn cause_of(error: &reqwest::Error, url: &Url) -> TransportCause {
    let cause = TransportCause::of(error);
    let with_tls = cause == TransportCause::ConnectTimedOut && url.scheme() == "https";
    if with_tls && accepts(url).await { TransportCause::Hung } else { cause }
}

/// Returns whether the port of `url` accepts connections.
async fn accepts(url: &Url) -> bool {
    let port = url.port_or_known_default().unwrap_or(443);
    let connected = async {
        match url.host() {
            Some(Host::Domain(name)) => TcpStream::connect((name, port)).await.is_ok(),
            Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await.is_ok(),
            Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await.is_ok(),
            None => false,
        }
    };
    timeout(PROBE, connected).await.unwrap_or(false)
}

/// Returns the bytes of `source`, counted and checked against the declared length: HTTP would cut a
/// longer body silently.
fn metered(
    ctx: Context,
    meter: Arc<Meter>,
    upload: &Upload,
    source: ByteStream,
) -> impl Stream<Item = Result<Bytes, UnusableSource>> + Send + 'static {
    let length = upload.length();
    stream::try_unfold(source, move |mut source| {
        let (ctx, meter) = (ctx.clone(), Arc::clone(&meter));
        async move {
            let wrong = |count: u64| {
                let said = length.unwrap_or_default();
                UnusableSource(format!("it has {count} bytes instead of {said}"))
            };
            let Some(chunk) = source.next().await else {
                let count = meter.count();
                let whole = length.is_none_or(|length| length == count);
                return if whole { Ok(None) } else { Err(wrong(count)) };
            };
            let chunk = chunk.map_err(|error| UnusableSource(error.to_string()))?;
            let count = meter.moved(chunk.len() as u64);
            if length.is_some_and(|length| length < count) {
                return Err(wrong(count));
            }
            meter.tell(&ctx);
            Ok(Some((chunk, source)))
        }
    })
}

/// The number of bytes that were transferred, and the time of the last progress.
#[derive(Debug)]
pub(super) struct Meter {
    stage: &'static str,
    total: Option<u64>,
    count: AtomicU64,
    last: Mutex<Instant>,
    told: Mutex<Option<Instant>>,
}

impl Meter {
    pub(super) fn new(stage: &'static str, total: Option<u64>) -> Self {
        let (count, last) = (AtomicU64::new(0), Mutex::new(Instant::now()));
        Self { stage, total, count, last, told: Mutex::new(None) }
    }

    pub(super) fn sending(body: &Body) -> Self {
        let length = match body {
            Body::Stream(upload) => upload.expected(),
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::None | Body::Json(_) => None,
        };
        Self::new("sending", length)
    }

    fn moved(&self, bytes: u64) -> u64 {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.count.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Reports the progress, at a limited rate.
    fn tell(&self, ctx: &Context) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.count();
        if told.is_none_or(|at| at.elapsed() >= TELL) || self.total == Some(count) {
            *told = Some(Instant::now());
            ctx.progress(Progress::bytes(count, self.total).stage(self.stage));
        }
    }

    /// Returns once there was no progress for this long.
    async fn stalled(&self, limit: Duration) {
        loop {
            let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let end = last + limit;
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// One line of the trace, written at the end of the exchange: when its body was read or dropped.
struct Trace {
    what: String,
    url: String,
    start: Instant,
    status: Option<u16>,
    request_id: Option<String>,
}

impl Trace {
    fn new(request: &Request, url: String) -> Self {
        let what = request.to_string();
        Self { what, url, start: Instant::now(), status: None, request_id: None }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let Self { what, url, start, status, request_id } = self;
        let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let request_id = request_id.as_deref().unwrap_or("-");
        tracing::info!(target: "omega_trace", kind = "http", what, url, status, request_id, took_ms, "trace");
    }
}
