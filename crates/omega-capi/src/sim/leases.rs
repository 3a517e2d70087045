//! Leases: reads and writes, by themselves, so that the lock of omega is no part of what an operation changes.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use tower::{Service as _, ServiceExt as _};

use super::{
    request::{Answer, Answering, ApiRequest, Next, status},
    state::{Shared, State},
};

const PREFIX: &str = "/apis/coordination.k8s.io/v1/namespaces/";

/// The Leases by path, and what was asked about them.
#[derive(Clone, Debug)]
pub(super) struct Leases {
    stored: BTreeMap<String, Value>,
    /// `PUT /apis/…`, in order.
    pub(super) requests: Vec<String>,
    /// Their clock advances with tokio's, which tests can pause.
    began: Instant,
    /// How far it was set forward.
    pub(super) ahead: Duration,
}

impl Default for Leases {
    fn default() -> Self {
        let (stored, requests) = (BTreeMap::new(), Vec::new());
        Self { stored, requests, began: Instant::now(), ahead: Duration::ZERO }
    }
}

pub(super) fn is_lease(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// The layer of the Leases.
pub(super) fn leases(state: Shared, request: ApiRequest, mut next: Next) -> Answering {
    Box::pin(async move {
        let answered = is_lease(&request.path).then(|| state.lock().lease(&request));
        match answered {
            Some(answer) => Ok(answer.into()),
            None => next.ready().await?.call(request).await,
        }
    })
}

impl State {
    /// Returns the time by which Leases expire.
    pub(super) fn lease_time(&self) -> Timestamp {
        self.now() + (self.leases.began.elapsed() + self.leases.ahead)
    }

    fn lease(&mut self, request: &ApiRequest) -> Answer {
        let path = &request.path;
        let name = path.rsplit('/').next().unwrap_or_default();
        let none =
            || status(StatusCode::NOT_FOUND, "NotFound", &format!("leases \"{name}\" not found"));
        let found = self.leases.stored.get(path).cloned();
        match (request.method.clone(), found) {
            (Method::GET, Some(found)) => (StatusCode::OK, found),
            (Method::POST, _) => {
                let name = request.body["metadata"]["name"].as_str().unwrap_or_default();
                let at = format!("{path}/{name}");
                if self.leases.stored.contains_key(&at) {
                    let message = format!("leases \"{name}\" already exists");
                    return status(StatusCode::CONFLICT, "AlreadyExists", &message);
                }
                let object = self.stamped(request.body.clone());
                self.leases.stored.insert(at, object.clone());
                (StatusCode::CREATED, object)
            }
            (Method::PUT, Some(found)) => {
                let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
                if version(&found) != version(&request.body) {
                    let message = format!(
                        "Operation cannot be fulfilled on leases \"{name}\": the object has been \
                         modified; please apply your changes to the latest version and try again"
                    );
                    return status(StatusCode::CONFLICT, "Conflict", &message);
                }
                let object = self.stamped(request.body.clone());
                self.leases.stored.insert(path.clone(), object.clone());
                (StatusCode::OK, object)
            }
            (Method::DELETE, Some(found)) => {
                self.leases.stored.remove(path);
                (StatusCode::OK, found)
            }
            _ => none(),
        }
    }

    /// Returns the stored Lease at a path.
    pub(super) fn stored_lease(&self, path: &str) -> Option<Value> {
        self.leases.stored.get(path).cloned()
    }
}
