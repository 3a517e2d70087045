//! The shape of a stored document: its fields with their types, and its words.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::{current, files, fixtures, recording::record};

/// Adds each field below `value`, as `path: type`. A text that is one lower-case word may be the name of a
/// variant, and is kept.
fn fields(value: &Value, at: &str, all: &mut BTreeSet<String>) {
    let leaf = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) if is_word(text) => format!("`{text}`"),
        Value::String(_) => "text".to_owned(),
        Value::Array(values) => {
            for value in values {
                fields(value, &format!("{at}[]"), all);
            }
            return;
        }
        Value::Object(map) => {
            for (key, value) in map {
                fields(value, &format!("{at}.{key}"), all);
            }
            return;
        }
    };
    all.insert(format!("{at}: {leaf}"));
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Returns the shape of the documents of one kind below `directory`. The fields of a line of a journal are
/// those of its kind of entry and of fact.
fn shape(directory: &Path, kind: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in files(directory).into_iter().filter(|file| kind_of(file).as_deref() == Some(kind)) {
        let text = fs::read_to_string(directory.join(&file)).unwrap();
        if Path::new(kind).extension().is_some_and(|ending| ending == "jsonl") {
            for line in text.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                let word = |pointer| line.pointer(pointer).and_then(Value::as_str).unwrap_or("");
                let of = format!("{}({})", word("/entry"), word("/step/kind"));
                fields(&line, &of, &mut all);
            }
        } else {
            fields(&serde_json::from_str(&text).unwrap(), "", &mut all);
        }
    }
    all
}

/// What kind of document a file is; none if it is not one for omega to read (HTML, `JUnit`, locks).
fn kind_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let kept = file.extension().is_some_and(|ending| ending == "json" || ending == "jsonl");
    let place = file.iter().next()?.to_str()?;
    let place = if place.starts_with("acceptance") { "acceptance" } else { "run" };
    match name {
        "baseline.json" | "plan.json" => Some(name.to_owned()),
        _ if file.starts_with("results") => Some("results".to_owned()),
        _ => kept.then(|| format!("{place} {name}")),
    }
}

fn kinds(directory: &Path) -> BTreeSet<String> {
    files(directory).iter().filter_map(|file| kind_of(file)).collect()
}

/// Whoever changes what is stored, adds a recording: only then is it known that what was written before is
/// still read.
#[tokio::test(start_paused = true)]
async fn what_this_version_writes_has_the_shape_of_its_recording() {
    let out = tempfile::tempdir().unwrap();
    record(out.path()).await;
    let recorded = fixtures().join(current());
    assert_eq!(kinds(out.path()), kinds(&recorded));
    let mut changed = Vec::new();
    for kind in kinds(out.path()) {
        let (now, then) = (shape(out.path(), &kind), shape(&recorded, &kind));
        changed.extend(then.difference(&now).map(|field| format!("{kind}: gone: {field}")));
        changed.extend(now.difference(&then).map(|field| format!("{kind}: new: {field}")));
    }
    assert!(
        changed.is_empty(),
        "the stored formats have changed (docs/stored-formats.md says what to do):\n{}",
        changed.join("\n")
    );
}

#[test]
fn a_new_field_a_lost_one_another_type_and_another_word_are_seen() {
    let of = |text: &str| {
        let mut all = BTreeSet::new();
        fields(&serde_json::from_str(text).unwrap(), "", &mut all);
        all
    };
    let known = of(r#"{"a": [{"b": 1}], "c": "absent", "d": "2 files"}"#);
    assert_eq!(of(r#"{"a": [{"b": 2}, {"b": 3}], "c": "absent", "d": "3 files"}"#), known);
    for other in [
        r#"{"a": [{"b": 1, "e": null}], "c": "absent", "d": "2 files"}"#,
        r#"{"a": [{}], "c": "absent", "d": "2 files"}"#,
        r#"{"a": [{"b": "1"}], "c": "absent", "d": "2 files"}"#,
        r#"{"a": [{"b": 1}], "c": "missing", "d": "2 files"}"#,
    ] {
        assert_ne!(of(other), known, "{other}");
    }
}
