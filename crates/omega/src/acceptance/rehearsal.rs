//! An acceptance on stand-ins: one good cloud, and some that lack something.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{
    Context, Failure, FailureClass, Touched,
    run::{Endpoints as Sites, Job, RunDirectory, Runs},
};
use omega_juju::{
    Error as UnitError, Sources,
    channel::JujuStatus,
    sim::{JUJU_STATUS, Start},
};
use omega_openstack::{
    Catalog, CatalogEntry, Endpoint, Error, Name, Page, Request, StreamedResponse, TokenInfo,
    Transport, TransportCause, Web,
};
use serde_json::{Value, json};
use url::Url;

use super::{
    Acceptance, AcceptanceReport, Item, ItemId, Selection,
    items::{
        Balancing, CORE, Charms, Cloud, Cluster, Clusters, Designate, Endpoints, Hypervisor, IMAGE,
        JujuModel, LoadBalancer, Patience, Snapshots, Tenant, Vault, VaultServers,
    },
};

pub(super) mod balancing;
mod created;

use balancing::{Behaviour, Stage as BalancingStage};

/// The site that is rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scenario {
    /// Nothing is wrong.
    Good,
    /// A charm is blocked.
    BlockedUnit,
    /// Keystone's certificate is of another CA.
    ForeignCertificate,
    /// Vault is sealed.
    SealedVault,
    /// The tenant's server does not reach the address of the APIs.
    TenantCutOff,
    /// A domain has no snapshot.
    SnapshotMissing,
    /// A service of type `LoadBalancer` is answered by one of its pods only.
    OnePodAnswers,
    /// The cloud controller gives services no address.
    NoAddress,
}

impl Scenario {
    /// All of them, the good one first.
    pub const ALL: [Self; 8] = [
        Self::Good,
        Self::BlockedUnit,
        Self::ForeignCertificate,
        Self::SealedVault,
        Self::TenantCutOff,
        Self::SnapshotMissing,
        Self::OnePodAnswers,
        Self::NoAddress,
    ];

    /// Returns its name, which can be part of a path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::BlockedUnit => "blocked-unit",
            Self::ForeignCertificate => "foreign-certificate",
            Self::SealedVault => "sealed-vault",
            Self::TenantCutOff => "tenant-cut-off",
            Self::SnapshotMissing => "snapshot-missing",
            Self::OnePodAnswers => "one-pod-answers",
            Self::NoAddress => "no-address",
        }
    }

    /// Returns what it is like.
    pub fn title(self) -> &'static str {
        match self {
            Self::Good => "a cloud with nothing wrong",
            Self::BlockedUnit => "a charm is blocked",
            Self::ForeignCertificate => "Keystone's certificate is of another CA",
            Self::SealedVault => "Vault is sealed",
            Self::TenantCutOff => "the tenant's server does not reach the APIs",
            Self::SnapshotMissing => "a domain has no snapshot",
            Self::OnePodAnswers => "only one pod of a service answers",
            Self::NoAddress => "services of type LoadBalancer get no address",
        }
    }

    /// Returns the items that must fail.
    pub fn failing(self) -> &'static [ItemId] {
        match self {
            Self::Good => &[],
            Self::BlockedUnit => &[ItemId::Charms],
            Self::ForeignCertificate => &[ItemId::Endpoints],
            Self::SealedVault => &[ItemId::Vault],
            Self::TenantCutOff => &[ItemId::Tenant],
            Self::SnapshotMissing => &[ItemId::Snapshots],
            Self::OnePodAnswers | Self::NoAddress => &[ItemId::LoadBalancer],
        }
    }

    /// Returns an acceptance of such a site.
    ///
    /// # Errors
    ///
    /// Fails if the recorded model can't be read, which is a defect of omega.
    pub fn acceptance(self) -> Result<Acceptance, Failure> {
        let cloud = self.cloud();
        let address: Option<Url> = Some(KEYSTONE.parse().map_err(defect)?);
        let items: Vec<Box<dyn Item>> = vec![
            Box::new(Charms { model: Ok(Arc::new(self.model()?)) }),
            Box::new(Endpoints {
                cloud: Ok(cloud.clone()),
                core: CORE.map(str::to_owned).into(),
                horizon: Some(HORIZON.parse().map_err(defect)?),
                plain_http: false,
            }),
            Box::new(Tenant {
                server: Ok(self.tenant()),
                address,
                cloud: Ok(cloud),
                ca_pem: Some("the CA of the cloud".to_owned()),
            }),
            Box::new(LoadBalancer { balancing: Ok(self.balancing()) }),
            Box::new(created::Created::new(Cluster { cluster: Ok(BalancingStage::cluster()) })?),
            Box::new(Vault { servers: Ok(self.vault()?) }),
            Box::new(Snapshots { hypervisors: Ok(vec![self.hypervisor()]) }),
            Box::new(Designate),
        ];
        Ok(Acceptance {
            items,
            site: format!("rehearsal: {}", self.title()),
            site_sha256: None,
            endpoints: Sites::from([("cloud".to_owned(), KEYSTONE.to_owned())]),
            stand_ins: STAND_INS.map(str::to_owned).into(),
            throw_away: None,
            transfer: Some(created::transfer()),
        })
    }

    fn model(self) -> Result<MemoryModel, Failure> {
        let mut status: Value = serde_json::from_str(JUJU_STATUS).map_err(defect)?;
        let unit = status.pointer_mut("/applications/glance/units/glance~10/workload-status");
        if let (Self::BlockedUnit, Some(unit)) = (self, unit) {
            *unit = json!({ "current": "blocked", "message": "Missing relations: identity" });
        }
        Ok(MemoryModel(status.to_string()))
    }

    fn cloud(self) -> Cloud {
        let (mut web, mut open) = (MemoryWeb::default(), MemoryWeb::default());
        for (nth, (_, url, list)) in SERVICES.into_iter().enumerate() {
            web.answer(&format!("{url}{list}"), 200, "{}", 20 + 9 * (nth as u64 % 4));
        }
        open.answer(HORIZON, 302, "", 64);
        if self == Self::ForeignCertificate {
            let why = "its certificate is not signed by a trusted CA";
            web.fail(&format!("{KEYSTONE}/auth/catalog"), TransportCause::Tls, why);
        }
        Cloud {
            transport: Arc::new(MemoryCloud),
            with_token: Arc::new(web),
            without_token: Arc::new(open),
            region: None,
        }
    }

    /// The good cloud's load balancer is failed over too.
    fn balancing(self) -> Balancing {
        let behaviour = match self {
            Self::OnePodAnswers => Behaviour::OnePod,
            Self::NoAddress => Behaviour::NoAddress,
            Self::Good
            | Self::BlockedUnit
            | Self::ForeignCertificate
            | Self::SealedVault
            | Self::TenantCutOff
            | Self::SnapshotMissing => Behaviour::Good,
        };
        BalancingStage::new(behaviour).balancing(self == Self::Good)
    }

    fn tenant(self) -> Arc<omega_juju::Unit> {
        let server = Start::Fresh.unit("ubuntu@10.12.7.40");
        server.with_management(|seen| {
            "10.12.4.50".clone_into(&mut seen.host);
            seen.port = 5000;
            seen.reachable = self != Self::TenantCutOff;
        });
        Arc::new(server.client(Sources::default()))
    }

    fn vault(self) -> Result<VaultServers, Failure> {
        let mut web = MemoryWeb::default();
        let is_sealed = self == Self::SealedVault;
        let seal = json!({
            "type": "shamir", "initialized": true, "sealed": is_sealed, "t": 3, "n": 5, "progress": 0,
            "version": "1.8.8",
        });
        let health = if is_sealed { 503 } else { 200 };
        web.answer(&format!("{VAULT}v1/sys/seal-status"), 200, &seal.to_string(), 12);
        web.answer(&format!("{VAULT}v1/sys/health"), health, "{}", 11);
        let address = VAULT.parse().map_err(defect)?;
        Ok(VaultServers { web: Arc::new(web), addresses: vec![address] })
    }

    fn hypervisor(self) -> Hypervisor {
        let host = Start::Fresh.unit("ops@jumphost");
        let domains = ["openstack0", "openstack1", "openstack2", "openstack3"];
        for (nth, domain) in domains.into_iter().enumerate() {
            let lacks = self == Self::SnapshotMissing && nth == 2;
            host.set_domain(domain, if lacks { &[] } else { &["snapshot-1"] });
        }
        Hypervisor {
            machine: Arc::new(host.client(Sources::default())),
            virsh: "virsh".to_owned(),
            domains: domains.map(str::to_owned).into(),
            snapshots: vec!["snapshot-1".to_owned()],
        }
    }
}

/// Checks a site of the rehearsal with a run in `runs`, and returns its report and its run.
///
/// # Errors
///
/// Fails if other items fail than must, which is a defect of omega; or if the run can't be written.
pub async fn rehearse(
    scenario: Scenario,
    runs: &Runs,
    ctx: &Context,
) -> Result<(AcceptanceReport, RunDirectory), Failure> {
    let acceptance = scenario.acceptance()?;
    let run = runs.begin(&Job::new("accept", "rehearsal", Vec::new()), ctx.now())?;
    let report = acceptance.run(&Selection::default(), &run, ctx).await?;
    let failed = report.items.iter().filter(|item| item.rank().0 == 0).map(|item| item.id);
    let failed: Vec<ItemId> = failed.collect();
    if failed == scenario.failing() || report.interrupted {
        return Ok((report, run));
    }
    let shown = |all: &[ItemId]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(Failure {
        expected: Some(shown(scenario.failing())),
        found: Some(shown(&failed)),
        ..Failure::new(
            FailureClass::Error,
            format!("the rehearsal of {} failed otherwise", scenario.title()),
        )
    }
    .next("this is a defect of omega: report it"))
}

const KEYSTONE: &str = "https://10.12.4.50:5000/v3";
const HORIZON: &str = "https://10.12.4.58/horizon/";
const VAULT: &str = "https://10.12.8.11:8200/";

/// What the catalog lists, at the addresses of the runbook, and what each service answers to a token.
const SERVICES: [(&str, &str, &str); 9] = [
    ("identity", KEYSTONE, "/auth/catalog"),
    ("key-manager", "https://10.12.4.51:9312", "/v1/secrets?limit=1"),
    ("volumev3", "https://10.12.4.52:8776/v3/d5bc125c7c1841d389b76cd0a7b0a915", "/volumes?limit=1"),
    ("image", "https://10.12.4.53:9292", "/v2/images?limit=1"),
    ("container-infra", "https://10.12.4.54:9511/v1", "/clusters?limit=1"),
    ("network", "https://10.12.4.55:9696", "/v2.0/networks?limit=1"),
    ("compute", "https://10.12.4.56:8774/v2.1", "/servers?limit=1"),
    ("load-balancer", "https://10.12.4.57:9876", "/v2/lbaas/loadbalancers?limit=1"),
    ("placement", "https://10.12.4.59:8778", "/resource_providers?name=omega"),
];

const STAND_INS: [&str; 6] = [
    "Juju: a recorded status of a model",
    "Keystone's catalog, the services and Horizon: answers in memory",
    "the tenant's server and the hypervisor: simulated machines",
    "Vault: answers in memory",
    "D-011.4: a simulated API server and Octavia; no pod runs, no traffic passes an amphora, and the \
     answers of the service are made here",
    "D-011.5: a cluster in a simulated Magnum, and recorded answers of a management and a workload \
     cluster; the times of its creation and of the image's transfer are made here",
];

fn defect(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureClass::Error, "the rehearsal's own data can't be read")
        .because(error.to_string())
        .next("this is a defect of omega: report it")
}

/// A model that is always in the same state.
#[derive(Debug)]
struct MemoryModel(String);

#[async_trait]
impl JujuModel for MemoryModel {
    async fn status(&self) -> Result<JujuStatus, UnitError> {
        JujuStatus::parse(self.0.as_bytes()).map_err(|error| UnitError::Malformed {
            unit: "the recorded model".to_owned(),
            why: error.to_string(),
            touched: Touched::Nothing,
        })
    }
}

/// A cloud that has nothing but a catalog.
#[derive(Debug)]
struct MemoryCloud;

#[async_trait]
impl Transport for MemoryCloud {
    async fn exchange(&self, _: &Context, request: Request) -> Result<StreamedResponse, Error> {
        Err(nobody(&request.to_string(), "memory", TransportCause::Refused, "connection refused"))
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        let streams = ("product-streams", "http://10.12.8.196/swift/simplestreams/data");
        let services = SERVICES.map(|(service_type, url, _)| (service_type, url));
        let entry = |(service_type, url): (&str, &str)| CatalogEntry {
            service_type: service_type.to_owned(),
            endpoints: vec![Endpoint {
                interface: "public".to_owned(),
                region_id: Some("RegionOne".to_owned()),
                url: url.to_owned(),
            }],
        };
        let named = |name: &str| Name { id: name.to_owned(), name: name.to_owned() };
        let catalog = Catalog(services.into_iter().chain([streams]).map(entry).collect());
        let roles = vec!["admin".to_owned()];
        Ok(TokenInfo::new(named("admin"), Some(named("admin")), roles, catalog))
    }

    fn label(&self) -> String {
        "cloud rehearsal".to_owned()
    }
}

/// Pages in memory. Nothing listens at other addresses.
#[derive(Debug, Default)]
pub(super) struct MemoryWeb(BTreeMap<String, Result<Page, (TransportCause, String)>>);

impl MemoryWeb {
    pub(super) fn answer(&mut self, url: &str, status: u16, body: &str, millis: u64) {
        let (body, took) = (body.as_bytes().to_vec(), Duration::from_millis(millis));
        self.0.insert(url.to_owned(), Ok(Page { status, body, took }));
    }

    pub(super) fn fail(&mut self, url: &str, cause: TransportCause, why: &str) {
        self.0.insert(url.to_owned(), Err((cause, why.to_owned())));
    }
}

#[async_trait]
impl Web for MemoryWeb {
    async fn get(&self, url: &Url) -> Result<Page, Error> {
        let at = url.origin().ascii_serialization();
        let path = format!("GET {}", url.path());
        match self.0.get(url.as_str()) {
            Some(Ok(page)) => Ok(page.clone()),
            Some(Err((cause, why))) => Err(nobody(&path, &at, *cause, why)),
            None => Err(nobody(&path, &at, TransportCause::Refused, "connection refused")),
        }
    }
}

fn nobody(request: &str, url: &str, cause: TransportCause, why: &str) -> Error {
    Error::Unreachable {
        request: request.to_owned(),
        url: url.to_owned(),
        cause,
        touched: Touched::Nothing,
        source: why.into(),
    }
}

#[cfg(test)]
#[path = "rehearsal_tests.rs"]
mod tests;
