//! What a command said, as far as it is judged.

use omega::{
    core::{Failure, Touched},
    run::{Report, Status},
};
use serde::Serialize;
use serde_json::Value;

/// What a command says of its effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It succeeded.
    Done,
    /// It failed, and changed nothing.
    Nothing,
    /// It failed, and may have changed something.
    Possibly,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) claim: Claim,
    /// Its words, if it failed.
    pub(crate) words: String,
    /// What it found, without times.
    pub(crate) value: Value,
}

/// What differs between two runs that found the same.
const PASSING: [&str; 11] = [
    "seconds",
    "counts",
    "run",
    "took",
    "took_ms",
    "millis",
    "at",
    "since",
    "first_seen",
    "checked",
    "last_look",
];

impl Outcome {
    /// Of a command that only returns a document.
    pub(crate) fn found(status: Status, document: &impl Serialize) -> Self {
        let mut value = serde_json::to_value(document).unwrap_or_default();
        scrub(&mut value);
        Self { status, claim: Claim::Done, words: String::new(), value }
    }

    /// Of a run of the engine.
    pub(crate) fn of(report: &Report) -> Self {
        let mut outcome = Self::found(report.exit, report);
        if let Some(failure) = &report.failure {
            (outcome.claim, outcome.words) = (claim(failure), words(failure));
        }
        outcome
    }

    /// Of a command that failed.
    pub(crate) fn failed(failure: &Failure) -> Self {
        let status = Status::of(failure, None);
        let (claim, words) = (claim(failure), words(failure));
        Self { status, claim, words, value: Value::Null }
    }
}

impl Outcome {
    /// The same at whatever address.
    pub(crate) fn at(mut self, address: &str) -> Self {
        let text = self.value.to_string().replace(address, "ADDRESS");
        self.value = serde_json::from_str(&text).unwrap_or_default();
        self
    }
}

fn claim(failure: &Failure) -> Claim {
    match failure.touched {
        Touched::Nothing => Claim::Nothing,
        Touched::Maybe => Claim::Possibly,
    }
}

fn words(failure: &Failure) -> String {
    let next = failure.next.as_deref().unwrap_or("(it does not say what to do next)");
    format!("{failure}; next: {next}")
}

fn scrub(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !PASSING.contains(&key.as_str()));
            fields.values_mut().for_each(scrub);
        }
        Value::Array(all) => all.iter_mut().for_each(scrub),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
