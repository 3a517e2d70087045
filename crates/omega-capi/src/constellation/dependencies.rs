use std::{collections::BTreeMap, fmt, sync::LazyLock};

use omega_core::{Evidence, Finding, Severity, Subject, json_words};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::check_constellation::UNTESTED;

/// `dependencies.json` at the tags 0.1.2 to 0.27.0 of capi-helm-charts, by tag.
const TABLE: &str = include_str!("../../data/dependencies.json");

static BY_TAG: LazyLock<BTreeMap<Version, Dependencies>> =
    LazyLock::new(|| serde_json::from_str(TABLE).unwrap_or_default());

/// A `dependencies.json` of capi-helm-charts: the versions that a release was tested with (D-034).
/// Versions of CNCF projects start with `v`, those of Azimuth's charts don't.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dependencies(BTreeMap<String, String>);

/// A controller of the management cluster that a `dependencies.json` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// Cluster API's core.
    ClusterApi,
    /// The kubeadm bootstrap provider, of the same release.
    KubeadmBootstrap,
    /// The kubeadm control-plane provider, of the same release.
    KubeadmControlPlane,
    /// The infrastructure provider for OpenStack (CAPO).
    OpenstackProvider,
    /// The addon provider, which installs the addons of the charts.
    AddonProvider,
    /// The OpenStack resource controller (ORC), since chart 0.24.0.
    ResourceController,
    /// cert-manager.
    CertManager,
    /// The janitor, which cleans up after deleted clusters, since chart 0.1.3.
    Janitor,
}

/// The file is not a `dependencies.json`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a dependencies.json: {0}")]
pub struct DependenciesError(String);

impl omega_core::Diagnostic for DependenciesError {
    fn retry(&self) -> omega_core::Retry {
        omega_core::Retry::Final
    }

    fn expected(&self) -> Option<String> {
        let keys = "cluster-api and cluster-api-provider-openstack";
        Some(format!("a flat JSON object of strings with the keys {keys}"))
    }

    fn next(&self) -> Option<String> {
        Some("use the file in the root directory of a tag of capi-helm-charts".to_owned())
    }
    fn touched(&self) -> omega_core::Touched {
        omega_core::Touched::Nothing
    }
}

impl Component {
    /// All components; each depends only on those before it.
    pub const ALL: [Self; 8] = [
        Self::CertManager,
        Self::ClusterApi,
        Self::KubeadmBootstrap,
        Self::KubeadmControlPlane,
        Self::ResourceController,
        Self::OpenstackProvider,
        Self::AddonProvider,
        Self::Janitor,
    ];

    /// Returns its key in `dependencies.json`.
    pub fn key(self) -> &'static str {
        match self {
            Self::ClusterApi | Self::KubeadmBootstrap | Self::KubeadmControlPlane => "cluster-api",
            Self::OpenstackProvider => "cluster-api-provider-openstack",
            Self::AddonProvider => "addon-provider",
            Self::ResourceController => "openstack-resource-controller",
            Self::CertManager => "cert-manager",
            Self::Janitor => "cluster-api-janitor-openstack",
        }
    }

    /// Returns the last part of its image's name, which is the same on mirrors.
    pub fn image(self) -> &'static str {
        match self {
            Self::ClusterApi => "cluster-api-controller",
            Self::KubeadmBootstrap => "kubeadm-bootstrap-controller",
            Self::KubeadmControlPlane => "kubeadm-control-plane-controller",
            Self::OpenstackProvider => "capi-openstack-controller",
            Self::AddonProvider => "cluster-api-addon-provider",
            Self::ResourceController => "openstack-resource-controller",
            Self::CertManager => "cert-manager-controller",
            Self::Janitor => "cluster-api-janitor-openstack",
        }
    }

    /// Returns the chart that installs it, if any. The images of these charts are tagged with commits;
    /// `dependencies.json` names the version of the chart.
    pub(crate) fn chart(self) -> Option<&'static str> {
        match self {
            Self::AddonProvider | Self::Janitor => Some(self.image()),
            Self::CertManager => Some("cert-manager"),
            Self::ClusterApi
            | Self::KubeadmBootstrap
            | Self::KubeadmControlPlane
            | Self::OpenstackProvider
            | Self::ResourceController => None,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClusterApi => "cluster-api",
            Self::KubeadmBootstrap => "kubeadm bootstrap provider",
            Self::KubeadmControlPlane => "kubeadm control-plane provider",
            Self::OpenstackProvider => "cluster-api-provider-openstack",
            Self::AddonProvider => "cluster-api-addon-provider",
            Self::ResourceController => "openstack-resource-controller",
            Self::CertManager => "cert-manager",
            Self::Janitor => "cluster-api-janitor-openstack",
        })
    }
}

impl Dependencies {
    /// Returns the file at the tag `chart`, if it is known (0.1.2 to 0.27.0).
    pub fn of(chart: &Version) -> Option<&'static Self> {
        BY_TAG.get(chart)
    }

    /// Returns the known tags, oldest first.
    pub fn tags() -> impl Iterator<Item = &'static Version> {
        BY_TAG.keys()
    }

    /// Parses a file.
    ///
    /// # Errors
    ///
    /// Fails if it is not a flat object of strings, or lacks Cluster API or its OpenStack provider.
    pub fn parse(text: &str) -> Result<Self, DependenciesError> {
        let parsed: Self =
            serde_json::from_str(text).map_err(|error| DependenciesError(json_words(&error)))?;
        for needed in [Component::ClusterApi, Component::OpenstackProvider] {
            if parsed.version(needed).is_none() {
                return Err(DependenciesError(format!("it has no key `{}`", needed.key())));
            }
        }
        Ok(parsed)
    }

    /// Returns the version of `component` as the file spells it.
    pub fn version(&self, component: Component) -> Option<&str> {
        self.0.get(component.key()).map(String::as_str)
    }
}

impl Dependencies {
    /// Returns the version of helm that it was tested with.
    pub fn helm(&self) -> Option<&str> {
        self.0.get("helm").map(String::as_str)
    }

    /// Returns the release of azimuth-images that it was tested with.
    pub fn azimuth_images(&self) -> Option<&str> {
        self.0.get("azimuth-images").map(String::as_str)
    }

    /// Returns a warning if `helm`, the version in the site file, is another one than `chart` was tested
    /// with (D-034). The digest decides which program is installed.
    pub fn helm_finding(chart: &Version, helm: &str) -> Option<Finding> {
        let tested = Self::of(chart)?.helm()?;
        let bare = |text: &str| text.trim_start_matches('v').to_owned();
        (bare(tested) != bare(helm)).then(|| {
            let what = format!("helm {helm} is pinned, and chart {chart} was tested with {tested}");
            UNTESTED
                .finding(Subject::new("program", "helm"), what)
                .severity(Severity::Warning)
                .source("capi-helm-charts, dependencies.json")
                .shown_by([Evidence::text("tested with", tested), Evidence::text("pinned", helm)])
                .remedy(format!(
                    "pin helm {tested}: version, sha256 and url in [helm] of the site file"
                ))
        })
    }
}

/// Parses a version with or without `v`.
pub(crate) fn version(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Component, Dependencies, version};

    fn of(chart: &str) -> Option<&'static Dependencies> {
        Dependencies::of(&chart.parse().unwrap())
    }

    #[test]
    fn the_table_is_upstreams() {
        assert_eq!(Dependencies::tags().count(), 50);
        let tested: Vec<_> = Component::ALL
            .map(|component| of("0.25.1").unwrap().version(component).unwrap())
            .to_vec();
        // D-034 quotes this set.
        let expected =
            ["v1.20.2", "v1.13.2", "v1.13.2", "v1.13.2", "v2.5.0", "v0.14.4", "0.12.0", "0.11.0"];
        assert_eq!(tested, expected);
        assert_eq!(of("0.23.0").unwrap().version(Component::ResourceController), None);
        assert_eq!(of("0.25.2"), None);
        for tag in Dependencies::tags() {
            let all = Dependencies::of(tag).unwrap();
            let named = Component::ALL.iter().filter_map(|component| all.version(*component));
            assert!(named.map(version).all(|version| version.is_some()), "{tag}");
        }
    }

    #[test]
    fn another_helm_than_the_charts_is_told() {
        let chart = "0.25.1".parse().unwrap();
        assert_eq!(Dependencies::helm_finding(&chart, "3.17.3"), None);
        assert_eq!(Dependencies::helm_finding(&chart, "v3.17.3"), None);
        let told = Dependencies::helm_finding(&chart, "3.18.0").unwrap().summary;
        assert_eq!(told, "helm 3.18.0 is pinned, and chart 0.25.1 was tested with v3.17.3");
        assert_eq!(Dependencies::helm_finding(&"0.25.2".parse().unwrap(), "1"), None, "unknown");
    }

    #[test]
    fn a_file_is_read_and_another_file_is_not() {
        let text = r#"{"cluster-api": "v1.14.0", "cluster-api-provider-openstack": "v0.15.0"}"#;
        let file = Dependencies::parse(text).unwrap();
        assert_eq!(file.version(Component::KubeadmBootstrap), Some("v1.14.0"));
        assert_eq!(file.version(Component::Janitor), None);
        let words = |text: &str| Dependencies::parse(text).unwrap_err().to_string();
        let lacks = "not a dependencies.json: it has no key `cluster-api-provider-openstack`";
        assert_eq!(words(r#"{"cluster-api": "v1.14.0"}"#), lacks);
        assert!(
            words(r#"{"dependencies": {"lodash": "1"}}"#)
                .contains("it has an object in place of a string")
        );
        assert!(words("").contains("it ends too early"));
    }
}
