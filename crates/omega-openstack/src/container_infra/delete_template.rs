//! Ensures that a cluster template does not exist.

use std::time::Duration;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};

use super::{ContainerInfra, TemplateObserved, delete_cluster::may_still_appear};
use crate::{Error, service_response::deleted};

/// The project has no cluster template of this name.
///
/// Magnum refuses to delete a template that a cluster uses. If that cluster is being deleted, the
/// operation waits for it; otherwise it refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteTemplate {
    name: String,
    /// Its id. If set, other objects with the same name are not changed.
    id: Option<String>,
    /// When its creation was requested, if it has not been observed yet.
    asked_after: Option<Timestamp>,
}

impl DeleteTemplate {
    /// Returns the fact that no template has the name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), id: None, asked_after: None }
    }

    pub(super) fn asked_for(name: &str, after: Timestamp) -> Self {
        Self { asked_after: Some(after), ..Self::named(name) }
    }

    pub(super) fn known(name: &str, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::named(name) }
    }
}

/// `DELETE /v1/clustertemplates/{id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateDeletion {
    name: String,
    id: String,
}

impl Desired for DeleteTemplate {
    const KIND: &'static str = "openstack.no-cluster-template.v1";
    type Target = ContainerInfra;
    type Observed = TemplateObserved;
    type Change = TemplateDeletion;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("cluster template", &self.name)
    }

    fn key(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, magnum: &ContainerInfra) -> Result<TemplateObserved, Error> {
        magnum.templates_named(&self.name).await
    }

    fn diff(&self, seen: &TemplateObserved) -> Result<Delta<TemplateDeletion>, Conflict> {
        let ours =
            seen.templates.iter().filter(|one| self.id.as_ref().is_none_or(|id| *id == one.uuid));
        let ours: Vec<_> = ours.collect();
        let used = |one: &&super::Cluster| ours.iter().any(|t| t.uuid == one.cluster_template_id);
        if let Some(user) = seen.users.iter().find(used) {
            let why = format!("cluster {} uses it: {}", user.name, user.status_text());
            if user.is_being_deleted() {
                return Ok(Delta::Wait(why));
            }
            let next =
                format!("delete the cluster first: openstack coe cluster delete {}", user.uuid);
            return Err(Conflict::new(why, next));
        }
        if ours.is_empty() && may_still_appear(self.asked_after, seen.at) {
            return Ok(Delta::Wait("Magnum may still be creating it".to_owned()));
        }
        let deletion = |one: &super::Template| TemplateDeletion {
            name: one.name.clone(),
            id: one.uuid.clone(),
        };
        Ok(Delta::of(ours.into_iter().map(deletion).collect()))
    }

    async fn apply(
        &self,
        _: &Context,
        magnum: &ContainerInfra,
        change: &TemplateDeletion,
    ) -> Result<(), Error> {
        deleted(magnum.delete_template(&change.id).await)
    }

    /// A cluster that uses it may still be in deletion.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(5), Duration::from_mins(15))
    }
}

impl Describe for TemplateDeletion {
    fn describe(&self) -> Diff {
        let subject = Subject::new("cluster template", &self.name);
        Diff::new(ChangeKind::Delete, subject, format!("was {}", self.id))
    }
}
