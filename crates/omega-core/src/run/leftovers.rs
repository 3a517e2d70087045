//! What killed runs left behind: read from their journals, and removed.

use std::{sync::Arc, time::Duration};

use super::{Endpoints, RunInfo, Runs, different_site};
use crate::{
    Approval, Check, Context, Entry, Event, Failure, FailureClass, FileJournal, PollPolicy, Step,
    StepId, Touched, Undo, WaitError, chain, leftovers, wait_for,
};

/// How often and how long the removal of a leftover is retried if a service can't answer now.
const AGAIN: PollPolicy = PollPolicy::new(Duration::from_secs(2), Duration::from_mins(1));

/// A temporary resource of a run that was killed before it removed it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Leftover {
    /// The run.
    pub run: RunInfo,
    /// The step that made it.
    pub step: StepId,
    /// What removes it.
    pub undo: Undo,
}

impl Runs {
    /// Returns the temporary resources that killed runs left, newest run first. Runs that go on, and
    /// damaged ones are skipped: `all` returns them.
    ///
    /// # Errors
    ///
    /// Fails if the directory of runs or a journal can't be read.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, Failure> {
        let mut all = Vec::new();
        for run in self.all()?.0 {
            // With another site file of the same cloud, its lock is another one.
            if self.is_alive(&run.id) {
                continue;
            }
            for (step, undo) in leftovers(&self.entries(&run.id)?) {
                all.push(Leftover { run: run.clone(), step, undo });
            }
        }
        Ok(all)
    }

    /// Removes what killed runs left on this site, and says so in their journals. `restore` returns
    /// the step that removes a thing, if its target is at hand, or why it can't tell; what is of
    /// another site stays.
    ///
    /// Returns each leftover, with whether anything had to be removed.
    ///
    /// # Errors
    ///
    /// Fails if the directory of runs or a journal can't be read. If a resource can't be removed, its
    /// own result has the failure.
    pub async fn sweep(
        &self,
        ctx: &Context,
        here: &Endpoints,
        restore: impl Fn(&StepId, &Undo) -> Result<Option<Box<dyn Step>>, Failure> + Send + Sync,
    ) -> Result<Vec<(Leftover, Result<bool, Failure>)>, Failure> {
        let mut swept = Vec::new();
        for left in self.leftovers()? {
            if different_site(&left.run.endpoints, here).is_some() {
                continue;
            }
            let removed = match restore(&left.step, &left.undo) {
                Ok(Some(step)) => self.remove(ctx, &left, &*step).await,
                Ok(None) => continue,
                Err(failure) => Err(failure),
            };
            swept.push((left, removed));
        }
        Ok(swept)
    }

    async fn remove(
        &self,
        ctx: &Context,
        left: &Leftover,
        step: &dyn Step,
    ) -> Result<bool, Failure> {
        let journal = Arc::new(self.reopen(&left.run.id)?);
        let ctx = ctx.removing().with_journal(journal);
        let run = async || {
            // What is gone already needs no lock.
            let is_gone = step.preview(ctx.now()).await?.is_satisfied();
            let lock = step.lock().filter(|_| !is_gone);
            let locks = ctx.lock(lock.into_iter().collect(), "runs sweep").await?;
            let done = step.run(&ctx, Approval::Fact).await;
            locks.release().await;
            Ok(done?.changed)
        };
        let tell = |why: &str, _: Duration| ctx.tell(&Event::Note { text: why.to_owned() });
        let waited = wait_for(&ctx, AGAIN, run, &|_: &bool| Check::Met, tell).await;
        let changed = waited.map_err(|ended| match ended {
            WaitError::Read(failure) => failure,
            WaitError::Cancelled => {
                Failure::new(FailureClass::Interrupted, "stopped before it was removed")
            }
            WaitError::TimedOut(late) => {
                Failure::new(FailureClass::Deadline, "could not be removed").because(late.why)
            }
            WaitError::Failed { why, .. } => {
                Failure::new(FailureClass::Error, "could not be removed").because(why)
            }
        })?;
        ctx.record(&Entry::Removed { step: left.step.clone() }).map_err(|error| Failure {
            causes: chain(&error),
            touched: Touched::Maybe,
            ..Failure::new(FailureClass::Error, "could not record what was removed")
        })?;
        Ok(changed)
    }

    fn reopen(&self, id: &str) -> Result<FileJournal, Failure> {
        FileJournal::reopen(&self.path(id)?.join("journal.jsonl")).map_err(|error| Failure {
            causes: chain(&error),
            ..Failure::new(FailureClass::Error, format!("could not go on with run {id}'s journal"))
        })
    }
}
