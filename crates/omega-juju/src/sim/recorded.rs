//! Replies that `recordings/record.py` recorded from a real unit.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::{ReachState, Reply};

const FRESH: &str = include_str!("../../recordings/fresh.json");
const GRAFTED: &str = include_str!("../../recordings/grafted.json");
const BROKEN: &str = include_str!("../../recordings/broken.json");
const FAILURES: &str = include_str!("../../recordings/failures.json");

/// One recording.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recording {
    Fresh,
    Grafted,
    Broken,
}

impl Recording {
    fn entries(self) -> &'static Value {
        static ALL: OnceLock<[Value; 3]> = OnceLock::new();
        let [fresh, grafted, broken] = ALL.get_or_init(|| {
            [FRESH, GRAFTED, BROKEN].map(|text| serde_json::from_str(text).unwrap_or_default())
        });
        match self {
            Self::Fresh => fresh,
            Self::Grafted => grafted,
            Self::Broken => broken,
        }
    }

    /// Returns the reply to `probe`; null if it was not recorded.
    pub(super) fn reply(self, probe: &Value) -> Value {
        let entries = self.entries().as_array().into_iter().flatten();
        let entry = entries.into_iter().find(|entry| at(entry, "probe") == probe);
        entry.map(|entry| at(entry, "reply").clone()).unwrap_or_default()
    }
}

pub(super) fn file(path: &str) -> Value {
    Recording::Fresh.reply(&json!({"probe": "file", "path": path}))
}

pub(super) fn service(name: &str) -> Value {
    Recording::Fresh.reply(&json!({"probe": "service", "service": name}))
}

pub(super) fn python(recording: Recording, distribution: &str) -> Value {
    let reply = recording.reply(&json!({
        "probe": "python", "service": "magnum-conductor", "distribution": distribution,
        "group": "magnum.drivers",
    }));
    at(&reply, "interpreter").clone()
}

/// The log of a conductor whose `--config-dir` is missing.
pub(super) fn log_tail() -> Vec<String> {
    let probe = json!({"probe": "log_tail", "service": "magnum-conductor"});
    texts(at(&Recording::Broken.reply(&probe), "lines"))
}

fn failures() -> &'static Value {
    static ALL: OnceLock<Value> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(FAILURES).unwrap_or_default())
}

/// Returns the agent's reply in the situation `what` (`authenticate: proxy`) from
/// `recordings/failures.py`; `None` if it was not recorded.
pub fn recorded_reply(what: &str) -> Option<Reply> {
    let mut reply = failures().get(what)?.clone();
    // The duration is not recorded.
    if let Value::Object(fields) = &mut reply {
        fields.entry("millis").or_insert(Value::from(7));
    }
    serde_json::from_value(reply).ok()
}

/// Returns the names of the recorded situations.
pub fn recorded_situations() -> impl Iterator<Item = &'static str> {
    failures().as_object().into_iter().flat_map(|all| all.keys().map(String::as_str))
}

/// Returns the agent's result of a connection in the situation `what`.
pub(super) fn reach(what: &str) -> Option<ReachState> {
    if let Reply::Reach(state) = recorded_reply(what)? { Some(state) } else { None }
}

/// Returns a field of a value; null if it is missing.
pub(super) fn at<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&Value::Null)
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
