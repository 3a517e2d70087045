use std::{cmp::Reverse, collections::BTreeMap};

use futures::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management,
    list::JSON,
    served::{GROUPS, ServedVersions, age, discover_versions},
    wire::{Crd, WebhookClient},
};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// A definition has a schema, of some 300 kB for Cluster API's kinds.
const PAGE: usize = 25;

/// The API of a management cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedApis {
    /// What the API server serves, from discovery.
    pub served: ServedVersions,
    /// The custom resource definitions, sorted by group and plural.
    pub definitions: Vec<Definition>,
}

/// The custom resource definition of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// `infrastructure.cluster.x-k8s.io`.
    pub group: String,
    /// `openstackclusters`.
    pub plural: String,
    /// `OpenStackCluster`.
    pub kind: String,
    /// All versions, served or not, newest first.
    pub versions: Vec<DefinedVersion>,
    /// The versions that implement each contract of Cluster API, from the labels
    /// `cluster.x-k8s.io/<contract>: <version>_<version>`
    /// (cluster-api 1.13.2, `docs/book/src/developer/providers/contracts/infra-cluster.md:139`).
    pub contracts: BTreeMap<String, Vec<String>>,
    /// The versions that objects may still be stored in (`status.storedVersions`). The API server refuses
    /// a definition that lacks one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<String>,
    /// The webhook that converts between the versions, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<WebhookClient>,
}

/// One version of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinedVersion {
    /// `v1beta1`.
    pub name: String,
    /// Whether the definition says that it is served.
    pub served: bool,
    /// Whether it is the storage version.
    pub storage: bool,
    /// Whether the API server warns about its use.
    pub deprecated: bool,
    /// The text of the warning, if it is not the default.
    pub warning: Option<String>,
}

impl Definition {
    /// Returns the versions that objects may be stored in although they are not written in them any more.
    pub fn outdated(&self) -> impl Iterator<Item = &str> {
        let written = |name: &str| self.versions.iter().any(|v| v.storage && v.name == name);
        self.stored.iter().map(String::as_str).filter(move |name| !written(name))
    }

    /// Returns the definition's name: `openstackclusters.infrastructure.cluster.x-k8s.io`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// Reads every version of every kind of [`GROUPS`]: whether it is served, stored and deprecated, and
/// which contracts of Cluster API it implements.
///
/// What is served comes from discovery ([`discover_versions`]), the rest from the custom resource
/// definitions. The two differ while a definition changes, or if its names clash with another's:
/// [`ServedApis::unsettled`].
///
/// # Guarantees
///
/// One request, and one for each 25 definitions.
///
/// # Errors
///
/// As [`discover_versions`]; also if the user may not list customresourcedefinitions.
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

    /// Returns the versions that are marked as served in a definition and that discovery lacks, as
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
    let contracts = contracts(crd.metadata.labels.unwrap_or_default());
    Definition {
        group,
        plural: names.plural,
        kind: names.kind,
        versions,
        contracts,
        stored: crd.status.stored_versions,
        conversion: crd.spec.conversion.webhook.and_then(|webhook| webhook.client_config),
    }
}

/// Reads the contract labels. Other labels such as `cluster.x-k8s.io/provider` are ignored.
fn contracts(labels: BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let contract = |(key, value): (String, String)| {
        let contract = key.strip_prefix("cluster.x-k8s.io/")?;
        let digit = contract.strip_prefix('v')?.starts_with(|c: char| c.is_ascii_digit());
        let versions = value.split('_').filter(|version| !version.is_empty());
        digit.then(|| (contract.to_owned(), versions.map(ToOwned::to_owned).collect()))
    };
    labels.into_iter().filter_map(contract).collect()
}
