use k8s_openapi::api::core::v1::ServiceAccount;

use super::{
    ExportOptions,
    name::PREFIX,
    object::{labels, metadata},
};

/// Returns the account of the pods. Its token is mounted where a pod asks for it, and nowhere else.
pub(super) fn service_account(options: &ExportOptions) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(PREFIX, &options.namespace, labels(None)),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
