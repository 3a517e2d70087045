//! A Juju controller: the client.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use omega_core::{Label, Touched, patiently};
use serde::de::DeserializeOwned;

use super::{
    HeldOffer, HeldStorage, ListedModel, ModelContent, StorageFate,
    wire::{Models, Offer, Status, Storage},
};
use crate::{Error, channel::JujuCommands};

/// A Juju controller, whose models are listed and destroyed.
///
/// The commands are given no model of their own: each names its model by its id, which no other model
/// ever has.
pub struct Controller {
    juju: Arc<dyn JujuCommands>,
    name: String,
    executions: AtomicUsize,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Label for Controller {
    fn label(&self) -> String {
        format!("controller {}", self.name)
    }
}

impl Controller {
    /// Asks juju for the models of the controller `name`, or of its current one. Nothing is written.
    ///
    /// # Errors
    ///
    /// Fails if juju fails, or its output is not the expected JSON.
    pub async fn open(juju: Arc<dyn JujuCommands>, name: Option<&str>) -> Result<Self, Error> {
        let named = |name: &str| Self {
            juju: Arc::clone(&juju),
            name: name.to_owned(),
            executions: AtomicUsize::new(0),
        };
        if let Some(name) = name {
            return Ok(named(name));
        }
        let unnamed = named("");
        let models = unnamed.models().await?;
        let Some(first) = models.first() else {
            let why = "juju's current controller lists no model, so its name is not known";
            return Err(malformed("juju models", why));
        };
        let executions = AtomicUsize::new(unnamed.executions());
        Ok(Self { executions, ..named(&first.controller_name) })
    }

    /// Returns its name in this client.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how it is reached.
    pub fn via(&self) -> String {
        format!("juju, controller {}", self.name)
    }

    /// Returns how often juju was run.
    pub fn executions(&self) -> usize {
        self.executions.load(Ordering::Relaxed)
    }

    /// Returns the models that the user may see.
    ///
    /// # Errors
    ///
    /// Fails if juju fails, or its output is not the expected JSON.
    pub async fn models(&self) -> Result<Vec<ListedModel>, Error> {
        let doing = format!("list the models of {}", self.label());
        let controller = ["-c", self.name.as_str()];
        let controller: &[&str] = if self.name.is_empty() { &[] } else { &controller };
        let args = [controller, &["--format", "json"]].concat();
        let models = patiently(|| async {
            let printed = self.run(&doing, "models", &args, Touched::Nothing).await?;
            parsed::<Models>("juju models", &printed)
        });
        Ok(models.await?.models)
    }

    /// Returns what a model holds.
    ///
    /// # Errors
    ///
    /// Fails if juju fails, or its output is not the expected JSON.
    pub async fn content(&self, model: &ListedModel) -> Result<ModelContent, Error> {
        let (content, offers, storage) =
            futures::join!(self.status(model), self.offers(model), self.storage(model));
        Ok(ModelContent { offers: offers?, storage: storage?, ..content? })
    }

    /// Returns the same without offers and storage.
    ///
    /// # Errors
    ///
    /// As [`Controller::content`].
    pub async fn status(&self, model: &ListedModel) -> Result<ModelContent, Error> {
        let status = self.read::<Status>(model, "status", "read the status", parsed);
        status.await.map(Status::content)
    }

    /// Returns what a model offers, and who is related to it.
    ///
    /// # Errors
    ///
    /// As [`Controller::content`].
    pub async fn offers(&self, model: &ListedModel) -> Result<Vec<HeldOffer>, Error> {
        let offers = self.read(model, "offers", "list the offers", parsed_or_none);
        let offers: BTreeMap<String, Offer> = offers.await?;
        Ok(offers.into_iter().map(|(name, offer)| offer.named(name)).collect())
    }

    /// Returns the storage of a model.
    ///
    /// # Errors
    ///
    /// As [`Controller::content`].
    pub async fn storage(&self, model: &ListedModel) -> Result<Vec<HeldStorage>, Error> {
        let storage = self.read(model, "storage", "list the storage", parsed_or_none);
        storage.await.map(Storage::pieces)
    }

    /// Begins to destroy the model with the id: `--force --no-wait`, and without a question
    /// (`--no-prompt`). It returns once juju says that the model is being removed: juju itself would wait
    /// without a limit.
    pub(super) async fn destroy(
        &self,
        model: &ListedModel,
        storage: Option<StorageFate>,
    ) -> Result<(), Error> {
        let doing = format!("destroy model {} ({})", model.name, model.uuid);
        let args = destruction(&self.qualified(&model.uuid), storage);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.run(&doing, "destroy-model", &args, Touched::Maybe).await.map(drop)
    }

    /// A model's id takes the place of its name everywhere (`cmd/modelcmd/modelcommand.go`,
    /// `modelFromStore`).
    fn qualified(&self, uuid: &str) -> String {
        format!("{}:{uuid}", self.name)
    }

    /// Runs a command that only reads, and again if it failed for a moment.
    async fn read<T: Send>(
        &self,
        model: &ListedModel,
        command: &str,
        what: &str,
        parsed: fn(&str, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let doing = format!("{what} of model {}", model.name);
        let (id, output) = (self.qualified(&model.uuid), format!("juju {command}"));
        let args = ["-m", id.as_str(), "--format", "json"];
        patiently(|| async {
            let printed = self.run(&doing, command, &args, Touched::Nothing).await?;
            parsed(&output, &printed)
        })
        .await
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

/// Returns the arguments of `juju destroy-model`. `id`: `CONTROLLER:UUID`.
pub(super) fn destruction(id: &str, storage: Option<StorageFate>) -> Vec<String> {
    let fate = storage.map(StorageFate::flag);
    let flags = ["--no-prompt", "--force", "--no-wait"].into_iter().chain(fate);
    flags.chain([id]).map(str::to_owned).collect()
}

fn malformed(what: &str, why: &str) -> Error {
    let why = format!("the output of {what}: {why}");
    Error::Malformed { unit: "juju".to_owned(), why, touched: Touched::Nothing }
}

fn parsed<T: DeserializeOwned>(what: &str, printed: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(printed).map_err(|error| {
        // serde's own words can quote a value.
        malformed(what, &format!("it is not the expected JSON (line {})", error.line()))
    })
}

/// The same, where juju prints nothing if there is nothing.
fn parsed_or_none<T: DeserializeOwned + Default>(what: &str, printed: &[u8]) -> Result<T, Error> {
    if printed.trim_ascii().is_empty() { Ok(T::default()) } else { parsed(what, printed) }
}
