//! What the driver requires, and the names under which Python finds it.

use pep440_rs::Version;

use crate::{DriverRelease, release::Source};

/// The name of its Python distribution.
pub const DISTRIBUTION: &str = "magnum-capi-helm";
/// Its entry point, in all releases.
pub const ENTRY_POINT: &str = "k8s_capi_helm_v1";
/// The group of entry points in which Magnum looks for drivers.
pub const DRIVERS_GROUP: &str = "magnum.drivers";
/// The daemon that runs the driver.
pub const CONDUCTOR: &str = "magnum-conductor";
/// The other daemon that imports the driver, to validate requests (magnum 18.0.1,
/// `api/validation.py`).
pub const API: &str = "magnum-api";

/// The operating systems it supports, by the image's `os_distro` (`driver.py`, `provides`, all
/// releases).
pub const DISTROS: [&str; 2] = ["ubuntu", "flatcar"];

impl DriverRelease {
    /// Returns the oldest Python on which it can be installed (`Requires-Python` of its package).
    pub fn python_floor(&self) -> Version {
        Version::new(if self.source() >= Source::V1_4_0 { [3, 10] } else { [3, 6] })
    }

    /// Returns whether it can authenticate with a token. Older releases need a client certificate
    /// (1.1.0 to 1.2.1, `kubernetes.py:83`: an assertion; 1.3.0, `kubernetes.py:54`).
    pub fn takes_tokens(&self) -> bool {
        self.source() >= Source::V1_3_0
    }

    /// Returns whether this can be the name of a wheel of the release, which is how pip takes a wheel
    /// (PEP 427: distribution, version, maybe a build, three tags).
    pub fn names_wheel(&self, file_name: &str) -> bool {
        let Some(stem) = file_name.strip_suffix(".whl") else { return false };
        let parts: Vec<&str> = stem.split('-').collect();
        let (5 | 6, [name, version, ..]) = (parts.len(), parts.as_slice()) else { return false };
        let name = name.to_lowercase().replace(['_', '.'], "-");
        name == DISTRIBUTION && version.parse().is_ok_and(|version: Self| version == *self)
    }
}

/// Returns whether this driver manages clusters of such a template: Kubernetes on virtual machines
/// with Ubuntu or Flatcar (`driver.py`, `provides`, all releases). `None` as `distro`, if it is not
/// known, matches.
pub fn provides(coe: &str, server_type: &str, distro: Option<&str>) -> bool {
    coe == "kubernetes"
        && server_type == "vm"
        && distro.is_none_or(|distro| DISTROS.contains(&distro))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_named_by_its_release() {
        let release = DriverRelease::v1_4_0();
        for good in
            ["magnum_capi_helm-1.4.0-py3-none-any.whl", "Magnum.Capi_Helm-1.4.0-1-py3-none-any.whl"]
        {
            assert!(release.names_wheel(good), "{good}");
        }
        for bad in [
            "driver.whl",
            "magnum_capi_helm-1.3.0-py3-none-any.whl",
            "magnum_capi_helm-1.4.0.tar.gz",
            "magnum-capi-helm-1.4.0-py3-none-any.whl",
            "magnum-1.4.0-py3-none-any.whl",
        ] {
            assert!(!release.names_wheel(bad), "{bad}");
        }
    }

    #[test]
    fn what_each_release_needs() {
        let table = DriverRelease::known().map(|release| {
            format!("{release} {} {}", release.python_floor(), release.takes_tokens())
        });
        let expected = [
            "1.1.0 3.6 false",
            "1.2.0 3.6 false",
            "1.2.1 3.6 false",
            "1.3.0 3.6 true",
            "1.4.0 3.10 true",
        ];
        assert_eq!(table, expected);
    }

    #[test]
    fn which_clusters_are_the_drivers() {
        for (coe, server, distro, ours) in [
            ("kubernetes", "vm", Some("ubuntu"), true),
            ("kubernetes", "vm", Some("flatcar"), true),
            ("kubernetes", "vm", None, true),
            ("kubernetes", "vm", Some("fedora-coreos"), false),
            ("kubernetes", "vm", Some("Ubuntu"), false),
            ("kubernetes", "bm", Some("ubuntu"), false),
            ("swarm", "vm", Some("ubuntu"), false),
        ] {
            assert_eq!(provides(coe, server, distro), ours, "{coe} {server} {distro:?}");
        }
    }
}
