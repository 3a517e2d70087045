//! Which versions of Kubernetes a release of Cluster API supports.

use std::ops::RangeInclusive;

/// The minor versions of Kubernetes 1 that a release of Cluster API supports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubernetesSupport {
    /// Of the management cluster.
    pub management: RangeInclusive<u64>,
    /// Of workload clusters.
    pub workload: RangeInclusive<u64>,
}

impl KubernetesSupport {
    /// Where that is documented.
    pub const SOURCE: &'static str = "kubernetes-sigs/cluster-api, docs/book/src/reference/versions.md, and the \
                                      notes of each release";
}

/// From a release of Cluster API on: the oldest minor version of a management cluster, the oldest of a workload
/// cluster, and the newest of both.
type Row = ([u64; 3], u64, u64, u64);

/// Each from the release's own notes ("Kubernetes version support") and its
/// `docs/book/src/reference/versions.md`. A minor release that is not here is not known.
const SUPPORTED: [Row; 7] = [
    ([1, 12, 0], 31, 29, 34),
    ([1, 12, 1], 31, 29, 35),
    ([1, 12, 8], 31, 29, 36),
    ([1, 13, 0], 32, 30, 35),
    ([1, 13, 1], 32, 30, 36),
    ([1, 13, 6], 32, 30, 37),
    ([1, 14, 0], 33, 31, 37),
];

/// Returns what a release of Cluster API (`v1.13.2`) supports; `None` if it is not known.
pub fn supported_kubernetes(core: &str) -> Option<KubernetesSupport> {
    let core = version_numbers(core)?;
    let [major, minor, _] = core;
    let same = SUPPORTED.iter().rev().find(|([from_major, from_minor, from_patch], ..)| {
        (major, minor) == (*from_major, *from_minor)
            && [*from_major, *from_minor, *from_patch] <= core
    });
    let (_, management, workload, newest) = same?;
    Some(KubernetesSupport { management: *management..=*newest, workload: *workload..=*newest })
}

/// Reads `v1.34.8`, or the same without its `v`, or with more behind it (`v1.34.8+k3s1`).
pub fn version_numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_those_of_the_release() {
        for (core, wanted) in [
            ("v1.13.2", Some((32..=36, 30..=36))),
            ("1.13.0", Some((32..=35, 30..=35))),
            ("v1.13.9", Some((32..=37, 30..=37))),
            ("v1.12.0", Some((31..=34, 29..=34))),
            ("v1.12.9", Some((31..=36, 29..=36))),
            ("v1.14.3", Some((33..=37, 31..=37))),
            ("v1.11.9", None),
            ("v1.15.0", None),
            ("v2.13.2", None),
            ("latest", None),
        ] {
            let found = supported_kubernetes(core).map(|one| (one.management, one.workload));
            assert_eq!(found, wanted, "{core}");
        }
        for text in ["", "v1.34", "latest", "v1.34.x"] {
            assert_eq!(version_numbers(text), None, "{text}");
        }
        assert_eq!(version_numbers("v1.34.8+rke2r1"), Some([1, 34, 8]));
    }
}
