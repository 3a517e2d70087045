//! The messages that the doctor has to read, for nothing gives the same as data. One function for
//! each kind of text, with the source of its words; nothing else in the doctor searches in text.

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
    fn octavias_quota_is_no_policy() {
        let octavia = "got 403 instead: Quota has been met for resources: Load Balancer";
        assert!(ProviderFailure::OverQuota.is_reason_in(octavia));
        assert!(!ProviderFailure::Policy.is_reason_in(octavia));
        assert!(
            ProviderFailure::Policy.is_reason_in("got 403 instead: Policy does not allow this")
        );
    }
}
