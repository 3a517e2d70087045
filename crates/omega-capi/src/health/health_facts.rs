use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Answer, Answers, Names, Recorded, health_reads, health_reads::served_reads};
use crate::served::ServedVersions;
use omega_driver::{DriverRelease, Overrides};

/// What Cluster API, Magnum, Octavia and Keystone report about one cluster.
///
/// It holds no secret. `None` means not checked, which never counts as healthy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthFacts {
    /// The driver that the conductor runs.
    pub driver: DriverRelease,
    /// Its option `api_resources`.
    pub overrides: Overrides,
    /// The names of the cluster's objects.
    pub names: Names,
    /// Magnum's `status` (`CREATE_COMPLETE`).
    pub status: String,
    /// Magnum's health record.
    pub recorded: Recorded,
    /// What the management cluster serves.
    pub served: Option<ServedVersions>,
    /// The answers to [`HealthFacts::paths`].
    pub answers: Answers,
    /// The answer to the first of [`health_reads`] with the driver's own kubeconfig and from the
    /// conductor's machine, if `answers` were read from elsewhere or with other credentials.
    pub as_driver: Option<Answer>,
    /// The cluster's load balancers in Octavia.
    pub load_balancers: Option<Vec<LoadBalancer>>,
    /// Whether Keystone accepts the cluster's own application credential.
    pub credential: Option<Credential>,
}

/// A load balancer in Octavia.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `ERROR`, `PENDING_UPDATE`...
    pub provisioning_status: String,
    /// `ONLINE`, `DEGRADED`, `ERROR`, `OFFLINE`...
    pub operating_status: String,
}

/// Keystone's answer to the cluster's application credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// It issued a token.
    Accepted,
    /// It issued none, with this message.
    #[expect(missing_docs, reason = "explained above")]
    Refused { message: String },
}

impl HealthFacts {
    /// Returns the paths to read: those that the driver reads, and the same objects at served versions.
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
