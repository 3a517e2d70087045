//! What Magnum and its simulator must both do with cluster templates.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a contract is a test")]

use std::{collections::BTreeMap, sync::Arc};

use omega_core::{Context, ensure, plan};
use serde_json::{Value, json};

use super::{ClusterTemplate, ContainerInfra, TemplateName, TemplateSpec, ensure_cluster_template};
use crate::{Method, Request, Response, Service, Transport, contract::send};

const NAME: &str = "omega-contract-template";

/// A template is created, found again under other spellings, updated, refused, and restored. `spec`:
/// names that the cloud has; it needs Glance, Nova and Neutron in Magnum's region, and an
/// administrator.
///
/// # Panics
///
/// Panics at what is not kept.
pub async fn cluster_templates(cloud: Arc<dyn Transport>, spec: TemplateSpec) {
    let (ctx, magnum) = (Context::default(), ContainerInfra::new(Arc::clone(&cloud)));
    let name: TemplateName = NAME.parse().expect("a name");
    let template = |spec: &TemplateSpec| ClusterTemplate::new(name.clone(), spec.clone());
    remove(&cloud).await; // of a run that was cut short
    let others = magnum.templates().await.expect("listed");
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let spec = TemplateSpec {
        dns_nameserver: Some("192.0.2.53".to_owned()),
        labels: BTreeMap::from([label("octavia_provider", "amphora")]),
        master_lb_enabled: true,
        ..spec
    };

    let planned = plan(&magnum, &template(&spec)).await.expect("planned");
    let away = planned.undo().expect("it can be undone");
    assert!(planned.apply(&ctx, &magnum).await.expect("created").changed());
    let made = one(&cloud).await;
    for (field, wanted) in [
        ("image_id", json!(spec.image)),
        ("external_network_id", json!(spec.external_network)),
        ("flavor_id", json!(spec.flavor)),
        ("network_driver", json!("calico")),
        ("dns_nameserver", json!("192.0.2.53")),
        ("labels", json!({ "octavia_provider": "amphora" })),
        ("master_lb_enabled", json!(true)),
        ("floating_ip_enabled", json!(true)),
        ("public", json!(false)),
        ("server_type", json!("vm")),
        ("volume_driver", Value::Null),
        ("updated_at", Value::Null),
    ] {
        assert_eq!(made[field], wanted, "{field}");
    }
    let again = |spec: TemplateSpec| {
        let (ctx, magnum, template) = (&ctx, &magnum, template(&spec));
        async move { ensure_cluster_template(ctx, magnum, &template).await.expect("ensured").changed() }
    };
    assert!(!again(spec.clone()).await);
    let by_id = TemplateSpec {
        external_network: id_of(&cloud, Service::Network, "networks", &spec.external_network).await,
        flavor: id_of(&cloud, Service::Compute, "flavors", &spec.flavor).await,
        ..spec.clone()
    };
    assert!(by_id.flavor != spec.flavor && !again(by_id).await, "an id names the same");
    assert_eq!(one(&cloud).await, made, "nothing was sent");

    // An update of several fields is one request; what Magnum refuses, it refuses whole.
    let other = TemplateSpec {
        dns_nameserver: None,
        labels: BTreeMap::from([label("boot_volume_size", "20"), label("a \"b\" \\ ü", "'c'")]),
        docker_volume_size: Some(5),
        hidden: true,
        ..spec.clone()
    };
    let planned = plan(&magnum, &template(&other)).await.expect("planned");
    assert_eq!(planned.delta().changes().len(), 1);
    let back = planned.undo().expect("it can be undone");
    assert!(planned.apply(&ctx, &magnum).await.expect("updated").changed());
    let updated = one(&cloud).await;
    assert_eq!(updated["labels"], json!({ "boot_volume_size": "20", "a \"b\" \\ ü": "'c'" }));
    let seen = ["dns_nameserver", "docker_volume_size", "hidden", "uuid"].map(|key| &updated[key]);
    assert_eq!(seen, [&Value::Null, &json!(5), &json!(true), &made["uuid"]]);
    assert!(!again(other).await);
    refusals(&cloud, &updated).await;
    assert!(ensure(&ctx, &magnum, &back).await.expect("restored").changed());
    let restored = one(&cloud).await;
    let passing = ["updated_at"];
    for (field, value) in made.as_object().expect("an object") {
        assert!(passing.contains(&field.as_str()) || restored[field] == *value, "{field}");
    }

    // Another image is a conflict, flannel is not.
    let absent = TemplateSpec { image: "omega-contract-absent".to_owned(), ..spec.clone() };
    plan(&magnum, &template(&absent)).await.expect_err("another image");
    let body = json!([
        { "op": "replace", "path": "/network_driver", "value": "flannel" },
        { "op": "replace", "path": "/master_lb_enabled", "value": false },
    ]);
    assert_eq!(patch(&cloud, &made["uuid"], body).await.status, 200);
    assert!(again(spec.clone()).await);
    assert_eq!(one(&cloud).await["network_driver"], "calico");

    // A twin.
    let mut body = spec.body(NAME);
    body["labels"] = json!({ "a": true, "b": 20 });
    let twin = post(&cloud, body).await;
    assert_eq!(twin.status, 201);
    assert_eq!(twin.body["labels"], json!({ "a": "True", "b": "20" }), "labels are text");
    plan(&magnum, &template(&spec)).await.expect_err("twins");
    ensure(&ctx, &magnum, &away).await.expect_err("which one?");
    assert_eq!(delete(&cloud, &twin.body["uuid"]).await.status, 204);

    assert!(ensure(&ctx, &magnum, &away).await.expect("removed").changed());
    assert!(!ensure(&ctx, &magnum, &away).await.expect("gone").changed());
    assert_eq!(magnum.templates().await.expect("listed"), others, "nothing else was touched");
}

/// What Magnum does not take; the template stays as it is.
async fn refusals(cloud: &Arc<dyn Transport>, template: &Value) {
    let replace =
        |field: &str, value: Value| json!([{ "op": "replace", "path": field, "value": value }]);
    for body in [
        replace("/labels", json!({ "a": "b" })),
        replace("/labels", json!("no literal")),
        replace("/uuid", json!("00000000-0000-4000-8000-000000000000")),
        replace("/flavor_id", json!("omega-contract-absent")),
        replace("/external_network_id", json!("omega-contract-absent")),
        replace("/image_id", json!("omega-contract-absent")),
        replace("/network_driver", json!("cilium")),
        json!([{ "op": "remove", "path": "/network_driver" }]),
        json!([{ "op": "remove", "path": "/image_id" }]),
    ] {
        let answer = patch(cloud, &template["uuid"], body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert_eq!(one(cloud).await, *template, "{body}");
    }
    let absent = json!("00000000-0000-4000-8000-00000000abcd");
    assert_eq!(patch(cloud, &absent, replace("/hidden", json!(true))).await.status, 404);
}

fn at(method: Method, id: &Value) -> Request {
    let id = id.as_str().unwrap_or_default();
    let path: &[&str] =
        if id.is_empty() { &["clustertemplates"] } else { &["clustertemplates", id] };
    Request::new(Service::ContainerInfra, method, path)
}

async fn patch(cloud: &Arc<dyn Transport>, id: &Value, body: Value) -> Response {
    send(cloud, at(Method::Patch, id).body(body)).await
}

async fn post(cloud: &Arc<dyn Transport>, body: Value) -> Response {
    send(cloud, at(Method::Post, &Value::Null).body(body)).await
}

async fn delete(cloud: &Arc<dyn Transport>, id: &Value) -> Response {
    send(cloud, at(Method::Delete, id)).await
}

async fn named(cloud: &Arc<dyn Transport>) -> Vec<Value> {
    let answer = send(cloud, at(Method::Get, &Value::Null)).await;
    let all = answer.body["clustertemplates"].as_array().expect("a list").clone();
    all.into_iter().filter(|one| one["name"] == NAME).collect()
}

/// Returns the template of the name, as Magnum lists it.
async fn one(cloud: &Arc<dyn Transport>) -> Value {
    let all = named(cloud).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

async fn remove(cloud: &Arc<dyn Transport>) {
    for template in named(cloud).await {
        delete(cloud, &template["uuid"]).await;
    }
}

async fn id_of(cloud: &Arc<dyn Transport>, service: Service, plural: &str, name: &str) -> String {
    let answer = send(cloud, Request::new(service, Method::Get, &[plural])).await;
    let all = answer.body[plural].as_array().expect("a list");
    let one = all.iter().find(|one| one["name"] == *name).expect("one of the name");
    one["id"].as_str().expect("an id").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Cloud;

    #[tokio::test]
    async fn the_simulator_keeps_the_contract() {
        let cloud = Cloud::new();
        cloud.add_image("k8s", true);
        let admin = cloud.admin("admin");
        let body = json!({ "network": { "name": "ext", "router:external": true } });
        let request = Request::new(Service::Network, Method::Post, &["networks"]).body(body);
        send(&admin, request).await;
        let spec = TemplateSpec::new("k8s", "ext", "m1.medium", "m1.medium");
        cluster_templates(admin, spec).await;
    }
}
