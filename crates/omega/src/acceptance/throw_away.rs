//! A cluster of one run: created for the items that need one, deleted after them.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::join_all;
use omega_capi::health::StageTime;
use omega_core::{
    Check, Context, Event, Evidence, Failure, FailureClass, Finding, Item, PollPolicy, Progress,
    ProgressUnit, Subject, Verdict, ensure, wait_for, with_temporary,
};
use omega_openstack::container_infra::Cluster;

use super::{Chart, ItemId, Stage};
use crate::{
    clients::CloudClients,
    cluster::{
        ClusterPlace, ClusterPrerequisites, ClusterSite, EnsuredCluster, EnsuredClusterObserved,
        PrerequisiteSettings, RequestedCluster, cluster_leftovers,
    },
    doctor::Doctor,
};

/// How long Magnum may take from the end of the creation to HEALTHY: it polls once a minute.
const HEALTH: PollPolicy = PollPolicy::new(Duration::from_secs(10), Duration::from_mins(5));

/// A cluster that a run creates and deletes again.
pub struct ThrowAwayCluster {
    /// Magnum in its project, and the management cluster.
    pub site: Arc<ClusterSite>,
    /// The cluster. Its name must be of this run alone.
    pub wanted: EnsuredCluster,
    /// Who says why it does not become complete.
    pub doctor: Option<Doctor>,
    /// What is asked before it is created: the cloud, and what the site says of clusters.
    pub prerequisites: Option<(CloudClients, PrerequisiteSettings)>,
}

impl fmt::Debug for ThrowAwayCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrowAwayCluster").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// What became of the cluster.
#[derive(Debug)]
pub(super) struct Story<T> {
    /// What was done with it; why nothing was, if it was not complete.
    pub(super) done: Result<T, Failure>,
    /// What is wrong with its creation, and what is left of it.
    pub(super) findings: Vec<Finding>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) chart: Option<Chart>,
    place: Option<ClusterPlace>,
}

impl<T> Story<T> {
    fn not_created(findings: Vec<Finding>, failure: Failure) -> Self {
        Self { done: Err(failure), findings, evidence: Vec::new(), chart: None, place: None }
    }
}

impl ThrowAwayCluster {
    /// What it makes, as a sentence.
    pub(super) fn effect(&self) -> String {
        let EnsuredCluster { name, values, .. } = &self.wanted;
        format!(
            "creates cluster {name} of template {}, with {} control-plane machines and {} workers, once \
             for D-011.4 and D-011.5, and deletes it",
            values.template, values.master_count, values.node_count
        )
    }

    /// Creates the cluster, does `work` once it is complete, and deletes it, whatever happens.
    pub(super) async fn around<T: Send, F>(
        &self,
        ctx: &Context,
        work: impl FnOnce() -> F + Send,
    ) -> Story<T>
    where
        F: Future<Output = T> + Send,
    {
        let ctx = ctx.for_step(ItemId::Cluster.step());
        let before = match self.before(&ctx).await {
            Ok(before) => before,
            Err(failure) => return Story::not_created(Vec::new(), failure),
        };
        if let Some(missing) = before.iter().find(|one| one.is_broken()) {
            let what = format!("the cluster could not be created: {}", missing.summary);
            let failure = Failure::new(FailureClass::Gate, what);
            let next = missing.remedy.clone().unwrap_or_default();
            return Story::not_created(before, failure.next(next));
        }
        let mut story = self.created(&ctx, work).await;
        story.findings.extend(before);
        story
    }

    /// What the prerequisites of a cluster find. Nothing has been created.
    async fn before(&self, ctx: &Context) -> Result<Vec<Finding>, Failure> {
        let late = async {
            match ctx.deadline() {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let stopped = |why| Err(Failure::new(FailureClass::Interrupted, why));
        tokio::select! {
            found = self.ask_before() => found,
            () = ctx.cancel().cancelled() => stopped("interrupted before a cluster was created"),
            () = late => stopped("the deadline passed before a cluster was created"),
        }
    }

    /// A service that does not answer is no finding: then nothing is known.
    async fn ask_before(&self) -> Result<Vec<Finding>, Failure> {
        let Some((cloud, settings)) = &self.prerequisites else { return Ok(Vec::new()) };
        let (settings, accepted) = (settings.clone(), Vec::new());
        let gates =
            ClusterPrerequisites::before(&self.wanted, &self.site, cloud, settings, accepted).await;
        let asked = gates.iter().map(|item| async move {
            let Item::Gate(gate) = item else { return Ok(None) };
            Ok(match gate.check().await? {
                Verdict::Fail(finding) => Some(*finding),
                Verdict::Pass { .. } | Verdict::Deferred { .. } => None,
            })
        });
        let asked: Vec<Result<Option<Finding>, Failure>> = join_all(asked).await;
        let found: Vec<_> = asked.iter().flatten().flatten().cloned().collect();
        // What is known to be missing says more than what could not be asked.
        let unasked = asked.into_iter().find_map(Result::err);
        match unasked.filter(|_| !found.iter().any(Finding::is_broken)) {
            Some(failure) => Err(failure),
            None => Ok(found),
        }
    }

    async fn created<T: Send, F>(&self, ctx: &Context, work: impl FnOnce() -> F + Send) -> Story<T>
    where
        F: Future<Output = T> + Send,
    {
        let requested = RequestedCluster(self.wanted.clone());
        let mut told = None;
        let removed = with_temporary(ctx, &*self.site, &requested, async |_| {
            told = Some(self.live(ctx, work).await);
            Ok(())
        })
        .await;
        match (removed, told) {
            (Err(failure), None) => Story::not_created(self.not_created(&failure), failure),
            (Ok(()), None) => {
                let failure = Failure::new(FailureClass::Error, "the cluster was not looked at");
                Story::not_created(Vec::new(), failure)
            }
            (Err(failure), Some(mut story)) => {
                story.findings.push(self.not_removed(&failure));
                story
            }
            (Ok(()), Some(mut story)) => {
                if let Some(place) = &story.place {
                    story.findings.extend(cluster_leftovers(&self.site, place).await);
                }
                story
            }
        }
    }

    /// The time in which the cluster exists.
    async fn live<T: Send, F>(&self, ctx: &Context, work: impl FnOnce() -> F + Send) -> Story<T>
    where
        F: Future<Output = T> + Send,
    {
        match ensure(ctx, &*self.site, &self.wanted).await {
            Ok(created) => {
                let created = created.into_observed();
                self.see_healthy(ctx, &created).await;
                let (place, evidence) = (self.place().await, self.shown(&created));
                let chart = Some(creation(&created.timeline()));
                Story { done: Ok(work().await), findings: Vec::new(), evidence, chart, place }
            }
            Err(error) => {
                let failure = Failure::from(error);
                let mut findings = self.not_created(&failure);
                if !findings.is_empty() {
                    findings.extend(self.first_broken(ctx).await);
                }
                Story { place: self.place().await, ..Story::not_created(findings, failure) }
            }
        }
    }

    /// Where its objects are. After the delete, Magnum does not know.
    async fn place(&self) -> Option<ClusterPlace> {
        let places = ClusterPlace::find(&self.site, &self.wanted.driver, &self.wanted.name).await;
        places.ok()?.into_iter().next()
    }

    /// Waits for Magnum's first polls. What they say is judged by the item.
    async fn see_healthy(&self, ctx: &Context, created: &EnsuredClusterObserved) {
        let Some(made) = created.seen.clusters.first() else { return };
        let healthy = |seen: &Option<Cluster>| match seen {
            None => Check::Failed("it is gone".to_owned()),
            Some(one) => match one.health_status.as_deref() {
                Some("HEALTHY") => Check::Met,
                Some(other) => Check::Pending(format!("waiting for HEALTHY, is {other}")),
                None => Check::Pending("waiting for Magnum's first health poll".to_owned()),
            },
        };
        let step = ItemId::Cluster.step();
        let tell = |stage: &str, since: Duration| {
            let (unit, stage) = (ProgressUnit::Seconds, Some(stage.to_owned()));
            let progress = Progress { unit, done: since.as_secs(), total: None, stage };
            ctx.tell(&Event::StepProgress { step: step.clone(), progress });
        };
        let read = || self.site.magnum.cluster(&made.uuid);
        drop(wait_for(ctx, HEALTH, read, &healthy, tell).await);
    }

    async fn first_broken(&self, ctx: &Context) -> Option<Finding> {
        let report = self.doctor.as_ref()?.examine(ctx).await.ok()?;
        report.first.map(|first| first.finding)
    }

    /// That it was stopped is no finding.
    fn not_created(&self, failure: &Failure) -> Vec<Finding> {
        if failure.class == FailureClass::Interrupted {
            return Vec::new();
        }
        let next = failure.next.clone().unwrap_or_else(|| {
            format!(
                "it is deleted again; to look at one: omega-cli ensure-cluster --name NAME --template {}, \
                 then omega-cli doctor --cluster NAME",
                self.wanted.values.template
            )
        });
        vec![self.finding("cluster-not-created", failure).remedy(next)]
    }

    fn not_removed(&self, failure: &Failure) -> Finding {
        let sweep = "remove what is left behind: omega-cli runs sweep";
        let next = failure.next.clone().unwrap_or_else(|| sweep.to_owned());
        self.finding("cluster-left", failure).remedy(next)
    }

    fn finding(&self, rule: &str, failure: &Failure) -> Finding {
        let why = in_one_line(failure);
        let subject = Subject::new("cluster", &self.wanted.name);
        Finding::broken(rule, subject, why)
    }

    fn shown(&self, created: &EnsuredClusterObserved) -> Vec<Evidence> {
        let of_one = created.seen.clusters.first();
        let address = of_one.and_then(|one| one.api_address.as_deref()).unwrap_or("none");
        let release = of_one.and_then(|one| one.stack_id.as_deref()).unwrap_or("none");
        vec![
            Evidence::text("created", &self.wanted.name),
            Evidence::text("api_address", address),
            Evidence::text("release", release),
        ]
    }
}

fn in_one_line(failure: &Failure) -> String {
    let all = std::iter::once(&failure.message).chain(&failure.causes).chain(&failure.found);
    all.map(String::as_str).collect::<Vec<_>>().join(": ")
}

/// The creation, as Cluster API tells it.
pub(super) fn creation(timeline: &[StageTime]) -> Chart {
    let begin = timeline.first().map(|stage| stage.began);
    let seconds = |stage: &StageTime| {
        let from = begin.map_or(0, |begin| stage.began.duration_since(begin).as_secs());
        let of = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Stage::new(stage.stage.to_string(), of(from), of(stage.seconds))
    };
    let title = "Creation of the cluster, by stage".to_owned();
    Chart::Stages { title, stages: timeline.iter().map(seconds).collect() }
}

#[cfg(test)]
#[path = "throw_away_tests.rs"]
mod tests;
