//! The commands that are run, as omega-cli runs them.

use std::{fmt, str::FromStr};

use omega::{
    clients::PartialClients,
    core::{Context, Failure, Item, Section, TargetPlan, run::Job, step},
    doctor::{Doctor, DoctorOptions},
    drift::{Acceptance, Baselines, DriftSite, Watched},
    graft::{GraftSpec, Purpose, SiteSpec, resolve, verify},
    juju::{gates::LeftoverPolicy, sim::Start},
    rollback::rollback,
    run::{Approved, Status},
};
use omega_core::{Clock, Label as _};
use omega_juju::Sources;
use omega_openstack::network::{Cidr, Flow, Ports, Protocol, SgRule, Traffic};

use crate::{
    kube::Tls,
    outcome::Outcome,
    world::{Result, Station, World},
};

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runbook {
    ApplyGraft,
    PlanGraft,
    VerifyGraft,
    Rollback,
    EnsureSgRule,
    PlaceKubeconfig,
    Doctor,
    Drift,
}

/// The site, as the operator named it.
const SITE: &str = "omega.toml";

impl Runbook {
    pub(crate) const ALL: [Self; 8] = [
        Self::ApplyGraft,
        Self::PlanGraft,
        Self::VerifyGraft,
        Self::Rollback,
        Self::EnsureSgRule,
        Self::PlaceKubeconfig,
        Self::Doctor,
        Self::Drift,
    ];

    /// Whether it only reads.
    pub(crate) fn only_reads(self) -> bool {
        matches!(self, Self::PlanGraft | Self::VerifyGraft | Self::Doctor | Self::Drift)
    }

    /// Makes the site that it is run on.
    pub(crate) async fn world(self, tls: &Tls) -> Result<World> {
        let start = match self {
            Self::ApplyGraft | Self::PlanGraft | Self::EnsureSgRule | Self::PlaceKubeconfig => {
                Start::Fresh
            }
            Self::VerifyGraft | Self::Rollback | Self::Doctor | Self::Drift => Start::Grafted130,
        };
        let world = World::new(start)?;
        if start == Start::Grafted130 {
            let station = world.command(tls, None).await?;
            let outcome = Self::ApplyGraft.run(&station).await;
            if outcome.status != Status::Done {
                return Err(format!("the site could not be made: {}", outcome.words).into());
            }
        }
        Ok(world)
    }

    /// Runs it.
    pub(crate) async fn run(self, station: &Station) -> Outcome {
        let outcome = match self {
            Self::ApplyGraft => apply_graft(station).await,
            Self::PlanGraft => plan_graft(station).await,
            Self::VerifyGraft => verify_graft(station).await,
            Self::Rollback => roll_back(station).await,
            Self::EnsureSgRule => ensure_sg_rule(station).await,
            Self::PlaceKubeconfig => place_kubeconfig(station).await,
            Self::Doctor => doctor(station).await,
            Self::Drift => drift(station).await,
        };
        outcome.unwrap_or_else(|failure| Outcome::failed(&failure))
    }
}

type Ended = std::result::Result<Outcome, Failure>;

async fn graft(station: &Station, purpose: Purpose<'_>) -> std::result::Result<Job, Failure> {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let (spec, clients): (GraftSpec, _) =
        resolve(&connect, &kubeconfig, &[], LeftoverPolicy::Remove).await?;
    Ok(spec.job(SITE, &clients, purpose))
}

async fn apply_graft(station: &Station) -> Ended {
    let job = graft(station, Purpose::Apply(&[])).await?;
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}

async fn plan_graft(station: &Station) -> Ended {
    let job = graft(station, Purpose::Plan(&[])).await?;
    Ok(Outcome::of(&station.engine().plan(&job).await))
}

async fn verify_graft(station: &Station) -> Ended {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let (engine, policy) = (station.engine(), LeftoverPolicy::Undecided);
    Ok(Outcome::of(&verify(&engine, SITE, &connect, &kubeconfig, &[], policy).await?))
}

async fn roll_back(station: &Station) -> Ended {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let clients = connect.all(&kubeconfig, &[]).await?;
    let clients = PartialClients::from(&clients);
    let back = rollback(&station.runs, None, SITE, &clients).await?;
    Ok(Outcome::of(&station.engine().apply(&back.job, Approved::Now).await?))
}

async fn ensure_sg_rule(station: &Station) -> Ended {
    let cloud = station.connect().cloud().await?;
    let usage = |why: String| Failure::new(omega::core::FailureClass::Usage, why);
    let ports = Ports::one(6443).map_err(|error| usage(error.to_string()))?;
    let tcp: Protocol = "tcp".parse().map_err(|_| usage("a protocol".to_owned()))?;
    let peer: Cidr = "10.20.0.0/16".parse().map_err(|_| usage("a range".to_owned()))?;
    let flow = Flow::new(Traffic::Ports(tcp, ports), peer);
    let flow = flow.map_err(|error| usage(error.to_string()))?;
    let rule = SgRule::ingress("capi-mgmt-sg", flow);
    let items = vec![Item::Step(step(&cloud.network, rule))];
    let section = Section::new("", "ensure-sg-rule", items);
    let target = TargetPlan::shared(cloud.network.label(), vec![section]);
    let job = Job::new("ensure-sg-rule", SITE, vec![target]).on(cloud.endpoints(), cloud.counts());
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}

async fn place_kubeconfig(station: &Station) -> Ended {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let mut sources = Sources::default();
    sources.add(kubeconfig.bytes.clone());
    let wanted = SiteSpec::new(&station.site).kubeconfig(&kubeconfig)?;
    let units = connect.units(&[], &sources).await?;
    let target = |unit: &std::sync::Arc<omega_juju::Unit>| {
        let items = vec![Item::Step(step(unit, wanted.clone()))];
        TargetPlan::unit(unit.label(), vec![Section::new("", "place-kubeconfig", items)])
    };
    let job = Job::new("place-kubeconfig", SITE, units.iter().map(target).collect());
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}

async fn doctor(station: &Station) -> Ended {
    let doctor = Doctor::connect(&station.connect(), DoctorOptions::default()).await?;
    let report = doctor.examine(&Context::default()).await?;
    let status = if report.broken { Status::Gate } else { Status::Done };
    Ok(Outcome::found(status, &report))
}

async fn drift(station: &Station) -> Ended {
    let directory = station.machine.home.join("drift");
    let file = Baselines::new(&directory).take(&station.machine.home.join(SITE))?;
    let seen = DriftSite::new(station.connect(), SITE);
    let watched = Watched::new(&file, &station.runs, SITE, seen.sources(), &seen.options);
    let take = || -> std::pin::Pin<Box<dyn Future<Output = _> + Send + '_>> {
        Box::pin(seen.look(Clock::System))
    };
    let limit = std::time::Duration::from_secs(30);
    let report = watched.once(&Context::default(), &take, limit, Acceptance::Keep).await?;
    Ok(Outcome::found(report.status(), &report))
}

impl fmt::Display for Runbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApplyGraft => "apply-graft",
            Self::PlanGraft => "plan-graft",
            Self::VerifyGraft => "verify-graft",
            Self::Rollback => "rollback",
            Self::EnsureSgRule => "ensure-sg-rule",
            Self::PlaceKubeconfig => "place-kubeconfig",
            Self::Doctor => "doctor",
            Self::Drift => "drift",
        })
    }
}

impl FromStr for Runbook {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = Self::ALL.into_iter().find(|one| one.to_string() == text);
        known.ok_or_else(|| {
            format!("no runbook {text:?}: {}", Self::ALL.map(|one| one.to_string()).join(", "))
        })
    }
}
