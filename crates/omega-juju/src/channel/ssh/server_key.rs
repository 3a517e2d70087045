use std::path::PathBuf;

use russh::{
    client::Handler,
    keys::{PublicKey, PublicKeyOrCertificate},
};

use super::{
    SshTarget,
    known_hosts::{KnownHosts, Verdict, fingerprint},
};
use crate::Error;

/// Checks the host key of a server.
#[derive(Debug)]
pub(super) struct ServerKey {
    host: String,
    port: u16,
    address: String,
    files: Vec<PathBuf>,
    known: KnownHosts,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Refused {
    /// The transport failed.
    Ssh(russh::Error),
    /// The host key was refused.
    Key(Box<Error>),
}

impl From<russh::Error> for Refused {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl ServerKey {
    pub(super) fn new(target: &SshTarget, known: KnownHosts) -> Self {
        Self {
            host: target.host.clone(),
            port: target.port,
            address: target.address(),
            files: target.known_hosts.clone(),
            known,
        }
    }

    fn check(&self, key: &PublicKey) -> Result<(), Error> {
        let host = self.address.clone();
        let found = fingerprint(key);
        match self.known.check(&self.host, self.port, key) {
            Verdict::Known => Ok(()),
            Verdict::Changed(keys) => {
                Err(Error::HostKey { host, expected: keys.join(", "), found })
            }
            Verdict::Revoked(place) => {
                let expected = format!("a key that is not revoked ({place} revokes this one)");
                Err(Error::HostKey { host, expected, found })
            }
            Verdict::Unknown => {
                let files: Vec<_> = self.files.iter().map(|f| f.display().to_string()).collect();
                let line = key.to_openssh().unwrap_or_default();
                let line = format!("{host} {}", line.trim());
                Err(Error::UnknownHost { host, found, files: files.join(", "), line })
            }
        }
    }
}

impl Handler for ServerKey {
    type Error = Refused;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Refused> {
        match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.check(key).map_err(|error| Refused::Key(Box::new(error)))?;
                Ok(true)
            }
            // Certificates are not requested.
            PublicKeyOrCertificate::Certificate(_) => Ok(false),
        }
    }
}
