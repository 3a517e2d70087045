//! `/metrics` and `/healthz` over HTTP.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE as TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use omega_core::{Failure, FailureClass};
use tokio::{net::TcpListener, sync::Semaphore, time::Instant};

use super::metrics::{CONTENT_TYPE, metrics};

/// How many connections are served at the same time. Prometheus uses one.
const CONNECTIONS: usize = 16;
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is served. Clones are the same page.
#[derive(Clone, Debug)]
pub struct Page(Arc<RwLock<State>>);

#[derive(Debug)]
struct State {
    text: String,
    /// When the last look ended.
    looked: Option<Instant>,
    began: Instant,
    /// After how long without a look something is wrong.
    stale: Duration,
}

impl Page {
    /// Returns the page before the first look. `stale`: after how long without a look `/healthz` says so.
    pub fn new(stale: Duration) -> Self {
        let began = Instant::now();
        Self(Arc::new(RwLock::new(State { text: metrics(None), looked: None, began, stale })))
    }

    /// Shows what a look found that has just ended.
    pub fn show(&self, text: String) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        (state.text, state.looked) = (text, Some(Instant::now()));
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (status, kind, text) = match path {
            _ if !matches!(*method, Method::GET | Method::HEAD) => {
                (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n".to_owned())
            }
            "/metrics" => (StatusCode::OK, CONTENT_TYPE, state.text.clone()),
            "/healthz" => health(&state),
            _ => (StatusCode::NOT_FOUND, PLAIN, "there are /metrics and /healthz\n".to_owned()),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(TYPE, hyper::header::HeaderValue::from_static(kind));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// Whether the program looks at the site, whatever it finds there.
fn health(state: &State) -> (StatusCode, &'static str, String) {
    let since = state.looked.unwrap_or(state.began).elapsed();
    if since <= state.stale {
        return (StatusCode::OK, PLAIN, "ok\n".to_owned());
    }
    let text = format!("no look has ended for {} s\n", since.as_secs());
    (StatusCode::SERVICE_UNAVAILABLE, PLAIN, text)
}

/// Listens at `address`. `anywhere`: also where other machines can connect, without a password or TLS.
///
/// # Errors
///
/// Fails with [`FailureClass::Usage`] on an address that is not of the loopback, unless `anywhere`; and
/// if the address is not of this machine or in use.
pub async fn bind(address: SocketAddr, anywhere: bool) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() && !anywhere {
        let what = format!("{address} is not a loopback address: other machines could connect");
        return Err(Failure::new(FailureClass::Usage, what)
            .because("what is served names machines and files, without a password or TLS")
            .next("listen at 127.0.0.1, or say --listen-anywhere"));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let what = format!("could not listen at {address}");
        Failure::new(FailureClass::Error, what).because(error.to_string())
    })
}

/// Serves `page` until it is dropped. A client that sends nothing, or too slowly, is let go.
pub async fn serve(listener: TcpListener, page: Page) -> Infallible {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, or a client that was faster: neither ends the program.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let page = page.clone();
        drop(tokio::spawn(async move {
            let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                let response = page.answer(request.method(), request.uri().path());
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // What goes wrong is the client's, and nobody to tell.
            drop(tokio::time::timeout(PATIENCE * 2, connection).await);
            drop(slot);
        }));
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
