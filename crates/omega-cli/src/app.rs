//! One run of the program.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::SignedDuration;
use omega::{
    Machine,
    clients::Connect,
    core::{Context, Event, Failure},
    decisions::{CheckResults, KeptResults},
    run::{Engine, LockHolder, Locking, Report, Runs, Status},
    site::Site,
};
use serde_json::json;

use crate::{
    cli::{Command, Global},
    command_line::CommandLine,
    effect::Called,
    environment::Environment,
    render::{self, Console, Format, Screen},
    systems::Systems,
};

/// What every command uses.
pub(crate) struct App {
    pub(crate) machine: Machine,
    pub(crate) screen: Screen,
    /// Where a question can be asked, if it can.
    pub(crate) asking: Option<Screen>,
    pub(crate) console: Arc<Console>,
    pub(crate) runs: Runs,
    /// Where runs and baselines are kept.
    pub(crate) state: PathBuf,
    systems: Arc<Systems>,
    pub(crate) ctx: Context,
    pub(crate) given: CommandLine,
    /// The subcommand's name, which is also the name of its runs.
    pub(crate) task: String,
    /// The subcommand in full (`runs show`): `command` of the JSON document.
    pub(crate) command: String,
    /// Whether `-v` was given.
    pub(crate) verbose: bool,
    /// Whether `--read-only` was given.
    read_only: bool,
    /// Whether `--break-lock` was given.
    breaks_lock: bool,
    called: Called,
}

impl App {
    /// Prepares the run. It changes nothing.
    pub(crate) fn new(
        environment: &Environment,
        global: &Global,
        given: CommandLine,
        called: Called,
    ) -> Self {
        let systems = Arc::new(Systems::new(given.site().map(str::to_owned)));
        let console = Console::new(environment, global.quiet).with_systems(Arc::clone(&systems));
        let console = Arc::new(console);
        let asking = Screen::asking(environment, global.output);
        Self {
            machine: environment.machine(),
            screen: Screen::new(environment, global.output).with_systems(Arc::clone(&systems)),
            asking: asking.map(|screen| screen.with_systems(Arc::clone(&systems))),
            systems,
            ctx: Context::default().with_events(console.clone()).with_locking(Locking {
                holder: LockHolder::this_process(
                    &environment.user(),
                    &format!("omega-cli {}", called.name),
                ),
                break_lock: global.break_lock.clone(),
            }),
            console,
            runs: Runs::new(&environment.state()),
            state: environment.state(),
            given,
            task: called.name.split(' ').next().unwrap_or_default().to_owned(),
            command: called.name.clone(),
            verbose: global.verbose > 0,
            read_only: global.read_only,
            breaks_lock: global.break_lock.is_some(),
            called,
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    ///
    /// The failure has not been shown yet.
    pub(crate) async fn run(&self, command: Command) -> Result<Status, Failure> {
        self.called.allowed(self.read_only)?;
        self.called.locks(self.breaks_lock)?;
        match command {
            Command::Init(args) => self.init(&args).await,
            Command::Validate(file) => self.validate(&file),
            Command::Show(args) => self.show_plan(&args.plan),
            Command::Plan(args) => self.plan(&args).await,
            Command::Apply(args) => Box::pin(self.apply(&args)).await,
            Command::Verify(args) => Box::pin(self.verify(&args)).await,
            Command::Rollback(args) => self.rollback(&args).await,
            Command::ReleaseStuckDelete(args) => self.release_stuck_delete(&args).await,
            Command::Teardown(args) => Box::pin(self.teardown(&args)).await,
            Command::Doctor(args) => Box::pin(self.doctor(&args)).await,
            Command::Drift(args) => Box::pin(self.drift(&args)).await,
            Command::Accept(args) => Box::pin(self.accept(&args)).await,
            Command::Lint(args) => self.lint(&args).await,
            Command::Rehearse(args) => self.rehearse(&args).await,
            Command::Explain(args) => self.explain(&args.decisions),
            Command::Decisions(args) => self.decisions(&args),
            Command::AsBuilt(args) => Box::pin(self.as_built(&args)).await,
            Command::Export(args) => self.export(&args),
            Command::Schema { of } => Ok(self.schema(of)),
            Command::Completions { shell } => Ok(self.completions(shell)),
            Command::Man { directory } => self.man(&directory),
            Command::Locks(args) => self.locks(&args).await,
            Command::Runs(args) => self.runs(&args).await,
            Command::Operation(operation) => Box::pin(self.operation(&operation)).await,
            Command::Access(operation) => self.access(&operation).await,
            Command::Capi(question) => self.capi(&question).await,
        }
    }

    /// Reads the site file. A mistake in it is shown with the lines around it.
    pub(crate) fn site(path: &Path) -> Result<Site, Failure> {
        Site::read(path).map_err(render::site_error)
    }

    /// Returns the connector to `site`. From now on suggested commands name the systems of this site.
    pub(crate) fn connect<'a>(&'a self, site: &'a Site) -> Connect<'a> {
        let mode = self.called.mode(self.read_only);
        let connect = Connect::new(site, &self.machine).in_mode(mode);
        let kubeconfig = site.kubeconfig().ok().map(|path| connect.path(path));
        let (model, cloud) = (site.juju.model.as_deref(), site.cloud().name);
        self.systems.name(kubeconfig.as_deref(), model, cloud.as_deref());
        connect
    }

    /// Fails if a change is to be made, and `--read-only` was given.
    pub(crate) fn may_change(&self) -> Result<(), Failure> {
        if self.read_only { Err(self.called.refused()) } else { Ok(()) }
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.runs.clone(), self.ctx.clone())
    }

    /// Returns the status of a command that failed with `failure`.
    pub(crate) fn status(&self, failure: &Failure) -> Status {
        Status::of(failure, self.ctx.cancel().reason())
    }

    /// Shows a failure that ended the command, and returns the program's status.
    pub(crate) fn failed(&self, failure: &Failure) -> Status {
        let exit = self.status(failure);
        if self.screen.format == Format::Json {
            let code = exit.code();
            self.screen.json(&json!({
                "schema_version": 1, "command": self.command, "failure": failure, "exit": exit, "exit_code": code
            }));
        }
        self.console.fail(&render::failure(failure, None, &self.screen));
        exit
    }

    /// Shows a report and the next command, and returns the program's status.
    pub(crate) fn shown(&self, report: &Report, next: Option<&CommandLine>) -> Status {
        render::report(&self.screen, &self.console, report, next);
        self.document(report)
    }

    /// Prints the report as the JSON document of this command, and returns the program's status.
    pub(crate) fn document(&self, report: &Report) -> Status {
        // The results of a run are in its own report.
        if report.run.is_none() {
            let at = self.ctx.now() - SignedDuration::from_secs_f64(report.seconds.max(0.0));
            self.keep(&CheckResults::of_report(&self.command, report, at));
        }
        let mut document = json!(report);
        if let Some(command) = document.get_mut("command") {
            *command = json!(self.command);
        }
        self.screen.json(&document);
        report.exit
    }

    /// Keeps what a check found, for `decisions`. Where that is not possible, the check is valid all the same.
    pub(crate) fn keep(&self, found: &CheckResults) {
        if found.results.is_empty() {
            return;
        }
        if let Err(failure) = KeptResults::new(&self.state).keep(found) {
            let causes = failure.causes.join(": ");
            self.ctx.tell(&Event::Note { text: format!("{}: {causes}", failure.message) });
        }
    }

    /// Prints the JSON document of a command without a report, and returns the program's status.
    pub(crate) fn ends(&self, exit: Status, document: serde_json::Value) -> Status {
        let mut whole = json!({ "schema_version": 1, "command": self.command });
        let ends = json!({ "exit": exit, "exit_code": exit.code() });
        for part in [document, ends] {
            if let (Some(whole), serde_json::Value::Object(fields)) = (whole.as_object_mut(), part)
            {
                whole.extend(fields);
            }
        }
        self.screen.json(&whole);
        exit
    }
}
