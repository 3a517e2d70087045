//! The question before a write.

use std::{io, path::Path};

use omega::{
    core::{Failure, FailureClass},
    run::{Approved, Engine, Job, Leftover, Report},
};

use crate::{
    app::App,
    cli::{WriteArgs, YesArgs},
    command_line::CommandLine,
    render::{self, Screen},
};

const QUESTION: &str = "Apply these changes? Only 'yes' is accepted: ";

/// A question whose line has not ended.
struct Question<'a> {
    asking: &'a Screen,
    is_open: bool,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.asking.ask("\n");
        }
    }
}

impl App {
    /// Carries out the job, or shows what it would do. Returns the report and, of a plan, the command
    /// that applies it.
    pub(super) async fn carry_out(
        &self,
        site: &Path,
        job: &Job,
        write: WriteArgs,
    ) -> Result<(Report, Option<CommandLine>), Failure> {
        if write.plan {
            let next = self.given.clone().without("--plan").on(site);
            return Ok((self.engine().plan(job).await, Some(next)));
        }
        Ok((self.apply_confirmed(&self.engine(), job, write.consent, &[]).await?, None))
    }

    /// Shows the changes, asks, and makes just these. If there is nothing to change, or something
    /// prevents it, nothing is asked. `then`: what is changed besides the job.
    pub(super) async fn apply_confirmed(
        &self,
        engine: &Engine,
        job: &Job,
        consent: YesArgs,
        then: &[String],
    ) -> Result<Report, Failure> {
        if consent.yes {
            return engine.apply(job, Approved::Now).await;
        }
        let looked = engine.look(job).await;
        if looked.blocker().is_none() && (looked.pending() || !then.is_empty()) {
            let show = |screen: &Screen| {
                job.findings.iter().for_each(|one| screen.text(&render::finding(one, screen)));
                render::plan(screen, &looked.all());
                for line in then {
                    screen.prose(line);
                }
            };
            self.confirm(consent, show).await?;
        }
        // The time of the question is not the run's.
        let engine = Engine::new(engine.runs.clone(), engine.ctx.clone()).parallel(engine.parallel);
        engine.apply(job, Approved::Shown(looked)).await
    }

    /// Shows what will be changed, and returns if the operator agrees.
    ///
    /// # Errors
    ///
    /// Fails if the answer is not `yes`, or if nobody can be asked.
    pub(super) async fn confirm(
        &self,
        consent: YesArgs,
        show: impl FnOnce(&Screen),
    ) -> Result<(), Failure> {
        if consent.yes {
            return Ok(());
        }
        let asking = self.asking.as_ref().ok_or_else(|| self.nobody_to_ask())?;
        self.console.done();
        show(asking);
        let answer = self.answer(&format!("\n{QUESTION}")).await?;
        if answer.trim_end_matches(['\n', '\r']) == "yes" {
            return Ok(());
        }
        Err(Failure::new(FailureClass::Interrupted, "not confirmed: the answer was not 'yes'"))
    }

    /// Asks, and returns the line of the answer.
    ///
    /// # Errors
    ///
    /// Fails if nobody can be asked, or if the answer can't be read.
    pub(super) async fn answer(&self, question: &str) -> Result<String, Failure> {
        let asking = self.asking.as_ref().ok_or_else(|| self.nobody_to_ask())?;
        asking.ask(question);
        // What comes next begins a line of its own, also after Ctrl-C, which drops this.
        let mut open = Question { asking, is_open: true };
        // In a thread of its own: a signal ends the program at once meanwhile.
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        });
        let answer = answer.await.map_err(io::Error::other).flatten();
        open.is_open = !answer.as_ref().is_ok_and(|answer| answer.ends_with('\n'));
        drop(open);
        answer.map_err(|error| {
            Failure::new(FailureClass::Error, "could not read the answer")
                .because(error.to_string())
        })
    }

    /// Asks before what killed runs left is removed.
    pub(super) async fn confirm_removal(
        &self,
        consent: YesArgs,
        left: &[Leftover],
    ) -> Result<(), Failure> {
        if left.is_empty() {
            return Ok(());
        }
        let show = |screen: &Screen| {
            screen.text("Left by runs that were killed, and removed first:");
            for one in left {
                screen.text(&render::leftover(one));
            }
        };
        self.confirm(consent, show).await
    }

    fn nobody_to_ask(&self) -> Failure {
        let from = if self.task == "apply" { ", or --from with a stored plan" } else { "" };
        Failure::new(FailureClass::Usage, "this command changes something, and nobody confirmed it")
            .because("standard input or output is not a terminal, so the question can't be asked")
            .next(format!("add --yes{from}"))
    }
}
