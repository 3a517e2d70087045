//! Magnum's operations, proofs and gates on the simulator: what is left afterwards, whatever happens.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;
use crate::{
    Service, restore,
    sim::{Cloud, Fate},
};
use omega_core::{
    Approval, CancelToken, Context, Delta, Desired as _, Event, EventSink, Failure, FailureClass,
    Gate as _, MemoryJournal, PollPolicy, Touched, Verdict, ensure, leftovers, testing::Fault,
};

pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.add_image("k8s", true);
    cloud.add_image("plain", false);
    cloud.add_cluster("mgmt", "bystander", Some("HEALTHY"), "Ready");
    cloud
}

pub(super) fn spec() -> TemplateSpec {
    TemplateSpec::new("k8s", "public", "m1.medium", "m1.medium")
}

fn options() -> ProofOptions {
    ProofOptions { every: Duration::from_secs(30), ..ProofOptions::new("omega-proof") }
}

fn cluster() -> ClusterSpec {
    let template = ProofTemplate::ThrowAway(Box::new(spec()));
    ClusterSpec { template, keypair: Some("op".into()), master_count: 1, node_count: 1 }
}

pub(super) fn magnum(cloud: &Cloud) -> ContainerInfra {
    ContainerInfra::new(cloud.admin("mgmt"))
}

async fn proved(cloud: &Cloud) -> Result<ClusterProof, Failure> {
    prove_cluster(&Context::default(), &magnum(cloud), &cluster(), &options()).await
}

/// Returns what there is besides the bystander.
fn left(cloud: &Cloud) -> Vec<String> {
    let (templates, clusters) = cloud.magnum_names();
    templates.into_iter().chain(clusters.into_iter().filter(|name| name != "bystander")).collect()
}

fn assert_clean(cloud: &Cloud) {
    assert_eq!(left(cloud), Vec::<String>::new());
    let (_, clusters) = cloud.magnum_names();
    assert_eq!(clusters, ["bystander"], "what was not made here stays");
}

/// Takes the time and the random part out of the names.
fn plain(text: &str) -> String {
    let mut parts = text.split("omega-proof-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest: String = part.chars().skip("20261121095917-abcdef".len()).collect();
        format!("{text}omega-proof-TIME{rest}")
    })
}

fn told(failure: &Failure) -> String {
    let Failure { class, found, next, touched, .. } = failure;
    let parts = [
        Some(format!("{class:?}, touched {touched:?}: {failure}")),
        found.as_ref().map(|found| format!("found: {found}")),
        next.as_ref().map(|next| format!("next: {next}")),
    ];
    plain(&parts.into_iter().flatten().collect::<Vec<_>>().join("\n"))
}

/// Keeps what is reported, and asks to stop after so many events.
#[derive(Default)]
struct Watcher {
    events: Mutex<Vec<Event>>,
    stop: Option<(usize, CancelToken)>,
}

impl EventSink for Watcher {
    fn event(&self, event: &Event) {
        let mut events = self.events.lock().unwrap();
        events.push(event.clone());
        if let Some((after, cancel)) = &self.stop
            && events.len() > *after
        {
            cancel.cancel();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_created_seen_healthy_and_deleted() {
    let cloud = cloud();
    let watcher = Arc::new(Watcher::default());
    let ctx = Context::default().with_events(watcher.clone());
    let proof = prove_cluster(&ctx, &magnum(&cloud), &cluster(), &options()).await.unwrap();
    assert_eq!(proof.cluster.health_status.as_deref(), Some("HEALTHY"));
    assert!(proof.cluster.name.starts_with("omega-proof-"));
    assert_eq!(proof.repeated, None);
    assert!(proof.created_in > Duration::ZERO && proof.deleted_in > Duration::ZERO);
    let events = watcher.events.lock().unwrap().clone();
    #[expect(clippy::wildcard_enum_match_arm, reason = "none of the others is told")]
    let lines = events.iter().map(|event| match event {
        Event::StepProgress { step, progress } => {
            format!("{} {}: {}", step.kind, step.key, progress.stage.clone().unwrap())
        }
        Event::StepWaiting { step, wanted, .. } => {
            format!("{} {} waits: {wanted}", step.kind, step.key)
        }
        Event::Note { text } => text.clone(),
        other => format!("{other:?}"),
    });
    insta::assert_snapshot!(plain(&lines.collect::<Vec<_>>().join("\n")), @"
    creating the temporary cluster template omega-proof-TIME on cloud rehearsal, project mgmt
    creating the temporary cluster omega-proof-TIME on cloud rehearsal, project mgmt
    openstack.cluster.v1 omega-proof-TIME: waiting for CREATE_COMPLETE, is CREATE_IN_PROGRESS
    openstack.cluster.v1 omega-proof-TIME: waiting for HEALTHY, is CREATE_COMPLETE, release omega-proof-TIME-cyusd2b67a45, https://203.0.113.10:6443
    openstack.no-cluster.v1 omega-proof-TIME waits: DELETE_IN_PROGRESS
    removing the temporary cluster omega-proof-TIME on cloud rehearsal, project mgmt
    removing the temporary cluster template omega-proof-TIME on cloud rehearsal, project mgmt
    ");
    assert_clean(&cloud);
}

/// Every request that changes something, as it is sent; read against the API reference.
#[tokio::test(start_paused = true)]
async fn every_write_as_it_is_sent() {
    let cloud = cloud();
    let labels = BTreeMap::from([("kube_tag".to_owned(), "v1.34.8".to_owned())]);
    let dns_nameserver = Some("192.0.2.53".to_owned());
    let template =
        ProofTemplate::ThrowAway(Box::new(TemplateSpec { dns_nameserver, labels, ..spec() }));
    let spec = ClusterSpec { template, ..cluster() };
    prove_cluster(&Context::default(), &magnum(&cloud), &spec, &options()).await.unwrap();
    insta::assert_snapshot!(plain(&cloud.writes().join("\n")), @r#"
    POST container-infra /v1/clustertemplates {"name":"omega-proof-TIME","coe":"kubernetes","image_id":"k8s","external_network_id":"public","flavor_id":"m1.medium","master_flavor_id":"m1.medium","network_driver":"calico","dns_nameserver":"192.0.2.53","labels":{"kube_tag":"v1.34.8"}}
    POST container-infra /v1/clusters {"name":"omega-proof-TIME","cluster_template_id":"00000000-0000-4000-8000-000000000003","keypair":"op","master_count":1,"node_count":1}
    DELETE container-infra /v1/clusters/00000000-0000-4000-8000-000000000004
    DELETE container-infra /v1/clustertemplates/00000000-0000-4000-8000-000000000003
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_existing_template_is_used_and_stays() {
    let cloud = cloud();
    let magnum = magnum(&cloud);
    for name in ["v1-34", "v1-34-2", "twice", "twice"] {
        magnum.create_template(spec().body(name)).await.unwrap();
    }
    let with =
        |name: &str| ClusterSpec { template: ProofTemplate::Existing(name.into()), ..cluster() };
    let ctx = Context::default();
    prove_cluster(&ctx, &magnum, &with("v1-34"), &options()).await.unwrap();
    let writes = cloud.writes().len();
    let mut errors = Vec::new();
    for name in ["v1", "twice"] {
        let error = prove_cluster(&ctx, &magnum, &with(name), &options()).await.unwrap_err();
        errors.push(told(&error));
    }
    insta::assert_snapshot!(errors.join("\n\n"), @r#"
    Error, touched Nothing: there is no cluster template "v1"
    next: correct the name, or omit it to create a template for the proof

    Refused, touched Nothing: 2 templates have the name "twice"
    next: use the id (openstack coe cluster template list)
    "#);
    assert_eq!(cloud.writes().len(), writes, "a refusal writes nothing");
    assert_eq!(left(&cloud), ["v1-34", "v1-34-2", "twice", "twice"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_the_driver_is_repeated_once_under_another_name() {
    let why = || Fate::FailsBeforeDriver("Failed to create trustee or trust".into());
    let cloud = cloud();
    cloud.fates(vec![why()]);
    let proof = proved(&cloud).await.unwrap();
    assert_eq!(proof.repeated.as_deref(), Some("CREATE_FAILED: Failed to create trustee or trust"));
    assert_clean(&cloud);
    let creates =
        cloud.writes().into_iter().filter(|w| w.starts_with("POST container-infra /v1/clusters "));
    let creates: std::collections::BTreeSet<_> = creates.collect();
    assert_eq!(creates.len(), 2, "{creates:?}");

    cloud.fates(vec![why(), why(), why()]);
    insta::assert_snapshot!(told(&proved(&cloud).await.unwrap_err()), @"Error, touched Maybe: the cluster could not be created: CREATE_FAILED: Failed to create trustee or trust");
    assert_clean(&cloud);
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_is_told_and_cleaned_up() {
    let stderr = "Unexpected error while running command.\nStderr: 'deprecated\nError: no matches for kind \"Cluster\"\n'";
    let fates = [
        Fate::FailsInDriver(stderr.into()),
        Fate::Stalls,
        Fate::Unhealthy("Infrastructure not ready.".into()),
    ];
    let mut told_all = Vec::new();
    for fate in fates {
        let cloud = cloud();
        cloud.fates(vec![fate]);
        told_all.push(told(&proved(&cloud).await.unwrap_err()));
        assert_clean(&cloud);
    }
    let cloud = cloud();
    cloud.fates(vec![Fate::Stalls]);
    let diagnose: DiagnoseCluster = Arc::new(|one: Cluster| {
        Box::pin(async move { Some(format!("asked while {} is there", one.status_text())) })
    });
    let stalled = Duration::from_hours(1);
    let options = ProofOptions { stalled, diagnose: Some(diagnose), ..options() };
    let failure = prove_cluster(&Context::default(), &magnum(&cloud), &cluster(), &options).await;
    told_all.push(told(&failure.unwrap_err()));
    insta::assert_snapshot!(told_all.join("\n\n"), @r#"
    Error, touched Maybe: the cluster omega-proof-TIME is CREATE_FAILED: Error: no matches for kind "Cluster"
    next: find the layer: omega-cli doctor; the reason is in Cluster API's conditions or the conductor's log

    Deadline, touched Maybe: the cluster omega-proof-TIME did not become CREATE_COMPLETE, and nothing changed for 20 min: it is CREATE_IN_PROGRESS, release omega-proof-TIME-cyusd2b67a45
    next: look at one that stays: omega-cli ensure-cluster --name NAME, then omega-cli doctor --cluster NAME

    Deadline, touched Maybe: the cluster omega-proof-TIME did not become HEALTHY within 5 min: it is CREATE_COMPLETE, UNHEALTHY, release omega-proof-TIME-cyusd2b67a45, https://203.0.113.10:6443
    next: look at one that stays: omega-cli ensure-cluster --name NAME, then omega-cli doctor --cluster NAME

    Deadline, touched Maybe: the cluster omega-proof-TIME did not become CREATE_COMPLETE within 30 min: it is CREATE_IN_PROGRESS, release omega-proof-TIME-cyusd2b67a45: asked while CREATE_IN_PROGRESS is there
    next: look at one that stays: omega-cli ensure-cluster --name NAME, then omega-cli doctor --cluster NAME
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_fails_is_repeated_once() {
    let cloud = cloud();
    let deletes = || {
        let writes = cloud.writes().into_iter();
        writes.filter(|w| w.starts_with("DELETE container-infra /v1/clusters/")).count()
    };
    cloud.fates(vec![Fate::DeleteFailsOnce]);
    proved(&cloud).await.unwrap();
    assert_clean(&cloud);
    assert_eq!(deletes(), 2);

    cloud.fates(vec![Fate::DeleteFails]);
    let failure = proved(&cloud).await.unwrap_err();
    assert_eq!(deletes(), 4);
    assert_eq!(left(&cloud).len(), 2, "the template is in use");
    insta::assert_snapshot!(told(&failure), @r"
    Error, touched Maybe: could not delete the cluster omega-proof-TIME: DELETE_FAILED: publicURL endpoint for block-storage not found: refused to change cluster omega-proof-TIME on cloud rehearsal, project mgmt: DELETE_FAILED: publicURL endpoint for block-storage not found: refused to change cluster template omega-proof-TIME on cloud rehearsal, project mgmt: cluster omega-proof-TIME uses it: DELETE_FAILED: publicURL endpoint for block-storage not found
    found: left behind: cluster omega-proof-TIME on cloud rehearsal, project mgmt; left behind: cluster template omega-proof-TIME on cloud rehearsal, project mgmt
    next: the reason is in the driver's log (magnum-conductor); remove what is left behind: omega-cli runs sweep
    ");
}

#[tokio::test(start_paused = true)]
async fn a_stop_cleans_up() {
    let mut stopped = 0;
    for after in 0..20 {
        let cloud = cloud();
        let cancel = CancelToken::default();
        let watcher = Watcher { stop: Some((after, cancel.clone())), ..Watcher::default() };
        let journal = Arc::new(MemoryJournal::default());
        let ctx = Context::default().with_events(Arc::new(watcher)).with_cancel(cancel);
        let ctx = ctx.with_journal(journal.clone());
        let proof = prove_cluster(&ctx, &magnum(&cloud), &cluster(), &options()).await;
        if let Err(failure) = proof {
            assert_eq!(failure.class, FailureClass::Interrupted, "{failure:?}");
            assert_eq!(failure.found, None);
            stopped += 1;
        }
        assert_clean(&cloud);
        assert_eq!(leftovers(&journal.entries()), []);
    }
    assert!(stopped > 2, "{stopped}");
}

/// Each write of the proof fails once: nothing may be left behind without being reported.
#[tokio::test(start_paused = true)]
async fn a_failed_write_leaves_nothing_unreported() {
    let writes = {
        let cloud = cloud();
        proved(&cloud).await.unwrap();
        cloud.writes().len()
    };
    assert_eq!(writes, 4, "template, cluster, and both away");
    for nth in 0..writes {
        for fault in [Fault::Lost, Fault::AnswerLost, Fault::Ignored, Fault::Refused] {
            let cloud = cloud();
            cloud.inject_fault(nth, fault);
            let failure = proved(&cloud).await.unwrap_err();
            let left = left(&cloud);
            let said = failure.found.as_ref().is_some_and(|found| found.contains("left behind"));
            assert!(left.is_empty() || said, "{nth} {fault:?} {failure:?} {left:?}");
            assert!(
                left.is_empty() || nth == 3,
                "{nth} {fault:?}: what can be deleted is: {left:?}"
            );
        }
    }
}

/// A process that is killed while it waits for any answer leaves what the next one finds in the
/// journal and removes, also if Magnum shows the cluster only later.
#[tokio::test(start_paused = true)]
async fn what_a_killed_proof_leaves_is_swept() {
    let requests = {
        let cloud = cloud();
        proved(&cloud).await.unwrap();
        cloud.requests()
    };
    let mut swept = 0;
    for (nth, effect) in (0..requests).flat_map(|nth| [(nth, true), (nth, false)]) {
        let cloud = cloud();
        cloud.clusters_appear_after(Duration::from_secs(45));
        cloud.freeze_at(nth, effect);
        let journal = Arc::new(MemoryJournal::default());
        let ctx = Context::default().with_journal(journal.clone());
        let (magnum, spec, options) = (magnum(&cloud), cluster(), options());
        tokio::select! {
            proof = prove_cluster(&ctx, &magnum, &spec, &options) => panic!("{nth}: {proof:?}"),
            () = cloud.frozen() => {}
        }
        cloud.unfreeze();
        let entries = journal.entries();
        let text = serde_json::to_string(&entries).unwrap();
        let left = leftovers(&serde_json::from_str::<Vec<_>>(&text).unwrap());
        let admin = cloud.admin("mgmt");
        for (_, undo) in left {
            let step = restore(&undo.kind, &undo.desired, &admin).unwrap().unwrap();
            step.run(&Context::default(), Approval::Fact).await.unwrap();
            swept += 1;
        }
        // What was under way arrives in the end, if it ever does.
        tokio::time::sleep(Duration::from_mins(3)).await;
        assert_clean(&cloud);
    }
    assert!(swept > requests, "{swept} of {requests}");
}

#[tokio::test(start_paused = true)]
async fn a_template_waits_for_the_clusters_that_use_it_and_go() {
    let cloud = cloud();
    let (ctx, magnum) = (Context::default(), magnum(&cloud));
    let template = CreateTemplate { name: "t".into(), spec: spec() };
    let made = ensure(&ctx, &magnum, &template).await.unwrap().into_observed();
    let cluster = CreateCluster {
        name: "c".into(),
        template: made.templates[0].uuid.clone(),
        keypair: None,
        master_count: 1,
        node_count: 1,
        labels: BTreeMap::new(),
    };
    ensure(&ctx, &magnum, &cluster).await.unwrap();
    let delete = DeleteTemplate::named("t");
    let refused = Failure::from(ensure(&ctx, &magnum, &delete).await.unwrap_err());
    assert_eq!((refused.class, refused.touched), (FailureClass::Refused, Touched::Nothing));
    insta::assert_snapshot!(refused, @"refused to change cluster template t on cloud rehearsal, project mgmt: cluster c uses it: CREATE_IN_PROGRESS");
    let seen = magnum.clusters_named("c").await.unwrap();
    let id = &seen.clusters[0].uuid;
    while magnum.node_groups(id).await.unwrap()[0].stack_id.is_none() {}
    magnum.delete_cluster(id).await.unwrap();
    assert!(ensure(&ctx, &magnum, &delete).await.unwrap().changed());
    assert_clean(&cloud);
}

/// Magnum says that it is deleted, and its driver creates it all the same.
#[tokio::test(start_paused = true)]
async fn a_delete_waits_until_the_creation_has_reached_the_driver() {
    let cloud = cloud();
    let (ctx, magnum) = (Context::default(), magnum(&cloud));
    let mut body = CreateCluster {
        name: "c".into(),
        template: "t".into(),
        keypair: None,
        master_count: 1,
        node_count: 1,
        labels: BTreeMap::new(),
    };
    let template = CreateTemplate { name: "t".into(), spec: spec() };
    let made = ensure(&ctx, &magnum, &template).await.unwrap().into_observed();
    body.template = made.templates[0].uuid.clone();
    let at_rest = ClustersAtRest { clusters: ClusterList::live(magnum.clone()) };
    insta::assert_snapshot!(shown(&at_rest.check().await.unwrap()), @"none in progress");
    ensure(&ctx, &magnum, &body).await.unwrap();
    let Verdict::Fail(told) = at_rest.check().await.unwrap() else { panic!("nothing was told") };
    assert!(!told.is_broken(), "it stops nothing");
    insta::assert_snapshot!(told.summary, @"c is CREATE_IN_PROGRESS: a restart of the conductor may interrupt it");

    let mut seen = magnum.clusters_to_delete("c").await.unwrap();
    let delete = DeleteCluster::named("c");
    let Ok(Delta::Wait(why)) = delete.diff(&seen) else { panic!("{seen:?}") };
    insta::assert_snapshot!(why, @"CREATE_IN_PROGRESS: its creation has not reached Cluster API, and would overtake a delete");
    seen.clusters[0].created_at = Some("2026-11-21T00:00:00+00:00".into());
    assert!(matches!(delete.diff(&seen), Ok(Delta::Changes(_))), "it never will");
    assert!(ensure(&ctx, &magnum, &delete).await.unwrap().changed());
    ensure(&ctx, &magnum, &DeleteTemplate::named("t")).await.unwrap();
    assert_clean(&cloud);
}

#[tokio::test]
async fn a_template_that_magnum_refuses_says_what_to_fix() {
    let cloud = cloud();
    let magnum = magnum(&cloud);
    let mut errors = Vec::new();
    for image in ["absent", "plain"] {
        let spec = TemplateSpec { image: image.into(), ..spec() };
        let ctx = Context::default();
        let name = temporary_name("omega-proof", ctx.now());
        errors.push(told(&prove_template(&ctx, &magnum, &spec, &name).await.unwrap_err()));
    }
    insta::assert_snapshot!(errors.join("\n\n"), @r"
    Error, touched Nothing: could not change cluster template omega-proof-TIME on cloud rehearsal, project mgmt (+ cluster template omega-proof-TIME: new, image absent): POST container-infra /v1/clustertemplates: 400: Cluster type (vm, Unset, kubernetes) not supported. (req-00000000-0000-4000-8000-000000000002)
    next: check the image's name, and that the project may see it

    Error, touched Nothing: could not change cluster template omega-proof-TIME on cloud rehearsal, project mgmt (+ cluster template omega-proof-TIME: new, image plain): POST container-infra /v1/clustertemplates: 400: Cluster type (vm, None, kubernetes) not supported. (req-00000000-0000-4000-8000-000000000004)
    next: set the image's properties: openstack image set --property os_distro=ubuntu --property kube_version=vX.Y.Z IMAGE
    ");
    assert_clean(&cloud);
}

/// A look at something that was asked for and can't be seen yet is no proof of its absence.
#[test]
fn what_was_asked_for_may_still_appear() {
    let at = |text: &str| text.parse().unwrap();
    let after = Some(at("2026-11-21T10:00:00Z"));
    assert!(delete_cluster::may_still_appear(after, at("2026-11-21T10:01:59Z")));
    assert!(!delete_cluster::may_still_appear(after, at("2026-11-21T10:02:00Z")));
    assert!(!delete_cluster::may_still_appear(None, at("2026-11-21T10:00:00Z")));
    let policy = PollPolicy::new(Duration::from_secs(1), delete_cluster::APPEARS);
    assert_eq!(policy.within, Duration::from_mins(2));
}

fn shown(verdict: &Verdict) -> String {
    let Verdict::Pass { evidence } = verdict else { panic!("{verdict:?}") };
    omega_core::Evidence::line(evidence)
}

#[tokio::test]
async fn a_verification_asks_once_for_all_gates() {
    let cloud = cloud();
    cloud.page_size(1);
    cloud.add_cluster("other", "foreign", Some("UNHEALTHY"), "Infrastructure not ready.");
    let magnum = ContainerInfra::new(cloud.member("mgmt"));
    let clusters = ClusterList::once(magnum.clone());
    let answers = MagnumResponds { clusters: clusters.clone() }.check().await.unwrap();
    insta::assert_snapshot!(shown(&answers), @"clusters: 1, of the Cluster API driver: 1");
    let health = ClusterHealth { clusters: clusters.clone(), only: vec![] }.check().await.unwrap();
    insta::assert_snapshot!(shown(&health), @"HEALTHY bystander");
    assert_eq!(cloud.requests(), 2, "a page with the cluster, and an empty one");
    let admin = ClusterList::live(ContainerInfra::new(cloud.admin("mgmt")));
    let health = ClusterHealth { clusters: admin, only: vec![] }.check().await.unwrap();
    assert!(matches!(health, Verdict::Fail(_)), "an administrator sees the other project's");

    cloud.deny(Service::ContainerInfra);
    let failure = MagnumResponds { clusters: ClusterList::live(magnum) }.check().await.unwrap_err();
    insta::assert_snapshot!(format!("{failure}\nnext: {}", failure.next.as_deref().unwrap_or("-")), @r"
    could not list the clusters of cloud rehearsal, project mgmt: GET container-infra /v1/clusters/detail: 403: Policy doesn't allow magnum-service:get_all to be performed. (req-00000000-0000-4000-8000-000000000006)
    next: use a user with a role that permits it on this scope (the service's policy refused it)
    ");
}

/// A cluster without an id is named, and the others are read; asked for by its name it is not absent.
#[tokio::test(start_paused = true)]
async fn one_odd_cluster_spoils_no_list() {
    let cloud = cloud();
    let id = cloud.add_cluster("mgmt", "odd", Some("HEALTHY"), "Ready");
    cloud.spoil_cluster(&id);
    let magnum = magnum(&cloud);
    let names = |all: Vec<Cluster>| all.into_iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names(magnum.clusters().await.unwrap()), ["bystander"]);
    assert_eq!(names(magnum.find_clusters("bystander").await.unwrap()), ["bystander"]);
    assert_eq!(magnum.clusters_named("bystander").await.unwrap().clusters.len(), 1);
    for error in [
        magnum.clusters_named("odd").await.unwrap_err(),
        magnum.find_clusters("odd").await.unwrap_err(),
        magnum.clusters_for("odd").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("odd in it: "), "{error}");
    }
    let odd = magnum.odd_clusters();
    assert_eq!(odd.len(), 1, "{odd:?}");
    assert_eq!((odd[0].name(), odd[0].names.len()), ("odd", 1));
    assert!(odd[0].why.contains("null"), "{odd:?}");
    // It keeps nobody from the templates.
    let (ctx, template) = (Context::default(), CreateTemplate { name: "t".into(), spec: spec() });
    ensure(&ctx, &magnum, &template).await.unwrap();
    assert!(ensure(&ctx, &magnum, &DeleteTemplate::named("t")).await.unwrap().changed());
}
