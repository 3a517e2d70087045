//! Rules that are wrong on purpose: each must make the comparison fail.
//!
//! The library has no switch for them. A wrong rule is a right one that is given something else,
//! or whose answer is changed.

use omega_driver::DriverRelease;
use serde_json::{Value, json};

use crate::case::{Case, Http, Prediction};

/// A name, what the rules are given instead, and what is made of their answer.
pub(crate) struct Plant(
    pub(crate) &'static str,
    pub(crate) fn(&mut Case),
    pub(crate) fn(&mut Prediction),
);

impl Plant {
    pub(crate) const ALL: &[Self] = &[
        Self("1.3.0 reads v1beta1", |case| case.driver = DriverRelease::v1_4_0(), same),
        Self("api_resources does nothing", |case| case.api_resources = None, same),
        Self("404 raises", |case| status(case, 404, 500), same),
        Self("500 is absence", |case| status(case, 500, 404), same),
        Self("401 is absence", |case| status(case, 401, 404), same),
        Self("304 raises", |case| status(case, 304, 500), same),
        Self("no answer is absence", broken_is_absent, same),
        Self("empty JSON raises", |case| bodies(case, |body| swap(body, "null", "[1]")), same),
        Self("no JSON is absence", |case| bodies(case, |body| swap(body, "<html>", "{}")), same),
        Self("no status is not ready", |case| objects(case, no_status), same),
        Self("null status is no status", |case| objects(case, null_status), same),
        Self("null conditions are none", |case| objects(case, null_conditions), same),
        Self(
            "negative polarity is known",
            |case| conditions(case, |c| c["type"] != "Paused"),
            same,
        ),
        Self("Unknown is fine", |case| conditions(case, |c| c["status"] != "Unknown"), same),
        Self("failureReason is ignored", |case| field(case, "failureReason", &Value::Null), same),
        Self("failureMessage is ignored", |case| field(case, "failureMessage", &json!("")), same),
        Self("ready is ignored", |case| field(case, "ready", &json!(true)), same),
        Self("ready is a boolean", |case| objects(case, boolean_ready), same),
        Self(
            "masters are node groups",
            |case| case.cluster.node_groups.iter_mut().for_each(|g| g.role = "worker".into()),
            same,
        ),
        Self(
            "node groups in order of name",
            |case| case.cluster.node_groups.sort_by_key(|g| std::cmp::Reverse(g.name.clone())),
            same,
        ),
        Self("the prefix is magnum", |case| case.namespace_prefix = "magnum".into(), same),
        Self(
            "all statuses are polled",
            |case| case.cluster.status = "CREATE_COMPLETE".into(),
            same,
        ),
        Self("quoted as JSON", keep, |p| reasons(p, |text| text.replace('\'', "\""))),
        Self("joined with a space", keep, |p| reasons(p, |text| text.replace(".,", "., "))),
        Self("a failed poll clears the record", keep, cleared),
    ];
}

fn same(_: &mut Prediction) {}
fn keep(_: &mut Case) {}

fn cleared(prediction: &mut Prediction) {
    if prediction.raised {
        (prediction.health_status, prediction.health_status_reason) = (None, None);
    }
}

fn reasons(prediction: &mut Prediction, change: fn(&str) -> String) {
    for reason in prediction.health_status_reason.iter_mut().flat_map(|map| map.values_mut()) {
        *reason = change(reason.as_str().unwrap_or_default()).into();
    }
}

fn swap(body: &str, one: &str, other: &str) -> String {
    if body == one { other.to_owned() } else { body.to_owned() }
}

fn status(case: &mut Case, from: u16, to: u16) {
    for http in case.api.values_mut() {
        if let Http::Whole { code, .. } = http
            && *code == from
        {
            *code = to;
        }
    }
}

fn broken_is_absent(case: &mut Case) {
    for http in case.api.values_mut().filter(|http| matches!(http, Http::Broken { .. })) {
        *http = Http::Whole { code: 404, body: String::new() };
    }
}

fn bodies(case: &mut Case, change: impl Fn(&str) -> String) {
    for http in case.api.values_mut() {
        if let Http::Whole { body, .. } = http {
            *body = change(body);
        }
    }
}

fn objects(case: &mut Case, change: impl Fn(&mut Value)) {
    bodies(case, |body| {
        let Ok(mut object @ Value::Object(_)) = serde_json::from_str(body) else {
            return body.to_owned();
        };
        change(&mut object);
        object.to_string()
    });
}

fn conditions(case: &mut Case, keep: fn(&Value) -> bool) {
    objects(case, |object| {
        let list = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        if let Some(list) = list {
            list.retain(|condition| !condition.is_object() || keep(condition));
        }
    });
}

fn field(case: &mut Case, key: &str, value: &Value) {
    objects(case, |object| {
        if let Some(slot) = object.pointer_mut("/status").and_then(|status| status.get_mut(key)) {
            *slot = value.clone();
        }
    });
}

fn no_status(object: &mut Value) {
    if object.get("kind").is_some() && object.get("status").is_none() {
        object["status"] = json!({"conditions": [{"type": "Ready", "status": "False"}]});
    }
}

fn null_status(object: &mut Value) {
    if object.get("status") == Some(&Value::Null) {
        object["status"] = json!({});
    }
}

fn null_conditions(object: &mut Value) {
    if let Some(null @ Value::Null) = object.pointer_mut("/status/conditions") {
        *null = json!([]);
    }
}

fn boolean_ready(object: &mut Value) {
    if let Some(ready) = object.pointer_mut("/status/ready") {
        *ready = json!(*ready == true);
    }
}
