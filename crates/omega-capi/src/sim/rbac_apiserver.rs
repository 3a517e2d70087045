//! The stand-in with a memory: objects are made, changed and deleted, by whoever may.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use super::{
    Apiserver,
    authorize::{Attributes, Rbac, forbidden, status},
    discovery::text,
    kubelet::Fate,
    objects::{Answer, Collection},
};

/// Prefix, plural, kind, whether in namespaces.
pub(super) const KINDS: [(&str, &str, &str, bool); 9] = [
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
pub struct RbacApiserver {
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
    /// It is refused with the words [`omega_core::testing::REFUSAL`].
    Refused,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) collections: Vec<(Collection, &'static str, bool)>,
    pub(super) tokens: Vec<Token>,
    pub(super) clock: Timestamp,
    pub(super) longest: i64,
    pub(super) counter: u64,
    writes: Vec<String>,
    spoil: Option<(usize, Spoiled)>,
    pub(super) fate: Fate,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) expires: Timestamp,
}

/// One request, as far as it matters here.
pub(super) struct Asked {
    method: Method,
    path: String,
    query: String,
    pub(super) kind: String,
    accept: String,
    pub(super) body: Value,
}

impl Asked {
    fn has(&self, pair: &str) -> bool {
        self.query.split('&').any(|one| one == pair)
    }
}

impl RbacApiserver {
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
        let new =
            Self { state: Arc::new(Mutex::new(state)), beneath: Apiserver::default(), token: None };
        for name in ["default", "kube-system"] {
            new.put("/api/v1/namespaces", json!({"metadata": {"name": name}}));
        }
        new
    }

    /// Returns a handle for who has this token.
    #[must_use]
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
        if let Some((collection, ..)) =
            state.collections.iter_mut().find(|(c, ..)| c.path() == path)
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
        for (collection, ..) in
            self.state().collections.iter_mut().filter(|(c, ..)| c.path() == path)
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
                None => {
                    return Ok(Some(status(
                        StatusCode::UNAUTHORIZED,
                        "Unauthorized",
                        "Unauthorized",
                    )));
                }
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
    pub(super) fn stamped(&mut self, mut object: Value) -> Value {
        self.counter += 1;
        let metadata = &mut object["metadata"];
        metadata["uid"] = format!("00000000-0000-4000-8000-{:012}", self.counter).into();
        metadata["resourceVersion"] = self.counter.to_string().into();
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = self.clock.to_string().into();
        }
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

    pub(super) fn find(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.items(plural).iter().find(|item| {
            text(&item["metadata"]["namespace"]) == namespace && item["metadata"]["name"] == name
        })
    }

    fn roles(&self) -> Rbac<'_> {
        Rbac {
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
            Some(Spoiled::Refused) => Ok(status(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Invalid",
                omega_core::testing::REFUSAL,
            )),
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
}

impl Service<Request<Body>> for RbacApiserver {
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
                let value =
                    parts.headers.get(name).and_then(|v: &http::HeaderValue| v.to_str().ok());
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
