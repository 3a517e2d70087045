use std::{fmt, sync::Arc};

use omega_core::Label;
use serde_json::json;

use super::{
    Flavor, Guest, HostService, ListedKeypair,
    wire::{Listed, Usage},
};
use crate::{
    Error, Method, RefusalReason, Request, Service, Transport,
    cloud_inventory::{Quota, regex_escaped},
    container_infra::is_uuid,
    service_response::{fetch, list, send},
};

/// Nova. Its key pairs belong to the user of the token, not to the project.
#[derive(Clone)]
pub struct Compute {
    transport: Arc<dyn Transport>,
}

impl Compute {
    /// Returns a client with the rights of `transport`'s token.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Returns the flavors that the project may use.
    ///
    /// # Errors
    ///
    /// Fails if Nova does not answer.
    pub async fn flavors(&self) -> Result<Vec<Flavor>, Error> {
        let request = Request::new(Service::Compute, Method::Get, &["flavors", "detail"]);
        list(&*self.transport, request, "flavors").await
    }

    /// Returns the user's key pair of exactly this name. It is looked for in the list: a 404 of
    /// `/os-keypairs/{name}` may also come from a wrong address, and would look like its absence.
    pub(crate) async fn keypair(&self, name: &str) -> Result<Option<ListedKeypair>, Error> {
        let request = Request::new(Service::Compute, Method::Get, &["os-keypairs"]);
        let all: Vec<Listed> = list(&*self.transport, request, "keypairs").await?;
        Ok(all.into_iter().map(|one| one.keypair).find(|one| one.name == name))
    }

    /// Returns the project's servers of exactly this name, or the one with this id.
    pub(super) async fn guests(&self, name_or_id: &str) -> Result<Vec<Guest>, Error> {
        let project = self.transport.token_info().await?.project.map(|project| project.id);
        let mut found: Vec<Guest> = if is_uuid(name_or_id) {
            let request = versioned(Method::Get, &["servers", name_or_id]);
            match fetch(&*self.transport, request, "server").await {
                Ok(one) => vec![one],
                Err(error) if error.reason() == Some(RefusalReason::NotFound) => Vec::new(),
                Err(error) => return Err(error),
            }
        } else {
            // For Nova the name is a regular expression that matches anywhere.
            let request = versioned(Method::Get, &["servers", "detail"]);
            let request = request.query("name", regex_escaped(name_or_id));
            list(&*self.transport, request, "servers").await?
        };
        // An administrator finds the servers of every project by their ids.
        found.retain(|one| {
            (one.name == name_or_id || one.id == name_or_id)
                && (one.tenant_id.is_none() || one.tenant_id == project)
        });
        Ok(found)
    }

    /// Returns the nova-compute on the server's host. None if this login may not know it: host and
    /// services are an administrator's.
    pub(super) async fn host_service(&self, guest: &Guest) -> Result<Option<HostService>, Error> {
        let Some(host) = guest.host.as_deref().filter(|host| !host.is_empty()) else {
            return Ok(None);
        };
        let request = Request::new(Service::Compute, Method::Get, &["os-services"])
            .query("host", host)
            .query("binary", "nova-compute");
        match list::<HostService>(&*self.transport, request, "services").await {
            Ok(all) => Ok(all.into_iter().find(|one| one.host == host)),
            Err(error) if error.reason() == Some(RefusalReason::PolicyForbids) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends an action without arguments to the server with the id.
    pub(super) async fn act(&self, id: &str, action: &str) -> Result<(), Error> {
        let path = ["servers", id, "action"];
        let request = Request::new(Service::Compute, Method::Post, &path);
        send(&*self.transport, request.body(json!({ action: null }))).await
    }

    /// Returns the quotas of the token's project that count: how much it may have, and has.
    ///
    /// # Errors
    ///
    /// Fails if Nova does not answer, or refuses this user.
    pub async fn quotas(&self) -> Result<Vec<Quota>, Error> {
        let project = self.transport.token_info().await?.project;
        let project = project.ok_or_else(|| Error::NoProject(self.label()))?.id;
        let path = ["os-quota-sets", project.as_str(), "detail"];
        let request = Request::new(Service::Compute, Method::Get, &path);
        let usage: Usage = fetch(&*self.transport, request, "quota_set").await?;
        Ok(usage.quotas())
    }
}

/// The first microversion that says whether a server is locked.
const LOCKED: &str = "2.9";

fn versioned(method: Method, path: &[&str]) -> Request {
    Request { microversion: Some(LOCKED), ..Request::new(Service::Compute, method, path) }
}

impl Label for Compute {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compute").field(&self.label()).finish()
    }
}
