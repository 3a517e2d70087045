use std::cmp::Ordering;

use omega_core::{CheckRule, Evidence, Finding, Severity, Subject};
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

/// The rule of a version that was not tested with the others.
pub const UNTESTED: CheckRule = CheckRule::new("untested-version", &["D-034"]);

/// The versions that were tested together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constellation {
    /// The tag of capi-helm-charts, if known.
    pub chart: Option<Version>,
    /// Its `dependencies.json`.
    pub dependencies: Dependencies,
}

/// The comparison of one component or release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct Comparison {
    pub part: ConstellationItem,
    /// The tested version; `None` if the chart's file does not name it.
    pub wanted: Option<String>,
    /// The installed version, if known.
    pub found: Option<String>,
    /// How the two compare.
    #[serde(rename = "standing")]
    pub version_match: VersionMatch,
    pub evidence: Vec<Evidence>,
    /// What to do about a difference (D-034).
    pub remedy: Option<String>,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstellationItem {
    /// A controller.
    Controller(Component),
    /// A helm release, of a controller's chart or of a cluster's.
    #[expect(missing_docs, reason = "the fields are those of a release")]
    Release { namespace: Namespace, name: String, chart: String },
}

/// How two versions compare. `v1.2.3` and `1.2.3` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionMatch {
    /// The tested version.
    Same,
    /// Older than the tested version.
    Older,
    /// Newer than the tested version.
    Newer,
    /// Tested, but not installed.
    Missing,
    /// Installed, but the version is not known or can't be compared.
    Unknown,
    /// Installed, but the chart's file does not name it.
    NotNamed,
}

impl Comparison {
    /// Returns whether it differs from what was tested. What the chart's file does not name does not
    /// count, nor does a cluster on an older chart, which changes with its next upgrade.
    pub fn differs(&self) -> bool {
        let of_a_cluster = matches!(&self.part, ConstellationItem::Release { chart, .. } if chart == CLUSTER_CHART);
        match self.version_match {
            VersionMatch::Same | VersionMatch::NotNamed => false,
            VersionMatch::Older => !of_a_cluster,
            VersionMatch::Newer | VersionMatch::Missing | VersionMatch::Unknown => true,
        }
    }

    /// Returns a finding if it differs (D-034).
    pub fn finding(&self) -> Option<Finding> {
        if !self.differs() {
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
        let severity = match self.version_match {
            VersionMatch::Missing => Severity::Broken,
            VersionMatch::Unknown => Severity::Unknown,
            VersionMatch::Same
            | VersionMatch::Older
            | VersionMatch::Newer
            | VersionMatch::NotNamed => Severity::Warning,
        };
        let finding = UNTESTED
            .finding(subject, summary)
            .severity(severity)
            .source("capi-helm-charts, dependencies.json")
            .shown_by(self.evidence.clone());
        Some(match &self.remedy {
            Some(remedy) => finding.remedy(remedy),
            None => finding,
        })
    }
}

impl Constellation {
    /// Returns what was tested with `chart`, if it is a known tag.
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
/// The result has every component of the `dependencies.json`, and every release of a controller's or
/// cluster's chart. `azimuth-images`, `sonobuoy` and `helm` in that file are not installed on a
/// management cluster.
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
        version_match: VersionMatch::Missing,
        evidence: vec![Evidence::text("no deployment has the image", component.image())],
        remedy: Some(format!("install {component} {wanted}")),
    })
}

fn controller(tested: &Constellation, one: &Installed) -> Comparison {
    let wanted = tested.dependencies.version(one.component);
    let version_match = compare(wanted, one.version.as_deref());
    Comparison {
        part: ConstellationItem::Controller(one.component),
        wanted: wanted.map(ToOwned::to_owned),
        found: one.version.clone(),
        version_match,
        evidence: one.evidence.clone(),
        remedy: remedy(tested, one.component, version_match, wanted, one.version.as_deref()),
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
    let version_match = compare(wanted, Some(found));
    let remedy = unfinished(one).or_else(|| match component {
        Some(component) => remedy(tested, component, version_match, wanted, Some(found)),
        None => (version_match == VersionMatch::Older)
            .then(|| "none needed: the next resize or upgrade of the cluster updates it".into()),
    });
    Some(Comparison {
        part: ConstellationItem::Release {
            namespace: one.namespace.clone(),
            name: one.name.clone(),
            chart: one.chart.clone(),
        },
        wanted: wanted.map(ToOwned::to_owned),
        found: Some(found.to_owned()),
        version_match,
        evidence: vec![
            Evidence::text("revision", one.revision.to_string()),
            Evidence::text("status", one.status.to_string()),
        ],
        remedy,
    })
}

/// Returns the remedy for a failed or interrupted change of a release, whatever its version.
fn unfinished(release: &Release) -> Option<String> {
    let Release { namespace, name, .. } = release;
    let history = format!("helm history {name} --namespace {namespace}");
    if release.status == ReleaseStatus::Failed {
        return Some(format!("its last change failed; find the reason: {history}"));
    }
    let pending = matches!(
        release.status,
        ReleaseStatus::PendingInstall
            | ReleaseStatus::PendingUpgrade
            | ReleaseStatus::PendingRollback
    );
    pending.then(|| {
        format!("helm is running or was interrupted, and refuses the next upgrade: {history}")
    })
}

fn compare(wanted: Option<&str>, found: Option<&str>) -> VersionMatch {
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
    version_match: VersionMatch,
    wanted: Option<&str>,
    found: Option<&str>,
) -> Option<String> {
    let name = tested.name();
    let wanted = wanted.unwrap_or_default();
    match version_match {
        VersionMatch::Same => None,
        VersionMatch::Older => Some(format!("upgrade {component} to {wanted}")),
        VersionMatch::Missing => Some(format!("install {component} {wanted}")),
        VersionMatch::Newer => Some(match first_with(component, found) {
            Some(chart) => format!(
                "{name} was tested with {wanted}: use chart {chart}, the first tested with this \
                 version, or go back"
            ),
            None => format!("no known chart was tested with it: go back to {wanted}"),
        }),
        VersionMatch::Unknown => Some(format!("check by hand whether it is {wanted}")),
        VersionMatch::NotNamed => {
            Some(format!("{name} was not tested with it, and nothing needs it"))
        }
    }
}

/// Returns the first chart that was tested with this version of `component`.
fn first_with(component: Component, found: Option<&str>) -> Option<&'static Version> {
    let has = |tag: &&'static Version| {
        let theirs = Dependencies::of(tag).and_then(|all| all.version(component));
        theirs.is_some() && compare(theirs, found) == VersionMatch::Same
    };
    Dependencies::tags().find(has)
}

#[cfg(test)]
#[path = "check_constellation_tests.rs"]
mod tests;
