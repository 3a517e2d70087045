use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use omega_driver::python;

use crate::management::message;

/// With any value it pauses the object (Cluster API, `api/core/v1beta2/common_types.go`,
/// `PausedAnnotation`).
pub(crate) const PAUSED: &str = "cluster.x-k8s.io/paused";

/// The responses by path. An absent path was not read, which differs from a 404.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers(pub BTreeMap<String, Answer>);

/// The response to one GET.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Success, with a JSON object that has fields.
    Object(Object),
    /// Success, with a JSON value that is false in Python: `null`, `{}`, `[]`, `""`, `0`.
    Empty,
    /// Success, with another JSON value or no JSON.
    #[serde(rename = "alien")]
    NotAnObject,
    /// Any other HTTP status. `message` is the server's, shortened.
    #[expect(missing_docs, reason = "explained above")]
    Status { code: u16, message: String },
    /// No response, or an incomplete one: no connection, no TLS, a deadline.
    #[expect(missing_docs, reason = "explained above")]
    Nothing { why: String },
}

/// The parts of a Kubernetes object that show its health.
///
/// The rest of its `spec` is dropped: that of a control plane can hold files and passwords.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// `cluster.x-k8s.io/v1beta1`; empty if missing.
    #[serde(default)]
    pub api_version: String,
    /// Its name; empty if missing.
    #[serde(default)]
    pub name: String,
    /// `metadata.generation`.
    #[serde(default)]
    pub generation: Option<i64>,
    /// `metadata.deletionTimestamp`, by the API server's clock.
    #[serde(default)]
    pub deleted: Option<String>,
    /// `metadata.finalizers`.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// Whether it is paused by its `spec` or by an annotation.
    #[serde(default)]
    pub paused: bool,
    /// Whether an annotation pauses it, whatever its `spec` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused_by_annotation: bool,
    /// `spec.replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// As in the response. `None` if the field is missing, which differs from `null`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub status: Option<Value>,
}

/// Keeps an explicit `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Answer {
    /// Parses an HTTP response.
    pub fn of(code: u16, body: &str) -> Self {
        if !(200..300).contains(&code) {
            return Self::Status { code, message: message(body) };
        }
        match serde_json::from_str(body) {
            Ok(value) if !python::truth(&value) => Self::Empty,
            Ok(value @ Value::Object(_)) => Self::Object(Object::of(&value)),
            Ok(_) | Err(_) => Self::NotAnObject,
        }
    }
}

impl Object {
    fn of(value: &Value) -> Self {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let annotations = value.pointer("/metadata/annotations");
        let finalizers = value.pointer("/metadata/finalizers").and_then(Value::as_array);
        let finalizers = finalizers.into_iter().flatten().filter_map(Value::as_str);
        let annotated = annotations.is_some_and(|all| all.get(PAUSED).is_some());
        Self {
            api_version: text("/apiVersion").unwrap_or_default().to_owned(),
            name: text("/metadata/name").unwrap_or_default().to_owned(),
            generation: value.pointer("/metadata/generation").and_then(Value::as_i64),
            deleted: text("/metadata/deletionTimestamp").map(str::to_owned),
            finalizers: finalizers.map(str::to_owned).collect(),
            paused: value.pointer("/spec/paused") == Some(&Value::Bool(true)) || annotated,
            paused_by_annotation: annotated,
            replicas: value.pointer("/spec/replicas").and_then(Value::as_i64),
            status: value.get("status").cloned(),
        }
    }

    /// Returns the field of the status at a JSON pointer.
    pub(super) fn field(&self, pointer: &str) -> Option<&Value> {
        self.status.as_ref()?.pointer(pointer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, Object};

    #[test]
    fn success_is_told_apart_by_what_it_brings() {
        for empty in ["null", "{}", "[]", "\"\"", "0", "0.0", "false"] {
            assert_eq!(Answer::of(200, empty), Answer::Empty, "{empty}");
        }
        for other in ["", "<html>", "[1]", "\"x\"", "7", "true", "{\"a\": 1"] {
            assert_eq!(Answer::of(200, other), Answer::NotAnObject, "{other}");
        }
        let object = Object::default();
        assert_eq!(Answer::of(201, r#"{"kind": "X"}"#), Answer::Object(object));
    }

    #[test]
    fn of_an_error_the_words_are_kept() {
        let refused = Answer::Status { code: 403, message: "no rights".to_owned() };
        assert_eq!(Answer::of(403, r#"{"kind": "Status", "message": "no rights"}"#), refused);
        let plain = Answer::Status { code: 404, message: "404 page not found".to_owned() };
        assert_eq!(Answer::of(404, "404 page not found\n"), plain);
        let long = "x".repeat(1000);
        let Answer::Status { message, .. } = Answer::of(500, &long) else { panic!() };
        assert_eq!(message.len(), 300);
    }

    #[test]
    fn of_an_object_only_what_tells_its_health_is_kept() {
        let whole = json!({
            "apiVersion": "controlplane.cluster.x-k8s.io/v1beta1",
            "metadata": {
                "name": "c-control-plane", "generation": 3, "finalizers": ["a"],
                "deletionTimestamp": "2026-11-21T10:00:00Z", "annotations": {"other": "1"},
            },
            "spec": {"kubeadmConfigSpec": {"users": [{"passwd": "hunter2"}]}},
            "status": {"ready": true},
        });
        let answer = Answer::of(200, &whole.to_string());
        let Answer::Object(object) = &answer else { panic!("{answer:?}") };
        assert_eq!((object.name.as_str(), object.generation), ("c-control-plane", Some(3)));
        assert_eq!(object.deleted.as_deref(), Some("2026-11-21T10:00:00Z"));
        assert_eq!((object.finalizers.len(), object.paused), (1, false));
        let stored = serde_json::to_string(&answer).unwrap();
        assert!(!stored.contains("hunter2"), "{stored}");
        assert_eq!(serde_json::from_str::<Answer>(&stored).unwrap(), answer);
    }

    #[test]
    fn a_missing_status_is_not_a_null_one() {
        for (text, status) in [(r#"{"a": 1}"#, None), (r#"{"status": null}"#, Some(Value::Null))] {
            let answer = Answer::of(200, text);
            assert_eq!(answer, Answer::Object(Object { status, ..Object::default() }));
            let stored = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&stored).unwrap(), answer, "{stored}");
        }
    }

    #[test]
    fn pausing_is_said_in_two_ways() {
        let paused = |value: Value| {
            let answer = Answer::of(200, &value.to_string());
            let Answer::Object(object) = answer else { panic!("{answer:?}") };
            object.paused
        };
        assert!(paused(json!({"spec": {"paused": true}})));
        assert!(paused(json!({"metadata": {"annotations": {super::PAUSED: ""}}})));
        assert!(!paused(json!({"spec": {"paused": false}, "metadata": {"annotations": {}}})));
        assert!(!paused(json!({"metadata": {"annotations": {"example.org/paused": "true"}}})));
    }
}
