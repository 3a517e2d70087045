//! Whole teardowns on a simulated controller, MAAS and cloud.

#![allow(
    clippy::duration_suboptimal_units,
    clippy::type_complexity,
    clippy::redundant_closure_for_method_calls,
    reason = "tests"
)]

use std::sync::Arc;

use omega_core::{
    Context, Failure, FailureClass, ItemState, TargetPreview, Verdict,
    run::{Approved, Engine, Report, Runs, Status},
    testing::Fault,
};
use omega_juju::{
    controller::{Controller, StorageFate},
    sim::{Models, SimModel},
};
use omega_openstack::{cloud_inventory::CloudInventory, sim::Cloud};
use tempfile::TempDir;

use super::{
    maas::{Maas, SimMaas, SimMachine},
    *,
};
use crate::cluster::{ClusterSite, DriverSettings};

const MODEL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const OTHER: &str = "bbbbbbbb-0000-4000-8000-000000000002";

struct World {
    home: TempDir,
    juju: Models,
    maas: SimMaas,
    cloud: Cloud,
}

impl World {
    /// A cloud of three machines, beside a model of somebody else's and a machine that is nobody's.
    fn with(change: impl FnOnce(&mut SimModel)) -> Self {
        let mut ours = SimModel::new(MODEL, "admin", "openstack");
        ours.applications = vec![
            ("keystone".into(), "keystone".into()),
            ("mysql".into(), "mysql-innodb-cluster".into()),
        ];
        let machines =
            [("4y3h7n", "openstack0"), ("4y3h7p", "openstack1"), ("4y3h7q", "openstack2")];
        ours.machines = machines.map(|(id, host)| (id.into(), host.into())).into();
        change(&mut ours);
        let mut other = SimModel::new(OTHER, "admin", "openstack2");
        other.machines = vec![("k8s4ab".into(), "other".into())];
        let deployed = machines.map(|(id, host)| SimMachine::deployed(id, host, MODEL));
        let others =
            [SimMachine::deployed("k8s4ab", "other", OTHER), SimMachine::ready("s", "spare")];
        Self {
            home: tempfile::tempdir().unwrap(),
            juju: Models::new([ours, other]),
            maas: SimMaas::new(deployed.into_iter().chain(others)),
            cloud: Cloud::new(),
        }
    }

    fn new() -> Self {
        Self::with(|_| {})
    }

    fn runs(&self) -> Runs {
        Runs::new(self.home.path())
    }

    async fn clients(&self) -> TeardownClients {
        let controller = Controller::open(Arc::new(self.juju.clone()), None).await.unwrap();
        let none = Failure::new(FailureClass::Usage, "the site file names no cloud");
        let maas = Maas::new(Arc::new(self.maas.clone()), "admin");
        TeardownClients::new(controller, none).with_maas(maas)
    }

    async fn clients_with_cloud(&self) -> TeardownClients {
        let admin = self.cloud.admin("admin");
        let site = Arc::new(ClusterSite::new(Arc::clone(&admin), None));
        let driver = crate::site::Site::parse(std::path::Path::new("omega.toml"), "").unwrap();
        let driver = DriverSettings::of(&driver).unwrap();
        let clients = self.clients().await.with_cloud(CloudInventory::new(admin), || 0);
        clients.with_clusters(site, driver)
    }

    async fn found(&self, wanted: Teardown) -> Result<Found, Failure> {
        wanted.find(self.clients().await, &self.runs()).await
    }

    async fn apply(&self, wanted: Teardown) -> Report {
        let found = self.found(wanted).await.unwrap();
        self.engine(Context::default())
            .apply(&found.job("omega.toml"), Approved::Now)
            .await
            .unwrap()
    }

    fn engine(&self, ctx: Context) -> Engine {
        Engine::new(self.runs(), ctx)
    }

    /// Nothing of others was touched.
    fn assert_bystanders(&self) {
        let models = self.juju.snapshot();
        assert!(models.iter().any(|one| one == &format!("{OTHER} admin/openstack2")), "{models:?}");
        let machines = self.maas.snapshot();
        assert_eq!(machines[3..], ["k8s4ab Deployed juju", "s Ready nobody"]);
    }

    fn assert_torn_down(&self) {
        let models = self.juju.snapshot();
        assert!(!models.iter().any(|one| one.starts_with(MODEL)), "{models:?}");
        let machines = self.maas.snapshot();
        assert!(machines[..3].iter().all(|one| one.ends_with("Ready nobody")), "{machines:?}");
        self.assert_bystanders();
    }
}

fn wanted() -> Teardown {
    Teardown {
        model: "openstack".to_owned(),
        storage: None,
        bundle: None,
        accepted: Vec::new(),
        within: std::time::Duration::from_secs(60),
    }
}

/// Each line of what was found: subject, and what is shown of it.
fn lines(looked: &[TargetPreview]) -> String {
    let line = |target: &TargetPreview| {
        let items = target.items().map(|item| {
            let found = match &item.found {
                ItemState::Verdict(Verdict::Pass { evidence }) => {
                    format!("pass {}", omega_core::Evidence::line(evidence))
                }
                ItemState::Verdict(Verdict::Fail(finding)) => {
                    format!("{:?} {}", finding.severity, finding.summary)
                }
                ItemState::Verdict(Verdict::Deferred { until }) => format!("later {until}"),
                ItemState::Preview(preview) => {
                    preview.diffs.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                }
                ItemState::Failed(failure) => format!("failed {failure}"),
            };
            format!("  {}: {found}\n", item.subject)
        });
        format!("{}\n{}", target.target, items.collect::<String>())
    };
    looked.iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_and_what_is_lost() {
    let world = World::with(|ours| {
        ours.offers = vec![("mysql".into(), vec![OTHER.into()])];
        ours.consumes = vec![("cos".into(), "c2:admin/cos.grafana".into())];
    });
    for name in ["web-0", "web-1"] {
        world.cloud.add_server("tenant", name, "ACTIVE");
    }
    world.cloud.add_volume("stack", "pvc-1");
    let found = wanted().find(world.clients_with_cloud().await, &world.runs()).await.unwrap();
    assert_eq!(found.name(), Some("openstack"));
    let report = world.engine(Context::default()).plan(&found.job("omega.toml")).await;
    assert_eq!((report.exit, report.converged), (Status::Pending, false));
    let shown = lines(&report.looked);
    for line in [
        "  to lose clusters: pass no clusters to lose\n",
        "  to lose servers: Warning 2: web-0, web-1\n",
        "  to lose volumes: Warning 1: pvc-1\n",
        "controller sim\n  applications admin/openstack: pass all: 2, of a Charmed OpenStack\n",
        "break: others use admin/openstack.mysql (by model bbbbbbbb-0000-4000-8000-000000000002); it \
         uses c2:admin/cos.grafana\n",
        "  model admin/openstack: - model admin/openstack: juju destroy-model --no-prompt --force \
         --no-wait sim:aaaaaaaa-0000-4000-8000-000000000001\n",
        "  gone admin/openstack: later after section 2\n",
        "MAAS profile admin\n  machine openstack0 (4y3h7n): - machine openstack0 (4y3h7n): release in \
         MAAS: Deployed, of user juju\n",
        "both sides\n  verified Juju and MAAS: later after sections 2 and 3\n",
    ] {
        assert!(shown.contains(line), "{line} is not in:\n{shown}");
    }
    assert_eq!((world.juju.writes(), world.maas.writes()), (0, 0));
    assert!(world.runs().all().unwrap().0.is_empty(), "a plan keeps no run");
}

#[tokio::test(start_paused = true)]
async fn the_model_is_gone_and_the_machines_are_ready() {
    let world = World::with(|ours| ours.lag = Some(3));
    let report = world.apply(wanted()).await;
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    assert!(report.converged && !report.reversible);
    world.assert_torn_down();
    assert_eq!(world.juju.writes(), 1);
    // The record: what was there, and the whole plan.
    let runs = world.runs();
    let run = &runs.all().unwrap().0[0];
    let before: serde_json::Value = runs.kept(&run.id, "pre-state.json").unwrap();
    assert_eq!(before["content"]["applications"][0]["name"], "keystone");
    assert_eq!(before["machines"].as_array().unwrap().len(), 3);
    assert_eq!(before["cloud"]["unread"], "the site file names no cloud");
    // Once more: there is nothing to do, and nobody has to type a name.
    let again = world.found(wanted()).await.unwrap();
    assert_eq!(again.name(), None);
    let again = world.apply(wanted()).await;
    assert_eq!((again.exit, again.run), (Status::Done, None));
    assert_eq!((world.juju.writes(), world.maas.writes()), (1, 3));
}

/// juju releases the machines itself, as it does without `--no-wait`: nothing is released twice.
#[tokio::test(start_paused = true)]
async fn what_juju_has_released_is_only_waited_for() {
    let world = World::new();
    let maas = world.maas.clone();
    world.juju.on_gone(move |model| maas.release_of(model));
    world.maas.change("4y3h7n", |machine| machine.lag = Some(4));
    let report = world.apply(wanted()).await;
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    assert_eq!(world.maas.writes(), 0);
    world.assert_torn_down();
}

/// D-018: a destruction that hangs does not keep the machines. What is left is reported.
#[tokio::test(start_paused = true)]
async fn machines_are_released_although_the_model_never_goes() {
    let world = World::with(|ours| ours.lag = None);
    let report = world.apply(wanted()).await;
    assert_eq!(report.exit, Status::Deadline, "{report:#?}");
    let failure = report.failure.unwrap();
    let found = failure.found.unwrap();
    assert!(found.contains("model admin/openstack is still listed: destroying"), "{found}");
    assert!(!found.contains("openstack0"), "{found}");
    assert_eq!(report.recap.changed, 4, "the model and three machines");
    assert!(world.maas.snapshot()[..3].iter().all(|one| one.ends_with("Ready nobody")));
    world.assert_bystanders();
    // It goes at last: the next run sees it, and writes nothing.
    world.juju.change(MODEL, |ours| ours.vanish());
    let again = world.apply(wanted()).await;
    assert_eq!(again.exit, Status::Done, "{again:#?}");
    assert_eq!((world.juju.writes(), world.maas.writes()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_stays_releasing_is_named_after_the_deadline() {
    let world = World::new();
    world.maas.change("4y3h7p", |machine| machine.lag = None);
    let report = world.apply(wanted()).await;
    assert_eq!(report.exit, Status::Deadline);
    let found = report.failure.unwrap().found.unwrap();
    assert_eq!(found, "openstack1 (4y3h7p) is Releasing");
    let machines = world.maas.snapshot();
    assert!(machines[0].ends_with("Ready nobody") && machines[2].ends_with("Ready nobody"));
}

/// A run that was killed after any of its writes is completed by the next one, from its record: the model
/// that would name the machines is gone by then.
#[tokio::test(start_paused = true)]
async fn a_run_that_ended_half_way_is_completed() {
    for fault in [Fault::Lost, Fault::AnswerLost, Fault::Refused, Fault::Ignored] {
        for nth in 0..4 {
            let world = World::with(|ours| ours.lag = Some(1));
            match nth {
                0 => world.juju.inject_fault(0, fault),
                nth => world.maas.inject_fault(nth - 1, fault),
            }
            let failed = world.apply(wanted()).await;
            assert_ne!(failed.exit, Status::Done, "{fault:?} {nth}");
            let again = world.apply(wanted()).await;
            assert_eq!(again.exit, Status::Done, "{fault:?} {nth}: {again:#?}");
            world.assert_torn_down();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_destroyed_by_accident_is_refused() {
    let foreign =
        |ours: &mut SimModel| ours.applications.push(("shop".into(), "postgresql".into()));
    let kept = |ours: &mut SimModel| ours.storage = vec!["osd-devices/0".into()];
    let bundle = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let cases: [(fn(&mut SimModel), Teardown, Status, &str); 7] = [
        (
            foreign,
            wanted(),
            Status::Gate,
            "1 are not of a Charmed OpenStack: shop (charm postgresql)",
        ),
        (
            foreign,
            Teardown { accepted: vec!["other-applications".into()], ..wanted() },
            Status::Done,
            "",
        ),
        (
            |_| {},
            Teardown { bundle: bundle(&["keystone"]), ..wanted() },
            Status::Gate,
            "mysql (charm",
        ),
        (
            foreign,
            Teardown { bundle: bundle(&["keystone", "mysql", "shop"]), ..wanted() },
            Status::Done,
            "",
        ),
        (kept, wanted(), Status::Refused, "has persistent storage"),
        (kept, Teardown { storage: Some(StorageFate::Release), ..wanted() }, Status::Done, ""),
        (
            |_| {},
            Teardown { model: "controller".into(), ..wanted() },
            Status::Refused,
            "controller's own model",
        ),
    ];
    for (change, wanted, exit, why) in cases {
        let (world, shown) = (World::with(change), format!("{wanted:?}"));
        let report = world.apply(wanted).await;
        assert_eq!(report.exit, exit, "{shown}: {report:#?}");
        if exit == Status::Done {
            world.assert_torn_down();
            continue;
        }
        let failure = report.failure.unwrap();
        assert!(failure.to_string().contains(why), "{failure}");
        assert!(failure.next.is_some(), "{failure:?}");
        assert_eq!((world.juju.writes(), world.maas.writes()), (0, 0), "{shown}");
        assert!(world.runs().all().unwrap().0.is_empty(), "{shown}");
    }
}

/// A machine that another model or another user has by now is not released.
#[tokio::test(start_paused = true)]
async fn a_machine_of_somebody_else_is_left_alone() {
    for change in [
        (|machine| machine.model = Some(OTHER.into())) as fn(&mut SimMachine),
        |machine| machine.locked = true,
        |machine| machine.system_id = "gone".into(),
    ] {
        let world = World::new();
        world.maas.change("4y3h7p", change);
        let report = world.apply(wanted()).await;
        assert_eq!(report.exit, Status::Refused, "{report:#?}");
        assert_eq!((world.juju.writes(), world.maas.writes()), (0, 0));
    }
}

/// A typing error is not a model that is gone.
#[tokio::test(start_paused = true)]
async fn a_name_that_no_model_has_and_had_is_refused_with_those_that_there_are() {
    let world = World::new();
    let typo = Teardown { model: "openstak".to_owned(), ..wanted() };
    let failure = world.found(typo).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    let found = failure.found.unwrap();
    assert!(found.split(", ").any(|name| name == "admin/openstack"), "{found}");
    assert!(failure.message.contains("juju lists no model openstak"), "{}", failure.message);
}

#[tokio::test(start_paused = true)]
async fn the_model_is_found_by_its_name_alone_or_with_its_owner() {
    let world = World::new();
    world.juju.add(SimModel::new("cccccccc-0000-4000-8000-000000000003", "bob", "openstack"));
    let failure = world.found(wanted()).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert_eq!(failure.found.unwrap(), "admin/openstack, bob/openstack");
    let owned = Teardown { model: "admin/openstack".to_owned(), ..wanted() };
    assert_eq!(world.found(owned.clone()).await.unwrap().name(), Some("openstack"));
    assert_eq!(world.apply(owned).await.exit, Status::Done);
    assert!(world.juju.snapshot().iter().any(|one| one.ends_with("bob/openstack")));
}

/// The model is destroyed and made again between the question and the write.
#[tokio::test(start_paused = true)]
async fn another_model_of_the_name_is_not_destroyed() {
    let world = World::new();
    let found = world.found(wanted()).await.unwrap();
    let (job, engine) = (found.job("omega.toml"), world.engine(Context::default()));
    let looked = engine.look(&job).await;
    world.juju.change(MODEL, |ours| ours.uuid = "dddddddd-0000-4000-8000-000000000004".to_owned());
    let report = engine.apply(&job, Approved::Shown(looked)).await.unwrap();
    assert_ne!(report.exit, Status::Done, "{report:#?}");
    assert_eq!((world.juju.writes(), world.maas.writes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_maas_nothing_is_destroyed() {
    let world = World::new();
    let mut clients = world.clients().await;
    clients.maas = None;
    let found = wanted().find(clients, &world.runs()).await.unwrap();
    let engine = world.engine(Context::default());
    let report = engine.apply(&found.job("omega.toml"), Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Gate);
    assert!(report.failure.unwrap().next.unwrap().contains("--maas-profile"));
    assert_eq!(world.juju.writes(), 0);
}

/// A stop is honoured while the model goes, and the next run goes on.
#[tokio::test(start_paused = true)]
async fn a_stop_while_waiting_is_honoured() {
    let world = World::with(|ours| ours.lag = None);
    let ctx = Context::default();
    let (found, cancel) = (world.found(wanted()).await.unwrap(), ctx.cancel().clone());
    let (job, engine) = (found.job("omega.toml"), world.engine(ctx));
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_secs(12)).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(engine.apply(&job, Approved::Now), stop);
    let report = report.unwrap();
    assert_eq!(report.exit, Status::Interrupted, "{report:#?}");
    assert_eq!((world.juju.writes(), world.maas.writes()), (1, 0));
    world.juju.change(MODEL, |ours| ours.vanish());
    assert_eq!(world.apply(wanted()).await.exit, Status::Done);
    world.assert_torn_down();
}
