use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use omega_core::testing;
use serde_json::Value;

use super::{
    balanced::{Reads, ServiceOutcome},
    connection::Fault,
    discovery::{list, text},
    kubelet::PodOutcome,
    leases::Leases,
    objects::Collection,
    recording::Recording,
};

/// The state that the layers and the clones of an API server share.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<State>>);

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) recording: Arc<Recording>,
    /// The current custom resource definitions.
    pub(super) crds: Arc<Vec<Value>>,
    pub(super) collections: Vec<Collection>,
    pub(super) tokens: Vec<Token>,
    pub(super) counter: u64,
    /// The maximum lifetime of a token in seconds.
    pub(super) longest_token: i64,
    /// The version of Kubernetes, if it is not the recorded one.
    pub(super) version: Option<String>,
    pub(super) pods: PodOutcome,
    pub(super) services: ServiceOutcome,
    pub(super) reads: Reads,
    /// The clock for the header `Date`, if it is sent.
    pub(super) clock: Option<Timestamp>,
    pub(super) fault: Option<Fault>,
    pub(super) write_fault: Option<(usize, testing::Fault)>,
    pub(super) writes_forbidden: bool,
    /// The object that another client changes just before the next write.
    pub(super) raced: Option<String>,
    pub(super) received: Received,
    pub(super) leases: Leases,
}

/// The received requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    /// The paths of all requests.
    pub(super) paths: Vec<String>,
    /// `PATCH /api/v1/namespaces/a {}`
    pub(super) writes: Vec<String>,
    pub(super) dry_runs: Vec<String>,
    pub(super) reviews: usize,
}

/// An issued token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) expires: Timestamp,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn new(
        recording: Arc<Recording>,
        crds: Vec<Value>,
        collections: Vec<Collection>,
    ) -> Self {
        Self {
            recording,
            crds: Arc::new(crds),
            collections,
            tokens: Vec::new(),
            counter: 100,
            longest_token: i64::from(u32::MAX),
            version: None,
            pods: PodOutcome::Ignored,
            services: ServiceOutcome::Address("10.12.7.200"),
            reads: Reads::default(),
            clock: None,
            fault: None,
            write_fault: None,
            writes_forbidden: false,
            raced: None,
            received: Received::default(),
            leases: Leases::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.unwrap_or_default()
    }

    /// Returns the collection at `path` (`/api/v1/pods`).
    pub(super) fn at(&mut self, path: &str) -> Option<&mut Collection> {
        self.collections.iter_mut().find(|one| one.path() == path)
    }

    /// Returns the items of the collection at `path`.
    pub(super) fn items(&self, path: &str) -> &[Value] {
        self.collections.iter().find(|one| one.path() == path).map_or(&[], |one| &one.items)
    }

    /// Sets the fields that the server generates, unless the object has them.
    pub(super) fn stamped(&mut self, mut object: Value) -> Value {
        self.counter += 1;
        let now = self.now().to_string();
        let metadata = &mut object["metadata"];
        let uid = format!("00000000-0000-4000-8000-{:012}", self.counter);
        for (key, value) in [("uid", uid), ("creationTimestamp", now)] {
            if metadata[key].is_null() {
                metadata[key] = value.into();
            }
        }
        metadata["resourceVersion"] = self.counter.to_string().into();
        object
    }

    /// Gives the objects `name` a newer version, like another client's write.
    pub(super) fn touch(&mut self, name: &str) {
        self.counter += 1;
        let version = self.counter.to_string();
        let items = self.collections.iter_mut().flat_map(|one| &mut one.items);
        for item in items.filter(|item| item["metadata"]["name"] == name) {
            item["metadata"]["resourceVersion"] = version.clone().into();
        }
    }

    /// Returns whether a list is served. Not every version of a custom kind is.
    pub(super) fn serves(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let ["", "apis", group, version, plural] = parts.as_slice() else { return true };
        let ours = |crd: &&Value| {
            crd["spec"]["group"] == *group && crd["spec"]["names"]["plural"] == *plural
        };
        let mut defined = self.crds.iter().filter(ours).peekable();
        let served = |v: &Value| v["name"] == *version && v["served"] == true;
        defined.peek().is_none()
            || defined.any(|crd| list(&crd["spec"]["versions"]).iter().any(served))
    }

    /// Returns the account of a valid token.
    pub(super) fn account(&self, token: &str) -> Option<(String, String)> {
        let token = self.tokens.iter().find(|one| one.text == token)?;
        let known = self.items("/api/v1/serviceaccounts").iter().find(|item| {
            text(&item["metadata"]["namespace"]) == token.namespace
                && item["metadata"]["name"] == token.name.as_str()
        })?;
        let good = known["metadata"]["uid"] == token.uid.as_str() && token.expires > self.now();
        good.then(|| (token.namespace.clone(), token.name.clone()))
    }
}
