//! What operations on workload clusters act on.

use std::{fmt, sync::Arc};

use omega_capi::{Management, coherence::Combination};
use omega_core::{ClientMode, Failure, Label};
use omega_driver::{DriverRelease, NamespacePrefix};
use omega_openstack::{
    Limits, Transport,
    container_infra::{Cluster, ContainerInfra},
};
use serde::{Deserialize, Serialize};

use crate::{
    clients::{CloudClients, PartialClients},
    graft::{SiteSpec, namespace_prefix},
    site::Site,
    stuck_delete::{Login, logins},
};

/// Magnum in the clusters' project, and the management cluster, if the site names it. Cheap to clone.
#[derive(Clone)]
pub struct ClusterSite {
    /// The cloud, in the clusters' project.
    pub cloud: Arc<dyn Transport>,
    /// Magnum in it.
    pub magnum: Arc<ContainerInfra>,
    /// The management cluster.
    pub management: Option<Arc<Management>>,
    /// Checks a cluster's own credential.
    pub(super) login: Login,
}

/// How the conductor's driver is configured, as far as it decides where a cluster is and what is read of
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverSettings {
    /// Its release and its option `api_resources`.
    pub combination: Combination,
    /// Its option `namespace_prefix`.
    pub prefix: NamespacePrefix,
}

impl ClusterSite {
    /// Returns a site of these services. `cloud`: in the clusters' project.
    pub fn new(cloud: Arc<dyn Transport>, management: Option<Arc<Management>>) -> Self {
        let magnum = Arc::new(ContainerInfra::new(Arc::clone(&cloud)));
        // Whether a credential is accepted is a question.
        Self { cloud, magnum, management, login: logins(ClientMode::ReadOnly, Limits::default()) }
    }

    /// Returns the site of these clients.
    pub fn of(cloud: &CloudClients, clients: &PartialClients) -> Self {
        Self::new(Arc::clone(&cloud.narrowed), clients.management.clone())
    }

    /// Checks clusters' own credentials by `login`.
    #[must_use]
    pub fn with_login(self, login: Login) -> Self {
        Self { login, ..self }
    }
}

impl DriverSettings {
    /// Returns those of the site: without `[driver]`, release 1.4.0.
    ///
    /// # Errors
    ///
    /// Fails if a value in the site file is not valid.
    pub fn of(site: &Site) -> Result<Self, Failure> {
        let combination = match (&site.driver, &site.chart) {
            (Some(_), Some(_)) => SiteSpec::new(site).combination()?,
            (_, _) => Combination {
                driver: match site.driver {
                    Some(_) => SiteSpec::new(site).known_release()?,
                    None => DriverRelease::v1_4_0(),
                },
                overrides: SiteSpec::new(site).overrides()?,
                chart: None,
            },
        };
        Ok(Self { combination, prefix: namespace_prefix(site) })
    }

    /// Returns the namespace of a cluster on the management cluster, if Magnum reports its project.
    pub fn namespace(&self, cluster: &Cluster) -> Option<omega_capi::Namespace> {
        cluster.helm_namespace(&self.prefix)?.parse().ok()
    }
}

impl Default for DriverSettings {
    /// Those of release 1.4.0 without options.
    fn default() -> Self {
        let driver = DriverRelease::v1_4_0();
        let combination =
            Combination { driver, overrides: omega_driver::Overrides::default(), chart: None };
        Self { combination, prefix: NamespacePrefix::default() }
    }
}

impl Label for ClusterSite {
    fn label(&self) -> String {
        self.magnum.label()
    }
}

impl fmt::Debug for ClusterSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterSite")
            .field("magnum", &self.magnum)
            .field("management", &self.management)
            .finish_non_exhaustive()
    }
}
