//! D-011.5: a cluster that Magnum created works.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_capi::{
    Management,
    workload::{ClusterName as Placed, Workload, WorkloadGate},
};
use omega_core::{
    Check, Context, Evidence, Failure, FailureClass, Finding, Gate as _, PollPolicy, Progress,
    ProgressUnit, Severity, Subject, Verdict, WaitError, wait_for,
};
use omega_openstack::{
    ClusterName, Transport,
    container_infra::{Cluster as Record, ContainerInfra},
};

use super::api_balancer;
use crate::{
    acceptance::{Answer, Item, ItemId, Outcome},
    clients::workload_gates_over,
    cluster::{ClusterPlace, ClusterSite, DriverSettings},
};

/// What knows the cluster.
#[derive(Clone)]
pub struct Clusters {
    /// Magnum, in the cluster's project.
    pub magnum: Arc<ContainerInfra>,
    /// `OpenStack`, in the cluster's project: for the load balancer of its API.
    pub project: Arc<dyn Transport>,
    /// The management cluster.
    pub management: Arc<Management>,
    /// The cluster's name in Magnum.
    pub name: String,
    /// The cluster itself, if it is not to be reached with the kubeconfig that Cluster API keeps.
    pub workload: Option<Workload>,
    /// Where the cluster of that name is in Cluster API. None: any of the name.
    pub lookup: Option<Lookup>,
    /// How long a new cluster may take until its addons work. Zero: it is looked at once.
    pub settles_within: Duration,
}

/// Finds a cluster of a project in Cluster API. Other projects may have one of the same name.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Magnum in the project, and the management cluster.
    pub site: Arc<ClusterSite>,
    /// How the conductor's driver is configured.
    pub driver: DriverSettings,
}

impl Lookup {
    /// Returns the cluster's namespace and name in Cluster API.
    ///
    /// # Errors
    ///
    /// Fails if Magnum or the management cluster does not answer; with [`FailureClass::Usage`] if the
    /// project has no such cluster there, or several.
    pub async fn find(&self, name: &str) -> Result<String, Failure> {
        let places = ClusterPlace::find(&self.site, &self.driver, name).await;
        let places =
            places.map_err(|error| Failure::from_error("could not find the cluster", &error))?;
        match places.as_slice() {
            [one] => Ok(format!("{}/{}", one.namespace, one.stack)),
            other => {
                let what =
                    format!("Cluster API has {} clusters {name} of the project", other.len());
                Err(Failure::new(FailureClass::Usage, what).next("openstack coe cluster list"))
            }
        }
    }
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clusters").field("name", &self.name).finish_non_exhaustive()
    }
}

/// D-011.5: a cluster works that exists, or that this run has created
/// ([`ThrowAwayCluster`](crate::acceptance::ThrowAwayCluster)).
#[derive(Debug)]
pub struct Cluster {
    /// The cluster, or why it can't be asked.
    pub cluster: Result<Clusters, Failure>,
}

#[async_trait]
impl Item for Cluster {
    fn id(&self) -> ItemId {
        ItemId::Cluster
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.cluster.as_ref().map(|_| Vec::new()).map_err(Failure::clone)
    }

    async fn check(&self, ctx: &Context) -> Answer {
        match &self.cluster {
            Ok(clusters) => {
                clusters.settled(ctx).await.unwrap_or_else(|failure| Answer::unasked(&failure))
            }
            Err(failure) => Answer::unasked(failure),
        }
    }
}

/// The failure of a site that names no cluster.
pub(in crate::acceptance) fn not_named() -> Failure {
    let what = "the site file names no cluster, and does not say that one is to be created";
    Failure::new(FailureClass::Usage, what).next(
        "name one as `cluster` in [acceptance], or let the run create one: [acceptance.create_cluster]",
    )
}

impl Clusters {
    /// Looks until it passes, or the time is over.
    async fn settled(&self, ctx: &Context) -> Result<Answer, Failure> {
        type Looked = Result<Answer, Failure>;
        let passes = |looked: &Looked| match looked {
            Ok(answer) if answer.outcome == Outcome::Passed => Check::Met,
            Ok(answer) => {
                let first = answer.findings.first().map(|one| one.summary.clone());
                Check::Pending(first.unwrap_or_default())
            }
            Err(failure) => Check::Pending(failure.to_string()),
        };
        let tell = |stage: &str, since: Duration| {
            let (unit, stage) = (ProgressUnit::Seconds, Some(stage.to_owned()));
            ctx.progress(Progress { unit, done: since.as_secs(), total: None, stage });
        };
        let policy = PollPolicy::new(Duration::from_secs(10), self.settles_within);
        let read = || async { Ok::<Looked, omega_capi::Error>(self.check(ctx).await) };
        match wait_for(ctx, policy, read, &passes, tell).await {
            Ok(looked) => looked,
            Err(WaitError::TimedOut(late)) => {
                late.seen.unwrap_or_else(|| Err(Failure::new(FailureClass::Deadline, late.why)))
            }
            Err(_) => Err(Failure::new(FailureClass::Interrupted, "interrupted")),
        }
    }

    async fn check(&self, ctx: &Context) -> Result<Answer, Failure> {
        let all = self.magnum.clusters_for(&self.name).await;
        let all = all.map_err(|error| Failure::from_error("could not ask Magnum", &error))?;
        let mut named = all.into_iter().filter(|one| one.name == self.name);
        let (Some(record), None) = (named.next(), named.next()) else {
            return Ok(self.none_or_several());
        };
        let (mut findings, mut evidence) = judge(&record);
        let gates = match self.gates(&record, ctx).await {
            Ok((cluster, gates)) => {
                let mark = ClusterName::new(cluster.namespace.as_str(), cluster.name.as_str());
                let (found, shown) = api_balancer::look(&self.project, &mark).await;
                findings.extend(found);
                evidence.extend(shown);
                gates
            }
            Err(failure) if failure.class == FailureClass::Usage => {
                let why = "Magnum has it, and Cluster API does not";
                findings.push(self.broken("cluster-without-objects", why));
                Vec::new()
            }
            Err(failure) => return Err(failure),
        };
        for gate in gates {
            match gate.check().await {
                Ok(Verdict::Pass { evidence: shown }) => evidence.extend(shown),
                Ok(Verdict::Fail(found)) => findings.push(*found),
                // What it waits for is a finding of its own.
                Ok(Verdict::Deferred { .. }) => {}
                Err(failure) => {
                    let found = self.broken("cluster-unasked", failure.to_string());
                    let found = found.severity(Severity::Unknown);
                    // What keeps one question from being asked may keep all.
                    if !findings.contains(&found) {
                        findings.push(found);
                    }
                }
            }
        }
        Ok(Answer::judged(findings, evidence))
    }

    /// Where Cluster API has it, and the questions about it. What its template asks for is among them.
    async fn gates(
        &self,
        record: &Record,
        ctx: &Context,
    ) -> Result<(Placed, Vec<WorkloadGate>), Failure> {
        let name = match &self.lookup {
            Some(lookup) => lookup.find(&self.name).await?,
            None => self.name.clone(),
        };
        // A template that can't be read any more asks for nothing.
        let template = self.magnum.template(&record.cluster_template_id).await.ok().flatten();
        let driver = template.and_then(|template| template.network_driver);
        let workload = self.workload.clone();
        workload_gates_over(workload, &self.management, &name, driver, ctx.now()).await
    }

    fn none_or_several(&self) -> Answer {
        let why = "Magnum has no cluster of this name in this project, or several";
        let found = self.broken("cluster-missing", why).remedy("openstack coe cluster list");
        Answer::judged(vec![found], Vec::new())
    }

    fn broken(&self, rule: &str, why: impl Into<String>) -> Finding {
        Finding::broken(rule, Subject::new("cluster", &self.name), why)
    }
}

/// What Magnum's record says.
fn judge(record: &Record) -> (Vec<Finding>, Vec<Evidence>) {
    let subject = || Subject::new("cluster", &record.name);
    let status = record.status.as_deref().unwrap_or("no status");
    let health = record.health_status.as_deref();
    let mut findings = Vec::new();
    if !["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&status) {
        let reason = record.status_reason.as_deref().map(|why| format!(": {why}"));
        let why = format!("Magnum says {status}{}", reason.unwrap_or_default());
        let found = Finding::broken("cluster-not-complete", subject(), why);
        findings.push(found.remedy(format!("omega-cli doctor --cluster {}", record.name)));
    }
    match health {
        Some("HEALTHY") => {}
        Some(other) => {
            let found =
                Finding::broken("cluster-unhealthy", subject(), format!("Magnum says {other}"));
            let remedy = format!("omega-cli doctor --cluster {}", record.name);
            findings.push(found.decision("D-042").remedy(remedy));
        }
        None => {
            let why = "Magnum has not polled its health yet";
            let found = Finding::broken("cluster-never-polled", subject(), why);
            findings
                .push(found.severity(Severity::Unknown).remedy("wait a minute, and run it again"));
        }
    }
    let evidence = vec![
        Evidence::text("cluster", &record.name),
        Evidence::text("status", status),
        Evidence::text("health", health.unwrap_or("not polled")),
        Evidence::text("API address", record.api_address.as_deref().unwrap_or("none")),
    ];
    (findings, evidence)
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
