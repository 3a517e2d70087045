//! The doctor and its options.

use std::time::Duration;

use omega_capi::coherence::CoherenceInputs;
use omega_core::{
    Context, Failure, FailureClass,
    kubeconfig::{Kubeconfig, KubeconfigFacts},
};
use omega_driver::NamespacePrefix;
use omega_juju::UnitPath;
use omega_openstack::{cloud_inventory::CloudInventory, identity::TrusteeDomain};

use super::Report;
use crate::{
    clients::{Clients, Connect},
    coherence::setup,
    graft::SiteSpec,
    site::Site,
};

/// What the doctor examines, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DoctorOptions {
    /// Only these workload clusters, by name, id or `stack_id`. By default all that Magnum lists.
    pub clusters: Vec<String>,
    /// Only these units of the conductor. By default all.
    pub units: Vec<String>,
    /// How long a create, a delete or a helm command may take before it counts as stuck. By
    /// default 15 minutes.
    pub patience: Duration,
    /// The kubeconfig that is used to read the management cluster. By default the site's, which may
    /// have few rights.
    pub kubeconfig: Option<Kubeconfig>,
}

impl Default for DoctorOptions {
    fn default() -> Self {
        Self {
            clusters: Vec::new(),
            units: Vec::new(),
            patience: Duration::from_mins(15),
            kubeconfig: None,
        }
    }
}

/// Examines one site. It only reads.
#[derive(Clone, Debug)]
pub struct Doctor {
    pub(super) clients: Clients,
    pub(super) options: DoctorOptions,
    /// Why the units could not be listed, if they could not.
    pub(super) units_unknown: Option<Failure>,
    /// The kubeconfig that the site names for the driver.
    pub(super) kubeconfig: KubeconfigFacts,
    /// The one that is used to read the management cluster.
    pub(super) read_with: KubeconfigFacts,
    /// Where the driver's kubeconfig is on a unit.
    pub(super) path: UnitPath,
    /// The name of the management cluster's server in Nova, if the site names it.
    pub(super) server: Option<String>,
    /// The driver's option `namespace_prefix`.
    pub(super) prefix: NamespacePrefix,
    /// The driver and the chart that the site wants.
    pub(super) setup: CoherenceInputs,
    /// Magnum's trustee domain.
    pub(super) trustee: TrusteeDomain,
}

/// Connects to the site of `connect` with a new login and examines it.
///
/// # Errors
///
/// As [`Doctor::connect`] and [`Doctor::examine`].
pub async fn examine(
    connect: &Connect<'_>,
    options: DoctorOptions,
    ctx: &Context,
) -> Result<Report, Failure> {
    Doctor::connect(connect, options).await?.examine(ctx).await
}

impl Doctor {
    /// Connects to the site of `connect` for reading: nothing can be sent to a unit, and no token
    /// is stored. The site needs the kubeconfig of the management cluster, and the tables
    /// `conductor`, `driver` and `chart`.
    ///
    /// # Errors
    ///
    /// Fails if the site lacks a key, if the site's kubeconfig or the cloud's configuration can't
    /// be read, or if a given unit does not exist. If the units can't be listed, that is a
    /// finding.
    pub async fn connect(connect: &Connect<'_>, options: DoctorOptions) -> Result<Self, Failure> {
        let wanted = connect.kubeconfig_ignoring_expiry()?;
        let read_with = options.kubeconfig.as_ref().unwrap_or(&wanted);
        let (clients, units_unknown) = connect.reading(read_with, &options.units).await?;
        let doctor = Self::new(connect.site, wanted.facts, clients, options)?;
        Ok(Self { units_unknown, ..doctor })
    }

    /// Examines `site` with `clients`, their units and their management cluster. `kubeconfig`: the
    /// facts of the one that belongs on the units.
    ///
    /// # Errors
    ///
    /// Fails if the site lacks a key, or has a value that is not valid.
    pub fn new(
        site: &Site,
        kubeconfig: KubeconfigFacts,
        clients: Clients,
        options: DoctorOptions,
    ) -> Result<Self, Failure> {
        let read_with = options.kubeconfig.as_ref().map(|read| read.facts.clone());
        let identity = (*clients.cloud.identity).clone();
        let trustee = TrusteeDomain {
            domain: site.trust.domain.clone(),
            admin: site.trust.admin.clone(),
            ..TrusteeDomain::new(identity).uncached()
        };
        Ok(Self {
            read_with: read_with.unwrap_or_else(|| kubeconfig.clone()),
            kubeconfig,
            path: SiteSpec::new(site).path()?,
            server: site.management.server.clone(),
            prefix: NamespacePrefix::of_options(&site.capi_helm),
            setup: setup(site)?,
            trustee,
            units_unknown: None,
            clients,
            options,
        })
    }

    /// Reads every layer once, and returns what is wrong and what to fix first.
    ///
    /// # Errors
    ///
    /// Fails if a given cluster does not exist, or if `ctx` is cancelled or its deadline passes. If
    /// something does not answer, that is a finding.
    pub async fn examine(&self, ctx: &Context) -> Result<Report, Failure> {
        let late = async {
            match ctx.deadline() {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let ended = |class| {
            let failure = Failure::new(class, "stopped before every layer was checked");
            Err(failure.next("run it again: the doctor only reads"))
        };
        tokio::select! {
            report = Box::pin(self.ask(ctx.now())) => report,
            () = ctx.cancel().cancelled() => ended(FailureClass::Interrupted),
            () = late => ended(FailureClass::Deadline),
        }
    }

    /// Returns the services of the cloud, with the operator's login.
    pub(super) fn inventory(&self) -> CloudInventory {
        CloudInventory::new(self.clients.cloud.operator.clone())
    }

    /// Returns the services of the cloud, in the management project.
    pub(super) fn project_inventory(&self) -> CloudInventory {
        CloudInventory::new(self.clients.cloud.narrowed.clone())
    }
}
