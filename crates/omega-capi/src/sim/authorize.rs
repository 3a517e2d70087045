//! Who may do what, by the roles that are kept.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    discovery::{list, text},
    objects::Answer,
};

/// What is asked for, in RBAC's words.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) verb: String,
    pub(super) group: String,
    pub(super) resource: String,
    pub(super) subresource: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Attributes {
    /// Reads them off a request, or nothing if it is for no resource.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').split('/');
        let group = match parts.next()? {
            "api" => "",
            "apis" => parts.next()?,
            _ => return None,
        };
        parts.next()?;
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            // A namespace is in itself.
            ["namespaces", name] | ["namespaces", name, "status" | "finalize"] => {
                (*name, rest.clone())
            }
            ["namespaces", name, ..] => (*name, rest.get(2..)?.to_vec()),
            _ => ("", rest.clone()),
        };
        let [resource, tail @ ..] = rest.as_slice() else { return None };
        let name = tail.first().copied().unwrap_or_default();
        let verb = match (method.as_str(), name) {
            ("GET", "") => "list",
            ("GET", _) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", "") => "deletecollection",
            _ => "delete",
        };
        let subresource = tail.get(1..).unwrap_or_default().join("/");
        let own = |text: &str| text.to_owned();
        Some(Self {
            verb: own(verb),
            group: own(group),
            resource: own(resource),
            subresource,
            namespace: own(namespace),
            name: own(name),
        })
    }

    /// Reads them off an access review.
    pub(super) fn reviewed(body: &Value) -> Self {
        let spec = &body["spec"]["resourceAttributes"];
        let field = |key: &str| text(&spec[key]).to_owned();
        Self {
            verb: field("verb"),
            group: field("group"),
            resource: field("resource"),
            subresource: field("subresource"),
            namespace: field("namespace"),
            name: field("name"),
        }
    }

    fn full(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            part => format!("{}/{part}", self.resource),
        }
    }

    fn within(&self, rule: &Value) -> bool {
        let has =
            |key: &str, word: &str| list(&rule[key]).iter().any(|one| one == "*" || one == word);
        let names = list(&rule["resourceNames"]);
        has("verbs", &self.verb)
            && has("apiGroups", &self.group)
            && has("resources", &self.full())
            && (names.is_empty() || names.iter().any(|name| *name == self.name.as_str()))
    }
}

/// The roles and bindings that are kept.
pub(super) struct Rbac<'a> {
    pub(super) cluster_roles: &'a [Value],
    pub(super) cluster_bindings: &'a [Value],
    pub(super) roles: &'a [Value],
    pub(super) bindings: &'a [Value],
}

impl Rbac<'_> {
    /// Returns which binding lets the account do it, in the server's words.
    pub(super) fn allow(&self, namespace: &str, name: &str, asked: &Attributes) -> Option<String> {
        let ours = |binding: &&Value| {
            list(&binding["subjects"]).iter().any(|subject| {
                subject["kind"] == "ServiceAccount"
                    && subject["name"] == name
                    && subject["namespace"] == namespace
            })
        };
        let grants = |role: Option<&Value>| {
            role.is_some_and(|role| list(&role["rules"]).iter().any(|rule| asked.within(rule)))
        };
        let called =
            |role: &&Value, binding: &Value| role["metadata"]["name"] == binding["roleRef"]["name"];
        for binding in self.cluster_bindings.iter().filter(ours) {
            if grants(self.cluster_roles.iter().find(|role| called(role, binding))) {
                return Some(reason("ClusterRoleBinding", binding, namespace, name));
            }
        }
        let here = |one: &&Value| one["metadata"]["namespace"] == asked.namespace.as_str();
        for binding in self.bindings.iter().filter(here).filter(ours) {
            let role = if binding["roleRef"]["kind"] == "ClusterRole" {
                self.cluster_roles.iter().find(|role| called(role, binding))
            } else {
                self.roles.iter().filter(here).find(|role| called(role, binding))
            };
            if !asked.namespace.is_empty() && grants(role) {
                return Some(reason("RoleBinding", binding, namespace, name));
            }
        }
        None
    }
}

fn reason(kind: &str, binding: &Value, namespace: &str, name: &str) -> String {
    let place = match text(&binding["metadata"]["namespace"]) {
        "" => String::new(),
        place => format!("/{place}"),
    };
    let (role, bound) = (&binding["roleRef"], text(&binding["metadata"]["name"]));
    format!(
        "RBAC: allowed by {kind} \"{bound}{place}\" of {} \"{}\" to ServiceAccount \"{name}/{namespace}\"",
        text(&role["kind"]),
        text(&role["name"])
    )
}

/// What is answered to who may not.
pub(super) fn forbidden(user: &str, asked: &Attributes) -> Answer {
    let Attributes { verb, group, namespace, name, .. } = asked;
    let resource = asked.full();
    let dotted = if group.is_empty() { "" } else { "." };
    let what = format!("{}{dotted}{group}", asked.resource);
    let what = if name.is_empty() { what } else { format!("{what} \"{name}\"") };
    let place = match namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        place => format!("in the namespace \"{place}\""),
    };
    let message = format!(
        "{what} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}"
    );
    status(StatusCode::FORBIDDEN, "Forbidden", &message)
}

/// An error as the API server says it.
pub(super) fn status(code: StatusCode, reason: &str, message: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    (code, body)
}
