//! The operations as jobs of an engine.

use std::sync::Arc;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Context, Desired as _, Entry, Failure, Finding, Item, Label as _, Section,
    Severity, Subject, TargetPlan,
    run::{Job, Runs},
    step,
};

use super::{AbsentCluster, ClusterSite, EnsuredCluster};
use crate::{
    clients::{Connect, PartialClients},
    doctor::{DoctorOptions, LayerFinding, examine},
};

/// The name of the job that creates a cluster, in runs.
pub const ENSURE_CLUSTER: &str = "ensure-cluster";
/// The name of the job that deletes a cluster, in runs.
pub const ENSURE_CLUSTER_ABSENT: &str = "ensure-cluster-absent";

impl EnsuredCluster {
    /// Returns the job. `at`: the site, as the operator named it.
    pub fn job(&self, site: &Arc<ClusterSite>, at: &str, clients: &PartialClients) -> Job {
        self.job_after(Vec::new(), site, at, clients)
    }

    /// Returns the job with these gates before the creation: they are
    /// [`ClusterPrerequisites::before`](super::ClusterPrerequisites::before)'s.
    pub fn job_after(
        &self,
        gates: Vec<Item>,
        site: &Arc<ClusterSite>,
        at: &str,
        clients: &PartialClients,
    ) -> Job {
        let create = Section::new("", ENSURE_CLUSTER, vec![Item::Step(step(site, self.clone()))]);
        let before = Section::new("", "prerequisites", gates);
        let sections = [before, create].into_iter().filter(|one| !one.items.is_empty());
        let target = TargetPlan::shared(site.label(), sections.collect());
        Job::new(ENSURE_CLUSTER, at, vec![target]).on(clients.endpoints(), clients.counts())
    }

    /// Returns the same fact with the time at which the last run on this machine that may have asked
    /// for the cluster did so, unless that run saw the cluster complete: it may still appear, and a
    /// second request would make a second cluster.
    ///
    /// # Errors
    ///
    /// Fails if the journals can't be read.
    pub fn after_runs(self, runs: &Runs, site: &ClusterSite) -> Result<Self, Failure> {
        let asked_after = last_request(runs, &site.label(), &self.name)?;
        Ok(Self { asked_after, ..self })
    }
}

impl AbsentCluster {
    /// Returns the job. `at`: the site, as the operator named it.
    pub fn job(&self, site: &Arc<ClusterSite>, at: &str, clients: &PartialClients) -> Job {
        let items = vec![Item::Step(step(site, self.clone()))];
        job(ENSURE_CLUSTER_ABSENT, at, site, items, clients)
    }
}

fn job(
    name: &str,
    at: &str,
    site: &Arc<ClusterSite>,
    items: Vec<Item>,
    clients: &PartialClients,
) -> Job {
    let target = TargetPlan::shared(site.label(), vec![Section::new("", name, items)]);
    Job::new(name, at, vec![target]).on(clients.endpoints(), clients.counts())
}

/// Returns when the last request for the cluster may have been sent, if its effect was not observed.
fn last_request(runs: &Runs, target: &str, name: &str) -> Result<Option<Timestamp>, Failure> {
    let (mut all, _) = runs.all()?;
    all.sort_by_key(|run| std::cmp::Reverse(run.began));
    for run in all {
        let entries = runs.entries(&run.id)?;
        let mut ours = entries.iter().filter(|entry| {
            entry.step().is_some_and(|step| {
                step.kind == EnsuredCluster::KIND && step.target == target && step.key == name
            })
        });
        let sent = |entry: &&Entry| matches!(entry, Entry::Applying { change, .. } if change.verb == ChangeKind::Create);
        if ours.clone().any(|entry| sent(&entry)) {
            let seen = ours.any(|entry| matches!(entry, Entry::Verified { .. }));
            return Ok(if seen { None } else { runs.last_written(&run.id) });
        }
    }
    Ok(None)
}

/// Returns the first broken layer of the cluster, as the doctor determines it: why a creation does not
/// come to an end.
///
/// # Errors
///
/// That the doctor could not examine it, as a finding.
pub async fn first_broken(
    connect: &Connect<'_>,
    cluster: &str,
    ctx: &Context,
) -> Result<Option<LayerFinding>, Box<Finding>> {
    let options = DoctorOptions { clusters: vec![cluster.to_owned()], ..DoctorOptions::default() };
    match examine(connect, options, ctx).await {
        Ok(report) => Ok(report.first),
        Err(failure) => {
            let subject = Subject::new("cluster", cluster);
            let what = format!("the doctor could not examine it: {failure}");
            let finding = Finding::broken("not-examined", subject, what);
            let next = format!("omega-cli doctor --cluster {cluster}");
            Err(Box::new(finding.severity(Severity::Unknown).remedy(next)))
        }
    }
}
