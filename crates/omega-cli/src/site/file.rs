use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use omega_core::{
    read_regular,
    values::{Sha256, UnitName},
};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{SiteError, contradiction};

/// The most that a site file may have.
const MOST: u64 = 1 << 20;

/// What is particular to one site.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    /// How the cloud is reached.
    pub(crate) cloud: Spanned<Cloud>,
    /// The management cluster.
    pub(crate) management: Management,
    /// Where the conductor runs.
    pub(crate) conductor: Spanned<Conductor>,
    /// The driver to pin.
    pub(crate) driver: Spanned<Driver>,
    /// The helm to pin.
    pub(crate) helm: Spanned<Helm>,
    /// The chart that the driver deploys.
    pub(crate) chart: Spanned<Chart>,
    /// Further options of `[capi_helm]` in the drop-in.
    #[serde(default)]
    pub(crate) capi_helm: BTreeMap<String, String>,
    /// Options of `[capi_helm_cluster_labels]` in the drop-in.
    #[serde(default)]
    pub(crate) capi_helm_cluster_labels: BTreeMap<String, String>,
    /// How units are reached by SSH.
    #[serde(default)]
    pub(crate) ssh: Ssh,
    /// How units are reached by Juju.
    #[serde(default)]
    pub(crate) juju: Juju,
    /// The trustee domain of Magnum.
    #[serde(default)]
    pub(crate) trust: Trust,
    /// What a proof cluster is made of.
    pub(crate) prove: Option<Prove>,
    /// Deadlines.
    #[serde(default)]
    pub(crate) timeouts: Timeouts,
    /// Where the file is: relative paths in it begin there.
    #[serde(skip)]
    pub(crate) directory: PathBuf,
    /// The digest of the file.
    #[serde(skip)]
    pub(crate) sha256: Option<Sha256>,
}

/// How the cloud is reached. Neither: the `OS_*` variables of the environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cloud {
    /// A name in clouds.yaml.
    pub(crate) name: Option<String>,
    /// An openrc file.
    pub(crate) openrc: Option<PathBuf>,
    /// The region, if the catalog has several.
    pub(crate) region: Option<String>,
}

/// The management cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Management {
    /// The kubeconfig that the driver will use.
    pub(crate) kubeconfig: PathBuf,
    /// The project that the management VM is in.
    pub(crate) project: Spanned<Project>,
    /// The security group in front of its API.
    pub(crate) security_group: String,
    /// The conductors' addresses, as the security group sees them.
    pub(crate) sources: Spanned<Vec<String>>,
    /// The server that the management cluster runs on, by its name in Nova.
    pub(crate) server: Option<String>,
    /// Where the kubeconfig goes on a unit.
    #[serde(default = "kubeconfig_path")]
    pub(crate) path: Spanned<String>,
}

fn kubeconfig_path() -> Spanned<String> {
    Spanned::new(0..0, "/etc/magnum/kubeconfig".to_owned())
}

/// A project, by id or by name and domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// Its id.
    pub(crate) id: Option<String>,
    /// Its name.
    pub(crate) name: Option<String>,
    /// The name of its domain.
    pub(crate) domain: Option<String>,
}

/// Where the conductor runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conductor {
    /// The Juju application: all of its units.
    pub(crate) application: Option<String>,
    /// Units reached by SSH.
    #[serde(default)]
    pub(crate) unit: Vec<SshUnit>,
}

/// A unit reached by SSH.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SshUnit {
    /// Its name.
    pub(crate) name: UnitName,
    /// `[user@]host[:port]`
    pub(crate) ssh: String,
    /// A machine to go through: `[user@]host[:port]`
    pub(crate) jump: Option<String>,
}

/// The driver to pin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Driver {
    /// Its exact version.
    pub(crate) version: String,
    /// A wheel on this machine.
    pub(crate) wheel: Option<PathBuf>,
    /// The wheel's digest.
    pub(crate) sha256: Option<Sha256>,
    /// A package index other than the unit's own.
    pub(crate) index: Option<String>,
}

/// The helm to pin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Helm {
    /// Its version, for the reader.
    pub(crate) version: String,
    /// The program on this machine.
    pub(crate) file: Option<PathBuf>,
    /// Where the unit downloads it.
    pub(crate) url: Option<String>,
    /// The digest of the program.
    pub(crate) sha256: Sha256,
    /// The digest of the download, where it is a `.tar.gz`.
    pub(crate) archive_sha256: Option<Sha256>,
    /// The program's path in the archive.
    pub(crate) member: Option<String>,
}

/// The chart that the driver deploys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chart {
    /// The repository.
    pub(crate) repo: String,
    /// The name.
    #[serde(default = "chart_name")]
    pub(crate) name: String,
    /// The version. There is no default: the driver's own is 0.10.1 or older.
    pub(crate) version: String,
}

fn chart_name() -> String {
    "openstack-cluster".to_owned()
}

/// How units are reached by SSH.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ssh {
    /// The user, where a unit names none. `ubuntu` if not set.
    pub(crate) user: Option<String>,
    /// Private keys. None: those of the agent, then `~/.ssh/id_*`.
    #[serde(default)]
    pub(crate) identity: Vec<PathBuf>,
    /// Files of known hosts. None: `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    #[serde(default)]
    pub(crate) known_hosts: Vec<PathBuf>,
}

/// How units are reached by Juju.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Juju {
    /// The model. None: `JUJU_MODEL`, then Juju's current one.
    pub(crate) model: Option<String>,
    /// The program. `juju` if not set.
    pub(crate) program: Option<PathBuf>,
}

/// The trustee domain of Magnum, as the charm names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Trust {
    /// The domain (charm option `trustee-domain`).
    pub(crate) domain: String,
    /// Its admin (charm option `trustee-admin`).
    pub(crate) admin: String,
}

impl Default for Trust {
    fn default() -> Self {
        Self { domain: "magnum".to_owned(), admin: "magnum_domain_admin".to_owned() }
    }
}

/// What a proof cluster is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prove {
    /// The image: its properties `os_distro` and `kube_version` are required.
    pub(crate) image: String,
    /// The flavor of every node.
    pub(crate) flavor: String,
    /// The external network.
    pub(crate) external_network: String,
    /// The key pair.
    pub(crate) keypair: Option<String>,
    /// A template to use instead of a throw-away one.
    pub(crate) template: Option<String>,
    /// How long a create may take (`30m`).
    #[serde(default = "prove_within", deserialize_with = "deadline")]
    pub(crate) within: Duration,
}

fn prove_within() -> Duration {
    Duration::from_mins(30)
}

/// Reads a duration (`90s`, `1m 30s`) that can be waited for.
fn deadline<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let duration = jiff::SignedDuration::deserialize(from)?;
    let day = Duration::from_hours(24);
    let sane = Duration::try_from(duration).ok().filter(|one| !one.is_zero() && *one <= day);
    sane.ok_or_else(|| {
        serde::de::Error::custom("a deadline is more than nothing and at most a day")
    })
}

/// Deadlines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Timeouts {
    /// Until a unit or a service is connected.
    #[serde(deserialize_with = "deadline")]
    pub(crate) connect: Duration,
    /// Until a unit or a service has answered a question.
    #[serde(deserialize_with = "deadline")]
    pub(crate) ask: Duration,
    /// Until a unit has carried out an action.
    #[serde(deserialize_with = "deadline")]
    pub(crate) act: Duration,
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
    /// Points at the first thing that is wrong.
    pub(crate) fn read(path: &Path) -> Result<Self, SiteError> {
        let unreadable = |why: String| SiteError::unreadable(path, &why);
        let bytes = read_regular(path, MOST).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
        let mut site = Self::parse(path, &text)?;
        site.directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        site.sha256 = Some(Sha256::of(text.as_bytes()));
        Ok(site)
    }

    /// Reads `text`, which came from `path`.
    ///
    /// # Errors
    ///
    /// Points at the first thing that is wrong.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, SiteError> {
        let site: Self =
            toml::from_str(text).map_err(|error| SiteError::toml(path, text, &error))?;
        match contradiction::of(&site) {
            Some((span, why)) => Err(SiteError::at(path, text, span, why)),
            None => Ok(site),
        }
    }

    /// Returns `path` as seen from where the site file is.
    pub(crate) fn resolve(&self, path: &Path, home: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => home.join(rest),
            Err(_) => self.directory.join(path),
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
