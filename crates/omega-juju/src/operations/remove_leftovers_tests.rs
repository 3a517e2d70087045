use super::*;
use crate::{
    operations::world::{cases, client, shown},
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
    let [undecided, keep, remove] =
        [LeftoverPolicy::Undecided, LeftoverPolicy::Keep, LeftoverPolicy::Remove]
            .map(RemoveLeftovers::new);
    let unread = old();
    unread.remove(OVERRIDE);
    insta::assert_snapshot!(cases(vec![
        ("none there", shown(&Start::Fresh.unit("magnum/0"), &undecided).await),
        ("undecided", shown(&old(), &undecided).await),
        ("keep", shown(&old(), &keep).await),
        ("remove", shown(&old(), &remove).await),
        ("somebody's drop-in", shown(&foreign(), &remove).await),
        ("removed by hand, and systemd not told", shown(&unread, &remove).await),
    ]));
}

#[tokio::test(start_paused = true)]
async fn they_go_and_systemd_knows_and_they_come_back() {
    let sim = old();
    let before = sim.snapshot();
    let remove = RemoveLeftovers::new(LeftoverPolicy::Remove);
    let done = ensure(&Context::default(), &client(&sim), &remove).await.unwrap();
    let after = sim.snapshot();
    assert!(!after.files.keys().any(|path| path.contains("override") || path.contains("99-capi")));
    assert_eq!(after.services["magnum-api"][0], "/etc/init.d/magnum-api systemd-start");
    let omega_core::Outcome::Changed { before: seen, .. } = done else { panic!() };
    ensure(&Context::default(), &client(&sim), &remove.undo(&seen).unwrap()).await.unwrap();
    assert_eq!(sim.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn what_systemd_has_not_read_it_reads() {
    let remove = RemoveLeftovers::new(LeftoverPolicy::Remove);
    for sim in [old(), foreign()] {
        sim.remove(OVERRIDE);
        let stale = sim.snapshot().services["magnum-conductor"].contains(&OVERRIDE.to_owned());
        assert!(stale, "systemd remembers");
        ensure(&Context::default(), &client(&sim), &remove).await.unwrap();
        let start = &sim.snapshot().services["magnum-conductor"][0];
        assert_eq!(start, "/etc/init.d/magnum-conductor systemd-start");
    }
}
