use std::{fmt, sync::Arc};

use omega_core::Label;

use super::wire::{Assignment, Domain, User};
use crate::{Error, Method, Request, Service, Transport, service_response::list};

/// Keystone.
#[derive(Clone)]
pub struct Identity {
    pub(super) transport: Arc<dyn Transport>,
}

impl Identity {
    /// Returns a client for requests that need an administrator.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Returns the domain of that name. Names of domains are unique.
    pub(crate) async fn domain(&self, name: &str) -> Result<Option<Domain>, Error> {
        let request =
            Request::new(Service::Identity, Method::Get, &["domains"]).query("name", name);
        let domains: Vec<Domain> = list(&*self.transport, request, "domains").await?;
        Ok(domains.into_iter().find(|domain| domain.name == name))
    }

    pub(crate) async fn user(&self, name: &str, domain_id: &str) -> Result<Option<User>, Error> {
        let request = Request::new(Service::Identity, Method::Get, &["users"])
            .query("domain_id", domain_id)
            .query("name", name);
        let users: Vec<User> = list(&*self.transport, request, "users").await?;
        Ok(users.into_iter().find(|user| user.name == name && user.domain_id == domain_id))
    }

    /// Returns the role assignments on the domain. A missing domain has none.
    pub(crate) async fn assignments(&self, domain_id: &str) -> Result<Vec<Assignment>, Error> {
        let request = Request::new(Service::Identity, Method::Get, &["role_assignments"])
            .query("scope.domain.id", domain_id)
            .query("include_names", "true");
        list(&*self.transport, request, "role_assignments").await
    }
}

impl Label for Identity {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.label()).finish()
    }
}
