//! What an inventory reads: Nova's servers, Cinder's volume types, Glance's images, and quotas.
//! Written from the recordings (record.py, `cloud_inventory`).

use serde_json::{Value, json};

use super::{
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// Neutron's quota resources and their collections.
const COUNTED: [(&str, &str); 5] = [
    ("network", "networks"),
    ("subnet", "subnets"),
    ("port", "ports"),
    ("router", "routers"),
    ("floatingip", "floatingips"),
];

impl State {
    /// Nova lists the servers of the token's project, also for an administrator.
    pub(super) fn nova(&self, who: &Who, request: &Request) -> Option<Response> {
        let name = request.query.iter().find(|(key, _)| key == "name").map(|(_, value)| value);
        let ours = self.servers.iter().filter(|one| one["tenant_id"] == who.project.as_str());
        let fits = |one: &&Value| {
            let is = one["name"].as_str().unwrap_or_default();
            name.is_none_or(|pattern| matches(pattern, is))
        };
        let found: Vec<&Value> = ours.filter(fits).collect();
        match (request.method, path(request).as_slice()) {
            (Method::Get, ["servers", "detail"]) => {
                Some(with("nova-servers-none-200", "servers", json!(found)))
            }
            (Method::Get, ["servers"]) => {
                let brief = |one: &&Value| json!({ "id": one["id"], "name": one["name"], "links": one["links"] });
                let brief: Vec<Value> = found.iter().map(brief).collect();
                Some(with("nova-servers-none-200", "servers", json!(brief)))
            }
            _ => None,
        }
    }

    pub(super) fn cinder(&self, request: &Request) -> Option<Response> {
        match (request.method, path(request).as_slice()) {
            (Method::Get, ["types"]) if self.volume_types => {
                Some(recorded("cinder-types-200").unchanged())
            }
            (Method::Get, ["types"]) => Some(with("cinder-types-200", "volume_types", json!([]))),
            _ => None,
        }
    }

    pub(super) fn glance(&mut self, request: &Request) -> Option<Response> {
        match (request.method, path(request).as_slice()) {
            (Method::Get, ["images"]) => Some(recorded("glance-images-page-200").unchanged()),
            (_, ["images", id, "file"]) => self.image_file(id, request),
            _ => None,
        }
    }

    /// In Neutron a member can read the quotas of its own project.
    pub(super) fn network_quotas(&self, who: &Who, request: &Request) -> Option<Response> {
        let path = path(request);
        let (Method::Get, ["quotas", project, "details.json"]) = (request.method, path.as_slice())
        else {
            return None;
        };
        if !who.admin && *project != who.project {
            return Some(recorded("neutron-quotas-of-another-project").unchanged());
        }
        let mut answer = recorded("neutron-quotas-200").unchanged();
        for (resource, collection) in COUNTED {
            let all = self.parts.get(collection).into_iter().flatten();
            let used = all.filter(|one| one["project_id"] == *project).count();
            answer.body["quota"][resource]["used"] = json!(used);
            let limit = self.quotas.get(&((*project).to_owned(), resource.to_owned()));
            if let Some(limit) = limit {
                answer.body["quota"][resource]["limit"] = json!(limit);
            }
        }
        Some(answer)
    }

    /// Octavia refuses a member without one of its roles.
    pub(super) fn balancer_quota(&self, who: &Who, request: &Request) -> Option<Response> {
        let path = path(request);
        let (Method::Get, ["lbaas", "quotas", project]) = (request.method, path.as_slice()) else {
            return None;
        };
        if !who.admin {
            return Some(recorded("octavia-quota-403").unchanged());
        }
        let mut answer = recorded("octavia-quota-200").unchanged();
        let limit = self.quotas.get(&((*project).to_owned(), "load_balancer".to_owned()));
        if let Some(limit) = limit {
            answer.body["quota"]["load_balancer"] = json!(limit);
        }
        Some(answer)
    }

    pub(super) fn new_server(&mut self, project: &str, name: &str, status: &str) {
        let mut made = recorded("nova-servers-200").body["servers"][0].take();
        made["id"] = json!(self.id());
        made["name"] = json!(name);
        made["status"] = json!(status);
        made["tenant_id"] = json!(project);
        self.servers.push(made);
    }
}

fn path(request: &Request) -> Vec<&str> {
    request.path.iter().map(String::as_str).collect()
}

fn with(name: &str, key: &str, value: Value) -> Response {
    let mut answer = recorded(name).unchanged();
    answer.body[key] = value;
    answer
}

/// For Nova a name is a regular expression: here one with only escapes and anchors.
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
