//! The state of the simulated cloud.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822, tz::TimeZone};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    credentials::AppCredential,
    keystone::{Domain, User},
    magnum::{Fate, SimCluster},
    neutron::Group,
    octavia::SimBalancer,
};
use crate::Service;

/// The state of all services.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) projects: Vec<(String, String)>,
    pub(super) domains: Vec<Domain>,
    pub(super) credentials: Vec<AppCredential>,
    pub(super) groups: Vec<Group>,
    /// Networks, subnets, routers, ports and floating IPs, as Neutron lists them, by collection.
    pub(super) parts: BTreeMap<&'static str, Vec<Value>>,
    pub(super) balancers: Vec<SimBalancer>,
    pub(super) rule_quota: Option<usize>,
    pub(super) images: Vec<(String, bool)>,
    pub(super) templates: Vec<Value>,
    pub(super) clusters: Vec<SimCluster>,
    pub(super) fates: Vec<Fate>,
    /// How long after the request a new cluster appears.
    pub(super) appear_after: Duration,
    pub(super) servers: Vec<Value>,
    /// The data of images, by id.
    pub(super) blobs: BTreeMap<String, Bytes>,
    pub(super) volume_types: bool,
    /// Limits by project and resource, if they differ from the recorded ones.
    pub(super) quotas: BTreeMap<(String, String), u64>,
    pub(super) page: usize,
    pub(super) denied: Vec<Service>,
    pub(super) down: Vec<Service>,
    start: Instant,
    next: u64,
}

/// The owner of a request's token.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) project: String,
    pub(super) project_name: String,
    pub(super) admin: bool,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            projects: Vec::new(),
            domains: Vec::new(),
            credentials: Vec::new(),
            groups: Vec::new(),
            parts: BTreeMap::new(),
            balancers: Vec::new(),
            rule_quota: None,
            images: Vec::new(),
            templates: Vec::new(),
            clusters: Vec::new(),
            fates: Vec::new(),
            appear_after: Duration::ZERO,
            servers: Vec::new(),
            blobs: BTreeMap::new(),
            volume_types: true,
            quotas: BTreeMap::new(),
            page: 1000,
            denied: Vec::new(),
            down: Vec::new(),
            start: Instant::now(),
            next: 0,
        }
    }

    /// Returns the cloud's time, in the format of the services.
    pub(super) fn date(&self) -> String {
        // The day of the recordings.
        let start = Timestamp::from_second(1_795_255_200).unwrap_or_default();
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or_default();
        let now = start.saturating_add(passed).unwrap_or(start);
        rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap_or_default()
    }

    pub(super) fn serial(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Returns an id in the format of the services.
    pub(super) fn id(&mut self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.serial())
    }

    /// Returns the id of the project, which is created if it does not exist.
    pub(super) fn project(&mut self, name: &str) -> String {
        if let Some((_, id)) = self.projects.iter().find(|(known, _)| known == name) {
            return id.clone();
        }
        let id = self.id().replace('-', "");
        self.projects.push((name.to_owned(), id.clone()));
        id
    }

    pub(super) fn domain(&mut self, name: &str, enabled: bool) -> String {
        let id = self.id().replace('-', "");
        let (name, users) = (name.to_owned(), Vec::new());
        self.domains.push(Domain { id: id.clone(), name, enabled, users });
        id
    }

    pub(super) fn user(&mut self, domain: &str, name: &str, role: Option<&str>) {
        let id = self.id().replace('-', "");
        let (name, role) = (name.to_owned(), role.map(str::to_owned));
        let user = User { id, name, enabled: true, role };
        let domains = self.domains.iter_mut();
        for known in domains.filter(|known| known.name == domain) {
            known.users.push(user.clone());
        }
    }
}
