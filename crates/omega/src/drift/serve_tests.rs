#![allow(clippy::duration_suboptimal_units, reason = "tests")]

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

async fn asks(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> String {
    asks(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
}

async fn serving(stale: Duration) -> (SocketAddr, Page) {
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let (address, page) = (listener.local_addr().unwrap(), Page::new(stale));
    drop(tokio::spawn(serve(listener, page.clone())));
    (address, page)
}

#[tokio::test]
async fn metrics_and_health_are_served_and_nothing_else() {
    let (address, page) = serving(Duration::from_secs(60)).await;
    let before = get(address, "/metrics").await;
    assert!(before.contains("omega_drift_build_info") && !before.contains("looks_total"));
    page.show("omega_drift_looks_total 1\n".to_owned());
    let answer = get(address, "/metrics").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert_eq!(body, "omega_drift_looks_total 1\n");
    assert!(get(address, "/healthz").await.ends_with("\r\n\r\nok\n"));
    assert!(get(address, "/").await.starts_with("HTTP/1.1 404 "));
    let posted = asks(address, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert!(posted.await.starts_with("HTTP/1.1 405 "));
    let head = asks(address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(asks(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn health_is_whether_it_looks() {
    let (address, page) = serving(Duration::ZERO).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let answer = get(address, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("no look has ended for 0 s"), "{answer}");
    drop(page);
}

/// They hold their connections, and others are served.
#[tokio::test]
async fn clients_that_say_nothing_do_not_stop_the_others() {
    let (address, _page) = serving(Duration::from_secs(60)).await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS - 1 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert!(get(address, "/healthz").await.ends_with("ok\n"));
}

#[tokio::test]
async fn other_machines_can_connect_only_if_that_is_said() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = bind(address.parse().unwrap(), false).await.unwrap_err();
        assert_eq!(refused.class, FailureClass::Usage, "{address}");
    }
    bind("0.0.0.0:0".parse().unwrap(), true).await.unwrap();
    let failure = bind("192.0.2.1:0".parse().unwrap(), true).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Error);
}
