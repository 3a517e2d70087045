//! What a look reads of the management cluster: the least rights of who looks.

use std::collections::BTreeMap;

use super::{LookOptions, Source};
use crate::live::{BY_NODES, BY_RELEASES, BY_SERVER};

const CORE: &str = "";
const APPS: &str = "apps";
const CAPI: &str = "cluster.x-k8s.io";

/// A resource that is read, in all namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ManagementRead {
    /// Its API group; empty for the core's.
    pub group: &'static str,
    /// Its name in a role (`deployments`).
    pub resource: &'static str,
    /// The verbs, sorted.
    pub verbs: Vec<&'static str>,
}

/// Which source or rule reads a resource.
struct Row {
    source: Source,
    rule: Option<&'static str>,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
}

const fn list(
    source: Source,
    rule: Option<&'static str>,
    group: &'static str,
    resource: &'static str,
) -> Row {
    Row { source, rule, group, resource, verbs: &["list"] }
}

/// All that is read there, but discovery and the version, which every user may read (`system:discovery`). A test
/// compares it with the requests that arrive at a simulator.
const READS: [Row; 9] = [
    list(Source::Coherence, None, "apiextensions.k8s.io", "customresourcedefinitions"),
    list(Source::Constellation, None, APPS, "deployments"),
    list(Source::Live, Some(BY_SERVER), CAPI, "clusters"),
    list(Source::Live, Some(BY_SERVER), CAPI, "machines"),
    list(Source::Live, Some(BY_SERVER), CAPI, "machinehealthchecks"),
    list(Source::Live, Some(BY_NODES), APPS, "deployments"),
    list(Source::Live, Some(BY_NODES), CORE, "nodes"),
    list(Source::Live, Some(BY_RELEASES), APPS, "deployments"),
    Row {
        source: Source::Live,
        rule: Some(BY_RELEASES),
        group: CORE,
        resource: "secrets",
        verbs: &["get", "list"],
    },
];

/// Returns what a look with these options reads of the management cluster, by group and resource.
pub fn management_reads(options: &LookOptions) -> Vec<ManagementRead> {
    let is_read = |row: &&Row| {
        ![Some(row.source.name()), row.rule].into_iter().flatten().any(|name| options.skips(name))
    };
    let mut all: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for row in READS.iter().filter(is_read) {
        let verbs = all.entry((row.group, row.resource)).or_default();
        verbs.extend(row.verbs);
        verbs.sort_unstable();
        verbs.dedup();
    }
    let read = |((group, resource), verbs)| ManagementRead { group, resource, verbs };
    all.into_iter().map(read).collect()
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
