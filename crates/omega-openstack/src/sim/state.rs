//! What the simulated cloud holds, and which service answers.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822, tz::TimeZone};
use omega_core::testing::REFUSAL;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    credentials::AppCredential,
    glance::Glance,
    keystone::{Domain, User},
    magnum::{Fate, SimCluster},
    neutron::Group,
    nova::Nova,
    octavia::{FailoverFate, SimBalancer},
    recorded::{Recorded, recorded},
};
use crate::{Request, Response, Service};

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
    pub(super) failovers: FailoverFate,
    /// On how many hosts Placement finds room for one more server.
    pub(super) hosts_with_room: usize,
    pub(super) rule_quota: Option<usize>,
    pub(super) images: Vec<(String, bool)>,
    pub(super) glance: Glance,
    pub(super) templates: Vec<Value>,
    pub(super) clusters: Vec<SimCluster>,
    pub(super) fates: Vec<Fate>,
    /// The names of those that were deleted before the driver had begun: it goes on, and leaves them in
    /// Cluster API.
    pub(super) overtaken: Vec<String>,
    /// How long after the request a cluster is shown.
    pub(super) appear_after: Duration,
    pub(super) nova: Nova,
    /// The data of images, by id.
    pub(super) blobs: BTreeMap<String, Bytes>,
    pub(super) volume_types: bool,
    /// Whether the catalog has Barbican.
    pub(super) key_manager: bool,
    /// Roles that every login has beside its own.
    pub(super) more_roles: Vec<String>,
    /// Volumes, as Cinder lists them.
    pub(super) volumes: Vec<Value>,
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

impl Who {
    /// Returns the user's id, which is its name here.
    pub(super) fn user(&self) -> &'static str {
        if self.admin { "admin" } else { "member" }
    }
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
            failovers: FailoverFate::Succeeds,
            hosts_with_room: 3,
            rule_quota: None,
            images: Vec::new(),
            glance: Glance::default(),
            templates: Vec::new(),
            clusters: Vec::new(),
            fates: Vec::new(),
            overtaken: Vec::new(),
            appear_after: Duration::ZERO,
            nova: Nova::default(),
            blobs: BTreeMap::new(),
            volume_types: true,
            key_manager: true,
            more_roles: Vec::new(),
            volumes: Vec::new(),
            quotas: BTreeMap::new(),
            page: 1000,
            denied: Vec::new(),
            down: Vec::new(),
            start: Instant::now(),
            next: 0,
        }
    }

    /// Asks the service.
    pub(super) fn answer(&mut self, who: &Who, request: &Request) -> Response {
        if self.denied.contains(&request.service) {
            return denied(request.service).unchanged();
        }
        let answer = match request.service {
            Service::Identity => {
                let mine = self.application_credentials(who, request);
                mine.or_else(|| self.keystone(who, request))
            }
            Service::Network => {
                let quotas = self.network_quotas(who, request);
                quotas.or_else(|| self.neutron(who, request))
            }
            Service::ContainerInfra => self.magnum(who, request),
            Service::LoadBalancer => {
                let quota = self.balancer_quota(who, request);
                quota.or_else(|| self.octavia(who, request))
            }
            Service::Compute => self.nova(who, request),
            Service::Placement => self.placement(who, request),
            Service::BlockStorage => {
                let quotas = self.volume_quotas(who, request);
                quotas.or_else(|| self.cinder(request))
            }
            Service::KeyManager => Self::barbican(request),
            Service::Image => {
                let image = self.glance_images(who, request);
                image.or_else(|| self.glance(request))
            }
        };
        answer.unwrap_or_else(not_found)
    }

    /// Returns what time it is in the cloud, as services put it into an answer.
    pub(super) fn date(&self) -> String {
        rfc2822::to_string(&self.now().to_zoned(TimeZone::UTC)).unwrap_or_default()
    }

    /// Returns what time it is in the cloud.
    pub(super) fn now(&self) -> Timestamp {
        // The day of the recordings.
        let start = Timestamp::from_second(1_795_255_200).unwrap_or_default();
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or_default();
        start.saturating_add(passed).unwrap_or(start)
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

/// What the service answers to who may do nothing there.
fn denied(service: Service) -> &'static Recorded {
    match service {
        Service::Network => recorded!("neutron-403"),
        Service::ContainerInfra => recorded!("magnum-403"),
        Service::LoadBalancer => recorded!("octavia-403"),
        Service::Identity
        | Service::BlockStorage
        | Service::Compute
        | Service::Image
        | Service::Placement
        | Service::KeyManager => recorded!("keystone-domains-403"),
    }
}

/// A refusal on purpose, in the form that the service gives its refusals.
pub(super) fn refused(service: Service) -> Response {
    let body = match service {
        Service::Network => {
            json!({ "NeutronError": { "type": "PolicyNotAuthorized", "message": REFUSAL, "detail": "" } })
        }
        Service::ContainerInfra => {
            json!({ "errors": [{ "status": 403, "title": "Forbidden", "detail": REFUSAL }] })
        }
        Service::LoadBalancer => json!({ "faultcode": "Client", "faultstring": REFUSAL }),
        Service::Compute | Service::BlockStorage => {
            json!({ "forbidden": { "code": 403, "message": REFUSAL } })
        }
        Service::KeyManager => {
            json!({ "code": 403, "title": "Forbidden", "description": REFUSAL })
        }
        Service::Identity | Service::Image | Service::Placement => {
            json!({ "error": { "code": 403, "title": "Forbidden", "message": REFUSAL } })
        }
    };
    Response::new(403, body)
}

pub(super) fn not_found() -> Response {
    let body = json!({ "message": "The resource could not be found.", "code": "404 Not Found" });
    Response::new(404, body)
}
