//! `accept` and `rehearse acceptance`

use std::path::{Path, PathBuf};

use clap::Args;
use omega::{
    acceptance::{
        Acceptance, AcceptanceReport, Files, ImageTransfer, ItemId, PlannedItem, ReportDirectory,
        Scenario, Selection, UnknownItem, read, rehearse, sign,
    },
    core::{Failure, FailureClass, Touched},
    left_on_site,
    run::{Job, RunDirectory, Runs, Status},
    sweep_site,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    app::App,
    cli::{RehearseArgs, SiteFile, YesArgs},
    render::{self, Screen},
};

/// `accept`
#[derive(Clone, Debug, Args)]
pub(crate) struct AcceptanceArgs {
    /// The site.
    #[command(flatten)]
    file: SiteFile,
    /// Check only this item (`D-011.4`; repeatable) [default: all].
    #[arg(long, value_name = "ITEM", value_parser = item)]
    only: Vec<ItemId>,
    /// Continue this run, also one that was killed: keep what passed in the last 24 hours on the same site
    /// file, and check the rest again.
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// Show which items would be checked, and what they would make and change; ask nothing, write nothing.
    #[arg(long, conflicts_with_all = ["report_dir", "sign"])]
    plan: bool,
    /// Without a question.
    #[command(flatten)]
    consent: YesArgs,
    /// Copy the report to this directory.
    #[arg(long, value_name = "DIRECTORY")]
    report_dir: Option<PathBuf>,
    /// Sign the report's JSON with this key, by ssh-keygen: a private key without a passphrase, or the
    /// public key of one that an SSH agent has.
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
}

/// Signs a text of its own with the key: before a run of twenty minutes.
async fn can_sign(key: &Path) -> Result<(), Failure> {
    let unusable = |failure: Failure| {
        let message =
            format!("no report can be signed with {}: nothing was checked", key.display());
        Failure { class: FailureClass::Usage, message, ..failure }.next(
            "give a private key without a passphrase, or the .pub file of one that an SSH agent has \
             (ssh-add): --sign",
        )
    };
    let home = tempfile::tempdir().map_err(|error| unusable(unmade(&error)))?;
    let text = home.path().join("trial");
    std::fs::write(&text, "omega-cli accept tries whether this key can sign: this is no report\n")
        .map_err(|error| unusable(unmade(&error)))?;
    sign(&text, key).await.map(drop).map_err(unusable)
}

fn item(text: &str) -> Result<ItemId, UnknownItem> {
    text.parse()
}

impl App {
    /// Checks the acceptance bar of a site.
    pub(crate) async fn accept(&self, args: &AcceptanceArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.file.site)?;
        site.acceptance().check()?;
        let lock = || self.runs.lock(&args.file.site, "accept");
        let _lock = (!args.plan).then(lock).transpose()?;
        let before = args.resume.as_deref().map(|name| self.runs.resolve(name)).transpose()?;
        let before = before.as_deref().map(|id| read(&self.runs, id)).transpose()?;
        let named = args.file.site.display().to_string();
        let connect = self.connect(&site);
        let acceptance = Acceptance::connect(&connect, &named).await;
        let transfer = ImageTransfer::newest(&self.runs, acceptance.endpoints())?;
        let acceptance = acceptance.with_transfer(transfer);
        let mut selection = Selection::only(args.only.clone());
        if let Some(before) = before {
            acceptance.is_of_this_site(&before)?;
            selection = selection.resuming(before);
        }
        if args.plan {
            return Ok(self.acceptance_plan(&acceptance.plan(&selection, self.ctx.now())));
        }
        let planned = acceptance.plan(&selection, self.ctx.now());
        if planned.iter().any(|item| !item.effects.is_empty()) {
            self.may_change()?;
            let show = |screen: &Screen| screen.text(&render::acceptance_plan(&planned, screen));
            self.confirm(args.consent, show).await?;
        }
        let open = |directory: &PathBuf| ReportDirectory::open(directory, "accept");
        let copies = args.report_dir.as_ref().map(open).transpose()?;
        if let Some(key) = &args.sign {
            can_sign(key).await?;
        }
        if !self.runs.leftovers()?.is_empty() {
            self.may_change()?;
            self.confirm_removal(args.consent, &left_on_site(&self.runs, &connect).await?).await?;
            let swept = sweep_site(&self.runs, &self.ctx, &connect, &[]).await?;
            let swept = self.say_swept(swept);
            if let Some(status) = swept.iter().find_map(|(_, failed)| *failed) {
                let what =
                    "what an earlier run left behind could not be removed: nothing was checked";
                let failure = Failure::new(FailureClass::Error, what);
                self.console.fail(&render::failure(&failure, None, &self.screen));
                return Ok(self.ends(status, json!({ "failure": failure })));
            }
        }
        let job = Job::new("accept", named, Vec::new());
        let job = Job { endpoints: acceptance.endpoints().clone(), ..job };
        let run = self.runs.begin(&job, self.ctx.now())?;
        let report = acceptance.run(&selection, &run, &self.ctx).await?;
        let written = written(&run, &report, copies.as_ref(), args.sign.as_deref()).await;
        let exit = self.reported(&report, written);
        if report.interrupted {
            let again = self.given.clone().without_value("--resume").with("--resume", &run.id);
            self.console.say(&format!("Next:  {}", again.on(&args.file.site)));
        }
        Ok(exit)
    }

    /// Shows a report, where it is, and what failed of writing it.
    fn reported(
        &self,
        report: &AcceptanceReport,
        (files, failure): (Option<Files>, Option<Failure>),
    ) -> Status {
        self.screen.text(&render::acceptance(report, files.as_ref(), &self.screen));
        let mut exit = self.acceptance_status(report);
        if let Some(failure) = &failure {
            self.console.fail(&unfinished(failure));
            // What was found says more than that its copy is missing.
            exit = if exit == Status::Done { self.status(failure) } else { exit };
        }
        let mut document = json!({ "report": report, "files": files });
        if let (Some(document), Some(failure)) = (document.as_object_mut(), failure) {
            document.insert("failure".to_owned(), json!(failure));
        }
        self.ends(exit, document)
    }

    fn acceptance_plan(&self, items: &[PlannedItem]) -> Status {
        self.screen.text(&render::acceptance_plan(items, &self.screen));
        let writes = items.iter().any(|item| !item.effects.is_empty());
        let exit = if writes { Status::Pending } else { Status::Done };
        self.ends(exit, json!({ "plan": items }))
    }

    fn acceptance_status(&self, report: &AcceptanceReport) -> Status {
        if report.interrupted {
            return self.status(&Failure::new(FailureClass::Interrupted, "interrupted"));
        }
        report.status()
    }

    /// Rehearses the acceptance of each simulated site.
    pub(super) async fn rehearse_acceptance(&self, args: &RehearseArgs) -> Result<Status, Failure> {
        if args.site.is_some() {
            let what = "--site is for `rehearse graft`: the acceptance's clouds are fixed";
            return Err(Failure::new(FailureClass::Usage, what).next("omega-cli accept --plan"));
        }
        let scenarios = chosen(args.start.as_deref())?;
        // Kept at the end: what is interrupted leaves nothing behind.
        let own = args.report_dir.is_none().then(own_directory).transpose()?;
        let given = args.report_dir.as_deref();
        let directory = given.or_else(|| own.as_ref().map(TempDir::path)).unwrap_or(Path::new(""));
        let directory = ReportDirectory::open(directory, "rehearse acceptance")?;
        let directory = directory.path();
        let (home, ctx) = (tempfile::tempdir().map_err(|error| unmade(&error))?, self.rehearsing());
        let runs = Runs::new(home.path());
        let mut reports = Vec::new();
        for (nth, scenario) in scenarios.iter().enumerate() {
            let title = format!("{} of {}: {}", nth + 1, scenarios.len(), scenario.title());
            self.screen.text(&format!("\n{title}\n{}\n", "=".repeat(title.chars().count())));
            let (report, run) = rehearse(*scenario, &runs, &ctx).await?;
            if report.interrupted {
                return Err(Failure::new(
                    FailureClass::Interrupted,
                    omega::rehearsal::stopped(&ctx),
                ));
            }
            let mut files = Files::write(&run, &report)?;
            files.copy_to(&directory.join(scenario.name())).map_err(partly(&reports, directory))?;
            files.keep_copies_only();
            self.screen.text(&render::acceptance(&report, Some(&files), &self.screen));
            reports.push(json!({ "scenario": scenario.name(), "report": report, "files": files }));
        }
        self.screen.prose(&format!(
            "\nEach cloud failed where it should, and the good one passed. The reports are in {}. Nothing \
             else outside this process was changed.",
            directory.display()
        ));
        // Only its name is needed any more.
        let _kept = own.map(TempDir::keep);
        Ok(self.ends(Status::Done, json!({ "reports": reports })))
    }
}

/// Writes the report, its copies and its signature. What fails of that is reported beside what was found.
async fn written(
    run: &RunDirectory,
    report: &AcceptanceReport,
    directory: Option<&ReportDirectory>,
    key: Option<&Path>,
) -> (Option<Files>, Option<Failure>) {
    let mut files = match Files::write(run, report) {
        Ok(files) => files,
        Err(failure) => return (None, Some(failure)),
    };
    let copied = directory.map_or(Ok(()), |directory| files.copy_to(directory.path()));
    let signed = match key {
        Some(key) => files.sign(key).await,
        None => Ok(()),
    };
    (Some(files), copied.and(signed).err())
}

/// That the report was checked, and something of its files is missing. It is no failure that changed nothing
/// or something.
fn unfinished(failure: &Failure) -> String {
    let next = failure.next.iter().map(|next| format!("\n  next      {next}"));
    std::iter::once(format!("error: {failure}")).chain(next).collect()
}

/// The failure of a rehearsal that has written some of its reports.
fn partly<'a>(reports: &'a [Value], directory: &'a Path) -> impl Fn(Failure) -> Failure + 'a {
    move |failure| {
        let (written, at) = (reports.len(), directory.display());
        let why = format!("the reports of {written} clouds are in {at}, and the rest are not");
        let touched = if written == 0 { Touched::Nothing } else { Touched::Maybe };
        Failure { touched, ..failure.because(why) }
    }
}

fn unmade(error: &std::io::Error) -> Failure {
    Failure::new(FailureClass::Error, "could not create a temporary directory")
        .because(error.to_string())
}

fn own_directory() -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("omega-acceptance-").tempdir();
    made.map_err(|error| unmade(&error))
}

fn chosen(name: Option<&str>) -> Result<Vec<Scenario>, Failure> {
    let Some(name) = name else { return Ok(Scenario::ALL.to_vec()) };
    let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
    found.map(|scenario| vec![scenario]).ok_or_else(|| {
        let names = Scenario::ALL.map(Scenario::name).join(", ");
        Failure::new(FailureClass::Usage, format!("no such starting point: `{name}`"))
            .next(format!("one of: {names}"))
    })
}
