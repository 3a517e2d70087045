//! What the driver reads, and at which version.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DriverRelease, Overrides, release::Source};

/// A group and a version, as an object's `apiVersion` spells them.
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

/// A class of the driver's `kubernetes.py` that stands for a custom resource.
///
/// The names are the driver's, with its capital letters; they are the keys of `api_resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the name of the class")]
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

/// What the driver makes of a 404, which an unserved version answers too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer404 {
    /// It takes the object for absent.
    Absent,
    /// Its periodic task ends in an exception, and the status stays as it was.
    Raises,
    /// It takes the list for empty, and skips what it would have read next.
    Skips,
}

/// One kind that the driver reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Read {
    /// The class that reads it.
    pub class: ReadClass,
    /// Where.
    pub at: GroupVersion,
    /// The plural in the path.
    pub plural: String,
    /// What it makes of a 404.
    pub on_404: Answer404,
    /// Whether `api_resources` moved it from where the driver would read it.
    pub moved: bool,
}

impl Read {
    /// Returns whether something is amiss when it is not served.
    ///
    /// `HelmChartProxy` belongs to an addon provider that the charts don't use; the driver passes
    /// over its absence.
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

    /// Returns the class's name in 1.4.0, which is its key in `api_resources`.
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

    /// Returns the class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Returns the verb of RBAC that reading it needs: one object by its name (`fetch`), or all
    /// with a label (`fetch_all_by_label`).
    pub fn verb(self) -> &'static str {
        match self {
            Self::Cluster
            | Self::OpenstackCluster
            | Self::MachineDeployment
            | Self::K8sControlPlane => "get",
            Self::Machine | Self::Manifests | Self::HelmRelease | Self::HelmChartProxy => "list",
        }
    }

    /// Returns whether the driver reads the fields of v1beta1, whatever version it is told to ask
    /// for (1.4.0, `driver.py`, `common/capi_monitor.py`).
    pub fn is_read_as_v1beta1(self) -> bool {
        match self {
            Self::Cluster
            | Self::OpenstackCluster
            | Self::MachineDeployment
            | Self::K8sControlPlane
            | Self::Machine => true,
            Self::Manifests | Self::HelmRelease | Self::HelmChartProxy => false,
        }
    }

    /// Returns whether the driver reads a `plural_name` of it (1.4.0, `kubernetes.py:341`).
    pub fn has_plural_name(self) -> bool {
        self == Self::K8sControlPlane
    }

    /// Returns where `driver` reads it without an override.
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

    /// `fetch` takes a 404 for absence; `fetch_all_by_label` raises, which 1.4.0 catches around
    /// the addons.
    fn on_404(self, driver: &DriverRelease) -> Answer404 {
        match self {
            Self::Cluster
            | Self::OpenstackCluster
            | Self::MachineDeployment
            | Self::K8sControlPlane => Answer404::Absent,
            Self::Manifests | Self::HelmRelease | Self::HelmChartProxy
                if driver.source() >= Source::V1_4_0 =>
            {
                Answer404::Skips
            }
            Self::Machine | Self::Manifests | Self::HelmRelease | Self::HelmChartProxy => {
                Answer404::Raises
            }
        }
    }
}

impl DriverRelease {
    /// Returns the version at which it reads the infrastructure provider's objects, unless it is
    /// told otherwise: v1alpha6 (1.3.0, `kubernetes.py:284`), or v1beta1 from 1.4.0 on
    /// (`kubernetes.py:320`). The provider stopped serving v1alpha6 with 0.11.0.
    pub fn reads_provider_at(&self) -> &'static str {
        if self.source() >= Source::V1_4_0 { "v1beta1" } else { "v1alpha6" }
    }
}

/// Returns every kind that `driver` reads, with `overrides` applied as it applies them.
///
/// Releases before 1.4.0 don't know `api_resources`, so nothing is applied to them.
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
    fn a_version_is_spelled_as_an_object_spells_it() {
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
