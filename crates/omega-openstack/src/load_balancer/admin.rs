//! Octavia, with an administrator's token.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use omega_core::Label;

use super::{Amphora, LoadBalancer};
use crate::{
    Error, Method, RefusalReason, Request, Service, TokenInfo, Transport,
    service_response::{fetch, list, list_at, send},
};

/// The roles that Octavia takes for an administrator's (octavia 14, `octavia/policies/base.py` and
/// `advanced_rbac.py`: `load-balancer:admin`), which `octavia/policies/loadbalancer.py` requires for a
/// failover and `octavia/policies/amphora.py` for amphorae. They count in a project
/// (`scope_types=[project]`).
const ADMIN_ROLES: [&str; 2] = ["admin", "load-balancer_admin"];

/// Octavia, for who may fail over load balancers of any project: the token has the role `admin` or
/// `load-balancer_admin` in its project.
#[derive(Clone)]
pub struct LoadBalancerAdmin {
    pub(super) transport: Arc<dyn Transport>,
    /// The load balancers of which Octavia has accepted a failover from this client, as they were before.
    sent: Arc<Mutex<BTreeMap<String, LoadBalancer>>>,
}

impl LoadBalancerAdmin {
    /// Returns a client, if the token of `transport` has one of the roles.
    ///
    /// # Errors
    ///
    /// [`Error::LacksRole`] if it has none of them, [`Error::NoProject`] if it is not scoped to a
    /// project, [`Error::Login`] if there is no token.
    pub async fn new(transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let admin = Self::unchecked(transport);
        admin.check_role().await?;
        Ok(admin)
    }

    /// Returns a client for a stored fact. The role is checked when it is first used.
    pub(crate) fn unchecked(transport: Arc<dyn Transport>) -> Self {
        Self { transport, sent: Arc::default() }
    }

    /// Checks the roles that Keystone returned with the token. Nothing is sent to Octavia.
    pub(super) async fn check_role(&self) -> Result<(), Error> {
        let holds =
            |token: &TokenInfo| token.roles.iter().any(|role| ADMIN_ROLES.contains(&role.as_str()));
        let mut token = self.transport.token_info().await?;
        if token.project.is_none() {
            return Err(Error::NoProject(self.label()));
        }
        if !holds(&token) {
            token = self.transport.current_token_info().await?;
        }
        if holds(&token) {
            return Ok(());
        }
        Err(Error::LacksRole {
            cloud: self.label(),
            user: token.user.name,
            what: "failovers and amphorae".to_owned(),
            needs: ADMIN_ROLES.map(str::to_owned).into(),
            has: token.roles,
        })
    }

    /// Returns the load balancers with this id, or else those of this name, of every project.
    ///
    /// # Errors
    ///
    /// Fails if Octavia does not answer or refuses.
    pub async fn find(&self, name_or_id: &str) -> Result<Vec<LoadBalancer>, Error> {
        let collection = ["lbaas", "loadbalancers"];
        if is_id(name_or_id) {
            let path = [collection[0], collection[1], name_or_id];
            let request = Request::new(Service::LoadBalancer, Method::Get, &path);
            match fetch(&*self.transport, request, "loadbalancer").await {
                Ok(one) => return Ok(vec![one]),
                // An id may be another load balancer's name.
                Err(error) if error.reason() == Some(RefusalReason::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let request = Request::new(Service::LoadBalancer, Method::Get, &collection);
        let request = request.query("name", name_or_id);
        let mut all: Vec<LoadBalancer> = list(&*self.transport, request, "loadbalancers").await?;
        all.retain(|one| one.name == name_or_id);
        Ok(all)
    }

    /// Returns the amphorae of the load balancer with the id, and Octavia's time.
    ///
    /// # Errors
    ///
    /// Fails if Octavia does not answer or refuses.
    pub async fn amphorae(&self, balancer: &str) -> Result<(Vec<Amphora>, Timestamp), Error> {
        let request = Request::new(Service::LoadBalancer, Method::Get, &["octavia", "amphorae"]);
        let request = request.query("loadbalancer_id", balancer);
        let (mut all, at) = list_at::<Amphora>(&*self.transport, request, "amphorae").await?;
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok((all, at))
    }

    /// Replaces the amphorae of the load balancer, and remembers that it was accepted. `balancer`: as it
    /// was observed before.
    pub(super) async fn fail_over(&self, balancer: &LoadBalancer) -> Result<(), Error> {
        let path = ["lbaas", "loadbalancers", &balancer.id, "failover"];
        send(&*self.transport, Request::new(Service::LoadBalancer, Method::Put, &path)).await?;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.insert(balancer.id.clone(), balancer.clone());
        Ok(())
    }

    /// Returns whether Octavia accepted a failover of the load balancer from this client, and changed
    /// the load balancer since. Octavia's times are in seconds.
    pub(super) fn has_tried(&self, balancer: &LoadBalancer) -> bool {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.get(&balancer.id).is_some_and(|before| {
            before.updated_at != balancer.updated_at
                || before.provisioning_status != balancer.provisioning_status
        })
    }
}

/// Returns whether it has the form of an id: a UUID.
fn is_id(text: &str) -> bool {
    let mut parts = text.split('-').map(str::len);
    let is_hex = text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    is_hex
        && [8, 4, 4, 4, 12].into_iter().all(|length| parts.next() == Some(length))
        && parts.next().is_none()
}

impl Label for LoadBalancerAdmin {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for LoadBalancerAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadBalancerAdmin").field(&self.label()).finish()
    }
}
