//! Readers of what comes from a management cluster, for tests that feed them any bytes (`tests/fuzz`).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{access::is_claims, releases::decode, upstream_messages};

/// A secret of helm, and what is inside one.
pub fn helm_release(bytes: &[u8]) {
    for data in
        [String::from_utf8_lossy(bytes).into_owned(), STANDARD.encode(STANDARD.encode(bytes))]
    {
        if let Ok(revision) = decode(&data) {
            drop((revision.info.updated(), format!("{revision:?}")));
        }
    }
}

/// A token of a service account.
pub fn token(bytes: &[u8]) {
    let _ = is_claims(bytes);
}

/// The message of an API server or a webhook.
pub fn message(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    drop((upstream_messages::decode_failure(&text), crate::is_conversion_failure(&text)));
}
