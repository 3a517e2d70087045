//! Compares omega's results with those of oslo.config 9.4.0 and driver 1.4.0, which
//! `tests/oracle/record_driver.py` records. `tests/oracle/run` compares further recordings.

#![cfg(test)]

use std::collections::BTreeMap;

use omega_driver::{
    DriverRelease, NamespacePrefix, OverrideError, Overrides, StackId, driver_reads,
    naming::sanitized,
    options::{read_back, reference},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Case {
    Override(Override),
    Name(Name),
}

#[derive(Deserialize)]
struct Override {
    text: String,
    value: Option<String>,
    error: Option<String>,
    /// The reads that the option changes; `None` if the driver could not be imported.
    #[serde(default)]
    reads: Option<BTreeMap<String, [Value; 2]>>,
}

#[derive(Deserialize)]
struct Name {
    text: String,
    sanitized: String,
    stack: String,
    prefix: String,
    namespace: String,
    cluster: String,
    object: String,
}

fn cases() -> Vec<Case> {
    let recorded = match std::env::var_os("OMEGA_RECORDED") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => include_str!("../data/recorded.jsonl").to_owned(),
    };
    recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns what each class whose read `overrides` change reads.
fn moved(overrides: &Overrides) -> BTreeMap<String, [Value; 2]> {
    let reads = driver_reads(&DriverRelease::v1_4_0(), overrides).into_iter();
    let moved = reads.filter(|read| read.moved);
    moved
        .map(|read| {
            (read.class.name().to_owned(), [read.at.to_string().into(), read.plural.into()])
        })
        .collect()
}

#[test]
fn api_resources_is_read_as_the_driver_reads_it() {
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for case in cases() {
        let Case::Override(case) = case else { continue };
        let (text, found) = (&case.text, Overrides::of_line(&case.text));
        let outcome = match (&case.value, &case.error, &case.reads) {
            (None, Some(error), _) if error == "ConfigFileParseError" => {
                assert_eq!(found, Err(OverrideError::EmptyLine), "{text:?}");
                "unparsable file"
            }
            (None, _, _) => {
                assert!(matches!(found, Err(OverrideError::Reference { .. })), "{text:?}");
                "unknown reference"
            }
            (Some(_), _, _) if reference(text).is_some() => "referring",
            (Some(value), _, None) => {
                assert_eq!(read_back(text), *value, "{text:?}");
                assert!(found.is_err_and(|error| !error.is_importable()), "{text:?}");
                "not importable"
            }
            (Some(value), _, Some(reads)) => {
                assert_eq!(read_back(text), *value, "{text:?}");
                if reads.values().flatten().all(Value::is_string) {
                    assert_eq!(moved(&found.unwrap()), *reads, "{text:?}");
                    if reads.is_empty() { "without effect" } else { "moving" }
                } else {
                    assert!(found.is_err_and(|error| error.is_importable()), "{text:?}");
                    "not readable"
                }
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert_eq!(outcomes.len(), 7, "{outcomes:?}");
}

#[test]
fn names_are_the_drivers() {
    let mut doubled = 0;
    for case in cases() {
        let Case::Name(case) = case else { continue };
        let name = &case.text;
        assert_eq!(sanitized(name), case.sanitized, "{name:?}");
        let stack = StackId::new(&case.stack).unwrap();
        assert!(stack.can_be_of(name), "{name:?}");
        assert_eq!(stack.object(""), case.cluster, "{name:?}");
        assert_eq!(stack.cloud_credentials(), case.object, "{name:?}");
        let set = BTreeMap::from([("namespace_prefix".to_owned(), case.prefix)]);
        assert_eq!(NamespacePrefix::of_options(&set).namespace(name), case.namespace, "{name:?}");
        doubled += usize::from(case.stack.contains("--"));
    }
    assert!(doubled > 0, "no name was truncated after a hyphen");
}
