use std::{io::ErrorKind, path::Path};

use jiff::Timestamp;
use omega_core::{
    kubeconfig::{AuthKind, Kubeconfig, NewCredential, NewKubeconfig},
    values::Secret,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Account, LocalFile, LocalMachine, MintError, RightsProof, token::Claims};

/// The file at the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileObserved {
    /// There is none.
    Absent,
    /// It was not minted for this account and management cluster, for this reason.
    Foreign(String),
    /// It is a kubeconfig with a token of the account.
    Minted(MintedFacts),
}

/// A minted kubeconfig, without its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct MintedFacts {
    pub server: Url,
    /// The UID of its token's account.
    pub account: String,
    pub issued: Timestamp,
    pub expires: Timestamp,
    /// Whether only its owner can read it.
    pub private: bool,
    pub check: TokenCheck,
}

/// The result of using a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenCheck {
    /// It was not used, as it has to be replaced anyway.
    #[serde(rename = "not_asked")]
    NotChecked,
    /// The API server refused the token.
    Refused,
    /// The token was accepted, with these rights.
    Accepted(RightsProof),
}

impl MintedFacts {
    /// Returns the lifetime of the token in seconds.
    pub fn life(&self) -> i64 {
        self.expires.as_second() - self.issued.as_second()
    }
}

/// Reads and classifies the file. Returns the kubeconfig if it can be used.
pub(super) fn read(
    local: &dyn LocalMachine,
    path: &Path,
    account: &Account,
    ca_pem: Option<&str>,
    now: Timestamp,
) -> Result<(FileObserved, Option<Kubeconfig>), MintError> {
    let LocalFile { bytes, private } = match local.read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok((FileObserved::Absent, None));
        }
        Err(source) => return Err(MintError::Read { path: path.to_owned(), source }),
    };
    let foreign = |why: &str| Ok((FileObserved::Foreign(why.to_owned()), None));
    let kubeconfig = match Kubeconfig::parse(bytes, now) {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => return foreign(&error.to_string()),
    };
    let facts = &kubeconfig.facts;
    let AuthKind::Token = facts.auth else {
        return foreign("it authenticates with a client certificate");
    };
    let Some(claims) = kubeconfig.token().and_then(|token| Claims::read(token.expose())) else {
        return foreign("its token is not that of a ServiceAccount");
    };
    if claims.user != account.user() {
        return foreign(&format!("its token belongs to {}", claims.user));
    }
    if facts.ca_pem.as_deref() != ca_pem {
        return foreign("its CA is not the management cluster's");
    }
    let minted = MintedFacts {
        server: facts.server.clone(),
        account: claims.uid,
        issued: claims.issued,
        expires: claims.expires,
        private,
        check: TokenCheck::NotChecked,
    };
    Ok((FileObserved::Minted(minted), Some(kubeconfig)))
}

/// Returns a self-contained kubeconfig.
pub(super) fn text(
    account: &Account,
    server: &Url,
    ca_pem: Option<&str>,
    token: &Secret,
) -> Result<Secret, MintError> {
    let name = account.name();
    let credential = NewCredential::Token(token);
    let new = NewKubeconfig { cluster: "management", user: name, server, ca_pem, credential };
    new.text().map_err(|error| MintError::Yaml(error.to_string()))
}
