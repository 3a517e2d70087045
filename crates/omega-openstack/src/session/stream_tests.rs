//! Streams against a server on loopback: gigabytes with bounded memory, stalls, resets, ranges.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a server behaves as usual where nothing is said"
)]

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use omega_core::{
    CancelToken, ChangeKind, Conflict, Context, Delta, Desired, Diagnostic as _, Diff, Event,
    EventSink, Progress, Retry, Subject, Touched, ensure,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{Session, SessionOptions, tests::config};
use crate::{
    Body, ByteStream, Error, JSON_LIMIT, Method, Request, RetryAfter, Service, Transport as _,
    TransportCause, Upload,
};

const CHUNK: usize = 256 << 10;
const GIGABYTE: u64 = 1 << 30;
/// More than this is no bounded memory: a gigabyte passes.
const MEMORY: u64 = 192 << 20;

/// What the server does with `/v2/images/...`.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    /// Takes uploads, and sends `size` bytes.
    Serves(u64),
    /// Reads so many bytes of the body, then nothing more.
    StopsReading(u64),
    /// Sends so many of `size` bytes, then nothing more.
    StopsSending(u64, u64),
    /// Sends so many of `size` bytes, then resets the connection.
    Resets(u64, u64),
    /// Resets the connection after so many bytes of the body.
    ResetsUpload(u64),
    /// Answers with this status and these headers, and so many bytes.
    Says(u16, &'static str, u64),
    /// Says 404 until something was uploaded.
    HasNothingAtFirst,
    /// Takes a token for none until it is the second.
    WantsSecondToken,
}

/// What arrived: the head, and how many bytes with which digest.
type Arrived = Arc<Mutex<Vec<(String, u64)>>>;

struct Server {
    session: Session,
    arrived: Arrived,
}

/// The length after which what is sent repeats itself: a prime number, so that a chunk that is
/// shifted or comes twice is noticed.
const PERIOD: usize = 65_521;

static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let byte = |at: usize| (at ^ (at >> 8)).to_le_bytes()[0];
    (0..PERIOD + CHUNK).map(|at| byte(at % PERIOD)).collect()
});

/// What is sent from the byte `first` on; at most a chunk.
fn block(first: u64, size: u64) -> &'static [u8] {
    let start = usize::try_from(first % PERIOD as u64).unwrap();
    &PATTERN[start..start + usize::try_from(size).unwrap()]
}

fn is_right(first: u64, bytes: &[u8]) -> bool {
    let mut at = first;
    bytes.chunks(CHUNK).all(|chunk| {
        let right = *chunk == *block(at, chunk.len() as u64);
        at += chunk.len() as u64;
        right
    })
}

async fn server(behaviour: Behaviour, stall: Duration) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let arrived = Arrived::default();
    let (base, seen) = (url.clone(), Arc::clone(&arrived));
    tokio::spawn(async move {
        let logins = Arc::new(Mutex::new(0));
        while let Ok((stream, _)) = listener.accept().await {
            let (url, seen, logins) = (base.clone(), Arc::clone(&seen), Arc::clone(&logins));
            tokio::spawn(async move { drop(serve(stream, behaviour, &url, &seen, &logins).await) });
        }
    });
    let options = SessionOptions::default().stall_limit(stall);
    Server { session: Session::new(config(&url), &options).await.unwrap(), arrived }
}

async fn serve(
    stream: TcpStream,
    behaviour: Behaviour,
    url: &str,
    seen: &Arrived,
    logins: &Mutex<usize>,
) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(CHUNK, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|l| l.to_lowercase().starts_with(&format!("{name}: ")));
        line.map(|line| line.split_once(": ").unwrap().1.to_owned())
    };
    let length: Option<u64> = header("content-length").map(|text| text.parse().unwrap());
    if head.starts_with("POST /v3/auth/tokens") {
        let mut body = vec![0; usize::try_from(length.unwrap()).unwrap()];
        stream.read_exact(&mut body).await?;
        *logins.lock().unwrap() += 1;
        let number = *logins.lock().unwrap();
        let endpoint = json!({ "interface": "public", "region_id": "One", "url": url });
        let body = json!({ "token": {
            "expires_at": "2099-01-01T00:00:00Z", "user": { "id": "u", "name": "op" },
            "project": { "id": "p", "name": "mgmt", "domain": { "id": "c", "name": "capi" } },
            "roles": [], "catalog": [{ "type": "image", "endpoints": [endpoint] }],
        } })
        .to_string();
        let head = format!(
            "HTTP/1.1 201 X\r\nX-Subject-Token: token-{number}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        return stream.get_mut().write_all(head.as_bytes()).await;
    }
    let most = match behaviour {
        Behaviour::StopsReading(bytes) | Behaviour::ResetsUpload(bytes) => Some(bytes),
        _ => None,
    };
    let chunked = header("transfer-encoding").is_some_and(|value| value == "chunked");
    let (bytes, digest) = match (chunked, length) {
        (true, _) => read_chunked(&mut stream, most).await?,
        (false, length) => read_plain(&mut stream, length.unwrap_or(0), most).await?,
    };
    seen.lock().unwrap().push((format!("{head}{digest}"), bytes));
    if most.is_some() {
        if matches!(behaviour, Behaviour::ResetsUpload(_)) {
            stream.get_ref().set_zero_linger()?;
            return Ok(());
        }
        std::future::pending::<()>().await;
    }
    let token = header("x-auth-token").unwrap();
    let (size, sent) = match behaviour {
        Behaviour::Serves(size) | Behaviour::Says(_, _, size) => (size, size),
        Behaviour::StopsSending(size, sent) | Behaviour::Resets(size, sent) => (size, sent),
        _ => (0, 0),
    };
    let first = header("range").map_or(0, |range| {
        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap()
    });
    let (status, more) = match behaviour {
        Behaviour::Says(status, more, _) => (status, more.to_owned()),
        Behaviour::HasNothingAtFirst if seen.lock().unwrap().len() < 2 => (404, String::new()),
        Behaviour::WantsSecondToken if token != "token-2" => (401, String::new()),
        _ if first > 0 => (206, format!("Content-Range: bytes {first}-{}/{size}\r\n", size - 1)),
        _ => (200, "OpenStack-image-import-methods: glance-direct,web-download\r\n".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nX-Openstack-Request-Id: req-1\r\nETag: \"e\"\r\nLocation: /v2/x\r\n\
         {more}Content-Length: {}\r\nConnection: close\r\n\r\n",
        size - first
    );
    stream.get_mut().write_all(answer.as_bytes()).await?;
    if head.starts_with("HEAD") {
        return Ok(());
    }
    let mut at = first;
    while at < sent {
        let next = block(at, (CHUNK as u64).min(sent - at));
        stream.get_mut().write_all(next).await?;
        at += next.len() as u64;
    }
    match behaviour {
        Behaviour::StopsSending(..) if first == 0 => std::future::pending().await,
        Behaviour::Resets(..) if first == 0 => stream.get_ref().set_zero_linger(),
        _ => stream.get_mut().shutdown().await,
    }
}

async fn read_plain(
    stream: &mut BufReader<TcpStream>,
    length: u64,
    most: Option<u64>,
) -> io::Result<(u64, String)> {
    let wanted = most.map_or(length, |most| most.min(length));
    let (mut at, mut buffer, mut whole) = (0, vec![0; CHUNK], true);
    while at < wanted {
        let room = usize::try_from((wanted - at).min(CHUNK as u64)).unwrap();
        let read = stream.read(&mut buffer[..room]).await?;
        if read == 0 {
            break;
        }
        whole &= is_right(at, &buffer[..read]);
        at += read as u64;
    }
    Ok((at, if whole { "as sent".into() } else { "garbled".into() }))
}

async fn read_chunked(
    stream: &mut BufReader<TcpStream>,
    most: Option<u64>,
) -> io::Result<(u64, String)> {
    let (mut at, mut whole) = (0, true);
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await?);
        }
        let size = String::from_utf8(line).unwrap();
        let size = u64::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; usize::try_from(size).unwrap() + 2];
        stream.read_exact(&mut chunk).await?;
        whole &= is_right(at, &chunk[..chunk.len() - 2]);
        at += size;
        if size == 0 || most.is_some_and(|most| at >= most) {
            return Ok((at, if whole { "as sent".into() } else { "garbled".into() }));
        }
    }
}

fn bytes(size: u64) -> ByteStream {
    let chunk = CHUNK as u64;
    let blocks = (0..size.div_ceil(chunk)).map(move |nth| {
        let first = nth * chunk;
        Ok(Bytes::copy_from_slice(block(first, chunk.min(size - first))))
    });
    Box::pin(stream::iter(blocks))
}

fn upload(size: u64, length: Option<u64>) -> Request {
    let upload = Upload::new(length, move || bytes(size));
    Request::new(Service::Image, Method::Put, &["images", "i", "file"]).upload(upload)
}

fn file() -> Request {
    Request::new(Service::Image, Method::Get, &["images", "i", "file"])
}

/// Returns how many bytes of memory the process has, of which its tests share one.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Reads until the end or an error; returns how many bytes came, and that they were right.
async fn drain(
    body: &mut crate::Download,
    first: u64,
    mut watch: impl FnMut(),
) -> (u64, Result<(), Error>) {
    let mut at = first;
    loop {
        match body.next().await {
            Ok(Some(chunk)) => {
                assert!(is_right(at, &chunk), "at {at}");
                at += chunk.len() as u64;
                watch();
            }
            Ok(None) => return (at, Ok(())),
            Err(error) => return (at, Err(error)),
        }
    }
}

const PATIENT: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_gigabyte_is_sent_with_bounded_memory() {
    let server = server(Behaviour::Serves(0), PATIENT).await;
    let (before, most) = (resident(), Arc::new(Mutex::new(0)));
    let peak = Arc::clone(&most);
    let source = Upload::new(Some(GIGABYTE), move || {
        let peak = Arc::clone(&peak);
        let blocks = bytes(GIGABYTE).enumerate().map(move |(nth, block)| {
            if nth % 64 == 0 {
                let mut peak = peak.lock().unwrap();
                *peak = resident().max(*peak);
            }
            block
        });
        Box::pin(blocks)
    });
    let request = Request::new(Service::Image, Method::Put, &["images", "i", "file"]);
    let answer = server.session.send(request.upload(source)).await.unwrap();
    assert_eq!(answer.status, 200);
    let arrived = server.arrived.lock().unwrap().clone();
    let (head, count) = &arrived[0];
    assert_eq!(*count, GIGABYTE);
    assert!(head.ends_with("as sent"));
    let head = head.to_lowercase();
    assert!(head.contains("content-type: application/octet-stream\r\n"), "{head}");
    assert!(head.contains(&format!("content-length: {GIGABYTE}\r\n")), "{head}");
    let grown = most.lock().unwrap().saturating_sub(before);
    assert!(grown < MEMORY, "{} MiB more", grown >> 20);
}

#[tokio::test]
async fn a_gigabyte_is_received_with_bounded_memory() {
    let server = server(Behaviour::Serves(GIGABYTE), PATIENT).await;
    let mut answer = server.session.exchange(&Context::default(), file()).await.unwrap();
    let (before, mut peak, mut nth) = (resident(), 0, 0);
    let watch = || {
        nth += 1;
        if nth % 256 == 0 {
            peak = resident().max(peak);
        }
    };
    let (count, end) = drain(&mut answer.body, 0, watch).await;
    end.unwrap();
    assert_eq!(count, GIGABYTE);
    assert!(peak.saturating_sub(before) < MEMORY, "{} MiB more", (peak - before) >> 20);
}

#[tokio::test]
async fn a_length_that_is_not_known_is_sent_in_chunks() {
    let server = server(Behaviour::Serves(0), PATIENT).await;
    server.session.send(upload(1_000_001, None)).await.unwrap();
    let arrived = server.arrived.lock().unwrap().clone();
    assert_eq!(arrived[0].1, 1_000_001);
    assert!(arrived[0].0.ends_with("as sent"));
}

#[tokio::test]
async fn a_source_of_another_length_is_an_error_and_not_cut() {
    for (size, said) in [(1000, 999), (999, 1000), (2_000_000, 1_999_999)] {
        let server = server(Behaviour::Serves(0), Duration::from_secs(5)).await;
        let error = server.session.send(upload(size, Some(said))).await.unwrap_err();
        let Error::Unreachable { cause, touched, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*cause, *touched), (TransportCause::Source, Touched::Maybe), "{error:?}");
        assert_eq!(error.retry(), Retry::Final);
        let words = omega_core::chain(&error).join(": ");
        assert!(words.contains("bytes instead of"), "{words}");
    }
}

#[tokio::test]
async fn a_stalled_upload_ends_for_lack_of_progress() {
    let server = server(Behaviour::StopsReading(1 << 20), SHORT).await;
    let error = server.session.send(upload(GIGABYTE, Some(GIGABYTE))).await.unwrap_err();
    let Error::Unreachable { cause: TransportCause::Stalled { after, moved }, touched, .. } =
        &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((*after, *touched), (SHORT, Touched::Maybe));
    assert!((1 << 20..64 << 20).contains(moved), "{moved}");
    assert!(error.timed_out());
}

#[tokio::test]
async fn a_slow_source_that_moves_is_no_stall() {
    let server = server(Behaviour::Serves(0), SHORT).await;
    let begin = Instant::now();
    let slow = || -> ByteStream {
        Box::pin(bytes(CHUNK as u64 * 5).then(async |block| {
            tokio::time::sleep(Duration::from_millis(150)).await;
            block
        }))
    };
    let request = Request::new(Service::Image, Method::Put, &["images", "i", "file"]);
    server.session.send(request.upload(Upload::new(None, slow))).await.unwrap();
    assert!(begin.elapsed() > SHORT, "the whole took longer than the limit");
}

#[tokio::test]
async fn a_stalled_download_ends_for_lack_of_progress() {
    let size = 3 * CHUNK as u64;
    let server = server(Behaviour::StopsSending(size, size - 5), SHORT).await;
    let mut answer = server.session.exchange(&Context::default(), file()).await.unwrap();
    let (count, end) = drain(&mut answer.body, 0, || {}).await;
    let error = end.unwrap_err();
    assert_eq!(count, size - 5);
    let stalled = TransportCause::Stalled { after: SHORT, moved: size - 5 };
    let Error::Unreachable { cause, touched, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*cause, *touched), (stalled, Touched::Nothing));
    assert_eq!(error.retry(), Retry::Transient);
}

#[tokio::test]
async fn a_download_that_was_reset_is_resumed_by_a_range() {
    let size = 4 * CHUNK as u64;
    let server = server(Behaviour::Resets(size, size / 2 + 3), PATIENT).await;
    let mut answer = server.session.exchange(&Context::default(), file()).await.unwrap();
    assert_eq!(answer.headers.image_import_methods(), ["glance-direct", "web-download"]);
    let (count, end) = drain(&mut answer.body, 0, || {}).await;
    let error = end.unwrap_err();
    let Error::Unreachable { cause, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*cause, TransportCause::Reset, "{error:?}");
    assert!(count <= size / 2 + 3);

    let mut rest =
        server.session.exchange(&Context::default(), file().from_byte(count)).await.unwrap();
    assert_eq!(rest.status, 206);
    let range = rest.headers.content_range().unwrap();
    assert_eq!((range.first, range.last, range.total), (count, size - 1, Some(size)));
    // The server sends only so much the second time too.
    let (count, end) = drain(&mut rest.body, count, || {}).await;
    assert_eq!(count, size / 2 + 3);
    assert!(end.is_err(), "cut short is no end");
}

#[tokio::test]
async fn an_upload_that_is_reset_may_have_had_an_effect() {
    let server = server(Behaviour::ResetsUpload(1 << 20), PATIENT).await;
    let error = server.session.send(upload(64 << 20, Some(64 << 20))).await.unwrap_err();
    let Error::Unreachable { cause, touched, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*cause, *touched), (TransportCause::Reset, Touched::Maybe), "{error:?}");
}

#[tokio::test]
async fn an_upload_is_begun_again_for_a_new_token_if_it_can_be() {
    let second = server(Behaviour::WantsSecondToken, PATIENT).await;
    assert_eq!(second.session.send(upload(9, Some(9))).await.unwrap().status, 200);
    let counts: Vec<_> = second.arrived.lock().unwrap().iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [9, 9]);

    let once = server(Behaviour::WantsSecondToken, PATIENT).await;
    let request = Request::new(Service::Image, Method::Put, &["images", "i", "file"]);
    let request = request.upload(Upload::once(None, bytes(9)));
    assert_eq!(once.session.send(request).await.unwrap().status, 401);
    assert_eq!(once.arrived.lock().unwrap().len(), 1);
    // Whoever opens the source again has a new token.
    let request = Request::new(Service::Image, Method::Put, &["images", "i", "file"]);
    let request = request.upload(Upload::once(None, bytes(9)));
    assert_eq!(once.session.send(request).await.unwrap().status, 200);
    assert_eq!(once.arrived.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn every_method_and_content_type_is_sent() {
    let server = server(Behaviour::Serves(0), PATIENT).await;
    let head = Request::new(Service::Image, Method::Head, &["images", "i", "file"]);
    let answer = server.session.send(head).await.unwrap();
    assert_eq!(answer.headers.get("etag"), Some("\"e\""));
    assert_eq!(answer.headers.get("Location"), Some("/v2/x"));
    let json_patch = "application/openstack-images-v2.1-json-patch";
    let patch = Request::new(Service::Image, Method::Patch, &["images", "i"])
        .body(json!([{ "op": "replace", "path": "/name", "value": "x" }]))
        .header("Content-Type", json_patch);
    server.session.send(patch).await.unwrap();
    let whole = Request::new(Service::Image, Method::Put, &["images", "i", "stage"]);
    let whole = Request { body: Body::Bytes(Bytes::from_static(block(0, 9))), ..whole };
    server.session.send(whole).await.unwrap();
    let seen = server.arrived.lock().unwrap().clone();
    let lines: Vec<_> = seen.iter().map(|(head, _)| head.lines().next().unwrap()).collect();
    let wanted = [
        "HEAD /v2/images/i/file HTTP/1.1",
        "PATCH /v2/images/i HTTP/1.1",
        "PUT /v2/images/i/stage HTTP/1.1",
    ];
    assert_eq!(lines, wanted);
    let types = |head: &str| {
        let lines = head.lines().map(str::to_lowercase);
        lines
            .filter_map(|l| l.strip_prefix("content-type: ").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(types(&seen[0].0), [""; 0]);
    assert_eq!(types(&seen[1].0), [json_patch]);
    assert_eq!(types(&seen[2].0), ["application/octet-stream"]);
    assert!(seen[2].0.ends_with("as sent"));
}

#[tokio::test]
async fn a_refusal_says_when_to_ask_again_and_too_much_json_is_none() {
    let busy = server(Behaviour::Says(503, "Retry-After: 7\r\n", 0), PATIENT).await;
    let answer = busy.session.send(file()).await.unwrap();
    let error = crate::service_response::accept(&file(), answer).unwrap_err();
    let after = error.refusal().unwrap().retry_after;
    assert_eq!(after, Some(RetryAfter::Pause(Duration::from_secs(7))));
    assert_eq!(error.retry(), Retry::Transient);

    let large = JSON_LIMIT as u64 + 1;
    let full = server(Behaviour::Says(200, "", large), PATIENT).await;
    let error = full.session.send(file()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    // What says that it is too large is not read.
    let announced = server(Behaviour::StopsSending(large, 0), PATIENT).await;
    let error = announced.session.send(file()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_transfer_ends_when_it_is_cancelled_or_its_deadline_passes() {
    let size = 3 * CHUNK as u64;
    let server = server(Behaviour::StopsSending(size, size / 2), PATIENT).await;
    let cancel = CancelToken::default();
    let ctx = Context::default().with_cancel(cancel.clone());
    let mut answer = server.session.exchange(&ctx, file()).await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    let (_, end) = drain(&mut answer.body, 0, || {}).await;
    let Err(Error::Cancelled { timed_out, touched, .. }) = end else { panic!("{end:?}") };
    assert_eq!((timed_out, touched), (false, Touched::Nothing));

    let ctx = Context::default().with_deadline(Instant::now() + Duration::from_millis(300));
    let mut answer = server.session.exchange(&ctx, file()).await.unwrap();
    let (_, end) = drain(&mut answer.body, 0, || {}).await;
    assert!(end.unwrap_err().timed_out());
}

/// That Glance has the data of an image: what an operation that moves gigabytes looks like.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct ImageData(u64);

impl omega_core::Label for Session {
    fn label(&self) -> String {
        crate::Transport::label(self)
    }
}

impl omega_core::Describe for ImageData {
    fn describe(&self) -> Diff {
        Diff::new(ChangeKind::Create, Subject::new("image", "i"), format!("{} bytes", self.0))
    }
}

impl Desired for ImageData {
    const KIND: &'static str = "test.image-data.v1";
    type Target = Session;
    type Observed = bool;
    type Change = Self;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("image", "i")
    }
    fn key(&self) -> String {
        "i".into()
    }
    async fn observe(&self, session: &Session) -> Result<bool, Error> {
        let head = Request::new(Service::Image, Method::Head, &["images", "i", "file"]);
        Ok(session.send(head).await?.status == 200)
    }
    fn diff(&self, there: &bool) -> Result<Delta<Self>, Conflict> {
        Ok(Delta::of(if *there { vec![] } else { vec![self.clone()] }))
    }
    async fn apply(&self, ctx: &Context, session: &Session, data: &Self) -> Result<(), Error> {
        session.exchange(ctx, upload(data.0, Some(data.0))).await.map(drop)
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<Progress>>);

impl EventSink for Told {
    fn event(&self, event: &Event) {
        if let Event::StepProgress { progress, .. } = event {
            self.0.lock().unwrap().push(progress.clone());
        }
    }
}

#[tokio::test]
async fn a_step_tells_how_many_bytes_have_moved() {
    let server = server(Behaviour::HasNothingAtFirst, PATIENT).await;
    let told = Arc::new(Told::default());
    let ctx = Context::default().with_events(told.clone());
    let size = 64 << 20;
    assert!(ensure(&ctx, &server.session, &ImageData(size)).await.unwrap().changed());
    let told = told.0.lock().unwrap().clone();
    let last = told.last().unwrap();
    assert_eq!(*last, Progress::bytes(size, Some(size)).stage("sending"));
    assert!(told.is_sorted_by_key(|progress| progress.done));
    assert!(told.len() < 100, "not each chunk: {}", told.len());
}
