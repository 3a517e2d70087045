//! The simulated API server, over HTTPS.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::client::Body;
use omega_capi::sim::Apiserver;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::{
    cloud::plain,
    front::Service,
    http::{Request, Response},
    wire::Kind,
};

/// The token of the administrator, whom the simulator knows without one.
pub(crate) const ADMIN: &str = "administrator";

/// The certificate of one API server.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pem: String,
}

impl Tls {
    /// Makes one for an address.
    pub(crate) fn new(address: Ipv4Addr) -> io::Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let name = vec![address.to_string()];
        let params = CertificateParams::new(name).map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let (chain, pem) = (vec![certificate.der().clone()], certificate.pem());
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let server = ServerConfig::builder().with_no_client_auth();
        let server = server.with_single_cert(chain, key).map_err(io::Error::other)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(server)), pem })
    }

    /// Returns a kubeconfig of the administrator for the server at `address`.
    pub(crate) fn kubeconfig(&self, address: SocketAddr) -> String {
        let ca = STANDARD.encode(&self.pem);
        format!(
            "{{apiVersion: v1, kind: Config, current-context: c, \
             contexts: [{{name: c, context: {{cluster: m, user: u}}}}], \
             clusters: [{{name: m, cluster: {{server: 'https://{address}', \
             certificate-authority-data: {ca}}}}}], \
             users: [{{name: u, user: {{token: {ADMIN}}}}}]}}\n"
        )
    }
}

/// The API server.
pub(crate) struct KubeService(pub(crate) Apiserver);

#[async_trait]
impl Service for KubeService {
    fn describe(&self, request: &Request) -> (String, Kind) {
        let path = request.path();
        let review = path.starts_with("/apis/authorization.k8s.io/")
            || path.starts_with("/apis/authentication.k8s.io/")
            || request.query().split('&').any(|one| one == "dryRun=All");
        let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
        let lock =
            path.strip_prefix(leases).is_some_and(|name| name.is_empty() || name == "/omega");
        let kind = match request.method.as_str() {
            _ if lock => Kind::Lock,
            "GET" => Kind::Read,
            _ if review => Kind::Review,
            _ => Kind::Write,
        };
        (format!("{} {}", request.method, plain(path)), kind)
    }

    async fn answer(&self, request: Request) -> Response {
        let mut asked = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("http://sim{}", request.target));
        for name in ["accept", "content-type"] {
            if let Some(value) = request.header(name) {
                asked = asked.header(name, value);
            }
        }
        let bearer = request.header("authorization").and_then(|all| all.strip_prefix("Bearer "));
        let server = match bearer {
            None | Some(ADMIN) => self.0.clone(),
            Some(token) => self.0.with_token(token),
        };
        let Ok(asked) = asked.body(Body::from(request.body)) else { return broken() };
        let Ok(answer) = server.oneshot(asked).await else { return broken() };
        let (parts, body) = answer.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.to_owned(), value.to_owned()))
        };
        let headers = ["content-type", "date"].into_iter().filter_map(header).collect();
        let body = body.collect_bytes().await.map(|all| all.to_vec()).unwrap_or_default();
        Response { status: parts.status.as_u16(), headers, body }
    }
}

fn broken() -> Response {
    Response { status: 500, headers: Vec::new(), body: Vec::new() }
}
