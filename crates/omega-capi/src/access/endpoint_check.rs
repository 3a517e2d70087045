//! What is at the other end of a kubeconfig.

use std::time::Duration;

use omega_core::{Conflict, kubeconfig::Kubeconfig};
use serde::{Deserialize, Serialize};

use super::{LocalMachine, certificate::CertificateCheck};
use crate::{Deadlines, Error, list::JSON};

/// What is found at an address by who has a kubeconfig for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndpointCheck {
    /// The driver could not use such a kubeconfig.
    Unusable(String),
    /// Its certificate is not one for this kubeconfig.
    Certificate(CertificateCheck),
    /// It does not know the credentials.
    Refuses,
    /// It is another cluster: these are the ids of kube-system here and there.
    OtherCluster(String, String),
    /// It works; how it is known to be the same cluster.
    Works(String),
}

impl EndpointCheck {
    /// Returns why nobody should be pointed at `server`, if that is so.
    pub fn refusal(&self, server: &str) -> Option<Conflict> {
        Some(match self {
            Self::Works(_) | Self::Certificate(CertificateCheck::Covers) => return None,
            Self::Unusable(why) => Conflict::new(
                format!("the driver could not use it with server {server}"),
                "give the API server's certificate that address, and the kubeconfig its CA",
            )
            .seen("a kubeconfig that the driver can use", why.clone()),
            Self::Certificate(CertificateCheck::OtherName(names)) => Conflict::new(
                format!("the certificate at {server} does not cover that address"),
                "add it to the API server's certSANs (kubeadm: apiServer.certSANs in the \
                 ClusterConfiguration, then renew; k8s-snap: extra-sans) and try again",
            )
            .seen("a certificate for that address", names.join(", ")),
            Self::Certificate(CertificateCheck::OtherAuthority) => Conflict::new(
                format!("another authority made the certificate at {server}"),
                "check the address: it is another cluster, or a proxy in between",
            ),
            Self::Certificate(CertificateCheck::NotValid(why)) => Conflict::new(
                format!("the certificate at {server} is not valid"),
                "renew it (kubeadm certs renew apiserver), and check both clocks",
            )
            .seen("a valid certificate", why.clone()),
            Self::Refuses => Conflict::new(
                format!("{server} does not know the kubeconfig's credentials"),
                "check the address, or get a new kubeconfig from that cluster",
            ),
            Self::OtherCluster(here, there) => Conflict::new(
                format!("{server} is another cluster"),
                "check the address, or take that cluster's own kubeconfig",
            )
            .seen(format!("kube-system {here}"), format!("kube-system {there}")),
        })
    }
}

/// Uses the kubeconfig where it points: looks at the server's certificate, then logs in.
///
/// # Errors
///
/// Fails if nobody answers there.
pub async fn check_endpoint(
    local: &dyn LocalMachine,
    kubeconfig: &Kubeconfig,
) -> Result<EndpointCheck, Error> {
    let (host, port) = kubeconfig.facts.endpoint();
    let deadlines = Deadlines::default();
    let mut how = "its certificate is by an authority that this machine trusts";
    if let Some(ca_pem) = &kubeconfig.facts.ca_pem {
        how = "its certificate is by the kubeconfig's authority";
        match local.certificate(&host, port, ca_pem, deadlines.total).await? {
            CertificateCheck::Covers => {}
            other @ (CertificateCheck::OtherName(_)
            | CertificateCheck::OtherAuthority
            | CertificateCheck::NotValid(_)) => return Ok(EndpointCheck::Certificate(other)),
        }
    }
    let management = local.connect(kubeconfig, deadlines).await?;
    // What every user may read who is known, and nobody else by default.
    match management.get("/apis", JSON).await {
        Ok(_) | Err(Error::Forbidden { .. }) => {
            Ok(EndpointCheck::Works(format!("{how}, and the credentials are accepted")))
        }
        Err(Error::Unauthorized { .. }) => Ok(EndpointCheck::Refuses),
        Err(error) => Err(error),
    }
}

/// Returns the id of kube-system, which is a cluster's own, if it can be read.
pub(super) async fn cluster_id(
    local: &dyn LocalMachine,
    kubeconfig: &Kubeconfig,
) -> Option<String> {
    let short = Duration::from_secs(3);
    let deadlines = Deadlines { connect: short, read: short, total: short };
    let management = local.connect(kubeconfig, deadlines).await.ok()?;
    let path = "/api/v1/namespaces/kube-system";
    let namespace: serde_json::Value = management.read(path, JSON).await.ok()?;
    Some(namespace.get("metadata")?.get("uid")?.as_str()?.to_owned())
}
