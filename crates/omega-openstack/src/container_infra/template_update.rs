//! One PATCH of a cluster template.

use omega_core::{ChangeKind, Describe, Diff, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cluster, ContainerInfra, Template, template_spec::FieldDifference};
use crate::Error;

/// `PATCH /v1/clustertemplates/{id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUpdate {
    id: String,
    name: String,
    fields: Vec<FieldDifference>,
}

impl TemplateUpdate {
    /// Returns the updates that give `template` what it should have. None if the clusters that use
    /// it, `users`, do not permit that.
    ///
    /// While a cluster uses it, Magnum permits an update of one field, and only of these (18.0.1,
    /// `db/sqlalchemy/api.py`, `_is_publishing_cluster_template`; its name and tags too).
    pub(super) fn all(
        template: &Template,
        fields: &[FieldDifference],
        users: &[&Cluster],
    ) -> Option<Vec<Self>> {
        let update = |fields: &[FieldDifference]| Self {
            id: template.uuid.clone(),
            name: template.name.clone(),
            fields: fields.to_vec(),
        };
        if fields.is_empty() {
            return Some(Vec::new());
        }
        if users.is_empty() {
            return Some(vec![update(fields)]);
        }
        let is_permitted = |one: &FieldDifference| match one.field.as_str() {
            "public" => one.wanted == true,
            "hidden" => true,
            _ => false,
        };
        let permitted = fields.iter().all(is_permitted);
        permitted.then(|| fields.chunks(1).map(update).collect())
    }

    pub(super) async fn send(&self, magnum: &ContainerInfra) -> Result<(), Error> {
        let patch: Value = self.fields.iter().map(FieldDifference::patch).collect();
        magnum.update_template(&self.id, json!(patch)).await
    }
}

/// Returns what a conflict says of clusters that use a template.
pub(super) fn in_use(users: &[&Cluster]) -> String {
    let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
    let (what, verb) = if users.len() == 1 { ("cluster", "uses") } else { ("clusters", "use") };
    format!(
        "{what} {} {verb} it, and Magnum then changes nothing but public (to true) and hidden",
        names.join(", ")
    )
}

impl Describe for TemplateUpdate {
    fn describe(&self) -> Diff {
        let subject = Subject::new("cluster template", &self.name);
        let values = self.fields.iter().flat_map(FieldDifference::values);
        let lines = values.map(|(name, stored, wanted)| format!("{name}: {stored} -> {wanted}"));
        let lines: Vec<_> = lines.collect();
        match lines.as_slice() {
            [one] => Diff::new(ChangeKind::Update, subject, one),
            many => {
                let diff = Diff::new(ChangeKind::Update, subject, format!("{} values", many.len()));
                many.iter().fold(diff, Diff::with)
            }
        }
    }
}
