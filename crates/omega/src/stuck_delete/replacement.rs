//! The credential that replaces that of a stuck cluster.

use omega_capi::credentials::ClusterCredentials;
use omega_core::{Failure, FailureClass, values::Secret};
use omega_openstack::identity::CredentialStatus;

use super::{
    StuckCluster,
    cluster_credential::{given_ca, with_credential},
    own_credential,
};

/// The credential for the cluster's secret.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The clouds.yaml.
    pub clouds: Secret,
    /// The CA bundle in PEM, if the secret is gone: otherwise it has its own.
    pub cacert: Option<Secret>,
}

/// Proves that the credential in the clouds.yaml `given` authenticates in the cluster's `project`.
/// Returns it for the cluster's secret. `shown`: the file's name.
///
/// # Errors
///
/// Refuses one of another project, and one that the cluster does not need because its own
/// authenticates with the same roles.
pub(super) async fn replacement(
    cluster: &StuckCluster,
    given: &Secret,
    shown: &str,
    project: &str,
) -> Result<Replacement, Failure> {
    let own = cluster.credentials().await?;
    let clouds = with_credential(own.as_ref(), given, shown)?;
    let cacert = match &own {
        Some(own) => own.cacert.clone(),
        None => given_ca(given, shown)?,
    };
    let (answer, _) = own_credential(&cluster.login, &clouds, cacert.as_ref(), shown).await?;
    let refused = |why: String| {
        Failure::new(FailureClass::Refused, format!("{shown} can't be used")).because(why)
    };
    let accepted = match answer {
        CredentialStatus::Accepted(accepted) => accepted,
        CredentialStatus::Refused { words } => {
            return Err(refused(format!("Keystone refuses it: {words}"))
                .next("create an application credential, and test it: openstack token issue"));
        }
    };
    let is = accepted.project.as_ref().map(|project| project.id.as_str());
    if is != Some(project) {
        let is = is.unwrap_or("none");
        let why = format!("it is for project {is}, but the cluster is in {project}");
        return Err(refused(why).next("create it in the cluster's own project"));
    }
    // The same credential: an earlier run is continued.
    if let Some(own) = own.as_ref().filter(|own| own.clouds.digest() != clouds.digest())
        && own_has(cluster, own, &accepted.roles).await?
    {
        let why = "the cluster's own credential authenticates, with the same roles".to_owned();
        return Err(refused(why).next("run this without --credential-from"));
    }
    let cacert = cacert.filter(|_| own.is_none());
    Ok(Replacement { clouds, cacert })
}

/// Whether the cluster's own credential authenticates, and has all of `roles`. It is an error if
/// Keystone does not answer, because the credential can't be restored once it is overwritten.
async fn own_has(
    cluster: &StuckCluster,
    own: &ClusterCredentials,
    roles: &[String],
) -> Result<bool, Failure> {
    let source = format!("{}-cloud-credentials", cluster.stack);
    let asked = own_credential(&cluster.login, &own.clouds, own.cacert.as_ref(), &source);
    Ok(match asked.await?.0 {
        CredentialStatus::Accepted(old) => roles.iter().all(|role| old.roles.contains(role)),
        CredentialStatus::Refused { .. } => false,
    })
}
