use futures::future::try_join;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1 as coordination;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management,
    constellation::Component,
    controllers::{Installed, read_installed},
    list::JSON,
};

const LEASES: &str = "/apis/coordination.k8s.io/v1/leases";
const PAGE: usize = 500;

/// What shows whether the controllers work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controllers {
    /// The installed controllers, with their number of available pods.
    pub installed: Vec<Installed>,
    /// Their leader election leases. A running controller renews its lease every few seconds.
    pub leases: Vec<Lease>,
}

/// The leader election lease of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct Lease {
    pub component: Component,
    /// `capi-system/controller-leader-election-capi`.
    pub name: String,
    pub holder: Option<String>,
    /// When it was last renewed, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// For how many seconds it is valid.
    pub seconds: u32,
}

impl Component {
    /// Returns the name of its leader election lease, if known: `LeaderElectionID` in Cluster
    /// API 1.13.2 (main.go:365, bootstrap/kubeadm/main.go:236, controlplane/kubeadm/main.go:288)
    /// and in the OpenStack provider 0.14.4 (main.go).
    fn lease(self) -> Option<&'static str> {
        match self {
            Self::ClusterApi => Some("controller-leader-election-capi"),
            Self::KubeadmBootstrap => Some("kubeadm-bootstrap-manager-leader-election-capi"),
            Self::KubeadmControlPlane => Some("kubeadm-control-plane-manager-leader-election-capi"),
            Self::OpenstackProvider => Some("controller-leader-election-capo"),
            Self::AddonProvider | Self::ResourceController | Self::CertManager | Self::Janitor => {
                None
            }
        }
    }
}

/// Reads the controllers' deployments and leases, in any namespace.
///
/// # Guarantees
///
/// One request for each 250 deployments and each 500 leases.
///
/// # Errors
///
/// Fails if they can't be listed. The user needs the right to list them in all namespaces.
pub async fn read_controllers(management: &Management) -> Result<Controllers, Error> {
    let leases = management.list(LEASES, "", PAGE, JSON);
    let (installed, leases) = try_join(read_installed(management), leases).await?;
    let mut leases: Vec<Lease> = leases.into_iter().filter_map(lease).collect();
    leases.sort_by(|a, b| (a.component, &a.name).cmp(&(b.component, &b.name)));
    Ok(Controllers { installed, leases })
}

fn lease(lease: coordination::Lease) -> Option<Lease> {
    let name = lease.metadata.name?;
    let spec = lease.spec.unwrap_or_default();
    Some(Lease {
        component: Component::ALL.into_iter().find(|c| c.lease() == Some(&name))?,
        name: format!("{}/{name}", lease.metadata.namespace.unwrap_or_default()),
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        renewed: spec.renew_time.map(|time| time.0),
        seconds: spec.lease_duration_seconds.and_then(|s| s.try_into().ok()).unwrap_or(15),
    })
}
