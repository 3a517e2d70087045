use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use super::{
    ExportOptions, SiteName,
    object::{labels, metadata},
};

/// Returns the claim of a volume for the baseline. It has a few megabytes; many drivers have no smaller volumes
/// than 1 GiB.
pub(super) fn state(options: &ExportOptions, site: &SiteName) -> PersistentVolumeClaim {
    let requests = [("storage".to_owned(), Quantity("1Gi".to_owned()))];
    let spec = PersistentVolumeClaimSpec {
        access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
        resources: Some(VolumeResourceRequirements {
            requests: Some(requests.into()),
            limits: None,
        }),
        storage_class_name: options.storage_class.clone(),
        ..PersistentVolumeClaimSpec::default()
    };
    PersistentVolumeClaim {
        metadata: metadata(&site.object(), &options.namespace, labels(Some(site))),
        spec: Some(spec),
        status: None,
    }
}
