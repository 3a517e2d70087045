use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// Answers each request with `answer`, and keeps what was asked.
async fn server(answer: String) -> (Url, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut part = [0; 4096];
            let count = stream.read(&mut part).await.unwrap_or_default();
            kept.lock().unwrap().push(String::from_utf8_lossy(&part[..count]).into_owned());
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    (url, seen)
}

fn client(limit: Duration) -> WebClient {
    WebClient::trusting(None, "the test", limits(limit)).unwrap()
}

fn limits(limit: Duration) -> Limits {
    Limits { ask: limit, ..Limits::default() }
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_redirect_and_a_refusal_are_answers() {
    for status in [302, 401, 503] {
        let (url, seen) = server(format!(
            "HTTP/1.1 {status} X\r\nLocation: https://elsewhere/\r\nContent-Length: 2\r\n\r\nno"
        ))
        .await;
        let page = client(LONG).get(&url).await.unwrap();
        assert_eq!((page.status, page.body.as_slice()), (status, b"no".as_slice()));
        assert_eq!(seen.lock().unwrap().len(), 1, "a redirect is not followed");
    }
}

/// Only who asks for it, and not before the server allows it.
#[tokio::test]
async fn a_patient_client_asks_again_when_that_may_help() {
    for patient in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            for answer in ["", "503 X\r\nRetry-After: 1\r\n", "200 OK\r\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                drop(stream.read(&mut [0; 4096]).await);
                if !answer.is_empty() {
                    let rest = "Connection: close\r\nContent-Length: 0\r\n\r\n";
                    drop(stream.write_all(format!("HTTP/1.1 {answer}{rest}").as_bytes()).await);
                }
            }
        });
        let (client, start) = (client(LONG), Instant::now());
        let client = if patient { client.patient() } else { client };
        match client.get(&url).await {
            Ok(page) => assert!(patient && page.status == 200, "{page:?}"),
            Err(error) => assert!(!patient, "{error}"),
        }
        assert_eq!(start.elapsed() >= Duration::from_secs(1), patient);
        server.abort();
    }
}

#[tokio::test]
async fn a_long_page_is_cut() {
    let body = "x".repeat(MOST * 2);
    let (url, _) =
        server(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    assert_eq!(client(LONG).get(&url).await.unwrap().body.len(), MOST);
}

#[tokio::test]
async fn nobody_no_tls_and_silence_are_told_apart() {
    let cause = async |url: &str, limit| match client(limit).get(&url.parse().unwrap()).await {
        Err(Error::Unreachable { cause, .. }) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause("http://127.0.0.1:1/", LONG).await, TransportCause::Refused);
    let (url, _) = server("HTTP/1.1 200 OK\r\n\r\n".to_owned()).await;
    let secure = url.as_str().replace("http://", "https://");
    assert_eq!(cause(&secure, LONG).await, TransportCause::Tls);
    let (url, _) = server("SSH-2.0-OpenSSH_9.6\r\n".to_owned()).await;
    let error = client(LONG).get(&url).await.unwrap_err();
    let told = omega_core::chain(&error).join(": ");
    assert!(told.ends_with(": it did not answer in HTTP"), "{told}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limit = Duration::from_millis(200);
    let url = format!("http://{}/", silent.local_addr().unwrap());
    assert_eq!(cause(&url, limit).await, TransportCause::Stalled { after: limit, moved: 0 });
}

#[test]
fn a_ca_that_is_none_is_refused() {
    let error = WebClient::trusting(Some(b"no PEM".to_vec()), "Vault", limits(LONG)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not set up HTTPS for Vault: the CA of Vault has no certificate"
    );
}

/// Keeps each connection open, and counts them.
#[tokio::test]
async fn an_unpooled_client_opens_a_connection_for_each_page() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            *counted.lock().unwrap() += 1;
            tokio::spawn(async move {
                let mut part = [0; 4096];
                while stream.read(&mut part).await.is_ok_and(|count| count > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    drop(stream.write_all(answer).await);
                }
            });
        }
    });
    let (pooled, unpooled) = (client(LONG), WebClient::unpooled("the test", limits(LONG)).unwrap());
    for (client, wanted) in [(pooled, 1), (unpooled, 1 + 3)] {
        for _ in 0..3 {
            client.get(&url).await.unwrap();
        }
        assert_eq!(*connections.lock().unwrap(), wanted);
    }
}
