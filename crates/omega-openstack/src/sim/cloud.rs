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

/// A cloud in memory: Keystone, Neutron and Magnum, as far as this crate speaks to them.
///
/// It holds state, so what was written is read back, and it can be made to fail. A handle is
/// cheap to clone; all clones are one cloud.
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
            spoil: None,
            frozen: None,
            notify: Arc::default(),
            hints,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Returns another cloud that is as this one is now.
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

    /// Returns the connection of whoever has the application credential with the id and the secret,
    /// which the project of that name may have, or may have no more.
    pub fn login(&self, project: &str, id: &str, secret: &str) -> Arc<dyn Transport> {
        let (project_id, project_name) = (self.project(project), project.to_owned());
        let who = Who { project: project_id, project_name, admin: false };
        let credential = Some((id.to_owned(), secret.to_owned()));
        Arc::new(Connection { cloud: self.clone(), who, credential })
    }

    /// Makes an application credential of a member of the project; returns its id and secret.
    pub fn add_credential(&self, project: &str) -> (String, String) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_credential(&project, "member", "omega")
    }

    /// Takes a role from the user of every credential of the project: they stay, and are refused.
    pub fn lapse_credentials(&self, project: &str) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        let all = inner.state.credentials.iter_mut();
        all.filter(|one| one.project == project).for_each(|one| one.lapsed = true);
    }

    /// Deletes the application credential with the id.
    pub fn remove_credential(&self, id: &str) {
        self.lock().state.credentials.retain(|one| one.id != id);
    }

    /// Returns the id of the project, which is made if it is not there.
    pub fn project(&self, name: &str) -> String {
        self.lock().state.project(name)
    }

    /// Makes a security group with the rules that Neutron gives every new one; returns its id.
    pub fn add_group(&self, project: &str, name: &str) -> String {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_group(&project, name)
    }

    /// Asks Neutron for a rule in the group with the id, as the API would be asked; returns what
    /// it answered. It counts as no write of the program's.
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

    /// Returns every group: its project's name, its own, and its rules without ids and times.
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

    /// Makes the load balancer with the id take that provisioning status and keep it.
    pub fn hold_balancer(&self, id: &str, provisioning_status: &str) {
        self.lock().state.hold_balancer(id, provisioning_status);
    }

    /// Takes the load balancers of those names away, in every project, with their ports.
    pub fn drop_balancers(&self, names: &[&str]) {
        self.lock().state.drop_balancers(names);
    }

    /// Returns every part of a network, of every project, by its kind and name or address, sorted.
    pub fn network_parts(&self) -> Vec<String> {
        self.lock().state.part_names()
    }

    /// Does what the charm's action `domain-setup` does.
    pub fn domain_setup(&self) {
        self.add_domain("magnum", true);
        self.add_user("magnum", "magnum_domain_admin", Some("admin"));
    }

    /// Makes a domain.
    pub fn add_domain(&self, name: &str, enabled: bool) {
        self.lock().state.domain(name, enabled);
    }

    /// Makes a user in the domain, with a role on that domain or none.
    pub fn add_user(&self, domain: &str, name: &str, role: Option<&str>) {
        self.lock().state.user(domain, name, role);
    }

    /// Makes a server of Nova; names need not be unique.
    pub fn add_server(&self, project: &str, name: &str, status: &str) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.new_server(&project, name, status);
    }

    /// Takes the volume types away.
    pub fn remove_volume_types(&self) {
        self.lock().state.volume_types = false;
    }

    /// Limits how many of `resource` (Neutron's or Octavia's word) the project may have.
    pub fn limit(&self, project: &str, resource: &str, limit: u64) {
        let mut inner = self.lock();
        let project = inner.state.project(project);
        inner.state.quotas.insert((project, resource.to_owned()), limit);
    }

    /// Makes an image, with or without the properties that Magnum wants.
    pub fn add_image(&self, name: &str, usable: bool) {
        self.lock().state.images.push((name.to_owned(), usable));
    }

    /// Makes a cluster that has `health` (none: never polled) and keeps it; returns its id.
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
            cluster.shown["stack_id"] = json!(format!("{name}-cyusd2b67a45"));
            if let Some(health) = health {
                cluster.health(health, why);
            }
        }
        uuid
    }

    /// Sets what Magnum last heard of the cluster with the id.
    pub fn set_health(&self, uuid: &str, health: &str, infrastructure: &str) {
        let mut inner = self.lock();
        for cluster in inner.state.clusters.iter_mut().filter(|c| c.shown["uuid"] == *uuid) {
            cluster.health(health, infrastructure);
        }
    }

    /// Says what becomes of the cluster with the id.
    pub fn set_fate(&self, uuid: &str, fate: &Fate) {
        let mut inner = self.lock();
        for cluster in inner.state.clusters.iter_mut().filter(|c| c.shown["uuid"] == *uuid) {
            cluster.fate = fate.clone();
        }
    }

    /// Says what becomes of the next clusters that are made; they are healthy otherwise.
    pub fn fates(&self, fates: Vec<Fate>) {
        self.lock().state.fates = fates;
    }

    /// Returns the names of the templates and of the clusters that there are.
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
    pub fn add_glance_image(&self, project: &str, name: &str, properties: Value) -> String {
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

    /// Lists so many things on a page.
    pub fn page_size(&self, size: usize) {
        self.lock().state.page = size.max(1);
    }

    /// Has the service refuse everything with 403.
    pub fn deny(&self, service: Service) {
        self.lock().state.denied.push(service);
    }

    /// Has the service not answer.
    pub fn take_down(&self, service: Service) {
        self.lock().state.down.push(service);
    }

    /// Spoils the `nth` write from the beginning, counted from 0.
    pub fn spoil_write(&self, nth: usize, fault: Fault) {
        self.lock().spoil = Some((nth, fault));
    }

    /// Has no answer ever arrive from the `nth` request on, counted from 0: the process that waits for
    /// it is as good as killed there. `effect`: whether that request still has its effect.
    pub fn freeze_at(&self, nth: usize, effect: bool) {
        self.lock().frozen = Some((nth, effect));
    }

    /// Returns once somebody waits for an answer that never arrives.
    pub async fn frozen(&self) {
        let frozen = Arc::clone(&self.lock().notify);
        frozen.notified().await;
    }

    /// Answers again.
    pub fn thaw(&self) {
        self.lock().frozen = None;
    }

    /// Has Magnum show a new cluster only so long after it said that it takes it.
    pub fn clusters_appear_after(&self, delay: Duration) {
        self.lock().state.appear_after = delay;
    }

    /// Returns the templates and the clusters of all projects, without ids and times.
    pub fn magnum_things(&self) -> Vec<String> {
        self.lock().state.magnum_things()
    }

    /// Returns the writes that were received, spoiled ones too.
    pub fn writes(&self) -> Vec<String> {
        self.lock().writes.clone()
    }

    /// Returns how many requests were received.
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what of a rule lasts: no ids, no times.
fn lasting(rule: &Map<String, Value>) -> String {
    let passing = ["id", "created_at", "updated_at", "standard_attr_id", "security_group_id"];
    let lasting: BTreeMap<_, _> = rule
        .iter()
        .filter(|(key, _)| !passing.contains(&key.as_str()))
        .map(|(key, value)| {
            // None and everywhere are one to Neutron, and so are no description and an empty one.
            let same = ["0.0.0.0/0", "::/0", ""].iter().any(|text| *value == **text);
            (key.clone(), if same { Value::Null } else { value.clone() })
        })
        .collect();
    json!(lasting).to_string()
}
