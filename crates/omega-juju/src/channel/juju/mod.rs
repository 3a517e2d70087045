//! The `juju` program: `exec` for questions, `ssh` for what carries a payload.

mod classify;
mod exec;
mod status;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use omega_core::{Retry, Touched, values::UnitName};

pub use self::status::{
    ApplicationStatus, JujuModel, JujuStatus, JujuUnits, MachineStatus, StatusInfo, UnitStatus,
    juju_status, juju_units,
};
use super::{
    Deadlines,
    program::{Program, RunError},
};
use crate::{
    Action, Channel, Error, Payload, Probe, Reply,
    agent::{Output, Request, Stdin, done, quoted, replies},
};

/// How long a question may wait for its turn: a unit's agent runs one hook or command at a time.
const TURN: Duration = Duration::from_mins(1);

/// Which unit, and by which program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JujuTarget {
    /// The program: `juju`, or a path to it.
    pub program: PathBuf,
    /// The model as the operator names it (`controller:model` or `model`); the current one by
    /// default.
    pub model: Option<String>,
    /// The model, if juju told which one it is.
    pub known: Option<JujuModel>,
    /// The unit.
    pub unit: UnitName,
}

impl JujuTarget {
    /// Returns the unit in the current model.
    pub fn new(program: impl Into<PathBuf>, unit: UnitName) -> Self {
        Self { program: program.into(), model: None, known: None, unit }
    }

    /// Names the model as the operator does.
    #[must_use]
    pub fn in_model(self, model: Option<&str>) -> Self {
        Self { model: model.map(str::to_owned), ..self }
    }

    /// Says which model juju says it is.
    #[must_use]
    pub fn known_as(self, model: &JujuModel) -> Self {
        Self { known: Some(model.clone()), ..self }
    }
}

/// A unit's machine by the `juju` program.
///
/// Questions go by `juju exec`, which runs as root and hands nothing to standard input; the
/// controller keeps its text and its output, so neither ever holds a secret. Actions go by
/// `juju ssh --pty=false`, as user ubuntu with sudo, with the payload on standard input.
#[derive(Clone, Debug)]
pub struct Juju {
    target: JujuTarget,
    deadlines: Deadlines,
}

impl Juju {
    /// Returns the channel.
    pub fn new(target: JujuTarget, deadlines: Deadlines) -> Self {
        Self { target, deadlines }
    }

    fn label(&self) -> String {
        self.target.unit.to_string()
    }

    async fn run(
        &self,
        words: Vec<String>,
        stdin: Option<Stdin>,
        within: Duration,
        touched: Touched,
    ) -> Result<Output, Error> {
        let run = Program::new(&self.target.program).args(words).run(stdin, within).await;
        run.map_err(|error| not_run(&self.label(), &error, within, touched))
    }

    /// The options that every command takes, before what it is about.
    fn model(&self) -> Vec<String> {
        self.target.model.iter().flat_map(|model| ["-m".to_owned(), model.clone()]).collect()
    }
}

fn not_run(unit: &str, error: &RunError, after: Duration, touched: Touched) -> Error {
    let unit = unit.to_owned();
    match error {
        RunError::Deadline(..) => {
            Error::Deadline { unit, doing: "juju".to_owned(), after, touched }
        }
        RunError::Start(..) | RunError::Broke(..) => Error::Unreachable {
            unit,
            via: "juju".to_owned(),
            why: error.to_string(),
            next: Some("install juju, name it in the site file, or list the units for ssh".into()),
            touched: if matches!(error, RunError::Start(..)) { Touched::Nothing } else { touched },
            retry: if matches!(error, RunError::Start(..)) {
                Retry::Final
            } else {
                Retry::Transient
            },
        },
    }
}

#[async_trait]
impl Channel for Juju {
    fn name(&self) -> String {
        match (&self.target.known, &self.target.model) {
            (Some(known), _) => format!("juju, model {known}"),
            (None, Some(model)) => format!("juju, model {model}"),
            (None, None) => "juju".to_owned(),
        }
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        let unit = self.label();
        let request = Request::ask(probes, self.deadlines.probe);
        let line = quoted(&request.words_without_stdin(&unit)?);
        let wait = self.deadlines.ask() + TURN;
        let mut words = vec!["exec".to_owned(), "--unit".to_owned(), unit.clone()];
        words.extend(["--format", "json", "--wait"].map(String::from));
        words.push(format!("{}s", wait.as_secs()));
        words.extend(self.model());
        words.extend(["--".to_owned(), line]);
        let within = wait + self.deadlines.connect;
        let output = self.run(words, None, within, Touched::Nothing).await?;
        let output = exec::task(&unit, &output, wait)?;
        replies(&unit, &output, &request.nonce, probes)
    }

    async fn act(&self, action: &Action, payload: Payload) -> Result<(), Error> {
        let unit = self.label();
        let request = Request::act(action, payload, self.deadlines.act_there());
        let mut line = vec!["sudo".to_owned(), "-n".to_owned()];
        line.extend(Request::words());
        let mut words = vec!["ssh".to_owned(), "--pty=false".to_owned()];
        words.extend(self.model());
        words.extend([unit.clone(), quoted(&line)]);
        let within = self.deadlines.act + self.deadlines.connect;
        let output = self.run(words, Some(request.stdin()), within, Touched::Maybe).await?;
        let answered = done(&unit, &output, &request.nonce);
        match answered {
            // No reply of the agent's: what juju itself said tells more.
            Err(Error::Malformed { .. }) if output.status != Some(0) => {
                Err(classify::ssh(&unit, &output).unwrap_or_else(|| no_reply(answered, &unit)))
            }
            other => other,
        }
    }
}

fn no_reply(answered: Result<(), Error>, unit: &str) -> Error {
    answered.err().unwrap_or_else(|| Error::NothingScheduled { unit: unit.to_owned() })
}
