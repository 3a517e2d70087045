use bytes::Bytes;
use futures::stream;
use http_body_util::StreamBody;
use serde_json::json;

use super::*;
use crate::{ConnectFailure, bounded_body::LIMIT};

/// A server that is too busy for this many requests, and wants to be asked again after so many seconds.
fn busy(times: usize, seconds: &'static str) -> (Management, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let mut seen = seen.lock().unwrap();
        seen.push(request.method().to_string());
        let response = Response::builder().header("retry-after", seconds);
        let busy =
            json!({ "kind": "Status", "message": "storage is (re)initializing", "code": 429 });
        let (status, body) = if seen.len() <= times { (429, busy) } else { (200, json!({})) };
        let response = response.status(status).body(Body::from(body.to_string().into_bytes()));
        std::future::ready(response.map_err(BoxError::from))
    });
    (Management::over(service, "simulator"), asked)
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_when_a_busy_server_asks_for_that() {
    let (management, asked) = busy(2, "1");
    let start = tokio::time::Instant::now();
    assert_eq!(management.get("/version", JSON).await.unwrap(), "{}");
    assert_eq!(asked.lock().unwrap().len(), 3);
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(management.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_never_is_and_a_read_not_for_ever() {
    let (management, asked) = busy(9, "1");
    let error = management.send(Verb::Create, "/x", &json!({})).await.unwrap_err();
    assert!(matches!(error, Error::Status { code: 429, .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 1);

    let (management, asked) = busy(usize::MAX, "4");
    let error = management.get("/version", JSON).await.unwrap_err();
    assert!(error.to_string().ends_with("storage is (re)initializing"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 4, "15 s, the deadline of a request");
    // Without the header it is not known when.
    let (management, asked) = busy(usize::MAX, "soon");
    management.get("/version", JSON).await.unwrap_err();
    assert_eq!(asked.lock().unwrap().len(), 1);
}

/// A server that does one thing for this many requests, and then answers.
fn troubled(
    times: usize,
    trouble: impl Fn() -> Result<Response<Body>, BoxError> + Send + 'static,
) -> (Management, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let mut seen = seen.lock().unwrap();
        seen.push(request.method().to_string());
        let well = || Ok(Response::new(Body::from(b"{}".to_vec())));
        std::future::ready(if seen.len() <= times { trouble() } else { well() })
    });
    (Management::over(service, "simulator"), asked)
}

fn status(code: u16) -> Result<Response<Body>, BoxError> {
    Ok(Response::builder().status(code).body(Body::empty())?)
}

fn failed(kind: std::io::ErrorKind) -> Result<Response<Body>, BoxError> {
    Err(Box::new(std::io::Error::from(kind)))
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_when_that_may_help() {
    use std::io::ErrorKind::{ConnectionReset, TimedOut};
    type Trouble = fn() -> Result<Response<Body>, BoxError>;
    let troubles: [Trouble; 5] = [
        || status(502),
        || status(503),
        || status(504),
        || failed(ConnectionReset),
        || failed(TimedOut),
    ];
    for (nth, trouble) in troubles.into_iter().enumerate() {
        let (management, asked) = troubled(2, trouble);
        assert_eq!(management.get("/version", JSON).await.unwrap(), "{}", "{nth}");
        assert_eq!(asked.lock().unwrap().len(), 3, "{nth}");
        let (management, asked) = troubled(usize::MAX, trouble);
        management.get("/version", JSON).await.unwrap_err();
        assert_eq!(asked.lock().unwrap().len(), 5, "{nth}: not for ever");
        let (management, asked) = troubled(2, trouble);
        management.once().get("/version", JSON).await.unwrap_err();
        assert_eq!(asked.lock().unwrap().len(), 1, "{nth}: who measures does not wait");
        let (management, asked) = troubled(2, trouble);
        management.send(Verb::Create, "/x", &json!({})).await.unwrap_err();
        assert_eq!(asked.lock().unwrap().len(), 1, "{nth}: a write is sent once");
    }
}

#[tokio::test(start_paused = true)]
async fn and_not_when_it_does_not() {
    use std::io::ErrorKind::ConnectionRefused;
    for code in [302, 401, 403, 404, 500] {
        let (management, asked) = troubled(9, move || status(code));
        management.get("/version", JSON).await.unwrap_err();
        assert_eq!(asked.lock().unwrap().len(), 1, "{code}");
    }
    let (management, asked) = troubled(9, || failed(ConnectionRefused));
    let error = management.get("/version", JSON).await.unwrap_err();
    assert!(error.to_string().ends_with("the connection was refused"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 1, "nothing ever listened there");
    // After it worked, the API server is being restarted.
    management.answered.store(true, Ordering::Relaxed);
    management.get("/version", JSON).await.unwrap_err();
    assert_eq!(asked.lock().unwrap().len(), 6);
}

#[test]
fn a_hung_server_is_a_deadline() {
    use omega_core::Diagnostic as _;
    let error = |cause| Error::Unreachable {
        server: "s".into(),
        verb: Verb::Get,
        cause,
        names: Vec::new(),
        why: String::new(),
    };
    assert!(error(ConnectFailure::TimedOut).timed_out());
    assert!(!error(ConnectFailure::Refused).timed_out());
}

/// By what is sent, not by what it is said to be.
#[tokio::test]
async fn a_client_that_only_reads_looks_at_method_and_path() {
    let server = crate::sim::Apiserver::default();
    let only = Management::over(server.clone(), "sim").read_only().in_mode(ClientMode::ReadWrite);
    assert!(only.mode().is_read_only(), "it stays so");
    let body = serde_json::json!({});
    for (verb, path) in [
        (Verb::Create, "/api/v1/namespaces"),
        (Verb::Review, "/api/v1/namespaces"),
        (Verb::Review, "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        (Verb::Replace, "/api/v1/namespaces/a"),
        (Verb::Merge, "/api/v1/namespaces/a"),
        (Verb::Apply, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        (Verb::Delete, "/api/v1/namespaces/a?dryRun=All"),
    ] {
        let error = only.send(verb, path, &body).await.unwrap_err();
        assert!(matches!(error, Error::ReadOnly(_)), "{verb} {path}: {error}");
    }
    assert_eq!(only.requests(), 0, "nothing is counted that was not sent");
    assert_eq!(server.requested(), [""; 0]);
    assert!(only.version().await.is_ok());
}

/// A server whose response is an object of 10 GB: it counts the chunks of 64 KiB that are taken. `says`:
/// whether it says how long it is.
fn flooding(says: bool) -> (Management, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let service = tower::service_fn(move |_: Request<Body>| {
        let counter = Arc::clone(&counter);
        let chunks = (0..10_usize << 14).map(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok::<_, BoxError>(http_body::Frame::data(Bytes::from(vec![b'a'; 64 << 10])))
        });
        let body = Sized { inner: StreamBody::new(stream::iter(chunks)), says };
        async move { Ok::<_, BoxError>(Response::new(body)) }
    });
    let management =
        Management::new(Client::new(service, "default"), "sim".into(), Deadlines::default());
    (management, taken)
}

/// A body that knows its size, or does not.
struct Sized<B> {
    inner: B,
    says: bool,
}

impl<B: http_body::Body + Unpin> http_body::Body for Sized<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<B::Data>, B::Error>>> {
        std::pin::Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        if self.says { http_body::SizeHint::with_exact(10 << 30) } else { self.inner.size_hint() }
    }
}

/// Neither is the memory of this machine the limit, nor the deadline: a server may send fast.
#[tokio::test]
async fn a_response_without_end_is_left_at_the_limit() {
    for (says, most) in [(true, 0), (false, (LIMIT >> 16) + 1)] {
        let (management, taken) = flooding(says);
        let error = management.get("/version", JSON).await.unwrap_err();
        let Error::Malformed { why, .. } = &error else { panic!("{error:?}") };
        assert_eq!(why, "it has more than 64 MiB");
        assert_eq!(taken.load(Ordering::Relaxed), most, "{says}");
        let (management, _) = flooding(says);
        let error = management.send(Verb::Create, "/x", &json!({})).await.unwrap_err();
        assert_eq!(omega_core::Diagnostic::touched(&error), omega_core::Touched::Maybe);
    }
}

/// `Retry-After: 0` must not become a loop without a pause.
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_pause_gets_one() {
    let (management, asked) = busy(usize::MAX, "0");
    management.get("/version", JSON).await.unwrap_err();
    assert!(asked.lock().unwrap().len() <= 75, "{}", asked.lock().unwrap().len());
}
