//! Keystone's domains, users and role assignments, with permissions.

use serde_json::{Value, json};

use super::{
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// A domain with its users.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) enabled: bool,
    pub(super) users: Vec<User>,
}

/// A user, and the role it has on its own domain.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) enabled: bool,
    pub(super) role: Option<String>,
}

impl State {
    pub(super) fn keystone(&self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        if request.method != Method::Get {
            return None;
        }
        let filter = |key: &str| {
            request.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        };
        // Nobody has trusts here. A list of all is for administrators (keystone 22, `policies/trust.py`).
        if path == ["OS-TRUST", "trusts"] {
            let none = json!({ "trusts": [], "links": { "next": null } });
            let answer = Response::new(200, none);
            return Some(if who.admin {
                answer
            } else {
                recorded!("keystone-users-403").unchanged()
            });
        }
        let (refused, none, key, items) = match path.as_slice() {
            ["domains"] => (
                recorded!("keystone-domains-403"),
                recorded!("keystone-domains-none-200"),
                "domains",
                self.list_domains(filter("name")),
            ),
            ["users"] => (
                recorded!("keystone-users-403"),
                recorded!("keystone-users-none-200"),
                "users",
                self.list_users(filter("domain_id"), filter("name")),
            ),
            ["role_assignments"] => (
                recorded!("keystone-role-assignments-403"),
                recorded!("keystone-role-assignments-absent-domain"),
                "role_assignments",
                self.list_assignments(filter("scope.domain.id")),
            ),
            _ => return None,
        };
        if !who.admin {
            return Some(refused.unchanged());
        }
        Some(none.with(key, items))
    }

    fn list_domains(&self, name: Option<&str>) -> Vec<Value> {
        let like = recorded!("keystone-domains-by-name-200").body["domains"][0].clone();
        let domains = self.domains.iter().filter(|domain| name.is_none_or(|n| domain.name == n));
        let show = |domain: &Domain| {
            let mut shown = like.clone();
            shown["id"] = json!(domain.id);
            shown["name"] = json!(domain.name);
            shown["enabled"] = json!(domain.enabled);
            shown
        };
        domains.map(show).collect()
    }

    fn list_users(&self, domain_id: Option<&str>, name: Option<&str>) -> Vec<Value> {
        let like = recorded!("keystone-users-by-name-200").body["users"][0].clone();
        let domains = self.domains.iter().filter(|d| domain_id.is_none_or(|id| d.id == id));
        let users = domains.flat_map(|domain| domain.users.iter().map(move |user| (domain, user)));
        let show = |(domain, user): (&Domain, &User)| {
            let mut shown = like.clone();
            shown["id"] = json!(user.id);
            shown["name"] = json!(user.name);
            shown["domain_id"] = json!(domain.id);
            shown["enabled"] = json!(user.enabled);
            shown
        };
        users.filter(|(_, user)| name.is_none_or(|n| user.name == n)).map(show).collect()
    }

    fn list_assignments(&self, domain_id: Option<&str>) -> Vec<Value> {
        let like = recorded!("keystone-role-assignments-200").body["role_assignments"][0].clone();
        let domains = self.domains.iter().filter(|d| domain_id.is_none_or(|id| d.id == id));
        let users = domains.flat_map(|domain| domain.users.iter().map(move |user| (domain, user)));
        let show = |(domain, user): (&Domain, &User)| {
            let mut shown = like.clone();
            let of = json!({ "id": domain.id, "name": domain.name });
            shown["role"]["name"] = json!(user.role.as_ref()?);
            shown["user"] = json!({ "id": user.id, "name": user.name, "domain": of });
            shown["scope"] = json!({ "domain": of });
            Some(shown)
        };
        users.filter_map(show).collect()
    }
}
