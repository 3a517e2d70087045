//! What a workload cluster logs in to its cloud with.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::values::Secret;
use omega_driver::{
    StackId,
    naming::{CACERT, CLOUDS_YAML},
};
use serde::Deserialize;

use crate::{Error, Management, Namespace, Verb, list::JSON};

/// Returns the name of the secret of the cluster `stack` (Magnum's `stack_id`).
pub(crate) fn secret_name(stack: &str) -> String {
    StackId::new(stack).map_or_else(|| "cloud-credentials".to_owned(), |id| id.cloud_credentials())
}

/// The secret `STACK-cloud-credentials`, which the driver writes and the infrastructure provider
/// and the cluster's own controllers read.
#[derive(Clone, Debug)]
pub struct ClusterCredentials {
    /// `clouds.yaml`, with an application credential.
    pub clouds: Secret,
    /// The CA bundle for it, in PEM.
    pub cacert: Option<Secret>,
    /// The version of the object that was read: a write can be bound to it.
    pub resource_version: String,
}

#[derive(Deserialize)]
struct Wire {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    resource_version: String,
}

/// Reads the credentials of the cluster `stack`; `None` if there is no such secret.
///
/// # Errors
///
/// Fails if it can't be read, or has no `clouds.yaml`. Nothing of it is quoted.
pub async fn read_cluster_credentials(
    management: &Management,
    namespace: &Namespace,
    stack: &str,
) -> Result<Option<ClusterCredentials>, Error> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{}", secret_name(stack));
    let Wire { metadata, data } = match management.read::<Wire>(&path, JSON).await {
        Ok(wire) => wire,
        Err(Error::Status { code: 404, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let decoded = |key: &str| {
        let bytes = STANDARD.decode(data.get(key)?).ok()?;
        Some(bytes).filter(|bytes| !bytes.is_empty()).map(Secret::new)
    };
    let no_clouds = || management.malformed(Verb::Get, &path, "it has no clouds.yaml");
    Ok(Some(ClusterCredentials {
        clouds: decoded(CLOUDS_YAML).ok_or_else(no_clouds)?,
        cacert: decoded(CACERT),
        resource_version: metadata.resource_version,
    }))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::client::Body;

    use super::read_cluster_credentials;
    use crate::Management;

    fn answers(body: &'static str) -> Management {
        let service = tower::service_fn(move |_: Request<Body>| async move {
            Ok::<_, Infallible>(Response::new(Body::from(body.as_bytes().to_vec())))
        });
        Management::over(service, "test")
    }

    #[tokio::test]
    async fn a_secret_without_clouds_is_not_quoted() {
        let namespace = "magnum-1".parse().unwrap();
        let body =
            r#"{"metadata": {"resourceVersion": "7"}, "data": {"clouds.yml": "aHVudGVyMg=="}}"#;
        let error = read_cluster_credentials(&answers(body), &namespace, "c").await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("clouds.yaml") && !text.contains("aHVudGVyMg"), "{text}");
        let body = r#"{"metadata": {"resourceVersion": "7"}, "data": {"clouds.yaml": "YTogMQ==", "cacert": ""}}"#;
        let read =
            read_cluster_credentials(&answers(body), &namespace, "c").await.unwrap().unwrap();
        assert_eq!(read.clouds.expose(), b"a: 1");
        assert!(read.cacert.is_none());
        assert_eq!(read.resource_version, "7");
    }
}
