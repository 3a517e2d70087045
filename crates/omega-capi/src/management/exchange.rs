//! One exchange with the API server: the only place where requests leave.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::{Request, StatusCode};
use kube::client::Body;
use omega_core::{WriteRefused, chain, read_only::passes};

use super::Management;
use crate::{
    ConnectFailure, Error, Verb,
    bounded_body::{BodyError, LIMIT, bounded},
    connect_failure::certificate_names,
};

/// The pause after the first try; each is twice the one before.
const FIRST: Duration = Duration::from_millis(200);

impl Management {
    /// Sends the request; a read, and what has its effect once, again for as long as that may help.
    pub(super) async fn exchange(
        &self,
        Sent { verb, again }: Sent,
        path: &str,
        request: impl Fn() -> http::Result<Request<Body>> + Send,
    ) -> Result<Answer, Error> {
        let until = tokio::time::Instant::now() + self.deadlines.total;
        let (mut tries, mut own) = (0, FIRST);
        loop {
            let start = tokio::time::Instant::now();
            let answer = self.exchange_once(verb, path, request(), until - start).await;
            tries += 1;
            let pause = match &answer {
                _ if verb.writes() && !again => None,
                Ok(Answer { retry_after: Some(pause), .. }) => (self.tries > 1).then_some(*pause),
                Ok(answer) => (is_passing(answer.code) && tries < self.tries).then_some(own),
                Err(error) => {
                    let again = self.may_again(error, start.elapsed());
                    (again && tries < self.tries).then_some(own)
                }
            };
            match pause.map(|pause| tokio::time::Instant::now() + pause) {
                Some(at) if at < until => tokio::time::sleep_until(at).await,
                _ => return answer,
            }
            own = own.saturating_mul(2);
        }
    }

    /// Returns whether a read that met `error` after `took` may succeed when it is sent again.
    fn may_again(&self, error: &Error, took: Duration) -> bool {
        let Error::Unreachable { cause, .. } = error else { return false };
        match cause {
            ConnectFailure::Reset => true,
            // One that hangs, or is not there, has had its time.
            ConnectFailure::TimedOut => took < self.deadlines.connect,
            ConnectFailure::Hung => took < self.deadlines.secured(),
            ConnectFailure::Refused | ConnectFailure::NoRoute => {
                self.answered.load(Ordering::Relaxed)
            }
            ConnectFailure::NotResolved
            | ConnectFailure::UnknownAuthority
            | ConnectFailure::NotValidNow
            | ConnectFailure::OtherName
            | ConnectFailure::CaAsLeaf
            | ConnectFailure::Certificate
            | ConnectFailure::Unsupported
            | ConnectFailure::Tls
            | ConnectFailure::Other => false,
        }
    }

    /// The one place where requests leave: it looks at what is sent, not at what it is for.
    fn allowed(&self, request: &Request<Body>) -> Result<(), Error> {
        let (method, path) = (request.method(), request.uri().path());
        if !self.mode.is_read_only() || passes(method.as_str(), path) {
            return Ok(());
        }
        Err(Error::ReadOnly(WriteRefused::new(format!("{method} {path}"), &self.label)))
    }

    /// Sends one request and traces it.
    async fn exchange_once(
        &self,
        verb: Verb,
        path: &str,
        request: http::Result<Request<Body>>,
        after: Duration,
    ) -> Result<Answer, Error> {
        let request = request.map_err(|error| self.malformed(verb, path, &error.to_string()))?;
        self.allowed(&request)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let answered = async {
            let sent = self.client.send(request).await.map_err(BodyError::Broken)?;
            let (parts, body) = sent.into_parts();
            let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
            let (code, date, id) = (parts.status, header("date"), header("audit-id"));
            let pause = header("retry-after").and_then(|seconds| seconds.parse().ok());
            let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
            let pause = pause.filter(|_| busy.contains(&code));
            let retry_after = pause.map(|seconds| Duration::from_secs(seconds).max(FIRST));
            let mut body = bounded(body).await?;
            // What is no success is shown.
            if !code.is_success() {
                body = self.withheld.hide_in(&String::from_utf8_lossy(&body)).into_bytes();
            }
            Ok::<_, BodyError>((Answer { code, date, retry_after, body }, id))
        };
        let answered = tokio::time::timeout(after, answered).await;
        let bare = path.split_once('?').map_or(path, |(bare, _values)| bare);
        let (status, id) = match &answered {
            Ok(Ok((answer, id))) => (answer.code.as_u16(), id.clone().unwrap_or_default()),
            Ok(Err(_)) | Err(_) => (0, String::new()),
        };
        tracing::info!(
            target: "omega_trace",
            kind = "http",
            what = %format!("{verb} {bare}"),
            server = self.label,
            status,
            request_id = id,
            took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "trace"
        );
        let server = self.label.clone();
        match answered {
            Ok(Ok((answer, _))) => {
                self.answered.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(BodyError::TooLarge)) => {
                let why = format!("it has more than {} MiB", LIMIT >> 20);
                Err(self.malformed(verb, path, &why))
            }
            Ok(Err(BodyError::Broken(error))) => {
                let cause = ConnectFailure::of(&error);
                let mut why = cause
                    .words(&error)
                    .unwrap_or_else(|| format!("the exchange failed ({})", causes(&error)));
                if let ConnectFailure::TimedOut | ConnectFailure::Hung = cause {
                    why = format!("{why} within {:.0?}", start.elapsed());
                }
                let names = certificate_names(&error);
                Err(Error::Unreachable { server, verb, cause, names, why })
            }
            Err(_) => {
                let after = self.deadlines.total;
                Err(Error::Deadline { server, verb, path: path.to_owned(), after })
            }
        }
    }
}

/// Returns whether a status tells that the API server, or the proxy in front of it, can't answer now.
fn is_passing(code: StatusCode) -> bool {
    matches!(code.as_u16(), 502..=504)
}

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(super) verb: Verb,
    /// Whether a write is sent again like a read.
    again: bool,
}

impl Sent {
    /// A write is sent once.
    pub(crate) fn once(verb: Verb) -> Self {
        Self { verb, again: false }
    }

    /// A write that has its effect once, however often it arrives: it names the version that it replaces,
    /// or creates an object.
    pub(crate) fn again(verb: Verb) -> Self {
        Self { verb, again: true }
    }
}

/// A response of any status.
pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) date: Option<String>,
    /// When the server wants to be asked again, if it is too busy now.
    retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Returns the causes below kube's own error, which only names a layer and repeats its cause.
fn causes(error: &kube::Error) -> String {
    let causes = if let kube::Error::Service(below) = error {
        chain(below.as_ref())
    } else if let kube::Error::HyperError(below) = error {
        chain(below)
    } else {
        chain(error)
    };
    causes.join(": ")
}
