use std::{fmt, sync::Arc};

use omega_core::Label;

use super::{
    Flavor, ListedKeypair,
    wire::{Listed, Usage},
};
use crate::{
    Error, Method, Request, Service, Transport,
    cloud_inventory::Quota,
    service_response::{fetch, list},
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
