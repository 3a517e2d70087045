use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, verify};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// The records of `known_hosts` files, in the format that sshd(8) describes.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownHosts(Vec<Record>);

#[derive(Clone, Debug)]
struct Record {
    marker: Marker,
    hosts: String,
    key: PublicKey,
    place: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    None,
    Revoked,
    /// Trusted for host certificates, which omega does not request; not for plain keys.
    CertAuthority,
}

/// The result of checking a host's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The key is known.
    Known,
    /// The host has other keys: these, each with its file and line.
    Changed(Vec<String>),
    /// The key is marked `@revoked` at this file and line.
    Revoked(String),
    /// The host has no record.
    Unknown,
}

impl KnownHosts {
    /// Reads `text`, the content of the file `name`. Like OpenSSH, it skips lines that it can't
    /// parse.
    pub(crate) fn read(&mut self, name: &str, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            self.0.extend(record(line, place));
        }
    }

    /// Reads the files that exist.
    ///
    /// # Errors
    ///
    /// Fails if a file exists but can't be read: it may have a record of the host.
    pub(crate) async fn load(files: &[PathBuf]) -> Result<Self, (PathBuf, std::io::Error)> {
        let mut hosts = Self::default();
        for file in files {
            let path = file.clone();
            let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
            match read.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                Ok(bytes) => {
                    hosts.read(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err((file.clone(), error)),
            }
        }
        Ok(hosts)
    }

    /// Checks the `key` that `host` presents on `port`.
    pub(crate) fn check(&self, host: &str, port: u16, key: &PublicKey) -> Verdict {
        let name = name(host, port);
        let same = |record: &&Record| record.key.key_data() == key.key_data();
        // As in OpenSSH: on another port, a record without port matches if it has the same key.
        let either = |record: &&Record| record.covers(&name) || record.covers(host);
        if let Some(revoked) =
            self.0.iter().filter(same).filter(either).find(|r| r.marker == Marker::Revoked)
        {
            return Verdict::Revoked(revoked.place.clone());
        }
        let plain = || self.0.iter().filter(|record| record.marker == Marker::None);
        if plain().filter(same).any(|record| either(&record)) {
            return Verdict::Known;
        }
        let known: Vec<String> = plain()
            .filter(|record| record.covers(&name))
            .map(|record| format!("{} ({})", fingerprint(&record.key), record.place))
            .collect();
        if known.is_empty() { Verdict::Unknown } else { Verdict::Changed(known) }
    }

    /// Returns the host key algorithms to request: first those of known keys, so that a server with
    /// several keys presents one that can be checked.
    pub(crate) fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let name = name(host, port);
        let known: Vec<Algorithm> = self
            .0
            .iter()
            .filter(|record| record.marker == Marker::None)
            .filter(|record| record.covers(&name) || record.covers(host))
            .map(|record| record.key.algorithm())
            .collect();
        // An RSA key can sign with several algorithms.
        let is_known =
            |wanted: &Algorithm| known.iter().any(|a| a == wanted || (is_rsa(a) && is_rsa(wanted)));
        let (first, rest): (Vec<_>, Vec<_>) = supported().into_iter().partition(is_known);
        [first, rest].concat()
    }
}

fn is_rsa(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { .. })
}

/// The algorithms that are safe: no `ssh-rsa` with SHA-1, no DSA.
fn supported() -> Vec<Algorithm> {
    vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ]
}

/// Returns how many host keys the `known_hosts` file has.
///
/// # Errors
///
/// Fails if it can't be read.
pub fn host_keys(file: &Path) -> std::io::Result<usize> {
    let mut hosts = KnownHosts::default();
    let bytes = std::fs::read(file)?;
    hosts.read(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
    Ok(hosts.0.len())
}

/// Type and fingerprint (`SHA256:…`), as `ssh-keygen -l` prints them.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm().as_str(), key.fingerprint(HashAlg::Sha256))
}

fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

fn record(line: &str, place: String) -> Option<Record> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next().filter(|word| !word.starts_with('#'))?;
    let (marker, hosts) = match first {
        "@revoked" => (Marker::Revoked, words.next()?),
        "@cert-authority" => (Marker::CertAuthority, words.next()?),
        other if other.starts_with('@') => return None,
        hosts => (Marker::None, hosts),
    };
    let key = format!("{} {}", words.next()?, words.next()?);
    let key = PublicKey::from_openssh(&key).ok()?;
    Some(Record { marker, hosts: hosts.to_owned(), key, place })
}

impl Record {
    /// Whether the record matches `name`: by its hash, or by patterns, of which one with `!` that
    /// matches excludes it.
    fn covers(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        // As in OpenSSH, what begins with a bar is one hash, and no pattern.
        if let Some(hashed) = self.hosts.strip_prefix('|') {
            return hashed.strip_prefix("1|").is_some_and(|hashed| is_hash_of(hashed, &name));
        }
        let mut covered = false;
        for pattern in self.hosts.split(',') {
            let (negated, pattern) =
                pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest));
            if matches(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()) {
                if negated {
                    return false;
                }
                covered = true;
            }
        }
        covered
    }
}

fn is_hash_of(hashed: &str, name: &str) -> bool {
    let decoded = hashed
        .split_once('|')
        .and_then(|(salt, hash)| Some((STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?)));
    decoded.is_some_and(|(salt, hash)| {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        verify(&key, name.as_bytes(), &hash).is_ok()
    })
}

/// `*` matches any text and `?` any character; brackets have no special meaning. Only the last `*` is ever tried
/// again, so that no pattern takes long.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    // What follows the last `*`, and the text that it is tried on next.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => return true,
            (Some((b'*', rest)), _) => {
                (pattern, again) = (rest, Some((rest, name)));
                continue;
            }
            (Some((b'?', rest)), Some((_, tail))) => {
                (pattern, name) = (rest, tail);
                continue;
            }
            (Some((one, rest)), Some((other, tail))) if one == other => {
                (pattern, name) = (rest, tail);
                continue;
            }
            (Some(_) | None, _) => {}
        }
        let Some((rest, [_, tail @ ..])) = again else { return false };
        (pattern, name, again) = (rest, tail, Some((rest, tail)));
    }
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
