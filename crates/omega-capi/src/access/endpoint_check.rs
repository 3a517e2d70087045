use std::time::Duration;

use omega_core::{Conflict, kubeconfig::Kubeconfig};
use serde::{Deserialize, Serialize};

use super::LocalMachine;
use crate::{ConnectFailure, Deadlines, Error, list::JSON, wire::Groups};

/// Whether a server's certificate matches a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CertificateCheck {
    /// It is valid for this name or address.
    Covers,
    /// It is only valid for these names and addresses.
    OtherName(Vec<String>),
    /// Another CA signed it.
    OtherAuthority,
    /// The kubeconfig names no CA, and none that this machine trusts signed it.
    NotTrustedHere,
    /// It is a CA's, and not the one that the kubeconfig trusts.
    IsCa,
    /// It is not valid, now or at all.
    NotValid(String),
}

/// The result of using a kubeconfig with another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndpointCheck {
    /// The driver could not use the kubeconfig with this address.
    Unusable(String),
    /// The certificate at the address does not match the kubeconfig.
    Certificate(CertificateCheck),
    /// The server refused the credentials.
    Refuses,
    /// It is another cluster: the UIDs of kube-system at the old and the new address.
    OtherCluster(String, String),
    /// It works; how that was verified.
    Works(String),
}

impl EndpointCheck {
    /// Returns why the kubeconfig must not use `server`, if so.
    pub fn refusal(&self, server: &str) -> Option<Conflict> {
        Some(match self {
            Self::Works(_) | Self::Certificate(CertificateCheck::Covers) => return None,
            Self::Unusable(why) => Conflict::new(
                format!("the driver could not use it with server {server}"),
                "correct what was found, in the kubeconfig or in the address: kubectl config view --minify --kubeconfig FILE",
            )
            .seen("a kubeconfig that the driver can use", why.clone()),
            Self::Certificate(CertificateCheck::OtherName(names)) => Conflict::new(
                format!("the certificate at {server} does not cover that address"),
                "add it to the API server's certSANs (kubeadm: apiServer.certSANs in the \
                 ClusterConfiguration, then renew; k8s-snap: extra-sans) and try again",
            )
            .seen("a certificate for that address", names.join(", ")),
            Self::Certificate(CertificateCheck::OtherAuthority) => Conflict::new(
                format!("another CA signed the certificate at {server}"),
                "check the address: it is another cluster, or there is a proxy in between",
            ),
            Self::Certificate(CertificateCheck::NotTrustedHere) => Conflict::new(
                format!(
                    "the kubeconfig has no CA, and this machine trusts none that signed the certificate at \
                     {server}"
                ),
                "put the cluster's CA into the kubeconfig: kubectl config set-cluster NAME \
                 --certificate-authority CA.pem --embed-certs --kubeconfig FILE",
            ),
            Self::Certificate(CertificateCheck::IsCa) => Conflict::new(
                format!(
                    "the certificate at {server} is a CA's (CA:TRUE), and not the one in the kubeconfig"
                ),
                ConnectFailure::CaAsLeaf.next(),
            ),
            Self::Certificate(CertificateCheck::NotValid(why)) => Conflict::new(
                format!("the certificate at {server} is not valid"),
                "renew it (kubeadm certs renew apiserver), and check both clocks",
            )
            .seen("a valid certificate", why.clone()),
            Self::Refuses => Conflict::new(
                format!("{server} refused the kubeconfig's credentials"),
                "check the address, or get a new kubeconfig from that cluster",
            ),
            Self::OtherCluster(here, there) => Conflict::new(
                format!("{server} is another cluster"),
                "check the address, or use that cluster's own kubeconfig",
            )
            .seen(format!("kube-system {here}"), format!("kube-system {there}")),
        })
    }
}

/// Tests a kubeconfig with its server. The credentials are only sent to a server with a valid
/// certificate.
///
/// # Errors
///
/// Fails if the server does not answer.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others mean that it is not valid")]
pub async fn check_endpoint(
    local: &dyn LocalMachine,
    kubeconfig: &Kubeconfig,
) -> Result<EndpointCheck, Error> {
    let how = match kubeconfig.facts.ca_pem {
        Some(_) => "its certificate is signed by the kubeconfig's CA",
        None => "its certificate is signed by a CA that this machine trusts",
    };
    let management = local.connect(kubeconfig, Deadlines::default()).await?.read_only();
    // By default every authenticated user may read this, and nobody else.
    match management.read::<Groups>("/apis", JSON).await {
        // Who may authenticate by nothing is `system:anonymous`: the credentials were not looked at.
        Err(Error::Forbidden { message, .. }) if message.contains("system:anonymous") => {
            Ok(EndpointCheck::Refuses)
        }
        Ok(_) | Err(Error::Forbidden { .. }) => {
            Ok(EndpointCheck::Works(format!("{how}, and the credentials are accepted")))
        }
        Err(Error::Unauthorized { .. }) => Ok(EndpointCheck::Refuses),
        Err(Error::Unreachable { cause, names, why, .. }) if cause.is_of_certificate() => {
            Ok(EndpointCheck::Certificate(match cause {
                ConnectFailure::OtherName => CertificateCheck::OtherName(names),
                ConnectFailure::UnknownAuthority if kubeconfig.facts.ca_pem.is_none() => {
                    CertificateCheck::NotTrustedHere
                }
                ConnectFailure::UnknownAuthority => CertificateCheck::OtherAuthority,
                ConnectFailure::CaAsLeaf => CertificateCheck::IsCa,
                _ => CertificateCheck::NotValid(why),
            }))
        }
        Err(error) => Err(error),
    }
}

/// Returns the UID of kube-system, which identifies a cluster, if it can be read.
pub(super) async fn cluster_id(
    local: &dyn LocalMachine,
    kubeconfig: &Kubeconfig,
) -> Option<String> {
    let short = Duration::from_secs(3);
    let deadlines = Deadlines { connect: short, read: short, total: short };
    let management = local.connect(kubeconfig, deadlines).await.ok()?.read_only();
    let path = "/api/v1/namespaces/kube-system";
    let namespace: serde_json::Value = management.read(path, JSON).await.ok()?;
    Some(namespace.get("metadata")?.get("uid")?.as_str()?.to_owned())
}
