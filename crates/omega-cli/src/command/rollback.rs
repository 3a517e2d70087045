//! `rollback`

use omega::{
    core::{Failure, FailureClass, run::Status},
    graft::GRAFT,
    rollback::{self, Rollback, check},
};

use crate::{
    app::App,
    cli::{RollbackArgs, Runbook},
    command_line::CommandLine,
};

impl App {
    pub(crate) async fn rollback(&self, args: &RollbackArgs) -> Result<Status, Failure> {
        let at = &args.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(&at.site, &self.task)).transpose()?;
        let named = self.named_run(args)?;
        let run = named.as_deref();
        // If there is nothing to undo, no request is made.
        check(&self.runs, run)?;
        let site = Self::site(&at.site)?;
        let connect = self.connect(&site);
        let clients = rollback::connect(GRAFT, &self.runs, run, &connect, &at.units).await?;
        let site = at.site.display().to_string();
        let back = rollback::rollback(&self.runs, run, &site, &clients).await?;
        self.say(&back);
        if let (true, [first, ..]) = (back.job.targets.is_empty(), back.one_way.as_slice()) {
            let what = format!("nothing of this run can be undone: {first}");
            let next = if back.only_restarts {
                "a restart needs no undo: the services read what is on disk. To restore that, roll back the run that changed it: omega-cli runs"
            } else {
                "change it with the command that made it, with the earlier value"
            };
            return Err(Failure::new(FailureClass::Refused, what).next(next));
        }
        if back.job.targets.is_empty() {
            let report = self.engine().plan(&back.job).await;
            self.screen.prose("There is nothing to roll back: the run made no lasting change.");
            return Ok(self.document(&report));
        }
        let (report, next) = self.carry_out(&at.site, &back.job, args.write).await?;
        // `latest` would be another run by then.
        let exact = |next: CommandLine| match run {
            Some(id) => next.without_value("--run").with("--run", id),
            None => next,
        };
        Ok(self.shown(&report, next.map(exact).as_ref()))
    }

    /// Returns the id of the run that `--run` means: with a runbook, one of that.
    fn named_run(&self, args: &RollbackArgs) -> Result<Option<String>, Failure> {
        let Some(run) = args.run.as_deref() else { return Ok(None) };
        let Some(Runbook::Graft) = args.runbook else { return self.runs.resolve(run).map(Some) };
        let (all, _) = self.runs.all()?;
        if run == "latest" {
            let newest = all.into_iter().find(|one| one.runbook == GRAFT);
            return newest.map(|one| Some(one.id)).ok_or_else(|| {
                Failure::new(FailureClass::Usage, format!("there is no run of {GRAFT} yet"))
                    .next("`omega-cli runs` lists the runs of other commands; leave `graft` out for one of those")
            });
        }
        let id = self.runs.resolve(run)?;
        match all.iter().find(|one| one.id == id && one.runbook != GRAFT) {
            Some(other) => {
                let what = format!("run {id} is of {}, not of {GRAFT}", other.runbook);
                Err(Failure::new(FailureClass::Usage, what)
                    .next(format!("leave `graft` out: omega-cli rollback --run {id}")))
            }
            None => Ok(Some(id)),
        }
    }

    fn say(&self, back: &Rollback) {
        let Some((first, later)) = back.runs.split_last() else { return };
        let later: Vec<_> = later.iter().map(|run| run.id.as_str()).collect();
        let resumed = match later.as_slice() {
            [] => String::new(),
            later => format!(", which did not finish and was resumed by {}", later.join(", ")),
        };
        let (id, began) = (&first.id, first.began.strftime("%Y-%m-%d %H:%M:%S UTC"));
        self.console.say(&format!("This rolls back run {id} ({began}){resumed}."));
        if let Some(by) = &back.already {
            self.console.say(&format!("Run {} has already rolled it back.", by.id));
        }
        for change in &back.one_way {
            self.console.say(&format!("  cannot be undone: {change}"));
        }
    }
}
