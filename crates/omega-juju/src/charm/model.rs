//! A Juju model: the client.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use omega_core::{Label, Touched, patiently, values::UnitName};

use super::setting::Config;
use crate::{
    Error, ServiceName, Sources, Unit,
    channel::{JujuCommands, JujuModel, JujuStatus},
};

/// A Juju model, whose applications are configured.
pub struct Model {
    juju: Arc<dyn JujuCommands>,
    identity: JujuModel,
    executions: AtomicUsize,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Label for Model {
    fn label(&self) -> String {
        format!("model {}", self.identity)
    }
}

impl Model {
    /// Asks juju which model it is. Nothing is written.
    ///
    /// # Errors
    ///
    /// Fails if juju fails, or its output is not JSON.
    pub async fn open(juju: Arc<dyn JujuCommands>) -> Result<Self, Error> {
        let executions = AtomicUsize::new(0);
        let unnamed = Self { juju, identity: JujuModel::default(), executions };
        let identity = unnamed.status().await?.model().clone();
        Ok(Self { identity, ..unnamed })
    }

    /// Returns how it is reached. It tells two models apart.
    pub fn via(&self) -> String {
        format!("juju, model {}", self.identity)
    }

    /// Returns how often juju was run.
    pub fn executions(&self) -> usize {
        self.executions.load(Ordering::Relaxed)
    }

    /// Returns the state of the whole model.
    pub(super) async fn status(&self) -> Result<JujuStatus, Error> {
        let doing = "read the model's status";
        patiently(|| async {
            let json = self.run(doing, "status", &["--format", "json"], Touched::Nothing).await?;
            JujuStatus::parse(&json).map_err(|error| malformed("juju status", &error))
        })
        .await
    }

    /// Returns the configuration of an application. juju ignores the format where one option is named,
    /// so all are read.
    pub(super) async fn config(&self, application: &str) -> Result<Config, Error> {
        let doing = format!("read the configuration of {application}");
        let args = [application, "--format", "json"];
        patiently(|| async {
            let json = self.run(&doing, "config", &args, Touched::Nothing).await?;
            serde_json::from_slice(&json).map_err(|error| malformed("juju config", &error))
        })
        .await
    }

    pub(super) async fn set(
        &self,
        application: &str,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let settings: Vec<_> =
            settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let args: Vec<_> =
            std::iter::once(application).chain(settings.iter().map(String::as_str)).collect();
        let doing = format!("set {} of {application}", settings.join(", "));
        self.run(&doing, "config", &args, Touched::Maybe).await.map(drop)
    }

    pub(super) async fn reset(
        &self,
        application: &str,
        keys: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let keys = keys.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let doing = format!("reset {keys} of {application}");
        let args = [application, "--reset", &keys];
        self.run(&doing, "config", &args, Touched::Maybe).await.map(drop)
    }

    /// Returns what a service of a unit reads for these options of `[DEFAULT]`, and no other option.
    pub(super) async fn options(
        &self,
        unit: &UnitName,
        service: &ServiceName,
        keys: Vec<String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        let channel = self.juju.channel(unit, &self.identity);
        let unit = Unit::new(unit.to_string(), channel, Sources::default());
        unit.options(service, "DEFAULT", keys).await
    }

    async fn run(
        &self,
        doing: &str,
        command: &str,
        args: &[&str],
        touched: Touched,
    ) -> Result<Vec<u8>, Error> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let start = Instant::now();
        let answer = self.juju.run(doing, command, &args, touched).await;
        let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = answer.as_ref().map_or_else(Error::name, |_| "ok");
        let what = format!("juju {command}");
        tracing::info!(target: "omega_trace", kind = "exec", what, status, took_ms, "trace");
        answer
    }
}

fn malformed(what: &str, error: &serde_json::Error) -> Error {
    // serde's own words can quote a value.
    let why = format!("the output of {what} is not the expected JSON (line {})", error.line());
    Error::Malformed { unit: "juju".to_owned(), why, touched: Touched::Nothing }
}
