//! A whole runbook on the embedded simulators: the same steps, the same engine, no cloud.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use omega_capi::{Management, sim::Apiserver};
use omega_core::{
    Context, Failure, FailureClass,
    kubeconfig::Kubeconfig,
    run::{Approved, Engine, Job, Report, Runs, Status},
    values::{Secret, Sha256},
};
use omega_juju::{
    Sources,
    gates::LeftoverPolicy,
    sim::{HELM, KUBECONFIG, Start, Unit},
};
use omega_openstack::sim::Cloud;

use crate::{
    clients::{Clients, CloudClients},
    graft::{GraftSpec, Purpose},
    site::Site,
};

const SITE: &str = include_str!("../data/rehearsal.toml");

/// A site that exists in memory only: a cloud, a management cluster and a unit. It keeps its state.
#[derive(Debug)]
pub struct Rehearsal {
    start: Start,
    stage: Stage,
}

/// One command of a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// `plan graft`
    Plan,
    /// `apply graft`
    Apply,
    /// `verify graft`
    Verify,
    /// `apply graft` once more, which must change nothing.
    ApplyAgain,
}

impl Act {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Apply, Self::Verify, Self::ApplyAgain];

    fn purpose(self) -> Purpose<'static> {
        match self {
            Self::Plan => Purpose::Plan(&[]),
            Self::Apply | Self::ApplyAgain => Purpose::Apply(&[]),
            Self::Verify => Purpose::Verify,
        }
    }
}

impl Rehearsal {
    /// Returns a site whose unit has this initial state.
    pub fn new(start: Start) -> Self {
        Self::with(start, None)
    }

    /// Returns a site with the names and values of `site`: its units (those of SSH, or the first of its
    /// application), project, security group, sources, driver, chart and options. Kubeconfig and helm are
    /// the simulators'. Nothing of the site is contacted or read.
    pub fn on(start: Start, site: &Site) -> Self {
        Self::with(start, Some(site.clone()))
    }

    fn with(start: Start, site: Option<Site>) -> Self {
        let units = units(site.as_ref()).iter().map(|name| start.unit(name)).collect();
        let cloud = match &site {
            Some(site) => cloud_of(site),
            None => cloud(),
        };
        Self { start, stage: Stage { site, cloud, apiserver: management_cluster(), units } }
    }

    /// Runs one act with an engine that keeps its runs in `runs`, and compares the outcome with the
    /// expected one.
    ///
    /// # Errors
    ///
    /// Fails if the act did not end as expected, which is a defect of omega, and if it was cancelled.
    pub async fn act(&self, act: Act, runs: &Runs, ctx: &Context) -> Result<Report, Failure> {
        let job = self.stage.job(act.purpose()).await?;
        let engine = Engine::new(runs.clone(), ctx.clone());
        let (report, expected) = match act {
            Act::Plan => (engine.plan(&job).await, Status::Pending),
            Act::Verify => (engine.verify(&job).await, Status::Done),
            Act::Apply | Act::ApplyAgain => {
                (engine.apply(&job, Approved::Now).await?, Status::Done)
            }
        };
        if act == Act::ApplyAgain && report.recap.changed > 0 {
            let what = format!("the second run from {} changed something", self.start.title());
            return Err(Failure::new(FailureClass::Error, what));
        }
        if report.exit == expected {
            return Ok(report);
        }
        if ctx.cancel().is_cancelled() {
            return Err(Failure::new(FailureClass::Interrupted, "the rehearsal was interrupted"));
        }
        let what = format!("the rehearsal from {} did not end as expected", self.start.title());
        Err(Failure {
            expected: Some(format!("exit {}", expected.code())),
            found: Some(format!("exit {}", report.exit.code())),
            ..Failure::new(FailureClass::Error, what)
        }
        .next("this is a defect of omega: report it"))
    }
}

/// The state that is kept between commands.
#[derive(Debug)]
struct Stage {
    /// The operator's, if it is not the rehearsal's own.
    site: Option<Site>,
    cloud: Cloud,
    apiserver: Apiserver,
    units: Vec<Unit>,
}

impl Stage {
    /// Connects and resolves again, as each command does.
    async fn job(&self, purpose: Purpose<'_>) -> Result<Job, Failure> {
        let (own, kubeconfig) = site()?;
        let site = match &self.site {
            Some(site) => borrowed(site, own),
            None => own,
        };
        let project = project(&site);
        let clients = clients_in(&project, &self.cloud, &self.apiserver, &self.units, &kubeconfig);
        let spec = GraftSpec::new(&site, &kubeconfig, &clients, LeftoverPolicy::Remove).await?;
        Ok(spec.job("rehearsal.toml", &clients, purpose))
    }
}

/// Returns the rehearsal's management cluster.
fn management_cluster() -> Apiserver {
    let server = Apiserver::default();
    // The resource controller's, which the OpenStack provider needs. The recordings are of a server
    // without it.
    server.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
    server
}

/// Returns the rehearsal's site file and its kubeconfig.
///
/// # Errors
///
/// Fails if they can't be read, which is a defect of omega.
pub fn site() -> Result<(Site, Kubeconfig), Failure> {
    let text = SITE.replace("@HELM@", &Sha256::of(HELM).to_string());
    let site = Site::parse(Path::new("rehearsal.toml"), &text)?;
    let secret = Secret::from(KUBECONFIG.to_owned());
    let kubeconfig = Kubeconfig::parse(secret, Timestamp::now())
        .map_err(|error| Failure::from_error("the rehearsal's kubeconfig can't be used", &error))?;
    Ok((site, kubeconfig))
}

/// Returns the names of the units of a site.
fn units(site: Option<&Site>) -> Vec<String> {
    let conductor = site.and_then(|site| site.conductor().ok());
    let Some(conductor) = conductor else { return vec!["magnum/0".to_owned()] };
    match &conductor.application {
        Some(application) => vec![format!("{application}/0")],
        None => conductor.unit.iter().map(|unit| unit.name.to_string()).collect(),
    }
}

fn project(site: &Site) -> String {
    let project = site.project().ok();
    let name = project.and_then(|project| project.name.as_ref().or(project.id.as_ref()));
    name.cloned().unwrap_or_else(|| "capi-mgmt".to_owned())
}

/// Returns `site` with the files of `own`, and its tables where `site` lacks them.
fn borrowed(site: &Site, own: Site) -> Site {
    let mut site = site.clone();
    site.management.kubeconfig.clone_from(&own.management.kubeconfig);
    site.helm = own.helm;
    site.driver = site.driver.or(own.driver);
    if let Some(driver) = &mut site.driver {
        // The simulated index has every release.
        let driver = driver.get_mut();
        (driver.wheel, driver.sha256, driver.index) = (None, None, None);
    }
    site.conductor = site.conductor.or(own.conductor);
    site.chart = site.chart.or(own.chart);
    let (management, default) = (&mut site.management, own.management);
    management.project = management.project.take().or(default.project);
    management.security_group = management.security_group.take().or(default.security_group);
    management.sources = management.sources.take().or(default.sources);
    site
}

fn cloud_of(site: &Site) -> Cloud {
    let cloud = Cloud::new();
    let group = site.security_group().unwrap_or("capi-mgmt-sg");
    cloud.add_group(&project(site), group);
    cloud.add_domain(&site.trust.domain, true);
    cloud.add_user(&site.trust.domain, &site.trust.admin, Some("admin"));
    cloud
}

/// Returns a cloud that meets the prerequisites of the graft.
pub fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.add_group("capi-mgmt", "capi-mgmt-sg");
    cloud.domain_setup();
    cloud
}

/// Returns the clients of these simulators.
pub fn clients(
    cloud: &Cloud,
    apiserver: &Apiserver,
    units: &[Unit],
    kubeconfig: &Kubeconfig,
) -> Clients {
    clients_in("capi-mgmt", cloud, apiserver, units, kubeconfig)
}

fn clients_in(
    project: &str,
    cloud: &Cloud,
    apiserver: &Apiserver,
    units: &[Unit],
    kubeconfig: &Kubeconfig,
) -> Clients {
    let mut sources = Sources::default();
    sources.add(kubeconfig.bytes.clone());
    sources.add(Secret::new(HELM.to_vec()));
    let counted = cloud.clone();
    let before = counted.requests();
    let requests = move || counted.requests() - before;
    let over = CloudClients::over(cloud.admin("admin"), cloud.admin(project), "memory", requests);
    let server = kubeconfig.facts.server.to_string();
    let management = Arc::new(Management::over(apiserver.clone(), server));
    let units = units.iter().map(|unit| Arc::new(unit.client(sources.clone()))).collect();
    Clients::new(over, management, units).with_helm(HELM.len())
}
