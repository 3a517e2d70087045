//! What is sent again, and what is not: counted by a server on loopback.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use omega_core::{Diagnostic as _, Failure, FailureClass};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{Session, SessionOptions, tests::config};
use crate::{
    CloudConfig, Credential, DomainRef, Error, Limits, Method, ProjectRef, Request, Response,
    Service, Transport as _, UserRef,
};

/// What the server does with one request.
#[derive(Clone, Debug)]
enum Act {
    /// Answers with this status and these header lines.
    Say(u16, &'static str),
    /// The same, with a body.
    Body(u16, &'static str),
    /// Closes the connection without a word.
    Reset,
    /// Closes it in the middle of the body.
    Cut,
    /// Never answers.
    Hang,
    /// Sends a byte of the body now and then.
    Drip,
}

#[derive(Default)]
struct State {
    logins: VecDeque<Act>,
    reads: VecDeque<Act>,
    seen: Vec<String>,
}

/// Keystone and Neutron on one port. What it does comes from two queues, and then it answers well.
#[derive(Clone)]
struct Server {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    async fn start(logins: &[Act], reads: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let queue = |acts: &[Act]| acts.iter().cloned().collect();
        let state = State { logins: queue(logins), reads: queue(reads), seen: Vec::new() };
        let server = Self { url, state: Arc::new(Mutex::new(state)) };
        let handle = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle.clone().serve(stream));
            }
        });
        server
    }

    async fn serve(self, mut stream: TcpStream) {
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    break;
                }
            }
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => return,
                Ok(n) => bytes.extend(&part[..n]),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let line = text.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let login = line.contains("/auth/tokens");
        let act = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(line);
            let queue = if login { &mut state.logins } else { &mut state.reads };
            queue.pop_front()
        };
        let ok = if login {
            let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
            let endpoint = json!({ "interface": "public", "region_id": "One", "url": self.url });
            let token = json!({ "token": { "expires_at": expires.to_string(), "user": { "id": "u", "name": "op" },
                "project": { "id": "p", "name": "mgmt" }, "roles": [],
                "catalog": [{ "type": "network", "endpoints": [endpoint] }] } });
            ("201 X\r\nX-Subject-Token: t".to_owned(), token.to_string())
        } else {
            ("200 X".to_owned(), json!({ "networks": [] }).to_string())
        };
        let (head, body) = match act {
            None => ok,
            Some(Act::Say(status, headers)) => (format!("{status} X{headers}"), String::new()),
            Some(Act::Body(status, body)) => (format!("{status} X"), body.to_owned()),
            Some(Act::Reset) => return,
            Some(Act::Cut) => (format!("{}\r\nX-Cut: 1", ok.0), ok.1),
            Some(Act::Hang) => return std::future::pending().await,
            Some(Act::Drip) => return drip(stream, &ok.0).await,
        };
        let sent = if head.contains("X-Cut") { body.len() - 1 } else { body.len() };
        let answer = format!(
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
            body.len(),
            &body[..sent]
        );
        drop(stream.write_all(answer.as_bytes()).await);
    }

    /// How many requests of this method, logins aside.
    fn count(&self, method: &str) -> usize {
        let state = self.state.lock().unwrap();
        let mine = |line: &&String| line.starts_with(method) && !line.contains("/auth/tokens");
        state.seen.iter().filter(mine).count()
    }

    fn logins(&self) -> usize {
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|line| line.contains("/auth/tokens")).count()
    }

    async fn session(&self) -> Session {
        over(config(&self.url), Duration::from_secs(5)).await
    }
}

async fn drip(mut stream: TcpStream, head: &str) {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: 100000\r\n\r\n");
    let mut sent = stream.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        tokio::time::sleep(Duration::from_millis(40)).await;
        sent = stream.write_all(b" ").await;
    }
}

async fn over(config: CloudConfig, limit: Duration) -> Session {
    Session::new(config, &SessionOptions::default().stall_limit(limit)).await.unwrap()
}

fn get() -> Request {
    Request::new(Service::Network, Method::Get, &["networks"])
}

async fn read(server: &Server) -> Result<Response, Error> {
    server.session().await.send(get()).await
}

#[tokio::test]
async fn a_read_is_sent_again_when_that_may_help() {
    for act in [
        Act::Reset,
        Act::Cut,
        Act::Say(429, ""),
        Act::Say(502, ""),
        Act::Say(503, ""),
        Act::Say(504, ""),
    ] {
        let server = Server::start(&[], &[act.clone(), act.clone()]).await;
        assert_eq!(read(&server).await.unwrap().status, 200, "{act:?}");
        assert_eq!((server.count("GET"), server.logins()), (3, 1), "{act:?}");
    }
}

#[tokio::test]
async fn and_not_when_it_does_not() {
    for act in [
        Act::Say(500, ""),
        Act::Say(404, ""),
        Act::Say(403, ""),
        Act::Say(302, "\r\nLocation: /horizon/auth/login/?next=/"),
    ] {
        let server = Server::start(&[], &[act.clone(), act.clone()]).await;
        assert_ne!(read(&server).await.unwrap().status, 200, "{act:?}");
        assert_eq!(server.count("GET"), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_read_is_not_sent_for_ever() {
    let server = Server::start(&[], &vec![Act::Say(503, ""); 20]).await;
    assert_eq!(read(&server).await.unwrap().status, 503);
    assert_eq!(server.count("GET"), 5);
    // A pause that ends after the deadline is not begun.
    let server = Server::start(&[], &[Act::Say(429, "\r\nRetry-After: 60")]).await;
    let start = Instant::now();
    assert_eq!(read(&server).await.unwrap().status, 429);
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(server.count("GET"), 1);
}

#[tokio::test]
async fn the_services_own_pause_is_kept() {
    let server = Server::start(&[], &[Act::Say(503, "\r\nRetry-After: 1")]).await;
    let start = Instant::now();
    assert_eq!(read(&server).await.unwrap().status, 200);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_write_is_sent_once() {
    for act in [Act::Reset, Act::Say(503, ""), Act::Say(429, "\r\nRetry-After: 0")] {
        let server = Server::start(&[], std::slice::from_ref(&act)).await;
        let write = Request::new(Service::Network, Method::Delete, &["networks", "n"]);
        let answer = server.session().await.send(write).await;
        assert!(answer.is_err() || answer.unwrap().status != 200, "{act:?}");
        assert_eq!(server.count("DELETE"), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_only_after_it_worked() {
    let server = Server::start(&[], &[]).await;
    let session = server.session().await;
    session.send(get()).await.unwrap();
    // The port is free now, and a listener comes back.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let start = Instant::now();
    let config = config(&server.url).at_endpoint(Service::Network, url.parse().unwrap());
    let limit = Duration::from_secs(20);
    let error = over(config, limit).await.send(get()).await.unwrap_err();
    assert!(start.elapsed() < limit / 2, "it never worked: {:?}", start.elapsed());
    let failure = Failure::from_error("could not list", &error);
    let told = format!("{failure}").replace(&url, "URL");
    insta::assert_snapshot!(told, @"could not list: GET network /v2.0/networks: no answer from URL/v2.0/networks: the connection was refused (nothing listens there)");
    insta::assert_snapshot!(failure.next.unwrap(), @"check the port, and that the service behind it runs");
}

/// Keystone has answered at that port: what is behind it is being restarted.
#[tokio::test]
async fn the_first_read_at_keystones_own_port_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let state = Arc::<Mutex<State>>::default();
    let server = Server { url: format!("http://{address}"), state };
    let session = server.session().await;
    let (login, ()) = tokio::join!(session.token_info(), async {
        let (stream, _) = listener.accept().await.unwrap();
        server.clone().serve(stream).await;
    });
    assert_eq!(login.unwrap().user.name, "op");
    drop(listener);
    let (answer, ()) = tokio::join!(session.send(get()), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (stream, _) = TcpListener::bind(address).await.unwrap().accept().await.unwrap();
        server.clone().serve(stream).await;
    });
    assert_eq!(answer.unwrap().status, 200);
}

/// Another session of the process has met it before, of another user.
#[tokio::test]
async fn a_login_that_was_not_sent_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let state = Arc::<Mutex<State>>::default();
    let server = Server { url: format!("http://{address}"), state };
    let user = UserRef::Named { name: "another".into(), domain: DomainRef::Id("default".into()) };
    let credential = Credential::Password { user, password: "hunter3".to_owned().into() };
    let config = CloudConfig { credential, ..config(&server.url) };
    let (first, second) = (server.session().await, over(config, Duration::from_secs(5)).await);
    let (login, ()) = tokio::join!(first.token_info(), async {
        let (stream, _) = listener.accept().await.unwrap();
        server.clone().serve(stream).await;
    });
    assert_eq!(login.unwrap().user.name, "op");
    drop(listener);
    let (login, ()) = tokio::join!(second.token_info(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (stream, _) = TcpListener::bind(address).await.unwrap().accept().await.unwrap();
        server.clone().serve(stream).await;
    });
    assert_eq!(login.unwrap().user.name, "op");
    assert_eq!(server.logins(), 2, "each is sent once");
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_whoever_asks() {
    let server = Server::start(&vec![Act::Say(401, ""); 9], &[]).await;
    let own = config(&server.url);
    let narrowed = own.in_project(ProjectRef::Id("other".into()), "test");
    let (one, other) = (
        over(own.clone(), Duration::from_secs(5)).await,
        over(narrowed, Duration::from_secs(5)).await,
    );
    let all = tokio::join!(one.send(get()), other.send(get()), one.send(get()), other.token_info());
    assert!(all.0.is_err() && all.1.is_err() && all.2.is_err() && all.3.is_err());
    let third = over(own, Duration::from_secs(5)).await;
    let error = third.send(get()).await.unwrap_err();
    let Error::Login { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.refusal().unwrap().status, 401);
    assert_eq!(server.logins(), 1);
    // Another password is another login.
    let mut right = config(&server.url);
    right.credential = crate::Credential::Token("t".to_owned().into());
    over(right, Duration::from_secs(5)).await.send(get()).await.unwrap_err();
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn a_project_without_a_role_says_nothing_about_the_password() {
    let server = Server::start(&[], &[]).await;
    let own = config(&server.url);
    let session = over(own.clone(), Duration::from_secs(5)).await;
    session.send(get()).await.unwrap();
    server.state.lock().unwrap().logins = [Act::Say(401, "")].into();
    let narrowed = own.in_project(ProjectRef::Id("other".into()), "test");
    over(narrowed, Duration::from_secs(5)).await.send(get()).await.unwrap_err();
    let again = over(own, Duration::from_secs(5)).await;
    assert_eq!(again.send(get()).await.unwrap().status, 200);
    assert_eq!(server.logins(), 3);
}

#[tokio::test]
async fn a_login_that_fails_otherwise_is_shared_too() {
    for act in [
        Act::Say(302, "\r\nLocation: /horizon"),
        Act::Say(429, "\r\nRetry-After: 3"),
        Act::Say(503, ""),
        Act::Reset,
    ] {
        let server = Server::start(&vec![act.clone(); 9], &[]).await;
        let session = server.session().await;
        let all = (0..8).map(|_| session.send(get()));
        let all = futures::future::join_all(all).await;
        assert!(all.iter().all(Result::is_err), "{act:?}");
        assert_eq!(server.logins(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_hung_keystone_costs_one_ask() {
    let server = Server::start(&vec![Act::Hang; 9], &[]).await;
    let limit = Duration::from_secs(1);
    let one = over(config(&server.url), limit).await;
    let narrowed = config(&server.url).in_project(ProjectRef::Id("other".into()), "test");
    let other = over(narrowed, limit).await;
    let start = Instant::now();
    let asked = (0..4).flat_map(|_| [one.send(get()), other.send(get())]);
    let all = futures::future::join_all(asked).await;
    for answer in all {
        let error = answer.unwrap_err();
        assert!(error.timed_out(), "{error}");
        assert_eq!(Failure::from_error("could not ask", &error).class, FailureClass::Deadline);
    }
    one.send(get()).await.unwrap_err();
    // One after the other, four of each session would take four.
    assert!(start.elapsed() < limit * 4, "{:?}", start.elapsed());
    assert_eq!(server.logins(), 1);
}

/// A server that moves a little is not one that stalls, and still has a limit: of a login, and of a read.
#[tokio::test]
async fn a_server_that_sends_a_byte_now_and_then_does_not_hold_a_read_for_ever() {
    let limit = Duration::from_millis(400);
    for (logins, reads) in [(&[][..], &[Act::Drip][..]), (&[Act::Drip][..], &[][..])] {
        let server = Server::start(logins, reads).await;
        let start = Instant::now();
        let session = over(config(&server.url), limit).await;
        let error = session.send(get()).await.unwrap_err();
        assert!(start.elapsed() >= limit * 2, "{:?}", start.elapsed());
        assert!(start.elapsed() < limit * 50, "{:?}", start.elapsed());
        assert!(error.timed_out(), "{error:?}");
        let told = omega_core::chain(&error).join(": ");
        assert!(told.contains(": not complete after 800ms ("), "{told}");
        assert_eq!(server.count("GET"), reads.len(), "it is not sent again");
    }
}

/// The port is open, and nothing answers in TLS: that is neither refused nor unreachable.
#[tokio::test]
async fn a_server_that_hangs_in_tls_is_told_as_that_within_the_limit_for_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let limits = Limits::within(Duration::from_millis(300), Duration::from_mins(1));
    let options = SessionOptions::default().limits(limits);
    let session = Session::new(config(&url), &options).await.unwrap();
    let start = Instant::now();
    let error = session.send(get()).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let failure = Failure::from_error("could not list", &error);
    assert_eq!(failure.class, FailureClass::Deadline);
    let told = format!("{failure}\nnext: {}", failure.next.as_deref().unwrap());
    insta::assert_snapshot!(told.replace(&url, "URL"), @"
    could not list: could not log in to demo as user op of domain default: POST identity /v3/auth/tokens: no answer from URL/v3/auth/tokens: it accepted the connection and did not answer in TLS
    next: the port is open, and what is behind it hangs or is overloaded: look at the service, and at the proxy or load balancer in front of it
    ");
}

/// terraform-provider-openstack#184: Horizon answers at the address of Keystone.
#[tokio::test]
async fn a_redirect_says_from_where_and_whereto() {
    let horizon = Act::Say(302, "\r\nLocation: /horizon/auth/login/?next=/");
    let server = Server::start(&[horizon], &[]).await;
    let error = read(&server).await.unwrap_err();
    let failure = Failure::from_error("could not list", &error);
    let told = format!("{failure}\nnext: {}", failure.next.as_deref().unwrap());
    insta::assert_snapshot!(told.replace(&server.url, "http://k"), @"
    could not list: could not log in to demo as user op of domain default: POST identity /v3/auth/tokens at http://k/v3/auth/tokens: 302: redirected to http://k/horizon/auth/login/?next=/
    next: check auth_url: it is Keystone's own address, with https if it has TLS
    ");
    assert_eq!(server.logins(), 1);
}

/// jenkinsci/openstack-cloud-plugin#162: the address that a login was sent to is shown whole.
#[tokio::test]
async fn an_answer_from_a_wrong_address_shows_it() {
    let page = Act::Body(404, "<html><title>404 Not Found</title></html>");
    let server = Server::start(&[page], &[]).await;
    let mut config = config(&server.url);
    config.auth_url = format!("{}/identity/v3", server.url).parse().unwrap();
    let error = over(config, Duration::from_secs(5)).await.send(get()).await.unwrap_err();
    let failure = Failure::from_error("could not list", &error);
    let told = format!("{failure}\nnext: {}", failure.next.as_deref().unwrap());
    insta::assert_snapshot!(told.replace(&server.url, "http://k"), @"
    could not list: could not log in to demo as user op of domain default: POST identity /v3/auth/tokens at http://k/identity/v3/auth/tokens: 404: 404 Not Found
    next: check auth_url: it is Keystone's own address, with https if it has TLS
    ");
}

/// A proxy's page with status 200: the address and what to check are reported, of Keystone and of a service.
#[tokio::test]
async fn a_page_in_place_of_an_answer_is_told_with_its_address() {
    let page = "<html><head><title>Login - OpenStack Dashboard</title></head></html>";
    let said = |error: &Error, server: &Server| {
        let chain = omega_core::chain(error).join(": ");
        format!("{chain}\nnext: {}", error.next().unwrap()).replace(&server.url, "URL")
    };
    let server = Server::start(&[Act::Body(200, page)], &[]).await;
    let login = said(&read(&server).await.unwrap_err(), &server);
    let server = Server::start(&[], &[Act::Body(200, page)]).await;
    let session = server.session().await;
    let listed = crate::service_response::list::<serde_json::Value>(&session, get(), "networks");
    let listed = said(&listed.await.unwrap_err(), &server);
    insta::assert_snapshot!(format!("{login}\n{listed}"), @"
    could not log in to demo as user op of domain default: POST identity /v3/auth/tokens: unexpected response: an HTML page (Login - OpenStack Dashboard) in place of JSON from URL/v3/auth/tokens, with status 200
    next: check auth_url: it is Keystone's own address; and the proxy or load balancer in front of it
    GET network /v2.0/networks: unexpected response: an HTML page (Login - OpenStack Dashboard) in place of JSON from URL/v2.0/networks, with status 200
    next: check that it is the service's own address (openstack catalog list), and the proxy or load balancer in front of it
    ");
}
