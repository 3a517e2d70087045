//! What a look found, compared with the baseline.

use std::collections::BTreeMap;

use jiff::Timestamp;
use omega_core::run::Status;
use serde::Serialize;

use super::{Difference, DifferenceKind, Observation};

/// What a look found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DriftReport {
    /// The site, as the operator named it.
    pub site: String,
    /// When the look began.
    pub at: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When the baseline was recorded or accepted.
    pub baseline: Timestamp,
    /// Whether this look is the baseline: the first, or one that was accepted.
    pub recorded: bool,
    /// How many things were looked at.
    pub looked: usize,
    /// What differs or is not as it should be: also what was reported before and is not over.
    pub differences: Vec<Difference>,
    /// What was reported before and is over.
    pub recovered: Vec<Difference>,
    /// The runs of omega on this site since the last look, newest first.
    pub runs: Vec<String>,
    /// What was not looked at, by name, because the operator said so.
    pub skipped: Vec<String>,
    /// How often this site was looked at with this baseline.
    pub looks: u64,
    /// How often something new was found, by kind.
    pub found: BTreeMap<String, u64>,
    /// Each thing, and whether it is as it should be.
    pub standings: Vec<Standing>,
}

/// A thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Standing {
    /// What was observed; of what could not be looked at, what is known of it.
    pub observation: Observation,
    /// `holds`, `pending`, `warns`, `fails`, `deferred` or `unknown`.
    pub state: String,
    /// Whether it differs from the baseline.
    pub changed: bool,
}

/// A change, as one line of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeLine<'a> {
    /// The version of this format.
    pub schema_version: u32,
    /// The site, as the operator named it.
    pub site: &'a str,
    /// When the look began that found it.
    pub at: Timestamp,
    /// What changed.
    pub change: &'a Difference,
}

impl<'a> ChangeLine<'a> {
    /// Returns the line for `change`, which `report` has.
    pub fn new(report: &'a DriftReport, change: &'a Difference) -> Self {
        Self { schema_version: 1, site: &report.site, at: report.at, change }
    }
}

impl DriftReport {
    /// Returns the status: 1 if something could not be looked at, 3 if a rule fails, 2 if something
    /// changed or would be changed, 0 otherwise.
    pub fn status(&self) -> Status {
        Status::first(self.differences.iter().map(|one| one.kind.status()))
    }

    /// Returns what this look is the first to tell, and what is over.
    pub fn news(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|one| one.new).chain(&self.recovered)
    }

    /// Returns how many differences of a kind there are.
    pub fn count(&self, kind: DifferenceKind) -> usize {
        self.differences.iter().filter(|one| one.kind == kind).count()
    }
}
