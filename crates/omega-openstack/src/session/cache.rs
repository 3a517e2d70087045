//! Tokens on disk, so that a second command does not log in again.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use omega_core::{persist, private_directory, values::Sha256};
use serde::{Deserialize, Serialize};

use super::token::Token;
use crate::TokenInfo;

const VERSION: u32 = 1;

/// The file with one login's token, with mode 0600, in a directory of the caller.
///
/// The file's name is a digest of the URL, the user and the scope. The password is neither in the
/// name nor in the file.
#[derive(Clone, Debug)]
pub(crate) struct TokenCache {
    path: PathBuf,
}

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    version: u32,
    token: Option<StoredToken>,
    #[serde(default)]
    hints: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredToken {
    value: String,
    expires: Timestamp,
    grant: TokenInfo,
}

/// What was read from the file: a valid token, and hints.
#[derive(Debug, Default)]
pub(crate) struct Cached {
    pub(crate) token: Option<Token>,
    pub(crate) hints: BTreeMap<String, String>,
}

impl TokenCache {
    pub(crate) fn new(dir: &Path, key: Sha256) -> Self {
        Self { path: dir.join(format!("token-{key}.json")) }
    }

    /// Returns what was stored. A file that is missing, belongs to another user or is readable by others
    /// is ignored.
    pub(crate) fn load(&self, now: Timestamp) -> Cached {
        match self.read() {
            Ok(Some(Stored { version: _, token, hints })) => {
                // Hints are valid as long as the token that they were found with.
                let token = token.map(Token::from).filter(|token| token.lives(now));
                let hints = if token.is_some() { hints } else { BTreeMap::new() };
                Cached { token, hints }
            }
            Ok(None) => Cached::default(),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "token cache not used");
                Cached::default()
            }
        }
    }

    fn read(&self) -> io::Result<Option<Stored>> {
        let mode = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if mode & 0o077 != 0 {
            return Err(io::Error::other("others can read or write it"));
        }
        let stored: Stored = serde_json::from_slice(&fs::read(&self.path)?)?;
        Ok((stored.version == VERSION).then_some(stored))
    }

    /// Stores `token`. A failed write is not an error: it only costs a login.
    pub(crate) fn store(&self, token: Option<&Token>, hints: &BTreeMap<String, String>) {
        let stored =
            Stored { version: VERSION, token: token.map(StoredToken::from), hints: hints.clone() };
        if let Err(error) = self.write(&stored) {
            tracing::warn!(path = %self.path.display(), %error, "token not stored");
        }
    }

    fn write(&self, stored: &Stored) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            private_directory(dir)?;
        }
        persist(&self.path, &serde_json::to_vec(stored)?)
    }
}

impl From<&Token> for StoredToken {
    fn from(token: &Token) -> Self {
        Self {
            value: String::from_utf8_lossy(token.value.expose()).into_owned(),
            expires: token.expires,
            grant: token.grant.clone(),
        }
    }
}

impl From<StoredToken> for Token {
    fn from(StoredToken { value, expires, grant }: StoredToken) -> Self {
        Self { value: value.into(), expires, grant, domain: None, got: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first release that kept tokens wrote it: it did not know how the user had logged in.
    const OLD: &str = r#"{"version":1,"token":{"value":"t","expires":"2999-01-01T00:00:00Z","grant":{"user":{"id":"u1","name":"u"},"project":{"id":"p1","name":"p"},"roles":["member"],"catalog":[{"type":"network","endpoints":[{"interface":"public","region_id":"r","url":"http://n"}]}]}},"hints":{"a":"b"}}"#;

    fn cache(text: &str) -> (tempfile::TempDir, TokenCache) {
        let home = tempfile::tempdir().unwrap();
        let cache = TokenCache::new(home.path(), Sha256::of(b"key"));
        persist(&cache.path, text.as_bytes()).unwrap();
        (home, cache)
    }

    /// Files of this format exist: whoever changes it, changes the version.
    #[test]
    fn a_stored_token_is_read_and_one_of_another_version_is_not() {
        let (_home, old) = cache(OLD);
        let Cached { token, hints } = old.load(Timestamp::UNIX_EPOCH);
        let token = token.unwrap();
        assert_eq!((token.value.expose(), hints["a"].as_str()), (&b"t"[..], "b"));
        assert_eq!(token.grant.roles, ["member"]);
        old.store(Some(&token), &hints);
        let now = OLD.replace("}]}]}}", r#"}]}],"login":"unknown"}}"#);
        assert_eq!(fs::read_to_string(&old.path).unwrap(), now);
        for other in [
            OLD.replace(r#""version":1"#, r#""version":2"#),
            OLD.replace(r#""version":1,"#, ""),
            OLD[..40].to_owned(),
        ] {
            let (_home, other) = cache(&other);
            let Cached { token, hints } = other.load(Timestamp::UNIX_EPOCH);
            assert!(token.is_none() && hints.is_empty());
        }
    }
}
