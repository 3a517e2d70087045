use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use omega_core::{
    Context, Touched,
    testing::{Fault, REFUSAL},
};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::{
    blobs,
    magnum::Fate,
    recorded::recorded,
    state::{State, Who},
};
use crate::{
    Body, Catalog, Error, Grant, Headers, Method, Name, Request, Response, Service,
    StreamedResponse, Transport, TransportCause,
};

/// A cloud in memory: Keystone, Neutron and Magnum, as far as this crate speaks to them.
///
/// It holds state, so what was written is read back, and it can be made to fail. A handle is
/// cheap to clone; all clones are one cloud.
#[derive(Clone, Debug)]
pub struct Cloud {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Clone, Debug)]
struct Inner {
    state: State,
    writes: Vec<String>,
    requests: usize,
    spoil: Option<(usize, Fault)>,
    /// The request whose answer never arrives, and whether it has an effect.
    frozen: Option<(usize, bool)>,
    notify: Arc<Notify>,
    hints: BTreeMap<String, String>,
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
        let State { templates, clusters, .. } = &inner.state;
        let clusters = clusters.iter().map(|cluster| name(&cluster.shown)).collect();
        (templates.iter().map(name).collect(), clusters)
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

    fn lock(&self) -> MutexGuard<'_, Inner> {
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

fn not_found() -> Response {
    let body = json!({ "message": "The resource could not be found.", "code": "404 Not Found" });
    Response::new(404, body)
}

impl Inner {
    fn answer(&mut self, who: &Who, request: &Request) -> Response {
        if self.state.denied.contains(&request.service) {
            let name = match request.service {
                Service::Network => "neutron-403",
                Service::ContainerInfra => "magnum-403",
                Service::LoadBalancer => "octavia-403",
                Service::Identity | Service::BlockStorage | Service::Compute | Service::Image => {
                    "keystone-domains-403"
                }
            };
            return recorded(name).unchanged();
        }
        let answer = match request.service {
            Service::Identity => {
                let mine = self.state.application_credentials(who, request);
                mine.or_else(|| self.state.keystone(who, request))
            }
            Service::Network => {
                let quotas = self.state.network_quotas(who, request);
                quotas.or_else(|| self.state.neutron(who, request))
            }
            Service::ContainerInfra => self.state.magnum(who, request),
            Service::LoadBalancer => {
                let quota = self.state.balancer_quota(who, request);
                quota.or_else(|| self.state.octavia(who, request))
            }
            Service::Compute => self.state.nova(who, request),
            Service::BlockStorage => self.state.cinder(request),
            Service::Image => self.state.glance(request),
        };
        answer.unwrap_or_else(not_found)
    }

    fn take(&mut self, who: &Who, request: &Request) -> Result<Response, Error> {
        self.requests += 1;
        let id = format!("req-00000000-0000-4000-8000-{:012x}", self.requests);
        let date = self.state.date();
        let numbered = |response| Response {
            request_id: Some(id),
            headers: Headers::keep([("date", date.as_str())]),
            ..response
        };
        if self.state.down.contains(&request.service) {
            return Err(lost(request, Touched::Nothing));
        }
        if !request.writes() {
            return Ok(numbered(self.answer(who, request)));
        }
        let nth = self.writes.len();
        let body = match &request.body {
            Body::Json(body) => format!(" {body}"),
            Body::Bytes(bytes) => format!(" {} bytes", bytes.len()),
            Body::None | Body::Stream(_) => String::new(),
        };
        self.writes.push(format!("{request}{body}"));
        match self.spoil.filter(|(spoiled, _)| *spoiled == nth).map(|(_, fault)| fault) {
            None => Ok(numbered(self.answer(who, request))),
            Some(Fault::Lost) => Err(lost(request, Touched::Maybe)),
            Some(Fault::AnswerLost) => {
                self.answer(who, request);
                Err(lost(request, Touched::Maybe))
            }
            Some(Fault::Refused) => Ok(numbered(refused(request.service))),
            Some(Fault::Ignored) => {
                // It looks as if it had worked; nothing of it is kept.
                let before = self.state.clone();
                let answer = self.answer(who, request);
                self.state = before;
                Ok(numbered(answer))
            }
        }
    }
}

/// A refusal on purpose, in the form that the service gives its refusals.
fn refused(service: Service) -> Response {
    let body = match service {
        Service::Network => {
            json!({ "NeutronError": { "type": "PolicyNotAuthorized", "message": REFUSAL, "detail": "" } })
        }
        Service::ContainerInfra => {
            json!({ "errors": [{ "status": 403, "title": "Forbidden", "detail": REFUSAL }] })
        }
        Service::LoadBalancer => json!({ "faultcode": "Client", "faultstring": REFUSAL }),
        Service::Identity | Service::BlockStorage | Service::Compute | Service::Image => {
            json!({ "error": { "code": 403, "title": "Forbidden", "message": REFUSAL } })
        }
    };
    Response::new(403, body)
}

fn lost(request: &Request, touched: Touched) -> Error {
    Error::Unreachable {
        request: request.to_string(),
        url: format!("http://{}.sim", request.service),
        cause: TransportCause::Reset,
        touched,
        source: "connection reset".into(),
    }
}

/// The recorded catalog, read once: every request looks at it.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let token = recorded("keystone-token-201").body["token"].take();
    serde_json::from_value(token["catalog"].clone()).unwrap_or_default()
});

/// One user's connection to the cloud.
#[derive(Clone)]
struct Connection {
    cloud: Cloud,
    who: Who,
    /// The id and the secret, where it is an application credential's.
    credential: Option<(String, String)>,
}

#[async_trait]
impl Transport for Connection {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        if self.credential.is_some() {
            // A token of a credential that is gone is worth nothing.
            self.grant().await?;
        }
        let request = blobs::received(ctx, request).await?;
        let frozen = {
            let mut inner = self.cloud.lock();
            let frozen = inner.frozen.filter(|(nth, _)| inner.requests >= *nth);
            if let Some((nth, true)) = frozen
                && inner.requests == nth
            {
                inner.requests += 1;
                inner.answer(&self.who, &request);
            }
            frozen.is_some()
        };
        if frozen {
            self.cloud.lock().notify.notify_one();
            std::future::pending::<()>().await;
        }
        let mut inner = self.cloud.lock();
        let answer = inner.take(&self.who, &request)?;
        Ok(match inner.state.blob(&request, &answer) {
            Some(blob) => blob.into_answer(ctx, &request, answer),
            None => answer.into(),
        })
    }

    async fn grant(&self) -> Result<Grant, Error> {
        let down = self.cloud.lock().state.down.contains(&Service::Identity);
        if let Some((id, secret)) = &self.credential {
            let request = Request::new(Service::Identity, Method::Post, &["auth", "tokens"]);
            let said = if down {
                Err(lost(&request, Touched::Nothing))
            } else {
                self.cloud.lock().state.log_in(id, secret, &request)
            };
            let cloud = "rehearsal".to_owned();
            let user = format!("application credential {id}");
            return said.map_err(|source| Error::Login {
                cloud,
                user,
                next: None,
                source: Box::new(source),
            });
        }
        if down {
            let request = Request::new(Service::Identity, Method::Post, &["auth", "tokens"]);
            let source = Box::new(lost(&request, Touched::Nothing));
            let (cloud, user) = ("rehearsal".to_owned(), self.who.project_name.clone());
            return Err(Error::Login { cloud, user, next: None, source });
        }
        let catalog = CATALOG.clone();
        let Who { project, project_name, admin } = self.who.clone();
        let user = if admin { "admin" } else { "member" }.to_owned();
        let mut roles = vec!["member".to_owned(), "reader".to_owned()];
        if admin {
            roles.push("admin".to_owned());
        }
        let project = Some(Name { id: project, name: project_name });
        Ok(Grant { user: Name { id: user.clone(), name: user }, project, roles, catalog })
    }

    fn label(&self) -> String {
        format!("cloud rehearsal, project {}", self.who.project_name)
    }

    fn recall(&self, key: &str) -> Option<String> {
        self.cloud.lock().hints.get(key).cloned()
    }

    fn remember(&self, key: &str, value: &str) {
        self.cloud.lock().hints.insert(key.to_owned(), value.to_owned());
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.label()).finish()
    }
}
