//! What changed on a site, and since when. Nothing is written to it.
//!
//! A [`Look`] reads everything that the verification of the graft, the checks of coherence and
//! constellation, and the live checks read. Each thing is an [`Observation`] with typed evidence. [`assess`]
//! compares a look with the [`Baseline`] of the site: what differs, appeared, is gone, fails, would be
//! changed by `apply`, or could not be looked at. A change goes on being reported until it is reverted or
//! accepted. [`watch`] looks again and again; [`metrics`] and [`serve`] show Prometheus what it found.
//!
//! The silent changes that operators know are named: [`RULES`].
//!
//! What was not seen is unknown, never good, and never replaces what the baseline knows.

mod assess;
mod baseline;
mod compare;
mod difference;
mod expiry;
mod facts;
mod look;
mod metrics;
mod observation;
mod report;
mod rights;
mod runs;
mod serve;
mod silent;
mod sources;
mod watch;

pub use assess::{Acceptance, assess};
pub use baseline::{Baseline, BaselineFile, Baselines, Record};
pub use difference::{Difference, DifferenceKind, Since};
pub use facts::FactChange;
pub use look::{Blind, Look, LookOptions, Reading, View, look};
pub use metrics::{CONTENT_TYPE, metrics};
pub use observation::{Observation, Source, State};
pub use report::{ChangeLine, DriftReport, Standing};
pub use rights::{ManagementRead, management_reads};
pub use serve::{Page, bind, serve};
pub use silent::RULES;
pub use sources::{CoherenceView, ConstellationView, DriftSite};
pub use watch::{Take, WatchOptions, Watched, watch};

#[cfg(test)]
mod tests;
