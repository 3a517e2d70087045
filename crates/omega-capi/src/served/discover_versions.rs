use std::collections::BTreeMap;

use futures::future::try_join_all;

use crate::{
    Error, Management, Verb,
    list::JSON,
    served::{ServedKind, ServedVersion, ServedVersions, age},
    wire::{GroupDiscovery, Groups, Resources, VersionDiscovery},
};

/// The groups that the driver, the chart and Cluster API use; the last is that of the OpenStack resource
/// controller, from which the provider takes images.
pub const GROUPS: [&str; 7] = [
    "cluster.x-k8s.io",
    "controlplane.cluster.x-k8s.io",
    "infrastructure.cluster.x-k8s.io",
    "bootstrap.cluster.x-k8s.io",
    "addons.cluster.x-k8s.io",
    "addons.stackhpc.com",
    "openstack.k-orc.cloud",
];

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;\
                          as=APIGroupDiscoveryList,application/json";

/// Reads which versions of [`GROUPS`] are served, with the kinds of each.
///
/// It reads the full version lists. `kubectl api-resources` prints the *preferred* version only: if
/// v1beta1 and v1beta2 are served, it shows v1beta2 (client-go, `ServerPreferredResources`).
///
/// # Guarantees
///
/// One request if the server has aggregated discovery (Kubernetes 1.26 and later). Otherwise one
/// more for each version of each group, all at the same time.
///
/// # Errors
///
/// Also fails if the kinds of a listed version can't be read.
pub async fn discover_versions(management: &Management) -> Result<ServedVersions, Error> {
    let mut groups = match management.read("/apis", AGGREGATED).await? {
        Groups::Aggregated { items } => aggregated(management, items)?,
        Groups::Plain { groups } => {
            let ours = groups.into_iter().filter(|group| GROUPS.contains(&group.name.as_str()));
            let versions = ours.flat_map(|group| {
                let read = move |v| plain(management, group.name.clone(), v);
                group.versions.into_iter().map(|v| v.version).map(read)
            });
            let mut groups: BTreeMap<String, Vec<ServedVersion>> = BTreeMap::new();
            for (group, version) in try_join_all(versions).await? {
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
    let named = items.into_iter().filter_map(|item| Some((item.metadata.name?, item.versions)));
    let ours = named.filter(|(name, _)| GROUPS.contains(&name.as_str()));
    ours.map(|(name, versions)| {
        let stale = versions.iter().find(|v| v.freshness.as_deref() == Some("Stale"));
        if let Some(stale) = stale {
            let why = format!("it marks {name}/{} as stale", stale.version);
            return Err(management.malformed(Verb::Get, "/apis", &why));
        }
        Ok((name, versions.into_iter().map(discovered).collect()))
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
