//! Discovery documents, derived from the current definitions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::served::age;

/// The verbs of every custom resource, in kube-apiserver's order.
const VERBS: [&str; 8] =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const SUBRESOURCE_VERBS: [&str; 3] = ["get", "patch", "update"];

/// Returns the definitions by group and served version, newest first.
pub(super) fn served(crds: &[Value]) -> BTreeMap<&str, Vec<(&str, Vec<&Value>)>> {
    let mut groups: BTreeMap<&str, Vec<(&str, Vec<&Value>)>> = BTreeMap::new();
    for crd in crds {
        let group = groups.entry(text(&crd["spec"]["group"])).or_default();
        for version in list(&crd["spec"]["versions"]) {
            if version["served"] != true {
                continue;
            }
            let name = text(&version["name"]);
            match group.iter_mut().find(|(version, _)| *version == name) {
                Some((_, crds)) => crds.push(crd),
                None => group.push((name, vec![crd])),
            }
        }
    }
    groups.retain(|_, versions| !versions.is_empty());
    for versions in groups.values_mut() {
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(age(version)));
    }
    groups
}

/// Returns an entry of `APIGroupList`.
pub(super) fn group(name: &str, versions: &[(&str, Vec<&Value>)]) -> Value {
    let one =
        |version: &str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(|(version, _)| one(version)).collect();
    json!({"name": name, "preferredVersion": versions.first(), "versions": versions})
}

/// Returns an entry of `APIGroupDiscoveryList`.
pub(super) fn aggregated(name: &str, versions: &[(&str, Vec<&Value>)]) -> Value {
    let version = |(version, crds): &(&str, Vec<&Value>)| {
        let resources: Vec<Value> = crds.iter().map(|crd| resource(crd, name, version)).collect();
        json!({"version": version, "freshness": "Current", "resources": resources})
    };
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({"metadata": {"name": name}, "versions": versions})
}

fn resource(crd: &Value, group: &str, version: &str) -> Value {
    let names = &crd["spec"]["names"];
    let mut resource = json!({
        "resource": names["plural"],
        "responseKind": {"group": group, "version": version, "kind": names["kind"]},
        "scope": crd["spec"]["scope"],
        "singularResource": names["singular"],
        "verbs": VERBS,
    });
    copy_optional_names(names, &mut resource);
    let parts: Vec<Value> = parts(crd, version)
        .map(|part| {
            let (group, version, kind) = match part {
                "scale" => ("autoscaling", "v1", "Scale"),
                _ => (group, version, text(&names["kind"])),
            };
            json!({
                "subresource": part,
                "responseKind": {"group": group, "version": version, "kind": kind},
                "verbs": SUBRESOURCE_VERBS,
            })
        })
        .collect();
    if !parts.is_empty() {
        resource["subresources"] = parts.into();
    }
    resource
}

/// Returns the answer to `GET /apis/<group>/<version>`.
pub(super) fn resources(group: &str, version: &str, crds: &[&Value]) -> Value {
    let mut resources = Vec::new();
    for crd in crds {
        let names = &crd["spec"]["names"];
        let namespaced = crd["spec"]["scope"] == "Namespaced";
        let mut whole = json!({
            "name": names["plural"], "singularName": names["singular"], "namespaced": namespaced,
            "kind": names["kind"], "verbs": VERBS,
        });
        copy_optional_names(names, &mut whole);
        resources.push(whole);
        for part in parts(crd, version) {
            let name = format!("{}/{part}", text(&names["plural"]));
            let mut one = json!({
                "name": name, "singularName": "", "namespaced": namespaced,
                "kind": names["kind"], "verbs": SUBRESOURCE_VERBS,
            });
            if part == "scale" {
                one["group"] = "autoscaling".into();
                one["version"] = "v1".into();
                one["kind"] = "Scale".into();
            }
            resources.push(one);
        }
    }
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": format!("{group}/{version}"), "resources": resources,
    })
}

fn copy_optional_names(names: &Value, into: &mut Value) {
    for key in ["shortNames", "categories"] {
        if !names[key].is_null() {
            into[key] = names[key].clone();
        }
    }
}

/// Returns the subresources of a version.
fn parts<'a>(crd: &'a Value, version: &str) -> impl Iterator<Item = &'static str> + use<'a> {
    let find = |v: &&Value| v["name"] == version;
    let versions = list(&crd["spec"]["versions"]);
    let subresources = versions.iter().find(find).map_or(&Value::Null, |v| &v["subresources"]);
    ["status", "scale"].into_iter().filter(move |part| !subresources[*part].is_null())
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
