//! The management cluster, as seen from a unit.

use std::collections::BTreeMap;

use super::recorded;
use crate::{FailureCode, ReachState, ReleasesState};

/// The management cluster that a simulated unit may reach.
#[derive(Clone, Debug)]
pub struct Management {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it can be reached.
    pub reachable: bool,
    /// Whether its certificate is valid.
    pub trusted: bool,
    /// The rights of the kubeconfig's user.
    pub rights: Rights,
    /// The status of releases, by namespace and name.
    pub releases: BTreeMap<String, BTreeMap<String, String>>,
}

/// The rights of a kubeconfig's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// All rights.
    All,
    /// None: the user is not known.
    Unknown,
    /// The right to list releases in these namespaces.
    Namespaces(Vec<String>),
}

impl Default for Management {
    fn default() -> Self {
        Self {
            host: "10.20.0.50".to_owned(),
            port: 6443,
            reachable: true,
            trusted: true,
            rights: Rights::All,
            releases: BTreeMap::new(),
        }
    }
}

pub(super) fn unreached(code: FailureCode, error: &str) -> ReachState {
    ReachState {
        tcp: false,
        tls: false,
        status: None,
        version: None,
        millis: 10_000,
        error: Some(error.to_owned()),
        code: Some(code),
    }
}

impl Management {
    pub(super) fn reach(&self, host: &str, port: u16, with_ca: bool) -> ReachState {
        if host != self.host || port != self.port {
            return ReachState {
                millis: 0,
                ..unreached(FailureCode::Tcp, "TCP: connection refused")
            };
        }
        if !self.reachable {
            return unreached(FailureCode::Tcp, "TCP: no answer within 10 s");
        }
        // The CA of a management cluster is not among those of the machine.
        if !self.trusted || !with_ca {
            let error =
                unreached(FailureCode::TlsUntrusted, "TLS: unable to get local issuer certificate");
            return ReachState { tcp: true, millis: 12, ..error };
        }
        ReachState {
            tcp: true,
            tls: true,
            status: Some(200),
            version: Some("v1.34.4".to_owned()),
            millis: 41,
            error: None,
            code: None,
        }
    }

    /// `kubeconfig`: the text of the file.
    pub(super) fn authenticate(&self, kubeconfig: &str) -> ReachState {
        let (host, port) = server(kubeconfig).unwrap_or_default();
        let reached = self.reach(&host, port, true);
        let what = match (&self.rights, reached.tcp, reached.tls) {
            (_, false, _) => "authenticate: no TCP",
            (_, true, false) => "authenticate: another CA",
            (Rights::All, true, true) => return reached,
            (Rights::Unknown, true, true) => "authenticate: refused",
            (Rights::Namespaces(_), true, true) => "authenticate: few rights",
        };
        let mut state = recorded::reach(what).unwrap_or_else(|| reached.clone());
        let address = format!("{host}:{port}");
        state.error = state.error.map(|error| error.replace("127.0.0.1:6443", &address));
        ReachState { millis: reached.millis, ..state }
    }

    pub(super) fn list(&self, namespace: &str, kubeconfig: &str) -> ReleasesState {
        let answer = |releases, error: Option<String>| ReleasesState {
            namespace: namespace.to_owned(),
            releases,
            code: error.is_some().then_some(FailureCode::ProgramFailed),
            error,
        };
        let reached = self.authenticate(kubeconfig);
        if reached.status.is_none() {
            let why = reached.error.unwrap_or_default();
            let error = format!("Error: Kubernetes cluster unreachable: {why}");
            return answer(None, Some(error));
        }
        match &self.rights {
            Rights::Unknown => {
                let error = "Error: Kubernetes cluster unreachable: the server has asked for the \
                             client to provide credentials";
                answer(None, Some(error.to_owned()))
            }
            Rights::Namespaces(names) if !names.iter().any(|name| name == namespace) => {
                let error = format!(
                    "Error: list: failed to list: secrets is forbidden: User \"magnum\" cannot \
                     list resource \"secrets\" in API group \"\" in the namespace \"{namespace}\""
                );
                answer(None, Some(error))
            }
            Rights::All | Rights::Namespaces(_) => {
                answer(Some(self.releases.get(namespace).cloned().unwrap_or_default()), None)
            }
        }
    }
}

/// Returns host and port of the line `server: https://HOST:PORT`.
fn server(kubeconfig: &str) -> Option<(String, u16)> {
    let rest = kubeconfig.split_once("server: https://")?.1;
    let address = rest.split_whitespace().next()?.trim_end_matches(['/', ',', '}']);
    let (host, port) = address.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}
