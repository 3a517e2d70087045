//! Sites with many units or clusters, on the simulators, and a gauge at their seams.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll},
    time::Duration,
};

use async_trait::async_trait;
use omega::{
    capi::{Management, sim::Apiserver},
    clients::Clients,
    core::values::Secret,
    core::{Context, kubeconfig::Kubeconfig},
    doctor::{Doctor, DoctorOptions},
    graft::{GraftSpec, Purpose},
    juju::{
        Action, Channel, Error, Fence, LockRequest, Payload, Probe, Reply, Sources, Unit,
        gates::LeftoverPolicy,
        sim::{self, HELM, Start},
    },
    rehearsal,
    run::{Approved, Engine, HeldLock, Runs},
    site::Site,
};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Service};

use crate::Result;

/// How long an answer takes.
const ANSWER: Duration = Duration::from_millis(20);

/// Counts what is under way, and lets each answer take its time.
#[derive(Clone, Debug)]
pub(crate) struct Gauge(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    began: Instant,
    active: usize,
    most: usize,
    others_end: Duration,
    slow: Option<Duration>,
}

impl Gauge {
    /// `slow`: how long each answer of the first target takes.
    pub(crate) fn new(slow: Option<Duration>) -> Self {
        let (began, others_end) = (Instant::now(), Duration::ZERO);
        Self(Arc::new(Mutex::new(State { began, active: 0, most: 0, others_end, slow })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked until now is not counted.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        (state.began, state.active, state.most) = (Instant::now(), 0, 0);
    }

    pub(crate) fn at_once(&self) -> usize {
        self.lock().most
    }

    /// When the last answer of the others arrived, in milliseconds since the beginning.
    pub(crate) fn others_end(&self) -> u64 {
        u64::try_from(self.lock().others_end.as_millis()).unwrap_or(u64::MAX)
    }

    async fn answer(&self, is_first: bool) {
        let slow = {
            let mut state = self.lock();
            state.active += 1;
            state.most = state.most.max(state.active);
            state.slow.filter(|_| is_first)
        };
        sleep(slow.unwrap_or(ANSWER)).await;
        let mut state = self.lock();
        state.active -= 1;
        if slow.is_none() {
            state.others_end = state.began.elapsed();
        }
    }
}

/// A unit far away.
#[derive(Debug)]
struct Far {
    below: sim::Unit,
    gauge: Gauge,
    is_first: bool,
}

#[async_trait]
impl Channel for Far {
    fn name(&self) -> String {
        self.below.name()
    }

    async fn ask(&self, probes: &[Probe]) -> std::result::Result<Vec<Reply>, Error> {
        self.gauge.answer(self.is_first).await;
        self.below.ask(probes).await
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> std::result::Result<(), Error> {
        self.below.act(action, payload, fence).await
    }

    async fn lock(&self, request: &LockRequest) -> std::result::Result<Option<HeldLock>, Error> {
        self.below.lock(request).await
    }
}

/// Makes a site with so many converged units. The returned future verifies it, and says how many units the
/// report has as they are to be.
pub(crate) async fn units(
    size: usize,
    gauge: Gauge,
) -> Result<impl Future<Output = Result<usize>>> {
    let (omega, kubeconfig) = rehearsal::site()?;
    let (cloud, apiserver) = (rehearsal::cloud(), apiserver());
    let first = Start::Fresh.unit("magnum/0");
    let one = rehearsal::clients(&cloud, &apiserver, std::slice::from_ref(&first), &kubeconfig);
    let home = tempfile::tempdir()?;
    let engine = Engine::new(Runs::new(home.path()), Context::default());
    let job = graft_job(&omega, &kubeconfig, &one, Purpose::Apply(&[])).await?;
    let report = engine.apply(&job, Approved::Now).await?;
    if !report.converged {
        return Err(format!("the first unit is not as it is to be: {report:#?}").into());
    }
    let mut clients = one;
    clients.units = (0..size).map(|nth| Arc::new(far(&first, nth, &kubeconfig, &gauge))).collect();
    Ok(async move {
        let job = graft_job(&omega, &kubeconfig, &clients, Purpose::Verify).await?;
        let report = engine.verify(&job).await;
        let satisfied =
            report.looked.iter().filter(|target| !target.pending() && target.blocker().is_none());
        // The cloud is a target as well.
        let units = satisfied.filter(|target| target.target.starts_with("magnum/")).count();
        drop(home);
        Ok(units)
    })
}

fn far(first: &sim::Unit, nth: usize, kubeconfig: &Kubeconfig, gauge: &Gauge) -> Unit {
    let mut sources = Sources::default();
    sources.add(kubeconfig.bytes.clone());
    sources.add(Secret::new(HELM.to_vec()));
    let channel = Far { below: first.copy(), gauge: gauge.clone(), is_first: nth == 0 };
    Unit::new(format!("magnum/{nth}"), Arc::new(channel), sources)
}

async fn graft_job(
    site: &Site,
    kubeconfig: &Kubeconfig,
    clients: &Clients,
    purpose: Purpose<'_>,
) -> Result<omega::run::Job> {
    let spec = GraftSpec::new(site, kubeconfig, clients, LeftoverPolicy::Remove).await?;
    Ok(spec.job("omega.toml", clients, purpose))
}

fn apiserver() -> Apiserver {
    let server = Apiserver::default();
    server.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
    server
}

/// Makes a site with so many clusters. The returned future examines it, and says how many clusters the
/// report is about.
pub(crate) fn clusters(size: usize, gauge: Gauge) -> Result<impl Future<Output = Result<usize>>> {
    let (omega, kubeconfig) = rehearsal::site()?;
    let cloud = rehearsal::cloud();
    for nth in 0..size {
        cloud.add_cluster("capi-mgmt", &format!("c{nth}"), Some("HEALTHY"), "");
    }
    let below = Apiserver::with_clusters();
    let unit = Start::Fresh.unit("magnum/0");
    let mut clients = rehearsal::clients(&cloud, &below, std::slice::from_ref(&unit), &kubeconfig);
    let server = kubeconfig.facts.server.to_string();
    clients.management = Arc::new(Management::over(FarServer { below, gauge }, server));
    let facts = Some(kubeconfig.facts);
    let doctor = Doctor::new(&omega, facts, (&clients).into(), DoctorOptions::default())?;
    Ok(async move {
        let report = doctor.examine(&Context::default()).await?;
        let named = report.layers.iter().filter_map(|layer| layer.cluster.as_ref());
        Ok(named.collect::<std::collections::BTreeSet<_>>().len())
    })
}

/// The management cluster, far away.
#[derive(Clone)]
struct FarServer {
    below: Apiserver,
    gauge: Gauge,
}

type HttpRequest = http::Request<kube::client::Body>;
type HttpResponse = http::Response<kube::client::Body>;

impl Service<HttpRequest> for FarServer {
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<std::result::Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let (gauge, mut below) = (self.gauge.clone(), self.below.clone());
        Box::pin(async move {
            gauge.answer(false).await;
            below.call(request).await
        })
    }
}
