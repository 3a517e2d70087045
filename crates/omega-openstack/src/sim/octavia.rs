//! Octavia's load balancers: busy for a while, then in the requested state. Written from the
//! recordings (record.py, `octavia`); what is not recorded is from octavia 14's source, as cited.

use serde_json::{Value, json};

use super::{
    neutron_parts::{FLOATING_IPS, PORTS},
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// How often it is listed as busy before a request has taken effect.
const BUSY: u32 = 2;

/// The project that the servers of amphorae are in: that of Octavia's own user.
pub(super) const AMPHORA_PROJECT: &str = "5e00000000004000800000000000000a";

/// A load balancer.
#[derive(Clone, Debug)]
pub(super) struct SimBalancer {
    pub(super) shown: Value,
    /// How often it is still listed as busy; none: forever.
    busy: Option<u32>,
    /// The roles of its amphorae.
    roles: &'static [&'static str],
    /// How often its amphorae were replaced.
    failovers: u32,
    failing_over: bool,
    /// The status of its amphorae, if it is not the recorded one.
    amphora_status: Option<String>,
}

/// What comes of a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailoverFate {
    /// The amphorae are replaced, and it is `ACTIVE`.
    Succeeds,
    /// It is in `ERROR` afterwards.
    Fails,
    /// It stays in `PENDING_UPDATE`.
    NeverEnds,
}

impl SimBalancer {
    /// Its amphorae, as `octavia/api/v2/types/amphora.py` shows them. Only the provider `amphora` has
    /// any.
    fn amphorae(&self) -> Vec<Value> {
        if self.shown["provider"] != "amphora" {
            return Vec::new();
        }
        let recorded = &recorded!("octavia-amphorae-200").body["amphorae"][0];
        let nth = |nth: usize, role: &str| {
            let mut one = recorded.clone();
            one["id"] = json!(self.derived_id('a', nth));
            one["compute_id"] = json!(self.derived_id('c', nth));
            one["role"] = json!(role);
            if let Some(status) = &self.amphora_status {
                one["status"] = json!(status);
            }
            for (key, of) in [
                ("loadbalancer_id", "id"),
                ("ha_ip", "vip_address"),
                ("created_at", "created_at"),
                ("updated_at", "updated_at"),
            ] {
                one[key] = self.shown[of].clone();
            }
            one
        };
        self.roles.iter().enumerate().map(|(at, role)| nth(at, role)).collect()
    }

    /// An id that follows from the load balancer's own, so that ids of other things stay the same.
    fn derived_id(&self, kind: char, nth: usize) -> String {
        let id = self.shown["id"].as_str().unwrap_or_default();
        format!("{kind}{:06x}{nth}{}", self.failovers, id.get(8..).unwrap_or_default())
    }
}

impl State {
    pub(super) fn octavia(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let query = |key: &str| request.query.iter().find(|(k, _)| k == key).map(|(_, v)| v);
        match (request.method, path.as_slice()) {
            (Method::Get, ["lbaas", "loadbalancers"]) => {
                let project = query("project_id");
                if !who.admin && project.is_some_and(|id| *id != who.project) {
                    let refused = recorded!("octavia-loadbalancers-of-another-project-200");
                    return Some(refused.unchanged());
                }
                self.work();
                let name = query("name");
                let of = |one: &&SimBalancer| {
                    let owner = &one.shown["project_id"];
                    project.is_none_or(|id| *owner == id.as_str())
                        && name.is_none_or(|name| one.shown["name"] == name.as_str())
                        && (who.admin || *owner == who.project.as_str())
                };
                let all: Vec<_> =
                    self.balancers.iter().filter(of).map(|one| one.shown.clone()).collect();
                Some(recorded!("octavia-loadbalancers-none-200").with("loadbalancers", all))
            }
            (Method::Get, ["lbaas", "loadbalancers", id]) => {
                self.work();
                Some(self.show_balancer(who, id))
            }
            (Method::Put, ["lbaas", "loadbalancers", id, "failover"]) => {
                Some(self.fail_over(who, id))
            }
            (Method::Get, ["octavia", "amphorae"]) if !who.admin => {
                Some(recorded!("octavia-amphorae-403").unchanged())
            }
            (Method::Get, ["octavia", "amphorae"]) => {
                let of = query("loadbalancer_id");
                let ours = self.balancers.iter();
                let ours = ours.filter(|one| of.is_none_or(|id| one.shown["id"] == id.as_str()));
                let all: Vec<_> = ours.flat_map(SimBalancer::amphorae).collect();
                Some(recorded!("octavia-amphorae-200").with("amphorae", all))
            }
            (Method::Post, ["lbaas", "loadbalancers"]) => {
                let asked = request.json()?.get("loadbalancer")?;
                let made = self.make_balancer(&who.project, asked);
                Some(Response::new(201, json!({ "loadbalancer": made })))
            }
            (Method::Delete, ["lbaas", "loadbalancers", id]) => {
                let cascade = query("cascade").is_some_and(|value| value == "true");
                Some(self.delete_balancer(who, id, cascade))
            }
            _ => None,
        }
    }

    fn make_balancer(&mut self, project: &str, asked: &Value) -> Value {
        let mut made = recorded!("octavia-loadbalancer-201").body["loadbalancer"].clone();
        for (key, value) in asked.as_object().into_iter().flatten() {
            made[key] = value.clone();
        }
        let id = self.id();
        let subnets = self.parts.get("subnets").into_iter().flatten();
        let subnet = subnets.clone().find(|one| one["id"] == asked["vip_subnet_id"]);
        let network = subnet.map(|subnet| subnet["network_id"].clone()).unwrap_or_default();
        let port = json!({
            "name": format!("octavia-lb-{id}"), "device_id": format!("lb-{id}"),
            "device_owner": "Octavia", "network_id": network,
            "fixed_ips": [{ "subnet_id": asked["vip_subnet_id"], "ip_address": "192.168.3.9" }],
        });
        let port = self.make_part(project, &PORTS, &port);
        made["id"] = json!(id);
        made["vip_port_id"] = port["id"].clone();
        made["project_id"] = json!(project);
        made["tenant_id"] = json!(project);
        made["created_at"] = json!(self.written_now());
        self.balancers.push(SimBalancer {
            shown: made.clone(),
            busy: Some(BUSY),
            roles: &["STANDALONE"],
            failovers: 0,
            failing_over: false,
            amphora_status: None,
        });
        made
    }

    /// Octavia writes times without a zone.
    fn written_now(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    fn show_balancer(&self, who: &Who, id: &str) -> Response {
        let found = self.balancers.iter().find(|one| one.shown["id"] == id);
        match found {
            None => recorded!("octavia-loadbalancer-404").at(id),
            Some(one) if !who.admin && one.shown["project_id"] != who.project.as_str() => {
                recorded!("octavia-403").unchanged()
            }
            Some(one) => Response::new(200, json!({ "loadbalancer": one.shown })),
        }
    }

    /// `octavia/api/v2/controllers/load_balancer.py`, `FailoverController.put`: known, permitted, and
    /// ACTIVE or in ERROR (`db/repositories.py`, `set_status_for_failover`), then the provider.
    fn fail_over(&mut self, who: &Who, id: &str) -> Response {
        let (now, fate) = (self.written_now(), self.failovers);
        let Some(one) = self.balancers.iter_mut().find(|one| one.shown["id"] == id) else {
            return recorded!("octavia-loadbalancer-404").at(id);
        };
        if !who.admin {
            return recorded!("octavia-failover-403").unchanged();
        }
        let status = one.shown["provisioning_status"].as_str().unwrap_or_default();
        if !["ACTIVE", "ERROR"].contains(&status) {
            let words = format!("Invalid state {status} of loadbalancer resource {id}");
            return recorded!("octavia-failover-pending").with("faultstring", words);
        }
        // `api/drivers/driver_lib` and `common/exceptions.py`, `ProviderNotImplementedError`.
        if one.shown["provider"] != "amphora" {
            let provider = one.shown["provider"].as_str().unwrap_or_default();
            let words = "This provider does not support loadbalancer failover.";
            let words =
                format!("Provider '{provider}' does not support a requested action: {words}");
            let body = json!({ "faultcode": "Server", "faultstring": words, "debuginfo": null });
            return Response::new(501, body);
        }
        one.shown["provisioning_status"] = json!("PENDING_UPDATE");
        one.shown["updated_at"] = json!(now);
        one.failing_over = true;
        one.busy = (fate != FailoverFate::NeverEnds).then_some(BUSY);
        recorded!("octavia-failover-202").unchanged()
    }

    /// A server of an amphora, as Nova shows it at 2.47 to an administrator of any project
    /// (nova, `api/openstack/compute/views/servers.py`).
    pub(super) fn amphora_server(&self, who: &Who, id: &str) -> Option<Response> {
        let mut all = self.balancers.iter().flat_map(SimBalancer::amphorae);
        if !who.admin || !all.any(|one| one["compute_id"] == id) {
            return None;
        }
        let flavor = json!({
            "vcpus": 1, "ram": 1024, "disk": 8, "ephemeral": 0, "swap": 0,
            "original_name": "charm-octavia", "extra_specs": {},
        });
        let server = json!({
            "id": id, "name": "amphora", "status": "ACTIVE", "tenant_id": AMPHORA_PROJECT,
            "image": { "id": "i" }, "flavor": flavor,
        });
        Some(Response::new(200, json!({ "server": server })))
    }

    /// `os-quota-sets/PROJECT/detail` (nova, `api/openstack/compute/quota_sets.py`).
    pub(super) fn amphora_quota(&self, who: &Who) -> Response {
        if !who.admin {
            let message =
                "Policy doesn't allow os_compute_api:os-quota-sets:detail to be performed.";
            return Response::new(403, json!({ "forbidden": { "code": 403, "message": message } }));
        }
        let servers = self.balancers.iter().flat_map(SimBalancer::amphorae).count();
        let limit = self.quotas.get(&(AMPHORA_PROJECT.to_owned(), "instances".to_owned()));
        let limit = limit.map_or(json!(-1), |limit| json!(limit));
        let free = json!({ "limit": -1, "in_use": servers, "reserved": 0 });
        let instances = json!({ "limit": limit, "in_use": servers, "reserved": 0 });
        let set =
            json!({ "id": AMPHORA_PROJECT, "instances": instances, "cores": free, "ram": free });
        Response::new(200, json!({ "quota_set": set }))
    }

    /// `allocation_candidates` (placement, `handlers/allocation_candidate.py`, from 1.12 on).
    pub(super) fn placement(&self, who: &Who, request: &Request) -> Option<Response> {
        let asked = request.path.first().is_some_and(|one| one == "allocation_candidates");
        if request.method != Method::Get || !asked {
            return None;
        }
        if !who.admin {
            let error =
                json!({ "status": 403, "title": "Forbidden", "detail": "Access was denied" });
            return Some(Response::new(403, json!({ "errors": [error] })));
        }
        let on = |host: usize| {
            let host = format!("{host:08x}-0000-4000-8000-00000000000f");
            let resources = json!({ "VCPU": 1, "MEMORY_MB": 1024, "DISK_GB": 8 });
            json!({ "allocations": { host: { "resources": resources } } })
        };
        let all: Vec<_> = (0..self.hosts_with_room).map(on).collect();
        Some(Response::new(200, json!({ "allocation_requests": all, "provider_summaries": {} })))
    }

    fn delete_balancer(&mut self, who: &Who, id: &str, cascade: bool) -> Response {
        let now = self.written_now();
        let Some(one) = self.balancers.iter_mut().find(|one| one.shown["id"] == id) else {
            return recorded!("octavia-loadbalancer-delete-404").at(id);
        };
        if !who.admin && one.shown["project_id"] != who.project.as_str() {
            return recorded!("octavia-loadbalancer-delete-foreign").at(id);
        }
        let state = one.shown["provisioning_status"].as_str().unwrap_or_default().to_owned();
        if state.starts_with("PENDING_") {
            let mut refused = recorded!("octavia-loadbalancer-delete-pending").at(id);
            if let Some(Value::String(words)) = refused.body.get_mut("faultstring") {
                *words = words.replace("PENDING_CREATE", &state);
            }
            return refused;
        }
        if !cascade && one.shown["listeners"].as_array().is_some_and(|all| !all.is_empty()) {
            return recorded!("octavia-loadbalancer-delete-with-children").at(id);
        }
        one.shown["provisioning_status"] = json!("PENDING_DELETE");
        one.shown["updated_at"] = json!(now);
        one.busy = Some(BUSY);
        recorded!("octavia-loadbalancer-delete-204").unchanged()
    }

    /// Makes progress with the request, once for each read.
    fn work(&mut self) {
        let (now, fate) = (self.written_now(), self.failovers);
        let mut gone = Vec::new();
        for one in &mut self.balancers {
            let Some(busy) = one.busy else { continue };
            one.busy = Some(busy.saturating_sub(1));
            if busy > 0 {
                continue;
            }
            match one.shown["provisioning_status"].as_str() {
                Some("PENDING_DELETE") => gone.push(one.shown.clone()),
                Some("PENDING_CREATE" | "PENDING_UPDATE") => {
                    let failed = one.failing_over && fate == FailoverFate::Fails;
                    let status = if failed { "ERROR" } else { "ACTIVE" };
                    one.failovers += u32::from(one.failing_over && !failed);
                    one.failing_over = false;
                    one.shown["provisioning_status"] = json!(status);
                    one.shown["updated_at"] = json!(now);
                }
                _ => {}
            }
        }
        for one in &gone {
            self.take_balancer(one);
        }
    }

    fn take_balancer(&mut self, balancer: &Value) {
        self.balancers.retain(|one| one.shown["id"] != balancer["id"]);
        self.take("ports", balancer["vip_port_id"].as_str().unwrap_or_default());
    }

    pub(super) fn drop_balancers(&mut self, names: &[&str]) {
        let has_name = |one: &&SimBalancer| names.iter().any(|name| one.shown["name"] == *name);
        let gone: Vec<_> =
            self.balancers.iter().filter(has_name).map(|o| o.shown.clone()).collect();
        for one in &gone {
            self.take_balancer(one);
        }
    }

    pub(super) fn set_balancer_status(&mut self, id: &str, provisioning_status: &str) {
        for one in self.balancers.iter_mut().filter(|one| one.shown["id"] == id) {
            one.shown["provisioning_status"] = json!(provisioning_status);
            one.busy = None;
        }
    }

    pub(super) fn set_operating_status(&mut self, operating_status: &str) {
        for one in &mut self.balancers {
            one.shown["operating_status"] = json!(operating_status);
        }
    }

    pub(super) fn set_amphora_status(&mut self, name: &str, status: &str) {
        for one in self.balancers.iter_mut().filter(|one| one.shown["name"] == name) {
            one.amphora_status = Some(status.to_owned());
        }
    }

    pub(super) fn add_balancer(&mut self, project: &str, name: &str) {
        let made = self.make_balancer(project, &json!({ "name": name }));
        let id = made["id"].as_str().unwrap_or_default();
        self.set_balancer_status(id, "ACTIVE");
        let address = json!({ "port_id": made["vip_port_id"] });
        self.make_part(project, &FLOATING_IPS, &address);
    }

    pub(super) fn set_balancer_provider(&mut self, id: &str, provider: &str) {
        for one in self.balancers.iter_mut().filter(|one| one.shown["id"] == id) {
            one.shown["provider"] = json!(provider);
        }
    }

    pub(super) fn double_amphorae(&mut self, id: &str) {
        for one in self.balancers.iter_mut().filter(|one| one.shown["id"] == id) {
            one.roles = &["MASTER", "BACKUP"];
        }
    }

    pub(super) fn balancer_states(&self) -> Vec<String> {
        let show = |one: &SimBalancer| {
            let SimBalancer { shown, failovers, roles, .. } = one;
            let text = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
            let (project, name, status) =
                (text("project_id"), text("name"), text("provisioning_status"));
            let (provider, roles) = (text("provider"), roles.join(" "));
            format!("{project} {name} {status} {provider}, {failovers} failovers, {roles}")
        };
        let mut all: Vec<_> = self.balancers.iter().map(show).collect();
        all.sort();
        all
    }
}
