//! The models of a Juju controller: what they hold, and that one of them does not exist.

mod client;
mod model_absent;
mod wire;

pub use client::Controller;
pub use model_absent::{
    Extent, ModelAbsent, ModelDestruction, ModelObserved, StorageFate, ensure_model_absent,
};
pub use wire::{
    Consumed, Consumer, HeldApplication, HeldMachine, HeldOffer, HeldStorage, ListedModel,
    ModelContent, ModelStatus,
};
