//! What is wrong, as data: one type for gates, coherence, doctor and every other check.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Subject;

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The rule's name: an interface, never renamed (`version-unserved`).
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// Of what.
    pub subject: Subject,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// The decision that it rests on or departs from (`D-042`).
    pub decision: Option<String>,
    /// What to do about it: a command where there is one.
    pub remedy: Option<String>,
    /// What says that it is wrong: a file of upstream's source, a document.
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
    /// Something does not do what it seems to do, or will not for long.
    Warning,
    /// It passes by itself, or should.
    Waiting,
    /// It could not be asked.
    Unknown,
    /// Worth knowing, and no fault.
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

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Names the decision.
    #[must_use]
    pub fn decision(self, decision: &str) -> Self {
        Self { decision: Some(decision.to_owned()), ..self }
    }

    /// Names what says that it is wrong.
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
    /// A word, or somebody else's words.
    Text(String),
    /// Several.
    List(Vec<String>),
    /// A number of things.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// How long something took, in milliseconds. It differs each time.
    Took(u64),
    /// A point in time.
    Time(Timestamp),
    /// That the fact holds.
    Holds,
}

impl Evidence {
    /// Returns the fact `fact` with the value `value`.
    pub fn text(fact: &str, value: impl Into<String>) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Text(value.into()) }
    }

    /// Returns a sentence: somebody else's words, or what has no better form.
    pub fn words(words: impl Into<String>) -> Self {
        Self::text("", words)
    }

    /// Returns that `fact` holds.
    pub fn holds(fact: &str) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Holds }
    }

    /// Returns how many there are.
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

    /// Returns when `fact` is or was.
    pub fn time(fact: &str, time: Timestamp) -> Self {
        Self { fact: fact.to_owned(), value: Observation::Time(time) }
    }

    /// Returns whether it differs between two looks at the same state: how long a look took.
    pub fn is_measurement(&self) -> bool {
        matches!(self.value, Observation::Took(_))
    }

    /// Returns one line made of all of it. Where one is a list, semicolons separate them.
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
