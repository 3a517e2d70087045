//! What is released and removed, in which order, and after a stop half-way; on the simulators.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::Engine as _;
use omega_capi::{Management, served::discover_versions, sim::Apiserver};
use omega_core::{
    Context, Evidence, FailureClass, Gate as _, ItemOutcome, ItemState, Run, TargetPlan,
    TargetReport, Touched, Verdict, testing::Fault,
};
use omega_openstack::{
    ApplicationCredentialRef, ClusterName, Credential, Error, Method, Request, Service, Transport,
    sim::Cloud,
};
use serde_json::{Value, json};

use super::super::{Login, gates::IsStuck, log_in, replacement::replacement};
use super::{Release, StuckCluster};

const NS: &str = "magnum-67a1";

/// Somebody who has no role in the project.
#[derive(Debug)]
struct Stranger;

#[async_trait::async_trait]
impl Transport for Stranger {
    async fn exchange(
        &self,
        _: &Context,
        _: Request,
    ) -> Result<omega_openstack::StreamedResponse, Error> {
        Err(Error::NoProject("nowhere".into()))
    }
    async fn token_info(&self) -> Result<omega_openstack::TokenInfo, Error> {
        let source =
            Error::OtherProject { cloud: "c".into(), wanted: "mgmt".into(), found: "other".into() };
        let (cloud, user) = ("c".into(), "u".into());
        Err(Error::Login { cloud, user, next: None, source: Arc::new(source) })
    }
    fn label(&self) -> String {
        "nowhere".into()
    }
}

fn object(kind: &str, deleted: bool, finalizer: &str) -> Value {
    json!({
        "apiVersion": "x", "kind": kind,
        "metadata": {
            "name": "c1", "namespace": NS, "uid": format!("uid-{kind}"),
            "labels": { "cluster.x-k8s.io/cluster-name": "c1" },
            "deletionTimestamp": deleted.then_some("2026-11-21T10:00:00Z"),
            "finalizers": [finalizer],
        },
    })
}

fn server() -> Apiserver {
    let server = Apiserver::with_clusters();
    let infra = "openstackcluster.infrastructure.cluster.x-k8s.io";
    let path = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters";
    server.put(path, object("OpenStackCluster", true, infra));
    let path = "/apis/cluster.x-k8s.io/v1beta2/clusters";
    server.put(path, object("Cluster", true, "cluster.cluster.x-k8s.io"));
    server
}

async fn address(cloud: &Arc<dyn Transport>, description: &str) {
    let asked = json!({ "floatingip": { "description": description } });
    let request = Request::new(Service::Network, Method::Post, &["floatingips"]).body(asked);
    assert_eq!(cloud.send(request).await.unwrap().status, 201);
}

/// Keystone is the simulator's, whatever address a clouds.yaml has.
fn logins(cloud: &Cloud) -> Login {
    let cloud = cloud.clone();
    Arc::new(move |config| {
        let Credential::ApplicationCredential { which, secret } = &config.credential else {
            panic!("{:?}", config.credential)
        };
        let ApplicationCredentialRef::Id(id) = which else { panic!("{which:?}") };
        let secret = String::from_utf8(secret.expose().to_vec()).unwrap();
        let known = cloud.login("mgmt", id, &secret);
        Box::pin(async move { Ok(known) })
    })
}

fn clouds((id, secret): &(String, String)) -> String {
    let auth = json!({
        "auth_url": "https://keystone.sim:5000/v3",
        "application_credential_id": id, "application_credential_secret": secret,
    });
    let cloud = json!({ "auth_type": "v3applicationcredential", "auth": auth });
    json!({ "clouds": { "openstack": cloud } }).to_string()
}

/// The cluster's own secret, as the driver writes it.
fn keep(server: &Apiserver, credential: &(String, String)) {
    let data = base64::engine::general_purpose::STANDARD.encode(clouds(credential));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "c1-cloud-credentials", "namespace": NS, "uid": "uid-secret" },
        "data": { "clouds.yaml": data },
    });
    server.put("/api/v1/secrets", secret);
}

async fn release(server: &Apiserver, cloud: &Cloud) -> Release {
    let management = Arc::new(Management::over(server.clone(), "simulator"));
    let known = Arc::new(discover_versions(&management).await.unwrap());
    let cluster = StuckCluster {
        management,
        served: known,
        namespace: NS.parse().unwrap(),
        stack: "c1".to_owned(),
        patience: Duration::from_mins(10),
        wait: Duration::from_secs(5),
        login: logins(cloud),
    };
    let held = cluster.deletion().await.unwrap().held;
    Release { cluster, held, replacement: None, project: cloud.member("mgmt") }
}

/// Runs everything but the first section: credential and patience have tests of their own.
async fn run(release: &Release) -> Vec<TargetReport> {
    let mut targets = release.targets();
    targets[0].sections.remove(0);
    walk_if(targets, true).await
}

async fn walk(targets: Vec<TargetPlan>) -> Vec<TargetReport> {
    walk_if(targets, false).await
}

/// `clear`: nothing that was looked at stands in the way of a leg.
async fn walk_if(targets: Vec<TargetPlan>, clear: bool) -> Vec<TargetReport> {
    let ctx = Context::default();
    let mut reports = Vec::new();
    for target in targets {
        let looked = target.preview(ctx.now()).await;
        assert!(!clear || looked.blocker().is_none(), "{:?}", looked.blocker());
        let run = Run { looked: &looked, approved: &looked, approve_waiting: true, ctx: &ctx };
        let report = target.run(run).await;
        let failed = report.failure().is_some();
        reports.push(report);
        if failed {
            break;
        }
    }
    reports
}

fn changed(reports: &[TargetReport]) -> Vec<String> {
    let items = reports.iter().flat_map(|report| &report.items);
    let changed = items.filter(|item| item.outcome == ItemOutcome::Changed);
    changed.map(|item| item.subject.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn finalizers_go_before_what_is_left_in_the_cloud_and_a_second_run_does_nothing() {
    let (server, cloud) = (server(), Cloud::new());
    let mark = ClusterName::new(NS, "c1");
    address(&cloud.member("mgmt"), &mark.description()).await;
    address(&cloud.member("mgmt"), &format!("{}0", mark.description())).await;
    let reports = run(&release(&server, &cloud).await).await;
    let expected = ["OpenStackCluster c1", "Cluster c1", "network of magnum-67a1/c1"];
    assert_eq!(changed(&reports), expected);
    assert_eq!(server.snapshot(), [""; 0]);
    let [left] = cloud.network_parts().try_into().unwrap();
    assert!(left.ends_with("magnum-67a1-c10"), "{left}");
    let reports = run(&release(&server, &cloud).await).await;
    assert_eq!(changed(&reports), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_elses_thing_keeps_stays_and_ends_with_no() {
    let (server, cloud) = (server(), Cloud::new());
    let neutron = cloud.member("mgmt");
    let made = async |plural: &'static str, body: Value| {
        let request = Request::new(Service::Network, Method::Post, &[plural]).body(body);
        neutron.send(request).await.unwrap().body
    };
    let name = format!("k8s-clusterapi-cluster-{NS}-c1");
    let network = made("networks", json!({ "network": { "name": name } })).await;
    let port = json!({ "name": "a database", "network_id": network["network"]["id"] });
    made("ports", json!({ "port": port })).await;
    let mut targets = release(&server, &cloud).await.targets();
    targets[0].sections.remove(0);
    let reports = walk(targets).await;
    let failure = reports[1].failure().unwrap();
    assert_eq!(failure.class, FailureClass::Gate);
    assert!(
        failure.causes[0].starts_with("2 can't be removed, the first is network k8s-clusterapi"),
        "{failure:?}"
    );
    assert_eq!(cloud.network_parts().len(), 2, "both are there");
    assert_eq!(server.snapshot(), [""; 0], "the cluster itself is gone");
}

#[tokio::test(start_paused = true)]
async fn what_fails_half_way_goes_on_where_it_stopped() {
    let (server, cloud) = (server(), Cloud::new());
    address(&cloud.member("mgmt"), &ClusterName::new(NS, "c1").description()).await;
    server.inject_fault(1, Fault::Lost);
    let reports = run(&release(&server, &cloud).await).await;
    assert_eq!(changed(&reports), ["OpenStackCluster c1"]);
    assert_eq!(reports.len(), 1, "the project is not touched");
    assert_eq!(cloud.network_parts().len(), 1);
    let reports = run(&release(&server, &cloud).await).await;
    assert_eq!(changed(&reports), ["Cluster c1", "network of magnum-67a1/c1"]);
    assert_eq!(cloud.network_parts().len(), 0);
}

#[tokio::test]
async fn a_management_cluster_that_never_had_it_proves_nothing() {
    let (server, cloud) = (Apiserver::with_clusters(), Cloud::new());
    address(&cloud.member("mgmt"), &ClusterName::new(NS, "c1").description()).await;
    let reports = walk(release(&server, &cloud).await.targets()).await;
    let failure = reports[0].failure().unwrap();
    let why = format!("simulator has no namespace {NS}, so no cluster was ever there");
    assert_eq!((failure.class, failure.causes[0].as_str()), (FailureClass::Gate, why.as_str()));
    assert_eq!(cloud.network_parts().len(), 1);
    // Where it has been, what is left is removed.
    let metadata = json!({ "name": NS, "uid": "uid-namespace" });
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
    server.put("/api/v1/namespaces", namespace);
    let reports = walk(release(&server, &cloud).await.targets()).await;
    assert_eq!(changed(&reports), ["network of magnum-67a1/c1"]);
}

#[tokio::test]
async fn no_finalizer_goes_while_nobody_can_look_at_the_project() {
    let (server, cloud) = (server(), Cloud::new());
    keep(&server, &cloud.add_credential("mgmt"));
    let stuck = release(&server, &cloud).await.cluster;
    let project = cloud.project("mgmt");
    let stranger = || Arc::new(Stranger) as Arc<dyn Transport>;
    // The cluster's own credential will do.
    assert!(log_in(stranger(), &stuck, &project, None).await.is_ok());
    let (id, _) = cloud.add_credential("mgmt");
    keep(&server, &(id.clone(), "wrong".to_owned()));
    let failure = log_in(stranger(), &stuck, &project, None).await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Gate, Touched::Nothing));
    assert!(failure.causes[0].starts_with("no login to its project"), "{failure}");
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_refused_is_replaced_before_any_finalizer_is_touched() {
    let (server, cloud) = (server(), Cloud::new());
    address(&cloud.member("mgmt"), &ClusterName::new(NS, "c1").description()).await;
    let old = cloud.add_credential("mgmt");
    keep(&server, &old);
    cloud.remove_credential(&old.0);
    let stuck = release(&server, &cloud).await;
    let reports = walk(stuck.targets()).await;
    let failure = reports[0].failure().unwrap().to_string();
    assert!(failure.starts_with("check failed: credential of c1"), "{failure}");
    assert_eq!(server.writes(), [""; 0]);
    assert_eq!(reports.len(), 1, "the project is not touched");

    let given = clouds(&cloud.add_credential("mgmt")).into();
    let project = cloud.project("mgmt");
    let found = replacement(&stuck.cluster, &given, "f", &project).await.unwrap();
    let fixed = Release { replacement: Some(found), ..release(&server, &cloud).await };
    let reports = walk(fixed.targets()).await;
    let secret = "secret c1-cloud-credentials";
    let expected = [secret, "OpenStackCluster c1", "Cluster c1", "network of magnum-67a1/c1"];
    assert_eq!(changed(&reports), expected);
    assert!(server.writes()[0].contains("secrets/c1-cloud-credentials"), "{:?}", server.writes());
}

#[tokio::test]
async fn a_credential_that_is_of_no_use_is_refused() {
    let (server, cloud) = (server(), Cloud::new());
    let own = cloud.add_credential("mgmt");
    keep(&server, &own);
    let stuck = release(&server, &cloud).await.cluster;
    let project = cloud.project("mgmt");
    let refused = async |credential: &(String, String)| {
        let given = clouds(credential).into();
        let failure = replacement(&stuck, &given, "f", &project).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Refused, "{failure}");
        failure.causes.concat()
    };
    let other = cloud.add_credential("mgmt");
    let why = refused(&other).await;
    assert_eq!(why, "the cluster's own credential authenticates, with the same roles");
    let foreign = cloud.add_credential("next-door");
    let why = refused(&foreign).await;
    assert!(why.starts_with("it is for project ") && why.ends_with(&project), "{why}");
    let wrong = (other.0.clone(), "wrong".to_owned());
    let why = refused(&wrong).await;
    assert!(why.starts_with("Keystone refuses it: "), "{why}");
    // While Keystone says nothing of its own, nobody knows whether that would do.
    let given = clouds(&other).into();
    let (known, asked) = (logins(&cloud), Arc::new(AtomicUsize::new(0)));
    let login: Login = Arc::new(move |config| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => known(config),
        _ => Box::pin(async {
            let (request, url) = ("POST identity".to_owned(), "https://keystone.sim".to_owned());
            let (touched, source) = (Touched::Nothing, "too late".into());
            let cause = omega_openstack::TransportCause::ConnectTimedOut;
            Err(Error::Unreachable { request, url, cause, touched, source })
        }),
    });
    let deaf = StuckCluster { login, ..stuck.clone() };
    let failure = replacement(&deaf, &given, "f", &project).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Deadline, "{failure:?}");
    // Without its own, any of the project will do.
    cloud.remove_credential(&own.0);
    assert!(replacement(&stuck, &given, "f", &project).await.is_ok());
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test]
async fn the_management_clusters_clock_says_whether_a_delete_is_stuck() {
    let (server, cloud) = (server(), Cloud::new());
    let release = release(&server, &cloud).await;
    let ask = async || {
        let gate = IsStuck { cluster: release.cluster.clone() };
        gate.check().await.unwrap()
    };
    let why = async || {
        let Verdict::Fail(found) = ask().await else { panic!("it is said to be stuck") };
        found.summary
    };
    let quiet = Evidence::took("nothing has moved for", Duration::from_hours(2));
    assert_eq!(quiet.to_string(), "nothing has moved for 120 min");
    assert_eq!(ask().await, Verdict::shown([quiet]));
    // Whatever this machine's clock says: for it that was long ago, or has not come yet.
    server.set_clock("2026-11-21T10:01:00Z".parse().unwrap());
    assert!(why().await.starts_with("the controllers made progress 60 s ago"), "{}", why().await);
    server.set_clock("2026-11-21T09:00:00Z".parse().unwrap());
    let future = "its delete began at 2026-11-21T10:00:00Z, but the management cluster's clock is at \
                  2026-11-21T09:00:00Z";
    assert_eq!(why().await, future);
}

#[tokio::test]
async fn a_plan_shows_each_object_and_its_finalizers_in_order() {
    let (server, cloud) = (server(), Cloud::new());
    let release = release(&server, &cloud).await;
    let targets = release.targets();
    let mut shown = Vec::new();
    for item in &targets[0].sections[1].items {
        let omega_core::Item::Step(step) = item else { continue };
        let preview = step.preview(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        shown.extend(preview.diffs.iter().map(ToString::to_string));
    }
    insta::assert_snapshot!(shown.join("\n"), @"
    - OpenStackCluster c1: release openstackcluster.infrastructure.cluster.x-k8s.io (of the OpenStack provider)
    - Cluster c1: release cluster.cluster.x-k8s.io (of Cluster API's core)
    ");
    let project = targets[1].preview(jiff::Timestamp::UNIX_EPOCH).await;
    let gate = project.items().next().unwrap();
    let ItemState::Verdict(omega_core::Verdict::Deferred { until }) = &gate.found else { panic!() };
    assert_eq!(until, "OpenStackCluster c1 is gone");
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn with_clients_that_only_read_no_finalizer_is_removed() {
    let (server, cloud) = (server(), Cloud::new());
    let mark = ClusterName::new(NS, "c1");
    address(&cloud.member("mgmt"), &mark.description()).await;
    let (before, parts, writes) = (server.snapshot(), cloud.network_parts(), cloud.writes().len());
    let mut release = release(&server, &cloud).await;
    release.cluster.management = Arc::new(release.cluster.management.read_only());
    release.project = Arc::new(omega_openstack::ReadOnly::new(release.project));
    let reports = run(&release).await;
    let failure = reports.last().unwrap().failure().unwrap();
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    assert!(failure.causes[0].starts_with("PATCH /apis/"), "{failure:?}");
    assert_eq!(server.writes(), [""; 0]);
    assert_eq!((server.snapshot(), cloud.network_parts()), (before, parts));

    // Without what holds it, what is left in the cloud is not removed either.
    let absent = Apiserver::with_clusters();
    let mut release = self::release(&absent, &cloud).await;
    release.cluster.management = Arc::new(release.cluster.management.read_only());
    release.project = Arc::new(omega_openstack::ReadOnly::new(release.project));
    let reports = run(&release).await;
    let failure = reports.last().unwrap().failure().unwrap();
    assert_eq!(failure.class, FailureClass::Refused, "{failure:?}");
    assert_eq!(cloud.writes().len(), writes);
}
