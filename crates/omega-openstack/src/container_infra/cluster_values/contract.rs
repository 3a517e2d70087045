//! What Magnum and its simulator must both say of a cluster's values.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a contract is a test")]

use std::{collections::BTreeMap, sync::Arc};

use omega_core::{Delta, Desired as _};
use serde_json::Value;

use super::{ClusterValues, CreateCluster};
use crate::{Method, Request, Service, Transport, container_infra::ContainerInfra, contract::send};

/// The labels of a cluster are those of its template and its own, and Magnum says which are which.
/// `cluster`: the id of a complete cluster in the project that has a label of its own.
///
/// # Panics
///
/// Panics at what is not kept.
pub async fn cluster_values(cloud: Arc<dyn Transport>, cluster: &str) {
    let raw = get(&cloud, &["clusters", cluster]).await;
    let template_id = raw["cluster_template_id"].as_str().expect("an id");
    let template = get(&cloud, &["clustertemplates", template_id]).await;
    let labels = |value: &Value| -> BTreeMap<String, String> {
        serde_json::from_value(value.clone()).expect("labels are text")
    };
    let (all, added) = (labels(&raw["labels"]), labels(&raw["labels_added"]));
    let overridden = labels(&raw["labels_overridden"]);
    let of_template = labels(&template["labels"]);
    assert!(!added.is_empty(), "it has a label of its own");
    for (key, value) in &all {
        let own = added.contains_key(key) || overridden.contains_key(key);
        assert!(own || of_template.get(key) == Some(value), "{key} is whose?");
    }

    let magnum = ContainerInfra::new(Arc::clone(&cloud));
    let one = magnum.cluster(cluster).await.expect("read").expect("it is there");
    assert!(magnum.is_handed_over(&one).await.expect("read"));
    let count = |key: &str| u32::try_from(raw[key].as_u64().expect("a count")).expect("few");
    let values = ClusterValues {
        template: template_id.to_owned(),
        keypair: raw["keypair"].as_str().map(str::to_owned),
        master_count: count("master_count"),
        node_count: count("node_count"),
        labels: all.clone().into_iter().filter(|(key, _)| added.contains_key(key)).collect(),
    };
    assert_eq!(values.differences(&one, template_id), []);
    let differs = |other: ClusterValues, field: &str| {
        let found = other.differences(&one, template_id);
        assert!(matches!(found.as_slice(), [one] if one.field == field), "{field}: {found:?}");
    };
    differs(ClusterValues { node_count: values.node_count + 1, ..values.clone() }, "node_count");
    differs(
        ClusterValues { master_count: values.master_count + 2, ..values.clone() },
        "master_count",
    );
    differs(ClusterValues { labels: BTreeMap::new(), ..values.clone() }, "labels");
    assert_eq!(
        values.differences(&one, "other").first().expect("differs").field,
        "cluster_template_id"
    );

    // It is found by its name, in its template's project.
    let name = raw["name"].as_str().expect("a name");
    let ids = magnum.template_ids(template["name"].as_str().expect("a name")).await.expect("read");
    assert!(ids.iter().any(|id| id == template_id), "{ids:?}");
    let create: CreateCluster = values.creation(name, template_id);
    let seen = create.observe(&magnum).await.expect("read");
    assert_eq!(create.diff(&seen), Ok(Delta::Satisfied));
}

async fn get(cloud: &Arc<dyn Transport>, path: &[&str]) -> Value {
    let request = Request {
        microversion: Some("1.9"),
        ..Request::new(Service::ContainerInfra, Method::Get, path)
    };
    let answer = send(cloud, request).await;
    assert_eq!(answer.status, 200);
    answer.body
}
