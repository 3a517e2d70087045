//! Responses of real services: recordings/*.json, made by recordings/record.py.

use serde::Serialize;
use serde_json::{Value, json};

use crate::Response;

/// Returns the exchange of that name, which is read when it is first used.
macro_rules! recorded {
    ($name:literal) => {{
        static EXCHANGE: std::sync::LazyLock<$crate::sim::recorded::Recorded> =
            std::sync::LazyLock::new(|| {
                $crate::sim::recorded::Recorded::read(include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/recordings/",
                    $name,
                    ".json"
                )))
            });
        &*EXCHANGE
    }};
}
pub(super) use recorded;

/// One exchange with a real service.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) request: Value,
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Recorded {
    /// # Panics
    ///
    /// Panics for what is no exchange; a test goes through them all.
    #[expect(clippy::panic, reason = "the texts are files of this crate")]
    pub(super) fn read(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| panic!("no exchange: {text}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut exchange: Value = serde_json::from_str(text).ok()?;
        let status = exchange["response"]["status"].as_u64()?.try_into().ok()?;
        let (request, body) = (exchange["request"].take(), exchange["response"]["body"].take());
        Some(Self { request, status, body })
    }

    /// Returns what was asked at `pointer`, as text.
    pub(super) fn asked(&self, pointer: &str) -> String {
        match self.request.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// Returns the recorded response with another value in its message.
    pub(super) fn about(&self, was: &str, is: &str) -> Response {
        let mut body = self.body.clone();
        swap(&mut body, was, is);
        Response::new(self.status, body)
    }

    /// Returns the recorded answer about another thing: the path ended with the id of the one that
    /// was asked about.
    pub(super) fn at(&self, id: &str) -> Response {
        let path = self.asked("/path");
        self.about(path.rsplit('/').next().unwrap_or_default(), id)
    }

    /// Returns the recorded answer with another value under the key.
    pub(super) fn with(&self, key: &str, value: impl Serialize) -> Response {
        let mut answer = self.unchanged();
        answer.body[key] = json!(value);
        answer
    }

    /// Returns the recorded answer as it is.
    pub(super) fn unchanged(&self) -> Response {
        Response::new(self.status, self.body.clone())
    }
}

fn swap(value: &mut Value, was: &str, is: &str) {
    match value {
        Value::String(text) if !was.is_empty() => *text = text.replace(was, is),
        Value::Array(items) => items.iter_mut().for_each(|item| swap(item, was, is)),
        Value::Object(map) => map.values_mut().for_each(|item| swap(item, was, is)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_recording_is_whole_and_holds_no_secret() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
        let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let json = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
        // Neutron's tables, which are no exchange.
        for path in json.filter(|path| !path.ends_with("neutron-protocols.json")) {
            let (name, text) = (path.display(), fs::read_to_string(&path).unwrap());
            let Recorded { request, status, body } = Recorded::read(&text);
            assert!(status >= 200, "{name}");
            assert!(request["path"].is_string(), "{name}");
            // Nova accepts a deletion, and Glance an import, without a word.
            let may_be_empty = matches!(status, 202 | 204);
            assert!(may_be_empty || !body.is_null(), "{name}");
            assert!(!text.contains("gAAAAA"), "{name} holds a token");
        }
    }
}
