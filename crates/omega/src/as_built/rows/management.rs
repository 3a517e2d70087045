//! Rows of the management cluster.

use serde::{Deserialize, Serialize};

use super::super::Row;
use super::text;

/// The management cluster and its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ManagementCluster {
    /// The API server, or a node.
    pub what: String,
    /// Its address, or its name.
    pub name: String,
    /// Its version of Kubernetes.
    pub version: Option<String>,
}

impl Row for ManagementCluster {
    const COLUMNS: &'static [&'static str] = &["what", "name", "version"];

    fn cells(&self) -> Vec<String> {
        vec![self.what.clone(), self.name.clone(), text(self.version.as_ref())]
    }
}

/// A controller on the management cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Controller {
    /// What it is.
    pub component: String,
    /// Its version.
    pub version: Option<String>,
    /// Its deployment.
    pub deployment: String,
    /// Its image.
    pub image: String,
    /// The digests of the images that run.
    pub digests: Vec<String>,
    /// How many pods it should have.
    pub pods: u32,
}

impl Row for Controller {
    const COLUMNS: &'static [&'static str] =
        &["controller", "version", "deployment", "image", "digests", "pods"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.component.clone(),
            text(self.version.as_ref()),
            self.deployment.clone(),
            self.image.clone(),
            self.digests.join(", "),
            self.pods.to_string(),
        ]
    }
}

/// A release of helm on the management cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HelmRelease {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its chart.
    pub chart: String,
    /// The chart's version.
    pub chart_version: String,
    /// The version of what it installs, as the chart names it.
    pub app_version: Option<String>,
    /// Its revision.
    pub revision: u32,
    /// Its status.
    pub status: String,
}

impl Row for HelmRelease {
    const COLUMNS: &'static [&'static str] =
        &["namespace", "release", "chart", "chart version", "app version", "revision", "status"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.namespace.clone(),
            self.name.clone(),
            self.chart.clone(),
            self.chart_version.clone(),
            text(self.app_version.as_ref()),
            self.revision.to_string(),
            self.status.clone(),
        ]
    }
}

/// A kind of Cluster API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kind {
    /// Its group.
    pub group: String,
    /// Its name.
    pub kind: String,
    /// The versions that are served, newest first.
    pub served: Vec<String>,
    /// The version that objects are written in.
    pub storage: Option<String>,
    /// The contracts that it implements, and by which versions.
    pub contracts: Vec<String>,
}

impl Row for Kind {
    const COLUMNS: &'static [&'static str] = &["group", "kind", "served", "storage", "contracts"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.group.clone(),
            self.kind.clone(),
            self.served.join(", "),
            text(self.storage.as_ref()),
            self.contracts.join(", "),
        ]
    }
}
