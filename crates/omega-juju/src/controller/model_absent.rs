//! Ensures that a model does not exist.

use std::time::Duration;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{Controller, HeldStorage, ListedModel, ModelStatus, client::destruction};
use crate::Error;

/// That a controller has no model of this id: the model is destroyed by force.
///
/// # Guarantees
///
/// The model is named by its id, so that no other model is destroyed, whatever its name. A controller's
/// own model is refused, and so is persistent storage unless its fate was chosen. juju is asked once, with
/// `--no-prompt` and an empty standard input, and omega looks by itself whether the model is gone.
///
/// # Caveats
///
/// It can't be undone. With `--force`, juju removes machines without giving them the time to shut down, and
/// leaves what it could not remove in the cloud (`juju destroy-model --help`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelAbsent {
    /// The model's name with its owner: `admin/openstack`.
    pub name: String,
    /// Its id.
    pub uuid: String,
    /// What becomes of its storage.
    pub storage: Option<StorageFate>,
    /// How far it must have come.
    pub extent: Extent,
    /// How long that may take, in seconds.
    pub within: u64,
}

/// What becomes of a model's storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageFate {
    /// It is destroyed with the model.
    Destroy,
    /// It stays in the cloud, and juju no longer knows it.
    Release,
}

impl StorageFate {
    /// Returns juju's option for it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Destroy => "--destroy-storage",
            Self::Release => "--release-storage",
        }
    }
}

/// How far a removal must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// It has begun, and others finish it.
    Begun,
    /// It is done.
    Complete,
}

/// Destroys the model, and returns once the controller no longer lists it.
///
/// ```no_run
/// # use omega_juju::controller::{Controller, ModelAbsent, ensure_model_absent};
/// # async fn f(ctx: &omega_core::Context, controller: &Controller) -> Result<(), Box<dyn std::error::Error>> {
/// let models = controller.models().await?;
/// let model = models.iter().find(|one| one.is_named("scratch")).ok_or("no such model")?;
/// let done = ensure_model_absent(ctx, controller, &ModelAbsent::of(model)).await?;
/// println!("destroyed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a controller's own model, and persistent storage whose fate is not chosen.
pub async fn ensure_model_absent(
    ctx: &Context,
    controller: &Controller,
    model: &ModelAbsent,
) -> Result<Outcome<ModelObserved>, EnsureError<Error>> {
    ensure(ctx, controller, model).await
}

/// The model, and another one that has its name now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelObserved {
    /// The model of the id, if it is listed.
    pub listed: Option<ListedModel>,
    /// The id of another model that has the name.
    pub namesake: Option<String>,
    /// Its persistent storage, if it is alive.
    pub persistent: Vec<HeldStorage>,
}

/// One `juju destroy-model`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelDestruction {
    /// The model.
    pub model: ListedModel,
    /// What becomes of its storage.
    pub storage: Option<StorageFate>,
}

impl ModelAbsent {
    /// Returns that this model is gone within half an hour; its storage must not be persistent.
    pub fn of(model: &ListedModel) -> Self {
        let (name, uuid) = (model.name.clone(), model.uuid.clone());
        Self { name, uuid, storage: None, extent: Extent::Complete, within: 30 * 60 }
    }

    fn refuse(&self, model: &ListedModel, seen: &ModelObserved) -> Result<(), Conflict> {
        if model.is_controller {
            let why = format!("{} is the controller's own model", self.name);
            return Err(Conflict::new(why, "juju destroy-controller, if that is what you want"));
        }
        if self.storage.is_some() || seen.persistent.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = seen.persistent.iter().map(|one| one.id.as_str()).collect();
        let why = format!("model {} has persistent storage", self.name);
        let next = "say what becomes of it: --destroy-storage or --release-storage";
        Err(Conflict::new(why, next).seen("none, or its fate chosen", ids.join(", ")))
    }
}

impl Desired for ModelAbsent {
    const KIND: &'static str = "juju-model.absent.v1";
    type Target = Controller;
    type Observed = ModelObserved;
    type Change = ModelDestruction;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("model", &self.name)
    }

    fn key(&self) -> String {
        self.uuid.clone()
    }

    async fn observe(&self, controller: &Controller) -> Result<ModelObserved, Error> {
        let all = controller.models().await?;
        let listed = all.iter().find(|one| one.uuid == self.uuid).cloned();
        let other = all.iter().find(|one| one.name == self.name && one.uuid != self.uuid);
        let namesake = other.map(|one| one.uuid.clone());
        let persistent = match &listed {
            Some(model) if model.is_alive() && !model.is_controller => {
                let all = controller.storage(model).await?;
                all.into_iter().filter(|one| one.persistent).collect()
            }
            Some(_) | None => Vec::new(),
        };
        Ok(ModelObserved { listed, namesake, persistent })
    }

    fn diff(&self, seen: &ModelObserved) -> Result<Delta<ModelDestruction>, Conflict> {
        if let Some(other) = &seen.namesake {
            let why = format!("another model has the name {} now", self.name);
            let next = "look at juju models; make a new plan if that one is to be destroyed";
            return Err(Conflict::new(why, next).seen(&self.uuid, other));
        }
        match (&seen.listed, self.extent) {
            (Some(model), _) if model.is_alive() => {
                self.refuse(model, seen)?;
                // Its status is not part of what is approved.
                let model = ListedModel { status: ModelStatus::default(), ..model.clone() };
                Ok(Delta::of(vec![ModelDestruction { model, storage: self.storage }]))
            }
            (None, _) | (Some(_), Extent::Begun) => Ok(Delta::Satisfied),
            (Some(model), Extent::Complete) => Ok(Delta::Wait(still_listed(model))),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        controller: &Controller,
        change: &ModelDestruction,
    ) -> Result<(), Error> {
        controller.destroy(&change.model, change.storage).await
    }

    fn notes(&self, seen: &ModelObserved, _: Timestamp) -> Vec<Note> {
        let alive = seen.listed.as_ref().is_some_and(ListedModel::is_alive);
        let text = "this can't be undone: no rollback brings the model or its data back";
        if alive { vec![Note::new(text)] } else { Vec::new() }
    }

    fn poll_policy(&self) -> PollPolicy {
        let within = Duration::from_secs(self.within);
        PollPolicy::new(EVERY.min(within / 4), within)
    }
}

/// How often the controller is asked: juju's own client asks every two seconds.
const EVERY: Duration = Duration::from_secs(5);

/// Returns what is shown of a model that is being destroyed: `admin/openstack is destroying (tearing down
/// cloud environment)`.
fn still_listed(model: &ListedModel) -> String {
    let status = &model.status;
    let current = if status.current.is_empty() { &model.life } else { &status.current };
    let message = Some(&status.message).filter(|message| !message.is_empty());
    let message = message.map(|message| format!(" ({message})")).unwrap_or_default();
    format!("model {} is still listed: {current}{message}", model.name)
}

impl ModelObserved {
    /// Returns why the model is not gone yet.
    pub fn still_listed(&self) -> Option<String> {
        self.listed.as_ref().map(still_listed)
    }
}

impl Describe for ModelDestruction {
    fn describe(&self) -> Diff {
        let ListedModel { name, uuid, controller_name, .. } = &self.model;
        let id = format!("{controller_name}:{uuid}");
        let command = format!("juju destroy-model {}", destruction(&id, self.storage).join(" "));
        Diff::new(ChangeKind::Delete, Subject::new("model", name), command)
    }
}

#[cfg(test)]
#[path = "model_absent_tests.rs"]
mod tests;
