//! The messages that the doctor has to match because the same is not available as data. There is one
//! function for each kind of text, with its source; nothing else in the doctor searches in text.

/// Returns whether the API server failed to call a webhook.
///
/// Source: Kubernetes, `apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`
/// ("conversion webhook for ... failed").
pub(super) fn is_webhook_failure(why: &str) -> bool {
    why.contains("webhook")
}

/// Returns whether a condition reports that a service of the cloud was slow. The provider retries by
/// itself.
///
/// Source: Go's errors of deadlines, in the conditions of cluster-api-provider-openstack 0.14.
pub(super) fn is_slow(condition: &str) -> bool {
    ["timed out", "timeout", "Timeout", "deadline exceeded", "Connection aborted"]
        .iter()
        .any(|words| condition.contains(words))
}
