//! The objects that the driver reads on the management cluster, and at which API version.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DriverRelease, Overrides, release::Source};

/// An API group and version, as in an object's `apiVersion`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupVersion {
    /// `cluster.x-k8s.io`, empty for the core group.
    pub group: String,
    /// `v1beta1`.
    pub version: String,
}

impl GroupVersion {
    /// Reads `group/version`, or a version of the core group.
    pub fn of(text: &str) -> Self {
        let (group, version) = text.split_once('/').unwrap_or(("", text));
        Self { group: group.to_owned(), version: version.to_owned() }
    }
}

impl fmt::Display for GroupVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.version),
            group => write!(f, "{group}/{}", self.version),
        }
    }
}

/// A class in the driver's `kubernetes.py` that represents a custom resource.
///
/// The names are the driver's own, including their case. They are the keys of `api_resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the name of a class")]
pub enum ReadClass {
    Cluster,
    OpenstackCluster,
    MachineDeployment,
    /// Called `KubeadmControlPlane` before 1.4.0.
    K8sControlPlane,
    Machine,
    Manifests,
    HelmRelease,
    HelmChartProxy,
}

/// How the driver handles a 404, which is also the answer for a version that is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer404 {
    /// It treats the object as absent.
    Absent,
    /// Its periodic task ends in an exception, and the cluster's status does not change.
    Raises,
    /// It treats the list as empty and skips the reads that depend on it.
    Skips,
}

/// One kind that the driver reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Read {
    /// The class that reads it.
    pub class: ReadClass,
    /// The group and version at which it is read.
    pub at: GroupVersion,
    /// The plural in the path.
    pub plural: String,
    /// How a 404 is handled.
    pub on_404: Answer404,
    /// Whether `api_resources` changed group, version or plural.
    pub moved: bool,
}

impl Read {
    /// Returns whether it is a problem if this kind is not served.
    ///
    /// `HelmChartProxy` belongs to an addon provider that the charts do not use. The driver ignores
    /// its absence.
    pub fn needed(&self) -> bool {
        self.class != ReadClass::HelmChartProxy || self.moved
    }
}

impl ReadClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Cluster,
        Self::OpenstackCluster,
        Self::MachineDeployment,
        Self::K8sControlPlane,
        Self::Machine,
        Self::Manifests,
        Self::HelmRelease,
        Self::HelmChartProxy,
    ];

    /// Returns the name of the class in 1.4.0, which is its key in `api_resources`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::OpenstackCluster => "OpenstackCluster",
            Self::MachineDeployment => "MachineDeployment",
            Self::K8sControlPlane => "K8sControlPlane",
            Self::Machine => "Machine",
            Self::Manifests => "Manifests",
            Self::HelmRelease => "HelmRelease",
            Self::HelmChartProxy => "HelmChartProxy",
        }
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Cluster => "clusters",
            Self::OpenstackCluster => "openstackclusters",
            Self::MachineDeployment => "machinedeployments",
            Self::K8sControlPlane => "kubeadmcontrolplanes",
            Self::Machine => "machines",
            Self::Manifests => "manifests",
            Self::HelmRelease => "helmreleases",
            Self::HelmChartProxy => "helmchartproxies",
        }
    }

    /// Returns the class with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    fn is_addon(self) -> bool {
        matches!(self, Self::Manifests | Self::HelmRelease | Self::HelmChartProxy)
    }

    /// Whether the driver reads all objects with a label (`fetch_all_by_label`), not one object by
    /// its name (`fetch`).
    fn is_listed(self) -> bool {
        self == Self::Machine || self.is_addon()
    }

    /// Returns the RBAC verb that reading it needs.
    pub fn verb(self) -> &'static str {
        if self.is_listed() { "list" } else { "get" }
    }

    /// Returns whether the driver reads v1beta1 fields, whatever version it requests (1.4.0,
    /// `driver.py`, `common/capi_monitor.py`).
    pub fn is_read_as_v1beta1(self) -> bool {
        !self.is_addon()
    }

    /// Returns whether `plural_name` has an effect on it (1.4.0, `kubernetes.py:341`).
    pub fn has_plural_name(self) -> bool {
        self == Self::K8sControlPlane
    }

    /// Returns the `apiVersion` at which `driver` reads it without an override.
    fn default_version(self, driver: &DriverRelease) -> &'static str {
        match self {
            Self::Cluster | Self::MachineDeployment | Self::Machine => "cluster.x-k8s.io/v1beta1",
            Self::OpenstackCluster if driver.source() >= Source::V1_4_0 => {
                "infrastructure.cluster.x-k8s.io/v1beta1"
            }
            Self::OpenstackCluster => "infrastructure.cluster.x-k8s.io/v1alpha6",
            Self::K8sControlPlane => "controlplane.cluster.x-k8s.io/v1beta1",
            Self::Manifests | Self::HelmRelease => "addons.stackhpc.com/v1alpha1",
            Self::HelmChartProxy => "addons.cluster.x-k8s.io/v1alpha1",
        }
    }

    /// `fetch` treats a 404 as absence. `fetch_all_by_label` raises an exception, which 1.4.0
    /// catches for the addons.
    fn on_404(self, driver: &DriverRelease) -> Answer404 {
        match self.is_listed() {
            false => Answer404::Absent,
            true if self.is_addon() && driver.source() >= Source::V1_4_0 => Answer404::Skips,
            true => Answer404::Raises,
        }
    }
}

impl DriverRelease {
    /// Returns the version at which it reads the infrastructure provider's objects without an
    /// override: v1alpha6 (1.3.0, `kubernetes.py:284`), or v1beta1 since 1.4.0
    /// (`kubernetes.py:320`). The provider no longer serves v1alpha6 since 0.11.0.
    pub fn reads_provider_at(&self) -> &'static str {
        if self.source() >= Source::V1_4_0 { "v1beta1" } else { "v1alpha6" }
    }
}

/// Returns every kind that `driver` reads, with `overrides` applied as the driver applies them:
/// before 1.4.0 there is no `api_resources`, so they have no effect.
///
/// Source: `magnum_capi_helm/kubernetes.py` in the packages of 1.1.0, 1.2.0, 1.2.1, 1.3.0 (whose
/// classes are the same) and 1.4.0.
pub fn driver_reads(driver: &DriverRelease, overrides: &Overrides) -> Vec<Read> {
    let known = |class: &ReadClass| {
        driver.source() >= Source::V1_4_0 || *class != ReadClass::HelmChartProxy
    };
    ReadClass::ALL.into_iter().filter(known).map(|class| read(class, driver, overrides)).collect()
}

fn read(class: ReadClass, driver: &DriverRelease, overrides: &Overrides) -> Read {
    let overridden = overrides.of(class).filter(|_| driver.reads_overrides());
    let default = class.default_version(driver);
    let at = overridden.and_then(|o| o.api_version.as_deref()).unwrap_or(default);
    let plural = overridden
        .and_then(|o| o.plural_name.as_deref())
        .filter(|_| class.has_plural_name())
        .unwrap_or(class.plural());
    Read {
        class,
        at: GroupVersion::of(at),
        plural: plural.to_owned(),
        on_404: class.on_404(driver),
        moved: (at, plural) != (default, class.plural()),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::{GroupVersion, driver_reads};
    use crate::{DriverRelease, Overrides};

    fn table(driver: &DriverRelease, overrides: &str) -> String {
        let mut table = String::new();
        for read in driver_reads(driver, &Overrides::of_value(overrides).unwrap()) {
            let name = read.class.name();
            let moved = if read.moved { " moved" } else { "" };
            let path = format!("{}/{}", read.at, read.plural);
            writeln!(table, "{name:<17} {path} {:?}{moved}", read.on_404).unwrap();
        }
        table
    }

    const OLD: &str = "\
Cluster           cluster.x-k8s.io/v1beta1/clusters Absent
OpenstackCluster  infrastructure.cluster.x-k8s.io/v1alpha6/openstackclusters Absent
MachineDeployment cluster.x-k8s.io/v1beta1/machinedeployments Absent
K8sControlPlane   controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes Absent
Machine           cluster.x-k8s.io/v1beta1/machines Raises
Manifests         addons.stackhpc.com/v1alpha1/manifests Raises
HelmRelease       addons.stackhpc.com/v1alpha1/helmreleases Raises
";

    const NEW: &str = "\
Cluster           cluster.x-k8s.io/v1beta1/clusters Absent
OpenstackCluster  infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters Absent
MachineDeployment cluster.x-k8s.io/v1beta1/machinedeployments Absent
K8sControlPlane   controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes Absent
Machine           cluster.x-k8s.io/v1beta1/machines Raises
Manifests         addons.stackhpc.com/v1alpha1/manifests Skips
HelmRelease       addons.stackhpc.com/v1alpha1/helmreleases Skips
HelmChartProxy    addons.cluster.x-k8s.io/v1alpha1/helmchartproxies Skips
";

    #[test]
    fn each_release_reads_what_its_source_says() {
        let moving = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
        let [old @ .., new] = DriverRelease::known();
        for old in &old {
            assert_eq!(table(old, "{}"), OLD, "{old}");
            assert_eq!(table(old, moving), OLD, "{old} has no api_resources");
        }
        assert_eq!(table(&new, "{}"), NEW);
    }

    #[test]
    fn a_version_is_written_as_in_an_object() {
        assert_eq!(GroupVersion::of("v1").group, "");
        assert_eq!(GroupVersion::of("v1").to_string(), "v1");
        assert_eq!(GroupVersion::of("a.b/v1").to_string(), "a.b/v1");
    }

    #[test]
    fn an_override_moves_its_class_and_no_other() {
        let moving = r#"{
            "Cluster": {"api_version": "cluster.x-k8s.io/v1beta2", "plural_name": "ignored"},
            "K8sControlPlane": {"plural_name": "others"},
            "Machine": {"api_version": "cluster.x-k8s.io/v1beta1"},
            "OpenStackCluster": {"api_version": "the kind, not the class"}
        }"#;
        let expected = NEW
            .replace("v1beta1/clusters Absent", "v1beta2/clusters Absent moved")
            .replace("kubeadmcontrolplanes Absent", "others Absent moved");
        assert_eq!(table(&DriverRelease::v1_4_0(), moving), expected);
    }
}
