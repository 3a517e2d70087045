use std::{fmt, str::FromStr};

use ring::digest::{Algorithm, Context, SHA256, SHA512};
use serde::{Deserialize, Serialize};

/// The SHA-256 digest of some bytes.
pub type Sha256 = Digest<32>;

/// The SHA-512 digest of some bytes.
pub type Sha512 = Digest<64>;

/// A digest of the SHA-2 family: [`Sha256`] or [`Sha512`]. `N` is its length in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest<const N: usize>([u8; N]);

/// Not a digest of the kind that is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {name} digest ({digits} hexadecimal digits): {text:?}{hint}")]
pub struct InvalidDigest {
    name: &'static str,
    digits: usize,
    text: String,
    hint: &'static str,
}

/// Computes a digest piece by piece.
pub struct Hasher<const N: usize>(Context);

/// 64 bytes are SHA-512, and SHA-256 otherwise: there are no other aliases.
fn algorithm<const N: usize>() -> (&'static Algorithm, &'static str) {
    if N == 64 { (&SHA512, "SHA-512") } else { (&SHA256, "SHA-256") }
}

impl<const N: usize> Hasher<N> {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all that was added.
    pub fn finish(self) -> Digest<N> {
        let digest = self.0.finish();
        let mut value = [0; N];
        for (to, from) in value.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Digest(value)
    }
}

impl<const N: usize> Default for Hasher<N> {
    fn default() -> Self {
        Self(Context::new(algorithm::<N>().0))
    }
}

impl<const N: usize> fmt::Debug for Hasher<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl<const N: usize> Digest<N> {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the digest of everything that `from` has, without keeping it in memory.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read to its end.
    pub fn read(mut from: impl std::io::Read) -> std::io::Result<Self> {
        let mut hasher = Hasher::default();
        let mut block = vec![0; 1 << 20];
        loop {
            let count = from.read(&mut block)?;
            let Some(read) = block.get(..count).filter(|read| !read.is_empty()) else { break };
            hasher.update(read);
        }
        Ok(hasher.finish())
    }

    /// Returns the first eight digits, for display.
    pub fn short(&self) -> String {
        hex::encode(self.0.get(..4).unwrap_or_default())
    }
}

impl<const N: usize> FromStr for Digest<N> {
    type Err = InvalidDigest;
    /// Reads the digits, in capitals too, with or without a prefix that names the algorithm
    /// (`sha512:`).
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let (name, mut value) = (algorithm::<N>().1, [0; N]);
        let other = if N == 64 { ("sha256:", 64) } else { ("sha512:", 128) };
        let prefix = if N == 64 { "sha512:" } else { "sha256:" };
        let digits = text.strip_prefix(prefix).unwrap_or(text);
        hex::decode_to_slice(digits, &mut value).map_err(|_| InvalidDigest {
            name,
            digits: 2 * N,
            text: text.chars().take(200).collect(),
            hint: match text.strip_prefix(other.0) {
                Some(_) => "; it is of another algorithm",
                None if text.len() == other.1 => "; it has the length of another algorithm's",
                None => "",
            },
        })?;
        Ok(Self(value))
    }
}

impl<const N: usize> fmt::Display for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<const N: usize> fmt::Debug for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha{}:{}", 8 * N, self.short())
    }
}

impl<const N: usize> TryFrom<String> for Digest<N> {
    type Error = InvalidDigest;
    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl<const N: usize> From<Digest<N>> for String {
    fn from(digest: Digest<N>) -> Self {
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
        let abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                   2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(Sha512::of(b"abc").to_string(), abc);
        assert_eq!(format!("sha512:{abc}").parse::<Sha512>().unwrap(), Sha512::of(b"abc"));
        let other = Sha256::of(b"abc").to_string().parse::<Sha512>().unwrap_err();
        assert!(other.to_string().ends_with("another algorithm's"), "{other}");
    }
}
