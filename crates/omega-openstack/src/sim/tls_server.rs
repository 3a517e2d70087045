//! Servers on this machine that speak TLS and nothing else, and the CA of their certificates.

#![allow(clippy::similar_names, reason = "a name and names, a port and a part")]

use std::{io::Read as _, net::TcpListener, sync::Arc, thread};

use jiff::{Timestamp, tz::TimeZone};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use url::Url;

/// A CA.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    key: String,
}

/// Who signs the certificate of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The CA.
    Authority,
    /// The server itself.
    Itself,
}

impl Authority {
    /// Makes a CA; `None` if this machine can't make keys.
    pub fn new(name: &str) -> Option<Self> {
        let key = KeyPair::generate().ok()?;
        let mut params = CertificateParams::new(Vec::<String>::new()).ok()?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).ok()?.pem();
        Some(Self { certificate, key: key.serialize_pem() })
    }

    /// Returns its certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// Starts a server at 127.0.0.1 whose certificate covers `names` and ends on the day of `end`, and returns
    /// its address under the first of them. It lasts as long as the process. `None` if it can't be started.
    pub fn serve(&self, names: &[&str], end: Timestamp, signer: Signer) -> Option<Url> {
        let key = KeyPair::generate().ok()?;
        let named: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(named).ok()?;
        params.distinguished_name.push(DnType::CommonName, *names.first()?);
        let day = end.to_zoned(TimeZone::UTC).date();
        let part = |number: i8| u8::try_from(number).ok();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after =
            rcgen::date_time_ymd(day.year().into(), part(day.month())?, part(day.day())?);
        let certificate = match signer {
            Signer::Itself => params.self_signed(&key).ok()?,
            Signer::Authority => {
                let own = KeyPair::from_pem(&self.key).ok()?;
                let issuer = Issuer::from_ca_cert_pem(&self.certificate, own).ok()?;
                params.signed_by(&key, &issuer).ok()?
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).ok()?;
        let port = listen(vec![certificate.der().clone()], key)?;
        format!("https://{}:{port}/", names.first()?).parse().ok()
    }
}

fn listen(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Option<u16> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider);
    let server = server.with_safe_default_protocol_versions().ok()?.with_no_client_auth();
    let server = Arc::new(server.with_single_cert(chain, key).ok()?);
    let listener = TcpListener::bind("127.0.0.1:0").ok()?;
    let port = listener.local_addr().ok()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(connection) = ServerConnection::new(Arc::clone(&server)) else { return };
            // The handshake ends before the first read does.
            drop(StreamOwned::new(connection, stream).read(&mut [0; 64]));
        }
    });
    Some(port)
}
