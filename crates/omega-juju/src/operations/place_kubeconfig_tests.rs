use super::*;
use crate::{
    operations::world::{cases, client, place_kubeconfig as desired, refusal, shown, shown_at},
    sim::{KUBECONFIG, Start},
};

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let fresh = Start::Fresh.unit("magnum/0");
    let old = Start::Superseded.unit("magnum/0");
    let other = Start::Fresh.unit("magnum/0");
    other.write("/etc/magnum/kubeconfig", b"other\n", "root", "magnum", 0o640);
    let link = Start::Fresh.unit("magnum/0");
    link.link("/etc/magnum/kubeconfig", "/root/.kube/config");
    let bare = Start::Fresh.unit("magnum/0");
    bare.remove("/etc/magnum");
    let late = "2126-10-10T00:00:00Z".parse().unwrap();
    insta::assert_snapshot!(cases(vec![
        ("nothing there", shown(&fresh, &desired()).await),
        ("as the superseded graft leaves it", shown(&old, &desired()).await),
        ("another kubeconfig", shown(&other, &desired()).await),
        ("a link", shown(&link, &desired()).await),
        ("no Magnum", shown(&bare, &desired()).await),
        ("its end is near", shown_at(&fresh, &desired(), late).await),
    ]));
}

#[tokio::test(start_paused = true)]
async fn the_bytes_arrive_and_the_way_back_is_exact() {
    let sim = Start::Fresh.unit("magnum/0");
    sim.write("/etc/magnum/kubeconfig", b"other\n", "root", "magnum", 0o640);
    let before = sim.snapshot();
    let unit = client(&sim);
    let done = ensure(&Context::default(), &unit, &desired()).await.unwrap();
    assert_eq!(sim.read("/etc/magnum/kubeconfig").as_deref(), Some(KUBECONFIG));
    let omega_core::Outcome::Changed { before: seen, after } = done else { panic!("{done:?}") };
    let FileState::Regular(facts) = after.file else { panic!() };
    assert_eq!(Access::of(&facts).to_string(), "magnum:magnum 0600");
    ensure(&Context::default(), &unit, &desired().undo(&seen).unwrap()).await.unwrap();
    assert_eq!(sim.snapshot(), before);
    assert_eq!(sim.read("/etc/magnum/kubeconfig.bak").as_deref(), Some("not this one\n"));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_an_unreachable_unit_and_absent_bytes_change_nothing() {
    let sim = Start::Fresh.unit("magnum/0");
    let before = sim.snapshot();
    sim.fill_disk(true);
    let full = ensure(&Context::default(), &client(&sim), &desired()).await.unwrap_err();
    sim.fill_disk(false);
    let empty_handed = sim.client(crate::Sources::default());
    let absent = ensure(&Context::default(), &empty_handed, &desired()).await.unwrap_err();
    sim.cut_off(true);
    let cut = ensure(&Context::default(), &client(&sim), &desired()).await.unwrap_err();
    assert_eq!(sim.snapshot(), before);
    insta::assert_snapshot!(cases(vec![
        ("a full disk", refusal(&full.into())),
        ("the bytes are not at hand", refusal(&absent.into())),
        ("cut off", refusal(&cut.into())),
    ]));
}

#[test]
fn no_secret_is_in_what_is_stored() {
    let stored = serde_json::to_string(&desired()).unwrap();
    let key = KUBECONFIG.lines().find(|line| line.contains("client-key-data")).unwrap();
    let key = key.split_whitespace().last().unwrap();
    assert!(!stored.contains(&key[..40]), "{stored}");
}

/// The clock is not part of the desired state: a stored plan stays valid.
#[tokio::test(start_paused = true)]
async fn a_stored_plan_does_not_grow_old_with_its_certificate() {
    let sim = Start::Fresh.unit("magnum/0");
    let step = omega_core::step(&std::sync::Arc::new(client(&sim)), desired());
    let approved = step.preview("2026-12-01T00:00:00Z".parse().unwrap()).await.unwrap();
    assert!(approved.notes.is_empty(), "{:?}", approved.notes);
    let fresh = step.preview("2126-10-10T00:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(fresh.notes.len(), 1);
    step.covered(&fresh, &approved).unwrap();
}

/// The owner is the user that systemd starts the conductor as.
#[tokio::test(start_paused = true)]
async fn the_owner_is_the_user_of_the_conductor() {
    let sim = Start::Fresh.unit("magnum/0");
    sim.set_user("openstack");
    ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    let FileState::Regular(facts) = client(&sim).file(&magnum::kubeconfig()).await.unwrap() else {
        panic!("no file")
    };
    assert_eq!((facts.owner.as_str(), facts.group.as_str()), ("openstack", "openstack"));
    assert_eq!(facts.mode, FileMode::PRIVATE);
}
