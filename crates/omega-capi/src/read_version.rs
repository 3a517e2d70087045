use serde::{Deserialize, Serialize};

/// The `resourceVersion` that was read. A write names it, so that the API server refuses the write
/// if the object has changed since.
///
/// It is not part of an approved change: the same write after a later read is the same change.
/// Therefore all versions compare equal.
#[derive(Clone, Debug, Default, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadVersion(String);

impl ReadVersion {
    /// Wraps `version`.
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// Returns the version as the API server wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for ReadVersion {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
