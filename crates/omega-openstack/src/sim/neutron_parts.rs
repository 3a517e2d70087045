//! Neutron's networks, subnets, routers, ports and floating IPs, and their dependencies.
//!
//! Written from the recordings (record.py, `network`). Addresses are not allocated, because nothing
//! here uses them.

use serde_json::{Value, json};

use super::{
    recorded::{Recorded, recorded},
    state::{State, Who},
};
use crate::{Method, Request, Response};

type Exchange = fn() -> &'static Recorded;

/// A collection, with what Neutron answered about it.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    plural: &'static str,
    /// What one thing of it is called.
    one: &'static str,
    none: Exchange,
    listed: Exchange,
    deleted: Exchange,
    absent: Exchange,
    /// The refusal to delete one that ports are on.
    in_use: Option<Exchange>,
}

pub(super) const PORTS: Kind = Kind {
    plural: "ports",
    one: "port",
    none: || recorded!("neutron-ports-none-200"),
    listed: || recorded!("neutron-ports-200"),
    deleted: || recorded!("neutron-ports-delete-204"),
    absent: || recorded!("neutron-ports-delete-404"),
    in_use: None,
};

pub(super) const FLOATING_IPS: Kind = Kind {
    plural: "floatingips",
    one: "floatingip",
    none: || recorded!("neutron-floatingips-none-200"),
    listed: || recorded!("neutron-floatingips-200"),
    deleted: || recorded!("neutron-floatingips-delete-204"),
    absent: || recorded!("neutron-floatingips-delete-404"),
    in_use: None,
};

const KINDS: [Kind; 5] = [
    Kind {
        plural: "networks",
        one: "network",
        none: || recorded!("neutron-networks-none-200"),
        listed: || recorded!("neutron-networks-200"),
        deleted: || recorded!("neutron-networks-delete-204"),
        absent: || recorded!("neutron-networks-delete-404"),
        in_use: Some(|| recorded!("neutron-networks-delete-in-use")),
    },
    Kind {
        plural: "subnets",
        one: "subnet",
        none: || recorded!("neutron-subnets-none-200"),
        listed: || recorded!("neutron-subnets-200"),
        deleted: || recorded!("neutron-subnets-delete-204"),
        absent: || recorded!("neutron-subnets-delete-404"),
        in_use: Some(|| recorded!("neutron-subnets-delete-in-use")),
    },
    Kind {
        plural: "routers",
        one: "router",
        none: || recorded!("neutron-routers-none-200"),
        listed: || recorded!("neutron-routers-200"),
        deleted: || recorded!("neutron-routers-delete-204"),
        absent: || recorded!("neutron-routers-delete-404"),
        in_use: Some(|| recorded!("neutron-routers-delete-in-use")),
    },
    PORTS,
    FLOATING_IPS,
];
const EXTERNAL: &str = "router:external";
const INTERFACE: &str = "network:router_interface";

impl State {
    pub(super) fn ports(&self) -> impl Iterator<Item = &Value> {
        self.parts.get("ports").into_iter().flatten()
    }

    /// Answers requests about the parts of networks only.
    pub(super) fn neutron_parts(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let kind = KINDS.iter().find(|kind| path.first() == Some(&kind.plural))?;
        match (request.method, path.as_slice()) {
            (Method::Get, [_]) => Some(self.list_parts(who, kind, request)),
            (Method::Post, [_]) => {
                let asked = request.json()?.get(kind.one)?;
                let made = self.make_part(&who.project, kind, asked);
                Some(Response::new(201, json!({ kind.one: made })))
            }
            (Method::Delete, [_, id]) => Some(self.delete_part(who, kind, id)),
            (Method::Put, [_, router, "add_router_interface"]) => {
                let subnet = request.json()?.get("subnet_id")?.as_str()?;
                Some(self.add_interface(router, subnet))
            }
            (Method::Put, [_, router, "remove_router_interface"]) => {
                let subnet = request.json()?.get("subnet_id")?.as_str()?;
                Some(self.remove_interface(router, subnet))
            }
            _ => None,
        }
    }

    pub(super) fn new_network(&mut self, project: &str, name: &str, cidr: &str, external: bool) {
        let project = self.project(project);
        let kind = |plural| KINDS.into_iter().find(|kind| kind.plural == plural);
        let (Some(networks), Some(subnets)) = (kind("networks"), kind("subnets")) else { return };
        let asked = json!({ "name": name, EXTERNAL: external });
        let network = self.make_part(&project, &networks, &asked)["id"].clone();
        let asked = json!({ "name": name, "network_id": network, "cidr": cidr });
        let subnet = self.make_part(&project, &subnets, &asked)["id"].clone();
        for one in self.parts.get_mut("networks").into_iter().flatten() {
            if one["id"] == network {
                one["subnets"] = json!([subnet]);
            }
        }
    }

    fn list_parts(&self, who: &Who, kind: &Kind, request: &Request) -> Response {
        let plural = kind.plural;
        let filter = |key: &str| {
            request.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        };
        // Everybody sees an external network, but not its subnets.
        let seen = |part: &&Value| {
            who.admin || part["project_id"] == who.project.as_str() || part[EXTERNAL] == true
        };
        let fits = |part: &&Value| {
            let keys = ["id", "project_id", "name", "device_id", "network_id"];
            let external = filter(EXTERNAL).is_none_or(|value| {
                part[EXTERNAL].as_bool().unwrap_or_default() == (value == "true")
            });
            external && keys.iter().all(|key| filter(key).is_none_or(|value| part[*key] == value))
        };
        let all = self.parts.get(plural).into_iter().flatten().filter(seen).filter(fits);
        let mut all: Vec<&Value> = all.collect();
        let after = filter("marker").and_then(|id| all.iter().position(|part| part["id"] == id));
        let rest = all.split_off(after.map_or(0, |index| index + 1));
        let page: Vec<_> = rest.iter().take(self.page).collect();
        let mut answer = (kind.none)().with(plural, page);
        if let Some(last) = rest.get(self.page.saturating_sub(1)) {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(request.query.iter().filter(|(key, _)| key != "marker"));
            query.append_pair("marker", last["id"].as_str().unwrap_or_default());
            let href = format!("http://neutron.internal:9696/v2.0/{plural}?{}", query.finish());
            answer.body[format!("{plural}_links")] = json!([{ "rel": "next", "href": href }]);
        }
        answer
    }

    /// Makes a thing of the collection, with what is asked in place of what was recorded.
    pub(super) fn make_part(&mut self, project: &str, kind: &Kind, asked: &Value) -> Value {
        let plural = kind.plural;
        let mut made = (kind.listed)().body[plural][0].clone();
        let empty: &[&str] = match plural {
            "ports" => &["name", "description", "device_id", "device_owner"],
            _ => &["name", "description"],
        };
        for key in empty {
            if !made[*key].is_null() {
                made[*key] = json!("");
            }
        }
        match plural {
            "ports" => {
                made["fixed_ips"] = json!([]);
                made["security_groups"] = json!([]);
            }
            "floatingips" => made["port_id"] = Value::Null,
            _ => {}
        }
        for (key, value) in asked.as_object().into_iter().flatten() {
            made[key] = value.clone();
        }
        let number = self.serial();
        made["id"] = json!(self.id());
        made["project_id"] = json!(project);
        made["tenant_id"] = json!(project);
        if plural == "floatingips" {
            made["floating_ip_address"] = json!(format!("203.0.113.{number}"));
        }
        if plural == "ports" && made["fixed_ips"].as_array().is_none_or(Vec::is_empty) {
            let subnets = self.parts.get("subnets").into_iter().flatten();
            let first = subnets.clone().find(|subnet| subnet["network_id"] == made["network_id"]);
            made["fixed_ips"] = first.map_or(json!([]), |subnet| {
                json!([{ "subnet_id": subnet["id"], "ip_address": format!("192.168.3.{number}") }])
            });
        }
        self.parts.entry(plural).or_default().push(made.clone());
        made
    }

    fn delete_part(&mut self, who: &Who, kind: &Kind, id: &str) -> Response {
        let plural = kind.plural;
        let part = self.parts.get(plural).into_iter().flatten().find(|part| part["id"] == id);
        let visible = |part: &&Value| who.admin || part["project_id"] == who.project.as_str();
        let Some(part) = part.filter(visible).cloned() else {
            return (kind.absent)().at(id);
        };
        let on = |port: &&Value| match plural {
            "networks" => port["network_id"] == id,
            "subnets" => addresses(port).any(|subnet| subnet == id),
            "routers" => port["device_id"] == id && port["device_owner"] == INTERFACE,
            _ => false,
        };
        if let (Some(in_use), Some(port)) = (kind.in_use, self.ports().find(on)) {
            let mut refused = in_use().at(id);
            name_ports(&mut refused, port["id"].as_str().unwrap_or_default());
            return refused;
        }
        if plural == "ports" && part["device_owner"] == INTERFACE {
            return recorded!("neutron-ports-delete-of-router").at(id);
        }
        self.take(plural, id);
        (kind.deleted)().unchanged()
    }

    /// Removes the object and its dependents.
    pub(super) fn take(&mut self, plural: &str, id: &str) {
        if let Some(all) = self.parts.get_mut(plural) {
            all.retain(|part| part["id"] != id);
        }
        if plural == "networks"
            && let Some(subnets) = self.parts.get_mut("subnets")
        {
            subnets.retain(|subnet| subnet["network_id"] != id);
        }
        let tied = self.parts.get_mut("floatingips").into_iter().flatten();
        for address in tied.filter(|address| plural == "ports" && address["port_id"] == id) {
            address["port_id"] = Value::Null;
        }
    }

    fn add_interface(&mut self, router: &str, subnet: &str) -> Response {
        let subnets = self.parts.get("subnets").into_iter().flatten();
        let on = subnets.clone().find(|one| one["id"] == subnet).cloned().unwrap_or_default();
        let project = on["project_id"].as_str().unwrap_or_default().to_owned();
        let asked = json!({
            "network_id": on["network_id"], "device_id": router, "device_owner": INTERFACE,
            "fixed_ips": [{ "subnet_id": subnet, "ip_address": "192.168.3.1" }],
        });
        self.make_part(&project, &PORTS, &asked);
        recorded!("neutron-interface-remove-200").unchanged()
    }

    fn remove_interface(&mut self, router: &str, subnet: &str) -> Response {
        let about = |recorded: &Recorded| {
            let was = recorded.asked("/body/subnet_id");
            let mut answer = recorded.about(&was, subnet);
            let path = recorded.asked("/path");
            let was = path.split('/').nth(2).unwrap_or_default().to_owned();
            if let Some(Value::String(words)) = answer.body.pointer_mut("/NeutronError/message") {
                *words = words.replace(&was, router);
            }
            answer
        };
        if !self.parts.get("subnets").into_iter().flatten().any(|one| one["id"] == subnet) {
            return about(recorded!("neutron-interface-remove-404"));
        }
        let is = |port: &&Value| {
            port["device_id"] == router
                && port["device_owner"] == INTERFACE
                && addresses(port).any(|id| id == subnet)
        };
        let Some(port) = self.ports().find(is) else {
            return about(recorded!("neutron-interface-remove-again"));
        };
        let port = port["id"].as_str().unwrap_or_default().to_owned();
        let reached: Vec<_> = self
            .ports()
            .filter(|port| addresses(port).any(|id| id == subnet))
            .map(|port| port["id"].clone())
            .collect();
        let mut addresses = self.parts.get("floatingips").into_iter().flatten();
        if addresses.any(|address| reached.contains(&address["port_id"])) {
            return about(recorded!("neutron-interface-remove-in-use"));
        }
        self.take("ports", &port);
        about(recorded!("neutron-interface-remove-200"))
    }

    /// Returns every part by its kind and name or address, without ids.
    pub(super) fn part_names(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let show = |(plural, part): (&str, &Value)| {
            let about = text(&part["description"]);
            format!("{plural} {} {} {about}", text(&part["project_id"]), text(&part["name"]))
        };
        let parts =
            self.parts.iter().flat_map(|(plural, all)| all.iter().map(|one| (*plural, one)));
        let groups =
            self.groups.iter().map(|g| format!("group {} {} {}", g.project, g.name, g.description));
        let balancers = self.balancers.iter().map(|one| show(("balancer", &one.shown)));
        let mut names: Vec<_> = parts.map(show).chain(groups).chain(balancers).collect();
        names.sort();
        names
    }
}

/// Returns the subnets in which a port has addresses.
fn addresses(port: &Value) -> impl Iterator<Item = &str> {
    let fixed = port["fixed_ips"].as_array().into_iter().flatten();
    fixed.filter_map(|one| one["subnet_id"].as_str())
}

/// Inserts a port's id where Neutron's message lists the ports in use.
fn name_ports(refused: &mut Response, port: &str) {
    if let Some(Value::String(words)) = refused.body.pointer_mut("/NeutronError/message")
        && let Some((before, _)) = words.split_once(": ")
        && words.contains("port")
        && !words.contains("IP allocation")
    {
        *words = format!("{before}: {port}");
    }
}
