use std::{
    collections::BTreeSet,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response};
use jiff::Timestamp;
use kube::client::Body;
use omega_core::testing;
use serde_json::{Value, json};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _};

use super::{
    authorize::{Attributes, authorize},
    balanced::{SERVICES, ServiceOutcome},
    connection::{Fault, connection},
    discovery::{list, text},
    kubelet::PodOutcome,
    leases::{is_lease, leases},
    objects::Collection,
    recorded::{CRDS, recorded},
    recording::Recording,
    request::{ApiRequest, Next, layer},
    state::{Shared, State},
    store::store,
    write_faults::write_faults,
};

/// The recorded lists that are stored as objects.
const MANAGEMENT: [&str; 2] = ["/api/v1/secrets", "/apis/apps/v1/deployments"];
/// Those of a workload cluster.
const WORKLOAD: [&str; 6] = [
    "/api/v1/nodes",
    "/api/v1/pods",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/deployments",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/api/v1/persistentvolumeclaims",
];
/// Those of Cluster API for that cluster, at both versions.
const CLUSTER: [&str; 6] = [
    "/apis/cluster.x-k8s.io/v1beta2/clusters",
    "/apis/cluster.x-k8s.io/v1beta1/clusters",
    "/apis/controlplane.cluster.x-k8s.io/v1beta2/kubeadmcontrolplanes",
    "/apis/controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes",
    "/apis/cluster.x-k8s.io/v1beta2/machinedeployments",
    "/apis/cluster.x-k8s.io/v1beta1/machinedeployments",
];
/// The lists for accounts, roles and pods: path and kind.
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
/// A request without a token is the administrator's.
///
/// [fork]: Apiserver::fork
#[derive(Clone, Debug)]
pub struct Apiserver {
    state: Shared,
    token: Option<String>,
}

impl Default for Apiserver {
    /// Core and control plane at v1beta1 and v1beta2, the `OpenStack` provider at v1beta1, the
    /// controllers of chart 0.25.1, and helm releases of many statuses.
    fn default() -> Self {
        Self::of(Recording::management(), &MANAGEMENT)
    }
}

impl Apiserver {
    /// Creates that of a healthy workload cluster: three nodes, calico, the cloud controller manager,
    /// Cinder CSI and coredns, as the charts install them.
    pub fn workload() -> Self {
        let new = Self::of(Recording::workload(), &WORKLOAD);
        new.state.lock().collections.push(Collection::empty(SERVICES, "Service"));
        new
    }

    /// Creates one at `clock` that stores accounts, roles, namespaces, secrets and pods. It
    /// authenticates accounts by their tokens, and authorizes them by their roles.
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

    /// Creates one at noon of 2026-11-21 that stores every kind of Cluster API at every served version.
    /// It has no objects yet.
    pub fn with_clusters() -> Self {
        let new = Self::default();
        let mut state = new.state.lock();
        // Two hours after the `deletionTimestamp` in the tests.
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

    fn of(recording: Arc<Recording>, stored: &[&str]) -> Self {
        let crds = recording.find("admin", CRDS, None);
        let crds = crds.map_or(&[] as &[_], |all| list(&all.body["items"])).to_vec();
        let recorded = |path: &&str| Collection::recorded(&recording, path);
        let stored = stored.iter().filter_map(recorded).collect();
        Self { state: Shared::new(State::new(recording, crds, stored)), token: None }
    }

    /// Returns a copy with its own state and no received requests.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut state = self.state.lock().clone();
        state.received = super::state::Received::default();
        state.leases = super::leases::Leases::default();
        Self { state: Shared::new(state), token: self.token.clone() }
    }

    /// Returns a clone whose requests have this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Adds the Cluster `c1-b3mdwq5cz7lx` with one control plane node and two workers, without its
    /// kubeconfig.
    pub fn add_cluster(&self) {
        let state = &mut *self.state.lock();
        let recording = &state.recording;
        let lists = CLUSTER.iter().filter_map(|path| Collection::recorded(recording, path));
        state.collections.extend(lists);
    }

    /// Stores objects of `kind` in an empty list at `path` (`/api/v1/nodes`), in the place of what was recorded.
    pub fn store_list(&self, path: &str, kind: &str) {
        let state = &mut *self.state.lock();
        state.collections.retain(|one| one.path() != path);
        state.collections.push(Collection::empty(path, kind));
    }

    /// Sets the version of Kubernetes that it says it has (`v1.32.9`).
    pub fn set_version(&self, version: &str) {
        self.state.lock().version = Some(version.to_owned());
    }

    /// Makes every kind of `group` serve those of its versions that are in `versions`, and no others,
    /// like `kubectl patch crd`.
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

    /// Adds a served `version`, older than the others, to the kinds of `group`, which have contract
    /// v1beta1: like an earlier release of the provider.
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

    /// Defines a kind with these versions, all served; the last is the storage version.
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

    /// Sets or removes the label `key` of the definition `name`.
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

    /// Adds an empty list of objects (`/api/v1/nodes`, `Node`), unless it has that list.
    pub fn add_list(&self, path: &str, kind: &str) {
        let mut state = self.state.lock();
        if state.at(path).is_none() {
            state.collections.push(Collection::empty(path, kind));
        }
    }

    /// Stores `object` in the list at `path` (`/api/v1/secrets`), without a request. It replaces one of
    /// the same name, and gets a UID, a `resourceVersion` and a time.
    pub fn put(&self, path: &str, object: Value) {
        let mut state = self.state.lock();
        let object = state.stamped(object);
        if let Some(collection) = state.at(path) {
            collection.put(object);
        }
    }

    /// Changes the object `name` in the list at `path`, as another client.
    pub fn modify(&self, path: &str, name: &str, change: impl Fn(&mut Value)) {
        let mut state = self.state.lock();
        let items = state.at(path).into_iter().flat_map(|one| &mut one.items);
        items.filter(|item| item["metadata"]["name"] == name).for_each(change);
        state.touch(name);
    }

    /// Removes the objects `name` from the list at `path`, in every namespace.
    pub fn remove_object(&self, path: &str, name: &str) {
        if let Some(collection) = self.state.lock().at(path) {
            collection.items.retain(|item| item["metadata"]["name"] != name);
        }
    }

    /// Returns all stored objects without generated fields: `Role {...}`.
    pub fn snapshot(&self) -> Vec<String> {
        self.shown_without(&[])
    }

    /// Returns the same without `spec` and `status`, which controllers write too.
    pub fn metadata_snapshot(&self) -> Vec<String> {
        self.shown_without(&["spec", "status"])
    }

    fn shown_without(&self, fields: &[&str]) -> Vec<String> {
        let state = self.state.lock();
        let one = |collection: &Collection| -> Vec<String> {
            let shown = collection.items.iter().map(|item| {
                let mut item = item.clone();
                for key in ["uid", "resourceVersion", "creationTimestamp"] {
                    if let Some(metadata) = item["metadata"].as_object_mut() {
                        metadata.remove(key);
                    }
                }
                if let Some(whole) = item.as_object_mut() {
                    whole.retain(|key, _| !fields.contains(&key.as_str()));
                }
                format!("{} {item}", collection.kind())
            });
            shown.collect()
        };
        let mut all: Vec<String> = state.collections.iter().flat_map(one).collect();
        all.sort();
        all
    }

    /// Returns the paths of all requests, in order.
    pub fn requested(&self) -> Vec<String> {
        self.state.lock().received.paths.clone()
    }

    /// Returns what the received reads need in a role, by group, resource and verb. Discovery needs nothing.
    pub fn rights_used(&self) -> BTreeSet<(String, String, String)> {
        let paths = self.requested();
        let attributes = paths.iter().filter_map(|path| Attributes::of(&Method::GET, path));
        attributes.map(|one| (one.group.clone(), one.full(), one.verb)).collect()
    }

    /// Returns the received writes: `PATCH /api/v1/namespaces/a {}`. Dry runs and access reviews are
    /// not among them.
    pub fn writes(&self) -> Vec<String> {
        self.state.lock().received.writes.clone()
    }

    /// Returns the received dry runs.
    pub fn dry_runs(&self) -> Vec<String> {
        self.state.lock().received.dry_runs.clone()
    }

    /// Returns the number of received access reviews.
    pub fn reviews(&self) -> usize {
        self.state.lock().received.reviews
    }

    /// Returns the requests about Leases (`PUT /apis/…`), in order. They are not among the others.
    pub fn lease_requests(&self) -> Vec<String> {
        self.state.lock().leases.requests.clone()
    }

    /// Returns the Lease of this name in `namespace`.
    pub fn lease(&self, namespace: &str, name: &str) -> Option<Value> {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}");
        self.state.lock().stored_lease(&path)
    }

    /// Sets the clock by which Leases expire forward.
    pub fn advance_leases(&self, by: std::time::Duration) {
        self.state.lock().leases.ahead += by;
    }

    /// Sets the fault, until [`Apiserver::clear_fault`].
    pub fn fail(&self, fault: Fault) {
        self.state.lock().fault = Some(fault);
    }

    /// Clears the fault.
    pub fn clear_fault(&self) {
        self.state.lock().fault = None;
    }

    /// Sets the fault of the `nth` write, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: testing::Fault) {
        self.state.lock().write_fault = Some((nth, fault));
    }

    /// Makes another client change the object `name` just before the next write.
    pub fn race_next_write(&self, name: &str) {
        self.state.lock().raced = Some(name.to_owned());
    }

    /// Denies all writes.
    pub fn forbid_writes(&self) {
        self.state.lock().writes_forbidden = true;
    }

    /// Sets what happens to pods.
    pub fn set_pod_outcome(&self, outcome: PodOutcome) {
        self.state.lock().pods = outcome;
    }

    /// Sets what becomes of services of type `LoadBalancer`.
    pub fn set_service_outcome(&self, outcome: ServiceOutcome) {
        self.state.lock().services = outcome;
    }

    /// Sets the clock.
    pub fn set_clock(&self, clock: Timestamp) {
        self.state.lock().clock = Some(clock);
    }

    /// Sets the maximum lifetime of a token (`--service-account-max-token-expiration`), in seconds.
    pub fn limit_tokens(&self, seconds: i64) {
        self.state.lock().longest_token = seconds;
    }

    fn layers(&self) -> Next {
        let state = &self.state;
        ServiceBuilder::new()
            .layer(layer(state, connection))
            .layer(layer(state, write_faults))
            .layer(layer(state, authorize))
            .layer(layer(state, leases))
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
            let of_lease = is_lease(request.uri().path());
            let response = layers.oneshot(ApiRequest::read(request, token).await?).await?;
            let clock = {
                let state = state.lock();
                if of_lease { Some(state.lease_time()) } else { state.clock }
            };
            let date = clock.map(|clock| {
                jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&clock)
            });
            response.into_http(date.transpose()?)
        })
    }
}
