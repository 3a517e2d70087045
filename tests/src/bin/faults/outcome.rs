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
const PASSING: [&str; 13] = [
    "seconds",
    "started",
    "from",
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
            // Evidence of how long something took.
            if fields.get("type").is_some_and(|kind| kind == "took") {
                drop(fields.remove("value"));
            }
            fields.retain(|key, _| !PASSING.contains(&key.as_str()));
            fields.values_mut().for_each(scrub);
        }
        Value::Array(all) => {
            all.iter_mut().for_each(scrub);
            // What is asked at the same time is answered in any order.
            all.sort_by_cached_key(Value::to_string);
        }
        Value::String(text) => *text = without_times(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces the numbers of `12 ms` and `1.5s`.
fn without_times(text: &str) -> String {
    let words = text.split(' ').collect::<Vec<_>>();
    let number = |word: &str| !word.is_empty() && word.parse::<f64>().is_ok();
    let unit = |word: &str| matches!(word.trim_end_matches([',', ';', '.', ')']), "s" | "ms");
    let plain = words.iter().enumerate().map(|(nth, word)| {
        let timed = word.trim_end_matches([',', ';', '.', ')']);
        let timed = timed.trim_end_matches("ms").trim_end_matches('s');
        let before_unit = words.get(nth + 1).is_some_and(|next| unit(next)) && number(word);
        if before_unit || (timed.len() < word.len() && number(timed)) { "*" } else { word }
    });
    plain.collect::<Vec<_>>().join(" ")
}

/// Returns where two values differ first, and how.
pub(crate) fn differs(is: &Value, was: &Value) -> Option<String> {
    match (is, was) {
        (Value::Object(is), Value::Object(was)) => {
            let keys = is.keys().chain(was.keys());
            keys.into_iter().find_map(|key| {
                let of = |fields: &serde_json::Map<_, _>| {
                    fields.get(key).cloned().unwrap_or(Value::Null)
                };
                Some(format!("{key}: {}", differs(&of(is), &of(was))?))
            })
        }
        (Value::Array(is), Value::Array(was)) if is.len() == was.len() => {
            is.iter().zip(was).find_map(|(is, was)| differs(is, was))
        }
        _ if is == was => None,
        _ => {
            let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            Some(format!("{} in the place of {}", short(is), short(was)))
        }
    }
}
