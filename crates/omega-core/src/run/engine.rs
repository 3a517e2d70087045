use std::{num::NonZeroUsize, time::Duration};

use tokio::time::Instant;

use super::{Job, PlanFile, Report, Runs, Status};
use crate::{Context, Event, Failure, FailureClass, ItemState, TargetPreview, Verdict, preview};

/// What runs a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Engine {
    /// Where journals and reports are kept.
    pub runs: Runs,
    /// Where events go, and the operator's wish to stop. Each run adds a journal of its own.
    pub ctx: Context,
    /// How many units may be changed at the same time; the first is always changed alone.
    pub parallel: NonZeroUsize,
    began: Instant,
}

/// What was approved.
#[derive(Debug)]
pub enum Approved {
    /// What is looked at now, and what waiting steps turn out to need.
    Now,
    /// This plan and nothing else.
    Plan(PlanFile),
}

/// What looking at a job found.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The targets.
    pub targets: Vec<TargetPreview>,
    /// What is asked afterwards.
    pub afterwards: Vec<TargetPreview>,
}

impl Looked {
    pub(super) fn all(&self) -> Vec<TargetPreview> {
        self.targets.iter().chain(&self.afterwards).cloned().collect()
    }

    pub(super) fn obstacle(&self) -> Option<Failure> {
        self.targets.iter().chain(&self.afterwards).find_map(TargetPreview::obstacle)
    }

    pub(super) fn pending(&self) -> bool {
        self.targets.iter().chain(&self.afterwards).any(TargetPreview::pending)
    }
}

impl Engine {
    /// Returns an engine whose clock starts now; units are changed one after another.
    pub fn new(runs: Runs, ctx: Context) -> Self {
        Self { runs, ctx, parallel: NonZeroUsize::MIN, began: Instant::now() }
    }

    /// Changes up to `parallel` units at the same time, the first alone.
    #[must_use]
    pub fn parallel(self, parallel: NonZeroUsize) -> Self {
        Self { parallel, ..self }
    }

    /// Returns how long it has been at it.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Looks at everything once. A question that is asked afterwards and has a bad answer while
    /// changes are pending is deferred: the changes may be what fixes it.
    pub async fn look(&self, job: &Job) -> Looked {
        self.ctx.tell(&Event::Looking);
        let now = self.ctx.now();
        let looks = (preview(&job.targets, now), preview(&job.afterwards, now));
        let (targets, mut afterwards) = futures::future::join(looks.0, looks.1).await;
        self.ctx.tell(&Event::Looked);
        if targets.iter().any(TargetPreview::pending) {
            let items = afterwards.iter_mut().flat_map(|target| &mut target.sections);
            for item in items.flat_map(|section| &mut section.items) {
                let ItemState::Verdict(Verdict::Fail(finding)) = &item.found else { continue };
                let until = format!("asked again after the changes (now: {})", finding.summary);
                item.found = ItemState::Verdict(Verdict::Deferred { until });
            }
        }
        Looked { targets, afterwards }
    }

    /// Says what would be done. It writes nothing.
    pub async fn plan(&self, job: &Job) -> Report {
        self.looked("plan", job).await
    }

    /// Says whether everything is as wanted. It writes nothing.
    pub async fn verify(&self, job: &Job) -> Report {
        self.looked("verify", job).await
    }

    async fn looked(&self, command: &'static str, job: &Job) -> Report {
        let looked = self.look(job).await.all();
        let exit = self.status_of(&looked);
        Report::new(command, job, self.elapsed()).looked(looked).ends(exit)
    }

    /// Returns how a command ends that found this.
    pub(super) fn status_of(&self, looked: &[TargetPreview]) -> Status {
        let items = looked.iter().flat_map(TargetPreview::items);
        Status::first(items.map(|item| match &item.found {
            ItemState::Failed(failure) => self.status(failure),
            ItemState::Verdict(Verdict::Fail(_)) => Status::Gate,
            ItemState::Verdict(Verdict::Pass { .. } | Verdict::Deferred { .. }) => Status::Done,
            ItemState::Preview(preview) if preview.is_satisfied() => Status::Done,
            ItemState::Preview(_) => Status::Pending,
        }))
    }

    /// Returns how a command ends that failed so.
    pub fn status(&self, failure: &Failure) -> Status {
        Status::of(failure, self.ctx.cancel().reason())
    }
}

/// Refuses, before anything is written, what the stored plan does not show.
pub(super) fn covered(job: &Job, looked: &[TargetPreview], plan: &PlanFile) -> Result<(), Failure> {
    plan.is_for(job)?;
    for (target, looked) in job.targets.iter().zip(looked) {
        match plan.targets.iter().find(|one| one.target == target.target) {
            Some(shown) => target.covered(looked, shown)?,
            None if looked.pending() => {
                let what = format!("the plan says nothing of {}", target.target);
                return Err(Failure::new(FailureClass::Stale, what)
                    .next("plan again, look, and apply the new plan"));
            }
            None => {}
        }
    }
    Ok(())
}
