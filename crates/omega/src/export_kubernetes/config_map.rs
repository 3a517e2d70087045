use k8s_openapi::api::core::v1::ConfigMap;

use super::{
    ExportOptions, SiteName,
    object::{labels, metadata},
    volumes::SITE_KEY,
};

/// Returns the site file, as a pod has it. It names no secret.
pub(super) fn config_map(options: &ExportOptions, site: &SiteName, text: String) -> ConfigMap {
    ConfigMap {
        metadata: metadata(&site.object(), &options.namespace, labels(Some(site))),
        data: Some([(SITE_KEY.to_owned(), text)].into()),
        ..ConfigMap::default()
    }
}
