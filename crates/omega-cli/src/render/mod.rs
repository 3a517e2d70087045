//! What a person sees. Signs carry the meaning; colour only repeats it.

pub(crate) mod capi;
mod doctor;
mod failure;
mod layout;
mod plan;
mod printable;
mod progress;
mod screen;

pub(crate) use doctor::doctor;
pub(crate) use failure::failure;
pub(crate) use plan::{Recap, plan, recap};
pub(crate) use progress::{Console, seconds};
pub(crate) use screen::{Format, Screen};
