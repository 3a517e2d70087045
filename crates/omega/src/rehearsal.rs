//! A whole runbook on the embedded simulators: the same steps, the same engine, no cloud.

use std::{fmt, path::Path, sync::Arc};

use jiff::Timestamp;
use omega_capi::{Management, sim::Apiserver};
use omega_core::{
    CancelReason, Context, Failure, FailureClass,
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
use serde::Serialize;

use crate::{
    clients::{Clients, CloudClients},
    graft::{GraftSpec, Purpose},
    site::{Helm, Project, Site},
};

const SITE: &str = include_str!("../data/rehearsal.toml");

/// A site that exists in memory only: a cloud, a management cluster and a unit. It keeps its state.
#[derive(Debug)]
pub struct Rehearsal {
    start: Start,
    stage: Stage,
}

/// Returns why a rehearsal ended before its end.
pub fn stopped(ctx: &Context) -> &'static str {
    match ctx.cancel().reason() {
        Some(CancelReason::Deadline) => "the rehearsal timed out",
        Some(_) | None => "the rehearsal was interrupted",
    }
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
    /// the simulators'; [`invented`] lists what is not the site's. Nothing of the site is contacted or read.
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
            return Err(Failure::new(FailureClass::Interrupted, stopped(ctx)));
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
            Some(site) => borrowed(site, own).0,
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

/// A value that the rehearsal uses, and the site file does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invented {
    /// The key: `management.sources`.
    pub key: String,
    /// Whether the file has one, which is not used.
    pub in_file: bool,
    /// What is used.
    pub used: String,
}

impl Invented {
    fn new(key: &str, in_file: bool, used: impl Into<String>) -> Self {
        Self { key: key.to_owned(), in_file, used: used.into() }
    }
}

impl fmt::Display for Invented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, in_file, used } = self;
        let why = if *in_file { "the file's is not used" } else { "not in the file" };
        write!(f, "{key}: {why}; the rehearsal uses {used}")
    }
}

/// Returns what a rehearsal on `site` takes from elsewhere.
///
/// # Errors
///
/// As [`site`].
pub fn invented(on: &Site) -> Result<Vec<Invented>, Failure> {
    let (own, _) = site()?;
    Ok(borrowed(on, own).1)
}

/// Returns `site` with the files of `own`, and its values where `site` lacks them; and which these are.
fn borrowed(site: &Site, own: Site) -> (Site, Vec<Invented>) {
    let mut site = site.clone();
    let cloud = Invented::new("cloud", site.cloud.is_some(), "a cloud in memory");
    let kubeconfig = site.management.kubeconfig.is_some();
    let used = "that of a management cluster in memory";
    let mut all = vec![cloud, Invented::new("management.kubeconfig", kubeconfig, used)];
    site.management.kubeconfig.clone_from(&own.management.kubeconfig);
    all.extend(own.helm.iter().flat_map(|own| helm(&site, own.get_ref())));
    site.helm = own.helm;
    or_own(&mut site.driver, own.driver, &mut all, |driver| {
        vec![("driver.version", driver.get_ref().version.clone())]
    });
    if let Some(driver) = &mut site.driver {
        // The simulated index has every release.
        let driver = driver.get_mut();
        let other = [("wheel", driver.wheel.is_some()), ("index", driver.index.is_some())];
        for (key, _) in other.into_iter().filter(|(_, is_set)| *is_set) {
            all.push(Invented::new(&format!("driver.{key}"), true, "an index with every release"));
        }
        (driver.wheel, driver.sha256, driver.index) = (None, None, None);
    }
    or_own(&mut site.conductor, own.conductor, &mut all, |conductor| {
        vec![("conductor.application", conductor.get_ref().application.clone().unwrap_or_default())]
    });
    if site.conductor().is_ok_and(|conductor| conductor.application.is_some()) {
        all.push(Invented::new("conductor.unit", false, units(Some(&site)).join(", ")));
    }
    or_own(&mut site.chart, own.chart, &mut all, |chart| {
        let chart = chart.get_ref();
        vec![("chart.repo", chart.repo.clone()), ("chart.version", chart.version.clone())]
    });
    let (management, default) = (&mut site.management, own.management);
    or_own(&mut management.project, default.project, &mut all, |project| {
        let Project { name, domain, .. } = project.get_ref();
        let text = |one: &Option<String>| one.clone().unwrap_or_default();
        let shown = format!("{} of domain {}", text(name), text(domain));
        vec![("management.project", shown)]
    });
    or_own(&mut management.security_group, default.security_group, &mut all, |group| {
        vec![("management.security_group", group.clone())]
    });
    or_own(&mut management.sources, default.sources, &mut all, |sources| {
        vec![("management.sources", sources.get_ref().join(", "))]
    });
    (site, all)
}

/// The simulators have one helm.
fn helm(site: &Site, own: &Helm) -> Vec<Invented> {
    let mine = site.helm().ok();
    let is_same = mine.is_some_and(|mine| mine.version == own.version);
    let version = Invented::new("helm.version", mine.is_some(), &own.version);
    let key = if mine.is_some_and(|mine| mine.url.is_some()) { "helm.url" } else { "helm.file" };
    let file = Invented::new(key, mine.is_some(), "a program in memory");
    let digest = Invented::new("helm.sha256", mine.is_some(), own.sha256.to_string());
    let all = [Some(version).filter(|_| !is_same), Some(file), Some(digest)];
    all.into_iter().flatten().collect()
}

/// Takes `own` where the site has no value.
fn or_own<T>(
    mine: &mut Option<T>,
    own: Option<T>,
    all: &mut Vec<Invented>,
    shown: impl Fn(&T) -> Vec<(&'static str, String)>,
) {
    if mine.is_none() {
        let used = own.iter().flat_map(shown);
        all.extend(used.map(|(key, used)| Invented::new(key, false, used)));
        *mine = own;
    }
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
