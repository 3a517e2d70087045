//! Writes: what becomes of the objects that are kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    authorize::{Attributes, status},
    discovery::text,
    kubelet::Fate,
    objects::Answer,
    rbac_apiserver::{Asked, KINDS, State, Token},
};

impl State {
    pub(super) fn change(&mut self, asked: &Asked, at: &Attributes) -> Answer {
        let in_namespace = !at.namespace.is_empty() && at.resource != "namespaces";
        if in_namespace && self.find("namespaces", "", &at.namespace).is_none() {
            return absent("namespaces", "", &at.namespace);
        }
        if at.subresource == "token" {
            return self.issue(asked, at);
        }
        match at.verb.as_str() {
            "create" => {
                let name = text(&asked.body["metadata"]["name"]).to_owned();
                if at.resource == "pods"
                    && let Some(refused) = self.fate.refused(&name)
                {
                    return refused;
                }
                if self.find(&at.resource, &at.namespace, &name).is_some() {
                    let message = format!("{} \"{name}\" already exists", dotted(at));
                    return status(StatusCode::CONFLICT, "AlreadyExists", &message);
                }
                (StatusCode::CREATED, self.make(asked, at, &name))
            }
            "patch" => self.patch(asked, at),
            "delete" => self.delete(asked, at),
            _ => (StatusCode::OK, json!({"kind": "List", "apiVersion": "v1", "items": []})),
        }
    }

    fn make(&mut self, asked: &Asked, at: &Attributes, name: &str) -> Value {
        let mut object = asked.body.clone();
        object["metadata"]["name"] = name.into();
        if at.resource == "namespaces" {
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
        } else if !at.namespace.is_empty() {
            object["metadata"]["namespace"] = at.namespace.clone().into();
        }
        if let Some(fields) = object.as_object_mut() {
            fields.shift_remove("kind");
            fields.shift_remove("apiVersion");
        }
        let object = self.stamped(object);
        self.keep(at, &object);
        object
    }

    fn keep(&mut self, at: &Attributes, object: &Value) {
        let kept = KINDS.iter().zip(&mut self.collections);
        for ((_, plural, ..), (collection, ..)) in kept {
            if *plural == at.resource {
                collection.put(object.clone());
            }
        }
    }

    fn patch(&mut self, asked: &Asked, at: &Attributes) -> Answer {
        let found = self.find(&at.resource, &at.namespace_of(), &at.name).cloned();
        let apply = asked.kind.contains("apply-patch");
        let Some(mut object) = found else {
            if !apply {
                return absent(&at.resource, &at.group, &at.name);
            }
            return (StatusCode::CREATED, self.make(asked, at, &at.name.clone()));
        };
        let expected = &asked.body["metadata"]["resourceVersion"];
        if !expected.is_null() && *expected != object["metadata"]["resourceVersion"] {
            let message = format!(
                "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please \
                 apply your changes to the latest version and try again",
                dotted(at),
                at.name
            );
            return status(StatusCode::CONFLICT, "Conflict", &message);
        }
        let role = object["roleRef"].clone();
        merge(&mut object, &asked.body);
        if object["roleRef"] != role {
            let code = StatusCode::UNPROCESSABLE_ENTITY;
            return status(code, "Invalid", "roleRef: Invalid value: cannot change roleRef");
        }
        if let Some(fields) = object.as_object_mut() {
            fields.shift_remove("kind");
            fields.shift_remove("apiVersion");
            if role.is_null() {
                fields.shift_remove("roleRef");
            }
        }
        self.counter += 1;
        object["metadata"]["resourceVersion"] = self.counter.to_string().into();
        self.keep(at, &object);
        (StatusCode::OK, object)
    }

    /// Lets pass what passes between two looks at a pod.
    pub(super) fn age(&mut self, at: &Attributes) {
        let Some(mut pod) = self.find("pods", &at.namespace, &at.name).cloned() else { return };
        let begins = pod["status"]["phase"].is_null();
        if begins {
            pod["status"]["phase"] = "Pending".into();
        } else {
            self.fate.befall(&mut pod);
        }
        self.keep(at, &pod);
    }

    fn delete(&mut self, asked: &Asked, at: &Attributes) -> Answer {
        let Some(found) = self.find(&at.resource, &at.namespace_of(), &at.name).cloned() else {
            return absent(&at.resource, &at.group, &at.name);
        };
        for key in ["uid", "resourceVersion"] {
            let expected = &asked.body["preconditions"][key];
            if !expected.is_null() && *expected != found["metadata"][key] {
                let message = format!(
                    "Operation cannot be fulfilled on {} \"{}\": the {key} in the precondition \
                     does not match",
                    dotted(at),
                    at.name
                );
                return status(StatusCode::CONFLICT, "Conflict", &message);
            }
        }
        if at.resource == "pods" && self.fate == Fate::Stays {
            let mut pod = found;
            pod["metadata"]["deletionTimestamp"] = self.clock.to_string().into();
            self.keep(at, &pod);
            return (StatusCode::OK, pod);
        }
        for ((_, plural, ..), (collection, ..)) in KINDS.iter().zip(&mut self.collections) {
            if *plural == at.resource {
                collection.items.retain(|item| item["metadata"]["uid"] != found["metadata"]["uid"]);
            }
        }
        (StatusCode::OK, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }

    fn issue(&mut self, asked: &Asked, at: &Attributes) -> Answer {
        let Some(account) = self.find("serviceaccounts", &at.namespace, &at.name) else {
            return absent("serviceaccounts", "", &at.name);
        };
        let uid = text(&account["metadata"]["uid"]).to_owned();
        let seconds = asked.body["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
        if seconds < 600 {
            let message = format!(
                "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: \
                 Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            );
            return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message);
        }
        let seconds = seconds.min(self.longest);
        self.counter += 1;
        let (issued, expires) = (self.clock.as_second(), self.clock.as_second() + seconds);
        let user = format!("system:serviceaccount:{}:{}", at.namespace, at.name);
        let claims = json!({
            "aud": ["https://lab"], "exp": expires, "iat": issued, "iss": "https://lab",
            "jti": self.counter.to_string(), "nbf": issued, "sub": user,
            "kubernetes.io": {"namespace": at.namespace,
                              "serviceaccount": {"name": at.name, "uid": uid}},
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(&claims));
        let expires = Timestamp::from_second(expires).unwrap_or(self.clock);
        let (namespace, name) = (at.namespace.clone(), at.name.clone());
        self.tokens.push(Token { text: token.clone(), namespace, name, uid, expires });
        let mut body = asked.body.clone();
        body["spec"]["expirationSeconds"] = seconds.into();
        body["status"] = json!({"token": token, "expirationTimestamp": expires.to_string()});
        (StatusCode::CREATED, body)
    }
}

impl Attributes {
    /// Where the object is kept: a namespace is in none.
    fn namespace_of(&self) -> String {
        if self.resource == "namespaces" { String::new() } else { self.namespace.clone() }
    }
}

fn dotted(at: &Attributes) -> String {
    let dot = if at.group.is_empty() { "" } else { "." };
    format!("{}{dot}{}", at.resource, at.group)
}

fn absent(resource: &str, group: &str, name: &str) -> Answer {
    let dot = if group.is_empty() { "" } else { "." };
    let message = format!("{resource}{dot}{group} \"{name}\" not found");
    status(StatusCode::NOT_FOUND, "NotFound", &message)
}

/// RFC 7386.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *into = patch.clone();
        return;
    };
    for (key, value) in fields {
        if !value.is_null() {
            merge(&mut into[key.as_str()], value);
        } else if let Some(fields) = into.as_object_mut() {
            fields.shift_remove(key);
        }
    }
}
