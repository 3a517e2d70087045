//! A client certificate for a cluster's administrator, signed by Magnum.

use omega_core::{Diagnostic, Retry, Touched, values::Secret};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::Value;

use super::ContainerInfra;
use crate::Error;

#[cfg(any(test, feature = "sim"))]
pub(crate) mod contract;

/// A client certificate of the group `system:masters`, and its private key. Kubernetes can't revoke
/// it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdminCertificate {
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// The private key (ECDSA P-256, PKCS #8), in PEM.
    pub key_pem: Secret,
}

/// No certificate was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// Magnum did not sign.
    #[error(transparent)]
    Api(#[from] Error),
    /// No key pair or request could be made.
    #[error("could not make a key pair: {0}")]
    Key(String),
}

impl Diagnostic for IssueError {
    fn retry(&self) -> Retry {
        match self {
            Self::Api(error) => error.retry(),
            Self::Key(_) => Retry::Final,
        }
    }

    fn expected(&self) -> Option<String> {
        let Self::Api(error) = self else { return None };
        error.expected()
    }

    fn found(&self) -> Option<String> {
        let Self::Api(error) = self else { return None };
        error.found()
    }

    fn next(&self) -> Option<String> {
        let Self::Api(error) = self else { return None };
        error.next()
    }

    fn detail(&self) -> Option<Value> {
        let Self::Api(error) = self else { return None };
        error.detail()
    }

    /// A certificate that is signed and lost changes nothing: nobody has its key.
    fn touched(&self) -> Touched {
        Touched::Nothing
    }

    fn timed_out(&self) -> bool {
        matches!(self, Self::Api(error) if error.timed_out())
    }

    fn cancelled(&self) -> bool {
        matches!(self, Self::Api(error) if error.cancelled())
    }

    fn refused(&self) -> bool {
        matches!(self, Self::Api(error) if error.refused())
    }
}

/// Makes a key pair and has Magnum sign a certificate for it, for the administrator of the cluster with
/// the id.
///
/// The key never leaves this process. The subject is the one of `openstack coe cluster config`
/// (python-magnumclient, `common/utils.py`): CN `admin`, O `system:masters`. Magnum copies it, and
/// signs for 5 years (magnum 18.0.1, `common/x509/operations.py`, `conf/x509.py`).
///
/// # Errors
///
/// Fails if Magnum does not answer or does not permit it: it permits it to the user who created the
/// cluster.
pub async fn issue_admin_certificate(
    magnum: &ContainerInfra,
    id: &str,
) -> Result<AdminCertificate, IssueError> {
    let (key, csr) = request().map_err(|error| IssueError::Key(error.to_string()))?;
    let key_pem = Secret::from(key.serialize_pem());
    drop(key);
    let certificate_pem = magnum.sign(id, &csr).await?;
    Ok(AdminCertificate { certificate_pem, key_pem })
}

fn request() -> Result<(KeyPair, String), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    params.distinguished_name.push(DnType::CommonName, "admin");
    let csr = params.serialize_request(&key)?.pem()?;
    Ok((key, csr))
}

#[cfg(test)]
mod tests {
    use super::contract;
    use crate::sim::Cloud;

    #[tokio::test]
    async fn the_simulator_signs_as_magnum_does() {
        let cloud = Cloud::new();
        let id = cloud.add_cluster("mgmt", "c1", Some("HEALTHY"), "Ready");
        cloud.add_cluster("mgmt", "c2", Some("HEALTHY"), "Ready");
        contract::cluster_certificates(cloud.admin("mgmt"), &id).await;
    }
}
