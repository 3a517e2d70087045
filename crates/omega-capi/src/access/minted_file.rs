//! The file that a minted kubeconfig is in.

use std::{io::ErrorKind, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use omega_core::{
    kubeconfig::{AuthKind, Kubeconfig},
    read_regular,
    values::Secret,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Account, MintError, issued::Claims, prove_rights::RightsProof};

/// The most that the file may have; one that is minted has some 3 kB.
const MOST: u64 = 1 << 20;

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
    pub standing: Standing,
}

/// What became of using a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
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
    path: &Path,
    account: &Account,
    ca_pem: Option<&str>,
    now: Timestamp,
) -> Result<(FileObserved, Option<Kubeconfig>), MintError> {
    let bytes = match read_regular(path, MOST) {
        Ok(bytes) => Secret::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok((FileObserved::Absent, None));
        }
        Err(error) => return Err(unreadable(path, &error)),
    };
    let mode = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.permissions();
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
        private: mode.mode().trailing_zeros() >= 6,
        standing: Standing::NotAsked,
    };
    Ok((FileObserved::Minted(minted), Some(kubeconfig)))
}

fn unreadable(path: &Path, error: &std::io::Error) -> MintError {
    MintError::File { path: path.to_owned(), why: error.to_string(), writing: false }
}

/// Returns the token in the lines that [`text`] writes.
fn token(bytes: &Secret) -> Option<Secret> {
    let text = std::str::from_utf8(bytes.expose()).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("token: "))?;
    Some(Secret::from(line.trim_matches(['"', '\'', ' ']).to_owned()))
}

/// Returns a kubeconfig that stands alone.
pub(super) fn text(
    account: &Account,
    server: &Url,
    ca_pem: Option<&str>,
    token: &Secret,
) -> Secret {
    let name = account.name();
    let ca =
        ca_pem.map(|pem| format!("    certificate-authority-data: {}\n", STANDARD.encode(pem)));
    let mut text = format!(
        "apiVersion: v1\nkind: Config\n\
         clusters:\n- name: \"management\"\n  cluster:\n    server: \"{}\"\n{}\
         contexts:\n- name: \"{name}\"\n  context:\n    cluster: \"management\"\n    user: \"{name}\"\n\
         current-context: \"{name}\"\n\
         users:\n- name: \"{name}\"\n  user:\n    token: \"",
        server.as_str().trim_end_matches('/'),
        ca.unwrap_or_default(),
    )
    .into_bytes();
    text.extend_from_slice(token.expose());
    text.extend_from_slice(b"\"\n");
    Secret::new(text)
}
