use std::{fmt, marker::PhantomData, sync::Arc};

use omega_core::Label;
use serde_json::json;

use super::wire::{Group, NewRule, Spec};
use crate::{
    Error, Method, Project, Request, Scope, Service, Transport,
    answer::{list, send},
};

/// Neutron, with a token of scope `S`.
#[derive(Clone)]
pub struct Network<S: Scope = Project> {
    transport: Arc<dyn Transport>,
    scope: PhantomData<S>,
}

impl Network<Project> {
    /// Returns a client for the project that `transport`'s token is scoped to.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, scope: PhantomData }
    }

    /// Returns the id of the project.
    ///
    /// # Errors
    ///
    /// Fails if there is no token or it has no project.
    pub async fn project_id(&self) -> Result<String, Error> {
        let project = self.transport.grant().await?.project;
        project.map(|project| project.id).ok_or_else(|| Error::NoProject(self.label()))
    }

    /// Returns the groups of this project that have exactly this name, with their rules.
    ///
    /// An administrator's token sees every project's groups, and other projects share theirs:
    /// both the query and the answer are held to this project.
    pub(crate) async fn groups(&self, name: &str) -> Result<Vec<Group>, Error> {
        let project = self.project_id().await?;
        let request = Request::new(Service::Network, Method::Get, &["security-groups"])
            .query("name", name)
            .query("project_id", &project);
        let mut groups: Vec<Group> = list(&*self.transport, request, "security_groups").await?;
        groups.retain(|g| g.name == name && g.project_id.as_ref().is_none_or(|id| *id == project));
        Ok(groups)
    }

    pub(crate) async fn create_rule(
        &self,
        group_id: &str,
        spec: &Spec,
        description: &str,
    ) -> Result<(), Error> {
        let rule = NewRule { security_group_id: group_id, description, spec };
        let request = Request::new(Service::Network, Method::Post, &["security-group-rules"])
            .body(json!({ "security_group_rule": rule }));
        send(&*self.transport, request).await
    }

    pub(crate) async fn delete_rule(&self, id: &str) -> Result<(), Error> {
        let path = ["security-group-rules", id];
        send(&*self.transport, Request::new(Service::Network, Method::Delete, &path)).await
    }
}

impl<S: Scope> Label for Network<S> {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl<S: Scope> fmt::Debug for Network<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Network").field(&self.label()).finish()
    }
}
