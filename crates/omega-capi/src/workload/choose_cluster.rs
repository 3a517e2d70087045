//! Which Cluster of Cluster API an operator means.

use std::fmt;

use omega_core::{Diagnostic, Retry, Touched};
use serde::{Deserialize, Serialize};

use crate::{Error, Management, Namespace, Verb, served::ServedVersions};

const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const PAGE: usize = 500;
const GROUP: &str = "cluster.x-k8s.io";

/// The name of a Cluster of Cluster API, and where it is. The name is Magnum's `stack_id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterName {
    /// `magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1`.
    pub namespace: Namespace,
    /// `c1-b3mdwq5cz7lx`. It has the form of a namespace's name too.
    pub name: Namespace,
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// None of the Clusters is meant, or several are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub struct NoSuchCluster {
    /// What was asked for.
    pub asked: String,
    /// Those that it could mean; none: there is no such cluster.
    pub several: Vec<ClusterName>,
    /// All that there are.
    pub all: Vec<ClusterName>,
}

impl NoSuchCluster {
    fn says(&self) -> String {
        let asked = &self.asked;
        if self.several.is_empty() {
            return format!("Cluster API has no cluster {asked}");
        }
        let names: Vec<String> = self.several.iter().map(ToString::to_string).collect();
        format!("{asked} can be any of {}", names.join(", "))
    }
}

impl Diagnostic for NoSuchCluster {
    fn retry(&self) -> Retry {
        Retry::Final
    }

    fn found(&self) -> Option<String> {
        let names: Vec<String> = self.all.iter().map(ToString::to_string).collect();
        Some(if names.is_empty() { "no cluster at all".into() } else { names.join(", ") })
    }

    fn next(&self) -> Option<String> {
        Some("name one in full: NAMESPACE/NAME".to_owned())
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

/// Lists the Clusters of all namespaces, at the newest version that is `served`.
///
/// # Guarantees
///
/// One request for 500 clusters.
///
/// # Errors
///
/// Fails if they can't be listed; [`Error::Malformed`] if no version of them is served.
pub async fn list_clusters(
    management: &Management,
    served: &ServedVersions,
) -> Result<Vec<ClusterName>, Error> {
    let path = at(management, served, GROUP, "clusters", None)?;
    let named: Vec<Named> = management.list(&path, "", PAGE, METADATA).await?;
    Ok(named
        .into_iter()
        .map(|Named { metadata }| ClusterName {
            namespace: metadata.namespace,
            name: metadata.name,
        })
        .collect())
}

/// Returns the one of `all` that `asked` means: the name of a Cluster, the name of a cluster in
/// Magnum, or either after `NAMESPACE/`.
///
/// The driver makes one of the other (1.4.0, `driver.py:1226`): lower case, everything but letters
/// and digits a hyphen, cut to 30, then a hyphen and 12 letters or digits.
///
/// # Errors
///
/// Fails if none fits, or more than one.
pub fn choose_cluster(all: Vec<ClusterName>, asked: &str) -> Result<ClusterName, NoSuchCluster> {
    let (namespace, name) = match asked.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, asked),
    };
    let stem = sanitized(name);
    let magnums = |full: &str| {
        let random = full.strip_prefix(&stem).and_then(|rest| rest.strip_prefix('-'));
        random.is_some_and(|r| r.len() == 12 && r.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    let here =
        |one: &&ClusterName| namespace.is_none_or(|namespace| one.namespace.as_str() == namespace);
    let exact: Vec<&ClusterName> =
        all.iter().filter(here).filter(|one| one.name.as_str() == name).collect();
    let fits = if exact.is_empty() {
        all.iter().filter(here).filter(|one| magnums(one.name.as_str())).collect()
    } else {
        exact
    };
    match fits.as_slice() {
        [one] => Ok((*one).clone()),
        several => {
            let several = several.iter().map(|one| (*one).clone()).collect();
            Err(NoSuchCluster { asked: asked.to_owned(), several, all })
        }
    }
}

/// The driver's `sanitized_name`, cut as for a `stack_id`.
fn sanitized(name: &str) -> String {
    let mut text = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            text.push(c);
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    text.trim_matches('-').chars().take(30).collect()
}

/// Returns the path of `plural` at the newest version that is `served`.
pub(super) fn at(
    management: &Management,
    served: &ServedVersions,
    group: &str,
    plural: &str,
    namespace: Option<&Namespace>,
) -> Result<String, Error> {
    let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    let newest = served.versions_of(group, plural).next();
    let none = || {
        let why = format!("it serves no {plural}");
        management.malformed(Verb::Get, &format!("/apis/{group}"), &why)
    };
    newest.map(|version| format!("/apis/{group}/{version}{place}/{plural}")).ok_or_else(none)
}

#[derive(serde::Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(serde::Deserialize)]
struct Metadata {
    namespace: Namespace,
    name: Namespace,
}

#[cfg(test)]
mod tests {
    use super::{ClusterName, choose_cluster};

    fn all() -> Vec<ClusterName> {
        // Decoys: a longer name, a shorter random part, another project's cluster of the name.
        let names = [
            ("magnum-a", "c1-b3mdwq5cz7lx"),
            ("magnum-a", "c1-green-b3mdwq5cz7lx"),
            ("magnum-a", "c1-short"),
            ("magnum-b", "web-b3mdwq5cz7lx"),
            ("magnum-a", "web-aaaaaaaaaaaa"),
        ];
        let name = |(namespace, name): (&str, &str)| ClusterName {
            namespace: namespace.parse().unwrap(),
            name: name.parse().unwrap(),
        };
        names.into_iter().map(name).collect()
    }

    #[test]
    fn magnums_name_and_cluster_apis_name_are_both_known() {
        let cases = [
            ("c1", Ok("magnum-a/c1-b3mdwq5cz7lx")),
            ("C1", Ok("magnum-a/c1-b3mdwq5cz7lx")),
            ("c1.green", Ok("magnum-a/c1-green-b3mdwq5cz7lx")),
            ("c1-b3mdwq5cz7lx", Ok("magnum-a/c1-b3mdwq5cz7lx")),
            ("c1-short", Ok("magnum-a/c1-short")),
            ("magnum-b/web", Ok("magnum-b/web-b3mdwq5cz7lx")),
            ("magnum-a/c1", Ok("magnum-a/c1-b3mdwq5cz7lx")),
            ("web", Err("web can be any of magnum-b/web-b3mdwq5cz7lx, magnum-a/web-aaaaaaaaaaaa")),
            ("c", Err("Cluster API has no cluster c")),
            ("magnum-b/c1", Err("Cluster API has no cluster magnum-b/c1")),
            ("", Err("Cluster API has no cluster ")),
        ];
        for (asked, expected) in cases {
            let found = choose_cluster(all(), asked).map(|one| one.to_string());
            assert_eq!(
                found.map_err(|e| e.to_string()),
                expected.map(str::to_owned).map_err(str::to_owned),
                "{asked}"
            );
        }
    }

    #[test]
    fn a_long_name_is_cut_as_the_driver_cuts_it() {
        let cut = format!("{}-b3mdwq5cz7lx", "a".repeat(30));
        let one = ClusterName { namespace: "n".parse().unwrap(), name: cut.parse().unwrap() };
        assert_eq!(choose_cluster(vec![one.clone()], &"a".repeat(45)), Ok(one));
    }
}
