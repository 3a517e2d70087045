use std::sync::Arc;

use omega_core::{
    Diagnostic as _, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};
use proptest::prelude::*;

use super::*;
use crate::sim::{Models, SimModel};

/// Two models of one name, as two owners have them; one that begins like it; the controller's own.
const OURS: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BOBS: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const NEAR: &str = "aaaaaaaa-0000-4000-8000-000000000003";
const OTHER: &str = "dddddddd-0000-4000-8000-000000000004";

struct Sim {
    juju: Models,
    controller: Controller,
}

impl Sim {
    fn with(change: impl FnOnce(&mut SimModel)) -> Self {
        let mut ours = SimModel::new(OURS, "admin", "openstack");
        ours.applications = vec![("keystone".into(), "keystone".into())];
        change(&mut ours);
        let others = [(BOBS, "bob", "openstack"), (NEAR, "admin", "openstack2")];
        let others = others.map(|(uuid, owner, name)| SimModel::new(uuid, owner, name));
        let juju = Models::new(std::iter::once(ours).chain(others));
        let opened = Controller::open(Arc::new(juju.clone()), None);
        Self { controller: futures::executor::block_on(opened).unwrap(), juju }
    }

    async fn model(&self, uuid: &str) -> ListedModel {
        let all = self.controller.models().await.unwrap();
        all.into_iter().find(|one| one.uuid == uuid).unwrap()
    }

    async fn refused(&self, desired: &ModelAbsent) -> Conflict {
        let error = plan(&self.controller, desired).await.unwrap_err();
        let EnsureError::Conflict { source, .. } = error else { panic!("{error:?}") };
        source
    }
}

impl World for Sim {
    type Target = Controller;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Controller {
        &self.controller
    }
    fn snapshot(&self) -> Vec<String> {
        self.juju.snapshot()
    }
    fn writes(&self) -> usize {
        self.juju.writes()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.juju.inject_fault(nth, fault);
    }
}

fn absent(storage: Option<StorageFate>, extent: Extent) -> ModelAbsent {
    let (name, uuid) = ("admin/openstack".to_owned(), OURS.to_owned());
    ModelAbsent { name, uuid, storage, extent, within: 60 }
}

static MODELS: Tally = Tally::new();

#[test]
fn obeys_the_laws() {
    let fate =
        || prop::option::of(prop::sample::select(vec![StorageFate::Destroy, StorageFate::Release]));
    proptest!(|(
        lag in 0_usize..4,
        is_there in prop::sample::select(vec![true, true, true, false]),
        persistent in prop::sample::select(vec![false, false, true]),
        fate in fate(),
        extent in prop::sample::select(vec![Extent::Begun, Extent::Complete]),
    )| {
        // One that has begun may stay so.
        let lag = (extent == Extent::Complete).then_some(lag);
        let start = || Sim::with(|ours| {
            ours.lag = lag;
            if persistent { ours.storage.push("osd-devices/0".to_owned()); }
            if !is_there { (ours.uuid, ours.name) = (OTHER.to_owned(), "scratch".to_owned()); }
        });
        let desired = absent(fate, extent);
        let begun = extent == Extent::Begun;
        let holds = |seen: &Vec<String>| {
            let bystanders = [BOBS, NEAR].iter().all(|id| {
                seen.iter().any(|one| one.starts_with(id) && !one.contains("destroying"))
            });
            let ours = seen.iter().find(|one| one.starts_with(OURS));
            bystanders && ours.is_none_or(|one| begun && one.contains("destroying"))
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        MODELS.count(runtime.block_on(check_laws(start, &desired, Undo::None, holds)));
    });
    MODELS.assert_meaningful("ensure_model_absent");
}

/// These lines were read against `juju destroy-model --help` of juju 3.6.
#[tokio::test(start_paused = true)]
async fn every_write_as_it_is_sent() {
    let ctx = Context::default();
    for fate in [None, Some(StorageFate::Destroy), Some(StorageFate::Release)] {
        let sim = Sim::with(|_| {});
        let planned = plan(&sim.controller, &absent(fate, Extent::Complete)).await.unwrap();
        assert!(planned.undo().is_none());
        let shown = planned.delta().changes()[0].describe().effect;
        planned.apply(&ctx, &sim.controller).await.unwrap();
        assert_eq!(sim.juju.commands(), [shown], "what is shown is what is sent");
    }
    let sim = Sim::with(|_| {});
    let wanted = absent(Some(StorageFate::Destroy), Extent::Complete);
    ensure_model_absent(&ctx, &sim.controller, &wanted).await.unwrap();
    insta::assert_snapshot!(sim.juju.commands().join("\n"), @"juju destroy-model --no-prompt --force --no-wait --destroy-storage sim:aaaaaaaa-0000-4000-8000-000000000001");
}

#[tokio::test(start_paused = true)]
async fn persistent_storage_is_kept_until_its_fate_is_chosen() {
    let sim = Sim::with(|ours| ours.storage = vec!["osd-devices/0".into(), "data/1".into()]);
    let refused = sim.refused(&absent(None, Extent::Complete)).await;
    assert_eq!(refused.why, "model admin/openstack has persistent storage");
    assert_eq!(refused.found.unwrap(), "data/1, osd-devices/0");
    assert!(refused.next.unwrap().contains("--destroy-storage or --release-storage"));
    assert_eq!(sim.juju.writes(), 0);
    let ctx = Context::default();
    let release = absent(Some(StorageFate::Release), Extent::Complete);
    assert!(ensure_model_absent(&ctx, &sim.controller, &release).await.unwrap().changed());
}

/// It is refused before juju is asked, and juju would refuse it too.
#[tokio::test(start_paused = true)]
async fn a_controllers_own_model_is_never_destroyed() {
    let sim = Sim::with(|_| {});
    let own = sim.controller.models().await.unwrap();
    let own = own.iter().find(|one| one.is_controller).unwrap();
    let mut desired = ModelAbsent::of(own);
    desired.storage = Some(StorageFate::Destroy);
    let refused = sim.refused(&desired).await;
    assert_eq!(refused.why, "admin/controller is the controller's own model");
    let error = sim.controller.destroy(own, None).await.unwrap_err();
    assert_eq!(error.touched(), omega_core::Touched::Nothing, "{error:?}");
    assert!(sim.snapshot().iter().all(|one| !one.contains("destroying")));
}

/// The name is that of another model now: nothing is destroyed.
#[tokio::test(start_paused = true)]
async fn another_model_of_the_name_is_left_alone() {
    let (sim, ctx) = (Sim::with(|_| {}), Context::default());
    let desired = ModelAbsent::of(&sim.model(OURS).await);
    let planned = plan(&sim.controller, &desired).await.unwrap();
    sim.juju.change(OURS, |ours| ours.uuid = OTHER.to_owned());
    let error = planned.apply(&ctx, &sim.controller).await.unwrap_err();
    let EnsureError::Conflict { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.why, "another model has the name admin/openstack now");
    assert_eq!((source.expected.as_deref(), source.found.as_deref()), (Some(OURS), Some(OTHER)));
    assert_eq!(sim.juju.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_never_gone_is_told_after_the_deadline() {
    let (sim, ctx) = (Sim::with(|ours| ours.lag = None), Context::default());
    let desired = absent(None, Extent::Complete);
    let error = ensure_model_absent(&ctx, &sim.controller, &desired).await.unwrap_err();
    let EnsureError::NotSettled { why, .. } = &error else { panic!("{error:?}") };
    assert_eq!(why, "model admin/openstack is still listed: destroying");
    assert_eq!(error.touched(), omega_core::Touched::Maybe);
    // Once more: it is waited for, and not destroyed twice.
    let again = plan(&sim.controller, &desired).await.unwrap();
    assert!(matches!(again.delta(), Delta::Wait(_)), "{:?}", again.delta());
    assert_eq!(sim.juju.writes(), 1);
}

#[tokio::test]
async fn what_a_model_holds() {
    let sim = Sim::with(|ours| {
        ours.machines = vec![("4y3h7n".into(), "openstack0".into())];
        ours.storage = vec!["osd-devices/0".into()];
        ours.offers = vec![("mysql".into(), vec![BOBS.into()]), ("vault".into(), vec![])];
        ours.consumes = vec![("cos".into(), "c2:admin/cos.grafana".into())];
    });
    let content = sim.controller.content(&sim.model(OURS).await).await.unwrap();
    let stored = serde_json::to_value(&content).unwrap();
    assert_eq!(
        serde_json::from_value::<super::super::ModelContent>(stored.clone()).unwrap(),
        content
    );
    insta::assert_snapshot!(stored, @r#"{"applications":[{"name":"keystone","charm":"keystone","units":1}],"machines":[{"id":"0","instance":"4y3h7n","hostname":"openstack0","containers":1}],"offers":[{"name":"mysql","url":"admin/openstack.mysql","consumers":[{"model":"bbbbbbbb-0000-4000-8000-000000000002","user":"bob","endpoint":"db"}]},{"name":"vault","url":"admin/openstack.vault","consumers":[]}],"consumes":[{"name":"cos","url":"c2:admin/cos.grafana"}],"storage":[{"id":"osd-devices/0","kind":"block","persistent":true}]}"#);
    let empty = sim.controller.content(&sim.model(NEAR).await).await.unwrap();
    assert!(empty.storage.is_empty() && empty.offers.is_empty(), "{empty:?}");
}

/// The real output of juju 3.4.2 (recordings/).
#[test]
fn a_recorded_status_is_understood() {
    let status: super::super::wire::Status = serde_json::from_str(crate::sim::JUJU_STATUS).unwrap();
    let content = status.content();
    assert_eq!(content.applications.len(), 17, "{content:?}");
    assert!(content.applications.iter().all(|one| !one.charm.is_empty()));
    assert!(!content.machines.is_empty());
    assert!(content.machines.iter().all(|one| !one.instance.is_empty()), "{content:?}");
}

#[tokio::test(start_paused = true)]
async fn with_a_juju_that_only_reads_no_model_is_destroyed() {
    let sim = Sim::with(|_| {});
    let below: Arc<dyn crate::channel::JujuCommands> = Arc::new(sim.juju.clone());
    let only = Arc::new(crate::channel::ReadOnly::new(below));
    let only = Controller::open(only, None).await.unwrap();
    let ours = sim.model(OURS).await;
    assert!(only.content(&ours).await.is_ok(), "it can be read");
    let error = only.destroy(&ours, Some(StorageFate::Release)).await.unwrap_err();
    assert!(error.refused(), "{error}");
    assert!(error.to_string().starts_with("juju destroy-model (to destroy model"), "{error}");
    assert_eq!(sim.juju.writes(), 0);
}
