use std::time::Duration;

use omega_core::{
    Failure, FailureClass, ItemOutcome, ItemState, Preview, Progress, Run, TargetPlan,
    TargetPreview, TargetReport, Touched,
};
use tokio::time::{Instant, sleep};

use super::{
    Engine, PlanFile, Report, Task,
    task::{exit_of, facts},
};
use crate::{
    exit::Exit,
    render::{self, Recap},
    runs::{Begins, RunDirectory},
};

/// How long, and how often, a question is asked again that only the changes can have mended.
/// Magnum looks at the health of a cluster once a minute; the runbook polls for 200 s.
const PATIENCE: Duration = Duration::from_mins(4);
const EVERY: Duration = Duration::from_secs(10);

/// What the operator said yes to.
#[derive(Debug)]
pub(crate) enum Approved {
    /// What is looked at now, and what waiting steps turn out to need.
    Now,
    /// This plan and nothing else.
    Plan(PlanFile),
}

impl Engine<'_> {
    /// Makes everything so, and proves it by looking at all of it again. The report is not yet
    /// printed.
    pub(crate) async fn apply(&self, task: &Task, approved: Approved) -> Result<Report, Failure> {
        let (looked, afterwards) = self.look(task).await;
        let all: Vec<_> = looked.iter().chain(&afterwards).cloned().collect();
        if let Some(obstacle) = all.iter().find_map(TargetPreview::obstacle) {
            render::plan(self.screen, &all);
            let exit = exit_of(&all);
            self.console.fail(&render::failure(&obstacle, None, self.screen.width));
            let report = Report::new("apply", task, self).looked(all);
            return Ok(report.failed(Some(&obstacle)).ends(exit));
        }
        let approved = match approved {
            Approved::Now => None,
            Approved::Plan(plan) => {
                covered(&task.legs, &looked, &plan.legs)?;
                Some(plan.legs)
            }
        };
        if all.iter().any(TargetPreview::pending) {
            return self.change(task, &looked, approved.as_deref()).await;
        }
        let recap = Recap::of(all.iter().flat_map(TargetPreview::items));
        let holds = format!("Nothing to do: {}", facts(recap.unchanged));
        self.screen.prose(&self.all_so(&holds, &recap, task));
        Ok(Report::new("apply", task, self).looked(all).converged().ends(Exit::Done))
    }

    async fn change(
        &self,
        task: &Task,
        looked: &[TargetPreview],
        approved: Option<&[TargetPreview]>,
    ) -> Result<Report, Failure> {
        let mut run = self.runs.begin(&Begins::of(task), jiff::Timestamp::now())?;
        if self.kept {
            self.console.say(&format!("Run {}", run.id));
        }
        run.keep("plan.json", &PlanFile::new(task, looked.to_vec()))?;
        if let Some(capture) = &task.pre_state {
            run.keep("pre-state.json", &capture().await?)?;
        }
        let mut done = Vec::new();
        let mut failure = self.legs(&task.legs, looked, approved, &mut run, &mut done).await;
        if failure.is_none() {
            failure = self.afterwards(task, &mut run, &mut done).await;
        }
        if failure.is_none() {
            failure = self.look_again(task).await;
        }
        self.finish(task, &run, done, failure.as_ref())
    }

    /// Runs the legs in order, up to the first that fails.
    async fn legs(
        &self,
        legs: &[TargetPlan],
        looked: &[TargetPreview],
        approved: Option<&[TargetPreview]>,
        run: &mut RunDirectory,
        done: &mut Vec<TargetReport>,
    ) -> Option<Failure> {
        let units = |leg: &&TargetPlan| leg.target.parse::<omega_core::values::UnitName>().is_ok();
        let mut finished = 0;
        for (leg, looked) in legs.iter().zip(looked) {
            let shown = approved.and_then(|all| all.iter().find(|one| one.target == leg.target));
            let report = leg.run(self.run(looked, shown, run)).await;
            let failure = report.failure().cloned();
            done.push(report);
            if let Some(failure) = failure {
                let left: Vec<_> = legs.iter().skip(done.len()).filter(units).collect();
                return Some(stopped(failure, leg, finished, &left));
            }
            finished += usize::from(units(&leg));
        }
        None
    }

    fn run<'r>(
        &'r self,
        looked: &'r TargetPreview,
        approved: Option<&'r TargetPreview>,
        run: &'r mut RunDirectory,
    ) -> Run<'r> {
        Run {
            looked,
            approved: approved.unwrap_or(looked),
            approve_waiting: approved.is_none(),
            journal: &mut run.journal,
            stop: self.stop,
            progress: self,
        }
    }

    /// Asks what is only fair to ask now, until the answer is good or patience ends.
    async fn afterwards(
        &self,
        task: &Task,
        run: &mut RunDirectory,
        done: &mut Vec<TargetReport>,
    ) -> Option<Failure> {
        let start = Instant::now();
        for leg in &task.afterwards {
            loop {
                self.console.now(&format!("waiting for {}", leg.target));
                let looked = leg.preview().await;
                self.console.done();
                let patient = start.elapsed() < PATIENCE && !self.stop.asked();
                if looked.obstacle().is_some() && patient {
                    sleep(EVERY).await;
                    continue;
                }
                let report = leg.run(self.run(&looked, None, run)).await;
                let failure = report.failure().cloned();
                done.push(report);
                if failure.is_some() {
                    return failure.map(|f| Failure { touched: Touched::Maybe, ..f });
                }
                break;
            }
        }
        None
    }

    /// Looks at everything once more: what was made so must still be so.
    async fn look_again(&self, task: &Task) -> Option<Failure> {
        let (legs, afterwards) = self.look(task).await;
        let all: Vec<_> = legs.into_iter().chain(afterwards).collect();
        let failure = all.iter().find_map(TargetPreview::obstacle).or_else(|| {
            let lost = all.iter().find_map(|leg| Some((leg, pending(leg).next()?)));
            lost.map(|(leg, preview)| {
                let what = format!("{} on {} did not stay so", preview.subject, leg.target);
                let found: Vec<_> = preview.diffs.iter().map(ToString::to_string).collect();
                let next = "look for what else writes there, then run the same command again";
                Failure { found: Some(found.join("; ")), ..Failure::new(FailureClass::Error, what) }
                    .next(next)
            })
        });
        failure.map(|failure| Failure { touched: Touched::Maybe, ..failure })
    }

    fn finish(
        &self,
        task: &Task,
        run: &RunDirectory,
        done: Vec<TargetReport>,
        failure: Option<&Failure>,
    ) -> Result<Report, Failure> {
        let exit = failure.map_or(Exit::Done, |failure| failure.class.into());
        let recap = counted(&done);
        let report =
            Report::new("apply", task, self).done(&run.id, done, recap).failed(failure).ends(exit);
        let report = if failure.is_none() { report.converged() } else { report };
        run.keep("report.json", &report)?;
        if let Some(failure) = failure {
            self.console.fail(&render::failure(failure, Some(&run.id), self.screen.width));
        }
        let took = render::seconds(self.began.elapsed());
        let what = if failure.is_none() { "Done" } else { "Stopped" };
        self.screen.prose(&format!("{what} in {took}: {}.", render::recap(&recap)));
        if self.kept {
            self.screen.prose(&what_next(task, &run.id));
        }
        Ok(report)
    }
}

/// Names the commands that look at a run and take it back.
fn what_next(task: &Task, id: &str) -> String {
    let back = task.way_back.command(id).map(|back| format!(", {back}")).unwrap_or_default();
    format!("Run {id} (omega-cli runs show {id}{back}).")
}

impl omega_core::Observer for Engine<'_> {
    fn progress(&self, progress: Progress<'_>) {
        self.console.progress(&progress);
    }
}

fn pending(leg: &TargetPreview) -> impl Iterator<Item = &Preview> {
    leg.items().filter_map(|item| match &item.found {
        ItemState::Preview(preview) if !preview.is_satisfied() => Some(preview),
        ItemState::Preview(_) | ItemState::Verdict(_) | ItemState::Failed(_) => None,
    })
}

/// Refuses, before anything is written, what the stored plan does not show.
fn covered(
    legs: &[TargetPlan],
    looked: &[TargetPreview],
    approved: &[TargetPreview],
) -> Result<(), Failure> {
    for (leg, looked) in legs.iter().zip(looked) {
        match approved.iter().find(|one| one.target == leg.target) {
            Some(shown) => leg.covered(looked, shown)?,
            None if looked.pending() => {
                let what = format!("the plan says nothing of {}", leg.target);
                return Err(Failure::new(FailureClass::Stale, what)
                    .next("plan again, look, and apply the new plan"));
            }
            None => {}
        }
    }
    Ok(())
}

/// Says which units are done and which were never touched.
fn stopped(failure: Failure, leg: &TargetPlan, finished: usize, left: &[&TargetPlan]) -> Failure {
    if finished == 0 {
        return failure;
    }
    let left: Vec<_> = left.iter().map(|leg| leg.target.as_str()).collect();
    let left =
        if left.is_empty() { String::new() } else { format!("; {} untouched", left.join(", ")) };
    let done = if finished == 1 { "1 unit" } else { &format!("{finished} units") };
    let interrupted = failure.class == FailureClass::Interrupted;
    let (class, how) = if interrupted {
        (FailureClass::Interrupted, "stopped at")
    } else {
        (FailureClass::Partial, "failed at")
    };
    let itself = match failure.touched {
        Touched::Nothing => ", which was not changed",
        Touched::Maybe => "",
    };
    let state = format!("{done} done, {how} {}{itself}{left}", leg.target);
    Failure { class, touched: Touched::Maybe, ..failure.because(state) }
}

fn counted(done: &[TargetReport]) -> Recap {
    let mut recap = Recap::default();
    for (_, done) in done.iter().flat_map(|leg| &leg.items) {
        match done {
            ItemOutcome::Unchanged | ItemOutcome::Passed { .. } => recap.unchanged += 1,
            ItemOutcome::Changed => recap.changed += 1,
            ItemOutcome::Deferred { .. } => recap.deferred += 1,
            ItemOutcome::Failed(failure) if failure.class == FailureClass::Refused => {
                recap.refused += 1
            }
            ItemOutcome::Failed(failure) if failure.class == FailureClass::Gate => recap.no += 1,
            ItemOutcome::Failed(failure) if failure.class == FailureClass::Interrupted => {}
            ItemOutcome::Failed(_) => recap.failed += 1,
        }
    }
    recap
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
