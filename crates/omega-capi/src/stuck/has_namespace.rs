use super::read_deletion::{METADATA, Wire};
use crate::{Error, Management, Namespace};

/// Returns whether the management cluster has the namespace. magnum-capi-helm makes a project's
/// with its first cluster and never deletes it (1.4.0, `driver.py`): where there is none, no cluster
/// of it was ever there.
///
/// # Errors
///
/// Fails if it can't be read.
pub async fn has_namespace(management: &Management, namespace: &Namespace) -> Result<bool, Error> {
    let path = format!("/api/v1/namespaces/{namespace}");
    match management.read::<Wire>(&path, METADATA).await {
        Ok(_) => Ok(true),
        Err(Error::Status { code: 404, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
