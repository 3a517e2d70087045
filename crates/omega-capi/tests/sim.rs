//! The simulator answers like the real API server, also at other served versions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests"
)]

use http::{Request, header::ACCEPT};
use kube::Client;
use omega_capi::sim::Apiserver;
use serde_json::Value;

const DEFAULT: &str = include_str!("../recordings/default.json");
const CORE_V1BETA2: &str = include_str!("../recordings/core-v1beta2.json");
const OBJECTS: &str = include_str!("../recordings/objects.json");
const CAPO_V1ALPHA7: &str = include_str!("../recordings/capo-v1alpha7.json");

/// The groups whose served versions the lab changes, and one that it does not.
const CORE: [&str; 4] = [
    "cluster.x-k8s.io",
    "controlplane.cluster.x-k8s.io",
    "bootstrap.cluster.x-k8s.io",
    "addons.cluster.x-k8s.io",
];

fn core_v1beta2() -> Apiserver {
    let apiserver = Apiserver::default();
    for group in CORE {
        apiserver.serve(group, &["v1beta2"]);
    }
    apiserver.serve("ipam.cluster.x-k8s.io", &["v1beta2", "v1alpha1"]);
    apiserver
}

fn capo_v1alpha7() -> Apiserver {
    let apiserver = Apiserver::default();
    apiserver.add_old_version("infrastructure.cluster.x-k8s.io", "v1alpha7");
    apiserver
}

#[tokio::test]
async fn every_recorded_answer_is_given_again() {
    assert_eq!(same(DEFAULT, Apiserver::default()).await, 40);
    assert_eq!(same(CORE_V1BETA2, core_v1beta2()).await, 34);
    assert_eq!(same(CAPO_V1ALPHA7, capo_v1alpha7()).await, 40);
    assert_eq!(same(OBJECTS, Apiserver::default()).await, 39);
}

#[tokio::test]
async fn the_recordings_differ_so_that_equality_means_something() {
    let groups = |text: &str| {
        let all: Value = serde_json::from_str(text).unwrap();
        let list = |e: &&Value| e["path"] == "/apis" && e["status"] == 200;
        all["exchanges"].as_array().unwrap().iter().find(list).unwrap()["body"].clone()
    };
    assert_ne!(normal(groups(DEFAULT)), normal(groups(CORE_V1BETA2)));
    assert_ne!(normal(groups(DEFAULT)), normal(groups(CAPO_V1ALPHA7)));
}

/// Compares every answer to the administrator with that of `apiserver`, and counts them.
async fn same(recording: &str, apiserver: Apiserver) -> usize {
    let recording: Value = serde_json::from_str(recording).unwrap();
    let client = Client::new(apiserver, "default");
    let mut compared = 0;
    // Each server has its own continue tokens.
    let mut tokens: Vec<(String, String)> = Vec::new();
    for exchange in recording["exchanges"].as_array().unwrap() {
        let text = |key: &str| exchange[key].as_str().unwrap();
        if text("who") != "admin" || text("path").contains("customresourcedefinitions/") {
            continue;
        }
        let swap = |path: String, (theirs, ours): &(String, String)| path.replace(theirs, ours);
        let path = tokens.iter().fold(text("path").to_owned(), swap);
        let request = Request::get(path).header(ACCEPT, text("accept"));
        let answer = client.request_text(request.body(Vec::new()).unwrap()).await;
        let expected = exchange["status"].as_u64().unwrap();
        match answer {
            Ok(body) => {
                assert_eq!(expected, 200, "{}", text("path"));
                // Some answers are plain text.
                let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
                let token = |body: &Value| body["metadata"]["continue"].as_str().map(String::from);
                let (theirs, ours) = (token(&exchange["body"]), token(&body));
                assert_eq!(theirs.is_some(), ours.is_some(), "{}", text("path"));
                tokens.extend(theirs.zip(ours).map(|(a, b)| (format!("={a}"), format!("={b}"))));
                let body = normal(body);
                let recorded = normal(exchange["body"].clone());
                assert!(body == recorded, "{} differs:\n{body}\n{recorded}", text("path"));
            }
            Err(kube::Error::Api(status)) => {
                assert_eq!(u64::from(status.code), expected, "{}", text("path"));
                let words = match &exchange["body"] {
                    Value::String(text) => text.trim(),
                    status => status["message"].as_str().unwrap(),
                };
                assert_eq!(status.message, words, "{}", text("path"));
            }
            Err(other) => panic!("{}: {other:?}", text("path")),
        }
        compared += 1;
    }
    compared
}

/// Without hashes and the order of groups and kinds, which the server does not guarantee.
fn normal(mut body: Value) -> Value {
    const KEYS: [&str; 4] = ["groups", "items", "resources", "subresources"];
    if let Value::Object(fields) = &mut body {
        fields.remove("storageVersionHash");
        fields.remove("uid");
        fields.remove("continue");
        let sorted = |(key, value): (String, Value)| match value {
            Value::Array(list) if KEYS.contains(&key.as_str()) => {
                let mut list: Vec<Value> = list.into_iter().map(normal).collect();
                list.sort_by_key(ToString::to_string);
                (key, list.into())
            }
            Value::Array(list) => (key, list.into_iter().map(normal).collect()),
            other => (key, normal(other)),
        };
        let mut fields: Vec<_> = std::mem::take(fields).into_iter().map(sorted).collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        body = fields.into_iter().collect();
    }
    body
}
