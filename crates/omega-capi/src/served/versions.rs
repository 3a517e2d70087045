use std::{cmp::Reverse, collections::BTreeMap};

use omega_driver::GroupVersion;

use serde::{Deserialize, Serialize};

/// What an API server serves, of [`GROUPS`](super::GROUPS).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedVersions {
    /// The versions of each group, newest first. A group that is not served is absent.
    pub groups: BTreeMap<String, Vec<ServedVersion>>,
}

/// One version of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedVersion {
    /// `v1beta1`.
    pub version: String,
    /// Its kinds.
    pub kinds: Vec<ServedKind>,
}

/// One kind of a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServedKind {
    /// `OpenStackCluster`.
    pub kind: String,
    /// `openstackclusters`, as in a path.
    pub plural: String,
}

impl ServedVersions {
    /// Returns whether `plural` is served at `at`.
    pub fn serves(&self, at: &GroupVersion, plural: &str) -> bool {
        self.versions_of(&at.group, plural).any(|version| version == at.version)
    }

    /// Returns the versions of `group` that serve `plural`, newest first.
    pub fn versions_of(&self, group: &str, plural: &str) -> impl Iterator<Item = &str> {
        let versions = self.groups.get(group).into_iter().flatten();
        let has = move |v: &&ServedVersion| v.kinds.iter().any(|kind| kind.plural == plural);
        versions.filter(has).map(|v| v.version.as_str())
    }

    /// Returns whether anything of `group` is served.
    pub fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }
}

/// Returns a key that sorts versions as Kubernetes does, oldest first: `v1alpha7`, `v1beta1`,
/// `v1beta2`, `v1`, `v2`. Any other text comes before all of them.
pub fn age(version: &str) -> impl Ord + use<> {
    let parsed = (|| {
        let rest = version.strip_prefix('v')?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (major, rest) = rest.split_at(digits);
        let major: u32 = major.parse().ok()?;
        let (stage, minor) = match (rest.strip_prefix("alpha"), rest.strip_prefix("beta")) {
            (Some(minor), _) => (0, minor.parse().ok()?),
            (_, Some(minor)) => (1, minor.parse().ok()?),
            _ if rest.is_empty() => (2, 0_u32),
            _ => return None,
        };
        Some((stage, major, minor))
    })();
    let is_version = parsed.is_some();
    (is_version, parsed, Reverse(if is_version { String::new() } else { version.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn versions_are_ordered_as_kubernetes_orders_them() {
        // The order of the Kubernetes documentation's own example, reversed.
        let right = ["foo10", "foo1", "v3beta1", "v10beta3", "v11beta2", "v1", "v2", "v10"];
        let alphas = ["v11alpha2", "v12alpha1"];
        let mut all: Vec<&str> = right.iter().chain(&alphas).copied().rev().collect();
        all.sort_by_key(|version| age(version));
        let expected = [
            "foo10",
            "foo1",
            "v11alpha2",
            "v12alpha1",
            "v3beta1",
            "v10beta3",
            "v11beta2",
            "v1",
            "v2",
            "v10",
        ];
        assert_eq!(all, expected);
    }
}
