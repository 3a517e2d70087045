use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Access, ImportInputs, ServiceName, UnitPath};

/// A read-only question to a unit's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum Probe {
    /// Kind, digest, owner and mode of a path, without its content.
    File { path: UnitPath },
    /// The same with the content, of at most 64 KiB. Only for files that hold no secret.
    Text { path: UnitPath },
    /// What would stop a write to a path: no directory, no such owner, no room, no permission.
    Obstacle {
        path: UnitPath,
        /// The owner and mode; `None` for what pip writes.
        access: Option<Access>,
        /// How much will be written, in bytes.
        size: u64,
    },
    /// The names in a directory.
    Directory { path: UnitPath },
    /// A systemd service and its main process.
    Service { service: ServiceName },
    /// The unit file of a service and its drop-ins, as `systemctl cat` prints them.
    UnitFile { service: ServiceName },
    /// The output of `/etc/init.d/SERVICE show-args`: the command line of the next start.
    ShowArgs { service: ServiceName },
    /// The program that a daemon finds under a name. PATH is that of the running process, or the
    /// one that the init script would set.
    Program {
        /// The name, without a directory (`helm`).
        name: String,
        service: ServiceName,
    },
    /// What `helm version --short` prints, of the helm that a daemon finds, run as its user.
    HelmVersion { service: ServiceName },
    /// The daemon's Python interpreter, and a distribution that it imports.
    Python {
        service: ServiceName,
        /// The distribution (`magnum-capi-helm`).
        distribution: String,
        /// The entry point group to list (`magnum.drivers`).
        group: String,
    },
    /// The versions of the distributions whose names contain one of these parts.
    Distributions {
        service: ServiceName,
        /// Parts of their names, in lower case.
        containing: Vec<String>,
    },
    /// A daemon's values of options, as the oslo.config of its interpreter parses them from the
    /// configuration files and directories on its live command line and the default directories.
    Options {
        service: ServiceName,
        /// The section (`capi_helm`).
        group: String,
        /// The options. One that may hold a secret is refused.
        keys: Vec<String>,
    },
    /// The drivers that Magnum finds, each imported in the daemon's interpreter, as its user, in its
    /// environment, after its configuration was read.
    Drivers {
        service: ServiceName,
        /// The entry point group (`magnum.drivers`).
        group: String,
        /// What an earlier import depended on. If nothing of it has changed, nothing is imported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<ImportInputs>,
    },
    /// Whether the daemon keeps restarting, and the errors that it logged since its start.
    SinceStart { service: ServiceName },
    /// Whether a TLS server can be reached from the unit: TCP, TLS verified with `ca_pem`, and
    /// `GET /version` without credentials.
    Reach {
        /// Host name or address.
        host: String,
        port: u16,
        /// The CA bundle; `None` for that of the machine.
        ca_pem: Option<String>,
    },
    /// Whether the daemon's user can authenticate with the kubeconfig on the unit.
    Authenticate { service: ServiceName, kubeconfig: UnitPath },
    /// The helm releases that the daemon's user lists, with its PATH and this kubeconfig, and only in
    /// these namespaces: the kubeconfig may not permit listing all.
    Releases {
        service: ServiceName,
        kubeconfig: UnitPath,
        /// The namespaces. There is one `helm list` for each.
        namespaces: Vec<String>,
    },
    /// The snapshots of these domains in libvirt (`virsh snapshot-list`), on a hypervisor.
    Snapshots {
        /// The program: `virsh`, or a path to it.
        program: String,
        /// The domains, by name.
        domains: Vec<String>,
    },
    /// Whether pip, in the daemon's interpreter and with the unit's settings, finds a version in its index.
    /// Nothing is downloaded.
    PackageIndex {
        service: ServiceName,
        /// The distribution (`magnum-capi-helm`).
        distribution: String,
        version: String,
        /// The index; `None` for the one of the unit's settings.
        index: Option<String>,
    },
    /// Who holds the lock of the machine.
    Lock,
    /// Whether the unit can download from a URL. The answer is not read to its end.
    Download { url: String },
    /// The last lines in the journal or the log file of a service.
    LogTail { service: ServiceName },
}

/// As in "could not determine ...".
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } | Self::Text { path } => write!(f, "what is at {path}"),
            Self::Obstacle { path, .. } => write!(f, "whether {path} can be written"),
            Self::Directory { path } => write!(f, "what is in {path}"),
            Self::Service { service } => write!(f, "the state of {service}"),
            Self::UnitFile { service } => write!(f, "the unit file of {service}"),
            Self::ShowArgs { service } => {
                write!(f, "the arguments for the next start of {service}")
            }
            Self::Program { name, service } => write!(f, "which {name} {service} finds"),
            Self::HelmVersion { service } => {
                write!(f, "the version of the helm that {service} finds")
            }
            Self::Python { service, distribution, .. } => {
                write!(f, "which {distribution} the interpreter of {service} has")
            }
            Self::Distributions { service, .. } => {
                write!(f, "the packages of the interpreter of {service}")
            }
            Self::Options { service, group, .. } => {
                write!(f, "the options that {service} reads from [{group}]")
            }
            Self::Drivers { service, .. } => write!(f, "which drivers {service} can import"),
            Self::SinceStart { service } => write!(f, "what {service} did since its start"),
            Self::Reach { host, port, .. } => write!(f, "whether {host}:{port} can be reached"),
            Self::Authenticate { service, kubeconfig } => {
                write!(f, "whether {service} can authenticate with {kubeconfig}")
            }
            Self::Releases { service, .. } => write!(f, "the helm releases that {service} lists"),
            Self::Snapshots { domains, .. } => {
                write!(f, "the snapshots of {}", domains.join(", "))
            }
            Self::PackageIndex { distribution, version, .. } => {
                write!(f, "whether the package index has {distribution} {version}")
            }
            Self::Lock => f.write_str("who holds the lock of the machine"),
            Self::Download { url } => write!(f, "whether {url} can be downloaded"),
            Self::LogTail { service } => write!(f, "the log of {service}"),
        }
    }
}
