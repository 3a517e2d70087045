//! Recorded answers of a real API server.

use std::sync::{Arc, LazyLock};

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// Core and control plane at v1beta1 and v1beta2, the `OpenStack` provider at v1beta1.
const DEFAULT: &str = include_str!("../../recordings/default.json");
/// The deployments of controllers, and helm's secrets.
const OBJECTS: &str = include_str!("../../recordings/objects.json");
/// A healthy workload cluster.
const WORKLOAD: &str = include_str!("../../recordings/workload.json");
/// Cluster API's objects of that cluster.
const CLUSTER: &str = include_str!("../../recordings/cluster.json");

#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    exchanges: Vec<Exchange>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Exchange {
    who: String,
    path: String,
    accept: String,
    status: u16,
    pub(super) content_type: String,
    /// JSON, or a string for any other text.
    pub(super) body: Value,
}

impl Exchange {
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.body.as_str().map_or_else(|| self.body.to_string(), ToOwned::to_owned).into_bytes()
    }
}

impl Recording {
    /// Returns that of the management cluster.
    pub(super) fn management() -> Arc<Self> {
        static PARSED: LazyLock<Arc<Recording>> =
            LazyLock::new(|| Arc::new(Recording::of(&[DEFAULT, OBJECTS, CLUSTER])));
        Arc::clone(&PARSED)
    }

    /// Returns that of the workload cluster.
    pub(super) fn workload() -> Arc<Self> {
        static PARSED: LazyLock<Arc<Recording>> =
            LazyLock::new(|| Arc::new(Recording::of(&[WORKLOAD])));
        Arc::clone(&PARSED)
    }

    /// Parses recordings that are compiled in. Tests verify that they parse.
    fn of(texts: &[&str]) -> Self {
        let parsed = texts.iter().map(|text| serde_json::from_str::<Self>(text).ok());
        let exchanges = parsed.flatten().flat_map(|one| one.exchanges);
        Self { exchanges: exchanges.collect() }
    }

    /// Finds the answer to `who` for `path`; without `accept` the first.
    pub(super) fn find(&self, who: &str, path: &str, accept: Option<&str>) -> Option<&Exchange> {
        let fits = |e: &&Exchange| {
            e.who == who && e.path == path && accept.is_none_or(|accept| e.accept == accept)
        };
        self.exchanges.iter().find(fits)
    }
}
