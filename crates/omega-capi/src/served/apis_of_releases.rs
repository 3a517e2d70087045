//! What releases of Cluster API and of its OpenStack provider serve, from tables.

use std::{cmp::Reverse, collections::BTreeMap};

use semver::Version;

use crate::{
    constellation::dependencies::version,
    constellation::{Component, Dependencies},
    served::{
        DefinedVersion, Definition, ServedApis, ServedKind, ServedVersion, ServedVersions, age,
    },
};

/// The tables do not have this release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not known which versions {component} {version} serves (known: {known})")]
pub struct UnknownRelease {
    component: Component,
    version: String,
    known: &'static str,
}

impl omega_core::Diagnostic for UnknownRelease {
    fn retry(&self) -> omega_core::Retry {
        omega_core::Retry::Final
    }

    fn next(&self) -> Option<String> {
        Some("read them from a management cluster that runs it".to_owned())
    }
    fn touched(&self) -> omega_core::Touched {
        omega_core::Touched::Nothing
    }
}

/// A version of a kind: name, served, deprecated. The first row is the storage version.
type Row = (&'static str, bool, bool);
/// A contract and the versions that implement it.
type Contract = (&'static str, &'static [&'static str]);

const CORE: [(&str, &[(&str, &str)]); 3] = [
    (
        "cluster.x-k8s.io",
        &[
            ("clusters", "Cluster"),
            ("machinedeployments", "MachineDeployment"),
            ("machinehealthchecks", "MachineHealthCheck"),
            ("machines", "Machine"),
        ],
    ),
    ("controlplane.cluster.x-k8s.io", &[("kubeadmcontrolplanes", "KubeadmControlPlane")]),
    (
        "bootstrap.cluster.x-k8s.io",
        &[("kubeadmconfigs", "KubeadmConfig"), ("kubeadmconfigtemplates", "KubeadmConfigTemplate")],
    ),
];
const PROVIDER: (&str, &[(&str, &str)]) = (
    "infrastructure.cluster.x-k8s.io",
    &[
        ("openstackclusters", "OpenStackCluster"),
        ("openstackmachines", "OpenStackMachine"),
        ("openstackmachinetemplates", "OpenStackMachineTemplate"),
    ],
);
const ADDONS: (&str, &[(&str, &str)]) =
    ("addons.stackhpc.com", &[("helmreleases", "HelmRelease"), ("manifests", "Manifests")]);

/// Returns what Cluster API `core` and its OpenStack provider `provider` serve, with the addon
/// provider of any release.
///
/// # Errors
///
/// Fails for unknown releases: `core` before 1.5, `provider` before 0.10 or after 0.15.
///
/// # Caveats
///
/// For `core` 1.16 and later this is Cluster API's plan (1.13.2,
/// `docs/book/src/reference/versions.md:166`): v1beta1 is no longer served. The provider's rows are
/// the definitions of v0.10.4, v0.11.3, v0.12.4, v0.14.4 and v0.15.0-beta.0. The contract label of
/// v0.12 is an assumption: it lists all versions, like the label of the releases before and after.
pub fn apis_of_releases(core: &Version, provider: &Version) -> Result<ServedApis, UnknownRelease> {
    let (core_rows, core_contracts) = core_rows(core)?;
    let (provider_rows, provider_contracts) = provider_rows(provider)?;
    let mut definitions = Vec::new();
    let mut add = |(group, kinds): (&str, &[(&str, &str)]), rows: &[Row], labels: &[Contract]| {
        for (plural, kind) in kinds {
            definitions.push(definition(group, plural, kind, rows, labels));
        }
    };
    for kinds in CORE {
        add(kinds, core_rows, core_contracts);
    }
    add(PROVIDER, provider_rows, provider_contracts);
    add(ADDONS, &[("v1alpha1", true, false)], &[]);
    definitions.sort_by_key(|d| (d.group.clone(), d.plural.clone()));
    Ok(ServedApis { served: served(&definitions), definitions })
}

/// Like [`apis_of_releases`], for the releases in a `dependencies.json`.
///
/// # Errors
///
/// As [`apis_of_releases`]; also if a version does not parse.
pub fn apis_of_dependencies(dependencies: &Dependencies) -> Result<ServedApis, UnknownRelease> {
    let named = |component: Component| {
        let text = dependencies.version(component).unwrap_or_default();
        let unknown = UnknownRelease { component, version: text.to_owned(), known: "versions" };
        version(text).ok_or(unknown)
    };
    apis_of_releases(&named(Component::ClusterApi)?, &named(Component::OpenstackProvider)?)
}

fn core_rows(core: &Version) -> Result<(&'static [Row], &'static [Contract]), UnknownRelease> {
    match (core.major, core.minor) {
        (1, 5..=10) => Ok((&[("v1beta1", true, false)], &[("v1beta1", &["v1beta1"])])),
        (1, 11..=15) => Ok((
            &[("v1beta2", true, false), ("v1beta1", true, true)],
            &[("v1beta1", &["v1beta1"]), ("v1beta2", &["v1beta2"])],
        )),
        (1, 16..) => Ok((
            &[("v1beta2", true, false), ("v1beta1", false, true)],
            &[("v1beta1", &["v1beta1"]), ("v1beta2", &["v1beta2"])],
        )),
        _ => Err(UnknownRelease {
            component: Component::ClusterApi,
            version: core.to_string(),
            known: "1.5 and later",
        }),
    }
}

fn provider_rows(
    provider: &Version,
) -> Result<(&'static [Row], &'static [Contract]), UnknownRelease> {
    match (provider.major, provider.minor) {
        (0, 10) => Ok((
            &[
                ("v1beta1", true, false),
                ("v1alpha7", true, false),
                ("v1alpha6", true, false),
                ("v1alpha5", false, false),
            ],
            &[("v1beta1", &["v1alpha5", "v1alpha6", "v1alpha7", "v1beta1"])],
        )),
        (0, 11) => Ok((
            &[("v1beta1", true, false), ("v1alpha7", true, false), ("v1alpha6", false, false)],
            &[("v1beta1", &["v1alpha6", "v1alpha7", "v1beta1"])],
        )),
        (0, 12) => Ok((
            &[("v1beta1", true, false), ("v1alpha7", false, false)],
            &[("v1beta1", &["v1alpha7", "v1beta1"])],
        )),
        (0, 13..=14) => Ok((&[("v1beta1", true, false)], &[("v1beta1", &["v1beta1"])])),
        (0, 15) => Ok((
            &[("v1beta2", true, false), ("v1beta1", true, false)],
            &[("v1beta1", &["v1beta1"]), ("v1beta2", &["v1beta2"])],
        )),
        _ => Err(UnknownRelease {
            component: Component::OpenstackProvider,
            version: provider.to_string(),
            known: "0.10 to 0.15",
        }),
    }
}

fn definition(
    group: &str,
    plural: &str,
    kind: &str,
    rows: &[Row],
    labels: &[Contract],
) -> Definition {
    let version = |(number, (name, served, deprecated)): (usize, &Row)| DefinedVersion {
        name: (*name).to_owned(),
        served: *served,
        storage: number == 0,
        deprecated: *deprecated,
        warning: None,
    };
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    Definition {
        group: group.to_owned(),
        plural: plural.to_owned(),
        kind: kind.to_owned(),
        versions: rows.iter().enumerate().map(version).collect(),
        contracts: labels.iter().map(|(name, all)| ((*name).to_owned(), texts(all))).collect(),
        stored: Vec::new(),
        conversion: None,
    }
}

fn served(definitions: &[Definition]) -> ServedVersions {
    let mut groups: BTreeMap<String, Vec<ServedVersion>> = BTreeMap::new();
    for definition in definitions {
        let group = groups.entry(definition.group.clone()).or_default();
        for version in definition.versions.iter().filter(|version| version.served) {
            let kind =
                ServedKind { kind: definition.kind.clone(), plural: definition.plural.clone() };
            let name = &version.name;
            if let Some(other) = group.iter_mut().find(|other| other.version == *name) {
                other.kinds.push(kind);
            } else {
                group.push(ServedVersion { version: name.clone(), kinds: vec![kind] });
            }
        }
    }
    for versions in groups.values_mut() {
        versions.sort_by_key(|v| Reverse(age(&v.version)));
        for version in versions {
            version.kinds.sort();
        }
    }
    ServedVersions { groups }
}

#[cfg(test)]
mod tests {
    use super::{apis_of_dependencies, apis_of_releases};
    use crate::constellation::Dependencies;

    fn served(core: &str, provider: &str, group: &str, plural: &str) -> Vec<String> {
        let surface = apis_of_releases(&core.parse().unwrap(), &provider.parse().unwrap()).unwrap();
        surface.served.versions_of(group, plural).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn each_release_serves_what_its_definitions_say() {
        let provider = |version: &str| {
            let group = "infrastructure.cluster.x-k8s.io";
            served("1.13.2", version, group, "openstackclusters").join(" ")
        };
        assert_eq!(provider("0.10.4"), "v1beta1 v1alpha7 v1alpha6");
        assert_eq!(provider("0.11.3"), "v1beta1 v1alpha7");
        assert_eq!(provider("0.12.4"), "v1beta1");
        assert_eq!(provider("0.14.4"), "v1beta1");
        assert_eq!(provider("0.15.0-beta.0"), "v1beta2 v1beta1");
        let core =
            |version: &str| served(version, "0.14.4", "cluster.x-k8s.io", "clusters").join(" ");
        assert_eq!(core("1.10.4"), "v1beta1");
        assert_eq!(core("1.11.0"), "v1beta2 v1beta1");
        assert_eq!(core("1.13.2"), "v1beta2 v1beta1");
        assert_eq!(core("1.16.0"), "v1beta2");
    }

    #[test]
    fn a_release_that_was_not_read_is_said_to_be_unknown() {
        let words = |core: &str, provider: &str| {
            let surface = apis_of_releases(&core.parse().unwrap(), &provider.parse().unwrap());
            surface.unwrap_err().to_string()
        };
        assert_eq!(
            words("1.4.0", "0.14.4"),
            "it is not known which versions cluster-api 1.4.0 serves (known: 1.5 and later)"
        );
        assert_eq!(
            words("1.13.2", "0.9.0"),
            "it is not known which versions cluster-api-provider-openstack 0.9.0 serves (known: 0.10 to 0.15)"
        );
    }

    #[test]
    fn every_chart_since_0_6_0_has_a_surface() {
        for tag in Dependencies::tags() {
            let known = apis_of_dependencies(Dependencies::of(tag).unwrap()).is_ok();
            assert_eq!(known, *tag >= "0.6.0".parse().unwrap(), "{tag}");
        }
    }
}
