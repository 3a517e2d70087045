//! `rehearse`

use omega::{
    core::{Context, Failure, FailureClass},
    juju::sim::Start,
    rehearsal::{Act, Rehearsal, invented},
    run::{Runs, Status},
};
use serde_json::json;

use crate::{
    app::App,
    cli::{RehearseArgs, Rehearsed},
    render,
};

impl App {
    /// Rehearses what the operator names.
    pub(crate) async fn rehearse(&self, args: &RehearseArgs) -> Result<Status, Failure> {
        match args.what {
            Rehearsed::Graft => self.rehearse_graft(args).await,
            Rehearsed::Acceptance => self.rehearse_acceptance(args).await,
        }
    }

    /// Rehearses the graft from one starting point, or from each.
    async fn rehearse_graft(&self, args: &RehearseArgs) -> Result<Status, Failure> {
        if args.report_dir.is_some() {
            let what = "--report-dir is for `rehearse acceptance`: the graft has no report to keep";
            return Err(Failure::new(FailureClass::Usage, what).next("omega-cli rehearse graft"));
        }
        let starts = chosen(args.start.as_deref())?;
        let site = args.site.as_deref().map(Self::site).transpose()?;
        let made_up = site.as_ref().map(invented).transpose()?;
        if let (Some(file), Some(all)) = (&args.site, &made_up) {
            self.screen.prose(&format!(
                "{}: {} values are simulated instead of taken from the file:",
                file.display(),
                all.len()
            ));
            for one in all {
                self.screen.text(&format!("  {one}"));
            }
        }
        let directory = tempfile::tempdir().map_err(|error| {
            let what = "could not create a directory for the rehearsal's runs";
            Failure::new(FailureClass::Error, what).because(error.to_string())
        })?;
        let runs = Runs::new(directory.path());
        let ctx = self.rehearsing();
        let mut reports = Vec::new();
        for (nth, start) in starts.iter().enumerate() {
            let title = format!("{} of {}: from {}", nth + 1, starts.len(), start.title());
            self.screen.text(&format!("\n{title}\n{}", "=".repeat(title.chars().count())));
            let rehearsal = match &site {
                Some(site) => Rehearsal::on(*start, site),
                None => Rehearsal::new(*start),
            };
            for act in Act::ALL {
                self.screen.text(&format!("\n$ omega-cli {}", command(act)));
                let report = rehearsal.act(act, &runs, &ctx).await?;
                // What comes next is no command to paste: it would act on a real site.
                render::report(&self.screen, &self.console, &report, None);
                reports.push(report);
            }
        }
        let count = starts.len();
        self.screen.prose(&format!(
            "\nRehearsed from {count} starting point{}: each time the plan was applied and verified, \
             and the second apply changed nothing.\nNothing outside this process was changed, \
             and nothing is kept.",
            if count == 1 { "" } else { "s" }
        ));
        let mut document = json!({ "reports": reports });
        if let (Some(document), Some(all)) = (document.as_object_mut(), made_up) {
            document.insert("invented".to_owned(), json!(all));
        }
        Ok(self.ends(Status::Done, document))
    }

    /// Returns the context of a rehearsal: a run of its own, because what it writes is simulated, and to
    /// stop at once loses nothing.
    pub(super) fn rehearsing(&self) -> Context {
        self.console.keeps_runs(false);
        let ctx = Context::default().with_events(self.console.clone());
        ctx.with_cancel(self.ctx.cancel().clone())
    }
}

fn command(act: Act) -> &'static str {
    match act {
        Act::Plan => "plan graft --remove-leftovers",
        Act::Verify => "verify graft",
        Act::Apply | Act::ApplyAgain | _ => "apply graft --remove-leftovers",
    }
}

fn chosen(name: Option<&str>) -> Result<Vec<Start>, Failure> {
    let Some(name) = name else { return Ok(Start::ALL.to_vec()) };
    let found = Start::ALL.into_iter().find(|start| start.name() == name);
    found.map(|start| vec![start]).ok_or_else(|| {
        let names = Start::ALL.map(Start::name).join(", ");
        Failure::new(FailureClass::Usage, format!("no such starting point: `{name}`"))
            .next(format!("one of: {names}"))
    })
}
