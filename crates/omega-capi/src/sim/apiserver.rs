//! The stand-in itself.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use jiff::Timestamp;
use kube::client::Body;
use omega_core::testing;
use serde_json::{Value, json};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _};

use super::{
    authorize::authorize,
    connection::{Fault, connection},
    discovery::{list, text},
    kubelet::PodOutcome,
    objects::Collection,
    recorded::{CRDS, recorded},
    recording::Recording,
    request::{ApiRequest, Next, layer},
    state::{Shared, State},
    store::store,
    write_faults::write_faults,
};

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
/// What accounts, roles and pods are kept in: path and kind.
const ACCOUNTS: [(&str, &str); 9] = [
    ("/api/v1/namespaces", "Namespace"),
    ("/api/v1/serviceaccounts", "ServiceAccount"),
    ("/api/v1/secrets", "Secret"),
    ("/api/v1/pods", "Pod"),
    ("/api/v1/events", "Event"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "ClusterRoleBinding"),
    ("/apis/rbac.authorization.k8s.io/v1/roles", "Role"),
    ("/apis/rbac.authorization.k8s.io/v1/rolebindings", "RoleBinding"),
];

/// A kube-apiserver with the kinds of Cluster API. Clones share their state; a [fork] has its own.
///
/// Whoever comes without a token is its administrator.
///
/// [fork]: Apiserver::fork
#[derive(Clone, Debug)]
pub struct Apiserver {
    state: Shared,
    token: Option<String>,
}

impl Default for Apiserver {
    /// Core and control plane at v1beta1 and v1beta2, the `OpenStack` provider at v1beta1, the
    /// controllers of chart 0.25.1, and helm's releases in many states.
    fn default() -> Self {
        Self::of(Recording::management(), &KEPT)
    }
}

impl Apiserver {
    /// The API server of a workload cluster with nothing wrong: three nodes, calico, the cloud
    /// controller manager, cinder's CSI and coredns, as the charts bring them.
    pub fn workload() -> Self {
        Self::of(Recording::workload(), &WORKLOAD)
    }

    /// Returns one at `clock` that keeps accounts, roles, namespaces, secrets and pods, with the
    /// namespaces that every cluster has. It knows accounts by their tokens, and asks their roles.
    pub fn with_accounts(clock: Timestamp) -> Self {
        let new = Self::of(Recording::management(), &[]);
        let mut state = new.state.lock();
        state.clock = Some(clock);
        state.collections = ACCOUNTS.map(|(path, kind)| Collection::empty(path, kind)).into();
        drop(state);
        for name in ["default", "kube-system"] {
            new.put("/api/v1/namespaces", json!({"metadata": {"name": name}}));
        }
        new
    }

    /// Returns one at noon of 2026-11-21 that keeps every kind of Cluster API at every version that
    /// is served: no object yet.
    pub fn with_clusters() -> Self {
        let new = Self::default();
        let mut state = new.state.lock();
        // Two hours after what the tests put there began to go.
        state.clock = "2026-11-21T12:00:00Z".parse().ok();
        let mut all = Vec::new();
        for crd in state.crds.iter() {
            let (group, names) = (text(&crd["spec"]["group"]), &crd["spec"]["names"]);
            for version in list(&crd["spec"]["versions"]).iter().filter(|v| v["served"] == true) {
                let at = format!("/apis/{group}/{}", text(&version["name"]));
                let path = format!("{at}/{}", text(&names["plural"]));
                all.push(Collection::empty(&path, text(&names["kind"])));
            }
        }
        all.push(Collection::empty("/api/v1/secrets", "Secret"));
        all.push(Collection::empty("/api/v1/namespaces", "Namespace"));
        state.collections = all;
        drop(state);
        new
    }

    fn of(recording: Arc<Recording>, kept: &[&str]) -> Self {
        let crds = recording.find("admin", CRDS, None);
        let crds = crds.map_or(&[] as &[_], |all| list(&all.body["items"])).to_vec();
        let kept = kept.iter().filter_map(|path| Collection::recorded(&recording, path)).collect();
        Self { state: Shared::new(State::new(recording, crds, kept)), token: None }
    }

    /// Returns one in the same state, which it does not share. What it received is not counted.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut state = self.state.lock().clone();
        state.received = super::state::Received::default();
        Self { state: Shared::new(state), token: self.token.clone() }
    }

    /// Returns a handle for who has this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Puts the Cluster `c1-b3mdwq5cz7lx` there, with its control plane of one and its two workers.
    /// Its kubeconfig is not among it.
    pub fn hold_cluster(&self) {
        let state = &mut *self.state.lock();
        let recording = &state.recording;
        let held = CLUSTER.iter().filter_map(|path| Collection::recorded(recording, path));
        state.collections.extend(held);
    }

    /// Makes every kind of `group` that has any of `versions` serve these and no other, as an
    /// operator does by `kubectl patch crd`. A version that a kind does not have is not made up.
    pub fn serve(&self, group: &str, versions: &[&str]) {
        for crd in Arc::make_mut(&mut self.state.lock().crds) {
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
        for crd in Arc::make_mut(&mut self.state.lock().crds) {
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
        Arc::make_mut(&mut self.state.lock().crds).push(json!({
            "metadata": {"name": format!("{plural}.{group}"), "labels": {}},
            "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": versions},
        }));
    }

    /// Removes the kinds of `group`.
    pub fn remove(&self, group: &str) {
        Arc::make_mut(&mut self.state.lock().crds).retain(|crd| crd["spec"]["group"] != group);
    }

    /// Sets the label `key` of the definition `name`, or takes it away.
    pub fn label(&self, name: &str, key: &str, value: Option<&str>) {
        let mut state = self.state.lock();
        let all = Arc::make_mut(&mut state.crds).iter_mut();
        for crd in all.filter(|crd| crd["metadata"]["name"] == name) {
            let labels = crd["metadata"]["labels"].as_object_mut();
            match (labels, value) {
                (Some(labels), None) => drop(labels.remove(key)),
                (_, value) => crd["metadata"]["labels"][key] = value.into(),
            }
        }
    }

    /// Puts `object` into the collection at `path` (`/api/v1/secrets`), over one of its name, by
    /// nobody's hand. What it lacks of a server's own fields it gets.
    pub fn put(&self, path: &str, object: Value) {
        let mut state = self.state.lock();
        let object = state.stamped(object);
        if let Some(collection) = state.at(path) {
            collection.put(object);
        }
    }

    /// Changes the object `name` of the collection at `path`, by somebody else's hand.
    pub fn alter(&self, path: &str, name: &str, change: impl Fn(&mut Value)) {
        let mut state = self.state.lock();
        let items = state.at(path).into_iter().flat_map(|one| &mut one.items);
        items.filter(|item| item["metadata"]["name"] == name).for_each(change);
        state.touch(name);
    }

    /// Removes what is called `name` from the collection at `path`, in every namespace.
    pub fn remove_object(&self, path: &str, name: &str) {
        if let Some(collection) = self.state.lock().at(path) {
            collection.items.retain(|item| item["metadata"]["name"] != name);
        }
    }

    /// Returns everything that is kept, without what is generated: `Role {...}`.
    pub fn snapshot(&self) -> Vec<String> {
        let state = self.state.lock();
        let one = |collection: &Collection| -> Vec<String> {
            let shown = collection.items.iter().map(|item| {
                let mut item = item.clone();
                for key in ["uid", "resourceVersion", "creationTimestamp"] {
                    if let Some(metadata) = item["metadata"].as_object_mut() {
                        metadata.remove(key);
                    }
                }
                format!("{} {item}", collection.kind())
            });
            shown.collect()
        };
        let mut all: Vec<String> = state.collections.iter().flat_map(one).collect();
        all.sort();
        all
    }

    /// Returns the paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().received.paths.clone()
    }

    /// Returns the writes that were received: `PATCH /api/v1/namespaces/a {}`. Dry runs and access
    /// reviews are counted apart.
    pub fn writes(&self) -> Vec<String> {
        self.state.lock().received.writes.clone()
    }

    /// Returns the dry runs that were received.
    pub fn dry_runs(&self) -> Vec<String> {
        self.state.lock().received.dry_runs.clone()
    }

    /// Returns how many access reviews were received: they are POSTs that change nothing.
    pub fn reviews(&self) -> usize {
        self.state.lock().received.reviews
    }

    /// Makes `fault` happen from now on.
    pub fn fail(&self, fault: Fault) {
        self.state.lock().fault = Some(fault);
    }

    /// Ends the fault.
    pub fn clear_fault(&self) {
        self.state.lock().fault = None;
    }

    /// Spoils the `nth` write from the start, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: testing::Fault) {
        self.state.lock().write_fault = Some((nth, fault));
    }

    /// Has somebody else write the object `name` just before the next write arrives.
    pub fn race_next_write(&self, name: &str) {
        self.state.lock().raced = Some(name.to_owned());
    }

    /// Refuses writes to whoever asks.
    pub fn forbid_writes(&self) {
        self.state.lock().writes_forbidden = true;
    }

    /// Sets what becomes of pods.
    pub fn set_pod_outcome(&self, outcome: PodOutcome) {
        self.state.lock().pods = outcome;
    }

    /// Sets what time it is.
    pub fn set_clock(&self, clock: Timestamp) {
        self.state.lock().clock = Some(clock);
    }

    /// Gives no token for longer than so many seconds (`--service-account-max-token-expiration`).
    pub fn limit_tokens(&self, seconds: i64) {
        self.state.lock().longest_token = seconds;
    }

    fn layers(&self) -> Next {
        let state = &self.state;
        ServiceBuilder::new()
            .layer(layer(state, connection))
            .layer(layer(state, write_faults))
            .layer(layer(state, authorize))
            .layer(layer(state, store))
            .service(recorded(state))
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
        let (layers, token, state) = (self.layers(), self.token.clone(), self.state.clone());
        Box::pin(async move {
            let response = layers.oneshot(ApiRequest::read(request, token).await?).await?;
            let clock = state.lock().clock;
            let date = clock.map(|clock| {
                jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&clock)
            });
            response.into_http(date.transpose()?)
        })
    }
}
