use std::{fmt, sync::Arc};

use omega_core::Label;

use super::wire::LoadBalancer;
use crate::{
    Error, Method, Request, Service, Transport,
    service_response::{list, send},
};

/// Octavia.
#[derive(Clone)]
pub struct LoadBalancers {
    transport: Arc<dyn Transport>,
}

impl LoadBalancers {
    /// Returns a client for the project that `transport`'s token is scoped to.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Returns the load balancers of the project only. (An administrator's token sees those of every
    /// project.)
    ///
    /// # Errors
    ///
    /// Fails if Octavia does not answer or does not permit it: the token needs the role
    /// `load-balancer_member`.
    pub async fn list(&self) -> Result<Vec<LoadBalancer>, Error> {
        of_project(&*self.transport).await
    }

    /// Deletes it with its listeners, pools and monitors, and the port of its address.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Error> {
        let path = ["lbaas", "loadbalancers", id];
        let request =
            Request::new(Service::LoadBalancer, Method::Delete, &path).query("cascade", "true");
        send(&*self.transport, request).await
    }
}

/// Returns the load balancers of the project that the token is scoped to.
pub(crate) async fn of_project(transport: &dyn Transport) -> Result<Vec<LoadBalancer>, Error> {
    let project = transport.token_info().await?.project;
    let project = project.ok_or_else(|| Error::NoProject(transport.label()))?.id;
    of(transport, &project).await
}

/// Returns the load balancers of the project with the id.
pub(crate) async fn of(
    transport: &dyn Transport,
    project: &str,
) -> Result<Vec<LoadBalancer>, Error> {
    let request = Request::new(Service::LoadBalancer, Method::Get, &["lbaas", "loadbalancers"])
        .query("project_id", project);
    let mut all: Vec<LoadBalancer> = list(transport, request, "loadbalancers").await?;
    all.retain(|one| one.project_id == project);
    Ok(all)
}

impl Label for LoadBalancers {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for LoadBalancers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadBalancers").field(&self.label()).finish()
    }
}
