use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ServiceName, UnitPath};

/// A question about a unit's machine. Asking never writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Probe {
    /// What is at a path: kind, digest, owner, mode. Never its content.
    File {
        /// The path.
        path: UnitPath,
    },
    /// The same, and the content. For configuration that holds no secret; at most 64 KiB.
    Text {
        /// The path.
        path: UnitPath,
    },
    /// The names in a directory.
    Directory {
        /// The path.
        path: UnitPath,
    },
    /// A systemd service and the process that runs as its main process.
    Service {
        /// The service.
        service: ServiceName,
    },
    /// What `/etc/init.d/SERVICE show-args` prints: the command line of the next start.
    ShowArgs {
        /// The service.
        service: ServiceName,
    },
    /// How a bare program name resolves for a daemon. The path is taken from the environment of
    /// the running process, and nothing else of it; without a process, from the init script.
    Program {
        /// The bare name (`helm`).
        name: String,
        /// The daemon.
        service: ServiceName,
    },
    /// The daemon's Python interpreter, and a distribution as it sees it.
    Python {
        /// The daemon whose interpreter is meant.
        service: ServiceName,
        /// The distribution (`magnum-capi-helm`).
        distribution: String,
        /// The entry point group to list (`magnum.drivers`).
        group: String,
    },
    /// The distributions whose names contain one of these words, as `name version`.
    Distributions {
        /// The daemon whose interpreter is meant.
        service: ServiceName,
        /// Words in lower case.
        containing: Vec<String>,
    },
    /// What a daemon reads for options of oslo.config: parsed by its own interpreter's
    /// oslo.config, from the configuration files and directories on its live command line and
    /// oslo's default directories.
    Options {
        /// The daemon.
        service: ServiceName,
        /// The section (`capi_helm`).
        group: String,
        /// The options. Never one that holds a secret.
        keys: Vec<String>,
    },
    /// Whether a TLS server can be reached from the unit: TCP, then TLS verified by `ca_pem`,
    /// then `GET /version` without credentials.
    Reach {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// The CA bundle; `None` means the machine's own.
        ca_pem: Option<String>,
    },
    /// Whether the daemon's user can authenticate with the kubeconfig that is on the unit.
    Authenticate {
        /// The daemon whose user asks.
        service: ServiceName,
        /// The kubeconfig on the unit.
        kubeconfig: UnitPath,
    },
    /// The helm releases that the daemon would see: its user, its PATH, this kubeconfig, and only
    /// these namespaces (a kubeconfig with least rights may not list all).
    Releases {
        /// The daemon.
        service: ServiceName,
        /// The kubeconfig on the unit.
        kubeconfig: UnitPath,
        /// Namespaces, one `helm list` each.
        namespaces: Vec<String>,
    },
    /// The snapshots that libvirt knows of these domains (`virsh snapshot-list`), on a hypervisor.
    Snapshots {
        /// The program: `virsh`, or a path to it.
        program: String,
        /// The domains, by name.
        domains: Vec<String>,
    },
    /// The last lines that a service wrote to the journal or its log file, for an error message.
    LogTail {
        /// The service.
        service: ServiceName,
    },
}

/// What the question is about, in the words of an error: `NAME could not tell ...`.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } | Self::Text { path } => write!(f, "what is at {path}"),
            Self::Directory { path } => write!(f, "what is in {path}"),
            Self::Service { service } => write!(f, "how {service} runs"),
            Self::ShowArgs { service } => write!(f, "what {service} would be started with"),
            Self::Program { name, service } => write!(f, "which {name} {service} finds"),
            Self::Python { service, distribution, .. } => {
                write!(f, "which {distribution} the interpreter of {service} has")
            }
            Self::Distributions { service, .. } => {
                write!(f, "what the interpreter of {service} has")
            }
            Self::Options { service, group, .. } => write!(f, "what {service} reads for [{group}]"),
            Self::Reach { host, port, .. } => write!(f, "whether it reaches {host}:{port}"),
            Self::Authenticate { service, kubeconfig } => {
                write!(f, "whether {service} can log in with {kubeconfig}")
            }
            Self::Releases { service, .. } => write!(f, "which releases {service} sees"),
            Self::Snapshots { domains, .. } => {
                write!(f, "which snapshots {} have", domains.join(", "))
            }
            Self::LogTail { service } => write!(f, "what {service} said last"),
        }
    }
}
