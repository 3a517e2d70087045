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

/// Returns whether a condition says that a service of the cloud was slow. The provider asks again
/// by itself.
///
/// Source: Go's errors of deadlines, in the conditions of cluster-api-provider-openstack 0.14.
pub(super) fn is_slow(condition: &str) -> bool {
    ["timed out", "timeout", "Timeout", "deadline exceeded", "Connection aborted"]
        .iter()
        .any(|words| condition.contains(words))
}
