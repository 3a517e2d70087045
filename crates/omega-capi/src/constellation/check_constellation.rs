//! What is installed against what a chart was tested with.

use std::cmp::Ordering;

use omega_core::{Evidence, Finding, Severity, Subject};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{
    Namespace,
    constellation::dependencies::version,
    constellation::{Component, Dependencies},
    controllers::Installed,
    releases::{Release, ReleaseStatus},
};

/// The chart that magnum-capi-helm installs for a cluster.
const CLUSTER_CHART: &str = "openstack-cluster";

/// What was tested together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constellation {
    /// The tag of capi-helm-charts, where it is known.
    pub chart: Option<Version>,
    /// Its `dependencies.json`.
    pub dependencies: Dependencies,
}

/// One thing, as wanted and as found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What.
    pub part: ConstellationItem,
    /// The version that was tested; `None` if the chart's file does not name it.
    pub wanted: Option<String>,
    /// The version that is installed, if it can be told.
    pub found: Option<String>,
    /// How they compare.
    pub standing: VersionMatch,
    /// What shows it.
    pub evidence: String,
    /// What to do, unless it is as it should be. All of it is D-034.
    pub remedy: Option<String>,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstellationItem {
    /// A controller that runs.
    Controller(Component),
    /// A release of helm: of a controller's chart, or a cluster's.
    Release {
        /// Where it is.
        namespace: Namespace,
        /// Its name.
        name: String,
        /// Its chart.
        chart: String,
    },
}

/// How two versions compare. `v1.2.3` and `1.2.3` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionMatch {
    /// As tested.
    Same,
    /// Older than tested.
    Older,
    /// Newer than tested.
    Newer,
    /// Wanted, and not installed.
    Missing,
    /// Installed, and the version can't be told or compared.
    Unknown,
    /// Installed, and this chart's file does not name it.
    NotNamed,
}

impl Comparison {
    /// Returns whether it departs from what was tested together. What the chart's file does not
    /// name does not, nor does a cluster's release of an older chart: it moves with its cluster.
    pub fn departs(&self) -> bool {
        let of_a_cluster = matches!(&self.part, ConstellationItem::Release { chart, .. } if chart == CLUSTER_CHART);
        match self.standing {
            VersionMatch::Same | VersionMatch::NotNamed => false,
            VersionMatch::Older => !of_a_cluster,
            VersionMatch::Newer | VersionMatch::Missing | VersionMatch::Unknown => true,
        }
    }
}

impl Comparison {
    /// Returns it as a finding, if it departs from what was tested together (D-034).
    pub fn finding(&self) -> Option<Finding> {
        if !self.departs() {
            return None;
        }
        let subject = match &self.part {
            ConstellationItem::Controller(component) => {
                Subject::new("controller", component.to_string())
            }
            ConstellationItem::Release { namespace, name, .. } => {
                Subject::new("release", format!("{namespace}/{name}"))
            }
        };
        let [wanted, found] =
            [&self.wanted, &self.found].map(|one| one.as_deref().unwrap_or("none"));
        let summary = format!("{subject}: {found} is installed, {wanted} was tested");
        let severity = match self.standing {
            VersionMatch::Missing => Severity::Broken,
            VersionMatch::Unknown => Severity::Unknown,
            VersionMatch::Same
            | VersionMatch::Older
            | VersionMatch::Newer
            | VersionMatch::NotNamed => Severity::Warning,
        };
        let finding = Finding::broken("untested-version", subject, summary)
            .severity(severity)
            .decision("D-034")
            .source("capi-helm-charts, dependencies.json")
            .shown_by([Evidence::sentence(&self.evidence)]);
        Some(match &self.remedy {
            Some(remedy) => finding.remedy(remedy),
            None => finding,
        })
    }
}

impl Constellation {
    /// Returns what was tested with `chart`, if its tag is one of those that were read.
    pub fn of(chart: &Version) -> Option<Self> {
        let dependencies = Dependencies::of(chart)?.clone();
        Some(Self { chart: Some(chart.clone()), dependencies })
    }

    fn name(&self) -> String {
        match &self.chart {
            Some(chart) => format!("chart {chart}"),
            None => "the file".to_owned(),
        }
    }
}

/// Compares what is installed, from [`read_installed`](crate::controllers::read_installed) and
/// [`read_releases`](crate::releases::read_releases), with what was tested (D-034). Pure.
///
/// Every component of the `dependencies.json` has an entry, and every release of a chart that
/// belongs here: the controllers' and the clusters'. `azimuth-images`, `sonobuoy` and `helm`, which
/// the file names too, are not installed on a management cluster.
pub fn check_constellation(
    tested: &Constellation,
    installed: &[Installed],
    releases: &[Release],
) -> Vec<Comparison> {
    let controllers = Component::ALL.into_iter().flat_map(|component| {
        let mut all = installed.iter().filter(|one| one.component == component).peekable();
        let missing = all.peek().is_none().then(|| missing(tested, component)).flatten();
        all.map(|one| controller(tested, one)).chain(missing).collect::<Vec<_>>()
    });
    controllers.chain(releases.iter().filter_map(|one| release(tested, one))).collect()
}

fn missing(tested: &Constellation, component: Component) -> Option<Comparison> {
    let wanted = tested.dependencies.version(component)?;
    Some(Comparison {
        part: ConstellationItem::Controller(component),
        wanted: Some(wanted.to_owned()),
        found: None,
        standing: VersionMatch::Missing,
        evidence: format!("no deployment has the image {}", component.image()),
        remedy: Some(format!("install {component} {wanted}")),
    })
}

fn controller(tested: &Constellation, one: &Installed) -> Comparison {
    let wanted = tested.dependencies.version(one.component);
    let standing = standing(wanted, one.version.as_deref());
    Comparison {
        part: ConstellationItem::Controller(one.component),
        wanted: wanted.map(ToOwned::to_owned),
        found: one.version.clone(),
        standing,
        evidence: one.evidence.clone(),
        remedy: remedy(tested, one.component, standing, wanted, one.version.as_deref()),
    }
}

fn release(tested: &Constellation, one: &Release) -> Option<Comparison> {
    if one.status == ReleaseStatus::Uninstalled {
        return None;
    }
    let component = Component::ALL.into_iter().find(|c| c.chart() == Some(one.chart.as_str()));
    let tag = tested.chart.as_ref().map(ToString::to_string);
    let wanted = match component {
        Some(component) => tested.dependencies.version(component),
        None if one.chart == CLUSTER_CHART => tag.as_deref(),
        None => return None,
    };
    let found = one.chart_version.as_str();
    let standing = standing(wanted, Some(found));
    let remedy = trouble(one).or_else(|| match component {
        Some(component) => remedy(tested, component, standing, wanted, Some(found)),
        None => (standing == VersionMatch::Older).then(|| {
            "it stays as it was created; the next resize or upgrade of the cluster moves it".into()
        }),
    });
    Some(Comparison {
        part: ConstellationItem::Release {
            namespace: one.namespace.clone(),
            name: one.name.clone(),
            chart: one.chart.clone(),
        },
        wanted: wanted.map(ToOwned::to_owned),
        found: Some(found.to_owned()),
        standing,
        evidence: format!("revision {}, {}", one.revision, one.status),
        remedy,
    })
}

/// What helm's own status asks for, whatever the versions are.
fn trouble(release: &Release) -> Option<String> {
    let Release { namespace, name, .. } = release;
    let history = format!("helm history {name} --namespace {namespace}");
    match &release.status {
        ReleaseStatus::Failed => Some(format!("its last change failed; the reason: {history}")),
        ReleaseStatus::PendingInstall
        | ReleaseStatus::PendingUpgrade
        | ReleaseStatus::PendingRollback => Some(format!(
            "helm is at work or was interrupted, and refuses the next upgrade: {history}"
        )),
        ReleaseStatus::Unknown
        | ReleaseStatus::Deployed
        | ReleaseStatus::Uninstalled
        | ReleaseStatus::Superseded
        | ReleaseStatus::Uninstalling
        | ReleaseStatus::Other(_) => None,
    }
}

fn standing(wanted: Option<&str>, found: Option<&str>) -> VersionMatch {
    let Some(wanted) = wanted else { return VersionMatch::NotNamed };
    let Some(found) = found else { return VersionMatch::Unknown };
    match (version(found), version(wanted)) {
        (Some(found), Some(wanted)) => match found.cmp_precedence(&wanted) {
            Ordering::Less => VersionMatch::Older,
            Ordering::Equal => VersionMatch::Same,
            Ordering::Greater => VersionMatch::Newer,
        },
        _ if found == wanted => VersionMatch::Same,
        _ => VersionMatch::Unknown,
    }
}

fn remedy(
    tested: &Constellation,
    component: Component,
    standing: VersionMatch,
    wanted: Option<&str>,
    found: Option<&str>,
) -> Option<String> {
    let name = tested.name();
    let wanted = wanted.unwrap_or_default();
    match standing {
        VersionMatch::Same => None,
        VersionMatch::Older => Some(format!("upgrade {component} to {wanted}")),
        VersionMatch::Missing => Some(format!("install {component} {wanted}")),
        VersionMatch::Newer => Some(match first_with(component, found) {
            Some(chart) => format!(
                "{name} was tested with {wanted}: take chart {chart}, the first with this one, \
                 or go back"
            ),
            None => format!("no chart that is known was tested with it: go back to {wanted}"),
        }),
        VersionMatch::Unknown => Some(format!("see by hand whether it is {wanted}")),
        VersionMatch::NotNamed => Some(format!("{name} was not tested with it; nothing needs it")),
    }
}

/// Returns the first chart that was tested with this version of `component`.
fn first_with(component: Component, found: Option<&str>) -> Option<&'static Version> {
    let has = |tag: &&'static Version| {
        let theirs = Dependencies::of(tag).and_then(|all| all.version(component));
        theirs.is_some() && standing(theirs, found) == VersionMatch::Same
    };
    Dependencies::tags().find(has)
}

#[cfg(test)]
#[path = "check_constellation_tests.rs"]
mod tests;
