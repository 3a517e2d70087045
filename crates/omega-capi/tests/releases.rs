//! `read_releases` on recorded answers, against the output of the real helm.

#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "helpers of tests")]

use omega_capi::{
    Error, Management, Namespaces,
    releases::{Release, Releases, read_releases},
    sim::{Apiserver, Fault},
};
use omega_core::Diagnostic as _;
use serde_json::{Value, json};

const OBJECTS: &str = include_str!("../recordings/objects.json");
const PROJECT: &str = "magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1";
const SECRETS: &str = "/api/v1/secrets";

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

fn only(names: &[&str]) -> Namespaces {
    Namespaces::Only(names.iter().map(|name| name.parse().unwrap()).collect())
}

async fn all(apiserver: &Apiserver) -> Releases {
    read_releases(&over(apiserver), &Namespaces::All).await.unwrap()
}

/// A release as `helm list --output json` shows it.
fn as_helm(release: &Release) -> Value {
    let zoned = release.updated.unwrap().to_string().replace('T', " ");
    json!({
        "name": release.name, "namespace": release.namespace.as_str(),
        "revision": release.revision.to_string(), "updated": zoned.replace('Z', " +0000 UTC"),
        "status": release.status.to_string(),
        "chart": format!("{}-{}", release.chart, release.chart_version),
        "app_version": release.app_version.clone().unwrap(),
    })
}

fn sorted(mut list: Vec<Value>) -> Vec<Value> {
    list.sort_by_key(ToString::to_string);
    list
}

#[tokio::test]
async fn it_says_what_helm_says() {
    let recorded: Value = serde_json::from_str(OBJECTS).unwrap();
    let theirs = sorted(recorded["helm list"].as_array().unwrap().clone());
    let found = all(&Apiserver::default()).await;
    assert_eq!(found.unreadable, []);
    let normal = |list: Vec<Value>| -> Vec<Value> {
        let keys = |v: Value| {
            v.as_object().unwrap().clone().into_iter().collect::<std::collections::BTreeMap<_, _>>()
        };
        sorted(list.into_iter().map(|v| json!(keys(v))).collect())
    };
    assert_eq!(normal(found.releases.iter().map(as_helm).collect()), normal(theirs));
    assert_eq!(found.releases.len(), 8);
}

#[tokio::test]
async fn the_newest_revision_is_the_greatest_and_each_namespace_has_its_own() {
    let found = all(&Apiserver::default()).await.releases;
    let c9: Vec<_> = found
        .iter()
        .filter(|release| release.name == "c9-cyusd2b67a45")
        .map(|r| (r.namespace.as_str(), r.revision, r.status.to_string(), r.chart_version.as_str()))
        .collect();
    let expected = [
        (PROJECT, 11, "deployed".to_owned(), "0.25.1"),
        ("magnum-decoy", 1, "failed".to_owned(), "0.10.1"),
    ];
    assert_eq!(c9, expected, "11 is newer than 9, and the namesake is another");
}

#[tokio::test]
async fn only_what_is_needed_is_asked_for() {
    let apiserver = Apiserver::default();
    let management = over(&apiserver);
    let found = read_releases(&management, &only(&[PROJECT, "nosuch"])).await.unwrap();
    let names: Vec<_> = found.releases.iter().map(|r| (r.name.as_str(), r.revision)).collect();
    let expected =
        [("c10-b3mdwq5cz7lx", 2), ("c11-pending", 1), ("c12-gone", 1), ("c9-cyusd2b67a45", 11)];
    assert_eq!(names, expected);
    assert_eq!(management.requests(), 6, "two lists and the newest revision of four releases");
    let asked = apiserver.requested();
    assert!(!asked.iter().any(|path| path.contains("cloud-credentials")), "{asked:?}");
    assert!(!asked.iter().any(|path| path.contains("45.v10")), "{asked:?}");
    let none = read_releases(&management, &only(&[])).await.unwrap();
    assert_eq!(none, Releases::default());
}

#[tokio::test]
async fn one_that_cannot_be_read_hides_no_other() {
    let apiserver = Apiserver::default();
    let release = |name: &str, data: Value| {
        json!({
            "metadata": {
                "name": format!("sh.helm.release.v1.{name}.v12"), "namespace": PROJECT,
                "labels": {"owner": "helm"},
            },
            "type": "helm.sh/release.v1", "data": data,
        })
    };
    apiserver.put(SECRETS, release("c9-cyusd2b67a45", json!({"release": "bm90aGluZw=="})));
    apiserver.put(SECRETS, release("empty", Value::Null));
    let other = r"H4sIAAAAAAAA/w==";
    apiserver.put(SECRETS, release("odd", json!({"release": other})));
    let found = all(&apiserver).await;
    let why: Vec<_> = found.unreadable.iter().map(|u| (u.name.as_str(), u.why.as_str())).collect();
    let expected = [
        ("c9-cyusd2b67a45", "it is not base64 of base64"),
        ("empty", "it is empty"),
        ("odd", "it is not base64 of base64"),
    ];
    assert_eq!(why, expected);
    assert_eq!(found.releases.len(), 7, "all but the one that has a newer, unreadable revision");
}

#[tokio::test]
async fn a_release_under_anothers_name_is_not_believed() {
    let apiserver = Apiserver::default();
    let recorded: Value = serde_json::from_str(OBJECTS).unwrap();
    let items = recorded["exchanges"][0]["body"]["items"].as_array().unwrap();
    let c12 = items.iter().find(|i| i["metadata"]["name"] == "sh.helm.release.v1.c12-gone.v1");
    let mut copy = c12.unwrap().clone();
    copy["metadata"]["name"] = "sh.helm.release.v1.c12-copy.v1".into();
    apiserver.put(SECRETS, copy);
    let found = all(&apiserver).await;
    assert_eq!(found.unreadable.len(), 1);
    assert_eq!(found.unreadable[0].why, "it holds another release");
    assert!(found.releases.iter().any(|release| release.name == "c12-gone"));
}

#[tokio::test]
async fn nothing_of_its_values_is_kept() {
    let found = all(&Apiserver::default()).await;
    let shown = format!("{found:?} {}", serde_json::to_string(&found).unwrap());
    assert!(!shown.contains("not-for-anybodys-eyes"), "{shown}");
}

#[tokio::test]
async fn a_missing_right_is_named_with_its_namespace() {
    let apiserver = Apiserver::default();
    apiserver.fail(Fault::Nobody);
    let error = read_releases(&over(&apiserver), &only(&[PROJECT])).await.unwrap_err();
    match &error {
        Error::Forbidden { verb, resource, .. } => {
            assert_eq!((verb.as_str(), resource), ("list", &format!("secrets in {PROJECT}")));
        }
        other => panic!("{other:?}"),
    }
    let words = error.found().unwrap();
    assert!(words.contains("cannot list resource \"secrets\""), "{words}");
}
