//! Objects that can be changed and let go, as kube-apiserver does it while they are being deleted.
//!
//! What it answers was recorded (`recordings/finalizers.py`).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use jiff::{Timestamp, civil, tz::TimeZone};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use super::{Apiserver, discovery::text, objects::Collection};

const RECORDED: &str = include_str!("../../recordings/finalizers.json");

/// An API server with objects that can be patched; all else is an [`Apiserver`]'s. Clones share
/// their state.
#[derive(Clone, Debug)]
pub struct FinalizingApiserver {
    state: Arc<Mutex<State>>,
    beneath: Apiserver,
}

#[derive(Debug, Default)]
struct State {
    collections: Vec<Collection>,
    versions: u64,
    writes: Vec<String>,
    spoil: Option<(usize, Upset)>,
    meddle: Option<String>,
    forbidden: bool,
    clock: Timestamp,
}

/// What goes wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upset {
    /// The request does not arrive.
    Lost,
    /// The answer does not arrive.
    AnswerLost,
    /// It is answered, and has no effect.
    Ignored,
    /// It is refused with the words [`omega_core::testing::REFUSAL`].
    Refused,
}

impl Default for FinalizingApiserver {
    fn default() -> Self {
        let beneath = Apiserver::default();
        // Two hours after what the tests put there began to go.
        let clock = civil::date(2026, 11, 21).at(12, 0, 0, 0).to_zoned(TimeZone::UTC);
        let clock = clock.map(|zoned| zoned.timestamp()).unwrap_or_default();
        let collections = beneath.empty_collections();
        let state = State { collections, clock, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), beneath }
    }
}

impl FinalizingApiserver {
    /// Returns what is below, which serves what it says.
    pub fn apiserver(&self) -> &Apiserver {
        &self.beneath
    }

    /// Puts `object` into the collection at `path`, over one of its name.
    pub fn put(&self, path: &str, mut object: Value) {
        let mut state = self.state();
        state.versions += 1;
        object["metadata"]["resourceVersion"] = state.versions.to_string().into();
        if !state.collections.iter().any(|one| one.path() == path) {
            let frame = json!({
                "kind": format!("{}List", text(&object["kind"])), "apiVersion": object["apiVersion"],
                "metadata": { "resourceVersion": "1" }, "items": [],
            });
            state.collections.push(Collection::recorded(path, &frame));
        }
        for collection in state.collections.iter_mut().filter(|one| one.path() == path) {
            collection.put(object.clone());
        }
    }

    /// Has somebody else write the object `name` between the next read of it and the next write.
    pub fn meddle(&self, name: &str) {
        self.state().meddle = Some(name.to_owned());
    }

    /// Sets the API server's clock.
    pub fn set_clock(&self, clock: Timestamp) {
        self.state().clock = clock;
    }

    /// Refuses writes to whoever asks.
    pub fn forbid_writes(&self) {
        self.state().forbidden = true;
    }

    /// Spoils the `nth` write, counted from 0.
    pub fn spoil_write(&self, nth: usize, upset: Upset) {
        self.state().spoil = Some((nth, upset));
    }

    /// Returns the writes that were received.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// Returns every object without what changes with each write.
    pub fn snapshot(&self) -> Vec<String> {
        let state = self.state();
        let items = state.collections.iter().flat_map(|one| &one.items);
        let shown = items.map(|item| {
            let mut item = item.clone();
            item["metadata"]["resourceVersion"] = Value::Null;
            item.to_string()
        });
        let mut all: Vec<_> = shown.collect();
        all.sort();
        all
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = (StatusCode, Value);

impl State {
    fn read(&self, path: &str, query: &str, accept: &str) -> Option<Answer> {
        self.collections.iter().find_map(|one| one.answer(path, query, accept))
    }

    fn write(&mut self, path: &str, wanted: &Value) -> Result<Answer, BoxError> {
        let nth = self.writes.len();
        self.writes.push(format!("PATCH {path} {wanted}"));
        if let Some(name) = self.meddle.take() {
            self.touch(&name);
        }
        let upset = self.spoil.filter(|(spoiled, _)| *spoiled == nth).map(|(_, upset)| upset);
        let before = self.collections.clone();
        if upset == Some(Upset::Lost) {
            return Err("connection reset".into());
        }
        if upset == Some(Upset::Refused) {
            let code = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(super::authorize::status(code, "Invalid", omega_core::testing::REFUSAL));
        }
        let answer = self.merge(path, wanted);
        match upset {
            Some(Upset::AnswerLost) => Err("connection reset".into()),
            Some(Upset::Ignored) => {
                self.collections = before;
                Ok(answer)
            }
            Some(Upset::Lost | Upset::Refused) | None => Ok(answer),
        }
    }

    fn touch(&mut self, name: &str) {
        self.versions += 1;
        let version = self.versions.to_string();
        let items = self.collections.iter_mut().flat_map(|one| &mut one.items);
        for item in items.filter(|item| item["metadata"]["name"] == name) {
            item["metadata"]["resourceVersion"] = version.clone().into();
        }
    }

    /// Merges into one object, and takes it away when nothing holds it any more.
    fn merge(&mut self, path: &str, wanted: &Value) -> Answer {
        if self.forbidden {
            return forbidden(path);
        }
        self.versions += 1;
        let version = self.versions.to_string();
        let Some((collection, nth)) = self.find(path) else {
            return about("patched when gone", path);
        };
        let Some(item) = collection.items.get_mut(nth) else {
            return about("patched when gone", path);
        };
        let asked = &wanted["metadata"]["resourceVersion"];
        if asked.is_string() && *asked != item["metadata"]["resourceVersion"] {
            return about("patched with a stale version", path);
        }
        let mut merged = item.clone();
        apply(&mut merged, wanted);
        let list = |value: &Value| value["metadata"]["finalizers"].as_array().cloned();
        let (was, is) = (list(item).unwrap_or_default(), list(&merged).unwrap_or_default());
        let going = item["metadata"]["deletionTimestamp"].is_string();
        if going && is.iter().any(|new| !was.contains(new)) {
            return about("a finalizer put back", path);
        }
        if going && is.is_empty() {
            collection.items.remove(nth);
        } else {
            merged["metadata"]["resourceVersion"] = version.into();
            *item = merged.clone();
        }
        (StatusCode::OK, merged)
    }

    fn find(&mut self, path: &str) -> Option<(&mut Collection, usize)> {
        let (rest, name) = path.rsplit_once('/')?;
        let (before, rest) = rest.split_once("/namespaces/")?;
        let (namespace, plural) = rest.split_once('/')?;
        let at = format!("{before}/{plural}");
        let collection = self.collections.iter_mut().find(|one| one.path() == at)?;
        let is = |item: &Value| {
            item["metadata"]["name"] == name && item["metadata"]["namespace"] == namespace
        };
        let nth = collection.items.iter().position(is)?;
        Some((collection, nth))
    }
}

/// RFC 7386.
fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    for (key, value) in fields {
        match (value, target.as_object_mut()) {
            (Value::Null, Some(target)) => drop(target.remove(key)),
            (value, Some(target)) => apply(target.entry(key).or_insert(Value::Null), value),
            (value, None) => *target = json!({ key: value }),
        }
    }
}

/// Returns the answer that was recorded, about the object at `path`.
fn about(name: &str, path: &str) -> Answer {
    let all: Value = serde_json::from_str(RECORDED).unwrap_or_default();
    let recorded = all["exchanges"].as_array().into_iter().flatten();
    let one = recorded.clone().find(|one| one["name"] == name).cloned().unwrap_or_default();
    let code = one["status"].as_u64().and_then(|code| u16::try_from(code).ok());
    let status = code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or_default();
    let object = path.rsplit('/').next().unwrap_or_default();
    let words = one["answer"].to_string().replace("omega-rec", object);
    (status, serde_json::from_str(&words).unwrap_or_default())
}

/// As RBAC says it to a user without rights (recordings/objects.json has it of a read).
fn forbidden(path: &str) -> Answer {
    let parts: Vec<&str> = path.split('/').collect();
    let (group, plural) = match parts.as_slice() {
        ["", "apis", group, _, "namespaces", _, plural, _] => (*group, *plural),
        ["", "api", _, "namespaces", _, plural, _] => ("", *plural),
        _ => ("", ""),
    };
    let message = format!(
        "{plural}.{group} is forbidden: User \"nobody\" cannot patch resource \"{plural}\" in API \
         group \"{group}\""
    );
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Forbidden", "code": 403,
    });
    (StatusCode::FORBIDDEN, body)
}

impl Service<Request<Body>> for FinalizingApiserver {
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
            let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
            let accept = parts.headers.get(header::ACCEPT);
            let accept = accept.and_then(|a| a.to_str().ok()).unwrap_or_default();
            let clock = this.state().clock.to_zoned(TimeZone::UTC);
            let date = jiff::fmt::rfc2822::to_string(&clock)?;
            let answer = if parts.method == Method::PATCH {
                let wanted = serde_json::from_slice(&bytes)?;
                Some(this.state().write(path, &wanted)?)
            } else {
                this.state().read(path, query, accept)
            };
            let mut response = match answer {
                Some((status, body)) => {
                    let response = Response::builder().status(status);
                    let response = response.header(header::CONTENT_TYPE, "application/json");
                    response.body(Body::from(body.to_string().into_bytes()))?
                }
                None => this.beneath.call(Request::from_parts(parts, Body::from(bytes))).await?,
            };
            response.headers_mut().insert(header::DATE, date.parse()?);
            Ok(response)
        })
    }
}
