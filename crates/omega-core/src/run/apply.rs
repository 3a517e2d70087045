use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _, stream};

use super::{
    Approved, Engine, Job, Looked, PlanFile, Report, RunDirectory, Status, engine::covered,
};
use crate::{
    Check, Context, Entry, Event, Failure, FailureClass, ItemOutcome, PollPolicy, Run, TargetKind,
    TargetPlan, TargetPreview, TargetReport, Touched, WaitError, run::TargetLock, runbook::Moment,
    wait_for,
};

/// How often and how long a gate that only the changes can satisfy is checked again. Magnum updates
/// the health of a cluster once a minute; the runbook polls for 200 s. A service that does not answer is waited for as
/// long as a restart may take.
const SETTLING: PollPolicy = PollPolicy::new(Duration::from_secs(10), Duration::from_mins(4))
    .unanswered(Duration::from_mins(1));

impl Engine {
    /// Applies the job, and verifies it by reading the state of all targets again.
    ///
    /// If something blocks the first write, it is reported and nothing is written. The report then
    /// has no run.
    ///
    /// # Errors
    ///
    /// Fails if the plan that was approved is stale, or if the run can't be recorded.
    pub async fn apply(&self, job: &Job, approved: Approved) -> Result<Report, Failure> {
        let (looked, approved, is_shown) = match approved {
            Approved::Shown(looked) => (looked, None, true),
            Approved::Now => (self.look(job).await, None, false),
            Approved::Plan(plan) => (self.look(job).await, Some(plan), false),
        };
        if let Some(report) = self.unchanged(job, &looked, approved.as_ref())? {
            return Ok(report);
        }
        let locks = self.ctx.lock(locks(job, &looked), &job.name).await;
        let locks = locks.map_err(|failure| self.explained(failure))?;
        let changed = match (locks.is_empty(), looked.changes().count()) {
            // A single step is compared right before its first write.
            (true, _) | (_, 1) => self.change(job, &looked, approved.as_ref()).await,
            (false, _) => self.look_locked(job, looked, approved, is_shown).await,
        };
        locks.release().await;
        changed
    }

    /// Reads everything again, now that no other run changes it: one that held the locks until now may have
    /// changed a part, and what was shown would be found stale half-way.
    async fn look_locked(
        &self,
        job: &Job,
        first: Looked,
        approved: Option<PlanFile>,
        is_shown: bool,
    ) -> Result<Report, Failure> {
        let looked = self.look(job).await;
        if let Some(target) = newly_pending(job, &first, &looked) {
            let what =
                format!("{target} was changed while the locks were taken: it was not locked");
            let next = "run the same command again";
            return Err(Failure::new(FailureClass::Stale, what).next(next));
        }
        let shown = is_shown.then(|| PlanFile::new(job, first.targets));
        if let Some(report) = self.unchanged(job, &looked, approved.as_ref().or(shown.as_ref()))? {
            return Ok(report);
        }
        self.change(job, &looked, approved.as_ref()).await
    }

    /// The report of a run that changes nothing: something blocks the first write, or there is nothing to do.
    fn unchanged(
        &self,
        job: &Job,
        looked: &Looked,
        approved: Option<&PlanFile>,
    ) -> Result<Option<Report>, Failure> {
        let report = || Report::new("apply", job, self.elapsed()).looked(looked.all());
        if let Some(blocker) = looked.blocker() {
            let exit = self.status_of(&looked.all());
            return Ok(Some(report().failed(Some(self.explained(blocker)), exit)));
        }
        if let Some(plan) = approved {
            covered(job, &looked.targets, plan)?;
        }
        Ok((!looked.pending()).then(|| report().converged().ends(Status::Done)))
    }

    /// Begins a run for work that does not consist of targets and steps: a proof, a probe. What is done
    /// with the returned context goes into the run's journal.
    ///
    /// # Errors
    ///
    /// Fails if the run can't be recorded: no write without a journal.
    pub fn begin(&self, job: &Job) -> Result<(RunDirectory, Context), Failure> {
        let run = self.runs.begin(job, self.ctx.now())?;
        self.ctx.tell(&Event::RunStarted { run: run.id.clone() });
        let ctx = self.ctx.clone().with_journal(run.journal.clone());
        Ok((run, ctx))
    }

    async fn change(
        &self,
        job: &Job,
        looked: &Looked,
        approved: Option<&PlanFile>,
    ) -> Result<Report, Failure> {
        let approved = approved.map(|plan| plan.targets.as_slice());
        let (run, ctx) = self.begin(job)?;
        let _unended = Unended { engine: self, job, run: &run };
        run.keep("plan.json", &PlanFile::new(job, looked.targets.clone()))?;
        if let Some(capture) = &job.pre_state {
            let Some(captured) = ctx.in_time(capture()).await else {
                let what = "stopped before the first change";
                let failure = Failure::new(FailureClass::Interrupted, what);
                let failure = failure.next("run the same command again");
                return self.finish(job, &run, Vec::new(), Some(failure));
            };
            run.keep("pre-state.json", &captured?)?;
        }
        let (mut done, mut failure) =
            self.targets(&ctx, &job.targets, &looked.targets, approved).await;
        if failure.is_none() {
            failure = self.afterwards(&ctx, job, &mut done).await;
        }
        if failure.is_none() {
            failure = self.look_again(job).await;
        }
        self.finish(job, &run, done, failure)
    }

    /// Runs the targets in order and stops after the first failure. Units after the first one may run
    /// at the same time. Reports each target that was started.
    async fn targets(
        &self,
        ctx: &Context,
        targets: &[TargetPlan],
        looked: &[TargetPreview],
        approved: Option<&[TargetPreview]>,
    ) -> (Vec<TargetReport>, Option<Failure>) {
        let mut done: Vec<TargetReport> = Vec::new();
        let all: Vec<_> = targets.iter().zip(looked).collect();
        let mut rest = all.as_slice();
        let mut first_unit = true;
        while let Some(((target, _), _)) = rest.split_first() {
            let units = rest.iter().take_while(|(one, _)| one.kind == TargetKind::Unit).count();
            let together = match target.kind {
                TargetKind::Unit if !first_unit => units.min(self.parallel.get()),
                TargetKind::Unit | TargetKind::Shared => 1,
            };
            first_unit = first_unit && target.kind != TargetKind::Unit;
            let (now, later) = rest.split_at(together.max(1).min(rest.len()));
            rest = later;
            let runs = now.iter().map(|(target, looked)| {
                let shown = approved.and_then(|all| all.iter().find(|p| p.target == target.target));
                target
                    .run(Run {
                        looked,
                        approved: shown.unwrap_or(looked),
                        approve_waiting: shown.is_none(),
                        ctx,
                    })
                    .boxed()
            });
            // Collected, so that the future is `Send`: rustc can't infer it for the closure.
            let runs: Vec<_> = runs.collect();
            done.extend(stream::iter(runs).buffered(together.max(1)).collect::<Vec<_>>().await);
            if let Some(failure) = done.iter().find_map(TargetReport::failure) {
                let failure = partial(failure.clone(), targets, &done);
                return (done, Some(failure));
            }
        }
        (done, None)
    }

    /// Checks the final gates until they hold or the time is over.
    async fn afterwards(
        &self,
        ctx: &Context,
        job: &Job,
        done: &mut Vec<TargetReport>,
    ) -> Option<Failure> {
        for target in &job.afterwards {
            let read = || async {
                let looked = target.preview_at(ctx, Moment::Before).await;
                looked.unanswered().map_or(Ok(looked), Err)
            };
            let condition = |looked: &TargetPreview| match looked.blocker() {
                None => Check::Met,
                Some(blocker) => Check::Pending(blocker.to_string()),
            };
            let tell = |_: &str, since| {
                ctx.tell(&Event::Settling { target: target.target.clone(), since });
            };
            let looked = match wait_for(ctx, SETTLING, read, &condition, tell).await {
                Ok(looked) => looked,
                Err(WaitError::Cancelled | WaitError::Read(_) | WaitError::Failed { .. }) => {
                    target.preview_at(ctx, Moment::Before).await
                }
                Err(WaitError::TimedOut(late)) => match late.seen {
                    Some(looked) => looked,
                    None => target.preview_at(ctx, Moment::Before).await,
                },
            };
            let run = Run { looked: &looked, approved: &looked, approve_waiting: true, ctx };
            let report = target.run(run).await;
            let failure = report.failure().cloned();
            done.push(report);
            if failure.is_some() {
                return failure.map(|failure| Failure { touched: Touched::Maybe, ..failure });
            }
        }
        None
    }

    /// Reads everything once more: what was changed must still be in the desired state.
    async fn look_again(&self, job: &Job) -> Option<Failure> {
        let all = self.look_at(job, Moment::After).await.all();
        let failure = all.iter().find_map(TargetPreview::blocker).or_else(|| {
            let lost = all.iter().find_map(|target| Some((target, target.changes().next()?)));
            lost.map(|(target, preview)| {
                let what = format!(
                    "{} on {} did not stay in the desired state",
                    preview.subject, target.target
                );
                let found: Vec<_> = preview.diffs.iter().map(ToString::to_string).collect();
                let next = "find out what else changes it, then run the same command again";
                let failure = Failure::new(FailureClass::Error, what).next(next);
                Failure { found: Some(found.join("; ")), ..failure }
            })
        });
        failure.map(|failure| Failure { touched: Touched::Maybe, ..failure })
    }

    fn finish(
        &self,
        job: &Job,
        run: &RunDirectory,
        done: Vec<TargetReport>,
        failure: Option<Failure>,
    ) -> Result<Report, Failure> {
        let failure = failure.map(|failure| self.explained(failure));
        let exit = failure.as_ref().map_or(Status::Done, |failure| self.status(failure));
        let converged = failure.is_none();
        let report = Report::new("apply", job, self.elapsed()).done(&run.id, done);
        let report = report.failed(failure, exit);
        let report = if converged { report.converged() } else { report };
        let report = Report { reversible: self.reversible(job, run), ..report };
        // The changes were made: a report that can't be written must not hide that.
        run.keep("report.json", &report).map_err(|failure| Failure {
            touched: Touched::Maybe,
            ..failure
                .next(format!("the changes are in the journal: omega-cli runs show {}", run.id))
        })?;
        Ok(report)
    }

    /// Whether there is something to roll back: a change with an undo, in a run that is not itself a
    /// rollback.
    fn reversible(&self, job: &Job, run: &RunDirectory) -> bool {
        let entries = self.runs.entries(&run.id).unwrap_or_default();
        job.rolls_back.is_empty() && has_undoable(&entries)
    }
}

/// A run that has begun. If the program gives it up before its end (a second signal, a full disk), it has a
/// report that says so.
struct Unended<'a> {
    engine: &'a Engine,
    job: &'a Job,
    run: &'a RunDirectory,
}

impl Drop for Unended<'_> {
    fn drop(&mut self) {
        if self.run.path.join("report.json").exists() {
            return;
        }
        let ctx = &self.engine.ctx;
        let class = match ctx.cancel().reason() {
            Some(_) => FailureClass::Interrupted,
            None => FailureClass::Error,
        };
        let touched = if ctx.has_written() { Touched::Maybe } else { Touched::Nothing };
        let failure = Failure { touched, ..Failure::new(class, "it ended before it was complete") };
        // There may be no room for it.
        drop(self.engine.finish(self.job, self.run, Vec::new(), Some(failure)));
    }
}

/// Whether a step that can be undone may have changed something.
fn has_undoable(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| {
        let Entry::Intent { step, undo: Some(_), temporary: false, .. } = entry else {
            return false;
        };
        let begun = |one: &Entry| matches!(one, Entry::Applying { step: of, .. } if of == step);
        let refused = |one: &Entry| matches!(one, Entry::Failed { step: of, touched: Touched::Nothing, .. } if of == step);
        entries.iter().any(begun) && !entries.iter().any(refused)
    })
}

/// The locks of the targets that have something to change. What is checked at the end may change something
/// that only the changes make possible.
fn locks(job: &Job, looked: &Looked) -> Vec<Arc<dyn TargetLock>> {
    let targets = job.targets.iter().zip(&looked.targets);
    let pending = targets.filter(|(_, looked)| looked.pending()).map(|(target, _)| target);
    pending.chain(&job.afterwards).flat_map(TargetPlan::locks).collect()
}

/// The target with a lock that has something to change now, and had nothing at the first look.
fn newly_pending<'a>(job: &'a Job, first: &Looked, now: &Looked) -> Option<&'a str> {
    let looks = first.targets.iter().zip(&now.targets);
    let newly = job.targets.iter().zip(looks).find(|(target, (first, now))| {
        now.pending() && !first.pending() && target.locks().next().is_some()
    });
    newly.map(|(target, _)| target.target.as_str())
}

/// A target before the one that failed may have been changed.
fn admitted(failure: Failure, done: &[TargetReport]) -> Failure {
    let changed = |report: &TargetReport| {
        report.items.iter().any(|item| matches!(item.outcome, ItemOutcome::Changed))
    };
    if failure.touched == Touched::Maybe || !done.iter().any(changed) {
        return failure;
    }
    let failure = Failure { touched: Touched::Maybe, ..failure };
    if failure.class == FailureClass::Interrupted {
        return failure;
    }
    failure.because("this step sent nothing; the targets before it are done")
}

/// Tells which units are done, which failed, and which were not changed.
fn partial(failure: Failure, targets: &[TargetPlan], done: &[TargetReport]) -> Failure {
    let is_unit =
        |name: &str| targets.iter().any(|one| one.target == name && one.kind == TargetKind::Unit);
    let units = || done.iter().filter(|report| is_unit(&report.target));
    let finished = units().filter(|report| report.failure().is_none()).count();
    if finished == 0 {
        return admitted(failure, done);
    }
    let begun = |target: &&TargetPlan| done.iter().any(|report| report.target == target.target);
    let left = targets.iter().filter(|one| one.kind == TargetKind::Unit && !begun(one));
    let left: Vec<_> = left.map(|one| one.target.as_str()).collect();
    let left =
        if left.is_empty() { String::new() } else { format!("; {} untouched", left.join(", ")) };
    let failed: Vec<String> = done
        .iter()
        .filter_map(|report| {
            let failure = report.failure()?;
            let itself = match failure.touched {
                Touched::Nothing => ", which was not changed",
                Touched::Maybe => "",
            };
            Some(format!("{}{itself}", report.target))
        })
        .collect();
    let count = if finished == 1 { "1 unit" } else { &format!("{finished} units") };
    let interrupted = failure.class == FailureClass::Interrupted;
    let (class, how) = if interrupted {
        (FailureClass::Interrupted, "stopped at")
    } else {
        (FailureClass::Partial, "failed at")
    };
    let state = format!("{count} done, {how} {}{left}", failed.join(", "));
    Failure { class, touched: Touched::Maybe, ..failure.because(state) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Diff, StepId, Subject, Undo};

    #[test]
    fn a_rollback_is_offered_where_something_may_have_changed() {
        let step =
            || StepId { target: "cloud".to_owned(), kind: "rule".to_owned(), key: "a".to_owned() };
        let undo = Undo { kind: "rule".to_owned(), desired: serde_json::Value::Null };
        let intent = || Entry::Intent {
            step: step(),
            desired: serde_json::Value::Null,
            changes: Vec::new(),
            undo: Some(undo.clone()),
            temporary: false,
            cleanup: None,
        };
        let change = || Diff::new(ChangeKind::Create, Subject::new("rule", "a"), "");
        let applying = || Entry::Applying { step: step(), nth: 0, change: change() };
        let failed = |touched| Entry::Failed { step: step(), error: String::new(), touched };
        for (entries, expected) in [
            (vec![intent()], false),
            (vec![intent(), applying()], true),
            (vec![intent(), applying(), Entry::Applied { step: step(), nth: 0 }], true),
            (vec![intent(), applying(), failed(Touched::Maybe)], true),
            (vec![intent(), applying(), failed(Touched::Nothing)], false),
        ] {
            assert_eq!(has_undoable(&entries), expected, "{entries:?}");
        }
    }

    /// A model that was destroyed, and then a machine that could not be read: something was changed.
    #[test]
    fn what_an_earlier_target_changed_is_admitted() {
        let report = |target: &str, outcome| {
            let (kind, key) = ("rule".to_owned(), target.to_owned());
            let item = crate::ItemReport {
                subject: Subject::new("rule", target),
                kind,
                key,
                outcome,
                notes: Vec::new(),
            };
            TargetReport { target: target.to_owned(), items: vec![item] }
        };
        let targets = [TargetPlan::shared("a", Vec::new()), TargetPlan::shared("b", Vec::new())];
        let failed = || Failure::new(FailureClass::Error, "could not read b");
        for (first, touched) in
            [(ItemOutcome::Changed, Touched::Maybe), (ItemOutcome::Unchanged, Touched::Nothing)]
        {
            let done = [report("a", first), report("b", ItemOutcome::Failed(failed()))];
            assert_eq!(partial(failed(), &targets, &done).touched, touched);
        }
    }
}
