use std::{num::NonZeroUsize, time::Duration};

use tokio::time::Instant;

use super::{Job, PlanFile, Report, Runs, Status, blocker};
use crate::{
    CancelReason, Context, Event, Failure, FailureClass, ItemState, Preview, TargetPreview,
    Verdict,
    runbook::{Moment, preview_at},
};

/// Plans, applies and verifies a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Engine {
    /// Where journals and reports are kept.
    pub runs: Runs,
    /// Events and cancellation. Each run adds its own journal.
    pub ctx: Context,
    /// How many units may be changed at the same time; the first is always changed alone.
    pub parallel: NonZeroUsize,
    began: Instant,
}

/// What was approved.
#[derive(Debug)]
pub enum Approved {
    /// The changes that are found now, and those that waiting steps need later.
    Now,
    /// Only the changes of this plan.
    Plan(PlanFile),
    /// What was found and shown a moment ago, and what waiting steps need later. It is not read again
    /// before the first write, unless several steps change a target that has a lock; each change is compared
    /// once more right before it is made.
    Shown(Looked),
}

/// The observed state of a job's targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The targets.
    pub targets: Vec<TargetPreview>,
    /// The gates that are checked at the end.
    pub afterwards: Vec<TargetPreview>,
}

impl Looked {
    /// Returns the targets, and then the gates that are checked at the end.
    pub fn all(&self) -> Vec<TargetPreview> {
        self.targets.iter().chain(&self.afterwards).cloned().collect()
    }

    /// Returns what prevents the first write.
    pub fn blocker(&self) -> Option<Failure> {
        blocker::blocker(self.targets.iter().chain(&self.afterwards))
    }

    /// Returns the steps that have something to change.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Preview> {
        self.targets.iter().chain(&self.afterwards).flat_map(TargetPreview::changes)
    }

    /// Returns whether something has to be changed.
    pub fn pending(&self) -> bool {
        self.targets.iter().chain(&self.afterwards).any(TargetPreview::pending)
    }
}

/// What to do after a command that timed out, if its failure says nothing else.
const MORE_TIME: &str = "run the same command again, with more time";

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

    /// Returns the time since the engine was created.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Reads everything once. A final gate that fails while changes are pending is deferred: the
    /// changes may fix it.
    pub async fn look(&self, job: &Job) -> Looked {
        self.look_at(job, Moment::Before).await
    }

    pub(super) async fn look_at(&self, job: &Job, moment: Moment) -> Looked {
        self.ctx.tell(&Event::Looking);
        let ctx = &self.ctx;
        let looks =
            (preview_at(ctx, &job.targets, moment), preview_at(ctx, &job.afterwards, moment));
        let (targets, mut afterwards) = futures::future::join(looks.0, looks.1).await;
        self.ctx.tell(&Event::Looked);
        if targets.iter().any(TargetPreview::pending) {
            let items = afterwards.iter_mut().flat_map(|target| &mut target.sections);
            for item in items.flat_map(|section| &mut section.items) {
                let ItemState::Verdict(Verdict::Fail(finding)) = &item.found else { continue };
                let until = format!("checked again after the changes (now: {})", finding.summary);
                item.found = ItemState::Verdict(Verdict::Deferred { until });
            }
        }
        Looked { targets, afterwards }
    }

    /// Reports what would be done. It writes nothing.
    pub async fn plan(&self, job: &Job) -> Report {
        self.looked("plan", job).await
    }

    /// Reports whether everything is in the desired state. It writes nothing.
    pub async fn verify(&self, job: &Job) -> Report {
        self.looked("verify", job).await
    }

    async fn looked(&self, command: &'static str, job: &Job) -> Report {
        let looked = self.look(job).await.all();
        let exit = self.status_of(&looked);
        let failure = blocker::blocker(&looked).map(|failure| self.explained(failure));
        Report::new(command, job, self.elapsed()).looked(looked).failed(failure, exit)
    }

    /// Returns the status of a command that found this.
    pub(super) fn status_of(&self, looked: &[TargetPreview]) -> Status {
        let items = looked.iter().flat_map(TargetPreview::items);
        Status::first(items.map(|item| match &item.found {
            ItemState::Failed(failure) => self.status(failure),
            ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken() => Status::Gate,
            ItemState::Verdict(_) => Status::Done,
            ItemState::Preview(preview) if preview.is_satisfied() => Status::Done,
            ItemState::Preview(_) => Status::Pending,
        }))
    }

    /// Adds that the command timed out, if that stopped it.
    pub(super) fn explained(&self, failure: Failure) -> Failure {
        let is_late = self.ctx.cancel().reason() == Some(CancelReason::Deadline);
        // A request that the deadline cut off tells of a deadline of its own.
        let is_cut = matches!(failure.class, FailureClass::Interrupted | FailureClass::Deadline);
        if is_late && is_cut {
            let next = failure.next.or_else(|| Some(MORE_TIME.to_owned()));
            let failure = Failure { class: FailureClass::Interrupted, next, ..failure };
            return failure.because("timed out (--timeout)");
        }
        failure
    }

    /// Returns the status of a command that failed with this failure.
    pub fn status(&self, failure: &Failure) -> Status {
        Status::of(failure, self.ctx.cancel().reason())
    }
}

/// Fails before the first write if the stored plan does not show every change.
pub(super) fn covered(job: &Job, looked: &[TargetPreview], plan: &PlanFile) -> Result<(), Failure> {
    plan.is_for(job)?;
    for (target, looked) in job.targets.iter().zip(looked) {
        match plan.targets.iter().find(|one| one.target == target.target) {
            Some(shown) => target.covered(looked, shown)?,
            None if looked.pending() => {
                let what = format!("the plan does not cover {}", target.target);
                return Err(Failure::new(FailureClass::Stale, what)
                    .next("make a new plan, review it, and apply it"));
            }
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An embedder spawns them.
    #[test]
    fn its_futures_can_be_sent_to_another_thread() {
        fn is_send<T: Send>(_: impl FnOnce(Engine, Job) -> T) {}
        is_send(|engine, job| async move { engine.plan(&job).await });
        is_send(|engine, job| async move { engine.verify(&job).await });
        is_send(|engine, job| async move { engine.apply(&job, Approved::Now).await });
    }
}
