//! What a real unit said (`recordings/record.py` asked it).

use std::sync::OnceLock;

use serde_json::{Value, json};

const FRESH: &str = include_str!("../../recordings/fresh.json");
const GRAFTED: &str = include_str!("../../recordings/grafted.json");
const BROKEN: &str = include_str!("../../recordings/broken.json");

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

    /// Returns the reply to `probe`; null if it was not asked.
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

/// What a conductor wrote that was pointed at a directory that is missing.
pub(super) fn log_tail() -> Vec<String> {
    let probe = json!({"probe": "log_tail", "service": "magnum-conductor"});
    words(at(&Recording::Broken.reply(&probe), "lines"))
}

/// Returns a value's field; null if it has none.
pub(super) fn at<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&Value::Null)
}

pub(super) fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
