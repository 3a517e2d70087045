//! A server that is every service of a cloud at once, and betrays what it is sent.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use serde_json::json;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// A login succeeds; whatever else is asked, the answer is 500 with the whole request in its error.
    LetsIn,
    /// 401 with the whole request in its error, as a badly written service answers.
    Refuses,
    /// 500 with the whole request in its error.
    Fails,
    /// 502 with a proxy's page that has the whole request in it.
    Page,
    /// 200 with the whole request in the place of JSON.
    Garbled,
    /// 200 with the parts of the request in the places of numbers, lists and times.
    WrongTypes,
    /// 302 to an address with the whole request in it.
    Redirects,
    /// It never answers.
    Hangs,
}

impl Behaviour {
    /// Those that answer.
    pub(crate) const ALL: [Self; 7] = [
        Self::LetsIn,
        Self::Refuses,
        Self::Fails,
        Self::Page,
        Self::Garbled,
        Self::WrongTypes,
        Self::Redirects,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LetsIn => "every request after the login fails",
            Self::Refuses => "the login is refused",
            Self::Fails => "500 with the request",
            Self::Page => "a proxy's page with the request",
            Self::Garbled => "no JSON, but the request",
            Self::WrongTypes => "JSON of other types with the request",
            Self::Redirects => "a redirect with the request",
            Self::Hangs => "no answer",
        }
    }
}

/// What a server is like: it answers all requests alike, on all its connections.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    behaviour: Behaviour,
    /// What a login returns.
    token: String,
    /// Every request so far: what was sent at all.
    received: Received,
}

/// The requests that servers have received.
pub(crate) type Received = Arc<Mutex<Vec<u8>>>;

/// A certificate with its key, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    /// Returns one for this address, signed by itself.
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let failed = |error: rcgen::Error| io::Error::other(error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { certificate, key: key.serialize_pem() })
    }
}

impl Service {
    pub(crate) fn new(behaviour: Behaviour, token: &str, received: &Received) -> Self {
        Self { behaviour, token: token.to_owned(), received: Arc::clone(received) }
    }

    /// Listens at `host` until the process ends; returns the port. `identity`: for TLS.
    pub(crate) fn listen(self, host: &str, identity: Option<&Identity>) -> io::Result<u16> {
        let listener = TcpListener::bind((host, 0))?;
        let port = listener.local_addr()?.port();
        let tls = identity.map(tls).transpose()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (service, tls) = (self.clone(), tls.clone());
                // A client that goes away is none of the server's business.
                thread::spawn(move || drop(service.serve(stream, port, tls)));
            }
        });
        Ok(port)
    }

    fn serve(self, stream: TcpStream, port: u16, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        match tls {
            None => self.talk(stream, &format!("http://127.0.0.1:{port}")),
            Some(tls) => {
                let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
                let url = format!("https://127.0.0.1:{port}");
                self.talk(StreamOwned::new(connection, stream), &url)
            }
        }
    }

    fn talk(&self, mut stream: impl Read + Write, url: &str) -> io::Result<()> {
        let request = read(&mut stream)?;
        self.received.lock().unwrap_or_else(PoisonError::into_inner).extend(request.bytes());
        if self.behaviour == Behaviour::Hangs {
            pause(Duration::from_mins(1));
        }
        stream.write_all(self.answer(&request, url).as_bytes())?;
        stream.flush()
    }

    fn answer(&self, request: &str, url: &str) -> String {
        let said = request;
        match self.behaviour {
            Behaviour::LetsIn if request.starts_with("POST /v3/auth/tokens ") => self.login(url),
            Behaviour::LetsIn if request.starts_with("GET /v3 ") => {
                let version =
                    json!({ "version": { "id": "v3.14", "status": "stable", "links": [] } });
                http(200, "application/json", "", &version.to_string())
            }
            Behaviour::LetsIn | Behaviour::Fails | Behaviour::Hangs => error(500, said),
            Behaviour::Refuses => error(401, said),
            Behaviour::Page => {
                let page =
                    format!("<html><head><title>{said}</title></head><body>{said}</body></html>");
                http(502, "text/html", "", &page)
            }
            Behaviour::Garbled => http(200, "application/json", "", said),
            Behaviour::WrongTypes => {
                let header = format!("X-Subject-Token: {}\r\n", self.token);
                http(200, "application/json", &header, &wrong_types(said))
            }
            Behaviour::Redirects => {
                let header = format!("Location: {url}/login?back={}\r\n", in_url(said));
                http(302, "text/plain", &header, "")
            }
        }
    }

    /// A token of an administrator, and a catalog in which this server is every service.
    fn login(&self, url: &str) -> String {
        const TYPES: [&str; 9] = [
            "identity",
            "network",
            "image",
            "compute",
            "container-infra",
            "load-balancer",
            "key-manager",
            "volumev3",
            "orchestration",
        ];
        let service = |name: &str| {
            let endpoint = |interface: &str| {
                json!({ "interface": interface, "region": "r", "region_id": "r", "id": interface,
                    "url": format!("{url}/{name}") })
            };
            let endpoints = ["public", "internal", "admin"].map(endpoint);
            json!({ "type": name, "name": name, "id": name, "endpoints": endpoints })
        };
        let body = json!({ "token": {
            "methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "user": { "id": "u1", "name": "u", "domain": { "id": "default", "name": "Default" } },
            "project": { "id": "p1", "name": "mgmt", "domain": { "id": "default", "name": "Default" } },
            "roles": [{ "id": "r1", "name": "admin" }, { "id": "r2", "name": "member" }],
            "catalog": TYPES.map(service),
        }});
        let header = format!("X-Subject-Token: {}\r\n", self.token);
        http(201, "application/json", &header, &body.to_string())
    }
}

fn tls(identity: &Identity) -> io::Result<Arc<ServerConfig>> {
    let certificate =
        rustls::pki_types::CertificateDer::from_pem_slice(identity.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
    let (certificate, key) =
        (certificate.map_err(io::Error::other)?, key.map_err(io::Error::other)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key);
    Ok(Arc::new(config.map_err(io::Error::other)?))
}

/// Reads one request: its head, and as much after it as it says.
fn read(stream: &mut impl Read) -> io::Result<String> {
    let (mut all, mut part) = (Vec::new(), [0; 8192]);
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>())?
                    .ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        match stream.read(&mut part)? {
            0 => return Ok(text),
            n => all.extend_from_slice(part.get(..n).unwrap_or_default()),
        }
    }
}

/// The error of a service, in the form of each.
fn error(code: u16, said: &str) -> String {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": said,
        "reason": said, "code": code, "error": { "message": said, "code": code, "title": said },
        "errors": [{ "detail": said, "title": said }],
        "NeutronError": { "message": said, "type": "X", "detail": said },
    });
    http(code, "application/json", "", &status.to_string())
}

/// A text in the places of times, lists and objects.
fn wrong_types(said: &str) -> String {
    let token = json!({
        "expires_at": said, "user": said, "project": [said], "roles": said, "catalog": said,
    });
    let body = json!({
        "token": token, "kind": [said], "items": said, "versions": said, "groups": said,
        "major": [said], "gitVersion": { "x": said }, "status": said, "metadata": said,
    });
    body.to_string()
}

/// Returns a text as a URL has it.
pub(crate) fn in_url(text: &str) -> String {
    let quoted = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(quoted).collect()
}

fn http(code: u16, kind: &str, headers: &str, body: &str) -> String {
    let head = format!("HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\n{headers}");
    let length = body.len();
    format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, without a runtime")]
fn pause(time: Duration) {
    thread::sleep(time);
}
