//! Every version that each API group serves.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use crate::{
    Error, Management, Verb,
    list::JSON,
    served::{ServedKind, ServedVersion, ServedVersions, age},
    wire::{GroupDiscovery, Groups, Resources, VersionDiscovery},
};

/// The groups that the driver, the chart and Cluster API use.
pub const GROUPS: [&str; 6] = [
    "cluster.x-k8s.io",
    "controlplane.cluster.x-k8s.io",
    "infrastructure.cluster.x-k8s.io",
    "bootstrap.cluster.x-k8s.io",
    "addons.cluster.x-k8s.io",
    "addons.stackhpc.com",
];

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;\
                          as=APIGroupDiscoveryList,application/json";

/// Asks which versions of [`GROUPS`] are served, and which kinds at each.
///
/// The answer comes from the groups' full version lists. The *preferred* version, which is all
/// that `kubectl api-resources` prints, hides the others: with v1beta1 and v1beta2 served it
/// shows v1beta2 only (client-go, `ServerPreferredResources`).
///
/// # Guarantees
///
/// One request where the server knows aggregated discovery (Kubernetes 1.26 and later); else one,
/// and one more for each version of each group, at the same time.
///
/// # Errors
///
/// Half an answer is an error: a version that is listed and whose kinds can't be read.
pub async fn discover_versions(management: &Management) -> Result<ServedVersions, Error> {
    let mut groups = match management.read("/apis", AGGREGATED).await? {
        Groups::Aggregated { items } => aggregated(management, items)?,
        Groups::Plain { groups } => {
            let ours = groups.into_iter().filter(|group| GROUPS.contains(&group.name.as_str()));
            let asked = ours.flat_map(|group| {
                let ask = move |v| plain(management, group.name.clone(), v);
                group.versions.into_iter().map(|v| v.version).map(ask)
            });
            let mut groups: BTreeMap<String, Vec<ServedVersion>> = BTreeMap::new();
            for (group, version) in try_join_all(asked).await? {
                groups.entry(group).or_default().push(version);
            }
            groups
        }
    };
    for versions in groups.values_mut() {
        versions.sort_by_key(|v| std::cmp::Reverse(age(&v.version)));
    }
    Ok(ServedVersions { groups })
}

fn aggregated(
    management: &Management,
    items: Vec<GroupDiscovery>,
) -> Result<BTreeMap<String, Vec<ServedVersion>>, Error> {
    let ours = items.into_iter().filter(|item| GROUPS.contains(&item.metadata.name.as_str()));
    ours.map(|item| {
        let name = item.metadata.name;
        let stale = item.versions.iter().find(|v| v.freshness.as_deref() == Some("Stale"));
        if let Some(stale) = stale {
            let why = format!("it marks {name}/{} as stale", stale.version);
            return Err(management.malformed(Verb::Get, "/apis", &why));
        }
        Ok((name, item.versions.into_iter().map(discovered).collect()))
    })
    .collect()
}

fn discovered(version: VersionDiscovery) -> ServedVersion {
    let kinds = version.resources.into_iter().filter_map(|resource| {
        Some(ServedKind { kind: resource.response_kind?.kind, plural: resource.resource })
    });
    sorted(version.version, kinds)
}

async fn plain(
    management: &Management,
    group: String,
    version: String,
) -> Result<(String, ServedVersion), Error> {
    let path = format!("/apis/{group}/{version}");
    let list: Resources = management.read(&path, JSON).await?;
    let whole = list.resources.into_iter().filter(|resource| !resource.name.contains('/'));
    let kinds = whole.map(|resource| ServedKind { kind: resource.kind, plural: resource.name });
    Ok((group, sorted(version, kinds)))
}

fn sorted(version: String, kinds: impl Iterator<Item = ServedKind>) -> ServedVersion {
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    ServedVersion { version, kinds }
}
