use std::{fmt, marker::PhantomData, sync::Arc};

use omega_core::Label;

use super::wire::{Assignment, Domain, User};
use crate::{Admin, Error, Method, Request, Scope, Service, Transport, answer::list};

/// Keystone, with a token of scope `S`.
#[derive(Clone)]
pub struct Identity<S: Scope = Admin> {
    pub(super) transport: Arc<dyn Transport>,
    scope: PhantomData<S>,
}

impl Identity<Admin> {
    /// Returns a client for what an administrator may ask.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, scope: PhantomData }
    }

    /// Returns the domain of that name; Keystone keeps the names of domains unique.
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

    /// Returns who has which role on the domain. A domain that is not there has none.
    pub(crate) async fn assignments(&self, domain_id: &str) -> Result<Vec<Assignment>, Error> {
        let request = Request::new(Service::Identity, Method::Get, &["role_assignments"])
            .query("scope.domain.id", domain_id)
            .query("include_names", "true");
        list(&*self.transport, request, "role_assignments").await
    }
}

impl<S: Scope> Label for Identity<S> {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl<S: Scope> fmt::Debug for Identity<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.label()).finish()
    }
}
