//! `ensure_cluster` and `ensure_cluster_absent` on the simulators: the laws, progress, refusals, what is
//! left behind.

use std::{sync::Arc, time::Duration};

use omega_core::{
    Context, Delta, Event, EventSink, Finding, Label as _, StepId, Undo as StoredUndo, chain, plan,
    run::{Approved, Engine, Runs},
    testing::{Case, Undo, World as _, check_laws},
};
use omega_openstack::{
    Method, Request, Service,
    container_infra::ClusterValues,
    sim::{Cloud, Fate},
};
use serde_json::{Value, json};

use super::{
    cluster_world::{STACK, Sim, labels, wanted},
    *,
};
use crate::{
    clients::{CloudClients, PartialClients},
    rollback::restore,
};

fn gone() -> AbsentCluster {
    AbsentCluster::named("x", DriverSettings::default())
}

fn has_x(cloud: &Cloud, seen: &[String], count: usize) -> bool {
    let start = format!("cluster \"{}\" \"x\" ", cloud.project("mgmt"));
    seen.iter().filter(|line| line.starts_with(&start)).count() == count
}

#[tokio::test(start_paused = true)]
async fn creating_a_cluster_obeys_the_laws() {
    let sim = Sim::new().await;
    // Near matches, and one of the name in another project.
    sim.cloud.add_cluster("mgmt", "x-2", None, "");
    sim.cloud.add_cluster("next door", "x", None, "");
    let holds = |seen: &Vec<String>| has_x(&sim.cloud, seen, 1);
    let laws = async |sim: &Sim, undo| check_laws(|| sim.fork(), &wanted(), undo, holds).await;
    assert_eq!(laws(&sim, Undo::Exact).await, Case::Changed);
    sim.make().await;
    assert_eq!(laws(&sim, Undo::Exact).await, Case::Satisfied);
    let other = sim.fork();
    other.cloud.add_cluster("mgmt", "x", None, "");
    assert_eq!(laws(&other, Undo::Exact).await, Case::Refused);

    // One that need only be accepted may have failed.
    let requested = RequestedCluster(wanted());
    let laws = async |sim: &Sim| check_laws(|| sim.fork(), &requested, Undo::Exact, holds).await;
    let fresh = Sim::new().await;
    fresh.cloud.fates(vec![Fate::Stalls]);
    assert_eq!(laws(&fresh).await, Case::Changed);
    assert_eq!(laws(&sim).await, Case::Satisfied);
    assert_eq!(laws(&other).await, Case::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_failed_before_the_driver_is_repeated_only_when_asked_for() {
    let sim = Sim::new().await;
    let why = || Fate::FailsBeforeDriver("Failed to create trustee or trust".into());
    sim.cloud.fates(vec![why()]);
    let error = ensure_cluster(&Context::default(), &sim.site, &wanted()).await.unwrap_err();
    assert!(chain(&error).join(": ").contains("Failed to create trustee"), "{error:?}");
    let holds = |seen: &Vec<String>| has_x(&sim.cloud, seen, 1);
    let case = check_laws(|| sim.fork(), &wanted(), Undo::Exact, holds).await;
    assert_eq!(case, Case::Refused);
    let mut again = wanted();
    again.retry = true;
    let planned = plan(&sim.site, &again).await.unwrap();
    assert_eq!(planned.delta().changes().len(), 2, "deleted and created");
    assert!(planned.undo().is_none(), "the failed one can't be restored");
    let done = planned.apply(&Context::default(), &sim.site).await.unwrap();
    assert!(done.changed());
    assert!(has_x(&sim.cloud, &sim.snapshot(), 1));

    // Once helm may have run, it is not repeated.
    let sim = Sim::new().await;
    sim.put_cluster(&[]);
    sim.cloud.fates(vec![Fate::FailsInDriver("Error: no matches for kind".into())]);
    ensure_cluster(&Context::default(), &sim.site, &wanted()).await.unwrap_err();
    assert!(sim.refusal(&again).await.contains("no matches for kind"));
    assert_eq!(sim.creates(), 1);
}

/// Magnum answers before it has stored the cluster.
#[tokio::test(start_paused = true)]
async fn a_create_is_never_sent_twice() {
    let sim = Sim::new().await;
    sim.cloud.clusters_appear_after(Duration::from_mins(1));
    sim.make().await;
    assert_eq!(sim.creates(), 1);

    // The run is killed before the cluster appears; the next one knows of it by the journal.
    let sim = Sim::new().await;
    sim.cloud.clusters_appear_after(Duration::from_mins(1));
    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    let (site, clients) = (Arc::new(sim.fork().site), PartialClients::default());
    let mut killed = wanted();
    killed.within = 0; // It does not see the cluster.
    let job = killed.job(&site, "omega.toml", &clients);
    let report = Engine::new(runs.clone(), Context::default()).apply(&job, Approved::Now).await;
    assert!(report.unwrap().failure.is_some());
    let next = wanted().after_runs(&runs, &sim.site).unwrap();
    assert!(next.asked_after.is_some());
    let elsewhere = wanted();
    let elsewhere = EnsuredCluster { name: "x-2".into(), ..elsewhere };
    assert_eq!(elsewhere.after_runs(&runs, &sim.site).unwrap().asked_after, None);
    // By Magnum's clock, which is another one in the simulator.
    let at = sim.site.magnum.clusters_named("x").await.unwrap().at;
    let next = EnsuredCluster { asked_after: Some(at), ..next };
    let planned = plan(&sim.site, &next).await.unwrap();
    assert!(matches!(planned.delta(), Delta::Wait(_)), "{:?}", planned.delta());

    // A run that saw it complete left nothing open.
    let (home, sim) = (tempfile::tempdir().unwrap(), Sim::new().await);
    let runs = Runs::new(home.path());
    let job = wanted().job(&Arc::new(sim.fork().site), "omega.toml", &clients);
    let done = Engine::new(runs.clone(), Context::default()).apply(&job, Approved::Now).await;
    assert_eq!(done.unwrap().failure, None);
    assert_eq!(wanted().after_runs(&runs, &sim.site).unwrap().asked_after, None);
}

fn condition(kind: &str, status: &str, minute: u8, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "R", "message": message,
        "lastTransitionTime": format!("2026-11-21T09:{minute}:00Z"),
    })
}

/// Notes what a step waits for.
#[derive(Debug, Default)]
struct Waits(std::sync::Mutex<Vec<String>>);

impl EventSink for Waits {
    fn event(&self, event: &Event) {
        if let Event::StepWaiting { wanted, .. } = event {
            self.0.lock().unwrap().push(wanted.clone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_cluster_apis() {
    let sim = Sim::new().await;
    let ready = condition("InfrastructureReady", "True", 52, "");
    let waits = condition("ControlPlaneAvailable", "False", 50, "* Machine x-1:\n  * no node yet");
    sim.put_cluster(&[ready.clone(), waits]);
    sim.cloud.fates(vec![Fate::Stalls]);
    let events = Arc::new(Waits::default());
    let ctx = Context::default().with_events(events.clone());
    let error = ensure_cluster(&ctx, &sim.site, &wanted()).await.unwrap_err();
    let told = events.0.lock().unwrap().last().cloned().unwrap();
    let failure = omega_core::Failure::from(error);
    let at_the_end = format!("{failure}: {}", failure.found.as_deref().unwrap_or_default());

    let all = [
        ready,
        condition("ControlPlaneAvailable", "True", 57, ""),
        condition("WorkersAvailable", "True", 58, ""),
    ];
    let sim = Sim::new().await;
    sim.put_cluster(&all);
    let done = ensure_cluster(&Context::default(), &sim.site, &wanted()).await.unwrap();
    let timeline = done.into_observed().timeline();
    let timeline: Vec<_> =
        timeline.iter().map(|one| format!("{} {} s", one.stage, one.seconds)).collect();
    // Without the management cluster Magnum alone tells.
    let magnum = ClusterSite::new(sim.cloud.admin("mgmt"), None);
    let alone = plan(&magnum, &wanted()).await.unwrap();
    assert_eq!(alone.before().timeline(), []);
    let lines = [told, at_the_end, timeline.join(", ")];
    insta::assert_snapshot!(lines.join("\n"), @"
    CREATE_IN_PROGRESS, stage 2 of 3, control plane: * Machine x-1: * no node yet
    cluster x on cloud rehearsal, project mgmt did not reach the desired state within 1800s: CREATE_IN_PROGRESS, stage 2 of 3, control plane: * Machine x-1: * no node yet
    infrastructure 120 s, control plane 300 s, workers 60 s, addons 121 s
    ");
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_refused_value_by_value() {
    let sim = Sim::new().await;
    sim.make().await;
    let mut lines = Vec::new();
    let with = |change: &dyn Fn(&mut ClusterValues)| {
        let mut wanted = wanted();
        change(&mut wanted.values);
        wanted
    };
    for wanted in [
        with(&|values| values.node_count = 3),
        with(&|values| {
            values.template = "u".into();
            values.master_count = 3;
            values.keypair = Some("other".into());
            values.labels = labels(&[("more", "1")]);
        }),
        with(&|values| values.template = "none".into()),
    ] {
        let error = plan(&sim.site, &wanted).await.unwrap_err();
        let failure = omega_core::Failure::from(error);
        lines.push(format!(
            "{failure}: {}\n  expected {:?}, found {:?}, next: {}",
            failure.causes.join(": "),
            failure.expected,
            failure.found,
            failure.next.as_deref().unwrap()
        ));
    }
    // A label of the template, and Magnum's spelling, are no difference.
    let same = with(&|values| values.labels = labels(&[("own", "true"), ("of", "template")]));
    assert!(matches!(plan(&sim.site, &same).await.unwrap().delta(), Delta::Satisfied));
    let ids = lines.join("\n");
    let id = sim.site.magnum.clusters_named("x").await.unwrap().clusters[0].uuid.clone();
    let mut shown = ids.replace(&id, "ID");
    for name in ["t", "u"] {
        let template = sim.site.magnum.template_ids(name).await.unwrap().remove(0);
        shown = shown.replace(&template, &format!("ID-OF-{name}"));
    }
    insta::assert_snapshot!(shown, @r#"
    refused to change cluster x on cloud rehearsal, project mgmt: cluster x (ID) has other values: cluster x (ID) has other values
      expected Some("node_count 3"), found Some("node_count 2"), next: openstack coe cluster resize x 3
    refused to change cluster x on cloud rehearsal, project mgmt: cluster x (ID) has other values: cluster x (ID) has other values
      expected Some("cluster_template_id ID-OF-u, keypair other, master_count 3, label more 1, label own none"), found Some("cluster_template_id ID-OF-t, keypair op, master_count 1, label more none, label own True"), next: choose another name, or give the values that it has
    refused to change cluster x on cloud rehearsal, project mgmt: there is no cluster template "none": there is no cluster template "none"
      expected None, found None, next: create it: omega-cli ensure-cluster-template --name none
    "#);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_cluster_obeys_the_laws() {
    let sim = Sim::new().await;
    sim.cloud.add_cluster("mgmt", "x-2", None, "");
    let holds = |seen: &Vec<String>| has_x(&sim.cloud, seen, 0);
    let laws =
        async |sim: &Sim| Box::pin(check_laws(|| sim.fork(), &gone(), Undo::None, holds)).await;
    assert_eq!(laws(&sim).await, Case::Satisfied);
    sim.make().await;
    assert_eq!(laws(&sim).await, Case::Changed);
    // Twice.
    let twins = sim.fork();
    twins.cloud.add_cluster("mgmt", "x", None, "");
    assert_eq!(laws(&twins).await, Case::Refused);
    // Its credential is gone: that matters while Cluster API has something of it.
    let refused = sim.fork();
    refused.cloud.remove_credential(&sim.credential.0);
    assert_eq!(laws(&refused).await, Case::Changed);
    sim.put_cluster(&[]);
    let refused = sim.fork();
    refused.cloud.remove_credential(&sim.credential.0);
    assert_eq!(laws(&refused).await, Case::Refused);
    // The driver would take it for absent.
    let unserved = sim.fork();
    unserved.api.serve("cluster.x-k8s.io", &["v1beta2"]);
    assert_eq!(laws(&unserved).await, Case::Refused);
    // Of a cluster that the driver has not begun with, there is nothing to check.
    let early = Sim::new().await;
    early.cloud.fates(vec![Fate::FailsBeforeDriver("no trust".into())]);
    ensure_cluster(&Context::default(), &early.site, &wanted()).await.unwrap_err();
    early.api.serve("cluster.x-k8s.io", &["v1beta2"]);
    assert_eq!(laws(&early).await, Case::Changed);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_failed_is_repeated_once_by_each_run() {
    let sim = Sim::new().await;
    sim.make().await;
    let cluster = async || sim.site.magnum.clusters_named("x").await.unwrap().clusters.remove(0);
    sim.cloud.set_fate(&cluster().await.uuid, &Fate::DeleteFails);
    for deletes in 1..3 {
        let gone = AbsentCluster::of(&cluster().await, DriverSettings::default());
        let error = ensure_cluster_absent(&Context::default(), &sim.site, &gone).await.unwrap_err();
        assert!(chain(&error).join(": ").contains("DELETE_FAILED"), "{error:?}");
        let sent = sim.cloud.writes().into_iter().filter(|one| one.starts_with("DELETE"));
        assert_eq!(sent.count(), deletes);
    }
    sim.cloud.set_fate(&cluster().await.uuid, &Fate::Healthy);
    let gone = AbsentCluster::of(&cluster().await, DriverSettings::default());
    ensure_cluster_absent(&Context::default(), &sim.site, &gone).await.unwrap();
    assert!(has_x(&sim.cloud, &sim.snapshot(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_not_safe_says_what_to_do() {
    let sim = Sim::new().await;
    sim.make().await;
    sim.put_cluster(&[]);
    let mut lines = Vec::new();
    let refusal = async |sim: &Sim| {
        let failure = omega_core::Failure::from(plan(&sim.site, &gone()).await.unwrap_err());
        format!("{}\n  next: {}", failure.causes.join(": "), failure.next.unwrap())
    };
    let refused = sim.fork();
    refused.cloud.remove_credential(&sim.credential.0);
    lines.push(refusal(&refused).await);
    let none = sim.fork();
    none.api.remove_object("/api/v1/secrets", &format!("{STACK}-cloud-credentials"));
    lines.push(refusal(&none).await);
    let unserved = sim.fork();
    unserved.api.serve("cluster.x-k8s.io", &["v1beta2"]);
    lines.push(refusal(&unserved).await);
    let mut blind = sim.fork();
    blind.site = ClusterSite::new(blind.cloud.admin("mgmt"), None);
    lines.push(refusal(&blind).await);
    let id = sim.site.magnum.clusters_named("x").await.unwrap().clusters[0].uuid.clone();
    let shown = lines.join("\n").replace(&id, "ID").replace(&sim.namespace(), "NAMESPACE");
    insta::assert_snapshot!(shown, @"
    Keystone refuses the application credential in NAMESPACE/x-cyusd2b67a45-cloud-credentials: the delete would not end
      next: delete it with openstack coe cluster delete ID, then give it a credential: omega-cli release-stuck-delete --cluster x-cyusd2b67a45 --credential-from FILE
    there is no secret NAMESPACE/x-cyusd2b67a45-cloud-credentials: no controller can finish the delete
      next: delete it with openstack coe cluster delete ID, then give it a credential: omega-cli release-stuck-delete --cluster x-cyusd2b67a45 --credential-from FILE
    `openstack coe cluster delete` is not safe now: driver 1.4.0 reads the Cluster at cluster.x-k8s.io/v1beta1, treats the 404 as its absence, and Magnum reports success: the cluster keeps running without an owner, and its keys and its credential are deleted
      next: delete no cluster; serve v1beta1 again: kubectl edit crd clusters.cluster.x-k8s.io
    whether the delete is safe can't be checked without the management cluster
      next: name its kubeconfig in the site file: `kubeconfig` in [management]
    ");
}

/// The undo of a creation is the same delete, with the same checks.
#[tokio::test(start_paused = true)]
async fn a_rollback_deletes_with_the_same_checks() {
    let sim = Sim::new().await;
    let planned = plan(&sim.site, &wanted()).await.unwrap();
    let undo = planned.undo().unwrap();
    planned.apply(&Context::default(), &sim.site).await.unwrap();
    let over =
        CloudClients::over(sim.cloud.admin("admin"), sim.cloud.admin("mgmt"), "memory", || 0);
    let mut clients = PartialClients::from(&over);
    clients.management.clone_from(&sim.site.management);
    let id =
        StepId { target: sim.site.label(), kind: "openstack.cluster.v2".into(), key: "x".into() };
    let kind = "openstack.no-cluster.v2".to_owned();
    let undo = StoredUndo { kind, desired: serde_json::to_value(undo).unwrap() };
    let back = restore(&id, &undo, &clients).unwrap().unwrap();
    assert_eq!(back.subject().to_string(), "cluster x");
    sim.api.serve("cluster.x-k8s.io", &["v1beta2"]);
    let refused = back.preview(jiff::Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(refused.causes.join(" ").contains("is not safe now"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_delete_left_is_named_with_what_to_run() {
    let sim = Sim::new().await;
    sim.make().await;
    let places = ClusterPlace::find(&sim.site, &DriverSettings::default(), "x").await.unwrap();
    let [place] = places.as_slice() else { panic!("{places:?}") };
    let id = place.id.clone().unwrap();
    ensure_cluster_absent(&Context::default(), &sim.site, &gone()).await.unwrap();
    assert_eq!(cluster_leftovers(&sim.site, place).await, []);

    let namespace = sim.namespace();
    sim.put_cluster(&[]);
    for of in [STACK, "x-cyusd2b67a450"] {
        let about = format!("Created by cluster-api-provider-openstack cluster {namespace}-{of}");
        let asked = json!({ "floatingip": { "description": about } });
        let request = Request::new(Service::Network, Method::Post, &["floatingips"]).body(asked);
        assert_eq!(sim.site.cloud.send(request).await.unwrap().status, 201);
        sim.cloud.add_volume(of, "pvc-1");
    }
    sim.cloud.add_named_credential("mgmt", &format!("magnum-{id}-0a1b2c3d"));
    sim.cloud.add_named_credential("mgmt", "magnum-of-another");
    let found = cluster_leftovers(&sim.site, place).await;
    let line = |one: &Finding| {
        let Finding { rule, severity, subject, summary, remedy, .. } = one;
        format!("{rule} {severity:?} {subject}: {summary}\n  next: {}", remedy.as_deref().unwrap())
    };
    let shown: Vec<_> = found.iter().map(line).collect();
    let shown = shown.join("\n").replace(&namespace, "NAMESPACE").replace(&id, "ID");
    insta::assert_snapshot!(shown, @"
    leftover-cluster-api Broken Cluster NAMESPACE/x-cyusd2b67a45: Cluster x-cyusd2b67a45 is there, and nobody deletes it: Magnum has forgotten the cluster
      next: kubectl -n NAMESPACE delete clusters.cluster.x-k8s.io x-cyusd2b67a45; then omega-cli release-stuck-delete --cluster x-cyusd2b67a45 --namespace NAMESPACE --credential-from FILE, as its own credential is gone
    leftover-network Warning floating IP 203.0.113.7: floating IP 203.0.113.7 (00000000-0000-4000-8000-000000000008) was left in Neutron
      next: omega-cli release-stuck-delete --cluster x-cyusd2b67a45 --namespace NAMESPACE
    leftover-volume Warning volume pvc-1: volume pvc-1 (00000000-0000-4000-8000-000000000009) of 1 GiB of claim default/data is available: a delete keeps the data of persistent volumes
      next: if nobody needs the data: openstack volume delete 00000000-0000-4000-8000-000000000009
    leftover-credential Warning credential magnum-ID-0a1b2c3d: credential magnum-ID-0a1b2c3d (0000000000004000800000000000000d) was left in Keystone: it is the cluster's application credential
      next: openstack application credential delete 0000000000004000800000000000000d
    ");

    // Magnum does not know it any more: Cluster API does.
    let places = ClusterPlace::find(&sim.site, &DriverSettings::default(), "x").await.unwrap();
    assert_eq!((places.len(), places[0].stack.as_str(), &places[0].id), (1, STACK, &None));
}

#[tokio::test(start_paused = true)]
async fn with_clients_that_only_read_no_cluster_is_created_or_deleted() {
    let sim = Sim::new().await;
    let cloud = Arc::new(omega_openstack::ReadOnly::new(sim.cloud.admin("mgmt")));
    let management = Arc::new(sim.site.management.as_ref().unwrap().read_only());
    let login = super::cluster_world::login(&sim.cloud);
    let only = ClusterSite::new(cloud, Some(management)).with_login(login);
    let ctx = Context::default();
    assert_eq!(plan(&only, &wanted()).await.unwrap().delta().changes().len(), 1);
    let refused =
        omega_core::Failure::from(ensure_cluster(&ctx, &only, &wanted()).await.unwrap_err());
    let nothing = (omega_core::FailureClass::Refused, omega_core::Touched::Nothing);
    assert_eq!((refused.class, refused.touched), nothing, "{refused:?}");
    assert_eq!((sim.creates(), sim.writes()), (0, 0));
    sim.make().await;
    let (writes, kept) = (sim.writes(), sim.snapshot());
    assert!(!ensure_cluster(&ctx, &only, &wanted()).await.unwrap().changed());
    let refused = omega_core::ensure(&ctx, &only, &gone()).await.unwrap_err();
    assert_eq!(omega_core::Failure::from(refused).touched, omega_core::Touched::Nothing);
    assert_eq!((sim.writes(), sim.snapshot()), (writes, kept));
}
