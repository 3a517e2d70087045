mod exchange;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use http::{
    Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use jiff::Timestamp;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig as Raw},
};
use omega_core::{
    ClientMode, Label, chain, kubeconfig::Kubeconfig, run::TargetLock, values::Withheld,
};
use serde_json::Value;
use tower::{BoxError, Service};

use self::exchange::Answer;
pub(crate) use self::exchange::Sent;
use crate::{
    Deadlines, Error, OddObject, Verb, kube_client::client, lease::LeaseState, list::JSON,
    rights::rights, upstream_messages::is_authorizer_refusal,
};

/// How often a read is sent at most, unless the server itself says when to ask again.
const TRIES: u32 = 5;

/// How many characters of a server's message are kept.
const MESSAGE: usize = 300;

/// A client of the Kubernetes cluster that runs Cluster API. Cheap to clone.
///
/// It sends a write once. A read is sent again, within the deadline for the whole request: after 429 or
/// 503 with `Retry-After`, after that time, so that the server answers while it is busy, and for some
/// seconds after a definition was changed ("storage is (re)initializing"); and up to five times, with
/// growing pauses, after 502, 503, 504, a connection that was reset or timed out, and one that was refused
/// by a server that has answered before. A redirect is not followed.
#[derive(Clone)]
pub struct Management {
    client: Client,
    label: String,
    deadlines: Deadlines,
    requests: Arc<AtomicUsize>,
    /// The objects of lists that could not be understood.
    odd: Arc<Mutex<BTreeSet<OddObject>>>,
    /// Whether the server has answered before.
    answered: Arc<AtomicBool>,
    /// How often a read is sent at most.
    tries: u32,
    mode: ClientMode,
    /// What the server is sent, and must not be shown if the server returns it.
    withheld: Withheld,
    lease: Arc<LeaseState>,
}

impl Management {
    /// Creates a client from `kubeconfig`, with the default deadlines. Sends nothing yet.
    ///
    /// A rustls crypto provider must be installed, or be the only one that is compiled in.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a certificate or key in it does not parse.
    pub async fn connect(kubeconfig: &Kubeconfig) -> Result<Self, Error> {
        Self::connect_within(kubeconfig, Deadlines::default()).await
    }

    /// Like [`Management::connect`], with other `deadlines`.
    ///
    /// # Errors
    ///
    /// As [`Management::connect`].
    pub async fn connect_within(
        kubeconfig: &Kubeconfig,
        deadlines: Deadlines,
    ) -> Result<Self, Error> {
        let facts = &kubeconfig.facts;
        let server = format!("{} (context {})", facts.server, facts.context);
        let invalid = |why: String| Error::Config { server: server.clone(), why };
        let plain = kubeconfig.plain().map_err(|error| invalid(error.to_string()))?;
        let text = str::from_utf8(plain.expose()).map_err(|e| invalid(e.to_string()))?;
        // The parser's message may quote the file.
        let raw = Raw::from_yaml(text).map_err(|_| invalid("not a kubeconfig in YAML".into()))?;
        let options =
            KubeConfigOptions { context: Some(facts.context.clone()), ..Default::default() };
        let mut config = Config::from_custom_kubeconfig(raw, &options)
            .await
            .map_err(|error| invalid(chain(&error).join(": ")))?;
        // By default kube retries 15 times, with pauses of up to 1000 s, and reads a proxy from
        // the environment.
        config.default_retry = false;
        config.proxy_url = None;
        // kube would refuse a certificate of X.509 version 1.
        config.auth_info.client_certificate_data = None;
        config.auth_info.client_key_data = None;
        let identity = kubeconfig.client_certificate();
        let client = client(&config, identity, deadlines).map_err(invalid)?;
        let withheld = Withheld::new(kubeconfig.token());
        Ok(Self { withheld, ..Self::new(client, server, deadlines) })
    }

    /// Creates a client over `service`, with the default deadlines. Its requests have no host.
    pub fn over<S>(service: S, label: impl Into<String>) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>>,
        S: Send + 'static,
        S::Future: Send + 'static,
    {
        Self::new(Client::new(service, "default"), label.into(), Deadlines::default())
    }

    fn new(client: Client, label: String, deadlines: Deadlines) -> Self {
        let (requests, odd, answered) = (Arc::default(), Arc::default(), Arc::default());
        Self {
            client,
            label,
            deadlines,
            requests,
            odd,
            answered,
            tries: TRIES,
            mode: ClientMode::ReadWrite,
            withheld: Withheld::default(),
            lease: Arc::default(),
        }
    }

    /// Returns the same client, whose requests are counted elsewhere.
    pub(crate) fn counting_in(&self, requests: &Arc<AtomicUsize>) -> Self {
        Self { requests: Arc::clone(requests), ..self.clone() }
    }

    pub(crate) fn lease_state(&self) -> &LeaseState {
        &self.lease
    }

    /// Returns the same client for whoever measures whether the server answers: it sends a read once.
    #[must_use]
    pub fn once(&self) -> Self {
        Self { tries: 1, ..self.clone() }
    }

    /// Returns the same client, which refuses to send a write: see
    /// [`EXCEPTIONS`](omega_core::read_only::EXCEPTIONS).
    #[must_use]
    pub fn read_only(&self) -> Self {
        self.in_mode(ClientMode::ReadOnly)
    }

    /// Returns the same client, which sends what `mode` allows. One that only reads stays so.
    #[must_use]
    pub fn in_mode(&self, mode: ClientMode) -> Self {
        let mode = if self.mode.is_read_only() { self.mode } else { mode };
        Self { mode, ..self.clone() }
    }

    /// Returns what it may send.
    pub fn mode(&self) -> ClientMode {
        self.mode
    }

    /// Returns how long a request may take.
    pub fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// Returns how many requests this client and its clones have sent.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the objects of lists that this client and its clones skipped because they could not
    /// be understood.
    pub fn odd_objects(&self) -> Vec<OddObject> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn note_odd(&self, odd: Vec<OddObject>) {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).extend(odd);
    }

    pub(crate) async fn get(&self, path: &str, accept: &str) -> Result<String, Error> {
        let request = || Request::get(path).header(ACCEPT, accept).body(Body::empty());
        self.successful(Sent::once(Verb::Get), path, request).await
    }

    /// Sends one request with `body` and returns the object in the response. A write is not sent if this
    /// client took the lock of the cluster and no longer has it.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] 409 if the `resourceVersion` in `body` is outdated, or if the object to
    /// create exists.
    pub(crate) async fn send(&self, verb: Verb, path: &str, body: &Value) -> Result<Value, Error> {
        if verb.writes() && !path.contains("dryRun=All") {
            self.still_locked().await?;
        }
        self.send_unlocked(Sent::once(verb), path, body).await
    }

    /// The same, whoever has the lock.
    pub(crate) async fn send_unlocked(
        &self,
        sent: Sent,
        path: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let verb = sent.verb;
        let request = || {
            let request = Request::builder().method(verb.method()).uri(path);
            let request = request.header(ACCEPT, JSON).header(CONTENT_TYPE, verb.content_type());
            request.body(Body::from(body.to_string().into_bytes()))
        };
        let text = self.successful(sent, path, request).await?;
        self.parse(verb, path, &text)
    }

    /// Sends one request with `body`. The statuses in `accepted` are not errors: another client was
    /// faster, and the next observation shows the result.
    pub(crate) async fn change(
        &self,
        verb: Verb,
        path: &str,
        body: &Value,
        accepted: &[u16],
    ) -> Result<(), Error> {
        match self.send(verb, path, body).await {
            Err(Error::Status { code, .. }) if accepted.contains(&code) => Ok(()),
            sent => sent.map(drop),
        }
    }

    /// Sends one GET and returns the status, the header `Date` and the body. Only the statuses 401
    /// and 403 are errors.
    pub(crate) async fn answer(&self, path: &str) -> Result<(u16, Option<String>, String), Error> {
        let Answer { code, date, body, .. } = self
            .exchange(Sent::once(Verb::Get), path, || Request::get(path).body(Body::empty()))
            .await?;
        match code {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(self.refusal(Verb::Get, path, code, &body))
            }
            // It is text, and shown.
            _ => {
                let text = self.withheld.hide_in(&String::from_utf8_lossy(&body));
                Ok((code.as_u16(), date, text))
            }
        }
    }

    /// Returns the API server's clock, to the second. The times in its objects come from it.
    ///
    /// # Errors
    ///
    /// Fails without an answer, or if it has no valid header `Date`.
    pub async fn time(&self) -> Result<Timestamp, Error> {
        const PATH: &str = "/version";
        let (_, date, _) = self.answer(PATH).await?;
        let time = date.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok());
        let time = time.ok_or_else(|| self.malformed(Verb::Get, PATH, "it has no valid Date"))?;
        Ok(time.timestamp())
    }

    /// Returns the API server's version (`v1.34.4`).
    ///
    /// # Errors
    ///
    /// Fails without an answer, or if it has no `gitVersion`.
    pub async fn version(&self) -> Result<String, Error> {
        const PATH: &str = "/version";
        let body: Value = self.parse(Verb::Get, PATH, &self.get(PATH, JSON).await?)?;
        let version = body.get("gitVersion").and_then(Value::as_str);
        let none = || self.malformed(Verb::Get, PATH, "it has no gitVersion");
        version.map(ToOwned::to_owned).ok_or_else(none)
    }

    async fn successful(
        &self,
        sent: Sent,
        path: &str,
        request: impl Fn() -> http::Result<Request<Body>> + Send,
    ) -> Result<String, Error> {
        let verb = sent.verb;
        let Answer { code, body, .. } = self.exchange(sent, path, request).await?;
        if !code.is_success() {
            return Err(self.refusal(verb, path, code, &body));
        }
        String::from_utf8(body).map_err(|_| self.malformed(verb, path, "it is not text"))
    }

    pub(crate) fn malformed(&self, verb: Verb, path: &str, why: &str) -> Error {
        let (server, path) = (self.label.clone(), path.to_owned());
        Error::Malformed { server, verb, path, why: why.to_owned() }
    }

    pub(crate) fn status(&self, verb: Verb, path: &str, code: u16, body: &str) -> Error {
        let (server, path, message) = (self.label.clone(), path.to_owned(), message(body));
        Error::Status { server, verb, path, code, message }
    }

    fn refusal(&self, verb: Verb, path: &str, code: StatusCode, body: &[u8]) -> Error {
        let (server, message) = (self.label.clone(), message(&String::from_utf8_lossy(body)));
        let path = path.to_owned();
        match code {
            StatusCode::UNAUTHORIZED => Error::Unauthorized { server, verb, path },
            StatusCode::FORBIDDEN if verb.writes() && !is_authorizer_refusal(&message) => {
                Error::NotAdmitted { server, verb, path, message }
            }
            StatusCode::FORBIDDEN => {
                let (verb, resource) = rights(verb, &path);
                Error::Forbidden { server, verb: verb.into(), resource, message }
            }
            _ => Error::Status { server, verb, path, code: code.as_u16(), message },
        }
    }
}

/// Returns the message of a Kubernetes `Status`, or the text of any other body, shortened.
pub(crate) fn message(body: &str) -> String {
    let status: Option<Value> = serde_json::from_str(body).ok();
    let message = status.as_ref().and_then(|status| status.get("message")?.as_str());
    message.unwrap_or(body).trim().chars().take(MESSAGE).collect()
}

impl Label for Management {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        Some(self.lease())
    }
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management").field("label", &self.label).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "management_tests.rs"]
mod tests;
