//! Serves the simulators as the real services are served: over HTTP, over TLS, and to a program `juju`.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixListener},
    runtime::Builder,
};
use tokio_rustls::TlsAcceptor;

use crate::{Result, cluster, juju, openstack, stand_in::Call, world::Stage};

/// An address of this machine that units could reach too: a loopback address that is not 127.0.0.1.
pub(crate) const MANAGEMENT: &str = "127.77.2.1";

/// Where everything is served, for as long as this process lasts.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// Keystone's URL.
    pub(crate) keystone: String,
    /// The port of the management cluster.
    pub(crate) management: u16,
    /// The certificate of its CA, in PEM.
    pub(crate) ca: String,
    /// The socket of the stand-in for juju.
    pub(crate) juju: PathBuf,
}

impl Served {
    /// Starts the servers on a thread of their own. `directory`: where the socket may be made.
    pub(crate) fn start(stage: &Stage, directory: &Path) -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let (acceptor, ca) = tls()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let juju = directory.join("juju.socket");
        let cloud = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let cluster = runtime.block_on(TcpListener::bind((MANAGEMENT, 0)))?;
        let units = runtime.block_on(async { UnixListener::bind(&juju) })?;
        let keystone = format!("http://{}/identity/v3", cloud.local_addr()?);
        let management = cluster.local_addr()?.port();
        let stage = stage.clone();
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::join!(
                    serve_cloud(&cloud, &stage),
                    serve_cluster(&cluster, &acceptor, &stage),
                    serve_units(&units, &stage),
                )
            })
        });
        Ok(Self { keystone, management, ca, juju })
    }

    /// Returns the operator's kubeconfig: that of the simulators, for this server.
    pub(crate) fn kubeconfig(&self) -> String {
        let lines = omega_juju::sim::KUBECONFIG.lines().map(|line| {
            let (key, _) = line.split_once(": ").unwrap_or((line, ""));
            match key.trim() {
                "server" => format!("{key}: https://{MANAGEMENT}:{}\n", self.management),
                "certificate-authority-data" => format!("{key}: {}\n", STANDARD.encode(&self.ca)),
                _ => format!("{line}\n"),
            }
        });
        lines.collect()
    }
}

fn tls() -> Result<(TlsAcceptor, String)> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![MANAGEMENT.to_owned()])?.self_signed(&key)?;
    let (chain, pem) = (vec![certificate.der().clone()], certificate.pem());
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok((TlsAcceptor::from(Arc::new(server)), pem))
}

async fn serve_cloud(listener: &TcpListener, stage: &Stage) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let stage = stage.clone();
        drop(tokio::spawn(serve(stream, move |request| {
            let stage = stage.clone();
            async move { openstack::answer(&stage.now(), request).await }
        })));
    }
}

async fn serve_cluster(listener: &TcpListener, acceptor: &TlsAcceptor, stage: &Stage) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, stage) = (acceptor.clone(), stage.clone());
        drop(tokio::spawn(async move {
            // A client that is gone in the handshake is no failure of this server.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = move |request| {
                let stage = stage.clone();
                async move { cluster::answer(&stage.now(), request).await }
            };
            serve(stream, answer).await;
        }));
    }
}

async fn serve<S, F, A>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Result<Response<Full<Bytes>>>>,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request);
        async move {
            let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
                let mut response = Response::new(Full::from(error.to_string()));
                *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
                response
            };
            Ok::<_, Infallible>(answer.await.unwrap_or_else(failed))
        }
    });
    // A client that is killed goes away in the middle.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
}

async fn serve_units(listener: &UnixListener, stage: &Stage) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let stage = stage.clone();
        drop(tokio::spawn(async move {
            let mut text = Vec::new();
            drop(stream.read_to_end(&mut text).await);
            let Ok(call) = serde_json::from_slice::<Call>(&text) else { return };
            let printed = juju::answer(&stage.now(), &call).await;
            let text = serde_json::to_vec(&printed).unwrap_or_default();
            drop(stream.write_all(&text).await);
        }));
    }
}
