//! The layers that the doctor checks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A layer of the stack, from the bottom up. Scripts depend on the names: never rename them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Layer {
    /// Keystone, its catalog, and the services in it.
    Cloud,
    /// The machine of the management cluster.
    Vm,
    /// The management cluster's API server.
    KubeApi,
    /// The kubeconfig on the unit, and its rights.
    DriverCredential,
    /// The conductor's daemon, driver, helm and options.
    Conductor,
    /// Cluster API's controllers, kinds and webhooks.
    Controllers,
    /// A cluster's application credential.
    ClusterCredential,
    /// The quotas of a cluster's project.
    Quota,
    /// A cluster's load balancers.
    LoadBalancer,
    /// A cluster's objects in the management cluster.
    ClusterApi,
    /// A cluster's helm release.
    HelmRelease,
    /// The workload cluster itself.
    Workload,
    /// Magnum's templates and its record of the clusters.
    Magnum,
}

impl fmt::Display for Layer {
    /// Writes the stored name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
