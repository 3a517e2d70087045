//! `runs`

use omega::{
    Swept,
    clients::{Clients, CloudClients, PartialClients},
    core::Failure,
    left_here, left_on_site,
    run::{RunInfo, RunOutcome, Status},
    sweep, sweep_site,
};
use serde_json::{Value, json};

use crate::{
    app::App,
    cli::{RunsArgs, RunsCommand, SiteArgs, YesArgs},
    render,
};

impl App {
    pub(crate) async fn runs(&self, args: &RunsArgs) -> Result<Status, Failure> {
        match &args.command {
            None => self.list_runs(),
            Some(RunsCommand::Show { id }) => self.show_run(id),
            Some(RunsCommand::Sweep { site, write }) if write.plan => self.show_leftovers(site),
            Some(RunsCommand::Sweep { site, write }) => self.sweep(site, write.consent).await,
        }
    }

    fn list_runs(&self) -> Result<Status, Failure> {
        let (runs, damaged) = self.runs.all()?;
        let exit = if damaged.is_empty() { Status::Done } else { Status::Error };
        let runs: Vec<(RunInfo, RunOutcome)> =
            runs.into_iter().map(|run| (run.clone(), self.runs.outcome(&run))).collect();
        let listed = |(run, outcome): &(RunInfo, RunOutcome)| {
            let mut one = json!(run);
            if let (Some(one), Value::Object(more)) = (one.as_object_mut(), json!(outcome)) {
                one.extend(more);
            }
            one
        };
        let all: Vec<Value> = runs.iter().map(listed).collect();
        self.ends(exit, json!({ "runs": all, "damaged": damaged }));
        if runs.is_empty() {
            self.screen.text("There are no runs yet.");
        }
        if !runs.is_empty() {
            self.screen.text(&render::run_list(&runs, self.screen.width));
        }
        for failure in &damaged {
            self.console.fail(&render::failure(failure, None, &self.screen));
        }
        Ok(exit)
    }

    fn show_leftovers(&self, at: &SiteArgs) -> Result<Status, Failure> {
        let left = self.runs.leftovers()?;
        for one in &left {
            self.screen.text(&render::leftover(one));
        }
        let exit = if left.is_empty() {
            self.screen.text("There are no leftovers of killed runs.");
            Status::Done
        } else {
            let next = self.given.clone().without("--plan").on(&at.site);
            self.screen.text(&format!("Next:  {next}"));
            Status::Pending
        };
        let left: Vec<_> =
            left.iter().map(|one| json!({ "run": one.run.id, "step": one.step })).collect();
        Ok(self.ends(exit, json!({ "left": left })))
    }

    async fn sweep(&self, at: &SiteArgs, consent: YesArgs) -> Result<Status, Failure> {
        let _lock = self.runs.lock(&at.site, "runs sweep")?;
        self.runs.remove_abandoned();
        if self.runs.leftovers()?.is_empty() {
            self.screen.text("There are no leftovers of killed runs.");
            return Ok(self.ends(Status::Done, json!({ "swept": [] })));
        }
        let site = Self::site(&at.site)?;
        let connect = self.connect(&site);
        self.confirm_removal(consent, &left_on_site(&self.runs, &connect).await?).await?;
        let swept = self.say_swept(sweep_site(&self.runs, &self.ctx, &connect, &at.units).await?);
        let exit = Status::first(swept.iter().filter_map(|(_, failed)| *failed));
        let swept: Vec<_> = swept.into_iter().map(|(one, _)| one).collect();
        Ok(self.ends(exit, json!({ "swept": swept })))
    }

    /// Removes what killed runs left, before a run that may create similar resources. A failure to remove
    /// it does not stop that run.
    pub(super) async fn sweep_first(
        &self,
        clients: &Clients,
        consent: YesArgs,
    ) -> Result<(), Failure> {
        self.sweep_with(&clients.into(), consent).await
    }

    /// The same, of the cloud alone.
    pub(super) async fn sweep_cloud(
        &self,
        cloud: &CloudClients,
        consent: YesArgs,
    ) -> Result<(), Failure> {
        self.sweep_with(&PartialClients::from(cloud), consent).await
    }

    async fn sweep_with(&self, clients: &PartialClients, consent: YesArgs) -> Result<(), Failure> {
        self.confirm_removal(consent, &left_here(&self.runs, clients)?).await?;
        self.say_swept(sweep(&self.runs, &self.ctx, clients).await?);
        Ok(())
    }

    pub(super) fn say_swept(&self, swept: Swept) -> Vec<(Value, Option<Status>)> {
        swept
            .into_iter()
            .map(|(left, removed)| {
                let what = format!("{} on {}", left.step.key, left.step.target);
                let (text, failed) = match &removed {
                    Ok(true) => (format!("removed {what}, left by run {}", left.run.id), None),
                    Ok(false) => (
                        format!("{what}, left by run {}: there is nothing to remove", left.run.id),
                        None,
                    ),
                    Err(failure) => {
                        (format!("could not remove {what}: {failure}"), Some(self.status(failure)))
                    }
                };
                self.console.say(&text);
                let failure = removed.as_ref().err();
                let changed = removed.as_ref().ok();
                let document = json!({
                    "run": left.run.id, "step": left.step, "removed": changed, "failure": failure,
                });
                (document, failed)
            })
            .collect()
    }
}
