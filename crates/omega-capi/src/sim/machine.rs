use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use http::{Request, Response};
use kube::client::Body;
use omega_core::{
    kubeconfig::Kubeconfig,
    testing::{Fault, REFUSAL},
    values::Secret,
};
use rustls::{CertificateError, pki_types::ServerName};
use tower::service_fn;

use super::Apiserver;
use crate::{
    ConnectFailure, Deadlines, Error, Management, Verb,
    access::{CertificateCheck, LocalFile, LocalMachine},
};

/// A simulated machine with files and reachable API servers. Clones share their state; a [fork](Machine::fork) has its own.
#[derive(Clone, Debug, Default)]
pub struct Machine(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, (Vec<u8>, bool)>,
    /// By `host:port`.
    servers: BTreeMap<String, Apiserver>,
    certificates: BTreeMap<String, CertificateCheck>,
    writes: usize,
    fault: Option<(usize, Fault)>,
}

impl Machine {
    /// Creates a machine that reaches `server` at `host:port`.
    pub fn with_server(address: &str, server: &Apiserver) -> Self {
        let new = Self::default();
        new.add_server(address, server);
        new
    }

    /// Makes `server` reachable at `host:port`.
    pub fn add_server(&self, address: &str, server: &Apiserver) {
        self.state().servers.insert(address.to_owned(), server.clone());
    }

    /// Sets the result for the certificate at `host:port`; by default it covers the address.
    pub fn set_certificate(&self, address: &str, check: CertificateCheck) {
        self.state().certificates.insert(address.to_owned(), check);
    }

    /// Writes a file.
    pub fn put(&self, path: &Path, text: &str, private: bool) {
        self.state().files.insert(path.to_owned(), (text.as_bytes().to_vec(), private));
    }

    /// Returns a file's text and whether it is private.
    pub fn file(&self, path: &Path) -> Option<(String, bool)> {
        let state = self.state();
        let (bytes, private) = state.files.get(path)?;
        Some((String::from_utf8_lossy(bytes).into_owned(), *private))
    }

    /// Removes a file.
    pub fn remove_file(&self, path: &Path) {
        self.state().files.remove(path);
    }

    /// Returns the paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().files.keys().cloned().collect()
    }

    /// Returns the number of writes.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Sets the fault of the `nth` write, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: Fault) {
        self.state().fault = Some((nth, fault));
    }

    /// Returns a copy with its own state, no writes so far, and the API servers `servers`.
    #[must_use]
    pub fn fork(&self, servers: &[(&str, &Apiserver)]) -> Self {
        let mut state = self.state().clone();
        state.writes = 0;
        let named =
            servers.iter().map(|(address, server)| ((*address).to_owned(), (*server).clone()));
        state.servers.extend(named);
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes or removes a file, with the fault of this write.
    fn write(&mut self, path: &Path, content: Option<(Vec<u8>, bool)>) -> io::Result<()> {
        let nth = self.writes;
        self.writes += 1;
        let fault = self.fault.filter(|(faulty, _)| *faulty == nth).map(|(_, fault)| fault);
        if !matches!(fault, Some(Fault::Lost | Fault::Ignored | Fault::Refused)) {
            match content {
                Some(content) => drop(self.files.insert(path.to_owned(), content)),
                None => drop(self.files.remove(path)),
            }
        }
        match fault {
            Some(Fault::Lost | Fault::AnswerLost) => Err(io::Error::other("input/output error")),
            Some(Fault::Refused) => Err(io::Error::new(io::ErrorKind::PermissionDenied, REFUSAL)),
            Some(Fault::Ignored) | None => Ok(()),
        }
    }
}

#[async_trait]
impl LocalMachine for Machine {
    fn read(&self, path: &Path) -> io::Result<LocalFile> {
        let state = self.state();
        let (bytes, private) = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(LocalFile { bytes: Secret::new(bytes.clone()), private: *private })
    }

    fn write(&self, path: &Path, bytes: &Secret) -> io::Result<()> {
        self.state().write(path, Some((bytes.expose().to_vec(), true)))
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().write(path, None)
    }

    async fn connect(&self, kubeconfig: &Kubeconfig, _: Deadlines) -> Result<Management, Error> {
        let (host, port) = kubeconfig.facts.endpoint();
        let address = format!("{host}:{port}");
        let label = kubeconfig.facts.server.to_string();
        if let Some(error) = self.state().certificates.get(&address).and_then(refusal) {
            let refuse = service_fn(move |_: Request<Body>| {
                let error = rustls::Error::InvalidCertificate(error.clone());
                let failed = io::Error::new(io::ErrorKind::InvalidData, error);
                async { Err::<Response<Body>, _>(failed) }
            });
            return Ok(Management::over(refuse, label));
        }
        let server = self.state().servers.get(&address).cloned();
        let Some(server) = server else {
            return Err(Error::Unreachable {
                server: label,
                verb: Verb::Get,
                cause: ConnectFailure::Refused,
                names: Vec::new(),
                why: "connection refused".to_owned(),
            });
        };
        let text =
            kubeconfig.token().map(|token| String::from_utf8_lossy(token.expose()).into_owned());
        let server = text.map_or(server.clone(), |token| server.with_token(&token));
        Ok(Management::over(server, label))
    }
}

/// Returns the error of a client that does not accept the certificate.
fn refusal(check: &CertificateCheck) -> Option<CertificateError> {
    match check {
        CertificateCheck::Covers => None,
        CertificateCheck::OtherName(names) => Some(CertificateError::NotValidForNameContext {
            expected: ServerName::IpAddress(Ipv4Addr::LOCALHOST.into()),
            presented: names.iter().map(|name| format!("DnsName(\"{name}\")")).collect(),
        }),
        CertificateCheck::OtherAuthority | CertificateCheck::NotTrustedHere => {
            Some(CertificateError::UnknownIssuer)
        }
        CertificateCheck::IsCa => {
            let why = io::Error::other("CaUsedAsEndEntity");
            Some(CertificateError::Other(rustls::OtherError(Arc::new(why))))
        }
        CertificateCheck::NotValid(_) => Some(CertificateError::Expired),
    }
}
