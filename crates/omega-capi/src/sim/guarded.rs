//! The stand-in with a memory: objects are made, changed and deleted, by whoever may.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use super::{
    Apiserver,
    authorize::{Attributes, Roles, forbidden, status},
    discovery::text,
    kubelet::Fate,
    objects::{Answer, Collection},
};

/// Prefix, plural, kind, whether in namespaces.
const KINDS: [(&str, &str, &str, bool); 9] = [
    ("/api/v1", "namespaces", "Namespace", false),
    ("/api/v1", "serviceaccounts", "ServiceAccount", true),
    ("/api/v1", "secrets", "Secret", true),
    ("/api/v1", "pods", "Pod", true),
    ("/api/v1", "events", "Event", true),
    ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", false),
    ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", false),
    ("/apis/rbac.authorization.k8s.io/v1", "roles", "Role", true),
    ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", true),
];
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// An API server that keeps what is written, knows accounts by their tokens, and asks their roles.
/// What it does not keep is answered by an [`Apiserver`]. Clones share their state.
///
/// Whoever comes without a token is its administrator. Answers are those of kube-apiserver 1.34.4.
#[derive(Clone, Debug)]
pub struct Guarded {
    state: Arc<Mutex<State>>,
    beneath: Apiserver,
    token: Option<String>,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoiled {
    /// The request does not arrive.
    Lost,
    /// The answer does not arrive.
    AnswerLost,
    /// It is answered and has no effect.
    Ignored,
}

#[derive(Debug)]
struct State {
    collections: Vec<(Collection, &'static str, bool)>,
    tokens: Vec<Token>,
    clock: Timestamp,
    longest: i64,
    counter: u64,
    writes: Vec<String>,
    spoil: Option<(usize, Spoiled)>,
    fate: Fate,
}

#[derive(Debug)]
struct Token {
    text: String,
    namespace: String,
    name: String,
    uid: String,
    expires: Timestamp,
}

/// One request, as far as it matters here.
struct Asked {
    method: Method,
    path: String,
    query: String,
    kind: String,
    accept: String,
    body: Value,
}

impl Asked {
    fn has(&self, pair: &str) -> bool {
        self.query.split('&').any(|one| one == pair)
    }
}

impl Guarded {
    /// Returns one with the namespaces that every cluster has, at `clock`.
    pub fn new(clock: Timestamp) -> Self {
        let frame = |(prefix, plural, kind, namespaced): (&str, &str, &'static str, bool)| {
            let version = prefix.trim_start_matches("/apis/").trim_start_matches("/api/");
            let list = json!({"kind": format!("{kind}List"), "apiVersion": version,
                              "metadata": {"resourceVersion": "1"}, "items": []});
            (Collection::recorded(&format!("{prefix}/{plural}"), &list), kind, namespaced)
        };
        let state = State {
            collections: KINDS.map(frame).into(),
            tokens: Vec::new(),
            clock,
            longest: i64::from(u32::MAX),
            counter: 100,
            writes: Vec::new(),
            spoil: None,
            fate: Fate::Unseen,
        };
        let new = Self {
            state: Arc::new(Mutex::new(state)),
            beneath: Apiserver::default(),
            token: None,
        };
        for name in ["default", "kube-system"] {
            new.put("/api/v1/namespaces", json!({"metadata": {"name": name}}));
        }
        new
    }

    /// Returns a handle for who has this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Returns what is below, where Cluster API's kinds are.
    pub fn apiserver(&self) -> &Apiserver {
        &self.beneath
    }

    /// Makes `object`, by nobody's hand, in the collection at `path`.
    pub fn put(&self, path: &str, object: Value) {
        let mut state = self.state();
        let object = state.stamped(object);
        if let Some((collection, ..)) = state.collections.iter_mut().find(|(c, ..)| c.path() == path)
        {
            collection.put(object);
        }
    }

    /// Changes the object `name` of the collection at `path`, by somebody else's hand.
    pub fn alter(&self, path: &str, name: &str, change: impl Fn(&mut Value)) {
        let mut state = self.state();
        state.counter += 1;
        let version = state.counter.to_string();
        for (collection, ..) in state.collections.iter_mut().filter(|(c, ..)| c.path() == path) {
            for item in collection.items.iter_mut().filter(|i| i["metadata"]["name"] == name) {
                change(item);
                item["metadata"]["resourceVersion"] = version.clone().into();
            }
        }
    }

    /// Removes the object `name` of the collection at `path`.
    pub fn drop_object(&self, path: &str, name: &str) {
        for (collection, ..) in self.state().collections.iter_mut().filter(|(c, ..)| c.path() == path)
        {
            collection.items.retain(|item| item["metadata"]["name"] != name);
        }
    }

    /// Returns everything that is kept, without what is generated: `Role a/b {...}`.
    pub fn snapshot(&self) -> Vec<String> {
        let state = self.state();
        let mut all = Vec::new();
        for (collection, kind, _) in &state.collections {
            for item in &collection.items {
                let mut item = item.clone();
                for key in ["uid", "resourceVersion", "creationTimestamp"] {
                    if let Some(metadata) = item["metadata"].as_object_mut() {
                        metadata.remove(key);
                    }
                }
                all.push(format!("{kind} {item}"));
            }
        }
        all.sort();
        all
    }

    /// Returns the writes that were received, dry runs not counted.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// Spoils the `nth` write from the start.
    pub fn spoil_write(&self, nth: usize, spoiled: Spoiled) {
        self.state().spoil = Some((nth, spoiled));
    }

    /// Sets what becomes of pods.
    pub fn set_fate(&self, fate: Fate) {
        self.state().fate = fate;
    }

    /// Sets what time it is.
    pub fn set_clock(&self, clock: Timestamp) {
        self.state().clock = clock;
    }

    /// Gives no token for longer than so many seconds (`--service-account-max-token-expiration`).
    pub fn limit_tokens(&self, seconds: i64) {
        self.state().longest = seconds;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers, or says with nothing that it is for the one beneath.
    fn answer(&self, asked: &Asked) -> Result<Option<Answer>, BoxError> {
        let mut state = self.state();
        let user = match &self.token {
            None => None,
            Some(token) => match state.account(token) {
                Some(account) => Some(account),
                None => return Ok(Some(status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"))),
            },
        };
        if asked.path == REVIEWS {
            return Ok(Some(state.review(user.as_ref(), asked)));
        }
        let attributes = Attributes::of(&asked.method, &asked.path);
        if let (Some((namespace, name)), Some(attributes)) = (&user, &attributes)
            && state.roles().allow(namespace, name, attributes).is_none()
        {
            let user = format!("system:serviceaccount:{namespace}:{name}");
            return Ok(Some(forbidden(&user, attributes)));
        }
        let Some(attributes) = attributes else { return Ok(None) };
        let kept = KINDS.iter().any(|(prefix, plural, ..)| {
            asked.path.starts_with(prefix) && attributes.resource == *plural
        });
        if !kept {
            return Ok(None);
        }
        if asked.method == Method::GET {
            if attributes.resource == "pods" && !attributes.name.is_empty() {
                state.age(&attributes);
            }
            let mut all = state.collections.iter();
            return Ok(all.find_map(|(c, ..)| c.answer(&asked.path, &asked.query, &asked.accept)));
        }
        state.write(asked, &attributes).map(Some)
    }
}

impl State {
    fn stamped(&mut self, mut object: Value) -> Value {
        self.counter += 1;
        let metadata = &mut object["metadata"];
        metadata["uid"] = format!("00000000-0000-4000-8000-{:012}", self.counter).into();
        metadata["resourceVersion"] = self.counter.to_string().into();
        metadata["creationTimestamp"] = self.clock.to_string().into();
        object
    }

    /// Returns whose token it is, if it is good.
    fn account(&self, token: &str) -> Option<(String, String)> {
        let token = self.tokens.iter().find(|one| one.text == token)?;
        let known = self.find("serviceaccounts", &token.namespace, &token.name)?;
        let good = known["metadata"]["uid"] == token.uid.as_str() && token.expires > self.clock;
        good.then(|| (token.namespace.clone(), token.name.clone()))
    }

    fn items(&self, plural: &str) -> &[Value] {
        let (collection, ..) = KINDS
            .iter()
            .zip(&self.collections)
            .find_map(|((_, name, ..), kept)| (*name == plural).then_some(kept))
            .unwrap_or(&self.collections[0]);
        &collection.items
    }

    fn find(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.items(plural).iter().find(|item| {
            text(&item["metadata"]["namespace"]) == namespace && item["metadata"]["name"] == name
        })
    }

    fn roles(&self) -> Roles<'_> {
        Roles {
            cluster_roles: self.items("clusterroles"),
            cluster_bindings: self.items("clusterrolebindings"),
            roles: self.items("roles"),
            bindings: self.items("rolebindings"),
        }
    }

    fn review(&self, user: Option<&(String, String)>, asked: &Asked) -> Answer {
        let attributes = Attributes::reviewed(&asked.body);
        let answer = match user {
            None => json!({"allowed": true, "reason": "system:masters"}),
            Some((namespace, name)) => match self.roles().allow(namespace, name, &attributes) {
                Some(reason) => json!({"allowed": true, "reason": reason}),
                None => json!({"allowed": false}),
            },
        };
        let mut body = asked.body.clone();
        body["status"] = answer;
        (StatusCode::CREATED, body)
    }

    /// Does a write, or spoils it.
    fn write(&mut self, asked: &Asked, at: &Attributes) -> Result<Answer, BoxError> {
        let broken = || Err("connection closed before message completed".into());
        if asked.has("dryRun=All") {
            let kept = self.collections.clone();
            let answer = self.change(asked, at);
            self.collections = kept;
            return Ok(answer);
        }
        let nth = self.writes.len();
        self.writes.push(format!("{} {}", asked.method, asked.path));
        let spoiled = self.spoil.filter(|(spoiled, _)| *spoiled == nth).map(|(_, how)| how);
        let before = self.collections.clone();
        match spoiled {
            Some(Spoiled::Lost) => broken(),
            Some(Spoiled::AnswerLost) => {
                self.change(asked, at);
                broken()
            }
            Some(Spoiled::Ignored) => {
                let answer = self.change(asked, at);
                self.collections = before;
                if at.subresource == "token" {
                    self.tokens.pop();
                }
                Ok(answer)
            }
            None => Ok(self.change(asked, at)),
        }
    }

    fn change(&mut self, asked: &Asked, at: &Attributes) -> Answer {
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
        self.keep(at, object.clone());
        object
    }

    fn keep(&mut self, at: &Attributes, object: Value) {
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
        self.keep(at, object.clone());
        (StatusCode::OK, object)
    }

    /// Lets pass what passes between two looks at a pod.
    fn age(&mut self, at: &Attributes) {
        let Some(mut pod) = self.find("pods", &at.namespace, &at.name).cloned() else { return };
        let begins = pod["status"]["phase"].is_null();
        if begins {
            pod["status"]["phase"] = "Pending".into();
        } else {
            self.fate.befall(&mut pod);
        }
        self.keep(at, pod);
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
            self.keep(at, pod.clone());
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
        match value {
            Value::Null => {
                if let Some(fields) = into.as_object_mut() {
                    fields.shift_remove(key);
                }
            }
            value => merge(&mut into[key.as_str()], value),
        }
    }
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut this = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let bytes = body.collect_bytes().await?;
            let header = |name| {
                let value = parts.headers.get(name).and_then(|v: &http::HeaderValue| v.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            let asked = Asked {
                method: parts.method.clone(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                kind: header(header::CONTENT_TYPE),
                accept: header(header::ACCEPT),
                body: serde_json::from_slice(&bytes).unwrap_or_default(),
            };
            let clock = this.state().clock;
            let date = jiff::fmt::rfc2822::to_string(&clock.to_zoned(jiff::tz::TimeZone::UTC))?;
            let mut response = match this.answer(&asked)? {
                Some((status, body)) => {
                    let bytes = Body::from(body.to_string().into_bytes());
                    let response = Response::builder().status(status);
                    response.header(header::CONTENT_TYPE, "application/json").body(bytes)?
                }
                None => this.beneath.call(Request::from_parts(parts, Body::from(bytes))).await?,
            };
            response.headers_mut().insert(header::DATE, date.parse()?);
            Ok(response)
        })
    }
}
