use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::{Service as _, ServiceExt as _};

use super::{
    discovery::{list, text},
    request::{ACCESS_REVIEWS, Answer, Answering, ApiRequest, Next, RULES_REVIEWS, status},
    state::{Shared, State},
};

/// The layer that authenticates accounts by their tokens and authorizes them by their roles.
pub(super) fn authorize(state: Shared, request: ApiRequest, mut next: Next) -> Answering {
    Box::pin(async move {
        let answered = state.lock().authorize(&request);
        match answered {
            Some(answer) => Ok(answer.into()),
            None => next.ready().await?.call(request).await,
        }
    })
}

impl State {
    /// Answers reviews, and requests that are not allowed.
    fn authorize(&self, request: &ApiRequest) -> Option<Answer> {
        let account = match &request.token {
            None => None,
            Some(token) => match self.account(token) {
                Some(account) => Some(account),
                None => {
                    return Some(status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"));
                }
            },
        };
        let has_roles = self.collections.iter().any(|one| one.path() == CLUSTER_ROLES);
        match request.path.as_str() {
            ACCESS_REVIEWS if has_roles => return Some(self.review(account.as_ref(), request)),
            RULES_REVIEWS if has_roles => return Some(self.rules(account.as_ref(), request)),
            _ => {}
        }
        let (namespace, name) = account?;
        let attributes = Attributes::of(&request.method, &request.path)?;
        if self.roles().allow(&namespace, &name, &attributes).is_some() {
            return None;
        }
        let user = format!("system:serviceaccount:{namespace}:{name}");
        Some(forbidden(&user, &attributes))
    }

    fn roles(&self) -> Rbac<'_> {
        Rbac {
            cluster_roles: self.items(CLUSTER_ROLES),
            cluster_bindings: self.items("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
            roles: self.items("/apis/rbac.authorization.k8s.io/v1/roles"),
            bindings: self.items("/apis/rbac.authorization.k8s.io/v1/rolebindings"),
        }
    }

    /// Answers a review of the rules in a namespace.
    fn rules(&self, account: Option<&(String, String)>, request: &ApiRequest) -> Answer {
        let place = text(&request.body["spec"]["namespace"]);
        let rules = match account {
            None => vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})],
            Some((namespace, name)) => self.roles().rules(namespace, name, place),
        };
        let mut body = request.body.clone();
        body["status"] =
            json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false});
        (StatusCode::CREATED, body)
    }

    fn review(&self, account: Option<&(String, String)>, request: &ApiRequest) -> Answer {
        let attributes = Attributes::reviewed(&request.body);
        let answer = match account {
            None => json!({"allowed": true, "reason": "system:masters"}),
            Some((namespace, name)) => match self.roles().allow(namespace, name, &attributes) {
                Some(reason) => json!({"allowed": true, "reason": reason}),
                None => json!({"allowed": false}),
            },
        };
        let mut body = request.body.clone();
        body["status"] = answer;
        (StatusCode::CREATED, body)
    }
}

const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

/// The attributes of a request that RBAC uses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub(super) verb: String,
    pub(super) group: String,
    pub(super) resource: String,
    pub(super) subresource: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Attributes {
    /// Returns those of a request; `None` for a non-resource URL.
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
            // For RBAC a namespace is in itself.
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

    /// Returns those of an access review.
    fn reviewed(body: &Value) -> Self {
        Self::deserialize(&body["spec"]["resourceAttributes"]).unwrap_or_default()
    }

    /// Returns the resource as a role names it: `pods/log`.
    pub(super) fn full(&self) -> String {
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

/// The stored roles and bindings.
struct Rbac<'a> {
    cluster_roles: &'a [Value],
    cluster_bindings: &'a [Value],
    roles: &'a [Value],
    bindings: &'a [Value],
}

impl Rbac<'_> {
    /// Returns which binding allows it, in the server's format.
    fn allow(&self, namespace: &str, name: &str, attributes: &Attributes) -> Option<String> {
        let mut bound = self.bound(namespace, name, &attributes.namespace);
        let (kind, binding, _) = bound
            .find(|(_, _, role)| list(&role["rules"]).iter().any(|rule| attributes.within(rule)))?;
        Some(reason(kind, binding, namespace, name))
    }

    /// Returns the rules of the account in `place`.
    fn rules(&self, namespace: &str, name: &str, place: &str) -> Vec<Value> {
        let bound = self.bound(namespace, name, place);
        bound.flat_map(|(_, _, role)| list(&role["rules"]).to_vec()).collect()
    }

    /// Returns the bindings of the account that apply in `place`, with their kinds and roles.
    fn bound(
        &self,
        namespace: &str,
        name: &str,
        place: &str,
    ) -> impl Iterator<Item = (&'static str, &Value, &Value)> {
        let ours = move |binding: &&Value| {
            list(&binding["subjects"]).iter().any(|subject| {
                subject["kind"] == "ServiceAccount"
                    && subject["name"] == name
                    && subject["namespace"] == namespace
            })
        };
        let called = |all: &'_ [Value], binding: &Value, place: Option<&str>| {
            let is = |role: &&Value| {
                role["metadata"]["name"] == binding["roleRef"]["name"]
                    && place.is_none_or(|place| role["metadata"]["namespace"] == place)
            };
            all.iter().position(|role| is(&role))
        };
        let everywhere = self.cluster_bindings.iter().filter(ours).filter_map(move |binding| {
            let role = self.cluster_roles.get(called(self.cluster_roles, binding, None)?)?;
            Some(("ClusterRoleBinding", binding, role))
        });
        let here = move |one: &&Value| !place.is_empty() && one["metadata"]["namespace"] == place;
        let here = self.bindings.iter().filter(here).filter(ours).filter_map(move |binding| {
            let role = if binding["roleRef"]["kind"] == "ClusterRole" {
                self.cluster_roles.get(called(self.cluster_roles, binding, None)?)?
            } else {
                self.roles.get(called(self.roles, binding, Some(place))?)?
            };
            Some(("RoleBinding", binding, role))
        });
        everywhere.chain(here)
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

pub(super) fn forbidden(user: &str, attributes: &Attributes) -> Answer {
    let Attributes { verb, group, namespace, name, .. } = attributes;
    let resource = attributes.full();
    let dotted = if group.is_empty() { "" } else { "." };
    let what = format!("{}{dotted}{group}", attributes.resource);
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
