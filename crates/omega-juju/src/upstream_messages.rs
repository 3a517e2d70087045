//! What other programs' messages mean, where they have no other way to say it: the one file that
//! decides by searching in text. Each phrase is named with the program and the place that writes
//! it.

use omega_core::{Retry, Touched};

/// Why helm did not list releases.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelmFailure {
    /// Helm itself can't be run: it is not on the daemon's PATH, or is no program.
    NotRunnable,
    /// It did not end in time.
    TimedOut,
    /// The API server forbids it.
    Forbidden {
        /// The verb (`list`).
        verb: String,
        /// The resource (`secrets`).
        resource: String,
    },
    /// The cluster can't be reached, does not accept the credential, or the kubeconfig is no good.
    Cluster,
    /// Something else, in helm's own words.
    Other,
}

/// Reads what `helm list` wrote to standard error.
///
/// * `secrets is forbidden: User "x" cannot list resource "secrets" in API group "" …`: Kubernetes,
///   `apiserver/pkg/endpoints/handlers/responsewriters/errors.go`, `forbiddenMessage`, in an error of
///   `apimachinery/pkg/api/errors/errors.go`, `NewForbidden` (v1.19 to v1.34).
/// * `Kubernetes cluster unreachable`: helm v3, `pkg/kube/client.go`, `IsReachable`.
/// * `the server has asked for the client to provide credentials`: apimachinery,
///   `NewGenericServerResponse` for 401.
/// * `dial tcp`, `i/o timeout`, `connection refused`: Go, `net`, `OpError`; `x509:`: Go,
///   `crypto/x509`; `context deadline exceeded`: Go, `context`; `invalid configuration`,
///   `error loading config file`: client-go, `tools/clientcmd`.
pub(crate) fn helm(words: &str) -> HelmFailure {
    let cluster = [
        "Unauthorized",
        "asked for the client to provide credentials",
        "must be logged in",
        "dial tcp",
        "connection refused",
        "x509:",
        "i/o timeout",
        "Kubernetes cluster unreachable",
        "invalid configuration",
        "error loading config file",
        "kubeconfig",
        "context deadline exceeded",
    ];
    if words.contains("forbidden") {
        let verb = words.split_once("cannot ").and_then(|(_, rest)| rest.split(' ').next());
        let resource = words.split_once("resource \"").and_then(|(_, rest)| rest.split('"').next());
        let (verb, resource) = (verb.unwrap_or("list"), resource.unwrap_or("secrets"));
        HelmFailure::Forbidden { verb: verb.to_owned(), resource: resource.to_owned() }
    } else if cluster.iter().any(|phrase| words.contains(phrase)) {
        HelmFailure::Cluster
    } else {
        HelmFailure::Other
    }
}

/// Returns whether virsh wrote that there is no such domain: libvirt 9.0.0, `tools/virsh-util.c`, for
/// every command that takes a domain.
pub(crate) fn no_such_domain(words: &str) -> bool {
    words.contains("failed to get domain")
}

/// What juju's standard error means. Its exit status is 1 for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Juju {
    /// The task did not end while juju waited.
    TimedOut,
    /// The login to the controller has expired.
    LoginExpired,
    /// The user may not do this in the model.
    Forbidden,
    /// juju did not get as far as starting ssh.
    Itself,
    /// Anything else.
    Unknown,
}

/// Reads what juju wrote to standard error.
///
/// * `timed out waiting for results from`: juju 3, `cmd/juju/action/exec.go`.
/// * `cannot get discharge`, `macaroon`: juju, `api/apiclient.go` and the macaroon bakery;
///   `not logged in`: juju, `jujuclient`; `please enter password`: juju, `cmd/juju/user/login.go`.
/// * `permission denied`: juju, `apiserver/errors`, `ErrPerm`.
/// * `ERROR`: juju, `cmd`, before every error; `subprocess encountered error code N`: juju,
///   `cmd/juju/ssh`, when ssh itself ended so.
pub(crate) fn juju(words: &str) -> Juju {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if any(&["timed out waiting for results"]) {
        Juju::TimedOut
    } else if any(&["cannot get discharge", "macaroon", "not logged in", "please enter password"]) {
        Juju::LoginExpired
    } else if any(&["permission denied", "Permission denied (publickey"]) {
        Juju::Forbidden
    } else if juju_error(words).is_some_and(|line| !line.contains("subprocess encountered")) {
        Juju::Itself
    } else {
        Juju::Unknown
    }
}

/// Returns juju's own error, if it wrote one.
pub(crate) fn juju_error(words: &str) -> Option<&str> {
    words.lines().find(|line| line.starts_with("ERROR "))
}

/// Returns whether juju may succeed a moment later, by its own error. What it does not know will
/// not be there then: `not found` is of juju, `core/errors` and `errors.NotFound`, in `unit
/// "magnum/9" not found` and `model … not found`.
pub(crate) fn juju_retry(error: &str) -> Retry {
    if error.contains(" not found") { Retry::Final } else { Retry::Transient }
}

/// Returns whether ssh's words say that there never was a connection, so that nothing was done.
///
/// OpenSSH: `connect to host`: `sshconnect.c`; `Could not resolve`: `ssh.c`; `Host key verification
/// failed`: `sshconnect.c`; `Permission denied (publickey`: `sshconnect2.c`. "Connection timed out"
/// alone is also said of a connection that stood and broke.
pub(crate) fn ssh_touched(words: &str) -> Touched {
    let before = [
        "connect to host",
        "Could not resolve",
        "Host key verification failed",
        "Permission denied (publickey",
    ];
    if before.iter().any(|phrase| words.contains(phrase)) {
        Touched::Nothing
    } else {
        Touched::Maybe
    }
}

/// Returns whether sudo itself refused: it begins every message of its own so (sudo,
/// `lib/util/fatal.c`).
pub(crate) fn is_of_sudo(line: &str) -> bool {
    line.starts_with("sudo:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_says_whose_fault_it_is() {
        let forbidden = "Error: list: failed to list: secrets is forbidden: User \"magnum\" cannot \
                         list resource \"secrets\" in API group \"\" in the namespace \"magnum-1\"";
        let (verb, resource) = ("list".to_owned(), "secrets".to_owned());
        assert_eq!(helm(forbidden), HelmFailure::Forbidden { verb, resource });
        for cluster in [
            "Error: Kubernetes cluster unreachable: Get \"https://10.0.0.1:6443/version\": dial tcp \
             10.0.0.1:6443: i/o timeout",
            "Error: list: failed to list: Unauthorized",
            "Error: Kubernetes cluster unreachable: stat /etc/magnum/kubeconfig: no such file or \
             directory",
        ] {
            assert_eq!(helm(cluster), HelmFailure::Cluster, "{cluster}");
        }
        assert_eq!(helm("helm: error while loading shared libraries"), HelmFailure::Other);
    }
}
