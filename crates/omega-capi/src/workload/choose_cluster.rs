use std::fmt;

use omega_core::{Diagnostic, Label as _, Retry, Touched};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management, Namespace, ObjectName, Verb, list::METADATA_LIST, served::ServedVersions,
};

const PAGE: usize = 500;
const GROUP: &str = "cluster.x-k8s.io";

/// The namespace and the name of a Cluster. Its name is Magnum's `stack_id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterName {
    /// `magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1`.
    pub namespace: Namespace,
    /// `c1-b3mdwq5cz7lx`. Cluster API also takes names with dots; Magnum makes none.
    pub name: ObjectName,
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// No Cluster has the requested name, or several match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct NoSuchCluster {
    /// The requested name.
    pub requested: String,
    /// The Clusters that match; empty if there is none.
    pub matches: Vec<ClusterName>,
    /// All Clusters.
    pub all: Vec<ClusterName>,
}

impl NoSuchCluster {
    fn message(&self) -> String {
        let requested = &self.requested;
        if self.matches.is_empty() {
            return format!("Cluster API has no cluster {requested}");
        }
        format!("{requested} matches several clusters: {}", join(&self.matches))
    }
}

impl Diagnostic for NoSuchCluster {
    fn retry(&self) -> Retry {
        Retry::Final
    }

    fn found(&self) -> Option<String> {
        Some(if self.all.is_empty() { "no cluster".to_owned() } else { join(&self.all) })
    }

    fn next(&self) -> Option<String> {
        Some("give the full name: NAMESPACE/NAME".to_owned())
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

fn join(names: &[ClusterName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Lists the Clusters of all namespaces, at the newest version that is `served`.
///
/// # Guarantees
///
/// One request for each 500 clusters.
///
/// # Errors
///
/// Fails if they can't be listed; [`Error::Malformed`] if no version is served.
pub async fn list_clusters(
    management: &Management,
    served: &ServedVersions,
) -> Result<Vec<ClusterName>, Error> {
    let path = at(management, served, GROUP, "clusters", None)?;
    let named: Vec<Named> = management.list(&path, "", PAGE, METADATA_LIST).await?;
    Ok(named
        .into_iter()
        .map(|Named { metadata }| ClusterName {
            namespace: metadata.namespace,
            name: metadata.name,
        })
        .collect())
}

/// Returns the one of `all` that is `requested`: by the name of the Cluster or of the cluster in
/// Magnum, with or without `NAMESPACE/`.
///
/// The driver derives the former from the latter (1.4.0, `driver.py:1226`): in lower case, hyphens
/// for all but letters and digits, at most 30 characters, then a hyphen and 12 letters or digits.
///
/// # Errors
///
/// Fails if none matches, or more than one.
pub fn choose_cluster(
    all: Vec<ClusterName>,
    requested: &str,
) -> Result<ClusterName, NoSuchCluster> {
    let (namespace, name) = match requested.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, requested),
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
    let matches = if exact.is_empty() {
        all.iter().filter(here).filter(|one| magnums(one.name.as_str())).collect()
    } else {
        exact
    };
    if let [one] = matches.as_slice() {
        return Ok((*one).clone());
    }
    let matches = matches.into_iter().cloned().collect();
    Err(NoSuchCluster { requested: requested.to_owned(), matches, all })
}

/// The driver's `sanitized_name`, shortened as in a `stack_id`.
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
pub(crate) fn at(
    management: &Management,
    served: &ServedVersions,
    group: &str,
    plural: &str,
    namespace: Option<&Namespace>,
) -> Result<String, Error> {
    let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    let Some(version) = served.versions_of(group, plural).next() else {
        if !served.has_group(GROUP) {
            return Err(Error::NoManagement { server: management.label() });
        }
        let why = format!("it serves no {plural}");
        return Err(management.malformed(Verb::Get, &format!("/apis/{group}"), &why));
    };
    Ok(format!("/apis/{group}/{version}{place}/{plural}"))
}

#[derive(serde::Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(serde::Deserialize)]
struct Metadata {
    namespace: Namespace,
    name: ObjectName,
}

#[cfg(test)]
mod tests {
    use omega_core::Diagnostic as _;

    use super::{ClusterName, Metadata, Named, choose_cluster};

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
            (
                "web",
                Err(
                    "web matches several clusters: magnum-b/web-b3mdwq5cz7lx, magnum-a/web-aaaaaaaaaaaa",
                ),
            ),
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

    /// kubernetes-sigs/cluster-api#3049, #3076.
    #[test]
    fn another_teams_name_with_a_dot_is_shown_and_passed_over() {
        let other: Named = serde_json::from_str(
            r#"{"metadata": {"namespace": "other-team", "name": "lab.edge-1"}}"#,
        )
        .unwrap();
        let Named { metadata: Metadata { namespace, name } } = other;
        let mut clusters = all();
        clusters.push(ClusterName { namespace, name });
        let chosen = choose_cluster(clusters.clone(), "c1").map(|one| one.to_string());
        assert_eq!(chosen.as_deref(), Ok("magnum-a/c1-b3mdwq5cz7lx"));
        let none = choose_cluster(clusters.clone(), "c9").unwrap_err();
        assert!(none.found().unwrap().ends_with("other-team/lab.edge-1"), "{none:?}");
        let itself = choose_cluster(clusters, "other-team/lab.edge-1").map(|one| one.to_string());
        assert_eq!(itself.as_deref(), Ok("other-team/lab.edge-1"));
    }

    #[test]
    fn a_long_name_is_cut_as_the_driver_cuts_it() {
        let cut = format!("{}-b3mdwq5cz7lx", "a".repeat(30));
        let one = ClusterName { namespace: "n".parse().unwrap(), name: cut.parse().unwrap() };
        assert_eq!(choose_cluster(vec![one.clone()], &"a".repeat(45)), Ok(one));
    }
}
