//! The session against a server on loopback: logins, renewals, the cache, errors.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use omega_core::{Diagnostic as _, Failure, Retry, Touched};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{Session, SessionOptions};
use crate::{
    ApplicationCredentialRef, AuthScope, Catalog, CloudConfig, Credential, DomainRef, Error,
    Interface, Method, ProjectRef, Request, Service, Transport as _, TransportCause, UserRef,
};

/// A server that is Keystone and Neutron at once, on one port.
#[derive(Clone)]
struct Server {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    logins: usize,
    /// Tokens issued before this one are refused.
    oldest: usize,
    lifetime: i64,
    seen: Vec<String>,
    hang: bool,
    wrong_password: bool,
    has_images: bool,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { lifetime: 3600, ..State::default() }));
        let server = Self { url, state };
        let handle = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle.clone().serve(stream));
            }
        });
        server
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| {
                        line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()
                    })
                    .unwrap_or(0);
                if body.len() >= length {
                    break;
                }
            }
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => return,
                Ok(n) => bytes.extend(&part[..n]),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if self.state.lock().unwrap().hang {
            std::future::pending::<()>().await;
        }
        let (status, token, body) = self.answer(&text);
        let body = body.to_string();
        let token = token.map(|token| format!("X-Subject-Token: {token}\r\n")).unwrap_or_default();
        let answer = format!(
            "HTTP/1.1 {status} X\r\n{token}X-Openstack-Request-Id: req-1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        drop(stream.write_all(answer.as_bytes()).await);
    }

    fn answer(&self, text: &str) -> (u16, Option<String>, Value) {
        let mut state = self.state.lock().unwrap();
        let line = text.lines().next().unwrap().to_owned();
        state.seen.push(line.clone());
        if line.starts_with("POST /v3/auth/tokens") {
            if state.wrong_password {
                let words = "The request you have made requires authentication.";
                return (
                    401,
                    None,
                    json!({ "error": { "code": 401, "message": words, "title": "Unauthorized" } }),
                );
            }
            state.logins += 1;
            let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(state.lifetime);
            let endpoint = json!({ "interface": "public", "region_id": "One", "region": "One", "url": self.url });
            let service = |kind| json!({ "type": kind, "endpoints": [endpoint] });
            let images = state.has_images.then(|| service("image"));
            let catalog: Vec<_> = [service("network")].into_iter().chain(images).collect();
            let token = json!({ "token": {
                "expires_at": expires.to_string(),
                "user": { "id": "u", "name": "op" },
                "project": { "id": "p", "name": "mgmt", "domain": { "id": "c", "name": "capi" } },
                "roles": [{ "id": "r", "name": "member" }],
                "catalog": catalog,
            } });
            return (201, Some(format!("token-{}", state.logins)), token);
        }
        let header = text.lines().find_map(|l| {
            l.to_lowercase().strip_prefix("x-auth-token: token-")?.parse::<usize>().ok()
        });
        if header.is_none_or(|number| number < state.oldest) {
            return (
                401,
                None,
                json!({ "error": { "code": 401, "message": "no", "title": "Unauthorized" } }),
            );
        }
        (200, None, json!({ "networks": [], "token": header }))
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap())
    }
}

pub(super) fn config(url: &str) -> CloudConfig {
    let domain = DomainRef::Id("default".into());
    CloudConfig {
        cloud: "demo".into(),
        auth_url: url.parse().unwrap(),
        credential: Credential::Password {
            user: UserRef::Named { name: "op".into(), domain: domain.clone() },
            password: "hunter2".to_owned().into(),
        },
        scope: AuthScope::Project(ProjectRef::Named { name: "mgmt".into(), domain }),
        region: None,
        interfaces: vec![Interface::Public],
        cacert: None,
        ca: None,
        verify: true,
        endpoints: Vec::new(),
        origins: Vec::new(),
    }
}

async fn session(url: &str, cache: Option<&TempDir>) -> Session {
    let options = SessionOptions {
        token_cache: cache.map(|dir| dir.path().join("tokens")),
        ..SessionOptions::default().stall_limit(Duration::from_secs(5))
    };
    Session::new(config(url), &options).await.unwrap()
}

fn networks() -> Request {
    Request::new(Service::Network, Method::Get, &["networks"]).query("name", "a&b c")
}

#[tokio::test]
async fn logs_in_when_needed_and_once() {
    let server = Server::start().await;
    let session = session(&server.url, None).await;
    assert_eq!(session.requests(), 0, "nothing is asked before it is needed");
    let both = tokio::join!(session.send(networks()), session.send(networks()));
    assert_eq!((both.0.unwrap().status, both.1.unwrap().status), (200, 200));
    assert_eq!(server.with(|state| state.logins), 1, "two calls at once log in once");
    assert_eq!(session.requests(), 3);
    let seen = server.with(|state| state.seen.clone());
    assert_eq!(seen[1], "GET /v2.0/networks?name=a%26b+c HTTP/1.1");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = Server::start().await;
    let session = session(&server.url, None).await;
    session.send(networks()).await.unwrap();
    server.with(|state| state.oldest = 2);
    let answer = session.send(networks()).await.unwrap();
    assert_eq!((answer.status, answer.body["token"].as_u64()), (200, Some(2)));
    server.with(|state| state.oldest = 99);
    let before = session.requests();
    assert_eq!(session.send(networks()).await.unwrap().status, 401);
    assert_eq!(session.requests() - before, 3, "the call, one login, the call again, no more");
}

#[tokio::test]
async fn a_kept_token_saves_the_login() {
    let (server, dir) = (Server::start().await, TempDir::new().unwrap());
    let first = session(&server.url, Some(&dir)).await;
    first.send(networks()).await.unwrap();
    first.remember("domain magnum", "d1");

    let second = session(&server.url, Some(&dir)).await;
    assert_eq!(second.token_info().await.unwrap().project.unwrap().id, "p");
    assert_eq!(second.requests(), 0, "who one is costs nothing either");
    second.send(networks()).await.unwrap();
    assert_eq!((second.requests(), server.with(|state| state.logins)), (1, 1));
    assert_eq!(second.recall("domain magnum").as_deref(), Some("d1"));

    let file = fs::read_dir(dir.path().join("tokens")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("token-1") && !text.contains("hunter2"));

    // A kept token that the cloud no longer takes.
    server.with(|state| state.oldest = 2);
    let third = session(&server.url, Some(&dir)).await;
    assert_eq!(third.send(networks()).await.unwrap().status, 200);
    assert_eq!(third.requests(), 3);

    // A file that others can read is not trusted.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let fourth = session(&server.url, Some(&dir)).await;
    fourth.send(networks()).await.unwrap();
    assert_eq!(fourth.requests(), 2);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "replaced");

    // Another scope has a token of its own.
    let other = config(&server.url).in_project(ProjectRef::Id("x".into()), "test");
    let options = SessionOptions {
        token_cache: Some(dir.path().join("tokens")),
        ..SessionOptions::default()
    };
    let fifth = Session::new(other, &options).await.unwrap();
    fifth.send(networks()).await.unwrap();
    assert_eq!(fifth.requests(), 2);
}

/// What an earlier process left in the cache has the roles and the catalog of its time.
#[tokio::test]
async fn a_service_that_was_registered_since_is_found() {
    let (server, dir) = (Server::start().await, TempDir::new().unwrap());
    session(&server.url, Some(&dir)).await.send(networks()).await.unwrap();
    let images = || Request::new(Service::Image, Method::Get, &["images"]);

    let second = session(&server.url, Some(&dir)).await;
    server.with(|state| state.has_images = true);
    assert_eq!(second.send(images()).await.unwrap().status, 200);
    assert_eq!(server.with(|state| state.logins), 2);

    // One that is in no catalog costs one login, not one each time.
    let third = session(&server.url, Some(&dir)).await;
    for _ in 0..2 {
        let volumes = Request::new(Service::BlockStorage, Method::Get, &["types"]);
        let error = third.send(volumes).await.unwrap_err();
        assert!(matches!(error, Error::NoEndpoint { .. }), "{error}");
    }
    assert_eq!(server.with(|state| state.logins), 3);

    let fourth = session(&server.url, Some(&dir)).await;
    fourth.current_token_info().await.unwrap();
    fourth.current_token_info().await.unwrap();
    assert_eq!(server.with(|state| state.logins), 4);
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_not_used() {
    let (server, dir) = (Server::start().await, TempDir::new().unwrap());
    server.with(|state| state.lifetime = 60);
    session(&server.url, Some(&dir)).await.send(networks()).await.unwrap();
    let second = session(&server.url, Some(&dir)).await;
    second.send(networks()).await.unwrap();
    assert_eq!(second.requests(), 2);
    for garbage in ["", "{", "{\"version\":2,\"token\":null}"] {
        for file in fs::read_dir(dir.path().join("tokens")).unwrap() {
            fs::write(file.unwrap().path(), garbage).unwrap();
        }
        assert_eq!(
            session(&server.url, Some(&dir)).await.send(networks()).await.unwrap().status,
            200
        );
    }
}

#[tokio::test]
async fn an_application_credential_is_good_for_its_own_project_only() {
    let server = Server::start().await;
    let credential = Credential::ApplicationCredential {
        which: ApplicationCredentialRef::Id("ac".into()),
        secret: "s".to_owned().into(),
    };
    let login = async |project: ProjectRef| {
        let config = CloudConfig { credential: credential.clone(), ..config(&server.url) };
        let config = config.in_project(project, "test");
        let options = SessionOptions { token_cache: None, ..SessionOptions::default() };
        Session::new(config, &options).await.unwrap().token_info().await
    };
    let named = |name: &str, domain: &str| {
        let domain = DomainRef::Name(domain.to_owned());
        ProjectRef::Named { name: name.to_owned(), domain }
    };
    for own in [ProjectRef::Id("p".into()), named("mgmt", "capi"), named("Mgmt", "CAPI")] {
        assert_eq!(login(own).await.unwrap().project.unwrap().id, "p");
    }
    for other in [ProjectRef::Id("q".into()), named("mgmt-2", "capi"), named("mgmt", "Default")] {
        let wanted = other.to_string();
        let Err(Error::Login { source, .. }) = login(other).await else { panic!("{wanted}") };
        let words = format!("demo: the login is for project mgmt instead of {wanted}");
        assert_eq!(source.to_string(), words);
    }
}

#[tokio::test]
async fn a_no_is_not_asked_for_again_and_again() {
    let server = Server::start().await;
    server.with(|state| state.wrong_password = true);
    let session = session(&server.url, None).await;
    for _ in 0..5 {
        let Err(Error::Login { source, .. }) = session.send(networks()).await else { panic!() };
        assert_eq!(source.refusal().unwrap().status, 401);
    }
    assert_eq!(server.with(|state| state.seen.len()), 1, "Keystone may lock the user out");
}

#[tokio::test]
async fn a_wrong_password_is_said_whole_and_not_shown() {
    let server = Server::start().await;
    server.with(|state| state.wrong_password = true);
    let session = session(&server.url, None).await;
    let error = session.send(networks()).await.unwrap_err();
    let failure = Failure::from_error("could not list", &error);
    insta::assert_snapshot!(format!("{failure}\nnext: {}", failure.next.as_deref().unwrap()), @"
    could not list: could not log in to demo as user op of domain default: POST identity /v3/auth/tokens: 401: The request you have made requires authentication. (req-1)
    next: check the user, the password, the project and their domains
    ");
    assert!(!format!("{error:?} {session:?}").contains("hunter2"));
}

#[tokio::test]
async fn no_answer_says_why_and_what_may_have_changed() {
    let server = Server::start().await;
    let options = SessionOptions::default().stall_limit(Duration::from_millis(300));
    let session = Session::new(config(&server.url), &options).await.unwrap();
    session.send(networks()).await.unwrap();
    server.with(|state| state.hang = true);
    let write = Request::new(Service::Network, Method::Delete, &["networks", "n"]);
    let error = session.send(write).await.unwrap_err();
    assert!(error.timed_out());
    let stalled = TransportCause::Stalled { after: Duration::from_millis(300), moved: 0 };
    assert_eq!(cause(&error), stalled);
    assert_eq!(error.touched(), Touched::Maybe, "a write that may have arrived");
    assert_eq!(session.send(networks()).await.unwrap_err().touched(), Touched::Nothing);

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let session = Session::new(config(&url), &options).await.unwrap();
    let error = session.send(networks()).await.unwrap_err();
    let causes = omega_core::chain(&error).join(": ").replace(&url, "URL");
    assert!(causes.starts_with("could not log in to demo as user op of domain default: POST identity /v3/auth/tokens: no answer from URL"), "{causes}");
    assert!(causes.contains("refused"), "the cause itself: {causes}");
    assert_eq!(cause(&error), TransportCause::Refused);
    assert_eq!(error.retry(), Retry::Transient);
    assert_eq!(error.touched(), Touched::Nothing);
}

fn cause(error: &Error) -> TransportCause {
    let error = if let Error::Login { source, .. } = error { source } else { error };
    let Error::Unreachable { cause, .. } = error else { panic!("{error:?}") };
    *cause
}

#[tokio::test]
async fn a_server_without_tls_is_no_reason_to_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await
                .unwrap();
        }
    });
    let error = session(&url, None).await.send(networks()).await.unwrap_err();
    assert_eq!(cause(&error), TransportCause::Tls);
    assert_eq!((error.retry(), error.touched()), (Retry::Final, Touched::Nothing));
}

#[tokio::test]
async fn an_absent_service_is_told_with_what_there_is() {
    let server = Server::start().await;
    let session = session(&server.url, None).await;
    let request = Request::new(Service::ContainerInfra, Method::Get, &["clusters"]);
    let error = session.send(request).await.unwrap_err();
    assert!(matches!(error, Error::NoEndpoint { .. }));
    insta::assert_snapshot!(error, @"the catalog of demo has no public endpoint for container-infra");
}

#[tokio::test]
async fn a_ca_that_is_none_is_refused_before_anything_is_sent() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ca.pem");
    fs::write(&path, "no certificate").unwrap();
    let mut config = config("https://127.0.0.1:1");
    config.cacert = Some(path);
    let error = Session::new(config.clone(), &SessionOptions::default()).await.unwrap_err();
    assert!(error.to_string().ends_with("ca.pem has no certificate"), "{error}");
    config.cacert = Some(dir.path().join("absent.pem"));
    let error = Session::new(config, &SessionOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("absent.pem: No such file"), "{error}");
    assert!(error.next().unwrap().starts_with("check the file of CA certificates"), "{error:?}");
}

#[tokio::test]
async fn osauths_own_session_shares_the_login() {
    let server = Server::start().await;
    let session = session(&server.url, None).await;
    session.send(networks()).await.unwrap();
    let theirs = session.osauth();
    let filters = osauth::EndpointFilters::default();
    let url = theirs.client().get_endpoint("network", &filters).await.unwrap();
    assert_eq!(url.as_str().trim_end_matches('/'), server.url);
    assert_eq!(server.with(|state| state.logins), 1);
}

/// A catalog with one null address, as operators leave them behind, is usable (cloudnull/substation#12);
/// and an endpoint with the project in its path is used as it is (dtantsur/rust-osauth#18,
/// vexxhost/atmosphere#503).
#[test]
fn one_odd_entry_is_skipped_and_the_catalog_is_used() {
    let catalog: Catalog = serde_json::from_value(json!([
        { "type": "compute", "endpoints": [
            { "interface": "public", "region_id": "One", "region": "One", "url": null },
            { "interface": "internal", "region": null, "url": "http://k/nova/v2.1/p" },
            { "interface": "public", "region_id": "One", "url": "http://k/nova/v2.1/p" },
        ] },
        { "type": null, "endpoints": null },
        { "type": "network" },
    ]))
    .unwrap();
    let public = [Interface::Public];
    let url = catalog.endpoint("demo", Service::Compute, &public, Some("One")).unwrap();
    assert_eq!(url.as_str(), "http://k/nova/v2.1/p");
    let none = catalog.endpoint("demo", Service::Compute, &public, Some("Two")).unwrap_err();
    insta::assert_snapshot!(none.found().unwrap(), @"public in One: no address, internal in no region: http://k/nova/v2.1/p, public in One: http://k/nova/v2.1/p");
    let any = [Interface::Admin, Interface::Internal, Interface::Public];
    assert!(
        catalog.endpoint("demo", Service::Compute, &any, None).is_ok(),
        "the first that is there"
    );
}

/// openstack-exporter#608, kubernetes/cloud-provider-openstack#2091: an address that is given is asked;
/// dtantsur/rust-osauth#18: with the version and the project that it ends with.
#[tokio::test]
async fn an_address_that_is_given_is_asked() {
    let server = Server::start().await;
    let at = |path: &str| format!("{}{path}", server.url).parse().unwrap();
    let config = config(&server.url)
        .at_endpoint(Service::Network, at("/override/net"))
        .at_endpoint(Service::Compute, at("/nova/v2.1/p"))
        .at_endpoint(Service::ContainerInfra, at("/override/magnum/v1"));
    let session = Session::new(config, &SessionOptions::default()).await.unwrap();
    for (service, path) in [
        (Service::Network, "networks"),
        (Service::Compute, "servers"),
        (Service::ContainerInfra, "clusters"),
    ] {
        session.send(Request::new(service, Method::Get, &[path])).await.unwrap();
    }
    let seen = server.with(|state| state.seen.clone());
    let asked: Vec<_> = seen.iter().filter_map(|line| line.strip_prefix("GET ")).collect();
    insta::assert_snapshot!(asked.join("\n"), @"
    /override/net/v2.0/networks HTTP/1.1
    /nova/v2.1/p/servers HTTP/1.1
    /override/magnum/v1/clusters HTTP/1.1
    ");
}
