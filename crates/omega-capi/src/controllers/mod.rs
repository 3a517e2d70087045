//! What runs on the management cluster: its API server, Cluster API's controllers, their webhooks.

mod management_ready;
mod read_controllers;
mod read_installed;
mod read_kubernetes;
mod read_machines;
mod read_managed;
mod read_readiness;
mod read_webhooks;
mod webhook_reach;

pub use management_ready::{ManagementReady, ManagementState};
pub use read_controllers::{Controllers, Lease, read_controllers};
pub(crate) use read_installed::split_image;
pub use read_installed::{Installed, read_installed};
pub use read_kubernetes::{Kubelet, Kubernetes, read_kubernetes, read_server_version};
pub use read_machines::{ControllerPod, NodeState, read_controller_pods, read_nodes};
pub use read_managed::{
    ApiEndpoint, HealthCheck, Managed, ManagedCluster, ManagedMachine, read_managed,
};
pub use read_readiness::{Readiness, read_readiness};
pub use read_webhooks::{WebhookServer, Webhooks, read_webhooks};
