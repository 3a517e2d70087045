use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use omega_core::testing::Fault;
use serde_json::{Map, Value, json};

use super::{
    connection::{Connection, Inner},
    glance::GlanceBehaviour,
    magnum::Fate,
    state::{State, Who, not_found},
};
use crate::{Method, Request, Response, Service, Transport};

/// A cloud in memory: the parts of Keystone, Neutron and Magnum that this crate uses.
///
/// It keeps state, so what was written can be read back, and it can be made to fail. A handle is
/// cheap to clone; all clones share one cloud.
#[derive(Clone, Debug)]
pub struct Cloud {
    inner: Arc<Mutex<Inner>>,
}

impl Default for Cloud {
    fn default() -> Self {
        Self::new()
    }
}

impl Cloud {
    /// Returns a cloud without projects, groups, trustee domain, templates and clusters.
    pub fn new() -> Self {
        let (state, writes, hints) = (State::new(), Vec::new(), BTreeMap::new());
        let inner = Inner {
            state,
            writes,
            requests: 0,
            fault: None,
            frozen: None,
            notify: Arc::default(),
            hints,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Returns a separate copy of the cloud.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { inner: Arc::new(Mutex::new(self.lock().clone())) }
    }

    /// Returns the connection of an administrator whose token is scoped to `project`.
    pub fn admin(&self, project: &str) -> Arc<dyn Transport> {
        self.connect(project, true)
    }

    /// Returns the connection of a plain member of `project`.
    pub fn member(&self, project: &str) -> Arc<dyn Transport> {
        self.connect(project, false)
    }

    fn connect(&self, project: &str, admin: bool) -> Arc<dyn Transport> {
        let (id, project_name) = (self.project(project), project.to_owned());
        let who = Who { project: id, project_name, admin };
        Arc::new(Connection { cloud: self.clone(), who, credential: None })
    }

    /// Returns a connection with the application credential of this id and secret in the project of
    /// that name. The credential need not exist any more.
    pub fn login(&self, project: &str, id: &str, secret: &str) -> Arc<dyn Transport> {
        let (project_id, project_name) = (self.project(project), project.to_owned());
        let who = Who { project: project_id, project_name, admin: false };
        let credential = Some((id.to_owned(), secret.to_owned()));
        Arc::new(Connection { cloud: self.clone(), who, credential })
    }

    /// Creates an application credential of a member of the project; returns its id and secret.
    pub fn add_credential(&self, project: &str) -> (String, String) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_credential(&project, "member", "omega")
    }

    /// Creates an application credential of this name, of an administrator.
    pub fn add_named_credential(&self, project: &str, name: &str) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_credential(&project, "admin", name);
    }

    /// Removes a role from the user of every credential of the project: they still exist, but are
    /// refused.
    pub fn revoke_credential_role(&self, project: &str) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        let all = inner.state.credentials.iter_mut();
        all.filter(|one| one.project == project).for_each(|one| one.lapsed = true);
    }

    /// Deletes the application credential with the id.
    pub fn remove_credential(&self, id: &str) {
        self.lock().state.credentials.retain(|one| one.id != id);
    }

    /// Returns the id of the project, which is created if it does not exist.
    pub fn project(&self, name: &str) -> String {
        self.lock().state.project(name)
    }

    /// Creates a security group with Neutron's default rules; returns its id.
    pub fn add_group(&self, project: &str, name: &str) -> String {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_group(&project, name)
    }

    /// Creates a rule in the group with the id, by a request to the simulated API; returns the
    /// response. It does not count as a write of the program.
    pub fn add_rule(&self, group_id: &str, rule: Value) -> Response {
        let mut rule = rule;
        rule["security_group_id"] = json!(group_id);
        let path = &["security-group-rules"];
        let request = Request::new(Service::Network, Method::Post, path)
            .body(json!({ "security_group_rule": rule }));
        let mut inner = self.lock();
        let group = inner.state.groups.iter().find(|group| group.id == group_id);
        let project = group.map(|group| group.project.clone()).unwrap_or_default();
        let who = Who { project, project_name: String::new(), admin: true };
        inner.state.neutron(&who, &request).unwrap_or_else(not_found)
    }

    /// Returns the rules of the group with the id, as Neutron lists them.
    pub fn rules(&self, group_id: &str) -> Vec<Map<String, Value>> {
        let inner = self.lock();
        let group = inner.state.groups.iter().find(|group| group.id == group_id);
        group.map(|group| group.rules.clone()).unwrap_or_default()
    }

    /// Returns every group: its project's name, its own name, and its rules without ids and times.
    pub fn groups(&self) -> Vec<(String, String, Vec<String>)> {
        let inner = self.lock();
        let State { projects, groups, .. } = &inner.state;
        let show = |group: &super::neutron::Group| {
            let project = projects.iter().find(|(_, id)| *id == group.project);
            let mut rules: Vec<_> = group.rules.iter().map(lasting).collect();
            rules.sort();
            (project.map(|(name, _)| name.clone()).unwrap_or_default(), group.name.clone(), rules)
        };
        groups.iter().map(show).collect()
    }

    /// Returns every part of a network, of every project, by its kind and name or address, sorted.
    pub fn network_parts(&self) -> Vec<String> {
        self.lock().state.part_names()
    }

    /// Has the effect of the charm's action `domain-setup`.
    pub fn domain_setup(&self) {
        self.add_domain("magnum", true);
        self.add_user("magnum", "magnum_domain_admin", Some("admin"));
    }

    /// Creates a domain.
    pub fn add_domain(&self, name: &str, enabled: bool) {
        self.lock().state.domain(name, enabled);
    }

    /// Creates a user in the domain, with a role on that domain or none.
    pub fn add_user(&self, domain: &str, name: &str, role: Option<&str>) {
        self.lock().state.user(domain, name, role);
    }

    /// Creates a server in Nova; names need not be unique.
    pub fn add_server(&self, project: &str, name: &str, status: &str) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_server(&project, name, status);
    }

    /// Returns the id of the first server of the name.
    pub fn server_id(&self, name: &str) -> String {
        let inner = self.lock();
        let one = inner.state.nova.servers.iter().find(|one| one["name"] == name);
        one.and_then(|one| one["id"].as_str()).unwrap_or_default().to_owned()
    }

    /// Sets these fields of every server of the name.
    pub fn set_server(&self, name: &str, fields: &Value) {
        let mut inner = self.lock();
        for one in inner.state.nova.servers.iter_mut().filter(|one| one["name"] == name) {
            for (key, value) in fields.as_object().into_iter().flatten() {
                one[key] = value.clone();
            }
        }
    }

    /// Removes the servers of the name.
    pub fn remove_server(&self, name: &str) {
        self.lock().state.nova.servers.retain(|one| one["name"] != name);
    }

    /// Returns every server: its project's name, its own name, and its state.
    pub fn servers(&self) -> Vec<String> {
        self.lock().state.server_lines()
    }

    /// Sets whether nova-compute on the host runs.
    pub fn set_host(&self, host: &str, up: bool) {
        let mut inner = self.lock();
        let dead = &mut inner.state.nova.dead_hosts;
        if up {
            dead.remove(host)
        } else {
            dead.insert(host.to_owned())
        };
    }

    /// Sets whether a host that has just died still seems to be up.
    pub fn host_seems_up(&self, seems: bool) {
        self.lock().state.nova.seems_up = seems;
    }

    /// Creates a flavor in Nova; its id is its name.
    pub fn add_flavor(&self, name: &str, vcpus: u64, ram: u64) {
        self.lock().state.new_flavor(name, vcpus, ram);
    }

    /// Creates a key pair of the administrator, or of the member.
    pub fn add_keypair(&self, admin: bool, name: &str) {
        self.lock().state.new_keypair(if admin { "admin" } else { "member" }, name);
    }

    /// Creates a network with a subnet, in the project; an external one if `external`.
    pub fn add_network(&self, project: &str, name: &str, cidr: &str, external: bool) {
        self.lock().state.new_network(project, name, cidr, external);
    }

    /// Sets fields of the subnet with this range.
    pub fn set_subnet(&self, cidr: &str, fields: &Value) {
        let mut inner = self.lock();
        let subnets = inner.state.parts.get_mut("subnets").into_iter().flatten();
        for subnet in subnets.filter(|one| one["cidr"] == cidr) {
            for (key, value) in fields.as_object().into_iter().flatten() {
                subnet[key] = value.clone();
            }
        }
    }

    /// Removes Barbican from the catalog.
    pub fn remove_key_manager(&self) {
        self.lock().state.key_manager = false;
    }

    /// Gives every login this role too.
    pub fn add_role(&self, role: &str) {
        self.lock().state.more_roles.push(role.to_owned());
    }

    /// Creates a volume of a claim of the cluster (its `stack_id`); returns its id.
    pub fn add_volume(&self, cluster: &str, name: &str) -> String {
        let mut inner = self.lock();
        let id = inner.state.id();
        inner.state.volumes.push(json!({
            "id": id, "name": name, "size": 1, "status": "available",
            "metadata": {
                "cinder.csi.openstack.org/cluster": cluster,
                "csi.storage.k8s.io/pvc/name": "data", "csi.storage.k8s.io/pvc/namespace": "default",
            },
        }));
        id
    }

    /// Removes the volume types.
    pub fn remove_volume_types(&self) {
        self.lock().state.volume_types = false;
    }

    /// Sets the project's limit of `resource` (Neutron's or Octavia's name).
    pub fn limit(&self, project: &str, resource: &str, limit: u64) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.quotas.insert((project, resource.to_owned()), limit);
    }

    /// Creates an image, with or without the properties that Magnum needs.
    pub fn add_image(&self, name: &str, usable: bool) {
        self.lock().state.images.push((name.to_owned(), usable));
    }

    /// Creates a cluster with a fixed `health` (none: never polled); returns its id.
    pub fn add_cluster(
        &self,
        project: &str,
        name: &str,
        health: Option<&str>,
        why: &str,
    ) -> String {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        let body = json!({ "name": name, "cluster_template_id": "t", "master_count": 1 });
        let uuid = inner.state.new_cluster(&project, &body, Fate::Still);
        if let Some(cluster) = inner.state.clusters.last_mut() {
            cluster.shown["status"] = json!("CREATE_COMPLETE");
            cluster.shown["api_address"] = json!(super::magnum::API_ADDRESS);
            cluster.shown["stack_id"] = json!(format!("{name}-cyusd2b67a45"));
            if let Some(health) = health {
                cluster.health(health, why);
            }
        }
        uuid
    }

    /// Lists the cluster with the id without its id: it can't be understood.
    pub fn spoil_cluster(&self, uuid: &str) {
        let mut inner = self.lock();
        for cluster in inner.state.clusters.iter_mut().filter(|c| c.shown["uuid"] == *uuid) {
            cluster.shown["uuid"] = Value::Null;
        }
    }

    /// Gives the cluster with the id the name that another driver would give it.
    pub fn set_stack_id(&self, uuid: &str, stack: &str) {
        let mut inner = self.lock();
        for cluster in inner.state.clusters.iter_mut().filter(|c| c.shown["uuid"] == *uuid) {
            cluster.shown["stack_id"] = json!(stack);
        }
    }

    /// Sets the last polled health of the cluster with the id.
    pub fn set_health(&self, uuid: &str, health: &str, infrastructure: &str) {
        let mut inner = self.lock();
        for cluster in inner.state.clusters.iter_mut().filter(|c| c.shown["uuid"] == *uuid) {
            cluster.health(health, infrastructure);
        }
    }

    /// Sets the fate of the cluster with the id.
    pub fn set_fate(&self, uuid: &str, fate: &Fate) {
        let mut inner = self.lock();
        for cluster in inner.state.clusters.iter_mut().filter(|c| c.shown["uuid"] == *uuid) {
            cluster.fate = fate.clone();
        }
    }

    /// Sets the fates of the next clusters that are created. By default they become healthy.
    pub fn fates(&self, fates: Vec<Fate>) {
        self.lock().state.fates = fates;
    }

    /// Returns the names of all templates and clusters.
    pub fn magnum_names(&self) -> (Vec<String>, Vec<String>) {
        let inner = self.lock();
        let name = |thing: &Value| thing["name"].as_str().unwrap_or_default().to_owned();
        let State { templates, clusters, overtaken, .. } = &inner.state;
        let clusters = clusters.iter().map(|cluster| name(&cluster.shown));
        (templates.iter().map(name).collect(), clusters.chain(overtaken.iter().cloned()).collect())
    }

    /// Says what Glance is like.
    pub fn glance(&self, behaviour: GlanceBehaviour) {
        self.lock().state.glance.behaviour = behaviour;
    }

    /// Makes an image that is active, with these properties besides a plain one's; returns its id.
    pub fn add_glance_image(&self, project: &str, name: &str, properties: &Value) -> String {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_image(&project, name, properties)
    }

    /// Returns every image of Glance, without its id.
    pub fn image_things(&self) -> Vec<String> {
        self.lock().state.image_things()
    }

    /// Lets each project have so many rules and no more.
    pub fn rule_quota(&self, rules: usize) {
        self.lock().state.rule_quota = Some(rules);
    }

    /// Sets the page size of lists.
    pub fn page_size(&self, size: usize) {
        self.lock().state.page = size.max(1);
    }

    /// Makes the service refuse everything with 403.
    pub fn deny(&self, service: Service) {
        self.lock().state.denied.push(service);
    }

    /// Makes the service not answer.
    pub fn take_down(&self, service: Service) {
        self.lock().state.down.push(service);
    }

    /// Injects a fault into the `nth` write from the beginning, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: Fault) {
        self.lock().fault = Some((nth, fault));
    }

    /// Lets no response arrive from the `nth` request on, counted from 0, to simulate that the process
    /// is killed there. `effect`: whether that request still has its effect.
    pub fn freeze_at(&self, nth: usize, effect: bool) {
        self.lock().frozen = Some((nth, effect));
    }

    /// Returns once a client waits for a response that never arrives.
    pub async fn frozen(&self) {
        let frozen = Arc::clone(&self.lock().notify);
        frozen.notified().await;
    }

    /// Answers again.
    pub fn unfreeze(&self) {
        self.lock().frozen = None;
    }

    /// Sets how long after the accepted request Magnum shows a new cluster.
    pub fn clusters_appear_after(&self, delay: Duration) {
        self.lock().state.appear_after = delay;
    }

    /// Returns the templates and the clusters of all projects, without ids and times.
    pub fn magnum_objects(&self) -> Vec<String> {
        self.lock().state.magnum_objects()
    }

    /// Returns the writes that were received, including those with faults.
    pub fn writes(&self) -> Vec<String> {
        self.lock().writes.clone()
    }

    /// Returns the number of requests that were received.
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a rule without ids and times.
fn lasting(rule: &Map<String, Value>) -> String {
    let passing = ["id", "created_at", "updated_at", "standard_attr_id", "security_group_id"];
    let lasting: BTreeMap<_, _> = rule
        .iter()
        .filter(|(key, _)| !passing.contains(&key.as_str()))
        .map(|(key, value)| {
            // For Neutron no prefix equals every address, and no description equals an empty one.
            let same = ["0.0.0.0/0", "::/0", ""].iter().any(|text| *value == **text);
            (key.clone(), if same { Value::Null } else { value.clone() })
        })
        .collect();
    json!(lasting).to_string()
}
