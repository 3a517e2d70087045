//! What tests set and read of the cloud's load balancers.

use super::{
    Cloud,
    octavia::{AMPHORA_PROJECT, FailoverFate},
};

impl Cloud {
    /// Sets the provisioning status of the load balancer with the id permanently.
    pub fn set_balancer_status(&self, id: &str, provisioning_status: &str) {
        self.lock().state.set_balancer_status(id, provisioning_status);
    }

    /// Creates an `ACTIVE` load balancer, with a floating IP at its address.
    pub fn add_balancer(&self, project: &str, name: &str) {
        let state = &mut self.lock().state;
        let project = state.project(project);
        state.add_balancer(&project, name);
    }

    /// Sets the status of the amphorae of the load balancers of that name.
    pub fn set_amphora_status(&self, name: &str, status: &str) {
        self.lock().state.set_amphora_status(name, status);
    }

    /// Sets the operating status of every load balancer: what their amphorae report. By default it is
    /// `OFFLINE`, as the lab's Octavia says, which has no amphorae.
    pub fn set_operating_status(&self, operating_status: &str) {
        self.lock().state.set_operating_status(operating_status);
    }

    /// Sets the provider of the load balancer with the id.
    pub fn set_balancer_provider(&self, id: &str, provider: &str) {
        self.lock().state.set_balancer_provider(id, provider);
    }

    /// Gives the load balancer with the id two amphorae (topology `ACTIVE_STANDBY`).
    pub fn double_amphorae(&self, id: &str) {
        self.lock().state.double_amphorae(id);
    }

    /// Sets what comes of failovers. By default they succeed.
    pub fn failovers(&self, fate: FailoverFate) {
        self.lock().state.failovers = fate;
    }

    /// Lets the project of the amphorae have so many servers and no more.
    pub fn amphora_quota(&self, servers: u64) {
        let key = (AMPHORA_PROJECT.to_owned(), "instances".to_owned());
        self.lock().state.quotas.insert(key, servers);
    }

    /// Sets on how many hosts there is room for one more server.
    pub fn hosts_with_room(&self, hosts: usize) {
        self.lock().state.hosts_with_room = hosts;
    }

    /// Returns every load balancer without its ids and times: project, name, status, provider, number
    /// of failovers, and what its amphorae are.
    pub fn balancer_states(&self) -> Vec<String> {
        self.lock().state.balancer_states()
    }

    /// Removes the load balancers of those names, in every project, with their ports.
    pub fn drop_balancers(&self, names: &[&str]) {
        self.lock().state.drop_balancers(names);
    }
}
