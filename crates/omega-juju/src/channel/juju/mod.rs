//! The `juju` program: `exec` for probes, `ssh` for actions.

mod classify;
mod command;
mod deployed;
mod exec;
#[cfg(test)]
mod hung_tests;
mod standing;
mod status;

use std::{io, path::PathBuf, time::Duration};

use async_trait::async_trait;
use omega_core::{Retry, Touched, run::HeldLock, values::UnitName};

use self::classify::Whom;
#[cfg(any(test, feature = "sim"))]
pub(crate) use self::command::finished;
pub use self::command::{JujuCommands, JujuProgram};
pub use self::deployed::DeployedCharm;
#[cfg(feature = "sim")]
pub(crate) use self::exec::task_of;
pub use self::standing::{Standing, Unusable};
pub use self::status::{
    ApplicationStatus, JujuModel, JujuStatus, JujuUnits, MachineStatus, StatusInfo, UnitStatus,
    juju_status, juju_units,
};
use super::{
    Deadlines, Stage,
    program::{Program, RunError},
};
use crate::{
    Action, Channel, Error, Fence, LockRequest, Payload, Probe, Reply,
    agent::{Output, Request, Stdin, done, from_stdin, lock, quoted, replies},
    upstream_messages::juju_asks,
};

/// Options for the ssh that `juju ssh` starts: they stand between the unit and the command. ssh would ask
/// for the passphrase of a key on the terminal, whatever its standard input is.
const NO_PROMPT: [&str; 2] = ["-o", "BatchMode=yes"];

/// How long a task may wait: a unit's agent runs one hook or command at a time.
const QUEUE: Duration = Duration::from_mins(1);

/// A unit, and the `juju` program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JujuTarget {
    /// The program: `juju`, or a path to it.
    pub program: PathBuf,
    /// The model as passed to `-m` (`controller:model` or `model`); by default the current one.
    pub model: Option<String>,
    /// The model as `juju status` reported it, if it is known.
    pub known: Option<JujuModel>,
    /// The unit.
    pub unit: UnitName,
    /// Why nothing can be executed there: its agent is lost, its machine is down, and the like.
    pub unusable: Option<Unusable>,
}

impl JujuTarget {
    /// Returns the unit in the current model.
    pub fn new(program: impl Into<PathBuf>, unit: UnitName) -> Self {
        Self { program: program.into(), model: None, known: None, unit, unusable: None }
    }

    /// Sets the model to pass to `-m`.
    #[must_use]
    pub fn in_model(self, model: Option<&str>) -> Self {
        Self { model: model.map(str::to_owned), ..self }
    }

    /// Sets what `juju status` reported of the unit. Where nothing can be executed in that state, every
    /// request fails at once: juju would wait in vain.
    #[must_use]
    pub fn standing(self, standing: &Standing) -> Self {
        let unusable = standing.unusable(&self.unit.to_string());
        Self { unusable, ..self }
    }

    /// Sets the model that `juju status` reported.
    #[must_use]
    pub fn known_as(self, model: &JujuModel) -> Self {
        Self { known: Some(model.clone()), ..self }
    }
}

/// A unit's machine, reached with the `juju` program.
///
/// Probes use `juju exec`, which runs as root and forwards no standard input. The controller stores
/// command and output, so neither ever contains a secret. Actions use `juju ssh --pty=false`, as
/// user ubuntu with sudo, with the payload on standard input.
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
        command: &str,
        args: Vec<String>,
        stdin: Option<Stdin>,
        within: Duration,
        touched: Touched,
    ) -> Result<Output, Error> {
        let program = Program::new(&self.target.program).args([command]).args(args);
        let run = program.ends_at(juju_asks).run(stdin, within).await;
        run.map_err(|error| not_run(&self.label(), command, &error, within, touched))
    }

    /// Runs the agent as root by `juju ssh`, which forwards standard input.
    async fn ssh(
        &self,
        request: &Request,
        within: Duration,
        touched: Touched,
    ) -> Result<Output, Error> {
        self.refuse_unusable()?;
        let mut args = vec!["--pty=false".to_owned()];
        args.extend(self.model());
        args.push(self.label());
        args.extend(NO_PROMPT.map(String::from));
        args.push(format!("sudo -n {}", quoted(&from_stdin())));
        let within = within + self.deadlines.connect;
        self.run("ssh", args, Some(request.stdin()), within, touched).await
    }

    /// Returns what was done, or juju's own error if there is no reply of the agent: it is more useful.
    fn classified<T>(&self, output: &Output, done: Result<T, Error>) -> Result<T, Error> {
        if matches!(done, Err(Error::Malformed { .. })) && output.status != Some(0) {
            return classify::ssh(&self.whom(), output).map_or(done, Err);
        }
        done
    }

    /// Fails if nothing can be executed in the state that juju reported.
    fn refuse_unusable(&self) -> Result<(), Error> {
        let Some(Unusable { why, next }) = self.target.unusable.clone() else { return Ok(()) };
        Err(Error::Unreachable {
            unit: self.label(),
            via: "juju".to_owned(),
            why,
            next: Some(next),
            touched: Touched::Nothing,
            // What juju reported when the units were listed is not asked again.
            retry: Retry::Final,
        })
    }

    /// The unit, and the controller if it is known.
    fn whom(&self) -> Whom {
        let known = self.target.known.as_ref().map(|known| known.controller.clone());
        let known = known.filter(|name| !name.is_empty());
        let named = || classify::controller_of(self.target.model.as_deref());
        Whom::new(&self.label(), known.or_else(named))
    }

    /// The option for the model.
    fn model(&self) -> Vec<String> {
        self.target.model.iter().flat_map(|model| ["-m".to_owned(), model.clone()]).collect()
    }
}

/// Returns why `juju COMMAND`, for `unit`, did not end by itself.
fn not_run(
    unit: &str,
    command: &str,
    error: &RunError,
    after: Duration,
    touched: Touched,
) -> Error {
    let unit = unit.to_owned();
    match error {
        RunError::Deadline(..) => Error::Deadline {
            unit,
            stage: Stage::Juju { command: command.to_owned() },
            after,
            touched,
        },
        RunError::Start(..) | RunError::Broke(..) => Error::Unreachable {
            unit,
            via: "juju".to_owned(),
            why: match error {
                RunError::Start(program, why) if why.kind() == io::ErrorKind::NotFound => format!(
                    "{program} can't be started: it is not installed on this machine, or not on the \
                     PATH"
                ),
                RunError::Start(..) | RunError::Broke(..) | RunError::Deadline(..) => {
                    error.to_string()
                }
            },
            next: Some(
                "install juju, set its path in the site file, or list the units for SSH".into(),
            ),
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
        self.refuse_unusable()?;
        let unit = self.label();
        let request = Request::ask(probes, self.deadlines.probe);
        let line = quoted(&request.command(&unit)?);
        let wait = self.deadlines.ask() + QUEUE;
        let seconds = format!("{}s", wait.as_secs());
        let mut args =
            ["--unit", &unit, "--format", "json", "--wait", &seconds].map(String::from).to_vec();
        args.extend(self.model());
        args.extend(["--".to_owned(), line]);
        let within = wait + self.deadlines.connect;
        let output = self.run("exec", args, None, within, Touched::Nothing).await?;
        let output = exec::task(&self.whom(), &output, wait)?;
        replies(&unit, &output, &request.nonce, probes)
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        let request = Request::act(action, payload, self.deadlines.act_there(), fence);
        let output = self.ssh(&request, self.deadlines.act, Touched::Maybe).await?;
        self.classified(&output, done(&self.label(), &output, &request.nonce))
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        let request = Request::lock(request);
        let output = self.ssh(&request, self.deadlines.ask(), Touched::Nothing).await?;
        self.classified(&output, lock(&self.label(), &output, &request.nonce))
    }
}
