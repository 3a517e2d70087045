//! The OpenStack credentials of a workload cluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::values::Secret;
use omega_driver::{
    StackId,
    naming::{CACERT, CLOUDS_YAML},
};

use crate::{Error, Management, Namespace, Verb, list::JSON, wire::SecretObject};

/// Returns the name of that secret of the cluster `stack` (Magnum's `stack_id`).
pub(crate) fn secret_name(stack: &str) -> String {
    StackId::new(stack).map_or_else(|| "cloud-credentials".to_owned(), |id| id.cloud_credentials())
}

/// The secret `STACK-cloud-credentials`. The driver writes it; the infrastructure provider and the
/// cluster's own controllers read it.
#[derive(Clone, Debug)]
pub struct ClusterCredentials {
    /// A `clouds.yaml` with an application credential.
    pub clouds: Secret,
    /// Its CA bundle in PEM.
    pub cacert: Option<Secret>,
    /// The `resourceVersion` that was read.
    pub resource_version: String,
}

/// Reads the credentials of the cluster `stack`; `None` if there is no such secret.
///
/// # Errors
///
/// Fails if it can't be read, or has no `clouds.yaml`. The error quotes nothing of it.
pub async fn read_cluster_credentials(
    management: &Management,
    namespace: &Namespace,
    stack: &str,
) -> Result<Option<ClusterCredentials>, Error> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{}", secret_name(stack));
    let Some(secret) = management.find::<SecretObject>(&path, JSON).await? else { return Ok(None) };
    let decoded = |key: &str| {
        let bytes = STANDARD.decode(secret.data.as_ref()?.get(key)?).ok()?;
        Some(bytes).filter(|bytes| !bytes.is_empty()).map(Secret::new)
    };
    let no_clouds = || management.malformed(Verb::Get, &path, "it has no clouds.yaml");
    Ok(Some(ClusterCredentials {
        clouds: decoded(CLOUDS_YAML).ok_or_else(no_clouds)?,
        cacert: decoded(CACERT),
        resource_version: secret.metadata.resource_version.unwrap_or_default(),
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
