use super::*;
use crate::{
    operations::world::{cases, client, ensure_helm as desired, shown},
    sim::{self, HELM, Start},
};

fn unit() -> sim::Unit {
    Start::Fresh.unit("magnum/0")
}

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let (fresh, other, shut, elsewhere, linked, good, shadowed) =
        (unit(), unit(), unit(), Start::Grafted130.unit("magnum/0"), unit(), unit(), unit());
    other.write("/usr/bin/helm", b"helm v2\n", "root", "root", 0o755);
    shut.write("/usr/bin/helm", HELM, "root", "root", 0o644);
    for (sim, bytes) in [(&linked, &b"helm v2\n"[..]), (&good, HELM)] {
        sim.write("/opt/helm", bytes, "root", "root", 0o755);
        sim.link("/usr/bin/helm", "/opt/helm");
    }
    shadowed.write("/usr/sbin/helm", b"helm v2\n", "root", "root", 0o755);
    let directory = unit();
    directory.make_directory("/usr/bin/helm");
    let local = unit();
    let text = b"PATH=/opt/bin\n";
    local.write("/etc/default/magnum-conductor", text, "root", "root", 0o644);
    local.restart("magnum-conductor");
    let from = HelmSource::Url(Download {
        url: "https://get.example.org/helm-v3.17.3-linux-amd64.tar.gz".into(),
        archive_sha256: None,
        member: Some("linux-amd64/helm".into()),
    });
    let url = EnsureHelm::new("3.17.3", Sha256::of(HELM), from);
    insta::assert_snapshot!(cases(vec![
        ("nothing there", shown(&fresh, &desired()).await),
        ("from a URL", shown(&fresh, &url).await),
        ("where the runbook puts it", shown(&elsewhere, &desired()).await),
        ("another version", shown(&other, &desired()).await),
        ("the right bytes, not executable", shown(&shut, &desired()).await),
        ("a link to another version", shown(&linked, &desired()).await),
        ("a link to the right one", shown(&good, &desired()).await),
        ("another helm comes first", shown(&shadowed, &desired()).await),
        ("a directory in its place", shown(&directory, &desired()).await),
        ("a PATH of the site's own", shown(&local, &desired()).await),
    ]));
}

/// The digest is known, and helm says to be another version: the plan and the operation refuse.
#[tokio::test(start_paused = true)]
async fn a_version_that_differs_from_the_pinned_one_is_a_conflict() {
    for pinned in ["3.17.3", "v3.17.3"] {
        let sim = unit();
        let desired = EnsureHelm { version: pinned.to_owned(), ..desired() };
        ensure(&Context::default(), &client(&sim), &desired).await.unwrap();
        assert!(shown(&sim, &desired).await.starts_with("= "));
    }
    let sim = unit();
    let other = EnsureHelm { version: "3.16.1".to_owned(), ..desired() };
    let error = ensure(&Context::default(), &client(&sim), &other).await.unwrap_err();
    let after = crate::operations::world::refusal(&error.into());
    for text in [after, shown(&sim, &other).await] {
        assert!(text.contains("bin/helm has the pinned digest, and is helm 3.17.3"), "{text}");
        assert!(text.contains("expected: helm 3.16.1"), "{text}");
        assert!(text.contains("[helm] of the site file"), "{text}");
    }
}

/// A link is replaced, never its target, and can be restored.
#[tokio::test(start_paused = true)]
async fn what_a_link_leads_to_is_not_touched() {
    let sim = unit();
    sim.write("/opt/helm", b"helm v2\n", "root", "root", 0o755);
    sim.link("/usr/bin/helm", "/opt/helm");
    let before = sim.snapshot();
    let done = ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    assert_eq!(sim.read("/opt/helm").as_deref(), Some("helm v2\n"));
    assert_eq!(sim.read("/usr/bin/helm").unwrap().as_bytes(), HELM);
    let omega_core::Outcome::Changed { before: seen, .. } = done else { panic!() };
    ensure(&Context::default(), &client(&sim), &desired().undo(&seen).unwrap()).await.unwrap();
    assert_eq!(sim.snapshot(), before);
}
