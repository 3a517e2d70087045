//! An API server with TLS on this machine, and the kubeconfig of it.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::{kubeconfig::Kubeconfig, values::Secret};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::PrivateKeyDer,
    server::{NoClientAuth, danger::ClientCertVerifier},
};

/// What serves, and to whom.
pub(crate) struct Serve {
    /// Of the certificate, which is its own authority.
    pub(crate) certificate: CertificateParams,
    /// Which clients are served.
    pub(crate) clients: Arc<dyn ClientCertVerifier>,
    /// Whether a client without a certificate gets no answer.
    pub(crate) wants_certificate: bool,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The answer.
    pub(crate) body: &'static str,
}

impl Serve {
    /// Serves anybody at `host` an empty document.
    pub(crate) fn at(host: &str) -> Self {
        Self {
            certificate: CertificateParams::new(vec![host.to_owned()]).unwrap(),
            clients: Arc::new(NoClientAuth),
            wants_certificate: false,
            status: 200,
            body: "{}",
        }
    }

    /// Starts it. Returns the URL, and the certificate in PEM.
    pub(crate) fn start(self, host: &str) -> (String, String) {
        let Self { certificate, clients, wants_certificate, status, body } = self;
        drop(rustls::crypto::ring::default_provider().install_default());
        let key = KeyPair::generate().unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let (chain, pem) = (vec![certificate.der().clone()], certificate.pem());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let server = ServerConfig::builder().with_client_cert_verifier(clients);
        let server = Arc::new(server.with_single_cert(chain, key).unwrap());
        let (listener, url) = listen(host);
        let head = format!("HTTP/1.1 {status} X\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT");
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                let asked = stream.read(&mut [0; 4096]).is_ok();
                if asked && (!wants_certificate || stream.conn.peer_certificates().is_some()) {
                    drop(stream.write_all(answer.as_bytes()));
                    drop(stream.flush());
                }
            }
        });
        (url, pem)
    }
}

/// Listens on some port of `host`. Returns the URL, too.
pub(crate) fn listen(host: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Returns a kubeconfig for `server`. `user`: how it authenticates, in YAML.
pub(crate) fn kubeconfig(server: &str, ca: Option<&str>, user: &str) -> Kubeconfig {
    let ca = ca.map(|ca| format!(", certificate-authority-data: {}", STANDARD.encode(ca)));
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         contexts: [{{name: c, context: {{cluster: m, user: u}}}}], \
         clusters: [{{name: m, cluster: {{server: '{server}'{}}}}}], \
         users: [{{name: u, user: {user}}}]}}",
        ca.unwrap_or_default()
    );
    Kubeconfig::read(Secret::from(text)).unwrap()
}
