//! Tears a cloud down: its Juju model is destroyed, and its machines are released in MAAS (D-018).
//!
//! [`Teardown::find`] reads what there is; [`Found::job`] is the job: what is lost, the destruction of the
//! model, the release of the machines, and the verification of both sides. Nothing of it can be rolled back.
//! Who applies the job asks for the model's name first: [`Found::name`].

mod connect;
mod find;
mod gates;
mod job;
pub mod maas;
mod recorded;
mod waits;

#[cfg(test)]
mod tests;

pub use connect::TeardownClients;
pub use find::{Found, Teardown};
pub use gates::TEARDOWN_RULES;

/// Returns every rule of a teardown.
pub(crate) fn rules() -> impl Iterator<Item = omega_core::CheckRule> {
    gates::rules().chain(waits::RULES)
}

/// The job's name, in runs.
pub const TEARDOWN: &str = "teardown";
