use std::collections::{BTreeMap, btree_map::Entry};

use futures::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management, Namespace, Namespaces,
    list::{JSON, METADATA_LIST},
    releases::decode::{self, Revision},
    releases::{Release, UnreadableRelease},
    wire::SecretObject,
};

const SELECTORS: &str = "labelSelector=owner%3Dhelm&fieldSelector=type%3Dhelm.sh%2Frelease.v1";
const PAGE: usize = 500;
/// How many revisions are read at the same time.
const CONCURRENT: usize = 8;

/// What [`read_releases`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Releases {
    /// Sorted by namespace and name.
    pub releases: Vec<Release>,
    /// The releases whose newest revision can't be read.
    pub unreadable: Vec<UnreadableRelease>,
}

#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Namespace,
}

/// Reads the newest revision of every release in `namespaces`, in any status (like
/// `helm list --all`).
///
/// # Guarantees
///
/// One request for each 500 revisions of a namespace (metadata only), and one for each release.
/// A release that can't be decoded does not hide the others. Values and manifests, which hold
/// secrets, are not kept. A revision of more than 32 MiB uncompressed is not read.
///
/// # Errors
///
/// Fails if a list or a secret can't be read. It needs `list` and `get` of secrets in each
/// namespace.
pub async fn read_releases(
    management: &Management,
    namespaces: &Namespaces,
) -> Result<Releases, Error> {
    let mut newest = BTreeMap::new();
    for path in paths(namespaces) {
        for Named { metadata } in management.list(&path, SELECTORS, PAGE, METADATA_LIST).await? {
            let Some((name, revision)) = parse(&metadata.name) else { continue };
            match newest.entry((metadata.namespace, name.to_owned())) {
                Entry::Vacant(free) => drop(free.insert(revision)),
                Entry::Occupied(mut seen) => *seen.get_mut() = revision.max(*seen.get()),
            }
        }
    }
    let read =
        newest.into_iter().map(|((namespace, name), n)| read(management, namespace, name, n));
    let mut found = Releases::default();
    let mut answers = stream::iter(read).buffered(CONCURRENT);
    while let Some(answer) = answers.next().await {
        match answer? {
            Ok(release) => found.releases.push(release),
            Err(unreadable) => found.unreadable.push(unreadable),
        }
    }
    Ok(found)
}

fn paths(namespaces: &Namespaces) -> Vec<String> {
    match namespaces {
        Namespaces::All => vec!["/api/v1/secrets".to_owned()],
        Namespaces::Only(names) => {
            names.iter().map(|name| format!("/api/v1/namespaces/{name}/secrets")).collect()
        }
    }
}

/// Reads `sh.helm.release.v1.NAME.vREVISION`.
fn parse(secret: &str) -> Option<(&str, u32)> {
    let (name, revision) = secret.strip_prefix("sh.helm.release.v1.")?.rsplit_once(".v")?;
    Some((name, revision.parse().ok()?))
}

async fn read(
    management: &Management,
    namespace: Namespace,
    name: String,
    revision: u32,
) -> Result<Result<Release, UnreadableRelease>, Error> {
    let secret = format!("sh.helm.release.v1.{name}.v{revision}");
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{secret}");
    let decoded = match management.find::<SecretObject>(&path, JSON).await? {
        None => Err("it was deleted while it was being read".to_owned()),
        Some(secret) => match secret.data.as_ref().and_then(|data| data.get("release")) {
            Some(data) => decode::decode(data),
            None => Err("it is empty".to_owned()),
        },
    };
    let decoded = decoded.and_then(|decoded| {
        let same = decoded.name == name && decoded.version == revision;
        if same { Ok(decoded) } else { Err("it holds another release".to_owned()) }
    });
    Ok(match decoded {
        Ok(decoded) => Ok(release(namespace, decoded)),
        Err(why) => Err(UnreadableRelease { namespace, name, revision, why }),
    })
}

fn release(namespace: Namespace, revision: Revision) -> Release {
    let updated = revision.info.updated();
    let chart = revision.chart.metadata;
    Release {
        namespace,
        name: revision.name,
        revision: revision.version,
        status: revision.info.status,
        chart: chart.name,
        chart_version: chart.version,
        app_version: chart.app_version.filter(|version| !version.is_empty()),
        updated,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_name_of_a_secret_is_helms() {
        assert_eq!(parse("sh.helm.release.v1.a.v10"), Some(("a", 10)));
        assert_eq!(parse("sh.helm.release.v1.a.v1.v2"), Some(("a.v1", 2)));
        for other in
            ["sh.helm.release.v1.a", "sh.helm.release.v2.a.v1", "a.v1", "sh.helm.release.v1.a.vx"]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
