//! The stored objects: reads and writes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::{Service as _, ServiceExt as _};

use super::{
    authorize::Attributes,
    discovery::text,
    kubelet::PodOutcome,
    request::{Answer, Answering, ApiRequest, Next, status},
    state::{Shared, State, Token},
};

const NAMESPACES: &str = "/api/v1/namespaces";
const PODS: &str = "/api/v1/pods";

/// The layer of the stored objects.
pub(super) fn store(state: Shared, request: ApiRequest, mut next: Next) -> Answering {
    Box::pin(async move {
        let answered = state.lock().stored(&request);
        match answered {
            Some(answer) => Ok(answer.into()),
            None => next.ready().await?.call(request).await,
        }
    })
}

/// A write, its attributes and its collection.
struct Write<'a> {
    request: &'a ApiRequest,
    at: Attributes,
    /// The path of the collection.
    collection: String,
}

impl State {
    fn stored(&mut self, request: &ApiRequest) -> Option<Answer> {
        let ApiRequest { path, query, accept, .. } = request;
        if request.method == Method::GET {
            self.advance_pod(path);
            self.advance_balanced(path);
            if let Some(events) = self.balanced_events(path) {
                return Some((StatusCode::OK, events));
            }
            let found = self.collections.iter().find(|one| one.at(path).is_some())?;
            return self.serves(&found.path()).then(|| found.answer(path, query, accept))?;
        }
        let at = Attributes::of(&request.method, path)?;
        let whole = path.trim_end_matches(&format!("/{}", at.subresource)).to_owned();
        let whole = if at.subresource.is_empty() { path } else { &whole };
        let collection = self.collections.iter().find(|one| one.at(whole).is_some())?.path();
        let write = Write { request, at, collection };
        if !request.is_dry_run() {
            return Some(self.write(&write));
        }
        let before = (self.collections.clone(), self.tokens.clone());
        let answer = self.write(&write);
        (self.collections, self.tokens) = before;
        Some(answer)
    }

    fn write(&mut self, write: &Write<'_>) -> Answer {
        match write.at.verb.as_str() {
            "create" if write.at.subresource == "token" => self.issue(write),
            "create" => self.create(write),
            "patch" => self.patch(write),
            "delete" => self.delete(write),
            _ => (StatusCode::OK, json!({"kind": "List", "apiVersion": "v1", "items": []})),
        }
    }

    fn find(&self, write: &Write<'_>, name: &str) -> Option<&Value> {
        let namespace = write.namespace();
        self.items(&write.collection).iter().find(|item| {
            text(&item["metadata"]["namespace"]) == namespace && item["metadata"]["name"] == name
        })
    }

    fn create(&mut self, write: &Write<'_>) -> Answer {
        let name = text(&write.request.body["metadata"]["name"]).to_owned();
        if write.collection == PODS
            && let Some(refused) = self.pods.refused(&name)
        {
            return refused;
        }
        if self.find(write, &name).is_some() {
            let message = format!("{} \"{name}\" already exists", write.dotted());
            return status(StatusCode::CONFLICT, "AlreadyExists", &message);
        }
        self.make(write, &name)
    }

    fn make(&mut self, write: &Write<'_>, name: &str) -> Answer {
        let namespace = write.namespace().to_owned();
        let stored = self.collections.iter().any(|one| one.path() == NAMESPACES);
        let known = |item: &Value| item["metadata"]["name"] == namespace.as_str();
        if stored && !namespace.is_empty() && !self.items(NAMESPACES).iter().any(known) {
            return absent("namespaces", &namespace);
        }
        let mut object = write.request.body.clone();
        object["metadata"]["name"] = name.into();
        if write.collection == NAMESPACES {
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
        } else if !namespace.is_empty() {
            object["metadata"]["namespace"] = namespace.into();
        }
        let object = self.stamped(untyped(object));
        self.put(write, object.clone());
        (StatusCode::CREATED, object)
    }

    fn put(&mut self, write: &Write<'_>, object: Value) {
        if let Some(collection) = self.at(&write.collection) {
            collection.put(object);
        }
    }

    fn patch(&mut self, write: &Write<'_>) -> Answer {
        let ApiRequest { content_type, body, .. } = write.request;
        let Some(found) = self.find(write, &write.at.name).cloned() else {
            if content_type.contains("apply-patch") {
                return self.make(write, &write.at.name.clone());
            }
            return absent(&write.dotted(), &write.at.name);
        };
        if body["metadata"]["resourceVersion"].is_string()
            && body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]
        {
            return write.conflict(
                "the object has been modified; please apply your changes to the latest version \
                 and try again",
            );
        }
        let mut object = found.clone();
        merge(&mut object, body);
        let mut object = untyped(object);
        if !found["roleRef"].is_null() && object["roleRef"] != found["roleRef"] {
            let code = StatusCode::UNPROCESSABLE_ENTITY;
            return status(code, "Invalid", "roleRef: Invalid value: cannot change roleRef");
        }
        let finalizers =
            |of: &Value| of["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let (was, is) = (finalizers(&found), finalizers(&object));
        if found["metadata"]["deletionTimestamp"].is_string() {
            let new: Vec<String> =
                is.iter().filter(|one| !was.contains(one)).map(ToString::to_string).collect();
            if !new.is_empty() {
                let kind = write.kind(self);
                let message = format!(
                    "{kind}.{} \"{}\" is invalid: metadata.finalizers: Forbidden: no new \
                     finalizers can be added if the object is being deleted, found new finalizers \
                     []string{{{}}}",
                    write.at.group,
                    write.at.name,
                    new.join(", ")
                );
                return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message);
            }
            if is.is_empty() {
                self.remove(write, &found);
                return (StatusCode::OK, object);
            }
        }
        self.counter += 1;
        object["metadata"]["resourceVersion"] = self.counter.to_string().into();
        self.put(write, object.clone());
        (StatusCode::OK, object)
    }

    fn remove(&mut self, write: &Write<'_>, object: &Value) {
        if let Some(collection) = self.at(&write.collection) {
            collection.items.retain(|item| item["metadata"]["uid"] != object["metadata"]["uid"]);
        }
    }

    fn delete(&mut self, write: &Write<'_>) -> Answer {
        let Some(found) = self.find(write, &write.at.name).cloned() else {
            return absent(&write.dotted(), &write.at.name);
        };
        for key in ["uid", "resourceVersion"] {
            let expected = &write.request.body["preconditions"][key];
            if !expected.is_null() && *expected != found["metadata"][key] {
                return write.conflict(&format!("the {key} in the precondition does not match"));
            }
        }
        let held = found["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        let held = held || self.keeps_balancer(&write.collection, &write.request.path, &found);
        if held || (write.collection == PODS && self.pods == PodOutcome::Stays) {
            let mut object = found;
            object["metadata"]["deletionTimestamp"] = self.now().to_string().into();
            self.put(write, object.clone());
            return (StatusCode::OK, object);
        }
        self.remove(write, &found);
        (StatusCode::OK, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }

    fn issue(&mut self, write: &Write<'_>) -> Answer {
        let Some(account) = self.find(write, &write.at.name) else {
            return absent("serviceaccounts", &write.at.name);
        };
        let uid = text(&account["metadata"]["uid"]).to_owned();
        let seconds = write.request.body["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
        if seconds < 600 {
            let message = format!(
                "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: \
                 Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            );
            return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message);
        }
        let seconds = seconds.min(self.longest_token);
        self.counter += 1;
        let (namespace, name) = (write.at.namespace.clone(), write.at.name.clone());
        let issued = self.now().as_second();
        let claims = json!({
            "aud": ["https://lab"], "exp": issued + seconds, "iat": issued, "iss": "https://lab",
            "jti": self.counter.to_string(), "nbf": issued,
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "kubernetes.io": {"namespace": namespace,
                              "serviceaccount": {"name": name, "uid": uid}},
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(&claims));
        let expires = Timestamp::from_second(issued + seconds).unwrap_or(self.now());
        self.tokens.push(Token { text: token.clone(), namespace, name, uid, expires });
        let mut body = write.request.body.clone();
        body["spec"]["expirationSeconds"] = seconds.into();
        body["status"] = json!({"token": token, "expirationTimestamp": expires.to_string()});
        (StatusCode::CREATED, body)
    }

    /// Advances a pod between two reads: first to Pending, then to its final status.
    fn advance_pod(&mut self, path: &str) {
        let outcome = self.pods.clone();
        let Some(pods) = self.at(PODS) else { return };
        let Some(super::objects::At::Object(namespace, name)) = pods.at(path) else { return };
        let is = |pod: &&mut Value| {
            pod["metadata"]["namespace"] == namespace && pod["metadata"]["name"] == name
        };
        if let Some(pod) = pods.items.iter_mut().find(is) {
            if pod["status"]["phase"].is_null() {
                pod["status"]["phase"] = "Pending".into();
            } else {
                outcome.settle(pod);
            }
        }
    }
}

impl Write<'_> {
    /// Returns the namespace of the object; none for a namespace itself.
    fn namespace(&self) -> &str {
        if self.collection == NAMESPACES { "" } else { &self.at.namespace }
    }

    fn dotted(&self) -> String {
        let dot = if self.at.group.is_empty() { "" } else { "." };
        format!("{}{dot}{}", self.at.resource, self.at.group)
    }

    fn kind(&self, state: &State) -> String {
        let found = state.collections.iter().find(|one| one.path() == self.collection);
        found.map(|one| one.kind().to_owned()).unwrap_or_default()
    }

    fn conflict(&self, why: &str) -> Answer {
        let (what, name) = (self.dotted(), &self.at.name);
        let message = format!("Operation cannot be fulfilled on {what} \"{name}\": {why}");
        status(StatusCode::CONFLICT, "Conflict", &message)
    }
}

fn absent(what: &str, name: &str) -> Answer {
    status(StatusCode::NOT_FOUND, "NotFound", &format!("{what} \"{name}\" not found"))
}

/// Removes kind and version, which the collection has.
fn untyped(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("kind");
        fields.shift_remove("apiVersion");
    }
    object
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
