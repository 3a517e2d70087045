//! The stand-in itself.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode, header};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use super::{
    discovery::{self, list, text},
    objects::Collection,
    recording::{Exchange, Recording},
};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// What is kept as objects.
const KEPT: [&str; 2] = ["/api/v1/secrets", "/apis/apps/v1/deployments"];
/// And of a workload cluster.
const WORKLOAD: [&str; 6] = [
    "/api/v1/nodes",
    "/api/v1/pods",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/deployments",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/api/v1/persistentvolumeclaims",
];
/// What Cluster API holds of it, at both versions.
const CLUSTER: [&str; 6] = [
    "/apis/cluster.x-k8s.io/v1beta2/clusters",
    "/apis/cluster.x-k8s.io/v1beta1/clusters",
    "/apis/controlplane.cluster.x-k8s.io/v1beta2/kubeadmcontrolplanes",
    "/apis/controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes",
    "/apis/cluster.x-k8s.io/v1beta2/machinedeployments",
    "/apis/cluster.x-k8s.io/v1beta1/machinedeployments",
];
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const JSON: &str = "application/json";

/// A kube-apiserver with the kinds of Cluster API. Clones share their state.
#[derive(Clone, Debug)]
pub struct Apiserver(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    recording: Recording,
    crds: Vec<Value>,
    collections: Vec<Collection>,
    fault: Option<Fault>,
    asked: Vec<String>,
}

/// What goes wrong, until [`Apiserver::mend`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every request comes without credentials.
    Anonymous,
    /// Every request comes with a token that is not known.
    BadToken,
    /// Every request comes from a user without rights.
    Nobody,
    /// Every request to this path comes from a user without rights.
    NobodyAt(String),
    /// A list's next page can't be had: its token is too old.
    Expired,
    /// Every answer takes so long.
    Slow(Duration),
    /// Every answer ends after so many bytes.
    Short(usize),
    /// The answer to this path breaks off: an error of the connection.
    Broken(String),
    /// This path answers 503, as while the server starts.
    Unavailable(String),
    /// Aggregated discovery is not known (Kubernetes 1.25 and earlier).
    Old,
    /// This group is marked stale.
    Stale(String),
}

impl Default for Apiserver {
    /// Core and control plane at v1beta1 and v1beta2, the `OpenStack` provider at v1beta1, the
    /// controllers of chart 0.25.1, and helm's releases in many states.
    fn default() -> Self {
        Self::of(Recording::load(), &KEPT)
    }
}

impl Apiserver {
    /// The API server of a workload cluster with nothing wrong: three nodes, calico, the cloud
    /// controller manager, cinder's CSI and coredns, as the charts bring them.
    pub fn workload() -> Self {
        Self::of(Recording::workload(), &WORKLOAD)
    }

    fn of(recording: Recording, kept: &[&str]) -> Self {
        let crds = recording.find("admin", CRDS, None);
        let crds = crds.map_or(&[] as &[_], |all| list(&all.body["items"])).to_vec();
        let collections = kept.iter().filter_map(|path| collection(&recording, path)).collect();
        let state = State { recording, crds, collections, fault: None, asked: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Puts the Cluster `c1-b3mdwq5cz7lx` there, with its control plane of one and its two workers.
    /// Its kubeconfig is not among it.
    pub fn hold_cluster(&self) {
        let state = &mut *self.state();
        let held = CLUSTER.iter().filter_map(|path| collection(&state.recording, path));
        state.collections.extend(held);
    }

    /// Returns an empty collection of every kind at every version that is served.
    pub(super) fn empty_collections(&self) -> Vec<Collection> {
        let mut all = Vec::new();
        for crd in &self.state().crds {
            let (group, names) = (text(&crd["spec"]["group"]), &crd["spec"]["names"]);
            for version in list(&crd["spec"]["versions"]).iter().filter(|v| v["served"] == true) {
                let at = format!("{group}/{}", text(&version["name"]));
                let frame = json!({
                    "kind": names["listKind"], "apiVersion": at,
                    "metadata": { "resourceVersion": "1" }, "items": [],
                });
                let path = format!("/apis/{at}/{}", text(&names["plural"]));
                all.push(Collection::recorded(&path, &frame));
            }
        }
        all
    }

    /// Makes every kind of `group` that has any of `versions` serve these and no other, as an
    /// operator does by `kubectl patch crd`. A version that a kind does not have is not made up.
    pub fn serve(&self, group: &str, versions: &[&str]) {
        for crd in &mut self.state().crds {
            if crd["spec"]["group"] != group {
                continue;
            }
            for version in crd["spec"]["versions"].as_array_mut().into_iter().flatten() {
                version["served"] = versions.contains(&text(&version["name"])).into();
            }
        }
    }

    /// Adds `version`, served and older than the others, to the kinds of `group`, which are of
    /// contract v1beta1: an earlier release of the provider.
    pub fn add_old_version(&self, group: &str, version: &str) {
        const CONTRACT: &str = "cluster.x-k8s.io/v1beta1";
        for crd in &mut self.state().crds {
            let first = list(&crd["spec"]["versions"]).first().cloned();
            let (Some(mut old), true) = (first, crd["spec"]["group"] == group) else { continue };
            old["name"] = version.into();
            old["served"] = true.into();
            old["storage"] = false.into();
            if let Some(versions) = crd["spec"]["versions"].as_array_mut() {
                versions.insert(0, old);
            }
            let label = &mut crd["metadata"]["labels"][CONTRACT];
            *label = format!("{version}_{}", text(label)).into();
        }
    }

    /// Defines a kind with these versions, all served, the last one stored.
    pub fn define(&self, plural: &str, group: &str, versions: &[&str]) {
        let version = |name: &&str| json!({"name": name, "served": true, "storage": versions.last() == Some(name)});
        let versions: Vec<Value> = versions.iter().map(version).collect();
        let names = json!({"plural": plural, "singular": plural, "kind": plural});
        self.state().crds.push(json!({
            "metadata": {"name": format!("{plural}.{group}"), "labels": {}},
            "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": versions},
        }));
    }

    /// Removes the kinds of `group`.
    pub fn remove(&self, group: &str) {
        self.state().crds.retain(|crd| crd["spec"]["group"] != group);
    }

    /// Sets the label `key` of the definition `name`, or takes it away.
    pub fn label(&self, name: &str, key: &str, value: Option<&str>) {
        for crd in self.state().crds.iter_mut().filter(|crd| crd["metadata"]["name"] == name) {
            let labels = crd["metadata"]["labels"].as_object_mut();
            match (labels, value) {
                (Some(labels), None) => drop(labels.remove(key)),
                (_, value) => crd["metadata"]["labels"][key] = value.into(),
            }
        }
    }

    /// Puts `object` into the collection at `path` (`/api/v1/secrets`), over one of its name.
    pub fn put(&self, path: &str, object: Value) {
        if let Some(collection) = self.state().collections.iter_mut().find(|c| c.path() == path) {
            collection.put(object);
        }
    }

    /// Removes what is called `name` from the collection at `path`, in every namespace.
    pub fn remove_object(&self, path: &str, name: &str) {
        for collection in self.state().collections.iter_mut().filter(|c| c.path() == path) {
            collection.items.retain(|item| item["metadata"]["name"] != name);
        }
    }

    /// Makes `fault` happen from now on.
    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Ends the fault.
    pub fn mend(&self) {
        self.state().fault = None;
    }

    /// Returns the paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Request<Body>> for Apiserver {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut state = self.state();
        let path = request.uri().path().to_owned();
        state.asked.push(path.clone());
        let fault = state.fault.clone();
        let query = request.uri().query().unwrap_or_default();
        let answer = state.answer(&path, query, request.headers());
        drop(state);
        Box::pin(async move {
            match fault {
                Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
                Some(Fault::Broken(broken)) if broken == path => {
                    return Err("connection closed before message completed".into());
                }
                _ => {}
            }
            let (status, content_type, bytes) = answer;
            let response = Response::builder().status(status);
            Ok(response.header(header::CONTENT_TYPE, content_type).body(Body::from(bytes))?)
        })
    }
}

/// The list at `path`, as it was recorded.
fn collection(recording: &Recording, path: &str) -> Option<Collection> {
    let whole = recording.find("admin", path, Some(JSON))?;
    Some(Collection::recorded(path, &whole.body))
}

type Answer = (StatusCode, String, Vec<u8>);

impl State {
    fn answer(&self, path: &str, query: &str, headers: &HeaderMap) -> Answer {
        let recorded = |who: &str, path: &str| self.recording.find(who, path, None).map(whole);
        let answer = match &self.fault {
            Some(Fault::Anonymous) => recorded("anonymous", "/apis"),
            Some(Fault::BadToken) => recorded("bad token", "/apis"),
            // Discovery is open to whoever has a name.
            Some(Fault::Nobody) if path.split('/').count() > 4 || path.starts_with("/api/") => {
                recorded("nobody", path)
            }
            Some(Fault::NobodyAt(at)) if at == path => recorded("nobody", path),
            Some(Fault::Expired) if query.contains("continue=") => Some(expired()),
            Some(Fault::Unavailable(at)) if at == path => Some(unavailable()),
            _ => self.derived(path, query, headers).or_else(|| recorded("admin", path)),
        };
        // Where nothing is served, it answers in plain text.
        let nothing = || recorded("admin", "/apis/nosuch.example.org");
        let (status, kind, mut bytes) = answer.or_else(nothing).unwrap_or_else(unavailable);
        if let Some(Fault::Short(length)) = self.fault {
            bytes.truncate(length);
        }
        (status, kind, bytes)
    }

    /// What depends on the definitions: discovery, and the definitions themselves.
    fn derived(&self, path: &str, query: &str, headers: &HeaderMap) -> Option<Answer> {
        let found = |body: &Value| (StatusCode::OK, JSON.to_owned(), body.to_string().into());
        let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or(JSON);
        if path == "/apis" {
            return Some(self.groups(headers));
        }
        if path == CRDS {
            let mut body = self.recording.find("admin", CRDS, None)?.body.clone();
            body["items"] = self.crds.clone().into();
            let (_, body) = Collection::recorded(CRDS, &body).answer(path, query, accept)?;
            return Some(found(&body));
        }
        let mut kept = self.collections.iter().filter(|kept| self.has(kept));
        if let Some((status, body)) = kept.find_map(|c| c.answer(path, query, accept)) {
            return Some((status, JSON.to_owned(), body.to_string().into()));
        }
        let served = discovery::served(&self.crds);
        let mut parts = path.strip_prefix("/apis/")?.split('/');
        let group = parts.next()?;
        let known = |crd: &Value| crd["spec"]["group"] == group;
        let recorded = self.recording.find("admin", CRDS, None)?;
        if !list(&recorded.body["items"]).iter().any(known) {
            return None; // built in
        }
        let body = match (parts.next(), parts.next()) {
            (None, _) => {
                let mut body = discovery::group(group, served.get(group)?);
                body["kind"] = "APIGroup".into();
                body["apiVersion"] = "v1".into();
                body
            }
            (Some(version), None) => {
                let (_, crds) = served.get(group)?.iter().find(|(v, _)| *v == version)?;
                discovery::resources(group, version, crds)
            }
            (Some(_), Some(_)) => return None,
        };
        Some(found(&body))
    }

    /// Whether what is kept is served: of custom kinds, not every version is.
    fn has(&self, kept: &Collection) -> bool {
        let path = kept.path();
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

    fn groups(&self, headers: &HeaderMap) -> Answer {
        let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or(JSON);
        let aggregated = accept.contains(AGGREGATED) && self.fault != Some(Fault::Old);
        let (accept, key) = if aggregated { (AGGREGATED, "items") } else { (JSON, "groups") };
        let Some(recorded) = self.recording.find("admin", "/apis", Some(accept)) else {
            return unavailable();
        };
        let mut body = recorded.body.clone();
        let crds = self.recording.find("admin", CRDS, None);
        let custom = crds.map_or(&[] as &[_], |crds| list(&crds.body["items"]));
        let builtin = |entry: &&Value| {
            let name = if aggregated { &entry["metadata"]["name"] } else { &entry["name"] };
            custom.iter().all(|crd| crd["spec"]["group"] != *name)
        };
        let mut entries: Vec<Value> = list(&body[key]).iter().filter(builtin).cloned().collect();
        for (group, versions) in discovery::served(&self.crds) {
            let make = if aggregated { discovery::aggregated } else { discovery::group };
            entries.push(make(group, &versions));
        }
        if let Some(Fault::Stale(stale)) = &self.fault {
            let stale = entries.iter_mut().filter(|e| e["metadata"]["name"] == stale.as_str());
            for version in stale.flat_map(|e| e["versions"].as_array_mut().into_iter().flatten()) {
                version["freshness"] = "Stale".into();
                version["resources"] = json!([]);
            }
        }
        body[key] = entries.into();
        (StatusCode::OK, recorded.content_type.clone(), body.to_string().into())
    }
}

fn whole(exchange: &Exchange) -> Answer {
    (exchange.status(), exchange.content_type.clone(), exchange.bytes())
}

/// What a server answers to a token that is older than its store's last compaction (not recorded;
/// from its source, `apiserver/pkg/storage/errors.go`).
fn expired() -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "The provided continue parameter is too old to display a consistent list result.",
        "reason": "Expired", "code": 410,
    });
    (StatusCode::GONE, JSON.to_owned(), body.to_string().into())
}

/// What a server answers whose store is not there yet (not recorded; from its source).
fn unavailable() -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "the server is currently unable to handle the request",
        "reason": "ServiceUnavailable", "code": 503,
    });
    (StatusCode::SERVICE_UNAVAILABLE, JSON.to_owned(), body.to_string().into())
}
