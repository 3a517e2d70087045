//! A response's body, of a bounded size.

use http_body::Body as _;
use http_body_util::BodyExt as _;
use kube::client::Body;

/// The largest response that is read: 64 MiB. A page of the longest lists that are asked for has some MiB.
pub(crate) const LIMIT: usize = 64 << 20;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The connection broke.
    Broken(kube::Error),
    /// It has more than [`LIMIT`], or says so.
    TooLarge,
}

/// Reads the whole of `body`. One that says that it is too large is not read at all.
pub(crate) async fn bounded(mut body: Body) -> Result<Vec<u8>, BodyError> {
    if body.size_hint().lower() > LIMIT as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BodyError::Broken)?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > LIMIT {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}
