use omega_core::{Event, Failure};
use serde_json::json;

use super::Session;
use crate::{
    cli::{RunsArgs, RunsShow},
    exit::Exit,
    render,
};

impl Session {
    pub(super) fn runs(&self, args: &RunsArgs) -> Result<Exit, Failure> {
        match &args.show {
            None => self.list_runs(),
            Some(RunsShow::Show { id }) => self.show_run(id),
        }
    }

    fn list_runs(&self) -> Result<Exit, Failure> {
        let (runs, damaged) = self.runs.all()?;
        let exit = if damaged.is_empty() { Exit::Done } else { Exit::Error };
        self.ends(exit, json!({ "runs": runs, "damaged": damaged }));
        if runs.is_empty() {
            self.screen.text("There are no runs yet.");
        }
        for run in runs {
            let back = match run.rolls_back.as_slice() {
                [] => String::new(),
                back => format!(" back behind {}", back.join(", ")),
            };
            self.screen.text(&format!("{}  {}{back}  {}", run.id, run.runbook, run.site));
        }
        for failure in &damaged {
            self.console.fail(&render::failure(failure, None, self.screen.width));
        }
        Ok(exit)
    }

    fn show_run(&self, id: &str) -> Result<Exit, Failure> {
        let events = self.runs.events(id)?;
        let report: Option<serde_json::Value> = self.runs.kept(id, "report.json");
        self.ends(Exit::Done, json!({ "events": events, "report": report }));
        for event in &events {
            match event {
                Event::Intent { target, kind: _, desired: _, changes, undo } => {
                    let back = if undo.is_some() { "" } else { " (no way back)" };
                    for change in changes {
                        self.screen.text(&format!("{target}  {change}{back}"));
                    }
                }
                Event::Verified { target, kind, seen: _ } => {
                    self.screen.text(&format!("{target}  verified {kind}"));
                }
                Event::Failed { target, kind, error, touched } => {
                    self.screen.text(&format!("{target}  failed {kind}: {error} ({touched:?})"));
                }
            }
        }
        if report.is_none() {
            self.screen.text("The run has no report: it was ended from outside.");
        }
        Ok(Exit::Done)
    }
}
