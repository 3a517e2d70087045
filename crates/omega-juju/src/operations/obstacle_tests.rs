//! A plan refuses what the unit would refuse, in the same words.

use omega_core::{Context, Delta, Desired, ensure, plan};

use super::{
    DriverChange, FileChange, InjectConfigDir, PinDriver, RemoveLeftovers, RestoreDriver,
    RestoreFiles,
    world::{client, ensure_helm, place_kubeconfig, refusal, shown, stage_dropin},
};
use crate::{
    PipSource, Unit,
    sim::{self, Start},
};

type Fault = fn(&sim::Unit);

const READ_ONLY: &str = "read-only file system";
const IMMUTABLE: &str = "operation not permitted";

const FAULTS: [Fault; 6] = [
    |sim| sim.fill_disk(true),
    |sim| sim.protect("/etc", READ_ONLY),
    |sim| sim.protect("/usr/bin", READ_ONLY),
    |sim| sim.protect("/etc/magnum/magnum.conf.d", IMMUTABLE),
    |sim| sim.protect("/etc/default/magnum-conductor", IMMUTABLE),
    |sim| sim.remove("/etc/magnum"),
];

/// Checks one operation with each fault: where its first write fails, its plan says the same. Returns how
/// often that was so.
async fn same_words<D: Desired<Target = Unit, Change = FileChange>>(
    start: Start,
    desired: &D,
) -> usize {
    let mut refused = 0;
    for fault in FAULTS {
        let sim = start.unit("magnum/0");
        let planned = plan(&client(&sim), desired).await.unwrap();
        let Delta::Changes(changes) = planned.delta() else { continue };
        fault(&sim);
        let before = sim.snapshot();
        let on_copy = client(&sim.copy());
        let Err(error) = changes.first().unwrap().perform(&on_copy).await else { continue };
        // A file that is removed, and what was there before, is another change.
        if error.to_string().contains("has changed") {
            continue;
        }
        let text = shown(&sim, desired).await;
        let why = error.to_string().replace("magnum/0: ", "");
        let said = text.contains(&why) || text.contains("/etc/magnum is missing");
        assert!(text.starts_with("! refused") && said, "{why}: {text}");
        assert!(text.contains("touched Nothing"), "{text}");
        let error = ensure(&Context::default(), &client(&sim), desired).await.unwrap_err();
        assert!(refusal(&error.into()).contains("Refused"));
        assert_eq!((sim.snapshot(), sim.writes()), (before, 0));
        refused += 1;
    }
    refused
}

#[tokio::test(start_paused = true)]
async fn each_plan_refuses_what_the_unit_would_refuse() {
    assert!(same_words(Start::Fresh, &stage_dropin()).await >= 3);
    assert!(same_words(Start::Fresh, &place_kubeconfig()).await >= 3);
    assert!(same_words(Start::Fresh, &InjectConfigDir::graft()).await >= 2);
    assert!(same_words(Start::Fresh, &ensure_helm()).await >= 2);
    assert!(same_words(Start::Superseded, &RemoveLeftovers::default()).await >= 1);
    let sim = Start::Fresh.unit("magnum/0");
    let done = ensure(&Context::default(), &client(&sim), &place_kubeconfig()).await.unwrap();
    let omega_core::Outcome::Changed { before, .. } = done else { panic!() };
    let back: RestoreFiles = place_kubeconfig().undo(&before).unwrap();
    sim.protect("/etc", READ_ONLY);
    let text = shown(&sim, &back).await;
    assert!(text.contains("/etc/magnum/kubeconfig: read-only file system"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_exist_is_told_by_the_plan() {
    let sim = Start::Fresh.unit("magnum/0");
    sim.set_user("nova");
    let text = shown(&sim, &place_kubeconfig()).await;
    assert!(text.contains("user nova does not exist on this unit"), "{text}");
    assert!(text.contains("expected: owner nova:nova"), "{text}");
    assert_eq!(sim.writes(), 0);
}

async fn pip_refused<D: Desired<Target = Unit, Change = DriverChange>>(
    sim: &sim::Unit,
    desired: &D,
) {
    let text = shown(sim, desired).await;
    assert!(text.starts_with("! refused") && text.contains("touched Nothing"), "{text}");
    assert_eq!(sim.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn pip_is_not_promised_where_it_can_not_write() {
    let desired = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    let faults: [Fault; 2] = [|sim| sim.fill_disk(true), |sim| sim.protect("/", READ_ONLY)];
    for fault in faults {
        let fresh = Start::Fresh.unit("magnum/0");
        fault(&fresh);
        pip_refused(&fresh, &desired).await;
        let old = Start::Grafted130.unit("magnum/0");
        fault(&old);
        pip_refused(&old, &desired).await;
        let back: RestoreDriver = serde_json::from_value(
            serde_json::json!({"daemon": "magnum-conductor", "release": null}),
        )
        .unwrap();
        pip_refused(&old, &back).await;
    }
}
