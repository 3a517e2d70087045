use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::Sha256;

/// Bytes that are never shown.
///
/// It has no `Display` and no `Serialize`: a secret that is about to reach a log, a journal or a
/// report does not compile. Its memory is cleared when its last clone is dropped.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// Returns the bytes, to be sent where they belong and nowhere else.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the digest, which may be shown.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}
