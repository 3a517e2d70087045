//! Downloads from a server on loopback that breaks off, changes, stalls and refuses.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use omega_core::{Context, Retry, ensure, values::Sha512};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::sim::Cloud;

/// What the server does with one request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// The rest of the file from the range's first byte on.
    Good,
    /// So many bytes of it, then the connection is closed.
    Cut(usize),
    /// So many bytes of it, then nothing.
    Stall(usize),
    /// The whole file, whatever range is asked for.
    NoRanges,
    /// Another file, under another `ETag`.
    Other,
    /// The right bytes, under 206 without a `Content-Range`.
    NoContentRange,
    /// The right bytes, under a `Content-Range` that begins at 0.
    WrongRange,
    /// This status, without a body.
    Status(u16),
}

struct Server {
    url: String,
    bytes: Arc<Vec<u8>>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// Serves an image that looks like a qcow2 of 300 kB. The last answer is given for ever.
async fn serve(answers: &[Answer]) -> Server {
    let mut bytes = qcow2::header(3);
    bytes.extend((0..300_000_u32).map(|at| at.to_le_bytes()[1]));
    let (bytes, heads) = (Arc::new(bytes), Arc::new(Mutex::new(Vec::new())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/image.qcow2", listener.local_addr().unwrap());
    let (served, seen) = (Arc::clone(&bytes), Arc::clone(&heads));
    let mut answers: VecDeque<_> = answers.iter().copied().collect();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer =
                if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
            tokio::spawn(answered(stream, answer.unwrap(), Arc::clone(&served), Arc::clone(&seen)));
        }
    });
    Server { url, bytes, heads }
}

async fn answered(
    mut stream: TcpStream,
    answer: Answer,
    bytes: Arc<Vec<u8>>,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let range = head.split_once("range: bytes=").and_then(|(_, rest)| rest.split_once('-'));
    let asked: usize = range.map_or(0, |(first, _)| first.parse().unwrap());
    heads.lock().unwrap().push(head);
    let first = if matches!(answer, Answer::NoRanges | Answer::Other) { 0 } else { asked };
    let (total, rest) = (bytes.len(), &bytes[first..]);
    let etag = if matches!(answer, Answer::Other) { "\"b\"" } else { "\"a\"" };
    let sent = match answer {
        Answer::Cut(count) | Answer::Stall(count) => &rest[..count.min(rest.len())],
        Answer::Good
        | Answer::NoRanges
        | Answer::Other
        | Answer::NoContentRange
        | Answer::WrongRange => rest,
        Answer::Status(_) => &[],
    };
    let status = match answer {
        Answer::Status(status) => format!("{status} No\r\nContent-Length: 0"),
        Answer::NoContentRange => {
            format!("206 Partial\r\nContent-Length: {}", rest.len())
        }
        Answer::WrongRange => format!(
            "206 Partial\r\nContent-Range: bytes 0-{}/{total}\r\nContent-Length: {}",
            total - 1,
            rest.len()
        ),
        Answer::Good | Answer::Cut(_) | Answer::Stall(_) if first > 0 => format!(
            "206 Partial\r\nContent-Range: bytes {first}-{}/{total}\r\nContent-Length: {}",
            total - 1,
            rest.len()
        ),
        Answer::Good | Answer::Cut(_) | Answer::Stall(_) | Answer::NoRanges | Answer::Other => {
            format!("200 OK\r\nContent-Length: {}", rest.len())
        }
    };
    let head = format!("HTTP/1.1 {status}\r\nETag: {etag}\r\nConnection: close\r\n\r\n");
    // The client may be gone already.
    drop(stream.write_all(head.as_bytes()).await);
    let mut sent = sent.to_vec();
    if let (Answer::Other, Some(last)) = (answer, sent.last_mut()) {
        *last ^= 1;
    }
    drop(stream.write_all(&sent).await);
    if matches!(answer, Answer::Stall(_)) {
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    drop(stream.shutdown().await);
}

fn downloads() -> Downloads {
    let mut options = DownloadOptions::default();
    (options.stall_limit, options.pause) = (Duration::from_millis(300), Duration::from_millis(1));
    Downloads::new(options)
}

async fn read(server: &Server) -> Result<Vec<u8>, SourceError> {
    let source = ImageSource::url(&server.url).unwrap();
    let (mut bytes, _) = source.open(&downloads(), &Context::default()).await?;
    let mut all = Vec::new();
    while let Some(chunk) = futures::StreamExt::next(&mut bytes).await {
        all.extend_from_slice(&chunk.map_err(|error| source.failed(error))?);
    }
    Ok(all)
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    for answers in [
        &[Answer::Good][..],
        &[Answer::Cut(1000), Answer::Cut(70_000), Answer::Good],
        &[Answer::Cut(0), Answer::Status(503), Answer::Good],
        &[Answer::Stall(5000), Answer::Good],
        &[Answer::Cut(1000), Answer::NoRanges],
        &[Answer::Status(503), Answer::Status(502), Answer::Good],
    ] {
        let server = serve(answers).await;
        let bytes = read(&server).await.unwrap_or_else(|error| panic!("{answers:?}: {error}"));
        assert!(bytes == *server.bytes, "{answers:?}");
    }
    let server = serve(&[Answer::Cut(1000), Answer::Good]).await;
    read(&server).await.unwrap();
    let heads = server.heads.lock().unwrap();
    assert!(heads[1].contains("range: bytes=1000-"), "{}", heads[1]);
    assert!(heads[1].contains("if-range: \"a\""), "{}", heads[1]);
}

#[tokio::test]
async fn what_can_not_go_on_says_why() {
    let mut all = Vec::new();
    for (answers, retry) in [
        (&[Answer::Cut(1000), Answer::Other][..], Retry::Final),
        (&[Answer::Cut(1000), Answer::Status(416)], Retry::Final),
        (&[Answer::Cut(1000), Answer::NoContentRange], Retry::Final),
        (&[Answer::Cut(1000), Answer::WrongRange], Retry::Final),
        (&[Answer::Cut(1000), Answer::Cut(0)], Retry::Transient),
        (&[Answer::Status(404)], Retry::Final),
        (&[Answer::Status(503)], Retry::Transient),
    ] {
        let server = serve(answers).await;
        let error = read(&server).await.unwrap_err();
        assert_eq!(error.retry(), retry, "{answers:?}");
        let next = error.next().unwrap();
        all.push(
            format!("{}\n  next: {next}", omega_core::chain(&error).join(": "))
                .replace(&server.url, "URL"),
        );
    }
    insta::assert_snapshot!(all.join("\n"));
}

async fn staged(
    answers: &[Answer],
    keep: Option<&std::path::Path>,
) -> (Cloud, Result<bool, String>) {
    let (cloud, server) = (Cloud::new(), serve(answers).await);
    let images = Images::new(cloud.member("mgmt")).with_downloads(downloads());
    let source = ImageSource::url(&server.url).unwrap();
    let version = "v1.34.8".parse().unwrap();
    let image = StagedImage {
        keep: keep.map(Into::into),
        ..StagedImage::new("k8s".parse().unwrap(), version, Sha512::of(&server.bytes), source)
    };
    let done = ensure(&Context::default(), &images, &image).await;
    (cloud, done.map(|done| done.changed()).map_err(|error| omega_core::chain(&error).join(": ")))
}

#[tokio::test]
async fn an_image_is_staged_from_a_server_that_breaks_off_and_one_that_changes() {
    // The first answer is for the look before anything is made.
    let look = Answer::Cut(2000);
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("k8s.qcow2");
    let (cloud, done) = staged(&[look, Answer::Cut(100_000), Answer::Good], Some(&copy)).await;
    assert_eq!(done, Ok(true));
    assert_eq!(cloud.image_things().len(), 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no part is left");
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), 300_104);

    let changes = [look, Answer::Cut(100_000), Answer::Other, look, Answer::Good];
    let (cloud, done) = staged(&changes, None).await;
    assert_eq!((done, cloud.image_things().len()), (Ok(true), 1), "it started over");

    let other = dir.path().join("other.qcow2");
    for answers in [
        &[look, Answer::Cut(100_000), Answer::Other][..],
        &[look, Answer::Cut(5000), Answer::Cut(0)],
    ] {
        let (cloud, done) = staged(answers, Some(&other)).await;
        assert!(done.is_err(), "{answers:?}");
        assert_eq!(cloud.image_things(), [""; 0], "{answers:?}");
        assert!(!other.exists() && std::fs::read_dir(dir.path()).unwrap().count() == 1);
    }
    let (cloud, done) = staged(&[Answer::Good], Some(&copy)).await;
    assert!(done.unwrap_err().contains("could not keep a copy"), "the copy is there already");
    assert_eq!(cloud.image_things(), [""; 0]);
}

#[test]
fn a_secret_in_a_url_is_refused() {
    for url in [
        "https://u:p@example.org/i",
        "https://u@example.org/i",
        "https://example.org/i?sig=x",
        "file:///i",
        "ftp://e/i",
        "x",
    ] {
        assert!(ImageSource::url(url).is_err(), "{url}");
    }
}
