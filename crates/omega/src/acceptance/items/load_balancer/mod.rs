//! D-011.4: load balancers distribute, fail over and recover.

mod failover;
mod service;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_capi::{
    Management,
    served::discover_versions,
    workload::{ManagedWorkload, Workload, choose_cluster, list_clusters},
};
use omega_core::{Context, Diagnostic, Failure, FailureClass, Finding, Note, Severity, Subject};
use omega_openstack::{ClusterName, Transport, Web};

use crate::acceptance::{Answer, Item, ItemId, items::Lookup};

pub use failover::{FailoverSeen, Moment};
pub use service::ServiceSeen;

/// The image of the throw-away pods, of the runbook (step 8.4).
pub const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.40";

/// What is needed to try load balancers.
#[derive(Clone)]
pub struct Balancing {
    /// The cluster's name in Magnum.
    pub cluster: String,
    /// The management cluster, which knows how the cluster is reached.
    pub management: Arc<Management>,
    /// Where the cluster of that name is in Cluster API. None: any of the name.
    pub lookup: Option<Lookup>,
    /// The cluster itself, if it is not to be reached with the kubeconfig that Cluster API keeps.
    pub workload: Option<Workload>,
    /// `OpenStack`, in the cluster's project.
    pub project: Arc<dyn Transport>,
    /// `OpenStack`, as who may fail over.
    pub operator: Arc<dyn Transport>,
    /// From this machine to the service: a connection for each page.
    pub web: Arc<dyn Web>,
    /// The image of the throw-away pods.
    pub image: String,
    /// Whether the load balancer of the cluster's API is failed over: an outage.
    pub failover: bool,
    /// How long to wait.
    pub patience: Patience,
}

/// How often and how long to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Between two looks.
    pub every: Duration,
    /// Until the service has an address and its pods are ready. The cloud controller waits for
    /// Octavia's new load balancer, which takes a minute or two.
    pub address: Duration,
    /// The maximum number of requests to the service.
    pub answers: usize,
    /// Until Octavia no longer has the service's load balancer, and until the API answers after a
    /// failover.
    pub after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            address: Duration::from_mins(10),
            answers: 60,
            after: Duration::from_mins(5),
        }
    }
}

impl fmt::Debug for Balancing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, image, failover, patience, .. } = self;
        f.debug_struct("Balancing")
            .field("cluster", cluster)
            .field("image", image)
            .field("failover", failover)
            .field("patience", patience)
            .finish_non_exhaustive()
    }
}

/// D-011.4. It writes: pods and a service on the workload cluster, which it removes again; and it fails
/// over the load balancer of the cluster's API, if the site file asks for that.
#[derive(Debug)]
pub struct LoadBalancer {
    /// What is needed, or why it is not there.
    pub balancing: Result<Balancing, Failure>,
}

#[async_trait]
impl Item for LoadBalancer {
    fn id(&self) -> ItemId {
        ItemId::LoadBalancer
    }

    fn only_reads(&self) -> bool {
        false
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        let Balancing { cluster, image, failover, .. } =
            self.balancing.as_ref().map_err(Failure::clone)?;
        let made = format!(
            "creates 2 pods of {image} and a service of type LoadBalancer in namespace default of \
             cluster {cluster}, and removes them; the cloud controller makes a load balancer and a \
             floating IP for it"
        );
        let outage = format!(
            "fails over the load balancer of the API of cluster {cluster}: with one amphora an outage of \
             about 100 s, which cannot be undone"
        );
        Ok(std::iter::once(made).chain(failover.then_some(outage)).collect())
    }

    async fn check(&self, ctx: &Context) -> Answer {
        match &self.balancing {
            Ok(balancing) => {
                let checked = Box::pin(balancing.check(ctx)).await;
                checked.unwrap_or_else(|failure| Answer::unasked(&failure))
            }
            Err(failure) => Answer::unasked(failure),
        }
    }
}

/// The failure of a site that names no cluster.
pub(in crate::acceptance) fn no_cluster() -> Failure {
    let what = "the site file names no cluster to try a service of type LoadBalancer on";
    Failure::new(FailureClass::Usage, what).next(
        "name one as `cluster` in [acceptance], or let the run create one: [acceptance.create_cluster]",
    )
}

impl Balancing {
    async fn check(&self, ctx: &Context) -> Result<Answer, Failure> {
        let workload = self.workload().await?;
        let cluster = workload.cluster();
        let mark = ClusterName::new(cluster.namespace.as_str(), cluster.name.as_str());
        let service = Box::pin(self.try_service(ctx, &workload)).await?;
        let (mut findings, mut evidence) = service.judge(&self.cluster);
        // No outage where something is wrong already: Octavia may not be able to boot an amphora.
        let why = match (self.failover, ctx.cancel().is_cancelled(), findings.is_empty()) {
            (false, ..) => Some("the site file does not ask for them"),
            (true, true, _) => Some("the run was stopped before"),
            (true, false, false) => Some("the service has to work first"),
            (true, false, true) => None,
        };
        if let Some(why) = why {
            findings.push(self.not_tested(why));
            return Ok(Answer::judged(findings, evidence).noting([note()]));
        }
        let failover = Box::pin(self.try_failover(ctx, &workload, &mark)).await;
        let (found, seen) = failover.judge(&self.cluster);
        findings.extend(found);
        evidence.extend(seen);
        Ok(Answer::judged(findings, evidence).noting([note()]).charting(failover.chart()))
    }

    /// Finds the cluster by its name in Magnum.
    async fn workload(&self) -> Result<ManagedWorkload, Failure> {
        let unasked = |error: &dyn Diagnostic| {
            Failure::from_error(format!("could not find cluster {}", self.cluster), error)
        };
        let served = discover_versions(&self.management).await.map_err(|error| unasked(&error))?;
        let all =
            list_clusters(&self.management, &served).await.map_err(|error| unasked(&error))?;
        let name = match &self.lookup {
            Some(lookup) => lookup.find(&self.cluster).await?,
            None => self.cluster.clone(),
        };
        let chosen = choose_cluster(all, &name).map_err(|error| unasked(&error))?;
        let managed = ManagedWorkload::new((*self.management).clone(), chosen);
        Ok(match &self.workload {
            Some(workload) => managed.over(workload.clone()),
            None => managed,
        })
    }

    fn not_tested(&self, why: &str) -> Finding {
        let why = format!("failover and recovery were not tested: {why}");
        let subject = Subject::new("cluster", &self.cluster);
        Finding::broken("failover-not-tested", subject, why).severity(Severity::Unknown).remedy(
            "it is an outage of the cluster's API of about 100 s: set `failover = true` in \
             [acceptance], and run omega-cli accept --only D-011.4",
        )
    }
}

/// A failure with its causes and what was found.
fn in_one_line(failure: &Failure) -> String {
    let all = std::iter::once(&failure.message).chain(&failure.causes).chain(&failure.found);
    all.map(String::as_str).collect::<Vec<_>>().join(": ")
}

fn note() -> Note {
    Note::decision(
        "D-011",
        "The runbook asks the service ten times. Here each answer comes over a connection of its own, and \
         it is asked until both pods have answered: a load balancer for TCP chooses once for each \
         connection.",
    )
}

#[cfg(test)]
mod tests;
