//! Octavia's load balancers: busy for a while, then in the requested state. Written from the
//! recordings (record.py, `octavia`).

use serde_json::{Value, json};

use super::{
    neutron_parts::PORTS,
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// How often it is listed as busy before a request has taken effect.
const BUSY: u32 = 2;

/// A load balancer.
#[derive(Clone, Debug)]
pub(super) struct SimBalancer {
    pub(super) shown: Value,
    /// How often it is still listed as busy; none: forever.
    busy: Option<u32>,
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
                let of = |one: &&SimBalancer| {
                    let owner = &one.shown["project_id"];
                    project.is_none_or(|id| *owner == id.as_str())
                        && (who.admin || *owner == who.project.as_str())
                };
                let all: Vec<_> =
                    self.balancers.iter().filter(of).map(|one| one.shown.clone()).collect();
                Some(recorded!("octavia-loadbalancers-none-200").with("loadbalancers", all))
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
        self.balancers.push(SimBalancer { shown: made.clone(), busy: Some(BUSY) });
        made
    }

    fn delete_balancer(&mut self, who: &Who, id: &str, cascade: bool) -> Response {
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
        one.busy = Some(BUSY);
        recorded!("octavia-loadbalancer-delete-204").unchanged()
    }

    /// Makes progress with the request, once for each read.
    fn work(&mut self) {
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
                    one.shown["provisioning_status"] = json!("ACTIVE");
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
}
