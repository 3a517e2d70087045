use std::{collections::BTreeSet, path::Path};

use omega_core::{
    Approval, Context, Entry, MemoryJournal, Outcome, Subject, Undo, ensure, testing::defined_kinds,
};
use serde_json::json;

use super::*;
use crate::{
    PipSource,
    operations::{
        Image, magnum,
        world::{client, ensure_helm, place_kubeconfig, stage_dropin},
    },
    sim::{self, Start},
};

fn unit() -> (sim::Unit, Arc<Unit>) {
    let sim = Start::Superseded.unit("magnum/0");
    let unit = Arc::new(client(&sim));
    (sim, unit)
}

/// The undo value in a journal restores the previous state.
#[tokio::test(start_paused = true)]
async fn the_undo_in_a_journal_restores_the_state() {
    let sim = Start::Fresh.unit("magnum/0");
    let before = sim.snapshot();
    let unit = Arc::new(client(&sim));
    let journal = Arc::new(MemoryJournal::default());
    let ctx = &Context::default().with_journal(journal.clone());
    assert_eq!(
        step(&unit, stage_dropin()).run(ctx, Approval::Fact).await.map(|done| done.changed),
        Ok(true)
    );
    let entries = journal.entries();
    let Some(Entry::Intent { undo: Some(Undo { kind, desired }), .. }) = entries.first() else {
        panic!("{entries:?}")
    };
    let back = restore(kind, desired, &unit).unwrap().unwrap();
    let path = "/etc/magnum/magnum.conf.d/00-capi-helm.conf";
    assert_eq!(back.subject(), Subject::new("file", path));
    assert_eq!(back.run(ctx, Approval::Fact).await.map(|done| done.changed), Ok(true));
    assert_eq!(sim.snapshot(), before);
}

/// Returns the step for a desired state as stored in a journal.
fn stored<D: Desired<Target = Unit>>(desired: &D, unit: &Arc<Unit>) -> Box<dyn Step> {
    let value = serde_json::to_value(desired).unwrap();
    restore(D::KIND, &value, unit).unwrap().unwrap_or_else(|| panic!("{} is missing", D::KIND))
}

/// Applies `desired`, restores the previous state from the stored undo value, and returns its kind.
async fn registered<D: Desired<Target = Unit>>(desired: D) -> String {
    let (_, unit) = unit();
    assert_eq!(stored(&desired, &unit).id().kind, D::KIND);
    let Ok(Outcome::Changed { before, .. }) = ensure(&Context::default(), &*unit, &desired).await
    else {
        panic!("{} changes nothing", D::KIND)
    };
    let Some(undo) = desired.undo(&before) else {
        assert_eq!(D::KIND, ConvergeServices::KIND, "only a restart can't be undone");
        return D::KIND.to_owned();
    };
    let id = stored(&undo, &unit).id();
    assert_eq!((id.kind.as_str(), id.key), (D::Undo::KIND, undo.key()));
    D::KIND.to_owned()
}

/// The kind of every operation is registered, and that of its undo.
#[tokio::test(start_paused = true)]
async fn every_operation_and_its_undo_are_registered() {
    let pin = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    let (_, unit) = unit();
    let image = (magnum::old_dropin(), Image::Absent);
    let on_disk = ConvergeServices::as_on_disk();
    let seen = on_disk.observe(&unit).await.unwrap();
    let walked = BTreeSet::from([
        registered(place_kubeconfig()).await,
        registered(pin).await,
        registered(ensure_helm()).await,
        registered(stage_dropin()).await,
        registered(InjectConfigDir::graft()).await,
        registered(RemoveLeftovers::default()).await,
        registered(RestoreFiles { files: vec![image], directory: None }).await,
        registered(RestoreDriver { daemon: magnum::conductor(), release: None }).await,
        registered(on_disk.after(&seen)).await,
    ]);
    let defined = defined_kinds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    // Those of a model are not about a unit.
    let (of_model, defined): (BTreeSet<_>, BTreeSet<_>) =
        defined.into_iter().partition(|kind| kind.starts_with("juju-model."));
    // A model that was destroyed can't be restored.
    let kinds = [crate::charm::CharmConfig::KIND, crate::controller::ModelAbsent::KIND];
    assert_eq!(of_model, kinds.map(str::to_owned).into());
    let known: BTreeSet<String> = FACTS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    assert_eq!(known, defined, "every KIND of the sources is registered");
    assert_eq!(walked, defined, "every KIND of the sources is walked here");
}

#[tokio::test]
async fn an_unknown_kind_is_none() {
    let unit = Arc::new(client(&Start::Fresh.unit("magnum/0")));
    let value = serde_json::to_value(stage_dropin()).unwrap();
    assert!(restore("openstack.sg-rule.v1", &value, &unit).unwrap().is_none());
    assert!(restore("juju.dropin.v2", &value, &unit).unwrap().is_none());
    assert!(restore("juju.helm.v1", &value, &unit).is_err(), "of another kind");
    let policy = json!({"policy": "keep"});
    assert!(restore("juju.leftovers.v1", &policy, &unit).is_err(), "it removes nothing");
}

/// Values of version 1 (commit 788407a): kind and value, then kind and key after the conversion.
const VERSION_1: [(&str, &str, &str, &str); 9] = [
    (
        "juju.kubeconfig.v1",
        r#"{"path":"/etc/magnum/kubeconfig","wanted":{"before":"absent"}}"#,
        "juju.restore-files.v1",
        "/etc/magnum/kubeconfig",
    ),
    (
        "juju.kubeconfig.v1",
        r#"{"path":"/etc/magnum/kubeconfig","wanted":{"before":{"file":{"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","access":{"owner":"root","group":"magnum","mode":"0640"}}}}}"#,
        "juju.restore-files.v1",
        "/etc/magnum/kubeconfig",
    ),
    (
        "juju.helm.v1",
        r#"{"daemon":"magnum-conductor","path":"/usr/bin/helm","wanted":{"before":{"link":{"target":"/opt/helm"}}}}"#,
        "juju.restore-files.v1",
        "/usr/bin/helm",
    ),
    (
        "juju.dropin.v1",
        r#"{"path":"/etc/magnum/magnum.conf.d/00-capi-helm.conf","wanted":{"before":{"image":"absent","no_directory":true}}}"#,
        "juju.restore-files.v1",
        "/etc/magnum/magnum.conf.d/00-capi-helm.conf",
    ),
    (
        "juju.config-dir.v1",
        r#"{"daemon":"magnum-conductor","directory":"/etc/magnum/magnum.conf.d","wanted":{"before":{"image":"absent","no_directory":false}}}"#,
        "juju.restore-files.v1",
        "/etc/default/magnum-conductor",
    ),
    (
        "juju.driver.v1",
        r#"{"daemon":"magnum-conductor","wanted":{"version":{"version":"1.3.0","from":"kept"}},"token":false}"#,
        "juju.restore-driver.v1",
        "magnum-conductor",
    ),
    (
        "juju.driver.v1",
        r#"{"daemon":"magnum-conductor","wanted":"absent","token":false}"#,
        "juju.restore-driver.v1",
        "magnum-conductor",
    ),
    (
        "juju.leftovers.v1",
        r#"{"policy":{"restore":{"files":[["/etc/magnum/magnum.conf.d/99-capi.conf","absent"],["/etc/systemd/system/magnum-api.service.d/override.conf",{"link":{"target":"/x"}}]]}}}"#,
        "juju.restore-files.v1",
        "/etc/magnum/magnum.conf.d/99-capi.conf, /etc/systemd/system/magnum-api.service.d/override.conf",
    ),
    // The end of a rollback of version 1: not converted.
    (
        "juju.services.v1",
        r#"{"daemons":[{"service":"magnum-conductor","driver":null,"inputs":[{"path":"/etc/magnum/magnum.conf.d","reason":"drop_in","expect":"any"}],"flag":"as_next_start","options":{},"started_after":7}]}"#,
        "juju.services.v1",
        "magnum-conductor",
    ),
];

#[test]
fn undo_values_of_version_1_are_converted() {
    let (_, unit) = unit();
    for (kind, value, new_kind, key) in VERSION_1 {
        let desired: Value = serde_json::from_str(value).unwrap();
        let step = restore(kind, &desired, &unit).unwrap().unwrap_or_else(|| panic!("{value}"));
        let id = step.id();
        assert_eq!((id.kind.as_str(), id.key.as_str()), (new_kind, key), "{value}");
    }
    // Every kind of version 1 with an undo is covered.
    let kinds: std::collections::BTreeSet<_> = VERSION_1.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds.len(), 7);
}

/// Undo values of version 1 restore a directory, a link, an image and a wheel.
#[tokio::test(start_paused = true)]
async fn undo_values_of_version_1_restore_the_state() {
    let ctx = &Context::default();
    let sim = Start::Fresh.unit("magnum/0");
    let before = sim.snapshot();
    let unit = Arc::new(client(&sim));
    let pin = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    ensure(ctx, &*unit, &pin).await.unwrap();
    ensure(ctx, &*unit, &stage_dropin()).await.unwrap();
    ensure(ctx, &*unit, &InjectConfigDir::graft()).await.unwrap();
    for nth in [4, 3, 6] {
        let (kind, value, ..) = VERSION_1[nth];
        let desired = serde_json::from_str(value).unwrap();
        let step = restore(kind, &desired, &unit).unwrap().unwrap();
        assert_eq!(
            step.run(ctx, Approval::Fact).await.map(|done| done.changed),
            Ok(true),
            "{value}"
        );
    }
    assert_eq!(sim.snapshot(), before);
}

/// The observed daemons in journals of version 1 can be read (`ConvergeServices::after`).
#[test]
fn observed_daemons_of_version_1_are_read() {
    let seen = r#"{"daemons":[{"state":{"load":"loaded","active":"active","sub":"running","result":"success","pid":7,"started_ns":42,"cmdline":[],"user":"magnum","restarts":0,"exec_start":"","drop_ins":[]},"args":null,"python":null,"inputs":[{"kind":"absent"}],"options":{"unknown":{"why":"late"}}}]}"#;
    let seen: super::super::ServicesObserved = serde_json::from_str(seen).unwrap();
    let after = ConvergeServices::as_on_disk().after(&seen);
    assert_eq!(after.daemons[0].started_after, Some(42));
    // A computed time may be a little later at the next look: it is the same process.
    let mut about = seen.clone();
    about.daemons[0].state.started_about = true;
    let after = ConvergeServices::as_on_disk().after(&about);
    assert!(after.daemons[0].started_after > Some(43));
}
