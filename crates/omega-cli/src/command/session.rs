use std::time::Instant;

use omega_core::{CancelToken, Failure};
use serde_json::json;

use crate::{
    cli::{Command, Global},
    engine::{Engine, Report},
    environment::Environment,
    exit::Exit,
    explain, rehearse,
    render::{self, Console, Format, Screen},
    runs::Runs,
};

/// One invocation of the program.
pub(crate) struct Session {
    pub(crate) environment: Environment,
    pub(crate) screen: Screen,
    pub(crate) console: Console,
    pub(crate) runs: Runs,
    pub(crate) stop: CancelToken,
    pub(crate) began: Instant,
}

impl Session {
    /// Prepares the invocation. It touches nothing.
    pub(crate) fn new(environment: Environment, global: &Global, stop: CancelToken) -> Self {
        let screen = Screen::new(&environment, global.output);
        let console = Console::new(&environment, global.quiet);
        let runs = Runs::new(&environment.state());
        Self { environment, screen, console, runs, stop, began: Instant::now() }
    }

    /// Does what was asked.
    ///
    /// # Errors
    ///
    /// The failure has not been shown yet.
    pub(crate) async fn run(&self, command: Command) -> Result<Exit, Failure> {
        match command {
            Command::Plan(args) => self.plan(args).await,
            Command::Apply(args) => self.apply(args).await,
            Command::Verify(args) => self.verify(args).await,
            Command::Rollback(args) => self.rollback(args).await,
            Command::ReleaseStuckDelete(args) => self.release_stuck_delete(&args).await,
            Command::Doctor(args) => Box::pin(self.doctor(&args)).await,
            Command::Rehearse(args) => rehearse::rehearse(self, &args).await,
            Command::Explain(args) => self.explain(args.decision.as_deref()),
            Command::Runs(args) => self.runs(&args),
            Command::Operation(operation) => self.operation(operation).await,
            Command::Access(operation) => self.access(&operation).await,
            Command::Capi(question) => self.capi(&question).await,
        }
    }

    /// Shows a failure that ended the command, and returns how the program ends.
    pub(crate) fn failed(&self, failure: &Failure) -> Exit {
        let exit = Exit::from(failure.class);
        if self.screen.format == Format::Json {
            let code = exit.code();
            self.screen.json(&json!({
                "schema_version": 1, "failure": failure, "exit": exit, "exit_code": code
            }));
        }
        self.console.fail(&render::failure(failure, None, self.screen.width));
        exit
    }

    pub(crate) fn engine(&self) -> Engine<'_> {
        Engine {
            screen: &self.screen,
            console: &self.console,
            runs: &self.runs,
            stop: &self.stop,
            kept: true,
            began: self.began,
        }
    }

    /// Prints the one JSON document, where that is wanted, and returns how the program ends.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::needless_pass_by_value,
        reason = "it ends most commands"
    )]
    pub(super) fn shown(&self, report: Report) -> Result<Exit, Failure> {
        self.screen.json(&report);
        Ok(report.exit())
    }

    /// Prints the one JSON document of what has no report, and returns how the program ends.
    pub(crate) fn ends(&self, exit: Exit, document: serde_json::Value) -> Exit {
        let mut whole = json!({ "schema_version": 1 });
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

    fn explain(&self, decision: Option<&str>) -> Result<Exit, Failure> {
        let all = explain::decisions()?;
        let shown: Vec<_> = if let Some(id) = decision {
            let one = explain::find(id, &all)?;
            self.screen.text(&one.render(&all));
            vec![one]
        } else {
            self.screen.text(&explain::list(&all).join("\n"));
            all.iter().collect()
        };
        Ok(self.ends(Exit::Done, json!({ "decisions": shown })))
    }
}
