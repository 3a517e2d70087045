//! What a person sees. Signs carry the meaning; colour only repeats it.

pub(crate) mod capi;
mod decisions;
mod doctor;
mod failure;
mod layout;
mod plan;
mod printable;
mod progress;
mod report;
mod screen;

pub(crate) use decisions::{decision, decisions};
pub(crate) use doctor::doctor;
pub(crate) use failure::failure;
use plan::{plan, recap};
pub(crate) use progress::Console;
use progress::seconds;
pub(crate) use report::{entry, proven, report};
pub(crate) use screen::{Format, Screen};
