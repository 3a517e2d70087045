//! Ensures that a cluster template is as it was before omega created or changed it.

use omega_core::{
    Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject, shell_word,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Cluster, ContainerInfra, DeleteTemplate, Template, TemplateDeletion, TemplateName,
    TemplateObserved, TemplateSpec,
    template_references::Reference,
    template_spec::FieldDifference,
    template_update::{TemplateUpdate, in_use},
};
use crate::Error;

/// A cluster template as it was: absent, or with these values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreTemplate {
    name: TemplateName,
    was: TemplateBefore,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TemplateBefore {
    /// There was none. One that still is what was created is removed, and no other.
    Absent { created: TemplateSpec },
    /// The one with the id had these values; null for none.
    Fields { id: String, fields: Map<String, Value> },
}

impl RestoreTemplate {
    pub(super) fn absent(name: &TemplateName, created: &TemplateSpec) -> Self {
        Self { name: name.clone(), was: TemplateBefore::Absent { created: created.clone() } }
    }

    pub(super) fn fields(name: &TemplateName, id: &str, changed: Vec<FieldDifference>) -> Self {
        let fields = changed.into_iter().map(|one| (one.field, one.stored)).collect();
        Self { name: name.clone(), was: TemplateBefore::Fields { id: id.to_owned(), fields } }
    }

    fn changed_since(&self, one: &Template, differences: &[FieldDifference]) -> Conflict {
        let why = format!("cluster template {} ({}) was changed since", self.name, one.uuid);
        let next = format!(
            "undo what changed it first (omega-cli runs), or delete it: openstack coe cluster \
             template delete {}",
            one.uuid
        );
        Reference::shown(&[], differences, Conflict::new(why, next))
    }

    fn removal(
        &self,
        created: &TemplateSpec,
        seen: &TemplateObserved,
    ) -> Result<Delta<RestoredTemplate>, Conflict> {
        let one = match seen.templates.as_slice() {
            [] => return Ok(Delta::Satisfied),
            [one] => one,
            many => return Err(several(&self.name, many)),
        };
        let differences = created.differences(one);
        if !differences.is_empty() {
            return Err(self.changed_since(one, &differences));
        }
        let deletion = DeleteTemplate::known(&one.name, &one.uuid).diff(seen)?;
        Ok(match deletion {
            Delta::Wait(why) => Delta::Wait(why),
            Delta::Blocked { by, .. } => return Err(by),
            Delta::Satisfied => Delta::Satisfied,
            Delta::Changes(all) => {
                Delta::Changes(all.into_iter().map(RestoredTemplate::Delete).collect())
            }
        })
    }
}

/// Returns the conflict of several templates of one name.
pub(super) fn several(name: &TemplateName, all: &[Template]) -> Conflict {
    let ids: Vec<_> = all.iter().map(|one| one.uuid.as_str()).collect();
    let why = format!("{} cluster templates of the project are named {name}", all.len());
    let next = "delete all but one: openstack coe cluster template delete ID";
    Conflict::new(why, next).seen("one cluster template", ids.join(", "))
}

/// One write to Magnum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RestoredTemplate {
    /// `DELETE /v1/clustertemplates/{id}`
    Delete(TemplateDeletion),
    /// `PATCH /v1/clustertemplates/{id}`
    Update(TemplateUpdate),
}

impl Desired for RestoreTemplate {
    const KIND: &'static str = "openstack.restored-cluster-template.v1";
    type Target = ContainerInfra;
    type Observed = TemplateObserved;
    type Change = RestoredTemplate;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("cluster template", self.name.to_string())
    }

    fn key(&self) -> String {
        self.name.to_string()
    }

    async fn observe(&self, magnum: &ContainerInfra) -> Result<TemplateObserved, Error> {
        magnum.templates_named(self.name.as_ref()).await
    }

    fn diff(&self, seen: &TemplateObserved) -> Result<Delta<RestoredTemplate>, Conflict> {
        let (id, fields) = match &self.was {
            TemplateBefore::Absent { created } => return self.removal(created, seen),
            TemplateBefore::Fields { id, fields } => (id, fields),
        };
        let name = &self.name;
        let Some(one) = seen.templates.iter().find(|one| one.uuid == *id) else {
            let why = format!("cluster template {name} ({id}) does not exist any more");
            let next = format!(
                "create it anew: omega-cli ensure-cluster-template --name {}",
                shell_word(name.as_ref())
            );
            return Err(Conflict::new(why, next));
        };
        let fields = fields
            .iter()
            .map(|(field, was)| FieldDifference::new(field, one.value(field), was.clone()));
        let fields: Vec<_> = fields.filter(|one| !one.is_none()).collect();
        let users: Vec<&Cluster> = seen.users_of(one);
        let updates = TemplateUpdate::all(one, &fields, &users).ok_or_else(|| {
            let why = format!("cluster template {name} ({id}): {}", in_use(&users));
            Conflict::new(why, "delete the clusters first")
        })?;
        Ok(Delta::of(updates.into_iter().map(RestoredTemplate::Update).collect()))
    }

    async fn apply(
        &self,
        ctx: &Context,
        magnum: &ContainerInfra,
        change: &RestoredTemplate,
    ) -> Result<(), Error> {
        match change {
            RestoredTemplate::Delete(deletion) => {
                DeleteTemplate::named(self.name.as_ref()).apply(ctx, magnum, deletion).await
            }
            RestoredTemplate::Update(update) => update.send(magnum).await,
        }
    }

    /// A cluster that uses it may still be in deletion.
    fn poll_policy(&self) -> PollPolicy {
        DeleteTemplate::named(self.name.as_ref()).poll_policy()
    }
}

impl Describe for RestoredTemplate {
    fn describe(&self) -> Diff {
        match self {
            Self::Delete(deletion) => deletion.describe(),
            Self::Update(update) => update.describe(),
        }
    }
}
