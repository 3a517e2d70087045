//! What there is to know of one workload cluster.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Answer, Answers, Names, Recorded, health_reads, health_reads::served_reads};
use crate::served::ServedVersions;
use omega_driver::{DriverRelease, Overrides};

/// What Cluster API, Magnum, Octavia and Keystone say about one cluster.
///
/// It holds no secret. What nobody asked for is `None`, which is never taken for a good answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthFacts {
    /// The driver that the conductor runs.
    pub driver: DriverRelease,
    /// Its option `api_resources`.
    pub overrides: Overrides,
    /// What the cluster's objects are called.
    pub names: Names,
    /// Magnum's `status` (`CREATE_COMPLETE`).
    pub status: String,
    /// What Magnum has on record of its health.
    pub recorded: Recorded,
    /// What the management cluster serves.
    pub served: Option<ServedVersions>,
    /// What the paths of [`HealthFacts::paths`] answered.
    pub answers: Answers,
    /// What the first of [`health_reads`] answers to the driver's own kubeconfig, asked from the
    /// conductor's machine, where `answers` were asked from elsewhere or with other rights.
    pub as_driver: Option<Answer>,
    /// The cluster's load balancers in Octavia.
    pub load_balancers: Option<Vec<LoadBalancer>>,
    /// Whether Keystone takes the cluster's own application credential.
    pub credential: Option<Credential>,
}

/// A load balancer, as Octavia says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `ERROR`, `PENDING_UPDATE`...
    pub provisioning_status: String,
    /// `ONLINE`, `DEGRADED`, `ERROR`, `OFFLINE`...
    pub operating_status: String,
}

/// What Keystone answers to the cluster's application credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A token.
    Accepted,
    /// None.
    Refused {
        /// Keystone's words.
        words: String,
    },
}

impl HealthFacts {
    /// Returns the paths that must be asked for: what the driver reads, and the same objects where
    /// they are served.
    pub fn paths(
        driver: &DriverRelease,
        overrides: &Overrides,
        names: &Names,
        served: &ServedVersions,
    ) -> Vec<String> {
        let reads = health_reads(driver, overrides, names).unwrap_or_default();
        let all = reads.into_iter().chain(served_reads(served, names));
        let paths: BTreeSet<String> = all.map(|read| read.path).collect();
        paths.into_iter().collect()
    }
}
