//! The verdicts on a workload cluster: healthy, with each fault, and with bad input.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::time::Duration;

use jiff::Timestamp;
use omega_capi::{
    Management,
    sim::{Apiserver, Fault},
    workload::{
        Absent, Changing, NodesWanted, Question, Wanted, Workload, WorkloadFacts, judge,
        only_absent, read_workload,
    },
};
use omega_core::{Evidence, Failure, Verdict};
use serde_json::{Value, json};

const FAULTY: &str = include_str!("../recordings/workload-ill.json");
const PODS: &str = "/api/v1/pods";
const NODES: &str = "/api/v1/nodes";
const CLAIMS: &str = "/api/v1/persistentvolumeclaims";
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const SETS: &str = "/apis/apps/v1/daemonsets";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const CRASHING: &str = "openstack-cloud-controller-manager-0x7kq";
const WORKER: &str = "c1-b3mdwq5cz7lx-default-worker-9xl5b-25hsm";

/// Ten minutes after the recordings were made.
fn now() -> Timestamp {
    "2026-11-21T16:10:00Z".parse().unwrap()
}

fn wanted() -> Wanted {
    let nodes =
        |count| NodesWanted { count, versions: ["v1.34.8".to_owned()].into(), changing: None };
    Wanted { control_plane: nodes(1), workers: nodes(2), ..Wanted::default() }
}

fn workload(apiserver: &Apiserver) -> Workload {
    Workload::over(Management::over(apiserver.clone(), "https://192.0.2.7:6443 (context c1)"))
}

async fn read(apiserver: &Apiserver) -> WorkloadFacts {
    read_workload(&workload(apiserver)).await
}

type Answers = Vec<(Question, Result<Verdict, Failure>)>;

async fn answers(apiserver: &Apiserver) -> Answers {
    judge(&read(apiserver).await, &wanted(), now())
}

/// Renders one line for each answer.
fn rendered(answers: &Answers) -> String {
    let line = |(question, answer): &(Question, Result<Verdict, Failure>)| match answer {
        Ok(Verdict::Pass { evidence }) => format!("{question}: yes: {}", Evidence::line(evidence)),
        Ok(Verdict::Fail(finding)) => {
            let next = finding.remedy.as_deref().unwrap_or("-");
            format!("{question}: NO: {}\n    next: {next}", finding.summary)
        }
        Ok(Verdict::Deferred { until }) => format!("{question}: not yet: {until}"),
        Err(failure) => format!("{question}: can't be asked: {failure}"),
    };
    answers.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn one(apiserver: &Apiserver, question: Question) -> String {
    let mut all = answers(apiserver).await;
    all.retain(|(asked, _)| *asked == question);
    rendered(&all)
}

/// The recorded object of this name that has a fault.
fn faulty(path: &str, name: &str) -> Value {
    let all: Value = serde_json::from_str(FAULTY).unwrap();
    let lists = all["exchanges"].as_array().unwrap().iter();
    let list = lists.clone().find(|e| e["path"] == path && e["who"] == "admin").unwrap();
    let items = list["body"]["items"].as_array().unwrap();
    items.iter().find(|item| item["metadata"]["name"] == name).unwrap().clone()
}

fn with(path: &str, name: &str) -> Apiserver {
    let apiserver = Apiserver::workload();
    apiserver.put(path, faulty(path, name));
    apiserver
}

#[tokio::test]
async fn nothing_is_wrong_with_a_cluster_that_is_well_and_it_costs_six_requests() {
    let apiserver = Apiserver::workload();
    let workload = workload(&apiserver);
    let facts = read_workload(&workload).await;
    assert_eq!(workload.requests(), 6);
    insta::assert_snapshot!(rendered(&judge(&facts, &wanted(), now())));
}

#[tokio::test]
async fn everything_that_is_wrong_is_named_at_its_own_question() {
    let apiserver = Apiserver::workload();
    for (path, names) in [
        (NODES, [WORKER, "without-network", "uninitialized"].as_slice()),
        (PODS, &[CRASHING, "no-image", "unschedulable"]),
        (SETS, &["openstack-cloud-controller-manager"]),
        (CLAIMS, &["stuck"]),
    ] {
        for name in names {
            apiserver.put(path, faulty(path, name));
        }
    }
    insta::assert_snapshot!(rendered(&answers(&apiserver).await));
}

#[tokio::test]
async fn a_node_that_is_not_ready_is_named_with_its_reason() {
    insta::assert_snapshot!(one(&with(NODES, WORKER), Question::Nodes).await);
    let apiserver = with(NODES, "without-network");
    apiserver.remove_object(NODES, WORKER);
    insta::assert_snapshot!(one(&apiserver, Question::Nodes).await);
}

#[tokio::test]
async fn nodes_are_counted_for_their_part_of_the_cluster() {
    let apiserver = Apiserver::workload();
    apiserver.remove_object(NODES, WORKER);
    insta::assert_snapshot!(one(&apiserver, Question::Nodes).await);
    // A third worker is not a control plane node, and not a failure during a rollout.
    let facts = read(&Apiserver::workload()).await;
    let one_worker = NodesWanted { count: 1, ..wanted().workers };
    let more = Wanted { workers: one_worker, ..wanted() };
    assert_eq!(
        rendered(&judge(&facts, &more, now())[1..2].to_vec()),
        "nodes: not yet: a rollout or a resize ends (workers: 2 nodes, 1 wanted)"
    );
    let other = NodesWanted { versions: ["v1.35.0".to_owned()].into(), ..wanted().control_plane };
    let newer = Wanted { control_plane: other, ..wanted() };
    insta::assert_snapshot!(rendered(&judge(&facts, &newer, now())[1..2].to_vec()));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_told_from_one_that_is_ill() {
    let facts = read(&Apiserver::workload()).await;
    assert_eq!(only_absent(&facts, &wanted()), None);
    let many = NodesWanted { count: 3, ..wanted().workers };
    let workers = Wanted { workers: many.clone(), ..wanted() };
    assert_eq!(only_absent(&facts, &workers), Some(Absent::Workers));
    let both = Wanted { control_plane: many.clone(), workers: many, ..wanted() };
    assert_eq!(only_absent(&facts, &both), Some(Absent::ControlPlane));
    let faulty = read(&with(NODES, WORKER)).await;
    assert_eq!(only_absent(&faulty, &workers), None, "one is faulty as well");
    assert_eq!(only_absent(&faulty, &wanted()), None);
}

#[tokio::test]
async fn without_a_network_plugin_the_template_is_named() {
    let apiserver = Apiserver::workload();
    apiserver.remove_object(SETS, "calico-node");
    // With its operator, calico is being installed, or that fails.
    insta::assert_snapshot!(one(&apiserver, Question::Cni).await);
    apiserver.remove_object(DEPLOYMENTS, "tigera-operator");
    insta::assert_snapshot!(one(&apiserver, Question::Cni).await);
    let facts = read(&apiserver).await;
    for driver in ["flannel", "calico"] {
        let wanted = Wanted { network_driver: Some(driver.to_owned()), ..wanted() };
        insta::assert_snapshot!(driver, rendered(&judge(&facts, &wanted, now())[2..3].to_vec()));
    }
    // Another daemon set whose image has a similar name.
    let mut decoy = faulty(SETS, "kube-proxy");
    decoy["metadata"]["name"] = "watcher".into();
    decoy["spec"]["template"]["spec"]["containers"][0]["image"] =
        "registry.example.org/calico/node-watcher:1".into();
    apiserver.put(SETS, decoy.clone());
    assert!(
        one(&apiserver, Question::Cni).await.starts_with("cni: NO: there is no network plugin")
    );
    decoy["spec"]["template"]["spec"]["containers"][0]["image"] =
        "mirror:5000/mirror.example/cilium/cilium:v1.19.3".into();
    apiserver.put(SETS, decoy);
    assert_eq!(
        one(&apiserver, Question::Cni).await,
        "cni: yes: network plugin cilium, daemonset kube-system/watcher, pods wanted: 3, pods ready: 3"
    );
}

#[tokio::test]
async fn a_controller_that_was_restarted_and_is_up_is_well_and_one_that_crashes_is_not() {
    let apiserver = with(PODS, CRASHING);
    insta::assert_snapshot!(one(&apiserver, Question::CloudController).await);
    // It runs, between two crashes.
    let mut up = faulty(PODS, CRASHING);
    let status = &mut up["status"]["containerStatuses"][0];
    status["state"] = json!({"running": {"startedAt": "2026-11-21T16:09:00Z"}});
    status["lastState"]["terminated"]["finishedAt"] = "2026-11-21T16:08:00Z".into();
    apiserver.put(PODS, up);
    insta::assert_snapshot!(one(&apiserver, Question::CloudController).await);
    apiserver.remove_object(SETS, "openstack-cloud-controller-manager");
    insta::assert_snapshot!(one(&apiserver, Question::CloudController).await);
}

#[tokio::test]
async fn volumes_need_a_controller_a_plugin_and_a_default_class() {
    let apiserver = Apiserver::workload();
    apiserver.remove_object(CLASSES, "csi-cinder");
    insta::assert_snapshot!(one(&apiserver, Question::Csi).await);
    apiserver.remove_object(SETS, "openstack-cinder-csi-nodeplugin");
    apiserver.remove_object(DEPLOYMENTS, "openstack-cinder-csi-controllerplugin");
    insta::assert_snapshot!(one(&apiserver, Question::Csi).await);
}

#[tokio::test]
async fn one_of_two_coredns_is_not_enough() {
    let apiserver = Apiserver::workload();
    let mut coredns = faulty(DEPLOYMENTS, "coredns");
    coredns["status"]["readyReplicas"] = 1.into();
    apiserver.put(DEPLOYMENTS, coredns);
    let mut pod = faulty(PODS, "no-image");
    pod["metadata"]["name"] = "coredns-6f9c8d7b5-1wz4t".into();
    pod["metadata"]["namespace"] = "kube-system".into();
    pod["metadata"]["labels"] = json!({"k8s-app": "kube-dns"});
    apiserver.put(PODS, pod);
    insta::assert_snapshot!(one(&apiserver, Question::Dns).await);
}

#[tokio::test]
async fn what_is_young_is_waited_for_and_what_is_old_is_stuck() {
    let apiserver = with(PODS, "no-image");
    let facts = read(&apiserver).await;
    let at = |text: &str| text.parse().unwrap();
    let stuck = |now: Timestamp| rendered(&judge(&facts, &wanted(), now)[6..].to_vec());
    let early = stuck(at("2026-11-21T16:00:30Z"));
    assert!(
        early.starts_with("stuck: not yet: they have had 5 min: pod default/no-image"),
        "{early}"
    );
    let late = stuck(at("2026-11-21T17:00:00Z"));
    assert!(late.starts_with("stuck: NO: 1 stuck: pod default/no-image"), "{late}");
    let patient = Wanted { patience: Duration::from_hours(2), ..wanted() };
    let patient = rendered(&judge(&facts, &patient, at("2026-11-21T17:00:00Z"))[6..].to_vec());
    assert!(patient.starts_with("stuck: not yet: they have had 2 h"), "{patient}");
}

/// An unmounted claim of a class that waits for a pod is not stuck. The healthy recording has one.
#[tokio::test]
async fn a_claim_is_stuck_only_if_somebody_waits_for_it() {
    let apiserver = with(CLAIMS, "stuck");
    let stuck = async || one(&apiserver, Question::Stuck).await;
    assert_eq!(stuck().await, "stuck: yes: pods: 18, persistent volume claims: 2, bound: 0");
    apiserver.put(PODS, faulty(PODS, "unschedulable"));
    let rendered = stuck().await;
    assert!(
        rendered.contains("2 stuck") && rendered.contains("claim default/stuck of class"),
        "{rendered}"
    );
    apiserver.remove_object(PODS, "unschedulable");
    let mut at_once = faulty(CLAIMS, "stuck");
    at_once["spec"]["storageClassName"] = "fast".into();
    apiserver.put(CLAIMS, at_once);
    assert!(stuck().await.contains("claim default/stuck of class \"fast\" is Pending"));
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_the_one_thing_that_is_said() {
    let apiserver = Apiserver::workload();
    apiserver.fail(Fault::BadToken);
    insta::assert_snapshot!(rendered(&answers(&apiserver).await));
    apiserver.fail(Fault::Short(100));
    let half = rendered(&answers(&apiserver).await);
    assert!(half.starts_with("api: NO: ") && half.contains("it ends after 100 bytes"), "{half}");
    apiserver.fail(Fault::Unavailable(NODES.to_owned()));
    let all = answers(&apiserver).await;
    assert_eq!(
        rendered(&all[..1].to_vec()),
        "api: yes: it answers, lists requested: 6, lists read: 5"
    );
    let Err(failure) = &all[1].1 else { panic!("{all:?}") };
    assert_eq!(failure.message, "could not list the workload cluster's nodes");
    assert!(all[2].1.is_ok(), "the others are answered");
}

#[tokio::test(start_paused = true)]
async fn a_slow_api_is_left_at_the_deadline() {
    let apiserver = Apiserver::workload();
    apiserver.fail(Fault::Slow(Duration::from_mins(10)));
    let began = tokio::time::Instant::now();
    let rendered = rendered(&answers(&apiserver).await[..1].to_vec());
    assert!(
        rendered.contains("did not answer GET /api/v1/nodes?limit=500 within 15s"),
        "{rendered}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(15), "all lists at the same time");
}

#[tokio::test]
async fn a_missing_right_is_named_and_hides_nothing_else() {
    let apiserver = Apiserver::workload();
    apiserver.fail(Fault::NobodyAt(CLASSES.to_owned()));
    let all = answers(&apiserver).await;
    let asked = |failure: &Failure| (failure.expected.clone().unwrap(), failure.next.clone());
    let failed: Vec<_> =
        all.iter().filter_map(|(q, a)| Some((*q, asked(a.as_ref().err()?)))).collect();
    let right = "the right to list storageclasses.storage.k8s.io".to_owned();
    let next = Some(
        "give the kubeconfig's user the right to list storageclasses.storage.k8s.io (RBAC)"
            .to_owned(),
    );
    let expected = [Question::Csi, Question::Stuck].map(|q| (q, (right.clone(), next.clone())));
    assert_eq!(failed, expected);
    apiserver.fail(Fault::Nobody);
    let all = answers(&apiserver).await;
    assert_eq!(
        rendered(&all[..1].to_vec()),
        "api: yes: it answers, lists requested: 6, lists read: 0"
    );
    assert!(all[1..].iter().all(|(_, answer)| answer.is_err()), "{all:?}");
}

#[tokio::test]
async fn a_page_that_can_not_be_had_is_no_short_list() {
    let apiserver = Apiserver::workload();
    let coredns = faulty(PODS, "coredns-6f9c8d7b5-0wz4t");
    for number in 0..500 {
        let mut pod = coredns.clone();
        pod["metadata"]["name"] = format!("many-{number}").into();
        apiserver.put(PODS, pod);
    }
    let facts = read(&apiserver).await;
    assert_eq!(facts.pods.unwrap().len(), 518);
    apiserver.fail(Fault::Expired);
    let all = answers(&apiserver).await;
    let failed: Vec<Question> = all.iter().filter(|(_, a)| a.is_err()).map(|(q, _)| *q).collect();
    assert!(failed.contains(&Question::Stuck) && !failed.contains(&Question::Nodes), "{failed:?}");
    let failure = all.iter().find_map(|(_, a)| a.as_ref().err()).unwrap();
    assert!(failure.causes.concat().contains("too old"), "{failure:?}");
}

#[tokio::test]
async fn odd_objects_neither_stop_nor_hide_the_others() {
    let apiserver = Apiserver::workload();
    let odd = [
        json!({"metadata": {"name": "no-status"}}),
        json!({"metadata": {"name": "null-status"}, "status": null, "spec": null}),
        json!({"metadata": {"name": "other-kinds", "labels": []},
               "status": {"conditions": "none", "nodeInfo": {"kubeletVersion": 1}, "phase": 7,
                          "containerStatuses": {}}}),
        json!({"metadata": {"name": "unheard-of", "creationTimestamp": "soon"},
               "status": {"phase": "Dreaming", "conditions": [
                   {"type": "Levitating", "status": "Perhaps"}, 7, null, {"type": "Ready"}]}}),
    ];
    for object in odd {
        for path in [NODES, PODS, SETS, DEPLOYMENTS, CLASSES, CLAIMS] {
            apiserver.put(path, object.clone());
        }
    }
    apiserver.put(NODES, faulty(NODES, "uninitialized"));
    insta::assert_snapshot!(rendered(&answers(&apiserver).await));
}

#[tokio::test]
async fn a_wrong_clock_makes_no_age_and_no_panic() {
    let facts = read(&with(PODS, "no-image")).await;
    let stuck = |now: Timestamp| rendered(&judge(&facts, &wanted(), now)[6..].to_vec());
    // This machine is an hour behind the cluster's.
    let behind = stuck("2026-11-21T15:00:00Z".parse().unwrap());
    assert!(behind.starts_with("stuck: not yet: the clocks agree: "), "{behind}");
    assert!(behind.contains("pod default/no-image") && behind.contains("(in 59 min)"), "{behind}");
    for end in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(judge(&facts, &wanted(), end).len(), Question::ALL.len());
    }
}

/// Cluster API made this change at `time`.
fn changing(wanted: NodesWanted, time: &str) -> NodesWanted {
    NodesWanted { changing: Some(Changing { since: time.parse().ok() }), ..wanted }
}

/// kubernetes/autoscaler#3874.
#[tokio::test]
async fn nodes_that_are_being_made_or_replaced_are_waited_for() {
    let facts = read(&Apiserver::workload()).await;
    let nodes = |workers: NodesWanted| {
        rendered(&judge(&facts, &Wanted { workers, ..wanted() }, now())[1..2].to_vec())
    };
    let three = NodesWanted { count: 3, ..wanted().workers };
    let newer = NodesWanted { versions: ["v1.35.0".to_owned()].into(), ..wanted().workers };
    for (workers, what) in [(three, "2 of 3 nodes exist"), (newer, "wanted v1.35.0")] {
        let soon = nodes(changing(workers.clone(), "2026-11-21T16:08:00Z"));
        assert!(soon.starts_with("nodes: not yet") && soon.contains(what), "{soon}");
        let late = nodes(changing(workers.clone(), "2026-11-21T10:00:00Z"));
        assert!(late.starts_with("nodes: NO") && late.contains(what), "{late}");
        let steady = nodes(workers);
        assert!(steady.starts_with("nodes: NO"), "{steady}");
    }
    let ill = read(&with(NODES, WORKER)).await;
    let rolling = changing(wanted().workers, "2026-11-21T16:08:00Z");
    let ill = judge(&ill, &Wanted { workers: rolling, ..wanted() }, now());
    assert!(rendered(&ill[1..2].to_vec()).starts_with("nodes: NO"), "one is not Ready");
}

/// A healthy worker with `change`.
fn worker(change: impl Fn(&mut Value)) -> Apiserver {
    let apiserver = Apiserver::workload();
    apiserver.modify(NODES, WORKER, change);
    apiserver
}

/// projectcalico/calico#11331, cilium/cilium#16846, rancher/rke2-charts#1004.
#[tokio::test]
async fn a_node_that_is_ready_and_takes_no_pods_is_not_well() {
    for kind in ["NetworkUnavailable", "DiskPressure", "MemoryPressure", "PIDPressure"] {
        let at = async |time: &str| {
            let condition = json!({"type": kind, "status": "True", "reason": "CalicoIsDown",
                                   "message": "", "lastTransitionTime": time});
            let apiserver = worker(|node| {
                let all = node["status"]["conditions"].as_array_mut().unwrap();
                all.retain(|one| one["type"] != kind);
                all.push(condition.clone());
            });
            one(&apiserver, Question::Nodes).await
        };
        let long = at("2026-11-21T10:00:00Z").await;
        assert!(
            long.starts_with("nodes: NO") && long.contains(&format!("takes no pods: {kind}")),
            "{long}"
        );
        let short = at("2026-11-21T16:08:00Z").await;
        assert!(short.starts_with("nodes: not yet") && short.contains(kind), "{short}");
    }
}

/// rackerlabs/spot#44, hetznercloud/hcloud-cloud-controller-manager#611.
#[tokio::test]
async fn a_taint_that_somebody_should_have_removed_is_stuck() {
    for (taint, who) in [
        ("node.cluster.x-k8s.io/uninitialized", "Cluster API"),
        ("node.cloudprovider.kubernetes.io/uninitialized", "the cloud controller manager"),
        ("node.cilium.io/agent-not-ready", "cilium"),
        ("node.kubernetes.io/out-of-service", "whoever put"),
        ("node.cloudprovider.kubernetes.io/shutdown", "the cloud controller manager"),
    ] {
        let at = async |created: &str| {
            let apiserver = worker(|node| {
                node["metadata"]["creationTimestamp"] = created.into();
                node["spec"]["taints"] = json!([{"key": taint, "effect": "NoSchedule"}]);
            });
            one(&apiserver, Question::Stuck).await
        };
        let long = at("2026-11-21T10:00:00Z").await;
        assert!(
            long.starts_with("stuck: NO") && long.contains(&format!("waits for {who}")),
            "{long}"
        );
        assert!(at("2026-11-21T16:08:00Z").await.starts_with("stuck: not yet"), "{taint}");
    }
}

/// kubernetes-sigs/kubernetes-mixin#1255, kubernetes/kube-state-metrics#2848.
#[tokio::test]
async fn a_pod_that_a_gate_holds_is_a_note() {
    let apiserver = Apiserver::workload();
    apiserver.put(
        PODS,
        json!({
            "metadata": {"name": "job-x", "namespace": "research",
                         "creationTimestamp": "2026-11-21T10:00:00Z"},
            "spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]},
            "status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
        }),
    );
    let said = one(&apiserver, Question::Stuck).await;
    assert!(said.starts_with("stuck: yes"), "{said}");
    assert!(said.contains("pods that a scheduling gate holds: 1"), "{said}");
}

/// The condition comes a moment after the pod; and nobody binds the volume of a pod that waits on purpose.
#[tokio::test]
async fn a_gate_counts_by_itself_and_holds_the_pods_claims_too() {
    let apiserver = Apiserver::workload();
    let gated = json!({
        "metadata": {"name": "job-y", "namespace": "default", "creationTimestamp": "2026-11-21T10:00:00Z"},
        "spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}, {"name": "example.org/later"}],
                 "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "stuck"}}]},
        "status": {"phase": "Pending"},
    });
    apiserver.put(PODS, gated.clone());
    apiserver.put(CLAIMS, faulty(CLAIMS, "stuck"));
    let said = one(&apiserver, Question::Stuck).await;
    assert!(said.starts_with("stuck: yes"), "{said}");
    assert!(
        said.contains("scheduling gates example.org/later, kueue.x-k8s.io/admission"),
        "{said}"
    );
    let mut free = gated;
    free["spec"]["schedulingGates"] = json!([]);
    apiserver.put(PODS, free);
    let said = one(&apiserver, Question::Stuck).await;
    assert!(said.starts_with("stuck: NO: 2 stuck: pod default/job-y: it is Pending"), "{said}");
}

#[tokio::test]
async fn a_pod_ends_within_its_own_grace_period() {
    let at = async |ends: &str, grace: u64| {
        let apiserver = Apiserver::workload();
        apiserver.put(
            PODS,
            json!({
                "metadata": {"name": "db", "namespace": "research", "deletionTimestamp": ends,
                             "deletionGracePeriodSeconds": grace,
                             "creationTimestamp": "2026-11-21T10:00:00Z"},
                "status": {"phase": "Running"},
            }),
        );
        one(&apiserver, Question::Stuck).await
    };
    // deletionTimestamp is when the period ends. It is 16:10.
    for (ends, grace) in [("2026-11-21T16:11:00Z", 3900), ("2026-11-21T17:00:00Z", 3600)] {
        let said = at(ends, grace).await;
        assert!(said.starts_with("stuck: yes"), "{ends} {grace}: {said}");
    }
    assert!(at("2026-11-21T16:08:00Z", 30).await.starts_with("stuck: not yet"), "just over");
    let over = at("2026-11-21T15:00:00Z", 3600).await;
    assert!(over.starts_with("stuck: NO") && over.contains("still terminating"), "{over}");
    let clock = at("2026-11-21T18:00:00Z", 30).await;
    assert!(clock.starts_with("stuck: not yet: the clocks agree"), "{clock}");
}

/// A node seconds old has no network yet, and what belongs on it is not there.
#[tokio::test]
async fn a_new_node_is_waited_for() {
    let with = async |created: &str| {
        let apiserver = Apiserver::workload();
        let node = json!({
            "metadata": {"name": "new", "creationTimestamp": created},
            "spec": {"taints": [{"key": "node.cilium.io/agent-not-ready"},
                                {"key": "cni.istio.io/not-ready"},
                                {"key": "node.kubernetes.io/not-ready"}]},
            "status": {"nodeInfo": {"kubeletVersion": "v1.34.8"}, "conditions": [
                {"type": "Ready", "status": "False", "reason": "KubeletNotReady",
                 "message": "cni plugin not initialized"}]},
        });
        apiserver.put(NODES, node);
        let mut calico = faulty(SETS, "calico-node");
        calico["status"]["desiredNumberScheduled"] = 4.into();
        apiserver.put(SETS, calico);
        let more = NodesWanted { count: 3, ..wanted().workers };
        let facts = read(&apiserver).await;
        let all = judge(&facts, &Wanted { workers: more, ..wanted() }, now());
        let asked = [Question::Nodes, Question::Cni, Question::Stuck];
        let all = all.into_iter().filter(|(question, _)| asked.contains(question));
        all.map(|one| rendered(&vec![one])).collect::<Vec<_>>()
    };
    let [nodes, cni, stuck] = with("2026-11-21T16:09:50Z").await.try_into().unwrap();
    assert!(
        nodes.starts_with("nodes: not yet: the new nodes are Ready (new: Ready is False"),
        "{nodes}"
    );
    assert!(cni.starts_with("cni: not yet: its pods have had 5 min: calico: daemonset"), "{cni}");
    assert!(stuck.starts_with("stuck: not yet"), "{stuck}");
    let [nodes, cni, stuck] = with("2026-11-21T16:00:00Z").await.try_into().unwrap();
    assert!(nodes.starts_with("nodes: NO: 1 of 4 nodes not Ready"), "{nodes}");
    assert!(cni.starts_with("cni: NO: calico: daemonset"), "{cni}");
    // What Kubernetes' own taint says, the node's condition says.
    assert!(stuck.starts_with("stuck: NO: 2 stuck: node new waits for cilium"), "{stuck}");
    assert!(stuck.contains("whoever removes the taint cni.istio.io/not-ready"), "{stuck}");
}

/// Its age is not that of the node: the node was restarted, or the plugin's pod, or the taint says it.
/// It was Ready already: its kubelet has stopped, or something has broken since.
#[tokio::test]
async fn a_new_node_that_was_ready_is_not_waited_for() {
    for (status, since, waits) in [
        ("False", "2026-11-21T16:06:20Z", true),
        ("False", "2026-11-21T16:09:00Z", false),
        ("Unknown", "2026-11-21T16:09:00Z", false),
        ("Unknown", "2026-11-21T16:06:20Z", false),
    ] {
        let apiserver = Apiserver::workload();
        apiserver.put(
            NODES,
            json!({
                "metadata": {"name": "new", "creationTimestamp": "2026-11-21T16:06:00Z"},
                "status": {"nodeInfo": {"kubeletVersion": "v1.34.8"}, "conditions": [
                    {"type": "Ready", "status": status, "lastTransitionTime": since}]},
            }),
        );
        let more = NodesWanted { count: 3, ..wanted().workers };
        let all = judge(&read(&apiserver).await, &Wanted { workers: more, ..wanted() }, now());
        let nodes = all.into_iter().find(|(question, _)| *question == Question::Nodes);
        let told = rendered(&nodes.into_iter().collect());
        assert_eq!(told.starts_with("nodes: not yet"), waits, "{status} since {since}: {told}");
    }
}

#[tokio::test]
async fn a_taint_on_an_old_node_can_be_young() {
    let with = async |change: &dyn Fn(&mut Value), began: &str| {
        let apiserver = worker(|node| {
            node["metadata"]["creationTimestamp"] = "2026-11-20T10:00:00Z".into();
            node["spec"]["taints"] = json!([{"key": "node.cilium.io/agent-not-ready"}]);
            for one in node["status"]["conditions"].as_array_mut().unwrap() {
                one["lastTransitionTime"] = "2026-11-20T10:00:00Z".into();
            }
            change(node);
        });
        let pod = json!({
            "metadata": {"name": "cilium-x", "namespace": "kube-system",
                         "creationTimestamp": began, "labels": {"k8s-app": "cilium"}},
            "spec": {"nodeName": WORKER}, "status": {"phase": "Running"},
        });
        apiserver.put(PODS, pod);
        one(&apiserver, Question::Stuck).await
    };
    let (old, young) = ("2026-11-20T10:00:00Z", "2026-11-21T16:09:00Z");
    assert!(with(&|_| {}, old).await.starts_with("stuck: NO"));
    assert!(with(&|_| {}, young).await.starts_with("stuck: not yet"), "its agent is new");
    let restarted = |node: &mut Value| {
        for one in node["status"]["conditions"].as_array_mut().unwrap() {
            one["lastTransitionTime"] = young.into();
        }
    };
    assert!(with(&restarted, old).await.starts_with("stuck: not yet"));
    let dated = |node: &mut Value| node["spec"]["taints"][0]["timeAdded"] = young.into();
    assert!(with(&dated, old).await.starts_with("stuck: not yet"));
}

/// A rolling update of a daemon set takes its pods one by one.
#[tokio::test]
async fn pods_that_go_and_come_are_no_lack() {
    let pod = |name: &str, created: &str, deleted: Option<&str>| {
        json!({
            "metadata": {"name": name, "namespace": "kube-system", "labels": {"k8s-app": "cilium"},
                         "creationTimestamp": created, "deletionTimestamp": deleted},
            "spec": {"nodeName": WORKER, "terminationGracePeriodSeconds": 60},
            "status": {"phase": "Running", "containerStatuses": [{"name": "c", "ready": false}]},
        })
    };
    let with = async |pods: &[Value]| {
        let apiserver = without_calico();
        apiserver.put(SETS, set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.3", 3, 2));
        for pod in pods {
            apiserver.put(PODS, pod.clone());
        }
        one(&apiserver, Question::Cni).await
    };
    let old = "2026-11-21T10:00:00Z";
    assert!(with(&[pod("a", old, Some("2026-11-21T16:10:30Z"))]).await.starts_with("cni: not yet"));
    assert!(with(&[pod("b", "2026-11-21T16:09:30Z", None)]).await.starts_with("cni: not yet"));
    assert!(with(&[pod("c", old, None)]).await.starts_with("cni: NO"), "it is not ready for hours");
    assert!(with(&[pod("d", old, Some("2026-11-21T12:00:00Z"))]).await.starts_with("cni: NO"));
    assert!(with(&[]).await.starts_with("cni: NO"), "it does not exist");
}

/// Jobs leave many pods, of which none matters.
#[tokio::test]
async fn finished_pods_are_not_read() {
    let apiserver = Apiserver::workload();
    let all = read(&apiserver).await.pods.unwrap().len();
    for (name, phase) in [("done", "Succeeded"), ("gave-up", "Failed")] {
        apiserver.put(
            PODS,
            json!({"metadata": {"name": name, "namespace": "research"},
                                   "status": {"phase": phase}}),
        );
    }
    let facts = read(&apiserver).await;
    assert_eq!(facts.pods.unwrap().len(), all);
    assert_eq!(facts.failed_pods.len(), 1, "only the one that failed");
}

/// One that a controller replaces is no fault; one that nobody replaces is.
#[tokio::test]
async fn a_pod_that_failed_is_a_fault_unless_its_controller_replaces_it() {
    let with = async |controller: Option<&str>| {
        let apiserver = Apiserver::workload();
        let owner = controller.map(|kind| json!({"kind": kind, "name": "o", "controller": true}));
        apiserver.put(
            PODS,
            json!({
                "metadata": {"name": "gave-up", "namespace": "research",
                             "ownerReferences": owner.into_iter().collect::<Vec<_>>()},
                "status": {"phase": "Failed", "reason": "Evicted"},
            }),
        );
        one(&apiserver, Question::Stuck).await
    };
    for kind in ["Job", "ReplicaSet", "DaemonSet"] {
        let text = with(Some(kind)).await;
        assert!(text.starts_with("stuck: yes"), "{kind}: {text}");
        assert!(text.contains("failed pods that are replaced: 1"), "{kind}: {text}");
    }
    // A static pod's owner is its node, which does not make another one.
    for kind in [None, Some("Node")] {
        let text = with(kind).await;
        let why = "1 stuck: pod research/gave-up has failed: Evicted, and nothing replaces it";
        assert!(text.starts_with("stuck: NO: ") && text.contains(why), "{text}");
    }
}

/// The template decides: another plugin of the charts, or one beside it, is not what was asked for.
#[tokio::test]
async fn a_network_plugin_that_the_template_does_not_ask_for_fails() {
    let with = async |apiserver: &Apiserver, network_driver: Option<&str>| {
        let facts = read(apiserver).await;
        let network_driver = network_driver.map(str::to_owned);
        let wanted = Wanted { network_driver, ..wanted() };
        let mut all = judge(&facts, &wanted, now());
        all.retain(|(asked, _)| *asked == Question::Cni);
        rendered(&all)
    };
    let calico = Apiserver::workload();
    let cilium = without_calico();
    cilium.put(SETS, set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.3", 3, 3));
    let both = Apiserver::workload();
    both.put(SETS, set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.3", 3, 3));
    let foreign = without_calico();
    foreign.put(SETS, set("kube-system", "kube-ovn-cni", "kubeovn/kube-ovn:v1.13.2", 3, 3));
    for (apiserver, driver, passes) in [
        (&calico, Some("calico"), true),
        (&cilium, Some("cilium"), true),
        (&cilium, None, true),
        // The charts don't have it: they install their default (D-031).
        (&calico, Some("flannel"), true),
        (&cilium, Some("calico"), false),
        (&calico, Some("cilium"), false),
        (&both, Some("calico"), false),
        (&foreign, Some("calico"), false),
    ] {
        let text = with(apiserver, driver).await;
        assert_eq!(text.starts_with("cni: yes"), passes, "{driver:?}: {text}");
        assert!(passes || text.contains("the template requests"), "{text}");
    }
}

fn set(namespace: &str, name: &str, image: &str, wanted: i64, ready: i64) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name, "generation": 1},
        "spec": {"selector": {"matchLabels": {"k8s-app": name}},
                 "template": {"spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {"desiredNumberScheduled": wanted, "numberReady": ready, "observedGeneration": 1},
    })
}

fn without_calico() -> Apiserver {
    let apiserver = Apiserver::workload();
    apiserver.remove_object(SETS, "calico-node");
    apiserver
}

/// kubeovn/kube-ovn#1475.
#[tokio::test]
async fn every_part_of_a_network_plugin_counts() {
    let image = "mirror.example/kubeovn/kube-ovn:v1.13.2";
    let with = async |ready: i64| {
        let apiserver = without_calico();
        apiserver.put(SETS, set("kube-system", "kube-ovn-cni", image, 3, 3));
        apiserver.put(SETS, set("kube-system", "ovs-ovn", image, 3, ready));
        one(&apiserver, Question::Cni).await
    };
    let half = with(1).await;
    assert!(half.starts_with("cni: NO") && half.contains("kube-system/ovs-ovn: 1 of 3"), "{half}");
    assert!(with(3).await.starts_with("cni: yes: network plugin not from the charts"));
    // Beside one that is well, too.
    let apiserver = Apiserver::workload();
    apiserver
        .put(SETS, set("kube-system", "kube-flannel-ds", "docker.io/flannel/flannel:v0.26", 4, 1));
    let beside = one(&apiserver, Question::Cni).await;
    assert!(
        beside.starts_with("cni: NO") && beside.contains("kube-flannel-ds: 1 of 4"),
        "{beside}"
    );
}

/// projectcalico/calico#8142, tigera/operator#2507.
#[tokio::test]
async fn a_plugin_whose_image_is_renamed_is_known_by_its_name() {
    let image = "mirror.example/airgap/node:v3.31.5";
    let with = async |ready: i64| {
        let apiserver = without_calico();
        apiserver.put(SETS, set("calico-system", "calico-node", image, 3, ready));
        one(&apiserver, Question::Cni).await
    };
    assert!(with(3).await.starts_with("cni: yes: network plugin calico"));
    let half = with(2).await;
    assert!(
        half.starts_with("cni: NO: calico: daemonset calico-system/calico-node: 2 of 3"),
        "{half}"
    );
}

/// The sibling of the network plugin's case.
#[tokio::test]
async fn another_coredns_is_not_the_clusters_dns() {
    let apiserver = Apiserver::workload();
    let mut other = faulty(DEPLOYMENTS, "coredns");
    other["metadata"]["namespace"] = "a-team".into();
    other["status"]["readyReplicas"] = 0.into();
    apiserver.put(DEPLOYMENTS, other);
    assert!(one(&apiserver, Question::Dns).await.starts_with("dns: yes"));
    let mut own = faulty(DEPLOYMENTS, "coredns");
    own["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example/dns:v1".into();
    own["status"]["readyReplicas"] = 1.into();
    apiserver.put(DEPLOYMENTS, own);
    let half = one(&apiserver, Question::Dns).await;
    assert!(half.starts_with("dns: NO: deployment kube-system/coredns: 1 of 2"), "{half}");
}

#[test]
fn the_names_are_those_that_scripts_know() {
    let names: Vec<&str> = Question::ALL.map(Question::name).into();
    let agreed = ["api", "nodes", "cni", "cloud-controller", "csi", "dns", "stuck"];
    assert_eq!(names, agreed);
    for question in Question::ALL {
        assert_eq!(serde_json::to_value(question).unwrap(), question.name());
    }
}
