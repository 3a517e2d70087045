//! Whether the controllers of the management cluster work.

use futures::future::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management,
    constellation::Component,
    controllers::{Installed, read_installed},
    list::JSON,
};

const LEASES: &str = "/apis/coordination.k8s.io/v1/leases";
const PAGE: usize = 500;

/// What tells whether controllers work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controllers {
    /// Those that are installed, with how many of their pods are available.
    pub installed: Vec<Installed>,
    /// The leases by which they elect a leader. One that works renews it every few seconds.
    pub leases: Vec<Lease>,
}

/// The lease of a controller's leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose.
    pub component: Component,
    /// `capi-system/controller-leader-election-capi`
    pub name: String,
    /// Who holds it, if anybody does.
    pub holder: Option<String>,
    /// When it was last renewed, by the clock of the holder.
    pub renewed: Option<Timestamp>,
    /// For how long it holds, in seconds.
    pub seconds: u32,
}

#[derive(Deserialize)]
struct Wire {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u32>,
    renew_time: Option<Timestamp>,
}

impl Component {
    /// Returns the name of its leader's lease, where it is known: `LeaderElectionID` in Cluster
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
/// One request for 250 deployments, one for 500 leases.
///
/// # Errors
///
/// [`Error::Forbidden`] if the kubeconfig's user may not list deployments and leases in all
/// namespaces.
pub async fn read_controllers(management: &Management) -> Result<Controllers, Error> {
    let leases = management.list(LEASES, "", PAGE, JSON);
    let (installed, leases) = try_join(read_installed(management), leases).await?;
    let mut leases: Vec<Lease> = leases.into_iter().filter_map(lease).collect();
    leases.sort_by(|a, b| (a.component, &a.name).cmp(&(b.component, &b.name)));
    Ok(Controllers { installed, leases })
}

fn lease(Wire { metadata, spec }: Wire) -> Option<Lease> {
    let component = Component::ALL.into_iter().find(|c| c.lease() == Some(&metadata.name))?;
    Some(Lease {
        component,
        name: format!("{}/{}", metadata.namespace, metadata.name),
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        renewed: spec.renew_time,
        seconds: spec.lease_duration_seconds.unwrap_or(15),
    })
}
