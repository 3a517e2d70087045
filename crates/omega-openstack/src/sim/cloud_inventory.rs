//! What an inventory asks for: Cinder's volume types, Glance's images, and quotas.
//! Written from the recordings (record.py, `survey`).

use serde_json::{Value, json};

use super::{
    recorded::recorded,
    state::{State, Who, refused},
};
use crate::{Method, Request, Response, Service};

/// Neutron's quota resources and their collections.
const COUNTED: [(&str, &str); 5] = [
    ("network", "networks"),
    ("subnet", "subnets"),
    ("port", "ports"),
    ("router", "routers"),
    ("floatingip", "floatingips"),
];

impl State {
    pub(super) fn cinder(&self, request: &Request) -> Option<Response> {
        match (request.method, path(request).as_slice()) {
            (Method::Get, ["types"]) if self.volume_types => {
                Some(recorded!("cinder-types-200").unchanged())
            }
            (Method::Get, ["types"]) => {
                Some(recorded!("cinder-types-200").with("volume_types", json!([])))
            }
            (Method::Get, ["volumes", "detail"]) => {
                Some(Response::new(200, json!({ "volumes": self.volumes })))
            }
            _ => None,
        }
    }

    /// Who may read it is from Cinder's source (`api/contrib/quotas.py`; `policies/quotas.py`: a reader of
    /// the project itself).
    pub(super) fn volume_quotas(&self, who: &Who, request: &Request) -> Option<Response> {
        let path = path(request);
        let (Method::Get, ["os-quota-sets", project]) = (request.method, path.as_slice()) else {
            return None;
        };
        if !who.admin && *project != who.project {
            return Some(refused(Service::BlockStorage));
        }
        let mut answer = recorded!("cinder-quotas-200").unchanged();
        answer.body["quota_set"]["id"] = json!(project);
        self.limited(project, &mut answer.body["quota_set"]);
        Some(answer)
    }

    /// Puts the project's limits in the place of the recorded ones.
    pub(super) fn limited(&self, project: &str, quotas: &mut Value) {
        for ((_, resource), limit) in self.quotas.iter().filter(|((of, _), _)| of == project) {
            if let Some(quota) = quotas.get_mut(resource) {
                quota["limit"] = json!(limit);
            }
        }
    }

    /// Who may read it is from Magnum's source (18.0.1, `api/controllers/v1/quota.py`).
    pub(super) fn cluster_quota(&self, who: &Who, project: &str) -> Response {
        if !who.admin && project != who.project {
            return recorded!("magnum-403").unchanged();
        }
        let mut answer = recorded!("magnum-quota-200").unchanged();
        answer.body["project_id"] = json!(project);
        if let Some(limit) = self.quotas.get(&(project.to_owned(), "clusters".to_owned())) {
            answer.body["hard_limit"] = json!(limit);
        }
        answer
    }

    /// As Barbican 15 answers (the lab's case key-manager compares).
    pub(super) fn barbican(request: &Request) -> Option<Response> {
        let (Method::Get, ["secrets"]) = (request.method, path(request).as_slice()) else {
            return None;
        };
        Some(recorded!("barbican-secrets-none-200").unchanged())
    }

    pub(super) fn glance(&mut self, request: &Request) -> Option<Response> {
        match (request.method, path(request).as_slice()) {
            (Method::Get, ["images"]) => Some(recorded!("glance-images-page-200").unchanged()),
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
            return Some(recorded!("neutron-quotas-of-another-project").unchanged());
        }
        let mut answer = recorded!("neutron-quotas-200").unchanged();
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
            return Some(recorded!("octavia-quota-403").unchanged());
        }
        let mut answer = recorded!("octavia-quota-200").unchanged();
        let limit = self.quotas.get(&((*project).to_owned(), "load_balancer".to_owned()));
        if let Some(limit) = limit {
            answer.body["quota"]["load_balancer"] = json!(limit);
        }
        Some(answer)
    }
}

fn path(request: &Request) -> Vec<&str> {
    request.path.iter().map(String::as_str).collect()
}
