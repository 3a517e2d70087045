//! Releasing a stuck cluster on the simulator.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::time::Duration;

use omega_capi::{
    Management,
    credentials::read_cluster_credentials,
    served::discover_versions,
    sim::Apiserver,
    stuck::{
        CredentialSource, DeleteProgress, Deletion, ObjectRef, ReleaseFinalizers,
        ReplaceCredentials, read_deletion, release_finalizers,
    },
};
use omega_core::{
    Context, Describe as _, Failure, FailureClass, Touched, ensure, plan,
    testing::{self, Tally, Undo, World, check_laws},
    values::Secret,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const NS: &str = "magnum-67a1";
const INFRA: &str = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters";
const MACHINES: &str = "/apis/cluster.x-k8s.io/v1beta2/machines";
const CLUSTERS: &str = "/apis/cluster.x-k8s.io/v1beta2/clusters";
const SECRETS: &str = "/api/v1/secrets";

fn object(kind: &str, name: &str, cluster: &str, deleted: Option<&str>, held: &[&str]) -> Value {
    json!({
        "apiVersion": "x", "kind": kind,
        "metadata": {
            "name": name, "namespace": NS, "uid": format!("uid-{name}"),
            "labels": { "cluster.x-k8s.io/cluster-name": cluster },
            "deletionTimestamp": deleted, "finalizers": held,
        },
        "spec": { "password": "hunter2" },
    })
}

const PROVIDER: &str = "openstackcluster.infrastructure.cluster.x-k8s.io";
const JANITOR: &str = "janitor.capi.azimuth-cloud.com";
const CORE: &str = "cluster.cluster.x-k8s.io";
const MACHINE: &str = "machine.cluster.x-k8s.io";

/// `c1` is being deleted, and its infrastructure has two finalizers; `c10` is not.
fn server() -> Apiserver {
    let server = Apiserver::with_clusters();
    let (first, second) = (Some("2026-11-21T10:00:00Z"), Some("2026-11-21T10:01:00Z"));
    let infra = |name, deleted| {
        let mut one = object("OpenStackCluster", name, name, deleted, &[PROVIDER, JANITOR]);
        one["metadata"]["uid"] = json!(format!("infra-{name}"));
        one
    };
    server.put(INFRA, infra("c1", second));
    server.put(INFRA, infra("c10", None));
    server.put(MACHINES, object("Machine", "c1-md-0-x", "c1", first, &[MACHINE]));
    server.put(MACHINES, object("Machine", "c10-md-0-x", "c10", None, &[MACHINE]));
    server.put(MACHINES, object("Machine", "c1-free", "c1", first, &[]));
    server.put(CLUSTERS, object("Cluster", "c1", "c1", first, &[CORE]));
    server.put(CLUSTERS, object("Cluster", "c10", "c10", None, &[CORE]));
    server
}

fn management(server: &Apiserver) -> Management {
    Management::over(server.clone(), "simulator")
}

async fn deletion(server: &Apiserver, name: &str) -> Deletion {
    let management = management(server);
    let known = discover_versions(&management).await.unwrap();
    read_deletion(&management, &known, &NS.parse().unwrap(), name).await.unwrap()
}

#[tokio::test]
async fn what_holds_a_cluster_is_read_children_first() {
    let found = deletion(&server(), "c1").await;
    let names: Vec<_> = found.held.iter().map(|held| held.object.to_string()).collect();
    assert_eq!(names, ["Machine c1-md-0-x", "OpenStackCluster c1", "Cluster c1"]);
    assert_eq!(found.held[1].finalizers, [PROVIDER, JANITOR]);
    assert!(!format!("{found:?}").contains("hunter2"), "a spec is not read");
    assert_eq!(deletion(&server(), "c").await.held, [], "no cluster of that very name");
}

#[tokio::test]
async fn a_delete_is_stuck_once_nothing_moved_for_long() {
    let found = deletion(&server(), "c1").await;
    let at =
        |text: &str, patience| found.progress(text.parse().unwrap(), Duration::from_secs(patience));
    let idle = |seconds| Duration::from_secs(seconds);
    // The latest `deletionTimestamp` counts: 10:01.
    assert_eq!(at("2026-11-21T10:10:59Z", 600), DeleteProgress::InProgress { idle: idle(599) });
    assert_eq!(at("2026-11-21T10:11:00Z", 600), DeleteProgress::Stuck { idle: idle(600) });
    assert!(
        matches!(at("2026-11-21T10:00:30Z", 600), DeleteProgress::Future(_)),
        "a clock is wrong"
    );
    let other = deletion(&server(), "c10").await;
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    assert!(matches!(other.progress(now, idle(1)), DeleteProgress::NotDeleted(_)));
    let none = Deletion { held: Vec::new(), paused: false, annotated: Vec::new() };
    assert_eq!(none.progress(now, idle(1)), DeleteProgress::Gone);
}

async fn infra(server: &Apiserver, name: &str) -> ReleaseFinalizers {
    let found = deletion(server, name).await;
    let mut held = found.held.into_iter();
    let held = held.find(|held| held.object.kind == "OpenStackCluster").unwrap();
    ReleaseFinalizers { object: held.object, awaited: false }
}

#[tokio::test]
async fn one_object_is_let_go_and_no_other() {
    let server = server();
    let desired = infra(&server, "c1").await;
    let plan = plan(&management(&server), &desired).await.unwrap();
    let omega_core::Delta::Changes(changes) = plan.delta() else { panic!("{:?}", plan.delta()) };
    insta::assert_snapshot!(changes[0].describe(), @"- OpenStackCluster c1: release openstackcluster.infrastructure.cluster.x-k8s.io (of the OpenStack provider), janitor.capi.azimuth-cloud.com (of the janitor)");
    assert_eq!(server.writes(), [""; 0]);
    assert!(ensure(&Context::default(), &management(&server), &desired).await.unwrap().changed());
    let [write] = server.writes().try_into().unwrap();
    let path =
        "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/magnum-67a1/openstackclusters/c1";
    let (request, body) = write.split_once(" {").unwrap();
    assert_eq!(request, format!("PATCH {path}"));
    insta::assert_snapshot!(body, @r#""metadata":{"resourceVersion":"101","finalizers":[]}}"#);
    let names = |found: Deletion| -> Vec<String> {
        found.held.iter().map(|held| held.object.to_string()).collect()
    };
    assert_eq!(names(deletion(&server, "c1").await), ["Machine c1-md-0-x", "Cluster c1"]);
    assert_eq!(names(deletion(&server, "c10").await).len(), 3);
    let again = release_finalizers(&Context::default(), &management(&server), desired.object)
        .await
        .unwrap();
    assert!(!again.changed());
}

#[tokio::test]
async fn what_is_not_being_deleted_or_is_held_by_a_stranger_is_refused() {
    let server = server();
    let desired = infra(&server, "c10").await;
    let failure = Failure::from(
        ensure(&Context::default(), &management(&server), &desired).await.unwrap_err(),
    );
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    insta::assert_snapshot!(failure.causes[0], @"OpenStackCluster c10 is not being deleted");
    let mut strange = object(
        "OpenStackCluster",
        "c1",
        "c1",
        Some("2026-11-21T10:00:00Z"),
        &[PROVIDER, "backup.example.org"],
    );
    strange["metadata"]["uid"] = json!("infra-c1");
    server.put(INFRA, strange);
    let desired = infra(&server, "c1").await;
    let failure = Failure::from(
        ensure(&Context::default(), &management(&server), &desired).await.unwrap_err(),
    );
    insta::assert_snapshot!(failure.causes[0], @"OpenStackCluster c1 has the unknown finalizer backup.example.org");
    assert_eq!(server.writes(), [""; 0]);
}

/// kubernetes-sigs/cluster-api#10710, #985.
#[tokio::test(start_paused = true)]
async fn the_collectors_finalizer_is_its_own_to_remove() {
    let server = server();
    let put = |finalizers: &[&str]| {
        let mut held =
            object("OpenStackCluster", "c1", "c1", Some("2026-11-21T10:00:00Z"), finalizers);
        held["metadata"]["uid"] = json!("infra-c1");
        server.put(INFRA, held);
    };
    put(&[PROVIDER, "foregroundDeletion"]);
    let desired = infra(&server, "c1").await;
    let planned = plan(&management(&server), &desired).await.unwrap();
    let omega_core::Delta::Changes(changes) = planned.delta() else { panic!("{planned:?}") };
    assert_eq!(
        (&changes[0].finalizers[..], &changes[0].kept[..]),
        (&[PROVIDER.to_owned()][..], &["foregroundDeletion".to_owned()][..])
    );
    for alone in ["foregroundDeletion", "orphan"] {
        put(&[alone]);
        let planned = plan(&management(&server), &desired).await.unwrap();
        let omega_core::Delta::Wait(until) = planned.delta() else { panic!("{planned:?}") };
        assert!(until.contains("the garbage collector holds"), "{until}");
    }
}

/// kubernetes-sigs/cluster-api-provider-aws#4584.
#[tokio::test]
async fn a_pause_by_annotation_is_read_off_every_object() {
    let server = server();
    let namespace = NS.parse().unwrap();
    assert_eq!(deletion(&server, "c1").await.unpause(&namespace, "c1"), [""; 0]);
    server.modify(INFRA, "c1", |object| {
        object["metadata"]["annotations"] = json!({"cluster.x-k8s.io/paused": "true"});
    });
    let found = deletion(&server, "c1").await;
    assert!(!found.paused);
    let command = format!(
        "kubectl -n {NS} annotate openstackclusters.infrastructure.cluster.x-k8s.io c1 \
         cluster.x-k8s.io/paused-"
    );
    assert_eq!(found.unpause(&namespace, "c1"), [command]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_is_not_forced() {
    let server = server();
    let desired = infra(&server, "c1").await;
    server.race_next_write("c1");
    let failure = Failure::from(
        ensure(&Context::default(), &management(&server), &desired).await.unwrap_err(),
    );
    assert_eq!((failure.class, failure.touched), (FailureClass::Deadline, Touched::Maybe));
    assert_eq!(server.writes().len(), 1, "409, and no second try");
    assert_eq!(deletion(&server, "c1").await.held.len(), 3, "nothing was let go");
    assert!(
        ensure(&Context::default(), &management(&server), &desired).await.unwrap().changed(),
        "the next run does"
    );
}

#[tokio::test]
async fn a_later_object_of_the_same_name_is_another() {
    let server = server();
    let mut desired = infra(&server, "c1").await;
    desired.object = ObjectRef { uid: "an older one".into(), ..desired.object };
    assert!(!ensure(&Context::default(), &management(&server), &desired).await.unwrap().changed());
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test]
async fn who_may_not_is_told_the_right_that_is_missing() {
    let server = server();
    let desired = infra(&server, "c1").await;
    server.forbid_writes();
    let failure = Failure::from(
        ensure(&Context::default(), &management(&server), &desired).await.unwrap_err(),
    );
    assert_eq!(failure.touched, Touched::Nothing);
    insta::assert_snapshot!(failure.expected.unwrap(), @"the right to patch openstackclusters.infrastructure.cluster.x-k8s.io in magnum-67a1");
}

/// A server and its target.
struct Sim<T> {
    server: Apiserver,
    target: T,
}

impl<T: Send + Sync> World for Sim<T> {
    type Target = T;
    type Snapshot = Vec<String>;

    fn target(&self) -> &T {
        &self.target
    }

    fn snapshot(&self) -> Vec<String> {
        self.server.snapshot()
    }

    fn writes(&self) -> usize {
        self.server.writes().len() + self.server.dry_runs().len()
    }

    fn inject_fault(&self, nth: usize, fault: testing::Fault) {
        self.server.inject_fault(nth, fault);
    }
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

const OLD: &str = "clouds: {openstack: {auth: {application_credential_id: old}}}";
const NEW: &str = "clouds: {openstack: {auth: {application_credential_id: new}}}";

fn secret(name: &str, clouds: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": format!("{name}-cloud-credentials"), "namespace": NS, "uid": name,
            "labels": { "magnum.openstack.org/cluster-uuid": name },
        },
        "data": { "clouds.yaml": STANDARD.encode(clouds), "cacert": STANDARD.encode("PEM") },
    })
}

proptest! {
    fn letting_go_obeys(
        deleted in any::<bool>(),
        held in prop::sample::subsequence(vec![PROVIDER, JANITOR, "stranger/x"], 0..=3),
        there in any::<bool>(),
        awaited in any::<bool>(),
    ) {
        let before = server();
        let world = || {
            let server = before.fork();
            let deleted = deleted.then_some("2026-11-21T10:00:00Z");
            let name = if there { "c1" } else { "c2" };
            let mut one = object("OpenStackCluster", name, "c1", deleted, &held);
            one["metadata"]["uid"] = json!("infra-c1");
            server.put(INFRA, one);
            Sim { target: management(&server), server }
        };
        let object = ObjectRef {
            group: "infrastructure.cluster.x-k8s.io".into(),
            version: "v1beta1".into(),
            plural: "openstackclusters".into(),
            kind: "OpenStackCluster".into(),
            namespace: NS.parse().unwrap(),
            name: "c1".into(),
            uid: "infra-c1".into(),
        };
        let desired = ReleaseFinalizers { object, awaited };
        let gone = |snapshot: &Vec<String>| {
            let ours = |line: &String| {
                line.starts_with("OpenStackCluster ") && line.contains("\"name\":\"c1\"")
            };
            !snapshot.iter().any(ours)
        };
        RELEASED.count(paused().block_on(check_laws(world, &desired, Undo::None, gone)));
    }

    fn replacing_credentials_obeys(
        there in any::<bool>(),
        same in any::<bool>(),
        may_be_gone in any::<bool>(),
        creates in any::<bool>(),
        owner_lives in any::<bool>(),
    ) {
        let before = Apiserver::with_clusters();
        before.put(SECRETS, secret("c10", OLD));
        before.put("/api/v1/namespaces", of_the_cluster());
        let world = || {
            let server = before.fork();
            if owner_lives {
                server.put(CLUSTERS, json!({
                    "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
                    "metadata": { "name": "c1", "namespace": NS, "uid": "uid-of-c1" },
                }));
            }
            if there {
                server.put(SECRETS, secret("c1", if same { NEW } else { OLD }));
            }
            let clouds = Secret::from(NEW.to_owned());
            let target = CredentialSource { management: management(&server), clouds, cacert: None };
            Sim { server, target }
        };
        let desired = ReplaceCredentials {
            namespace: NS.parse().unwrap(),
            stack: "c1".into(),
            sha256: Secret::from(NEW.to_owned()).digest(),
            may_be_gone,
            create_for: creates.then(owner),
        };
        let new = secret("c1", NEW)["data"]["clouds.yaml"].to_string();
        let replaced = |snapshot: &Vec<String>| {
            let mut ours = snapshot.iter().filter(|line| line.contains("\"c1-cloud-credentials\""));
            ours.all(|line| line.contains(&new)) && (there || may_be_gone || (creates && owner_lives))
        };
        REPLACED.count(paused().block_on(check_laws(world, &desired, Undo::None, replaced)));
    }
}

static RELEASED: Tally = Tally::new();
static REPLACED: Tally = Tally::new();

#[test]
fn obeys_the_laws() {
    letting_go_obeys();
    RELEASED.assert_meaningful("released finalizers");
    replacing_credentials_obeys();
    REPLACED.assert_meaningful("replaced credentials");
}

#[tokio::test]
async fn only_the_clouds_yaml_is_replaced_and_nothing_of_it_is_shown() {
    let server = Apiserver::with_clusters();
    server.put(SECRETS, secret("c1", OLD));
    let management = management(&server);
    let (clouds, cacert) = (NEW.to_owned().into(), None);
    let source = CredentialSource { management: management.clone(), clouds, cacert };
    let namespace: omega_capi::Namespace = NS.parse().unwrap();
    let desired = ReplaceCredentials {
        namespace: namespace.clone(),
        stack: "c1".into(),
        sha256: source.clouds.digest(),
        may_be_gone: false,
        create_for: None,
    };
    let shown = format!("{:?}", plan(&source, &desired).await.unwrap());
    assert!(!shown.contains("application_credential_id"), "{shown}");
    assert!(ensure(&Context::default(), &source, &desired).await.unwrap().changed());
    let read = read_cluster_credentials(&management, &namespace, "c1").await.unwrap().unwrap();
    assert_eq!(read.clouds.expose(), NEW.as_bytes());
    assert_eq!(read.cacert.unwrap().expose(), b"PEM");
    assert!(server.snapshot()[0].contains("magnum.openstack.org/cluster-uuid"));
}

fn of_the_cluster() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NS } })
}

fn owner() -> ObjectRef {
    ObjectRef {
        group: "cluster.x-k8s.io".into(),
        version: "v1beta2".into(),
        plural: "clusters".into(),
        kind: "Cluster".into(),
        namespace: NS.parse().unwrap(),
        name: "c1".into(),
        uid: "uid-of-c1".into(),
    }
}

/// Magnum deletes the secret when it takes a cluster for deleted, also one that is not.
#[tokio::test]
async fn a_secret_that_is_gone_is_created_for_the_cluster_that_is_left() {
    let server = Apiserver::with_clusters();
    server.put("/api/v1/namespaces", of_the_cluster());
    server.put(
        CLUSTERS,
        json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
            "metadata": { "name": "c1", "namespace": NS, "uid": "uid-of-c1" },
        }),
    );
    let management = management(&server);
    let cacert = Some("PEM".to_owned().into());
    let source =
        CredentialSource { management: management.clone(), clouds: NEW.to_owned().into(), cacert };
    let namespace: omega_capi::Namespace = NS.parse().unwrap();
    let desired = ReplaceCredentials {
        namespace: namespace.clone(),
        stack: "c1".into(),
        sha256: source.clouds.digest(),
        may_be_gone: true,
        create_for: Some(owner()),
    };
    assert!(ensure(&Context::default(), &source, &desired).await.unwrap().changed());
    let read = read_cluster_credentials(&management, &namespace, "c1").await.unwrap().unwrap();
    assert_eq!(
        (read.clouds.expose(), read.cacert.unwrap().expose()),
        (NEW.as_bytes(), &b"PEM"[..])
    );
    // The garbage collector removes it with its owner.
    server.remove_object(CLUSTERS, "c1");
    server.remove_object(SECRETS, "c1-cloud-credentials");
    assert!(!ensure(&Context::default(), &source, &desired).await.unwrap().changed());
}
