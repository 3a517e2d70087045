use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use omega_core::values::{Sha256, UnitName};
use omega_openstack::{container_infra::TemplateSpec, key_manager::CertManager};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Acceptance, NetworkRanges, Prove, SiteError, reading::Reading};
use crate::lint::bundle::Policy;

/// The description of one site. It may have only the tables that a job needs; the functions of
/// [`Site`] fail if one is missing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Site {
    /// How the cloud is reached. None: the `OS_*` variables.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Cloud>"))]
    pub cloud: Option<Spanned<Cloud>>,
    /// The management cluster.
    #[serde(default)]
    pub management: Management,
    /// Where the conductor runs.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Conductor>"))]
    pub conductor: Option<Spanned<Conductor>>,
    /// The driver to pin.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Driver>"))]
    pub driver: Option<Spanned<Driver>>,
    /// The helm to pin.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Helm>"))]
    pub helm: Option<Spanned<Helm>>,
    /// The chart that the driver deploys.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Chart>"))]
    pub chart: Option<Spanned<Chart>>,
    /// Further options of `[capi_helm]` in the drop-in.
    #[serde(default)]
    pub capi_helm: BTreeMap<String, String>,
    /// Options of `[capi_helm_cluster_labels]` in the drop-in.
    #[serde(default)]
    pub capi_helm_cluster_labels: BTreeMap<String, String>,
    /// How units are reached by SSH.
    #[serde(default)]
    pub ssh: Ssh,
    /// How units are reached by Juju.
    #[serde(default)]
    pub juju: Juju,
    /// What the charm of nova-compute should have.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Compute>"))]
    pub compute: Option<Spanned<Compute>>,
    /// The clusters whose health counts.
    #[serde(default)]
    pub health: Health,
    /// The trustee domain of Magnum.
    #[serde(default)]
    pub trust: Trust,
    /// The addresses of the site.
    #[serde(default)]
    pub network: NetworkRanges,
    /// The parameters of a proof cluster.
    pub prove: Option<Prove>,
    /// Cluster templates, by name.
    #[serde(default)]
    pub template: BTreeMap<String, TemplateSpec>,
    /// What the acceptance checks.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Acceptance>"))]
    pub acceptance: Option<Spanned<Acceptance>>,
    /// What `lint` holds a bundle to, where this site differs from the decisions.
    #[serde(default)]
    pub lint: Policy,
    /// Deadlines.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The directory of the file. Relative paths in it start there.
    #[serde(skip)]
    pub directory: PathBuf,
    /// The digest of the file.
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub sha256: Option<Sha256>,
}

/// How the cloud is reached. Neither: the `OS_*` variables of the environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cloud {
    /// A name in clouds.yaml.
    pub name: Option<String>,
    /// An openrc file.
    pub openrc: Option<PathBuf>,
    /// The region, if the catalog has several.
    pub region: Option<String>,
}

/// The management cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Management {
    /// The kubeconfig that the driver will use.
    pub kubeconfig: Option<PathBuf>,
    /// The project that the management VM is in.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Project>"))]
    pub project: Option<Spanned<Project>>,
    /// The security group in front of its API.
    pub security_group: Option<String>,
    /// The conductors' addresses, as the security group sees them.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>"))]
    pub sources: Option<Spanned<Vec<String>>>,
    /// The server that the management cluster runs on, by its name in Nova.
    pub server: Option<String>,
    /// The helm releases that it should have, by name (`cert-manager`, `cluster-api-addon-provider`).
    #[serde(default)]
    pub releases: Vec<String>,
    /// The path of the kubeconfig on a unit; `/etc/magnum/kubeconfig` if not set.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub path: Option<Spanned<String>>,
}

/// A project, by id or by name and domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Project {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The name of its domain.
    pub domain: Option<String>,
}

/// Where the conductor runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conductor {
    /// The Juju application: all of its units.
    pub application: Option<String>,
    /// Units reached by SSH.
    #[serde(default)]
    pub unit: Vec<SshUnit>,
}

/// A unit reached by SSH.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SshUnit {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: UnitName,
    /// `[user@]host[:port]`
    pub ssh: String,
    /// A jump host: `[user@]host[:port]`
    pub jump: Option<String>,
}

/// The driver to pin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Driver {
    /// Its exact version.
    pub version: String,
    /// A wheel on this machine.
    pub wheel: Option<PathBuf>,
    /// The wheel's digest.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub sha256: Option<Sha256>,
    /// A package index other than the unit's own.
    pub index: Option<String>,
}

/// The helm to pin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Helm {
    /// Its version, for information.
    pub version: String,
    /// The program on this machine.
    pub file: Option<PathBuf>,
    /// The URL from which the unit downloads it.
    pub url: Option<String>,
    /// The digest of the program.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sha256: Sha256,
    /// The digest of the download, if it is a `.tar.gz`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub archive_sha256: Option<Sha256>,
    /// The program's path in the archive.
    pub member: Option<String>,
}

/// The chart that the driver deploys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chart {
    /// The repository.
    pub repo: String,
    /// The name.
    #[serde(default = "chart_name")]
    pub name: String,
    /// The version. There is no default: the driver's own is 0.10.1 or older.
    pub version: String,
}

fn chart_name() -> String {
    "openstack-cluster".to_owned()
}

/// How units are reached by SSH.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ssh {
    /// The user for units that name none; `ubuntu` if not set.
    pub user: Option<String>,
    /// Private keys. Default: those of the agent, then `~/.ssh/id_*`.
    #[serde(default)]
    pub identity: Vec<PathBuf>,
    /// Files of known hosts. Default: `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    #[serde(default)]
    pub known_hosts: Vec<PathBuf>,
}

/// How units are reached by Juju.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Juju {
    /// The model. Default: `JUJU_MODEL`, then Juju's current one.
    pub model: Option<String>,
    /// The program; `juju` if not set.
    pub program: Option<PathBuf>,
}

/// What the charm of nova-compute should have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Compute {
    /// The Juju application.
    #[serde(default = "compute_application")]
    pub application: String,
    /// The memory that is reserved on each host, in MB (charm option `reserved-host-memory`, D-040).
    pub reserved_host_memory: Option<u32>,
    /// Whether servers run again after their host has booted (charm option
    /// `resume-guests-state-on-host-boot`, D-043). If not set, it is not changed.
    pub resume_guests: Option<bool>,
}

fn compute_application() -> String {
    "nova-compute".to_owned()
}

impl Compute {
    /// Returns the options of the charm and their values.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let memory = self.reserved_host_memory.map(|memory| memory.to_string());
        let resume = self.resume_guests.map(|resume| resume.to_string());
        let options =
            [("reserved-host-memory", memory), ("resume-guests-state-on-host-boot", resume)];
        let set = options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        set.collect()
    }
}

/// The clusters whose health counts for the graft.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// By name or id. None: every cluster of the driver.
    pub clusters: Vec<String>,
}

/// The trustee domain of Magnum, as the charm names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trust {
    /// The domain (charm option `trustee-domain`).
    pub domain: String,
    /// Its admin (charm option `trustee-admin`).
    pub admin: String,
    /// Where Magnum stores certificates (charm option `cert-manager-type`).
    pub cert_manager: Option<CertManager>,
}

impl Default for Trust {
    fn default() -> Self {
        let (domain, admin) = ("magnum".to_owned(), "magnum_domain_admin".to_owned());
        Self { domain, admin, cert_manager: None }
    }
}

/// Reads a duration (`90s`, `1m 30s`) that can be used as a deadline.
pub(super) fn deadline<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_str(DeadlineVisitor)
}

struct DeadlineVisitor;

impl serde::de::Visitor<'_> for DeadlineVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration in quotes (\"30s\")")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
        let not = |_| E::custom("not a duration: write 30s, 10m or 1h 30m");
        let duration: jiff::SignedDuration = text.parse().map_err(not)?;
        let day = Duration::from_hours(24);
        let sane = Duration::try_from(duration).ok().filter(|one| !one.is_zero() && *one <= day);
        sane.ok_or_else(|| E::custom("a deadline must be more than 0 and at most one day"))
    }
}

/// Deadlines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timeouts {
    /// For connecting to a unit or a service.
    #[serde(deserialize_with = "deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub connect: Duration,
    /// For the answer of a unit or a service to a read.
    #[serde(deserialize_with = "deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub ask: Duration,
    /// For an action on a unit.
    #[serde(deserialize_with = "deadline")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub act: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            ask: Duration::from_secs(90),
            act: Duration::from_mins(10),
        }
    }
}

impl Site {
    /// Reads the site file at `path`.
    ///
    /// # Errors
    ///
    /// Points at the first mistake.
    pub fn read(path: &Path) -> Result<Self, SiteError> {
        let text = SiteError::or_text(path)?;
        let mut site = Self::parse(path, &text)?;
        site.directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        site.sha256 = Some(Sha256::of(text.as_bytes()));
        Ok(site)
    }

    /// Reads `text`, which came from `path`.
    ///
    /// # Errors
    ///
    /// Points at the first mistake.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SiteError> {
        Self::parse_all(path, text).map_err(|all| all.into_iter().next().unwrap_or_default())
    }

    /// The same, with every mistake.
    ///
    /// # Errors
    ///
    /// Returns the mistakes, in the order of the file.
    pub fn parse_all(path: &Path, text: &str) -> Result<Self, Vec<SiteError>> {
        let Reading { site, mistakes, .. } = Reading::of(path, text);
        site.filter(|_| mistakes.is_empty()).ok_or(mistakes)
    }

    /// Returns the cloud's configuration.
    pub fn cloud(&self) -> Cloud {
        self.cloud.as_ref().map(|cloud| cloud.get_ref().clone()).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) fn good() -> &'static str {
    tests::GOOD
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
