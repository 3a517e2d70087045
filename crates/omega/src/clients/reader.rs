//! Who reads the management cluster, where that is not the driver.

use std::path::{Path, PathBuf};

use omega_core::{
    Failure, FailureClass,
    kubeconfig::{Kubeconfig, NewCredential, NewKubeconfig},
    read_regular,
    values::Secret,
};
use url::Url;

use super::kubeconfig::{kubeconfig_at, unreadable};
use crate::Machine;

/// Where a pod finds the token of its service account and the CA of its cluster.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The most that a token or a CA bundle may have, in bytes.
const MOST: u64 = 1 << 20;
const OUTSIDE: &str =
    "this works in a pod with the token of its service account; elsewhere name a kubeconfig";

/// Who reads the management cluster instead of the user of the site's kubeconfig, which has the driver's rights.
///
/// What it names is read anew each time, as a token in a pod is replaced before it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reader {
    /// The user of this kubeconfig.
    Kubeconfig(PathBuf),
    /// The service account of the pod that this program runs in; its token and CA are in this directory.
    Pod(PathBuf),
}

impl Reader {
    /// Returns the service account of the pod that this program runs in.
    pub fn pod() -> Self {
        Self::Pod(ACCOUNT.into())
    }

    /// Reads its credentials.
    ///
    /// # Errors
    ///
    /// Fails if they can't be read or used.
    pub(crate) fn kubeconfig(&self, machine: &Machine) -> Result<Kubeconfig, Failure> {
        match self {
            Self::Kubeconfig(path) => kubeconfig_at(path, "check the path"),
            Self::Pod(directory) => of_pod(directory, machine),
        }
    }
}

fn of_pod(directory: &Path, machine: &Machine) -> Result<Kubeconfig, Failure> {
    let read = |name: &str, what: &str| {
        let path = directory.join(name);
        read_regular(&path, MOST).map_err(|error| unreadable(&path, what, &error, OUTSIDE))
    };
    let what = "could not use the service account of this pod";
    let unusable = |why: &str| Failure::new(FailureClass::Error, what).because(why).next(OUTSIDE);
    let server = server(machine).ok_or_else(|| {
        unusable("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address")
    })?;
    let token = read("token", "the token of the service account")?;
    let token = Secret::new(token.trim_ascii().to_vec());
    let ca = read("ca.crt", "the CA of the cluster")?;
    let ca = String::from_utf8(ca).map_err(|_| unusable("ca.crt is not text"))?;
    let credential = NewCredential::Token(&token);
    let new = NewKubeconfig {
        cluster: "pod",
        user: "pod",
        server: &server,
        ca_pem: Some(&ca),
        credential,
    };
    let text = new.text().map_err(|error| Failure::from_error(what, &error))?;
    Kubeconfig::read(text).map_err(|error| Failure::from_error(what, &error).next(OUTSIDE))
}

/// Returns the API server's address: kubelet sets these variables in every container.
fn server(machine: &Machine) -> Option<Url> {
    let get = |name: &str| machine.variables.get(name).filter(|value| !value.is_empty());
    let host = get("KUBERNETES_SERVICE_HOST")?;
    let port: u16 = get("KUBERNETES_SERVICE_PORT")?.parse().ok()?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    Url::parse(&format!("https://{host}:{port}")).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ADMIN: &str = include_str!("../../../omega-core/fixtures/kube/admin.yaml");

    fn pod(host: &str) -> Machine {
        let mut machine = Machine::new("/nonexistent");
        for (name, value) in [("HOST", host), ("PORT", "443")] {
            machine.variables.insert(format!("KUBERNETES_SERVICE_{name}"), value.to_owned());
        }
        machine
    }

    fn ca() -> String {
        let known = Kubeconfig::read(Secret::from(ADMIN.to_owned())).unwrap();
        known.facts.ca_pem.unwrap()
    }

    #[test]
    fn the_account_of_a_pod_is_read_anew_each_time() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("token"), "one\n").unwrap();
        fs::write(home.path().join("ca.crt"), ca()).unwrap();
        let reader = Reader::Pod(home.path().to_owned());
        for (host, server) in
            [("10.96.0.1", "https://10.96.0.1/"), ("fd00::1", "https://[fd00::1]/")]
        {
            let read = reader.kubeconfig(&pod(host)).unwrap();
            assert_eq!(read.facts.server.as_str(), server);
            assert_eq!(read.facts.context, "pod");
        }
        let before = reader.kubeconfig(&pod("10.96.0.1")).unwrap().facts.sha256;
        fs::write(home.path().join("token"), "two\n").unwrap();
        assert_ne!(reader.kubeconfig(&pod("10.96.0.1")).unwrap().facts.sha256, before);
    }

    #[test]
    fn outside_a_pod_it_is_said_so() {
        let home = tempfile::tempdir().unwrap();
        let reader = Reader::Pod(home.path().to_owned());
        let failure = reader.kubeconfig(&Machine::new("/nonexistent")).unwrap_err();
        assert_eq!(failure.next.as_deref(), Some(OUTSIDE));
        let failure = reader.kubeconfig(&pod("10.96.0.1")).unwrap_err();
        assert!(failure.message.contains("the token of the service account"), "{failure:?}");
    }

    #[test]
    fn a_kubeconfig_is_one_too() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("reader.kubeconfig");
        fs::write(&path, ADMIN).unwrap();
        let read = Reader::Kubeconfig(path).kubeconfig(&Machine::default()).unwrap();
        assert!(read.facts.ca_pem.is_some());
    }
}
