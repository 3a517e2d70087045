//! The values of a cluster, compared with those of one that exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cluster, ClusterFields, CreateCluster, FieldDifference};

#[cfg(any(test, feature = "sim"))]
pub(crate) mod contract;

/// The values of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterValues {
    /// Its template, by name or id.
    pub template: String,
    /// The key pair of the user who logs in. None: Magnum takes that of the template.
    #[serde(default)]
    pub keypair: Option<String>,
    /// Machines of the control plane: 1, 3 or 5.
    pub master_count: u32,
    /// Workers.
    pub node_count: u32,
    /// Labels beside those of the template.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A text that is no name for a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cluster's name begins with a letter, has letters, digits, `_`, `.` and `-`, and at most 242 of \
     them: {0:?}"
)]
pub struct InvalidClusterName(String);

/// Checks that Magnum accepts the text as the name of a cluster (18.0.1,
/// `api/controllers/v1/cluster.py`).
///
/// # Errors
///
/// Quotes what it does not accept.
pub fn is_cluster_name(text: &str) -> Result<(), InvalidClusterName> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let good = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= 242
        && text.bytes().all(plain);
    if good { Ok(()) } else { Err(InvalidClusterName(text.chars().take(80).collect())) }
}

impl ClusterValues {
    /// Returns what creates the cluster `name` with the template of that id.
    pub fn creation(&self, name: &str, template_id: &str) -> CreateCluster {
        let Self { template: _, keypair, master_count, node_count, labels } = self.clone();
        let (name, template) = (name.to_owned(), template_id.to_owned());
        CreateCluster { name, template, keypair, master_count, node_count, labels }
    }

    /// Returns the fields in which `one` differs. A value that Magnum does not report does not.
    pub fn differences(&self, one: &Cluster, template_id: &str) -> Vec<FieldDifference> {
        let ClusterFields { keypair, master_count, node_count, .. } = &one.fields;
        let mut all = Vec::new();
        let mut compare = |field: &str, stored: Value, wanted: Value| {
            if !stored.is_null() && stored != wanted {
                all.push(FieldDifference::new(field, stored, wanted));
            }
        };
        compare("cluster_template_id", json!(one.cluster_template_id), json!(template_id));
        if self.keypair.is_some() {
            compare("keypair", json!(keypair), json!(self.keypair));
        }
        compare("master_count", json!(master_count), json!(self.master_count));
        compare("node_count", json!(node_count), json!(self.node_count));
        all.extend(self.labels(&one.fields));
        all
    }

    /// Compares the labels that are not the template's. Magnum returns numbers and booleans as text.
    fn labels(&self, fields: &ClusterFields) -> Option<FieldDifference> {
        let labels = fields.labels.as_ref()?;
        let none = BTreeMap::new();
        let added = fields.labels_added.as_ref().unwrap_or(&none).keys();
        let own = added.chain(fields.labels_overridden.as_ref().unwrap_or(&none).keys());
        let keys = own.chain(self.labels.keys());
        let stored: serde_json::Map<_, _> =
            keys.filter_map(|key| Some((key.clone(), labels.get(key)?.clone()))).collect();
        let difference = FieldDifference::new("labels", Value::Object(stored), json!(self.labels));
        (!difference.is_none()).then_some(difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        container_infra::{ContainerInfra, CreateTemplate, TemplateSpec},
        sim::Cloud,
    };

    #[tokio::test]
    async fn the_simulator_merges_labels_as_magnum_does() {
        let cloud = Cloud::new();
        cloud.add_image("k8s", true);
        let magnum = ContainerInfra::new(cloud.admin("mgmt"));
        let labels = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let spec = TemplateSpec::new("k8s", "public", "m1.medium", "m1.medium");
        let spec = TemplateSpec { labels: labels(&[("a", "1"), ("b", "1")]), ..spec };
        let template = CreateTemplate { name: "t".into(), spec };
        let ctx = omega_core::Context::default();
        omega_core::ensure(&ctx, &magnum, &template).await.unwrap();
        let values = ClusterValues {
            template: "t".into(),
            keypair: Some("op".into()),
            master_count: 1,
            node_count: 1,
            labels: labels(&[("own", "yes")]),
        };
        let id = magnum.template_ids("t").await.unwrap().remove(0);
        let created = omega_core::ensure(&ctx, &magnum, &values.creation("c", &id)).await.unwrap();
        let cluster = created.into_observed().clusters.remove(0);
        while magnum.cluster(&cluster.uuid).await.unwrap().unwrap().is_being_created() {}
        contract::cluster_values(cloud.admin("mgmt"), &cluster.uuid).await;
    }

    #[test]
    fn names_are_magnums() {
        for good in ["c", "capi-test-1", "C_1.x"] {
            assert_eq!(is_cluster_name(good), Ok(()), "{good}");
        }
        for bad in ["", "1c", "-c", "c d", "é", &"c".repeat(243)] {
            assert!(is_cluster_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_value_is_compared() {
        let labels = |all: &[(&str, &str)]| {
            all.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect()
        };
        let values = ClusterValues {
            template: "t".into(),
            keypair: Some("op".into()),
            master_count: 1,
            node_count: 2,
            labels: BTreeMap::from([("a".to_owned(), "true".to_owned())]),
        };
        let fields = ClusterFields {
            keypair: Some("op".into()),
            master_count: Some(1),
            node_count: Some(2),
            labels: Some(labels(&[("a", "True"), ("of-the-template", "x")])),
            labels_added: Some(labels(&[("a", "True")])),
            ..ClusterFields::default()
        };
        let same = Cluster { fields, ..Cluster::new("u", "c", "id-of-t") };
        assert_eq!(values.differences(&same, "id-of-t"), []);
        // What Magnum does not report is not compared.
        assert_eq!(values.differences(&Cluster::new("u", "c", "id-of-t"), "id-of-t"), []);
        let other = ClusterFields {
            keypair: Some("other".into()),
            master_count: Some(3),
            node_count: Some(1),
            labels: Some(labels(&[("a", "false"), ("b", "1")])),
            labels_added: Some(labels(&[("a", "false")])),
            labels_overridden: Some(labels(&[("b", "2")])),
        };
        let other = Cluster { fields: other, ..Cluster::new("u", "c", "id-of-u") };
        let all = values.differences(&other, "id-of-t");
        let all: Vec<_> = all.iter().flat_map(FieldDifference::values).collect();
        let lines: Vec<_> = all
            .iter()
            .map(|(name, found, wanted)| format!("{name}: {found} -> {wanted}"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        cluster_template_id: id-of-u -> id-of-t
        keypair: other -> op
        master_count: 3 -> 1
        node_count: 1 -> 2
        label a: false -> true
        label b: 1 -> none
        ");
    }
}
