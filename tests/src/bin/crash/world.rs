//! The simulators that a run works on.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega::{
    rehearsal,
    teardown::maas::{SimMaas, SimMachine},
};
use omega_capi::sim::Apiserver;
use omega_juju::sim::{Models, SimModel, Start, Unit};
use omega_openstack::sim::Cloud;
use serde_json::json;

use crate::openstack::PROJECT;

/// A cloud, a management cluster and units. Clones are the same ones; a [copy](World::copy) has its own state.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) apiserver: Apiserver,
    pub(crate) units: Vec<Unit>,
    /// The model and the machines of a cloud that is torn down.
    pub(crate) metal: Option<Metal>,
}

/// A Juju controller with models, and the MAAS with their machines.
#[derive(Clone, Debug)]
pub(crate) struct Metal {
    pub(crate) juju: Models,
    pub(crate) maas: SimMaas,
}

/// The model that is torn down, and one that is somebody else's.
const MODEL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const OTHER: &str = "bbbbbbbb-0000-4000-8000-000000000002";

impl Metal {
    /// A cloud of two machines, beside a model of somebody else's and a machine that is nobody's. As in a
    /// real one, MAAS gets the machines back when the model is gone.
    pub(crate) fn new() -> Self {
        let machines = [("4y3h7n", "openstack0"), ("4y3h7p", "openstack1")];
        let mut ours = SimModel::new(MODEL, "admin", "openstack");
        ours.machines = machines.map(|(id, host)| (id.into(), host.into())).into();
        ours.lag = Some(1);
        let mut other = SimModel::new(OTHER, "admin", "openstack2");
        other.machines = vec![("k8s4ab".into(), "other".into())];
        let deployed = machines.map(|(id, host)| SimMachine::deployed(id, host, MODEL));
        let others =
            [SimMachine::deployed("k8s4ab", "other", OTHER), SimMachine::ready("s", "spare")];
        let maas = SimMaas::new(deployed.into_iter().chain(others));
        Self { juju: Models::new([ours, other]), maas }
    }
}

impl World {
    /// Returns a cloud that meets the prerequisites of the graft, and units magnum/0 and so on.
    pub(crate) fn new(starts: &[Start]) -> Self {
        let apiserver = Apiserver::default();
        apiserver.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
        let unit = |(nth, start): (usize, &Start)| start.unit(&format!("magnum/{nth}"));
        let units: Vec<_> = starts.iter().enumerate().map(unit).collect();
        Self { cloud: rehearsal::cloud(), apiserver, units, metal: None }
    }

    /// Lets the units reach the management cluster at this address.
    pub(crate) fn at(self, host: &str, port: u16) -> Self {
        for unit in &self.units {
            unit.with_management(|management| {
                host.clone_into(&mut management.host);
                management.port = port;
            });
        }
        self
    }

    /// Returns one with the same state, which changes by itself.
    pub(crate) fn copy(&self) -> Self {
        let units = self.units.iter().map(Unit::copy).collect();
        // They can't be copied; an entry that has them begins with new ones.
        let metal = self.metal.is_some().then(Metal::new);
        Self { cloud: self.cloud.fork(), apiserver: self.apiserver.fork(), units, metal }
    }

    /// Returns everything that a run could have changed, one line each.
    pub(crate) fn seen(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (nth, unit) in self.units.iter().enumerate() {
            let snapshot = unit.snapshot();
            let named = |kind: &str, name: &str, what: String| {
                format!("magnum/{nth} {kind} {name}: {what}")
            };
            all.extend(snapshot.files.into_iter().map(|(path, what)| named("file", &path, what)));
            all.extend(
                snapshot.packages.into_iter().map(|(name, what)| named("package", &name, what)),
            );
            let services = snapshot.services.into_iter();
            all.extend(services.map(|(name, facts)| named("service", &name, facts.join(" "))));
        }
        for (project, group, rules) in self.cloud.groups() {
            all.extend(rules.into_iter().map(|rule| format!("rule of {project}/{group}: {rule}")));
        }
        all.extend(self.cloud.magnum_objects());
        all.extend(self.cloud.image_things());
        all.extend(self.cloud.network_parts());
        all.extend(self.apiserver.snapshot());
        if let Some(Metal { juju, maas }) = &self.metal {
            all.extend(juju.snapshot());
            all.extend(maas.snapshot());
        }
        all.sort();
        all
    }
}

/// Returns a management cluster with the cluster c1, which is stuck deleting. Its secret has an application
/// credential of the project, which works.
pub(crate) fn stuck_cluster(namespace: &str, keystone: &str, cloud: &Cloud) -> Apiserver {
    let server = Apiserver::with_clusters();
    // It stays when the cluster is gone.
    server.put("/api/v1/namespaces", json!({ "metadata": { "name": namespace } }));
    let (id, secret) = cloud.add_credential(PROJECT);
    let object = |kind: &str, finalizer: &str| {
        json!({
            "apiVersion": "x", "kind": kind,
            "metadata": {
                "name": "c1", "namespace": namespace, "uid": format!("uid-{kind}"),
                "labels": { "cluster.x-k8s.io/cluster-name": "c1" },
                "deletionTimestamp": "2026-11-21T10:00:00Z", "finalizers": [finalizer],
            },
        })
    };
    let infrastructure = "openstackcluster.infrastructure.cluster.x-k8s.io";
    let path = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters";
    server.put(path, object("OpenStackCluster", infrastructure));
    let path = "/apis/cluster.x-k8s.io/v1beta2/clusters";
    server.put(path, object("Cluster", "cluster.cluster.x-k8s.io"));
    let auth = json!({
        "auth_url": keystone, "application_credential_id": id, "application_credential_secret": secret,
    });
    let clouds = json!({ "clouds": { "openstack": { "auth_type": "v3applicationcredential", "auth": auth } } });
    server.put(
        "/api/v1/secrets",
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": "c1-cloud-credentials", "namespace": namespace, "uid": "uid-secret" },
            "data": { "clouds.yaml": STANDARD.encode(clouds.to_string()) },
        }),
    );
    server
}

/// What is served now. The servers ask it at each request.
#[derive(Clone, Debug)]
pub(crate) struct Stage(Arc<Mutex<World>>);

impl Stage {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn now(&self) -> World {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn put(&self, world: World) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = world;
    }
}

/// Returns what differs between two states: `-` what is missing, `+` what is too much.
pub(crate) fn differences(expected: &[String], found: &[String]) -> Vec<String> {
    let mut left = found.to_vec();
    let mut all = Vec::new();
    for line in expected {
        match left.iter().position(|other| other == line) {
            Some(at) => drop(left.remove(at)),
            None => all.push(format!("- {line}")),
        }
    }
    all.extend(left.into_iter().map(|line| format!("+ {line}")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_twice_is_a_difference() {
        let lines = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let expected = lines(&["a", "b"]);
        assert_eq!(differences(&expected, &lines(&["b", "a"])), [""; 0]);
        assert_eq!(differences(&expected, &lines(&["a", "a"])), ["- b", "+ a"]);
    }

    #[test]
    fn a_copy_changes_by_itself() {
        let world = World::new(&[Start::Fresh]);
        let copy = world.copy();
        assert_eq!(copy.seen(), world.seen());
        for unit in &copy.units {
            unit.write("/etc/x", b"x", "root", "root", 0o600);
        }
        copy.cloud.add_group("capi-mgmt", "another");
        let found = differences(&world.seen(), &copy.seen());
        assert!(found.iter().any(|line| line.contains("file /etc/x")), "{found:?}");
        assert!(found.iter().any(|line| line.contains("capi-mgmt/another")), "{found:?}");
    }
}
