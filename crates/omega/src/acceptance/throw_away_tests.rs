use std::sync::Mutex;

use async_trait::async_trait;
use omega_core::{
    CancelToken,
    run::{Job, Runs},
    testing::World as _,
};
use omega_openstack::{
    Service,
    sim::{Cloud, Fate},
};
use serde_json::json;

use super::*;
use crate::{
    acceptance::{Acceptance, AcceptanceReport, Answer, Item, ItemReport, Outcome, Selection},
    cluster::cluster_world::{CLUSTERS, STACK, Sim, wanted},
};

/// An item that looks whether the cluster is there.
struct Looks {
    id: ItemId,
    sim: Sim,
    order: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Item for Looks {
    fn id(&self) -> ItemId {
        self.id
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    async fn check(&self, _: &Context) -> Answer {
        let there = self.sim.snapshot().iter().any(|line| line.contains("\"x\""));
        self.order.lock().unwrap().push(format!("{} {there}", self.id));
        if self.id == ItemId::LoadBalancer {
            // No controller is simulated: what it would delete is gone a little early.
            self.sim.api.remove_object(CLUSTERS, STACK);
        }
        Answer::judged(Vec::new(), vec![Evidence::text("cluster", "x")])
    }
}

struct Run {
    report: AcceptanceReport,
    order: Vec<String>,
    left: Vec<String>,
}

async fn run(sim: &Sim, ctx: Context, only: &[ItemId]) -> Run {
    run_after(None, sim, ctx, only).await
}

async fn run_after(
    prerequisites: Option<(CloudClients, PrerequisiteSettings)>,
    sim: &Sim,
    ctx: Context,
    only: &[ItemId],
) -> Run {
    let order = Arc::new(Mutex::new(Vec::new()));
    let item =
        |id| Box::new(Looks { id, sim: sim.same(), order: Arc::clone(&order) }) as Box<dyn Item>;
    let acceptance = Acceptance {
        items: [ItemId::Tenant, ItemId::LoadBalancer, ItemId::Cluster, ItemId::Vault]
            .map(item)
            .into(),
        site: "test".to_owned(),
        site_sha256: None,
        endpoints: omega_core::run::Endpoints::new(),
        stand_ins: Vec::new(),
        throw_away: Some(ThrowAwayCluster {
            site: Arc::new(sim.site.clone()),
            wanted: wanted(),
            doctor: None,
            prerequisites,
        }),
        transfer: None,
    };
    let home = tempfile::tempdir().unwrap();
    let runs = Runs::new(home.path());
    let directory = runs.begin(&Job::new("accept", "test", Vec::new()), ctx.now()).unwrap();
    let report = acceptance.run(&Selection::only(only.to_vec()), &directory, &ctx).await.unwrap();
    let order = order.lock().unwrap().clone();
    Run {
        report,
        order,
        left: sim.snapshot().into_iter().filter(|line| line.starts_with("cluster")).collect(),
    }
}

fn shown(report: &AcceptanceReport, id: ItemId) -> (String, Vec<&str>) {
    let item = report.items.iter().find(|item| item.id == id).unwrap();
    let outcome = if let Outcome::NotRun { why, .. } = &item.outcome {
        format!("not run: {why}")
    } else {
        format!("{:?}", item.outcome)
    };
    (outcome, item.findings.iter().map(|one| one.rule.as_str()).collect())
}

fn conditions(sim: &Sim) {
    let condition = |kind: &str, minute: u8| {
        json!({
            "type": kind, "status": "True", "reason": "R", "message": "",
            "lastTransitionTime": format!("2026-11-21T09:{minute}:00Z"),
        })
    };
    sim.put_cluster(&[
        condition("InfrastructureReady", 52),
        condition("ControlPlaneAvailable", 57),
        condition("WorkersAvailable", 58),
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_there_for_the_items_that_need_it_and_gone_afterwards() {
    let sim = Sim::new().await;
    conditions(&sim);
    let Run { report, order, left } = run(&sim, Context::default(), &[]).await;
    assert_eq!(order, ["D-011.3 false", "D-011.6 false", "D-011.5 true", "D-011.4 true"]);
    assert_eq!(left, [""; 0]);
    assert_eq!(report.left, []);
    let ids: Vec<_> = report.items.iter().map(|item| item.id.name()).collect();
    assert_eq!(ids, ["D-011.3", "D-011.4", "D-011.5", "D-011.6"], "in the order of the runbook");
    let item = &report.items[2];
    assert_eq!(item.outcome, Outcome::Passed, "{:?}", item.findings);
    assert_eq!(item.evidence[0], Evidence::text("created", "x"));
    let Chart::Stages { stages, .. } = &item.charts[0] else { panic!("{:?}", item.charts) };
    let stages: Vec<_> =
        stages.iter().map(|one| format!("{} {} {}", one.name, one.from, one.seconds)).collect();
    assert_eq!(stages[..3], ["infrastructure 0 120", "control plane 120 300", "workers 420 60"]);
}

#[tokio::test(start_paused = true)]
async fn without_an_item_that_needs_it_none_is_created() {
    let sim = Sim::new().await;
    let Run { order, .. } = run(&sim, Context::default(), &[ItemId::Vault]).await;
    assert_eq!((order, sim.creates()), (vec!["D-011.6 false".to_owned()], 0));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_created_fails_its_item_and_leaves_the_other_open() {
    for fate in [Fate::FailsInDriver("Error: no matches for kind".into()), Fate::Stalls] {
        let sim = Sim::new().await;
        sim.cloud.fates(vec![fate]);
        let Run { report, order, left } = run(&sim, Context::default(), &[]).await;
        assert_eq!(order, ["D-011.3 false", "D-011.6 false"]);
        assert_eq!((left, report.left.len()), (Vec::new(), 0), "it is deleted");
        assert_eq!(
            shown(&report, ItemId::Cluster),
            ("Failed".to_owned(), vec!["cluster-not-created"])
        );
        let (outcome, rules) = shown(&report, ItemId::LoadBalancer);
        assert!(outcome.starts_with("not run: ") && rules.is_empty(), "{outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_can_not_be_deleted_is_named() {
    let sim = Sim::new().await;
    conditions(&sim);
    sim.cloud.remove_credential(&sim.credential.0);
    let Run { report, left, .. } = run(&sim, Context::default(), &[ItemId::Cluster]).await;
    assert_eq!(shown(&report, ItemId::Cluster), ("Failed".to_owned(), vec!["cluster-left"]));
    assert_eq!((left.len(), report.left.len()), (1, 1));
    let item = report.items.iter().find(|item| item.id == ItemId::Cluster).unwrap();
    let remedy = item.findings[0].remedy.clone().unwrap();
    assert!(remedy.contains("release-stuck-delete"), "as the delete was refused: {remedy}");

    // Nor does another item pass then.
    let sim = Sim::new().await;
    sim.cloud.remove_credential(&sim.credential.0);
    conditions(&sim);
    let keeps = Looks { id: ItemId::Vault, sim: sim.same(), order: Arc::default() };
    let story = keeps_cluster(&sim, keeps).await;
    assert_eq!(story.findings[0].rule, "cluster-left");
    let mut report = ItemReport::new(
        ItemId::LoadBalancer,
        Answer::judged(Vec::new(), Vec::new()),
        Context::default().now(),
        0.0,
    );
    report.tell(story.findings, Vec::new(), None);
    assert_eq!(report.outcome, Outcome::Failed);
}

async fn keeps_cluster(sim: &Sim, item: Looks) -> Story<()> {
    let cluster = ThrowAwayCluster {
        site: Arc::new(sim.site.clone()),
        wanted: wanted(),
        doctor: None,
        prerequisites: None,
    };
    let ctx = Context::default();
    let work = async || drop(item.check(&ctx).await);
    Box::pin(cluster.around(&ctx, work)).await
}

/// The cloud that is asked first does not answer: nothing is known to be wrong with clusters.
#[tokio::test(start_paused = true)]
async fn what_can_not_be_asked_is_not_a_failure() {
    let sim = Sim::new().await;
    let silent = Cloud::new();
    for service in [
        Service::Identity,
        Service::Network,
        Service::ContainerInfra,
        Service::BlockStorage,
        Service::LoadBalancer,
        Service::Compute,
        Service::Image,
        Service::KeyManager,
    ] {
        silent.take_down(service);
    }
    let deaf = || silent.admin("mgmt");
    let cloud = CloudClients::over(deaf(), deaf(), "http://keystone.sim", || 0);
    let done = run_after(Some((cloud, settings())), &sim, Context::default(), &[]).await;
    let (outcome, rules) = shown(&done.report, ItemId::Cluster);
    assert!(outcome.starts_with("not run: ") && rules.is_empty(), "{outcome} {rules:?}");
    assert_eq!(sim.creates(), 0);
}

fn settings() -> PrerequisiteSettings {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("omega.toml");
    std::fs::write(&path, "").unwrap();
    PrerequisiteSettings::of(&crate::site::Site::read(&path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_leaves_none() {
    let sim = Sim::new().await;
    sim.cloud.fates(vec![Fate::Stalls]);
    let cancel = CancelToken::default();
    let stop = {
        let cancel = cancel.clone();
        async move {
            tokio::time::sleep(Duration::from_mins(3)).await;
            cancel.cancel();
        }
    };
    let ctx = Context::default().with_cancel(cancel);
    let (done, ()) = tokio::join!(run(&sim, ctx, &[]), stop);
    assert_eq!((done.left.len(), done.report.left.len()), (0, 0));
    assert!(done.report.interrupted);
    for id in [ItemId::Cluster, ItemId::LoadBalancer] {
        let (outcome, rules) = shown(&done.report, id);
        assert!(outcome.starts_with("not run: ") && rules.is_empty(), "{outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_needs_is_asked_before_it_is_created() {
    let sim = Sim::new().await;
    let admin = || sim.cloud.admin("mgmt");
    let cloud = CloudClients::over(admin(), admin(), "http://keystone.sim", || 0);
    let done = run_after(Some((cloud, settings())), &sim, Context::default(), &[]).await;
    assert_eq!((done.order.len(), sim.creates(), done.report.left.len()), (2, 0, 0));
    let (outcome, rules) = shown(&done.report, ItemId::Cluster);
    assert!(outcome == "Failed" && rules.contains(&"image-properties"), "{outcome} {rules:?}");
    let (outcome, _) = shown(&done.report, ItemId::LoadBalancer);
    assert!(outcome.starts_with("not run: the cluster could not be created: "), "{outcome}");
}
