//! Commands of the `juju` program about a whole model.

use std::{fmt, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use omega_core::{Touched, values::UnitName};

use super::{Deadlines, Juju, JujuModel, JujuTarget, Program, classify, not_run};
use crate::{
    Channel, Error,
    agent::Output,
    upstream_messages::{juju_destroys, juju_ends},
};

/// The commands of juju in one model. The program runs `juju`; tests have a model in memory.
#[async_trait]
pub trait JujuCommands: fmt::Debug + Send + Sync {
    /// Runs `juju COMMAND ARGS...` in the model, and returns its standard output. `doing`: what it is
    /// for, as in "juju could not ...". `touched`: [`Touched::Maybe`] if it writes.
    ///
    /// # Errors
    ///
    /// Fails if juju can't be run, or fails.
    async fn run(
        &self,
        doing: &str,
        command: &str,
        args: &[String],
        touched: Touched,
    ) -> Result<Vec<u8>, Error>;

    /// Returns the way to the machine of a unit of `model`.
    fn channel(&self, unit: &UnitName, model: &JujuModel) -> Arc<dyn Channel>;
}

/// The program `juju`.
#[derive(Clone, Debug)]
pub struct JujuProgram {
    /// The program: `juju`, or a path to it.
    pub program: PathBuf,
    /// The model as passed to `-m`; by default the current one.
    pub model: Option<String>,
    /// How long it may take.
    pub deadlines: Deadlines,
}

/// What is asked of a model has no other way: units that are listed for SSH do not help.
fn without_ssh(mut error: Error) -> Error {
    if let Error::Unreachable { next, .. } = &mut error {
        let path =
            "install juju on this machine, or set its path in the site file: `program` in [juju]";
        *next = Some(path.to_owned());
    }
    error
}

#[async_trait]
impl JujuCommands for JujuProgram {
    async fn run(
        &self,
        doing: &str,
        command: &str,
        args: &[String],
        touched: Touched,
    ) -> Result<Vec<u8>, Error> {
        let model = self.model.iter().flat_map(|model| ["-m", model.as_str()]);
        let all = std::iter::once(command).chain(model).chain(args.iter().map(String::as_str));
        let within = self.deadlines.ask();
        let output =
            Program::new(&self.program).args(all).ends_at(juju_ends).run(None, within).await;
        let output = output.map_err(|error| {
            let model = model_label(self.model.as_deref());
            without_ssh(not_run(&model, command, &error, within, touched))
        })?;
        let controller = classify::controller_of(self.model.as_deref());
        finished(doing, controller, output, touched)
    }

    fn channel(&self, unit: &UnitName, model: &JujuModel) -> Arc<dyn Channel> {
        let target = JujuTarget::new(&self.program, unit.clone());
        let target = target.in_model(self.model.as_deref()).known_as(model);
        Arc::new(Juju::new(target, self.deadlines))
    }
}

/// Returns what a model is called in messages.
pub(super) fn model_label(model: Option<&str>) -> String {
    model.map_or_else(|| "the current model".to_owned(), |model| format!("model {model}"))
}

/// Returns what a command that ended printed, or why it failed.
pub(crate) fn finished(
    doing: &str,
    controller: Option<String>,
    output: Output,
    touched: Touched,
) -> Result<Vec<u8>, Error> {
    // juju destroy-model, once it only waits: it was ended there.
    let destroys =
        output.status.is_none() && juju_destroys(&String::from_utf8_lossy(&output.stderr));
    if output.status == Some(0) || destroys {
        return Ok(output.stdout);
    }
    Err(classify::command(doing, controller, &output, touched))
}
