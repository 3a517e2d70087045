//! Every version that each kind has, served or not, and what is known of it.

use std::{cmp::Reverse, collections::BTreeMap};

use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management,
    list::JSON,
    served::{DefinedVersion, Definition, GROUPS, ServedVersions, age, discover_versions},
    wire::Crd,
};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// Definitions carry their schemas, some 300 kB each for Cluster API's.
const PAGE: usize = 25;

/// The API of a management cluster: what is served, and how that is defined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedApis {
    /// What the API server serves.
    pub served: ServedVersions,
    /// The definitions behind it, by name.
    pub definitions: Vec<Definition>,
}

/// Asks for every version of every kind of [`GROUPS`]: whether it is served, stored and
/// deprecated, and which contracts of Cluster API it implements.
///
/// What is served comes from discovery ([`discover_versions`], which is all that a gate needs),
/// the rest from the custom resource definitions. The two may differ while a definition is being
/// changed, or when its names clash with another's: [`ServedApis::unsettled`].
///
/// # Guarantees
///
/// One request, and one for each 25 definitions.
///
/// # Errors
///
/// As [`discover_versions`]; [`Error::Forbidden`] if the kubeconfig's user may not list
/// customresourcedefinitions.
pub async fn read_served_apis(management: &Management) -> Result<ServedApis, Error> {
    let (served, crds) =
        try_join(discover_versions(management), management.list(CRDS, "", PAGE, JSON)).await?;
    let ours = crds.into_iter().filter(|crd: &Crd| GROUPS.contains(&crd.spec.group.as_str()));
    let mut definitions: Vec<Definition> = ours.map(definition).collect();
    definitions.sort_by_key(|d| (d.group.clone(), d.plural.clone()));
    Ok(ServedApis { served, definitions })
}

impl ServedApis {
    /// Returns the definition of `plural` in `group`.
    pub fn definition(&self, group: &str, plural: &str) -> Option<&Definition> {
        self.definitions.iter().find(|d| d.group == group && d.plural == plural)
    }

    /// Returns the versions that a definition wants served and the API server does not serve, as
    /// `clusters.cluster.x-k8s.io/v1beta1`.
    pub fn unsettled(&self) -> Vec<String> {
        let missing = |definition: &Definition| {
            let served: Vec<&str> =
                self.served.versions_of(&definition.group, &definition.plural).collect();
            let wanted = definition.versions.iter().filter(|version| version.served);
            let missing = wanted.filter(|version| !served.contains(&version.name.as_str()));
            let name = definition.name();
            missing.map(|version| format!("{name}/{}", version.name)).collect::<Vec<_>>()
        };
        self.definitions.iter().flat_map(missing).collect()
    }
}

fn definition(crd: Crd) -> Definition {
    let versions = crd.spec.versions.into_iter().map(|version| DefinedVersion {
        name: version.name,
        served: version.served,
        storage: version.storage,
        deprecated: version.deprecated,
        warning: version.deprecation_warning,
    });
    let mut versions: Vec<DefinedVersion> = versions.collect();
    versions.sort_by_key(|version| Reverse(age(&version.name)));
    let (group, names) = (crd.spec.group, crd.spec.names);
    let contracts = contracts(&crd.metadata.labels);
    Definition { group, plural: names.plural, kind: names.kind, versions, contracts }
}

/// `cluster.x-k8s.io/provider` and its like are no contracts.
fn contracts(labels: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let contract = |(key, value): (&String, &String)| {
        let contract = key.strip_prefix("cluster.x-k8s.io/")?;
        let digit = contract.strip_prefix('v')?.starts_with(|c: char| c.is_ascii_digit());
        let versions = value.split('_').filter(|version| !version.is_empty());
        digit.then(|| (contract.to_owned(), versions.map(ToOwned::to_owned).collect()))
    };
    labels.iter().filter_map(contract).collect()
}
