use super::*;
use crate::{
    operations::{
        ConvergeServices,
        world::{cases, client, shown},
    },
    sim::{self, Start},
};

const OVERRIDE: &str = "/etc/systemd/system/magnum-conductor.service.d/override.conf";

fn old() -> sim::Unit {
    Start::Superseded.unit("magnum/0")
}

fn foreign() -> sim::Unit {
    let sim = Start::Fresh.unit("magnum/0");
    sim.make_directory("/etc/systemd/system/magnum-conductor.service.d");
    sim.write(OVERRIDE, b"[Service]\nLimitNOFILE=4096\n", "root", "root", 0o644);
    sim.reload();
    sim
}

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let remove = RemoveLeftovers::default();
    let unread = old();
    unread.remove(OVERRIDE);
    insta::assert_snapshot!(cases(vec![
        ("none there", shown(&Start::Fresh.unit("magnum/0"), &remove).await),
        ("remove", shown(&old(), &remove).await),
        ("somebody's drop-in", shown(&foreign(), &remove).await),
        ("removed by hand, and systemd not told", shown(&unread, &remove).await),
    ]));
}

/// The files are removed, there is a daemon-reload with the restart, and they can be restored.
#[tokio::test(start_paused = true)]
async fn they_go_and_systemd_knows_and_they_come_back() {
    let (ctx, sim) = (&Context::default(), old());
    let before = sim.snapshot();
    let remove = RemoveLeftovers::default();
    let done = ensure(ctx, &client(&sim), &remove).await.unwrap();
    let after = sim.snapshot();
    assert!(!after.files.keys().any(|path| path.contains("override") || path.contains("99-capi")));
    ensure(ctx, &client(&sim), &ConvergeServices::as_on_disk()).await.unwrap();
    let start = |sim: &sim::Unit| sim.snapshot().services["magnum-api"][0].clone();
    assert_eq!(start(&sim), "/etc/init.d/magnum-api systemd-start");
    let omega_core::Outcome::Changed { before: seen, .. } = done else { panic!() };
    ensure(ctx, &client(&sim), &remove.undo(&seen).unwrap()).await.unwrap();
    assert_eq!(sim.snapshot().files, before.files);
    ensure(ctx, &client(&sim), &ConvergeServices::as_on_disk()).await.unwrap();
    assert_eq!(sim.snapshot(), before);
}

/// There is a daemon-reload before a restart if units changed.
#[tokio::test(start_paused = true)]
async fn what_systemd_has_not_read_it_reads() {
    let ctx = &Context::default();
    for sim in [old(), foreign()] {
        sim.remove(OVERRIDE);
        let unread = sim.snapshot().services["magnum-conductor"].contains(&OVERRIDE.to_owned());
        assert!(unread, "systemd remembers");
        ensure(ctx, &client(&sim), &RemoveLeftovers::default()).await.unwrap();
        ensure(ctx, &client(&sim), &ConvergeServices::as_on_disk()).await.unwrap();
        let start = &sim.snapshot().services["magnum-conductor"][0];
        assert_eq!(start, "/etc/init.d/magnum-conductor systemd-start");
    }
}
