use omega_core::values::Sha256;

use super::*;
use crate::{
    operations::world::{WHEEL, cases, client, refusal, shown},
    sim::Start,
};

fn pin(version: &str) -> PinDriver {
    PinDriver::new(version.parse().unwrap(), PipSource::Index { url: None })
}

fn wheel(version: &str) -> PinDriver {
    let file_name = format!("magnum_capi_helm-{version}-py3-none-any.whl");
    let from = PipSource::Wheel { file_name, sha256: Sha256::of(WHEEL) };
    PinDriver::new(version.parse().unwrap(), from)
}

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let fresh = Start::Fresh.unit("magnum/0");
    let old = Start::Grafted130.unit("magnum/0");
    let done = Start::HookRewrote.unit("magnum/0");
    let jammy = Start::Fresh.unit("magnum/0");
    jammy.set_pip(Some("22.0.2"), false);
    let mirror = PipSource::Index { url: Some("https://mirror.example.org/simple".into()) };
    let mirrored = PinDriver::new("1.4.0".parse().unwrap(), mirror);
    let back = |release: Option<&str>| {
        let release = release.map(|release| release.parse().unwrap());
        RestoreDriver { daemon: magnum::conductor(), release }
    };
    insta::assert_snapshot!(cases(vec![
        ("nothing there", shown(&fresh, &pin("1.4.0")).await),
        ("pip 22.0.2, not marked", shown(&jammy, &wheel("1.4.0")).await),
        ("1.3.0 there", shown(&old, &mirrored).await),
        ("there", shown(&done, &pin("1.4.0")).await),
        ("there, spelled otherwise", shown(&done, &pin("1.4")).await),
        ("back to 1.3.0", shown(&done, &back(Some("1.3.0"))).await),
        ("back to nothing", shown(&done, &back(None)).await),
    ]));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused() {
    let sim = |pip: Option<&str>, managed: bool| {
        let sim = Start::Fresh.unit("magnum/0");
        sim.set_pip(pip, managed);
        sim
    };
    let focal = Start::Fresh.unit("magnum/0");
    focal.set_python("3.8.10");
    let damaged = Start::HookRewrote.unit("magnum/0");
    damaged.damage_driver();
    let other = Start::Fresh.unit("magnum/0");
    other.without("magnum-conductor");
    let fresh = Start::Fresh.unit("magnum/0");
    insta::assert_snapshot!(cases(vec![
        ("marked, and pip too old", shown(&sim(Some("22.0.2"), true), &pin("1.4.0")).await),
        ("marked, and pip just too old", shown(&sim(Some("23.0"), true), &pin("1.4.0")).await),
        ("no pip", shown(&sim(None, false), &pin("1.4.0")).await),
        ("Python 3.8", shown(&focal, &pin("1.4.0")).await),
        ("Python 3.8 is enough for 1.3.0", shown(&focal, &pin("1.3.0")).await),
        ("a token, and 1.1.0", shown(&fresh, &pin("1.1.0").with_token(true)).await),
        ("a token, and 1.3.0", shown(&fresh, &pin("1.3.0").with_token(true)).await),
        ("no entry point", shown(&damaged, &pin("1.4.0")).await),
        ("no conductor", shown(&other, &pin("1.4.0")).await),
    ]));
}

#[tokio::test(start_paused = true)]
async fn pip_has_its_say() {
    let sim = Start::Fresh.unit("magnum/0");
    let absent = ensure(&Context::default(), &client(&sim), &pin("1.2.7")).await.unwrap_err();
    sim.lose_index();
    let lost = ensure(&Context::default(), &client(&sim), &pin("1.4.0")).await.unwrap_err();
    let kept = PinDriver::new("1.3.0".parse().unwrap(), PipSource::Kept);
    let not_kept = ensure(&Context::default(), &client(&sim), &kept).await.unwrap_err();
    insta::assert_snapshot!(cases(vec![
        ("no such version", refusal(&absent.into())),
        ("no index", refusal(&lost.into())),
        ("not kept", refusal(&not_kept.into())),
    ]));
}

/// The undo uses the stored wheel, without an index.
#[tokio::test(start_paused = true)]
async fn undoing_needs_no_index() {
    let sim = Start::Grafted130.unit("magnum/0");
    let before = sim.snapshot();
    let done = ensure(&Context::default(), &client(&sim), &wheel("1.4.0")).await.unwrap();
    assert_eq!(sim.snapshot().packages["magnum-capi-helm"], "1.4.0");
    sim.lose_index();
    let omega_core::Outcome::Changed { before: seen, .. } = done else { panic!() };
    ensure(&Context::default(), &client(&sim), &wheel("1.4.0").undo(&seen).unwrap()).await.unwrap();
    assert_eq!(sim.snapshot(), before);
    assert_eq!(sim.snapshot().packages["magnum-capi-helm-docs"], "1.4.0", "a near name");
}

/// Two distributions of the name are never "unchanged", whichever Python finds first; nor is one whose
/// metadata can't be read.
#[tokio::test(start_paused = true)]
async fn two_distributions_and_broken_metadata_are_refused_with_their_paths() {
    for pinned in ["1.3.0", "1.4.0"] {
        let sim = Start::HookRewrote.unit("magnum/0");
        sim.add_copy("1.3.0", "/usr/lib/python3/dist-packages");
        let desired = PinDriver::new(pinned.parse().unwrap(), PipSource::Index { url: None });
        let shown = shown(&sim, &desired).await;
        assert!(shown.contains("is installed 2 times"), "{shown}");
        for path in [
            "magnum_capi_helm-1.4.0.dist-info",
            "/usr/lib/python3/dist-packages/magnum_capi_helm-1.3.0.dist-info",
        ] {
            assert!(shown.contains(path), "{shown}");
        }
        assert_eq!(sim.writes(), 0);
    }
    let sim = Start::HookRewrote.unit("magnum/0");
    sim.break_metadata("/usr/lib/python3/dist-packages/magnum_capi_helm-9.dist-info");
    let desired = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    let shown = shown(&sim, &desired).await;
    assert!(shown.contains("magnum_capi_helm-9.dist-info: its METADATA can't be read"), "{shown}");
}
