//! What took how long, as data. Pictures are made from it last.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Something that is easier to see than to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "chart", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Chart {
    /// Stages, one after another or beside each other: a cluster's creation, a failover, the answers of
    /// services.
    Stages {
        /// What it shows.
        title: String,
        /// The stages, in order.
        stages: Vec<Stage>,
    },
    /// A rate over time: the transfer of an image.
    Rate {
        /// What it shows.
        title: String,
        /// What is measured (`bytes/s`).
        unit: String,
        /// The measurements, in the order of time.
        samples: Vec<Sample>,
    },
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stage {
    /// What happened.
    pub name: String,
    /// When it began, in seconds since the first stage.
    pub from: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it ended badly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sample {
    /// When, in seconds since the beginning.
    pub at: f64,
    /// The value.
    pub value: f64,
}

impl Chart {
    /// Returns its title.
    pub fn title(&self) -> &str {
        match self {
            Self::Stages { title, .. } | Self::Rate { title, .. } => title,
        }
    }

    /// Returns whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Stages { stages, .. } => stages.is_empty(),
            Self::Rate { samples, .. } => samples.len() < 2,
        }
    }
}

impl Stage {
    /// Returns a stage that began `from` after the first and took `took`.
    pub fn new(name: impl Into<String>, from: Duration, took: Duration) -> Self {
        Self { name: name.into(), from: seconds(from), seconds: seconds(took), failed: false }
    }

    /// Says whether it ended badly.
    #[must_use]
    pub fn failed(self, failed: bool) -> Self {
        Self { failed, ..self }
    }
}

/// Seconds, to the millisecond: the rest is noise.
pub(super) fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}
