use serde::{Deserialize, Serialize};

/// The `resourceVersion` that was read, to which a write is bound: if somebody else wrote since,
/// the API server refuses it.
///
/// It is no part of what is approved: the same write bound to a later read is the same change. So
/// all are equal.
#[derive(Clone, Debug, Default, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadVersion(String);

impl ReadVersion {
    /// Returns this version.
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for ReadVersion {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
