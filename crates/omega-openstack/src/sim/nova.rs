//! Nova. Written from the recordings (record.py, `survey` and `flavors`).

use serde_json::{Value, json};

use super::{
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// The flavors that there always are: their ids and names.
const FLAVORS: [(&str, &str); 3] = [("m1", "m1.medium"), ("2", "gp.mid"), ("3", "capi.node")];

/// What Nova keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Nova {
    /// Servers as Nova lists them.
    servers: Vec<Value>,
}

impl State {
    pub(super) fn nova(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["os-quota-sets", project, "detail"]) => {
                Some(self.server_quota(who, project))
            }
            (Method::Get, ["servers", id]) if *id != "detail" => Some(self.amphora_server(who, id)),
            (Method::Get, ["flavors"]) => Some(list_flavors()),
            (Method::Get, ["servers"]) => Some(self.list_servers(who, request, false)),
            (Method::Get, ["servers", "detail"]) => Some(self.list_servers(who, request, true)),
            _ => None,
        }
    }

    /// Returns whether a flavor has this name or id.
    pub(super) fn is_flavor(text: &str) -> bool {
        FLAVORS.iter().any(|(id, name)| *id == text || *name == text)
    }

    /// Nova lists the servers of the token's project, an administrator's too.
    fn list_servers(&self, who: &Who, request: &Request, detail: bool) -> Response {
        let name = request.query.iter().find(|(key, _)| key == "name").map(|(_, value)| value);
        let ours = self.nova.servers.iter().filter(|one| one["tenant_id"] == who.project.as_str());
        let fits = |one: &&Value| {
            let is = one["name"].as_str().unwrap_or_default();
            name.is_none_or(|pattern| matches(pattern, is))
        };
        let show = |one: &Value| {
            if detail {
                return one.clone();
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
        made["status"] = json!(status);
        made["tenant_id"] = json!(project);
        self.nova.servers.push(made);
    }
}

fn list_flavors() -> Response {
    let recorded = recorded!("nova-flavors-200");
    let flavors = FLAVORS.map(|(id, name)| {
        let mut flavor = recorded.body["flavors"][0].clone();
        flavor["id"] = json!(id);
        flavor["name"] = json!(name);
        flavor
    });
    recorded.with("flavors", flavors)
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
