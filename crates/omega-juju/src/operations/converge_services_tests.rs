use omega_core::plan;

use super::*;
use crate::{
    PipSource,
    operations::{
        InjectConfigDir, PinDriver, RemoveLeftovers,
        world::{cases, client, options, refusal, shown, stage_dropin},
    },
    sim::{self, Start},
};

fn desired() -> ConvergeServices {
    let (sha256, effective) = (stage_dropin().sha256(), options().effective());
    ConvergeServices::graft(&"1.4.0".parse().unwrap(), sha256, &effective, true)
}

async fn prepare(sim: &sim::Unit) {
    let unit = client(sim);
    let pin = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    ensure(&Context::default(), &unit, &pin).await.unwrap();
    ensure(&Context::default(), &unit, &stage_dropin()).await.unwrap();
    ensure(&Context::default(), &unit, &RemoveLeftovers::default()).await.unwrap();
    ensure(&Context::default(), &unit, &InjectConfigDir::graft()).await.unwrap();
}

async fn grafted(start: Start) -> sim::Unit {
    let sim = start.unit("magnum/0");
    prepare(&sim).await;
    ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    sim
}

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let fresh = Start::Fresh.unit("magnum/0");
    let old = Start::Superseded.unit("magnum/0");
    let ready = Start::Fresh.unit("magnum/0");
    prepare(&ready).await;
    let no_api = Start::Fresh.unit("magnum/0");
    no_api.without("magnum-api");
    let stopped = grafted(Start::Fresh).await;
    stopped.stop("magnum-api");
    let touched = grafted(Start::Fresh).await;
    touched.write("/etc/magnum/magnum.conf.d/50-x.conf", b"[a]\n", "root", "root", 0o644);
    insta::assert_snapshot!(cases(vec![
        ("before any step", shown(&fresh, &desired()).await),
        ("before any step, superseded graft", shown(&old, &desired()).await),
        ("after the steps", shown(&ready, &desired()).await),
        ("converged", shown(&grafted(Start::Fresh).await, &desired()).await),
        ("converged, without an API", shown(&no_api, &desired()).await),
        ("the API is stopped", shown(&stopped, &desired()).await),
        ("somebody added a file", shown(&touched, &desired()).await),
        ("as on disk", shown(&touched, &ConvergeServices::as_on_disk()).await),
    ]));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused() {
    let none = Start::Fresh.unit("magnum/0");
    none.without("magnum-api");
    none.without("magnum-conductor");
    let masked = Start::Fresh.unit("magnum/0");
    masked.mask("magnum-api");
    let other = grafted(Start::Fresh).await;
    let conf = "[capi_helm]\nhelm_chart_name = another\n";
    other.write("/etc/magnum/magnum.conf", conf.as_bytes(), "root", "magnum", 0o640);
    let fresh = Start::Fresh.unit("magnum/0");
    let early = ensure(&Context::default(), &client(&fresh), &desired()).await.unwrap_err();
    insta::assert_snapshot!(cases(vec![
        ("no daemon", shown(&none, &desired()).await),
        ("masked", shown(&masked, &desired()).await),
        ("magnum.conf says otherwise, and wins for the API", shown(&other, &desired()).await),
        ("the steps before are not done", refusal(&early.into())),
    ]));
}

/// A plan from before the other steps can be applied after them.
#[tokio::test(start_paused = true)]
async fn a_plan_made_before_the_steps_is_not_stale_after_them() {
    for start in Start::ALL {
        let sim = start.unit("magnum/0");
        let early = plan(&client(&sim), &desired()).await.unwrap();
        prepare(&sim).await;
        let late = plan(&client(&sim), &desired()).await.unwrap();
        assert!(late.delta().within(early.delta()), "{start:?}");
        early.apply(&Context::default(), &client(&sim)).await.unwrap();
        let services = sim.snapshot().services;
        for daemon in ["magnum-conductor", "magnum-api"] {
            assert!(services[daemon].contains(&"driver Some(\"1.4.0\")".to_owned()), "{start:?}");
        }
    }
}

/// The error has the conductor's log, and the API is not restarted after it.
#[tokio::test(start_paused = true)]
async fn a_daemon_that_does_not_start_says_why() {
    let sim = grafted(Start::Fresh).await;
    sim.remove("/etc/magnum/magnum.conf.d/00-capi-helm.conf");
    sim.remove("/etc/magnum/magnum.conf.d");
    let api = sim.snapshot().services["magnum-api"].clone();
    sim.stop("magnum-conductor");
    let desired = ConvergeServices::as_on_disk();
    let error = ensure(&Context::default(), &client(&sim), &desired).await.unwrap_err();
    insta::assert_snapshot!(refusal(&error.into()));
    assert_eq!(sim.snapshot().services["magnum-api"], api);
}

/// The whole of a converged unit, services and all, is one remote execution.
#[tokio::test(start_paused = true)]
async fn a_converged_unit_is_read_in_one_execution() {
    let sim = grafted(Start::Fresh).await;
    let unit = client(&sim);
    let before = sim.executions();
    let services = desired();
    let (dropin, flag) = (stage_dropin(), InjectConfigDir::graft());
    let pin = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    let (a, b, c, d) = tokio::join!(
        plan(&unit, &services),
        plan(&unit, &dropin),
        plan(&unit, &flag),
        plan(&unit, &pin)
    );
    assert_eq!(a.unwrap().delta(), &Delta::Satisfied);
    assert_eq!(b.unwrap().delta(), &Delta::Satisfied);
    assert_eq!(c.unwrap().delta(), &Delta::Satisfied);
    assert_eq!(d.unwrap().delta(), &Delta::Satisfied);
    assert_eq!(sim.executions() - before, 1);
}

/// A drop-in that is not from the graft is kept, and does not block the restart.
#[tokio::test(start_paused = true)]
async fn a_drop_in_of_somebody_else_does_not_block() {
    let sim = grafted(Start::Fresh).await;
    sim.make_directory("/etc/systemd/system/magnum-conductor.service.d");
    let path = "/etc/systemd/system/magnum-conductor.service.d/override.conf";
    sim.write(path, b"[Service]\nLimitNOFILE=4096\n", "root", "root", 0o644);
    assert!(!shown(&sim, &desired()).await.contains("blocked"));
    ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    let known = &sim.snapshot().services["magnum-conductor"];
    assert!(known.contains(&path.to_owned()), "systemd has read it: {known:?}");
}

/// A value that another file overrides is refused with both files.
#[tokio::test(start_paused = true)]
async fn an_override_is_named_with_its_file() {
    let sim = Start::HookRewrote.unit("magnum/0");
    let text = stage_dropin().text.to_string();
    let (dropin, late) =
        ("/etc/magnum/magnum.conf.d/00-capi-helm.conf", "/etc/magnum/magnum.conf.d/99-site.conf");
    sim.write(dropin, text.as_bytes(), "root", "root", 0o644);
    sim.write(late, b"[capi_helm]\nkubeconfig_file = /etc/other\n", "root", "root", 0o644);
    let flag = b"DAEMON_ARGS=\"$DAEMON_ARGS --config-dir /etc/magnum/magnum.conf.d\"\n";
    sim.write("/etc/default/magnum-conductor", flag, "root", "root", 0o644);
    for service in ["magnum-conductor", "magnum-api"] {
        sim.restart(service);
    }
    let (sha256, effective) = (stage_dropin().sha256(), options().effective());
    let desired = ConvergeServices::graft(&"1.4.0".parse().unwrap(), sha256, &effective, false);
    let shown = shown(&sim, &desired).await;
    assert!(
        shown.contains(&format!(
            "{late}:2 sets kubeconfig_file = /etc/other, and is read after {dropin}"
        )),
        "{shown}"
    );
}
