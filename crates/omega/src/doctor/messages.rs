//! The messages that the doctor has to read, for nothing gives the same as data. One function for
//! each kind of text, with the source of its words; nothing else in the doctor searches in text.

/// Why a unit got no HTTP status from the management API with its kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginFailure {
    /// No TCP connection, no TLS session, or the proxy in between failed.
    Connection,
    /// TLS works, and HTTP was not answered.
    NoResponse,
    /// The driver's interpreter lacks a module that is needed to ask.
    Interpreter,
    /// The kubeconfig can't be read or used.
    Kubeconfig,
}

/// Reads why a unit could not log in.
///
/// Source: omega's agent, `authenticate` and `get_both` in `omega-juju/src/agent/inside.py`.
pub(super) fn login_failure(why: &str) -> LoginFailure {
    let begins = |words: &[&str]| words.iter().any(|word| why.starts_with(word));
    if begins(&["TCP:", "TLS:", "proxy:"]) {
        LoginFailure::Connection
    } else if begins(&["HTTP:"]) {
        LoginFailure::NoResponse
    } else if begins(&["the driver's interpreter has no module "]) {
        LoginFailure::Interpreter
    } else {
        LoginFailure::Kubeconfig
    }
}

/// Returns whether a unit says that the credential was refused because it has expired.
///
/// Source: omega's agent, `ended` in `omega-juju/src/agent/inside.py`.
pub(super) fn is_expired(why: &str) -> bool {
    why.contains(" ended on ")
}

/// Returns whether oslo.config refuses the daemon's configuration, rather than that it could not
/// be asked.
///
/// Source: omega's agent, `options` in `omega-juju/src/agent/inside.py`; the names of the
/// exceptions are those of oslo.config 10.7.0, `oslo_config/cfg.py`.
pub(super) fn is_configuration_refused(why: &str) -> bool {
    let exceptions = [
        "ConfigDirNotFoundError",
        "ConfigFileParseError",
        "ConfigFileValueError",
        "ConfigFilesNotFoundError",
        "ConfigFilesPermissionDeniedError",
        "ConfigSourceValueError",
        "DefaultValueError",
        "DuplicateOptError",
        "NoSuchGroupError",
        "NoSuchOptError",
        "RequiredOptError",
        "TemplateSubstitutionError",
    ];
    why.starts_with("oslo.config refused ")
        || why.ends_with(" can't be parsed")
        || why.split_once(':').is_some_and(|(name, _)| exceptions.contains(&name))
}

/// Why `helm list` failed on a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HelmFailure {
    /// The kubeconfig's user may not read the releases.
    Forbidden,
    /// Helm asked, and was not answered or not let in. The login says why.
    NoResponse,
    /// Helm itself does not run.
    Program,
}

/// Reads why `helm list` failed.
///
/// Source: the API server's `secrets is forbidden: User "x" cannot list resource "secrets"`
/// (Kubernetes, `apiserver/pkg/endpoints/handlers/responsewriters/errors.go`); helm 3.17,
/// `pkg/kube/client.go` ("Kubernetes cluster unreachable"), with client-go's and Go's own errors
/// of connections, TLS and deadlines; omega's agent, `run` in `common.py` ("did not end within").
pub(super) fn helm_failure(why: &str) -> HelmFailure {
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let unanswered = [
        "Unauthorized",
        "logged in",
        "dial tcp",
        "connection refused",
        "x509",
        "i/o timeout",
        "Kubernetes cluster unreachable",
        "kubeconfig",
        "context deadline",
        "no answer within",
        "did not end within",
    ];
    if has(&["forbidden"]) {
        HelmFailure::Forbidden
    } else if has(&unanswered) {
        HelmFailure::NoResponse
    } else {
        HelmFailure::Program
    }
}

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateFault {
    /// It has expired.
    Expired,
    /// It is signed by somebody else, or for another name.
    Untrusted,
}

/// Reads whether a connection failed because of the server's certificate.
///
/// Source: rustls 0.23, `Error::InvalidCertificate` ("invalid peer certificate: ...") with the
/// names of `CertificateError`.
pub(super) fn certificate_fault(why: &str) -> Option<CertificateFault> {
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if has(&["Expired", "expired"]) {
        Some(CertificateFault::Expired)
    } else if has(&["invalid peer certificate", "UnknownIssuer", "NotValidForName", "BadSignature"])
    {
        Some(CertificateFault::Untrusted)
    } else {
        None
    }
}

/// Returns whether the API server failed to ask a webhook.
///
/// Source: Kubernetes, `apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`
/// ("conversion webhook for ... failed").
pub(super) fn is_webhook_failure(why: &str) -> bool {
    why.contains("webhook")
}

/// Why the infrastructure provider did not get what it asked of OpenStack, as its conditions say
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProviderFailure {
    /// A quota is exhausted.
    OverQuota,
    /// The application credential is not known.
    Credential,
    /// A policy forbids it.
    Policy,
    /// A service was slow. The provider asks again by itself.
    Slow,
}

impl ProviderFailure {
    /// Returns whether a condition's message says that this is why. Of an aggregated message
    /// several may be true.
    ///
    /// Source: Neutron ("Quota exceeded for resources", type `OverQuota`), Octavia ("Quota has
    /// been met for resources", and "Policy does not allow this request", both with 403) and Nova
    /// ("Quota exceeded for instances"); Keystone and keystonemiddleware to a credential that is
    /// not known; gophercloud 2 (`ErrUnexpectedResponseCode`: "Expected HTTP response code ... got
    /// 401 instead", "Authentication failed"), Go's errors of deadlines; all of them within the
    /// conditions of cluster-api-provider-openstack 0.14.
    pub(super) fn is_reason_in(self, message: &str) -> bool {
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match self {
            Self::OverQuota => has(&["OverQuota", "Quota exceeded", "Quota has been met"]),
            Self::Credential => has(&[
                "got 401",
                "Authentication failed",
                "could not be authenticated",
                "Could not find Application Credential",
                "Unauthorized",
            ]),
            // Octavia answers 403 to both.
            Self::Policy => {
                has(&["got 403", "Forbidden", "Policy does not allow", "not authorized"])
                    && !Self::OverQuota.is_reason_in(message)
            }
            Self::Slow => {
                has(&["timed out", "timeout", "Timeout", "deadline exceeded", "Connection aborted"])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_gets_no_status_fails_on_the_way_or_before() {
        for (why, expected) in [
            ("TCP: 192.0.2.1:6443: Connection refused", LoginFailure::Connection),
            ("TLS: certificate verify failed", LoginFailure::Connection),
            ("proxy: Tunnel connection failed: 403 Forbidden", LoginFailure::Connection),
            ("HTTP: no answer within 10 s", LoginFailure::NoResponse),
            ("the driver's interpreter has no module requests", LoginFailure::Interpreter),
            ("kubeconfig: it is not YAML (line 3)", LoginFailure::Kubeconfig),
            ("Permission denied: /etc/magnum/kubeconfig", LoginFailure::Kubeconfig),
        ] {
            assert_eq!(login_failure(why), expected, "{why}");
        }
    }

    #[test]
    fn a_configuration_is_refused_only_in_oslo_configs_words() {
        for refused in [
            "/etc/magnum/magnum.conf.d/x.conf:1 can't be parsed",
            "oslo.config refused the daemon's arguments",
            "ConfigDirNotFoundError: Failed to read config file directory: /etc/x",
        ] {
            assert!(is_configuration_refused(refused), "{refused}");
        }
        for unasked in [
            "python3 did not end within 15 s",
            "no answer within 20 s",
            "ModuleNotFoundError: No module named 'oslo_config'",
            "only root can ask as magnum",
        ] {
            assert!(!is_configuration_refused(unasked), "{unasked}");
        }
    }

    #[test]
    fn octavias_quota_is_no_policy() {
        let octavia = "got 403 instead: Quota has been met for resources: Load Balancer";
        assert!(ProviderFailure::OverQuota.is_reason_in(octavia));
        assert!(!ProviderFailure::Policy.is_reason_in(octavia));
        assert!(
            ProviderFailure::Policy.is_reason_in("got 403 instead: Policy does not allow this")
        );
    }
}
