//! The doctor and its options.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use omega_capi::Management;
use omega_core::{
    Context, Failure, FailureClass,
    kubeconfig::{Kubeconfig, KubeconfigFacts},
};
use omega_driver::{DriverRelease, NamespacePrefix};
use omega_juju::UnitPath;
use semver::Version;

use super::{Report, driver_credential::InUse};
use crate::{
    clients::{Connect, PartialClients},
    graft::{SiteSpec, Trustee, value},
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
    /// The file that `kubeconfig` was read from, so that a finding can name it.
    pub kubeconfig_file: Option<PathBuf>,
}

impl Default for DoctorOptions {
    fn default() -> Self {
        Self {
            clusters: Vec::new(),
            units: Vec::new(),
            patience: Duration::from_mins(15),
            kubeconfig: None,
            kubeconfig_file: None,
        }
    }
}

/// Examines one site. It only reads.
#[derive(Clone, Debug)]
pub struct Doctor {
    pub(super) clients: PartialClients,
    pub(super) options: DoctorOptions,
    /// Whether the site says where the conductor runs.
    pub(super) has_conductor: bool,
    /// Why the units could not be listed, if they could not.
    pub(super) units_unknown: Option<Failure>,
    /// The kubeconfig that the site names for the driver.
    pub(super) kubeconfig: Option<InUse>,
    /// The one that the management cluster is read with.
    pub(super) read_with: Option<InUse>,
    /// Where the driver's kubeconfig is on a unit.
    pub(super) path: UnitPath,
    /// The name of the management cluster's server in Nova, if the site names it.
    pub(super) server: Option<String>,
    /// The helm releases that the management cluster should have.
    pub(super) releases: Vec<String>,
    /// The driver's option `namespace_prefix`.
    pub(super) prefix: NamespacePrefix,
    /// The driver and the chart that the site wants, where it names them.
    pub(super) wanted: Wanted,
    /// Magnum's trustee domain, as the charm names it.
    pub(super) trustee: Trustee,
    /// The options of `[capi_helm]` that the site wants the daemon to read; empty if it does not say.
    pub(super) options_wanted: BTreeMap<String, String>,
}

/// What a site wants to work together, where it says so.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) driver: Option<DriverRelease>,
    pub(super) chart: Option<Version>,
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
    /// Connects to what the site of `connect` names, for reading: nothing can be sent to a unit, and
    /// no token is kept. What it does not name is not asked.
    ///
    /// # Errors
    ///
    /// Fails if the site names neither a cloud, nor a management cluster, nor a conductor; if the
    /// site's kubeconfig or the cloud's configuration can't be read, or if a unit that is named does
    /// not exist. That the units can't be listed is a finding.
    pub async fn connect(connect: &Connect<'_>, options: DoctorOptions) -> Result<Self, Failure> {
        let named = connect.site.kubeconfig().is_ok();
        let wanted = named.then(|| connect.kubeconfig_ignoring_expiry()).transpose()?;
        let read_with = options.kubeconfig.as_ref().or(wanted.as_ref());
        let (clients, units_unknown) = connect.reading(read_with, &options.units).await?;
        let doctor = Self::new(connect.site, wanted.map(|one| one.facts), clients, options)?;
        Ok(Self { units_unknown, ..doctor })
    }

    /// Examines `site` with `clients`: what they lack is not asked. `kubeconfig`: what the one says
    /// that belongs on the units. The management cluster is read as `clients` are connected to it.
    ///
    /// # Errors
    ///
    /// Fails if the site has a value that is not valid.
    pub fn new(
        site: &Site,
        kubeconfig: Option<KubeconfigFacts>,
        clients: PartialClients,
        options: DoctorOptions,
    ) -> Result<Self, Failure> {
        let file = |path: Option<&Path>, unnamed: &str| {
            path.map_or_else(|| unnamed.to_owned(), |path| path.display().to_string())
        };
        let read_with = options.kubeconfig.as_ref().map(|read| InUse {
            facts: read.facts.clone(),
            file: file(options.kubeconfig_file.as_deref(), "the kubeconfig that was given"),
            is_sites: false,
        });
        let kubeconfig = kubeconfig.map(|facts| InUse {
            facts,
            file: file(site.management.kubeconfig.as_deref(), "the site's kubeconfig"),
            is_sites: true,
        });
        let (driver, chart) = (site.driver().ok(), site.chart().ok());
        let driver = driver.map(|driver| value("driver.version", &driver.version)).transpose()?;
        let chart = chart.map(|chart| value("chart.version", &chart.version)).transpose()?;
        let options_wanted = match (&driver, &chart) {
            (Some(_), Some(_)) => SiteSpec::new(site).capi_helm()?.effective(),
            (_, _) => BTreeMap::new(),
        };
        Ok(Self {
            options_wanted,
            read_with: read_with.or_else(|| kubeconfig.clone()),
            kubeconfig,
            has_conductor: site.conductor.is_some(),
            path: SiteSpec::new(site).path()?,
            server: site.management.server.clone(),
            releases: site.management.releases.clone(),
            prefix: NamespacePrefix::of_options(&site.capi_helm),
            wanted: Wanted { driver, chart },
            trustee: Trustee::of(site),
            units_unknown: None,
            clients,
            options,
        })
    }

    /// Returns a doctor that examines only this cluster, by name or id. What has not moved for `patience`
    /// counts as stuck, unless its own is less.
    #[must_use]
    pub fn only_cluster(mut self, cluster: &str, patience: Duration) -> Self {
        self.options.clusters = vec![cluster.to_owned()];
        self.options.patience = self.options.patience.min(patience);
        self
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

    /// Returns the management cluster with the kubeconfig that it is read with.
    pub(super) fn management(&self) -> Option<(&InUse, &Management)> {
        self.read_with.as_ref().zip(self.clients.management.as_deref())
    }
}
