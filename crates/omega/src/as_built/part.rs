//! One part of the document: its rows, and what of it could not be read.

use omega_core::{Diagnostic, Failure};
use serde::{Deserialize, Serialize};

/// One row of a part.
pub trait Row {
    /// The heads of the columns.
    const COLUMNS: &'static [&'static str];

    /// Returns the text of each column; empty where there is no value.
    fn cells(&self) -> Vec<String>;
}

/// One part of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part<T> {
    /// What exists, always in the same order.
    pub rows: Vec<T>,
    /// What could not be read. Then rows or values may be missing.
    pub unread: Vec<Unread>,
    /// Why it was not asked for, if the site does not have it.
    pub not_named: Option<String>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unread {
    /// What it is.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do about it.
    pub next: Option<String>,
}

impl Unread {
    pub(super) fn new(what: impl Into<String>, error: &dyn Diagnostic) -> Self {
        Self::of(what, &Failure::from_error("", error))
    }

    pub(super) fn of(what: impl Into<String>, failure: &Failure) -> Self {
        let words = std::iter::once(&failure.message).chain(&failure.causes);
        let words = words.map(String::as_str).filter(|one| !one.is_empty());
        let why = words.collect::<Vec<_>>().join(": ");
        Self { what: what.into(), why, next: failure.next.clone() }
    }

    pub(super) fn because(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), next: None }
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), unread: Vec::new(), not_named: None }
    }
}

impl<T> Part<T> {
    /// Returns a part that was read completely.
    pub fn of(rows: Vec<T>) -> Self {
        Self { rows, ..Self::default() }
    }

    pub(super) fn not_named(why: &str) -> Self {
        Self { not_named: Some(why.to_owned()), ..Self::default() }
    }

    pub(super) fn unread(unread: Unread) -> Self {
        Self { unread: vec![unread], ..Self::default() }
    }

    /// Returns the rows, or that they could not be read.
    pub(super) fn read<E: Diagnostic>(what: &str, rows: Result<Vec<T>, E>) -> Self {
        match rows {
            Ok(rows) => Self::of(rows),
            Err(error) => Self::unread(Unread::new(what, &error)),
        }
    }

    /// Adds what could not be read.
    pub(super) fn without(mut self, unread: impl IntoIterator<Item = Unread>) -> Self {
        self.unread.extend(unread);
        self
    }
}
