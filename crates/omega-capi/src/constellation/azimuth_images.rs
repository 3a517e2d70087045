//! Which versions of Kubernetes a release of azimuth-images has images of.

use std::{collections::BTreeMap, sync::LazyLock};

use semver::Version;

/// The tags 0.2.0 to 0.34.0 of azimuth-images (`data/azimuth-images.py`).
const TABLE: &str = include_str!("../../data/azimuth-images.json");

static BY_TAG: LazyLock<BTreeMap<Version, Vec<String>>> =
    LazyLock::new(|| serde_json::from_str(TABLE).unwrap_or_default());

/// Returns the versions of Kubernetes (`v1.34.7`) that a release of azimuth-images has images of; `None` if the
/// release is not known (0.2.0 to 0.34.0).
pub fn versions_of(release: &str) -> Option<&'static [String]> {
    BY_TAG.get(&release.parse().ok()?).map(Vec::as_slice)
}

/// Returns the known releases of azimuth-images that have an image of this version of Kubernetes, oldest first.
pub fn releases_with(kubernetes: &str) -> Vec<String> {
    let has = BY_TAG.iter().filter(|(_, all)| all.iter().any(|one| one == kubernetes));
    has.map(|(release, _)| release.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constellation::Dependencies;

    #[test]
    fn each_release_has_one_patch_of_each_minor_version() {
        assert_eq!(versions_of("0.28.0").unwrap(), ["v1.33.11", "v1.34.7", "v1.35.4"]);
        assert_eq!(releases_with("v1.34.8"), ["0.29.0"], "the runbook names it as one of 0.28.0");
        assert_eq!(releases_with("v1.34.7"), ["0.27.0", "0.27.1", "0.28.0", "0.28.1"]);
        assert_eq!((versions_of("0.28.9"), versions_of("latest")), (None, None));
        assert!(releases_with("v1.34.0").is_empty());
    }

    #[test]
    fn what_the_charts_name_is_known() {
        for chart in Dependencies::tags() {
            let named = Dependencies::of(chart).unwrap().azimuth_images();
            let is_known = named.is_none_or(|one| versions_of(one).is_some());
            assert!(is_known, "chart {chart}: {named:?}");
        }
    }
}
