//! Nova. Written from the recordings (record.py, `survey`, `flavors`, `prerequisites` and
//! `guests`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    octavia::AMPHORA_PROJECT,
    recorded::{Recorded, recorded},
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// The flavors that there always are: their ids, names, vCPUs, and memory in MiB.
const FLAVORS: [(&str, &str, u64, u64); 3] =
    [("m1", "m1.medium", 2, 2048), ("2", "gp.mid", 4, 8192), ("3", "capi.node", 2, 4096)];

/// What Nova keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Nova {
    /// Servers as Nova lists them.
    pub(super) servers: Vec<Value>,
    /// Key pairs as Nova lists them, by user and name.
    keypairs: BTreeMap<(&'static str, String), Value>,
    /// Hosts whose nova-compute is dead.
    pub(super) dead_hosts: BTreeSet<String>,
    /// Whether a dead one still seems to be up: it reported itself in the last 60 s.
    pub(super) seems_up: bool,
    /// Further flavors: their names, vCPUs, and memory.
    flavors: Vec<(String, u64, u64)>,
}

impl State {
    pub(super) fn nova(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["flavors"]) => Some(self.list_flavors(false)),
            (Method::Get, ["flavors", "detail"]) => Some(self.list_flavors(true)),
            (Method::Get, ["os-quota-sets", AMPHORA_PROJECT, "detail"]) => {
                Some(self.amphora_quota(who))
            }
            (Method::Get, ["os-quota-sets", project, "detail"]) => {
                Some(self.compute_quotas(who, project))
            }
            (Method::Get, ["servers"]) => Some(self.list_servers(who, request, false)),
            (Method::Get, ["servers", "detail"]) => Some(self.list_servers(who, request, true)),
            (Method::Get, ["servers", id]) => {
                let amphora = self.amphora_server(who, id);
                Some(amphora.unwrap_or_else(|| self.show_server(who, request, id)))
            }
            (Method::Post, ["servers", id, "action"]) => self.act_on(who, request, id),
            (Method::Get, ["os-services"]) => Some(self.host_services(who, request)),
            (_, ["os-keypairs", ..]) => self.keypairs(who, request),
            _ => None,
        }
    }

    /// Each user has key pairs of its own. Fingerprints are not computed: nothing here looks at them.
    fn keypairs(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let (user, keypairs) = (who.user(), &mut self.nova.keypairs);
        match (request.method, path.as_slice()) {
            (Method::Get, [_]) => {
                let ours = keypairs.iter().filter(|((owner, _), _)| *owner == user);
                let ours: Vec<_> = ours.map(|(_, one)| json!({ "keypair": one })).collect();
                Some(recorded!("nova-keypairs-none-200").with("keypairs", ours))
            }
            _ => None,
        }
    }

    /// Makes a key pair of the administrator or of the member.
    pub(super) fn new_keypair(&mut self, user: &'static str, name: &str) {
        let mut listed = recorded!("nova-keypairs-200").body["keypairs"][0]["keypair"].clone();
        listed["name"] = json!(name);
        self.nova.keypairs.insert((user, name.to_owned()), listed);
    }

    pub(super) fn new_flavor(&mut self, name: &str, vcpus: u64, ram: u64) {
        self.nova.flavors.push((name.to_owned(), vcpus, ram));
    }

    /// Who may read it is from Nova's source (`policies/quota_sets.py`: a reader of the project itself).
    fn compute_quotas(&self, who: &Who, project: &str) -> Response {
        if !who.admin && project != who.project {
            return super::state::refused(crate::Service::Compute);
        }
        let servers = self.nova.servers.iter().filter(|one| one["tenant_id"] == project).count();
        let mut answer = recorded!("nova-quotas-200").unchanged();
        answer.body["quota_set"]["id"] = json!(project);
        answer.body["quota_set"]["instances"]["in_use"] = json!(servers);
        self.limited(project, &mut answer.body["quota_set"]);
        answer
    }

    /// Returns whether a flavor has this name or id.
    pub(super) fn is_flavor(&self, text: &str) -> bool {
        let more = self.nova.flavors.iter().any(|(name, ..)| name == text);
        more || FLAVORS.iter().any(|(id, name, ..)| *id == text || *name == text)
    }

    fn list_flavors(&self, detail: bool) -> Response {
        let recorded = if detail {
            recorded!("nova-flavors-detail-200")
        } else {
            recorded!("nova-flavors-200")
        };
        let more =
            self.nova.flavors.iter().map(|(name, cpus, ram)| (&**name, &**name, *cpus, *ram));
        let flavors = FLAVORS.into_iter().chain(more).map(|(id, name, vcpus, ram)| {
            let mut flavor = recorded.body["flavors"][0].clone();
            flavor["id"] = json!(id);
            flavor["name"] = json!(name);
            if detail {
                flavor["vcpus"] = json!(vcpus);
                flavor["ram"] = json!(ram);
            }
            flavor
        });
        recorded.with("flavors", flavors.collect::<Vec<_>>())
    }

    /// Nova lists the servers of the token's project, an administrator's too, unless that asks for all
    /// (nova 27, `api/openstack/compute/servers.py`, `all_tenants`).
    fn list_servers(&self, who: &Who, request: &Request, detail: bool) -> Response {
        let name = request.query.iter().find(|(key, _)| key == "name").map(|(_, value)| value);
        let all = who.admin && request.query.iter().any(|(key, _)| key == "all_tenants");
        let is_ours = |one: &&Value| all || one["tenant_id"] == who.project.as_str();
        let ours = self.nova.servers.iter().filter(is_ours);
        let fits = |one: &&Value| {
            let is = one["name"].as_str().unwrap_or_default();
            name.is_none_or(|pattern| matches(pattern, is))
        };
        let show = |one: &Value| {
            if detail {
                return shown(who, request, one);
            }
            json!({ "id": one["id"], "name": one["name"], "links": one["links"] })
        };
        let found: Vec<Value> = ours.filter(fits).map(show).collect();
        recorded!("nova-servers-none-200").with("servers", found)
    }

    pub(super) fn new_server(&mut self, project: &str, name: &str, status: &str) {
        let mut made = recorded!("nova-servers-200").body["servers"][0].clone();
        made["id"] = json!(self.id());
        made["name"] = json!(name);
        made["tenant_id"] = json!(project);
        made["locked"] = json!(false);
        made["OS-EXT-SRV-ATTR:host"] = json!(HOST);
        set(&mut made, status);
        self.nova.servers.push(made);
    }

    fn show_server(&self, who: &Who, request: &Request, id: &str) -> Response {
        let visible = |one: &&Value| who.admin || one["tenant_id"] == who.project.as_str();
        match self.nova.servers.iter().filter(visible).find(|one| one["id"] == id) {
            Some(one) => Response::new(200, json!({ "server": shown(who, request, one) })),
            None => recorded!("nova-server-404").at(id),
        }
    }

    /// What is not recorded is from Nova's source (`compute/api.py`, `start`, `stop`, `check_instance_lock`). An
    /// administrator may act on a locked server; the simulator refuses everyone.
    fn act_on(&mut self, who: &Who, request: &Request, id: &str) -> Option<Response> {
        let action = request.json()?.as_object()?.keys().next()?.clone();
        let dead = self.nova.dead_hosts.clone();
        let visible = |one: &&mut Value| who.admin || one["tenant_id"] == who.project.as_str();
        let mut servers = self.nova.servers.iter_mut().filter(visible);
        let Some(one) = servers.find(|one| one["id"] == id) else {
            return Some(recorded!("nova-server-404").at(id));
        };
        let recorded_id = |recorded: &Recorded| {
            let path = recorded.asked("/path");
            path.split('/').nth(2).unwrap_or_default().to_owned()
        };
        let (from, to, task) = match action.as_str() {
            "os-start" => ("SHUTOFF", "ACTIVE", "powering-on"),
            "os-stop" => ("ACTIVE", "SHUTOFF", "powering-off"),
            "lock" | "unlock" => {
                one["locked"] = json!(action == "lock");
                return Some(recorded!("nova-start-202").unchanged());
            }
            _ => return None,
        };
        if one["locked"] == true {
            let locked = recorded!("nova-start-locked");
            return Some(locked.about(&recorded_id(locked), id));
        }
        if one["status"] != from || !one[TASK].is_null() {
            let refused = recorded!("nova-start-active");
            let state = one["OS-EXT-STS:vm_state"].as_str().unwrap_or_default().to_owned();
            let mut answer = refused.about(&recorded_id(refused), id);
            if let Some(Value::String(words)) =
                answer.body.pointer_mut("/conflictingRequest/message")
            {
                let verb = action.trim_start_matches("os-");
                *words = words.replace("'start'", &format!("'{verb}'")).replace("active", &state);
            }
            return Some(answer);
        }
        if one["OS-EXT-SRV-ATTR:host"].as_str().is_some_and(|host| dead.contains(host)) {
            one[TASK] = json!(task);
        } else {
            set(one, to);
        }
        Some(recorded!("nova-start-202").unchanged())
    }

    /// An administrator's. A service that died a moment ago still seems to be up.
    fn host_services(&self, who: &Who, request: &Request) -> Response {
        if !who.admin {
            return super::state::refused(crate::Service::Compute);
        }
        let host = request.query.iter().find(|(key, _)| key == "host").map(|(_, value)| value);
        let mut answer = recorded!("nova-services-200").unchanged();
        for service in answer.body["services"].as_array_mut().into_iter().flatten() {
            let host = host.map_or(HOST, String::as_str);
            let down = self.nova.dead_hosts.contains(host) && !self.nova.seems_up;
            service["host"] = json!(host);
            service["state"] = json!(if down { "down" } else { "up" });
        }
        answer
    }

    /// Every server: its project's name, its own name, and its state.
    pub(super) fn server_lines(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let show = |one: &Value| {
            let project = self.projects.iter().find(|(_, id)| one["tenant_id"] == *id);
            let project = project.map(|(name, _)| name.as_str()).unwrap_or_default();
            let (name, status, task) = (text(&one["name"]), text(&one["status"]), &one[TASK]);
            format!("{project} {name} {status} {} {task} {}", one[POWER], one["locked"])
        };
        self.nova.servers.iter().map(show).collect()
    }
}

/// The host that every server is on.
const HOST: &str = "compute-1";
const TASK: &str = "OS-EXT-STS:task_state";
const POWER: &str = "OS-EXT-STS:power_state";

/// The host is an administrator's, and `locked` is there from microversion 2.9 on.
fn shown(who: &Who, request: &Request, one: &Value) -> Value {
    let mut shown = one.clone();
    if let Some(fields) = shown.as_object_mut() {
        if !who.admin {
            fields.remove("OS-EXT-SRV-ATTR:host");
        }
        if request.microversion.is_none() {
            fields.remove("locked");
        }
    }
    shown
}

/// Sets the status, with what goes with it.
fn set(server: &mut Value, status: &str) {
    let (vm_state, power) = match status {
        "ACTIVE" => ("active", 1),
        "SHUTOFF" => ("stopped", 4),
        "PAUSED" => ("paused", 3),
        "SUSPENDED" => ("suspended", 4),
        _ => ("error", 0),
    };
    server["status"] = json!(status);
    server["OS-EXT-STS:vm_state"] = json!(vm_state);
    server[POWER] = json!(power);
    server[TASK] = Value::Null;
}

/// Nova takes a name for a regular expression: here one with nothing in it but escapes and anchors.
fn matches(pattern: &str, name: &str) -> bool {
    let (inner, start) = pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
    let (inner, end) = inner.strip_suffix('$').map_or((inner, false), |rest| (rest, true));
    let plain = inner.replace('\\', "");
    match (start, end) {
        (true, true) => name == plain,
        (true, false) => name.starts_with(&plain),
        (false, true) => name.ends_with(&plain),
        (false, false) => name.contains(&plain),
    }
}
