//! Nova. Written from the recordings (record.py, `survey`, `flavors` and `prerequisites`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    recorded::recorded,
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
    servers: Vec<Value>,
    /// Key pairs as Nova lists them, by user and name.
    keypairs: BTreeMap<(&'static str, String), Value>,
    /// Further flavors: their names, vCPUs, and memory.
    flavors: Vec<(String, u64, u64)>,
}

impl State {
    pub(super) fn nova(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["flavors"]) => Some(self.list_flavors(false)),
            (Method::Get, ["flavors", "detail"]) => Some(self.list_flavors(true)),
            (Method::Get, ["os-quota-sets", project, "detail"]) => {
                Some(self.compute_quotas(who, project))
            }
            (Method::Get, ["servers"]) => Some(self.list_servers(who, request, false)),
            (Method::Get, ["servers", "detail"]) => Some(self.list_servers(who, request, true)),
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

    /// From Nova's source and not recorded (`policies/quota_sets.py`: a reader of the project itself).
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
