use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::{ExportOptions, object::labels};

/// Returns the namespace, which refuses pods that are not of the profile `restricted` (kubernetes/pod-security-admission).
pub(super) fn namespace(options: &ExportOptions) -> Namespace {
    let mut labels = labels(None);
    for mode in ["enforce", "audit", "warn"] {
        let label = format!("pod-security.kubernetes.io/{mode}");
        labels.insert(format!("{label}-version"), "latest".to_owned());
        labels.insert(label, "restricted".to_owned());
    }
    let metadata = ObjectMeta {
        name: Some(options.namespace.to_string()),
        labels: Some(labels),
        ..ObjectMeta::default()
    };
    Namespace { metadata, ..Namespace::default() }
}
