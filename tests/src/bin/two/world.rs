//! What the two runs change: a cloud, a management cluster and two units, and the operators' jobs.

use std::{fmt::Display, path::Path, str::FromStr, sync::Arc};

use omega::{
    capi::{
        Management, Namespace,
        access::{DriverRights, Reach},
        sim::Apiserver,
    },
    clients::{Clients, CloudClients},
    core::{
        Context, Event, EventSink, Failure, FailureClass, Item, Label as _, Section, TargetPlan,
        kubeconfig::Kubeconfig, step, values::Secret,
    },
    driver::Overrides,
    graft::{GraftSpec, Purpose, SiteSpec},
    juju::{
        Channel, Sources, Unit,
        gates::LeftoverPolicy,
        operations::InjectConfigDir,
        sim::{self, HELM, Snapshot, Start},
    },
    openstack::{Transport, sim::Cloud},
    rehearsal,
    run::{Approved, Counts, Endpoints, Engine, Job, LockHolder, Locking, Report, Runs},
    site::Site,
};
use tempfile::TempDir;

use crate::{
    seams::{Gated, GatedServer},
    turns::Turns,
};

/// What both operators do at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Files and services of two units.
    Units,
    /// The same, with another value for the second operator.
    Different,
    /// Rights in the management cluster.
    Management,
    /// A rule in the cloud, which has no lock, and a file of a unit.
    Cloud,
    /// The whole graft, of one unit.
    Graft,
}

impl Scenario {
    pub(crate) const SMALL: [Self; 4] =
        [Self::Units, Self::Different, Self::Management, Self::Cloud];
    pub(crate) const ALL: [Self; 5] =
        [Self::Units, Self::Different, Self::Management, Self::Cloud, Self::Graft];
}

/// The operators.
pub(crate) const WHO: [&str; 2] = ["alice", "bob"];

/// The simulators.
pub(crate) struct World {
    scenario: Scenario,
    pub(crate) cloud: Cloud,
    pub(crate) apiserver: Apiserver,
    pub(crate) units: Vec<sim::Unit>,
    site: Site,
    kubeconfig: Kubeconfig,
}

/// Everything that a run can change, but the locks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Everything {
    units: Vec<Snapshot>,
    cloud: Vec<(String, String, Vec<String>)>,
    management: Vec<String>,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Result<Self, Failure> {
        let (site, kubeconfig) = rehearsal::site()?;
        let apiserver = match scenario {
            Scenario::Management => Apiserver::with_accounts(jiff::Timestamp::UNIX_EPOCH),
            Scenario::Units | Scenario::Different | Scenario::Cloud | Scenario::Graft => {
                let server = Apiserver::default();
                server.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
                server
            }
        };
        let units = match scenario {
            Scenario::Units | Scenario::Different => 2,
            Scenario::Management | Scenario::Cloud | Scenario::Graft => 1,
        };
        // Where only files and services are changed, the driver is there already.
        let start = match scenario {
            Scenario::Units | Scenario::Different | Scenario::Cloud => Start::HalfFinished,
            Scenario::Management | Scenario::Graft => Start::Fresh,
        };
        let units = (0..units).map(|nth| start.unit(&format!("magnum/{nth}"))).collect();
        Ok(Self { scenario, cloud: rehearsal::cloud(), apiserver, units, site, kubeconfig })
    }

    /// Returns a copy with its own state, which has seen nothing yet.
    pub(crate) fn copy(&self) -> Self {
        Self {
            scenario: self.scenario,
            cloud: self.cloud.fork(),
            apiserver: self.apiserver.fork(),
            units: self.units.iter().map(sim::Unit::copy).collect(),
            site: self.site.clone(),
            kubeconfig: self.kubeconfig.clone(),
        }
    }

    pub(crate) fn everything(&self) -> Everything {
        Everything {
            units: self.units.iter().map(sim::Unit::snapshot).collect(),
            cloud: self.cloud.groups(),
            management: self.apiserver.snapshot(),
        }
    }

    /// How many writes arrived at what has a lock.
    pub(crate) fn writes(&self) -> usize {
        self.units.iter().map(sim::Unit::writes).sum::<usize>() + self.apiserver.writes().len()
    }

    /// Who holds a lock.
    pub(crate) fn held(&self) -> Vec<String> {
        let units = self.units.iter().filter_map(sim::Unit::held);
        let mut held: Vec<String> = units.map(|lock| lock.to_string()).collect();
        let lease = self.apiserver.lease("default", "omega").unwrap_or_default();
        let holder = lease.pointer("/spec/holderIdentity").and_then(|holder| holder.as_str());
        held.extend(holder.filter(|holder| !holder.is_empty()).map(str::to_owned));
        held
    }

    /// The operator's command, from its own machine.
    pub(crate) async fn run(&self, turns: &Arc<Turns>, who: usize) -> Result<Report, Failure> {
        let home = Home::new()?;
        let clients = self.clients(turns, who);
        let job = self.job(&clients, who).await?;
        let name = WHO.get(who).copied().unwrap_or_default();
        let holder = LockHolder::this_process(name, "omega-cli test");
        let ctx = Context::default()
            .with_events(Arc::new(Quiet))
            .with_locking(Locking { holder, break_lock: None });
        let engine = Engine::new(Runs::new(home.0.path()), ctx);
        Box::pin(engine.apply(&job, Approved::Now)).await
    }

    fn clients(&self, turns: &Arc<Turns>, who: usize) -> Clients {
        let mut sources = Sources::default();
        sources.add(self.kubeconfig.bytes.clone());
        sources.add(Secret::new(HELM.to_vec()));
        let transport = |project: &str| -> Arc<dyn Transport> {
            Arc::new(Gated::<dyn Transport>::new(turns, who, self.cloud.admin(project)))
        };
        let (operator, narrowed) = (transport("admin"), transport("capi-mgmt"));
        let cloud = CloudClients::over(operator, narrowed, "memory", || 0);
        let server = self.kubeconfig.facts.server.to_string();
        let service = GatedServer { turns: Arc::clone(turns), who, below: self.apiserver.clone() };
        let units = self.units.iter().map(|unit| {
            let label = unit.client(Sources::default()).label();
            let below: Arc<dyn Channel> = Arc::new(unit.clone());
            let channel = Arc::new(Gated::<dyn Channel>::new(turns, who, below));
            Arc::new(Unit::new(label, channel, sources.clone()))
        });
        let management = Arc::new(Management::over(service, server));
        Clients::new(cloud, management, units.collect()).with_helm(HELM.len())
    }

    async fn job(&self, clients: &Clients, who: usize) -> Result<Job, Failure> {
        let mut site = self.site.clone();
        if let (Scenario::Different, 1, Some(chart)) = (self.scenario, who, &mut site.chart) {
            "0.24.0".clone_into(&mut chart.get_mut().version);
        }
        let spec = SiteSpec::new(&site);
        let targets = match self.scenario {
            Scenario::Graft => {
                let spec = GraftSpec::new(&site, &self.kubeconfig, clients, LeftoverPolicy::Remove);
                return Ok(spec.await?.job("omega.toml", clients, Purpose::Apply(&[])));
            }
            Scenario::Units | Scenario::Different => units(spec, clients)?,
            Scenario::Management => vec![rights(clients)?],
            Scenario::Cloud => {
                let rules = spec.rules(&self.kubeconfig)?;
                let network = &clients.cloud.network;
                let items = rules.into_iter().map(|rule| Item::Step(step(network, rule)));
                let cloud = TargetPlan::shared(network.label(), vec![section(items.collect())]);
                let mut all = vec![cloud];
                all.extend(units(spec, clients)?);
                all
            }
        };
        Ok(Job::new("test", "omega.toml", targets).on(Endpoints::new(), Counts::default))
    }
}

fn section(items: Vec<Item>) -> Section {
    Section::new("", "test", items)
}

fn units(spec: SiteSpec<'_>, clients: &Clients) -> Result<Vec<TargetPlan>, Failure> {
    let dropin = spec.dropin()?;
    let services = spec.services(&dropin, false)?;
    let target = |unit: &Arc<Unit>| {
        let items = vec![
            Item::Step(step(unit, dropin.clone())),
            Item::Step(step(unit, InjectConfigDir::graft())),
            Item::Step(step(unit, services.clone())),
        ];
        TargetPlan::unit(unit.label(), vec![section(items)])
    };
    Ok(clients.units.iter().map(target).collect())
}

fn rights(clients: &Clients) -> Result<TargetPlan, Failure> {
    fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, Failure> {
        text.parse().map_err(|error: T::Err| Failure::new(FailureClass::Error, error.to_string()))
    }
    let namespace: Namespace = read("magnum-a")?;
    let wanted = DriverRights {
        account: read("omega/magnum-driver")?,
        reach: Reach::Namespaces([namespace].into()),
        driver: read("1.4.0")?,
        overrides: Overrides::default(),
        autoscaler: false,
        additive: false,
    };
    let items = vec![Item::Step(step(&clients.management, wanted))];
    Ok(TargetPlan::shared(clients.management.label(), vec![section(items)]))
}

/// Where an operator's machine keeps its runs: in memory, if it can.
struct Home(TempDir);

impl Home {
    fn new() -> Result<Self, Failure> {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        made.map(Self).map_err(|error| {
            Failure::new(FailureClass::Error, "could not make a directory")
                .because(error.to_string())
        })
    }
}

struct Quiet;

impl EventSink for Quiet {
    fn event(&self, _: &Event) {}
}
