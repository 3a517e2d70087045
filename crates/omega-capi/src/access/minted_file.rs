//! The file that a minted kubeconfig is in.

use std::{io::ErrorKind, path::Path};

use jiff::Timestamp;
use omega_core::{
    kubeconfig::{AuthKind, Kubeconfig, NewCredential, NewKubeconfig},
    values::Secret,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{Account, LocalFile, LocalMachine, MintError, RightsProof, token::Claims};

/// What is at the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileObserved {
    /// Nothing.
    Absent,
    /// Something that was not minted for this account and this management cluster.
    Foreign(String),
    /// A kubeconfig with a token of the account.
    Minted(MintedFacts),
}

/// What a minted kubeconfig says, without its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintedFacts {
    /// Its API server.
    pub server: Url,
    /// The UID of the account that its token is for.
    pub account: String,
    /// When its token was issued.
    pub issued: Timestamp,
    /// When its token ends.
    pub expires: Timestamp,
    /// Whether only its owner can read it.
    pub private: bool,
    /// What became of using it.
    pub check: TokenCheck,
}

/// What became of using a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenCheck {
    /// It is not worth asking: it has to be written anew anyhow.
    NotAsked,
    /// The API server knows the token no more.
    Refused,
    /// It is accepted, and may do this.
    Accepted(RightsProof),
}

impl MintedFacts {
    /// Returns how many seconds the token lives from end to end.
    pub fn life(&self) -> i64 {
        self.expires.as_second() - self.issued.as_second()
    }
}

/// Reads the file, and says what it is. The kubeconfig is returned if it can be used.
pub(super) fn look(
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
        return foreign("it authenticates by a client certificate");
    };
    let Some(claims) = token(&kubeconfig.bytes).and_then(|token| Claims::read(token.expose()))
    else {
        return foreign("its token is not one that a cluster issues for an account");
    };
    if claims.user != account.user() {
        return foreign(&format!("its token is of {}", claims.user));
    }
    if facts.ca_pem.as_deref() != ca_pem {
        return foreign("its certificate authority is another than the management cluster's");
    }
    let minted = MintedFacts {
        server: facts.server.clone(),
        account: claims.uid,
        issued: claims.issued,
        expires: claims.expires,
        private,
        check: TokenCheck::NotAsked,
    };
    Ok((FileObserved::Minted(minted), Some(kubeconfig)))
}

/// Returns the first user's token: [`text`] writes one.
pub(crate) fn token(bytes: &Secret) -> Option<Secret> {
    let text = std::str::from_utf8(bytes.expose()).ok()?;
    let document: Value = serde_saphyr::from_str(text).ok()?;
    Some(Secret::from(document.pointer("/users/0/user/token")?.as_str()?.to_owned()))
}

/// Returns a kubeconfig that stands alone.
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
