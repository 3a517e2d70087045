//! Text output. Signs have the meaning; colours only repeat it.

mod acceptance;
pub(crate) mod capi;
mod decisions;
mod doctor;
mod drift;
mod failure;
mod layout;
mod lint;
mod live;
mod plan;
mod printable;
mod progress;
mod report;
mod run_list;
mod screen;
mod site_error;

pub(crate) use acceptance::{acceptance, acceptance_plan};
pub(crate) use capi::finding;
pub(crate) use decisions::{contradictions, decision, decision_state, decision_states, decisions};
pub(crate) use doctor::doctor;
pub(crate) use drift::{change_line, drift, holds};
pub(crate) use failure::failure;
pub(crate) use layout::wrap;
pub(crate) use lint::{annotations, lint};
pub(crate) use live::live;
pub(crate) use plan::plan;
use plan::{recap, show_notes};
pub(crate) use progress::Console;
use progress::seconds;
pub(crate) use report::{entry, leftover, proven, report};
pub(crate) use run_list::{run_head, run_list};
pub(crate) use screen::{Format, Screen};
pub(crate) use site_error::{mistake, site_error};
