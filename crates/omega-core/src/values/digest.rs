use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The SHA-256 digest of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

/// Not a SHA-256 digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest (64 hexadecimal digits): {0:?}")]
pub struct InvalidDigest(String);

impl Sha256 {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        let mut value = [0; 32];
        value.copy_from_slice(digest.as_ref());
        Self(value)
    }

    /// Returns the digest of everything that `from` has, without keeping it in memory.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read to its end.
    pub fn read(mut from: impl std::io::Read) -> std::io::Result<Self> {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        let mut block = vec![0; 1 << 20];
        loop {
            let count = from.read(&mut block)?;
            let Some(read) = block.get(..count).filter(|read| !read.is_empty()) else { break };
            context.update(read);
        }
        let mut value = [0; 32];
        value.copy_from_slice(context.finish().as_ref());
        Ok(Self(value))
    }

    /// Returns the first eight digits, for display.
    pub fn short(&self) -> String {
        hex::encode(self.0.get(..4).unwrap_or_default())
    }
}

impl FromStr for Sha256 {
    type Err = InvalidDigest;
    /// Reads 64 digits, with or without the prefix `sha256:`.
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let mut value = [0; 32];
        hex::decode_to_slice(text.strip_prefix("sha256:").unwrap_or(text), &mut value)
            .map_err(|_| InvalidDigest(text.to_owned()))?;
        Ok(Self(value))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.short())
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidDigest;
    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_sha256sum_prints() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), abc);
        assert_eq!(format!("sha256:{abc}").parse::<Sha256>().unwrap(), Sha256::of(b"abc"));
        assert!(abc[1..].parse::<Sha256>().is_err());
        assert!(format!("{abc}0").parse::<Sha256>().is_err());
    }
}
