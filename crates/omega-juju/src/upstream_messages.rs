//! The meaning of other programs' messages, where there is no exit code or structured output. No
//! other file searches in text. Each phrase is listed with the source that writes it.

use omega_core::{Retry, Touched};

/// Why helm did not list releases.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelmFailure {
    /// Helm can't be run: it is not on the daemon's PATH, or not executable.
    NotRunnable,
    /// Helm did not end in time.
    TimedOut,
    /// The API server forbids it.
    Forbidden {
        /// The verb (`list`).
        verb: String,
        /// The resource (`secrets`).
        resource: String,
    },
    /// The cluster can't be reached or rejects the credential, or the kubeconfig is invalid.
    Cluster,
    /// Something else.
    Other,
}

/// Classifies the standard error of `helm list`.
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
pub(crate) fn helm(stderr: &str) -> HelmFailure {
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
    if stderr.contains("forbidden") {
        let after = |start, end| stderr.split_once(start)?.1.split(end).next().map(str::to_owned);
        let verb = after("cannot ", ' ').unwrap_or_else(|| "list".to_owned());
        let resource = after("resource \"", '"').unwrap_or_else(|| "secrets".to_owned());
        HelmFailure::Forbidden { verb, resource }
    } else if cluster.iter().any(|phrase| stderr.contains(phrase)) {
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

/// The kinds of juju's failures. Its exit status is always 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Juju {
    /// The task did not end while juju waited.
    TimedOut,
    /// The login to the controller has expired.
    LoginExpired,
    /// The user lacks access to the model.
    Forbidden,
    /// A file on this machine can't be used: it says nothing about a login.
    LocalFile,
    /// The machine's sshd refuses the keys.
    KeyRefused,
    /// juju failed before it started ssh.
    BeforeSsh,
    /// Anything else.
    Unknown,
}

/// Classifies juju's standard error.
///
/// * `timed out waiting for results from`: juju 3, `cmd/juju/action/exec.go`.
/// * `cannot get discharge`, `macaroon`: juju, `api/apiclient.go` and the macaroon bakery;
///   `not logged in`, `account details for controller … not found`: juju, `jujuclient`; `please enter
///   password`: juju, `cmd/modelcmd/base.go`; `cannot log into controller`: juju,
///   `cmd/juju/user/login.go`; `invalid entity name or password`: juju, `apiserver/errors`.
/// * `open PATH: permission denied`: Go, `io/fs`, `PathError`; `dial unix PATH: connect: permission
///   denied`: Go, `net`, `OpError`.
/// * `permission denied`: juju, `apiserver/errors`, `ErrPerm`; `Permission denied (publickey`: OpenSSH,
///   `sshconnect2.c`.
/// * `ERROR`: juju, `cmd`, before every error; `subprocess encountered error code N`: juju,
///   `cmd/juju/ssh`, when ssh exits with that code.
pub(crate) fn juju(stderr: &str) -> Juju {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| stderr.contains(phrase));
    if any(&["timed out waiting for results"]) {
        Juju::TimedOut
    } else if is_login(stderr) {
        Juju::LoginExpired
    } else if stderr.lines().any(is_local_permission) {
        Juju::LocalFile
    } else if any(&["permission denied"]) {
        Juju::Forbidden
    } else if any(&["Permission denied (publickey"]) {
        Juju::KeyRefused
    } else if juju_error(stderr).is_some_and(|line| !line.contains("subprocess encountered")) {
        Juju::BeforeSsh
    } else {
        Juju::Unknown
    }
}

/// Returns whether juju needs a new login. A login that failed for another reason (the network, the
/// user's rights) is not one.
fn is_login(stderr: &str) -> bool {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| stderr.contains(phrase));
    let certain = [
        "cannot get discharge",
        "macaroon",
        "not logged in",
        "login expired",
        "invalid entity name or password",
        "account details for controller",
    ];
    let tried = any(&["cannot log in"])
        && !any(&["permission denied", "connect", "no API addresses", "i/o timeout", "not found"]);
    juju_asks(stderr) || any(&certain) || tried
}

/// Returns whether juju asks somebody to log in. Nobody would answer.
///
/// * `please enter password for USER on CONTROLLER: `: juju, `cmd/modelcmd/base.go`.
/// * `Opening an authorization web page in your browser.`: the macaroon bakery, `httpbakery/browser.go`.
/// * `Please visit URL and enter code CODE to log in.`: juju 3 with JAAS, as its documentation shows it.
pub(crate) fn juju_asks(stderr: &str) -> bool {
    let device = stderr.contains("Please visit ") && stderr.contains(" to log in");
    let asks = ["please enter password for ", "Opening an authorization web page"];
    device || asks.iter().any(|phrase| stderr.contains(phrase))
}

/// Returns whether juju has begun to destroy a model, and only waits: without a limit.
///
/// `Waiting for model to be removed`: juju 2.9 to 4, `cmd/juju/model/destroy.go`,
/// `formatDestroyModelInfo`; the controller has accepted the request by then.
pub(crate) fn juju_destroys(stderr: &str) -> bool {
    stderr.contains("Waiting for model to be removed")
}

/// Returns whether juju will not end by itself.
pub(crate) fn juju_ends(stderr: &str) -> bool {
    juju_asks(stderr) || juju_destroys(stderr)
}

/// Returns the controller that juju names where it asks for a login.
pub(crate) fn juju_controller(stderr: &str) -> Option<&str> {
    let prompt = || {
        let (_, user) = stderr.split_once("please enter password for ")?;
        user.split_once(" on ")?.1.split(':').next()
    };
    let quoted = || stderr.split_once("into controller \"")?.1.split('"').next();
    let account = || stderr.split_once("account details for controller ")?.1.split(' ').next();
    prompt().or_else(quoted).or_else(account).map(str::trim).filter(|name| !name.is_empty())
}

/// Returns whether the line says that a file or socket of this machine can't be used.
fn is_local_permission(line: &str) -> bool {
    let before = line.split(": permission denied").next().filter(|before| *before != line);
    before.is_some_and(|before| {
        let last = before.rsplit(' ').next().unwrap_or_default().trim_start_matches('"');
        last.starts_with('/') || before.contains("dial unix ")
    })
}

/// Why juju refused a change, before it had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JujuRefused {
    /// Changes of the model are disabled.
    Disabled,
    /// The model can't be destroyed: it has persistent storage, or holds the controller.
    Kept,
    /// The application does not exist or its charm has no such option, or not of that type.
    Invalid,
}

/// Returns why juju refused a change, if it did.
///
/// * `operations that change model have been disabled`: juju 2.9 and 3, `cmd/juju/block/protection.go`,
///   below the reason of whoever disabled them.
/// * `destroy-model operation has been disabled`: the same file, for `juju disable-command destroy-model`.
/// * `The model has persistent storage remaining`, `is a controller; use`: juju 3,
///   `cmd/juju/model/destroy.go`.
/// * `unknown option "`, `option "x" expected int, got "y"`: juju/charm, `config.go`; `application "x"
///   not found`: juju, `state/application.go`.
pub(crate) fn juju_refused(stderr: &str) -> Option<JujuRefused> {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| stderr.contains(phrase));
    let disabled = [
        "operations that change model have been disabled",
        "destroy-model operation has been disabled",
    ];
    if any(&disabled) {
        Some(JujuRefused::Disabled)
    } else if any(&["The model has persistent storage remaining", "is a controller; use"]) {
        Some(JujuRefused::Kept)
    } else if any(&["unknown option \"", "\" expected ", "ERROR application \""]) {
        Some(JujuRefused::Invalid)
    } else {
        None
    }
}

/// Returns whether the status of a unit says that it is paused, as the charms of `OpenStack` write it:
/// charmhelpers, `contrib/openstack/utils.py`.
pub(crate) fn is_paused(workload: &str, message: &str) -> bool {
    workload == "maintenance" && message.starts_with("Paused.")
}

/// Returns juju's own error, if it wrote one.
pub(crate) fn juju_error(stderr: &str) -> Option<&str> {
    stderr.lines().find(|line| line.starts_with("ERROR "))
}

/// Returns whether a retry may succeed after this error of juju: not after `unit "magnum/9" not
/// found` or `model … not found` (juju, `core/errors` and `errors.NotFound`).
pub(crate) fn juju_retry(error: &str) -> Retry {
    if error.contains(" not found") { Retry::Final } else { Retry::Transient }
}

/// Returns [`Touched::Nothing`] if ssh failed before there was a connection.
///
/// OpenSSH: `connect to host`: `sshconnect.c`; `Could not resolve`: `ssh.c`; `Host key verification
/// failed`: `sshconnect.c`; `Permission denied (publickey`: `sshconnect2.c`. "Connection timed out"
/// alone can also mean that an established connection was lost.
pub(crate) fn ssh_touched(stderr: &str) -> Touched {
    let before = [
        "connect to host",
        "Could not resolve",
        "Host key verification failed",
        "Permission denied (publickey",
    ];
    if before.iter().any(|phrase| stderr.contains(phrase)) {
        Touched::Nothing
    } else {
        Touched::Maybe
    }
}

/// Returns whether sudo wrote the line (sudo, `lib/util/fatal.c`).
pub(crate) fn is_of_sudo(line: &str) -> bool {
    line.starts_with("sudo:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_failures_are_classified() {
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
