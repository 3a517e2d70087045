//! What is wrong, as data: one type for gates, coherence, doctor and every other check.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Subject;

/// Something that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The rule's name. Scripts depend on it, so it is never renamed (`version-unserved`).
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// The decision that it follows or departs from (`D-042`).
    pub decision: Option<String>,
    /// What to do about it: a command, if there is one.
    pub remedy: Option<String>,
    /// Where it is documented that this is wrong: an upstream source file, a document.
    pub source: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Severity {
    /// It must be fixed.
    Broken,
    /// Something does not have the effect that it seems to have, or will soon stop having it.
    Warning,
    /// It should go away by itself.
    Waiting,
    /// It could not be checked.
    Unknown,
    /// Worth knowing, but not a fault.
    Note,
}

impl Finding {
    /// Returns something that must be fixed.
    pub fn broken(rule: &str, subject: Subject, summary: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            severity: Severity::Broken,
            subject,
            summary: summary.into(),
            evidence: Vec::new(),
            decision: None,
            remedy: None,
            source: None,
        }
    }

    /// Returns whether it must be fixed: a gate with such a finding stops a run.
    pub fn is_broken(&self) -> bool {
        self.severity == Severity::Broken
    }

    /// Sets how much it matters.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Adds what shows it.
    #[must_use]
    pub fn shown_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Adds the decision.
    #[must_use]
    pub fn decision(self, decision: &str) -> Self {
        Self { decision: Some(decision.to_owned()), ..self }
    }

    /// Adds where it is documented that this is wrong.
    #[must_use]
    pub fn source(self, source: impl Into<String>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

/// One fact that was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// What was observed (`status`, `version`); empty for a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fact: String,
    /// What it was.
    #[serde(flatten)]
    pub value: Observation,
}

/// The value of an observed fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Observation {
    /// Text: one word, or a message of a service.
    Text(String),
    /// Several values.
    List(Vec<String>),
    /// A number of objects.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// How long something took, in milliseconds. It differs each time.
    Took(u64),
    /// A point in time.
    Time(Timestamp),
    /// The fact holds.
    Holds,
}

impl Evidence {
    /// Returns the fact `fact` with the value `value`.
    pub fn text(fact: &str, value: impl Into<String>) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Text(value.into()) }
    }

    /// Returns a sentence: a service's message, or what has no structured form.
    pub fn sentence(sentence: impl Into<String>) -> Self {
        Self::text("", sentence)
    }

    /// Returns the evidence that `fact` holds.
    pub fn holds(fact: &str) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Holds }
    }

    /// Returns the number of `fact`.
    pub fn count(fact: &str, count: usize) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Count(count as u64) }
    }

    /// Returns several values.
    pub fn list(fact: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { fact: fact.to_owned(), value: Observation::List(values) }
    }

    /// Returns how long `fact` took.
    pub fn took(fact: &str, took: Duration) -> Self {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { fact: fact.to_owned(), value: Observation::Took(millis) }
    }

    /// Returns the time of `fact`.
    pub fn time(fact: &str, time: Timestamp) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Time(time) }
    }

    /// Returns all evidence in one line. If one value is a list, semicolons separate the facts.
    pub fn line(all: &[Self]) -> String {
        let lists = all.iter().any(|one| matches!(one.value, Observation::List(_)));
        let separator = if lists { "; " } else { ", " };
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fact, value } = self;
        let value = match value {
            Observation::Holds => return f.write_str(fact),
            Observation::Text(text) => text.clone(),
            Observation::List(values) => values.join(", "),
            Observation::Count(count) => return write!(f, "{fact}: {count}"),
            Observation::Bytes(bytes) => format!("{bytes} bytes"),
            Observation::Took(millis @ ..10_000) => format!("{millis} ms"),
            Observation::Took(millis @ ..120_000) => format!("{} s", millis / 1000),
            Observation::Took(millis) => format!("{} min", millis / 60_000),
            Observation::Time(time) => time.to_string(),
        };
        if fact.is_empty() { f.write_str(&value) } else { write!(f, "{fact} {value}") }
    }
}
