//! The load balancer of a cluster's API fails over, and the API comes back.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::{Either, select};
use omega_capi::workload::ManagedWorkload;
use omega_core::{Context, Evidence, Failure, FailureClass, Finding, Severity, Subject};
use omega_openstack::{
    ClusterName,
    load_balancer::{FailedOver, LoadBalancerAdmin, fail_over},
};
use tokio::time::{Instant, sleep, timeout};

use super::{Balancing, in_one_line};
use crate::acceptance::{Chart, Stage};

/// How long one look at the API may take: what takes longer is an outage for its users.
const LOOK: Duration = Duration::from_secs(3);

/// The operating status of a load balancer whose amphorae and members report well.
const ONLINE: &str = "ONLINE";

/// What was seen of a failover.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FailoverSeen {
    /// The load balancer's name.
    pub balancer: String,
    /// Why it was not failed over: nothing was sent.
    pub unasked: Option<Failure>,
    /// How the failover failed.
    pub failure: Option<Failure>,
    /// How long it took until Octavia said how it ended.
    pub took: Duration,
    /// What was seen meanwhile, and until the API answered again.
    pub moments: Vec<Moment>,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the beginning.
    pub at: Duration,
    /// The load balancer's provisioning status, if Octavia told it.
    pub status: Option<String>,
    /// Its operating status, if Octavia told it: what its amphorae report.
    pub operating: Option<String>,
    /// Whether the cluster's API answered.
    pub answers: bool,
}

impl Balancing {
    /// Fails the load balancer of the cluster's API over, and looks at both until the API answers again and
    /// the load balancer is ONLINE.
    pub(super) async fn try_failover(
        &self,
        ctx: &Context,
        workload: &ManagedWorkload,
        mark: &ClusterName,
    ) -> FailoverSeen {
        let mut seen = FailoverSeen {
            balancer: mark.api_balancer(),
            unasked: None,
            failure: None,
            took: Duration::ZERO,
            moments: Vec::new(),
        };
        let (admin, wanted) = match self.prepared(workload, &seen.balancer).await {
            Ok(prepared) => prepared,
            Err(failure) => return FailoverSeen { unasked: Some(failure), ..seen },
        };
        let start = Instant::now();
        let moments = Mutex::new(Vec::new());
        let look = async || {
            let (found, answers) = futures::join!(admin.find(&wanted.balancer), answers(workload));
            let found = found.ok().and_then(|all| all.into_iter().next());
            let (status, operating) =
                found.map(|one| (one.provisioning_status, one.operating_status)).unzip();
            let recovered = answers && operating.as_deref() == Some(ONLINE);
            let moment = Moment { at: start.elapsed(), status, operating, answers };
            moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
            recovered
        };
        look().await;
        let watching = async || -> Infallible {
            loop {
                sleep(self.patience.every).await;
                look().await;
            }
        };
        let failing = pin!(fail_over(ctx, &admin, &wanted));
        let done = match select(failing, pin!(watching())).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        };
        seen.took = start.elapsed();
        seen.failure = done.err().map(Failure::from);
        // As long as it has not recovered, unless somebody wants to stop.
        while !look().await && start.elapsed() < seen.took + self.patience.after {
            if ctx.cancel().is_cancelled() {
                break;
            }
            sleep(self.patience.every).await;
        }
        seen.moments = moments.into_inner().unwrap_or_else(PoisonError::into_inner);
        seen
    }

    async fn prepared(
        &self,
        workload: &ManagedWorkload,
        balancer: &str,
    ) -> Result<(LoadBalancerAdmin, FailedOver), Failure> {
        let admin = LoadBalancerAdmin::new(self.operator.clone()).await.map_err(|error| {
            Failure::from_error("could not use Octavia as an administrator", &error)
        })?;
        if !answers(workload).await {
            let what = format!(
                "the API of cluster {} does not answer this machine, so that its recovery could not be \
                 seen",
                self.cluster
            );
            return Err(Failure::new(FailureClass::Gate, what)
                .next(format!("omega-cli doctor --cluster {}", self.cluster)));
        }
        let wanted = FailedOver::from_now(&admin, balancer).await?;
        Ok((admin, wanted))
    }
}

async fn answers(workload: &ManagedWorkload) -> bool {
    timeout(LOOK, workload.answers()).await.unwrap_or(false)
}

/// A stretch of moments that are alike: what, from when, and how long.
fn spans<T: PartialEq>(
    moments: &[Moment],
    of: impl Fn(&Moment) -> T,
) -> Vec<(T, Duration, Duration)> {
    let end = moments.last().map(|one| one.at).unwrap_or_default();
    let mut all: Vec<(T, Duration, Duration)> = Vec::new();
    for moment in moments {
        let value = of(moment);
        match all.last_mut() {
            Some((last, _, _)) if *last == value => {}
            Some((_, from, took)) => {
                *took = moment.at.saturating_sub(*from);
                all.push((value, moment.at, Duration::ZERO));
            }
            None => all.push((value, moment.at, Duration::ZERO)),
        }
    }
    if let Some((_, from, took)) = all.last_mut() {
        *took = end.saturating_sub(*from);
    }
    all
}

impl FailoverSeen {
    /// Returns how long the API did not answer, as far as it was looked at.
    pub fn outage(&self) -> Duration {
        let all = spans(&self.moments, |one| one.answers);
        all.into_iter().filter(|(answers, _, _)| !answers).map(|(_, _, took)| took).sum()
    }

    /// Returns what is wrong, and what was observed.
    pub fn judge(&self, cluster: &str) -> (Vec<Finding>, Vec<Evidence>) {
        let broken = |rule: &str, why: String| {
            Finding::broken(rule, Subject::new("load balancer", &self.balancer), why)
                .decision("D-011")
        };
        if let Some(failure) = &self.unasked {
            let why = format!("it was not failed over: {}", in_one_line(failure));
            let mut found = broken("failover-unasked", why).severity(Severity::Unknown);
            found.remedy.clone_from(&failure.next);
            return (vec![found], Vec::new());
        }
        let mut findings = Vec::new();
        if let Some(failure) = &self.failure {
            let interrupted = failure.class == FailureClass::Interrupted;
            let severity = if interrupted { Severity::Unknown } else { Severity::Broken };
            let mut found = broken("failover-failed", in_one_line(failure)).severity(severity);
            found.remedy.clone_from(&failure.next);
            findings.push(found);
        }
        if self.moments.last().is_some_and(|last| !last.answers) {
            let why = format!(
                "the API of cluster {cluster} does not answer {} s after the failover began",
                self.moments.last().map(|last| last.at.as_secs()).unwrap_or_default()
            );
            let remedy = format!(
                "omega-cli doctor --cluster {cluster}; openstack loadbalancer list has the load balancer's id, \
                 openstack loadbalancer status show ID its members"
            );
            findings.push(broken("failover-api-down", why).remedy(remedy));
        }
        findings.extend(self.not_online());
        let statuses = spans(&self.moments, |one| one.status.clone()).into_iter();
        let statuses =
            statuses.map(|(status, _, _)| status.unwrap_or_else(|| "unknown".to_owned()));
        let evidence = vec![
            Evidence::text("failover of", &self.balancer),
            Evidence::took("failover", self.took),
            Evidence::list("statuses", statuses),
            Evidence::text("operating status afterwards", self.operating().unwrap_or("unknown")),
            Evidence::took("API did not answer for", self.outage()),
        ];
        (findings, evidence)
    }

    /// The operating status at the end.
    fn operating(&self) -> Option<&str> {
        self.moments.last()?.operating.as_deref()
    }

    /// A failover that ended well, and a load balancer that does not carry traffic.
    fn not_online(&self) -> Option<Finding> {
        let operating = self.operating();
        if self.failure.is_some() || operating == Some(ONLINE) {
            return None;
        }
        let why = format!(
            "it is ACTIVE after the failover, and its operating_status is {}: not {ONLINE}",
            operating.unwrap_or("not known")
        );
        let subject = Subject::new("load balancer", &self.balancer);
        let found = Finding::broken("failover-not-online", subject, why).decision("D-011");
        let found = found.remedy("openstack loadbalancer status show on the load balancer");
        Some(if operating.is_some() { found } else { found.severity(Severity::Unknown) })
    }

    /// Returns the timeline: the load balancer's statuses, and when the API answered.
    pub fn chart(&self) -> Chart {
        let statuses = spans(&self.moments, |one| one.status.clone()).into_iter();
        let statuses = statuses.map(|(status, from, took)| {
            let status = status.unwrap_or_else(|| "status unknown".to_owned());
            let failed = status == "ERROR";
            Stage::new(format!("load balancer {status}"), from, took).failed(failed)
        });
        let answers = spans(&self.moments, |one| one.answers).into_iter();
        let answers = answers.map(|(answers, from, took)| {
            let name = if answers { "API answers" } else { "API does not answer" };
            Stage::new(name, from, took).failed(!answers)
        });
        let title = "Failover of the load balancer of the API".to_owned();
        Chart::Stages { title, stages: statuses.chain(answers).collect() }
    }
}
