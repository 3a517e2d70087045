//! Staging an image, on the simulator.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use omega_core::{
    Approval, Context, Desired as _, Failure, FailureClass, MemoryJournal, Touched, ensure,
    leftovers, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
    values::Sha512,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    Error, Request, Response, StreamedResponse, TokenInfo, Transport, restore,
    sim::{Cloud, GlanceBehaviour, ImportFate},
};

pub(super) const NAME: &str = "ubuntu-jammy-kube-v1.34.8";

/// A file that looks like a qcow2, and its digest.
pub(super) struct Qcow2 {
    _dir: tempfile::TempDir,
    path: PathBuf,
    pub(super) sha512: Sha512,
}

pub(super) fn qcow2() -> Qcow2 {
    qcow2_of(300_000)
}

fn qcow2_of(size: usize) -> Qcow2 {
    let mut bytes = qcow2::header(3);
    bytes.resize(size, 7);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.qcow2");
    std::fs::write(&path, &bytes).unwrap();
    Qcow2 { _dir: dir, path, sha512: Sha512::of(&bytes) }
}

impl Qcow2 {
    pub(super) fn staged(&self) -> StagedImage {
        let source = ImageSource::file(&self.path);
        StagedImage::new(NAME.parse().unwrap(), "v1.34.8".parse().unwrap(), self.sha512, source)
    }
}

pub(super) fn images(cloud: &Cloud) -> Images {
    Images::new(cloud.member("capi-mgmt"))
}

pub(super) async fn refused(cloud: &Cloud, image: &StagedImage) -> Failure {
    let before = cloud.image_things();
    let ctx = Context::default();
    let failure = Failure::from(ensure(&ctx, &images(cloud), image).await.unwrap_err());
    assert_eq!(cloud.image_things(), before, "nothing is left: {failure}");
    assert_eq!(failure.touched, Touched::Nothing, "{failure}");
    failure
}

pub(super) fn told(failure: &Failure) -> String {
    let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let Failure { expected, found, next, .. } = failure;
    format!("{failure}\nexpected: {}\nfound: {}\nnext: {}", of(expected), of(found), of(next))
}

#[tokio::test(start_paused = true)]
async fn an_image_is_staged_checked_imported_and_not_sent_twice() {
    let (cloud, file) = (Cloud::new(), qcow2());
    let (images, image) = (images(&cloud), file.staged());
    let made = plan(&images, &image).await.unwrap();
    let shown: Vec<_> = made
        .delta()
        .changes()
        .iter()
        .map(|c| omega_core::Describe::describe(c).to_string())
        .collect();
    let shown = shown.join("\n").replace(&file.path.display().to_string(), "FILE");
    insta::assert_snapshot!(shown, @"
    + image ubuntu-jammy-kube-v1.34.8: new, kube_version v1.34.8
    ~ image ubuntu-jammy-kube-v1.34.8: stage FILE, 300000 bytes
    ~ image ubuntu-jammy-kube-v1.34.8: import with glance-direct
    ");
    let ctx = Context::default();
    assert!(made.apply(&ctx, &images).await.unwrap().changed());
    assert_eq!(cloud.writes().len(), 3);
    let again = stage_image(&ctx, &images, &image).await.unwrap();
    assert!(!again.changed());
    assert_eq!(image.notes(&again.into_observed(), ctx.now()), []);
    assert_eq!(cloud.writes().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_conversion_it_works_and_says_what_to_configure() {
    let (cloud, file) = (Cloud::new(), qcow2());
    cloud.glance(GlanceBehaviour { converts: false, ..GlanceBehaviour::default() });
    let (ctx, image) = (Context::default(), file.staged());
    let done = stage_image(&ctx, &images(&cloud), &image).await.unwrap();
    let notes = image.notes(&done.into_observed(), ctx.now());
    assert!(notes[0].text.contains("image-conversion=true"), "{notes:?}");
    // As a step of a runbook, which shows what the plan did not tell.
    let other = StagedImage { name: "new".parse().unwrap(), ..image };
    let step = omega_core::step(&Arc::new(images(&cloud)), other);
    let done = step.run(&ctx, Approval::Fact).await.unwrap();
    assert!(done.changed && done.notes[0].text.contains("image-conversion=true"), "{done:?}");
    assert_eq!(step.run(&ctx, Approval::Fact).await, Ok(omega_core::StepDone::default()));
}

/// What fails, and how. Nothing may be left of it.
#[tokio::test(start_paused = true)]
async fn what_fails_says_why_and_leaves_nothing() {
    let file = qcow2();
    let image = file.staged();
    let mut all = Vec::new();
    for (name, behaviour) in [
        (
            "the conversion fails",
            GlanceBehaviour { import: ImportFate::Fails, ..Default::default() },
        ),
        (
            "the store fails",
            GlanceBehaviour { import: ImportFate::FailsInStore, ..Default::default() },
        ),
        ("it stalls", GlanceBehaviour { import: ImportFate::Stalls, ..Default::default() }),
        ("bytes are lost", GlanceBehaviour { loses: 1, ..Default::default() }),
        (
            "no glance-direct",
            GlanceBehaviour { methods: vec!["web-download"], ..Default::default() },
        ),
    ] {
        let cloud = Cloud::new();
        cloud.glance(behaviour);
        if name == "it stalls" {
            // A cleanup can't end an import: it is left, and said to be.
            let ctx = Context::default();
            let failure =
                Failure::from(stage_image(&ctx, &images(&cloud), &image).await.unwrap_err());
            all.push(format!("== {name}: {}", told(&failure)));
            continue;
        }
        all.push(format!("== {name}: {}", told(&refused(&cloud, &image).await)));
    }
    let wrong = StagedImage { sha512: Sha512::of(b"other"), ..image.clone() };
    all.push(format!("== wrong bytes: {}", told(&refused(&Cloud::new(), &wrong).await)));
    std::fs::write(&file.path, b"<html>404</html>").unwrap();
    all.push(format!("== a page: {}", told(&refused(&Cloud::new(), &image).await)));
    let mut header = qcow2::header(3);
    header[15] = 1;
    std::fs::write(&file.path, header).unwrap();
    all.push(format!("== a backing file: {}", told(&refused(&Cloud::new(), &image).await)));
    std::fs::remove_file(&file.path).unwrap();
    all.push(format!("== no file: {}", told(&refused(&Cloud::new(), &image).await)));
    let text = all.join("\n\n").replace(&file.path.display().to_string(), "FILE");
    let short = |digest: Sha512| format!("{}...", digest.short());
    let text = [file.sha512, wrong.sha512]
        .into_iter()
        .fold(text, |text, digest| text.replace(&digest.to_string(), &short(digest)));
    insta::assert_snapshot!(text);
}

#[tokio::test(start_paused = true)]
async fn another_image_of_the_name_is_never_replaced() {
    let file = qcow2();
    let (image, mut all) = (file.staged(), Vec::new());
    let digest = file.sha512.to_string();
    for (name, properties) in [
        ("unknown bytes", json!({})),
        ("other bytes", json!({ "omega_source_sha512": "00" })),
        ("deactivated", json!({ "status": "deactivated" })),
        (
            "another client's",
            json!({ "status": "uploading", "updated_at": "2026-11-28T07:47:23Z" }),
        ),
    ] {
        let cloud = Cloud::new();
        let id = cloud.add_glance_image("capi-mgmt", NAME, &properties);
        let failure = refused(&cloud, &image).await;
        assert_eq!(failure.class, FailureClass::Refused);
        all.push(format!("== {name}: {}", told(&failure).replace(&id, "ID")));
    }
    let cloud = Cloud::new();
    for _ in 0..2 {
        cloud.add_glance_image("capi-mgmt", NAME, &json!({}));
    }
    all.push(format!("== two: {}", told(&refused(&cloud, &image).await)));
    insta::assert_snapshot!(all.join("\n\n").replace(&digest, "DIGEST"));

    // The same bytes for another Kubernetes, or another distribution: nobody knows which is right.
    let mut all = Vec::new();
    for property in [json!({ "kube_version": "v1.34.7" }), json!({ "os_distro": "flatcar" })] {
        let mut same = json!({ "omega_source_sha512": digest, "os_distro": "ubuntu", "kube_version": "1.34.8" });
        let cloud = Cloud::new();
        cloud.add_glance_image("capi-mgmt", NAME, &same);
        let done = stage_image(&Context::default(), &images(&cloud), &image).await.unwrap();
        assert!(!done.changed(), "without its v it is the same version");
        for (key, value) in property.as_object().unwrap() {
            same[key] = value.clone();
        }
        let cloud = Cloud::new();
        let id = cloud.add_glance_image("capi-mgmt", NAME, &same);
        all.push(told(&refused(&cloud, &image).await).replace(&id, "ID"));
    }
    // A list does not show it, and Magnum does not find it.
    for hidden in [1, 2] {
        let cloud = Cloud::new();
        let same = json!({ "omega_source_sha512": digest, "os_distro": "ubuntu", "kube_version": "v1.34.8" });
        let mut also_hidden = same.clone();
        also_hidden["os_hidden"] = json!(true);
        let id = cloud.add_glance_image("capi-mgmt", NAME, &also_hidden);
        if hidden == 2 {
            cloud.add_glance_image("capi-mgmt", NAME, &same);
        }
        all.push(told(&refused(&cloud, &image).await).replace(&id, "ID"));
    }
    insta::assert_snapshot!("what_other_properties_say", all.join("\n\n"));

    // The same bytes by another client, not converted: only its properties are set.
    let cloud = Cloud::new();
    let same = json!({ "disk_format": "qcow2", "os_hash_algo": "sha512", "os_hash_value": digest });
    cloud.add_glance_image("capi-mgmt", NAME, &same);
    assert!(stage_image(&Context::default(), &images(&cloud), &image).await.unwrap().changed());
    assert_eq!(cloud.writes().len(), 1, "{:?}", cloud.writes());
}

/// Deleted by somebody else at any point: it is noticed at once, and the next run makes it.
#[tokio::test(start_paused = true)]
async fn an_image_that_somebody_deletes_is_not_waited_for() {
    let file = qcow2();
    let image = file.staged();
    for status in ["queued", "uploading", "importing"] {
        let (cloud, begun) = (Cloud::new(), tokio::time::Instant::now());
        cloud.glance(GlanceBehaviour { vanish_as: Some(status), ..Default::default() });
        let images = images(&cloud);
        let failure = stage_image(&Context::default(), &images, &image).await.unwrap_err();
        let failure = Failure::from(failure);
        assert!(begun.elapsed().as_secs() < 30, "{status}: {:?}", begun.elapsed());
        assert!(failure.to_string().contains("and is gone: another client"), "{status}: {failure}");
        assert_eq!(failure.touched, Touched::Maybe, "{status}");
        assert!(failure.next.unwrap().contains("run the same command again"));
        cloud.glance(GlanceBehaviour::default());
        let again = stage_image(&Context::default(), &images, &image).await.unwrap();
        assert!(again.changed(), "{status}");
        // What was whole is no image in the making: it is made again.
        cloud.glance(GlanceBehaviour { vanish_as: Some("active"), ..Default::default() });
        image.observe(&images).await.unwrap();
        cloud.glance(GlanceBehaviour::default());
        assert!(stage_image(&Context::default(), &images, &image).await.unwrap().changed());
    }
}

/// A cloud whose Glance refuses the token so many times when bytes are sent.
#[derive(Debug)]
struct RefusesToken {
    cloud: Arc<dyn Transport>,
    left: AtomicUsize,
}

#[async_trait]
impl Transport for RefusesToken {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        let stages = request.path.last().is_some_and(|part| part == "stage");
        let fewer = |left: usize| left.checked_sub(1);
        if stages && self.left.fetch_update(Relaxed, Relaxed, fewer).is_ok() {
            return Ok(Response::new(401, json!({ "error": { "message": "no" } })).into());
        }
        self.cloud.exchange(ctx, request).await
    }
    async fn token_info(&self) -> Result<TokenInfo, Error> {
        self.cloud.token_info().await
    }
    fn label(&self) -> String {
        self.cloud.label()
    }
}

/// A token that expired on the way: Glance has read nothing then, and the file is sent from its beginning.
#[tokio::test(start_paused = true)]
async fn bytes_whose_token_was_refused_are_sent_once_more() {
    let file = qcow2();
    for (refused, works) in [(1, true), (2, false)] {
        let cloud = Cloud::new();
        let transport =
            RefusesToken { cloud: cloud.member("capi-mgmt"), left: AtomicUsize::new(refused) };
        let images = Images::new(Arc::new(transport));
        match stage_image(&Context::default(), &images, &file.staged()).await {
            Ok(done) => assert!(done.changed() && works),
            Err(error) => {
                let failure = Failure::from(error);
                assert!(!works && failure.touched == Touched::Nothing, "{failure}");
                assert!(failure.next.unwrap().contains("keystone_authtoken"));
            }
        }
    }
}

/// Two machines at the same time: each removes its own, so nothing is left that has to be deleted.
#[tokio::test(start_paused = true)]
async fn another_machine_that_makes_the_same_image_is_told() {
    let (cloud, file) = (Cloud::new(), qcow2());
    let (images, image) = (images(&cloud), file.staged());
    let body =
        json!({ "id": "ours", "name": NAME, "disk_format": "qcow2", "container_format": "bare" });
    images.create("ours", NAME, body).await.unwrap();
    cloud.add_glance_image("capi-mgmt", NAME, &json!({ "status": "queued" }));
    let conflict = image.diff(&image.observe(&images).await.unwrap()).unwrap_err();
    let next = conflict.next.unwrap();
    assert!(
        next.contains("This run removes its own (ours)") && !next.contains("delete ID"),
        "{next}"
    );
}

/// A copy that can't be kept is refused before anything is made, and one that is not made is reported.
#[tokio::test(start_paused = true)]
async fn a_copy_that_can_not_be_kept_is_refused_by_the_plan() {
    let (cloud, file, dir) = (Cloud::new(), qcow2(), tempfile::tempdir().unwrap());
    let images = images(&cloud);
    let kept = |keep: PathBuf| StagedImage { keep: Some(keep), ..file.staged() };
    for keep in [file.path.clone(), dir.path().join("no/such/copy"), dir.path().to_owned()] {
        let failure = Failure::from(plan(&images, &kept(keep.clone())).await.unwrap_err());
        assert_eq!(failure.class, FailureClass::Refused, "{failure}");
        assert!(failure.to_string().contains("could not keep a copy in"), "{failure}");
        assert!(failure.next.unwrap().contains("leave the copy out"));
        refused(&cloud, &kept(keep)).await;
    }
    assert_eq!(cloud.writes().len(), 0);
    let (copy, other) = (dir.path().join("copy"), dir.path().join("other"));
    let (ctx, image) = (Context::default(), kept(copy.clone()));
    let done = stage_image(&ctx, &images, &image).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), 300_000);
    assert_eq!(image.notes(&done.into_observed(), ctx.now()), [], "it was read by this run");
    let image = kept(other.clone());
    let again = stage_image(&ctx, &self::images(&cloud), &image).await.unwrap();
    let notes = image.notes(&again.into_observed(), ctx.now());
    assert!(notes[0].text.contains("no byte of the source was read, so none is kept"), "{notes:?}");
    assert!(!other.exists());
}

#[tokio::test(start_paused = true)]
async fn a_distribution_without_a_driver_is_refused_as_the_gate_does() {
    let (cloud, file) = (Cloud::new(), qcow2());
    for distro in ["", " ", "Ubuntu", "fedora-coreos"] {
        assert!(file.staged().with_os_distro(distro).is_err(), "{distro:?}");
        let image = StagedImage { os_distro: distro.to_owned(), ..file.staged() };
        let failure = refused(&cloud, &image).await;
        assert!(failure.to_string().contains("ubuntu, flatcar"), "{failure}");
        let name = format!("of {distro:?}");
        let properties = json!({ "os_distro": distro, "kube_version": "v1.34.8" });
        cloud.add_glance_image("capi-mgmt", &name, &properties);
        let gate = ClusterImage { images: images(&cloud), name };
        let verdict = omega_core::Gate::check(&gate).await.unwrap();
        assert!(matches!(verdict, omega_core::Verdict::Fail(_)), "{distro:?}: {verdict:?}");
    }
    assert!(file.staged().with_os_distro("flatcar").is_ok());
    assert_eq!(cloud.writes().len(), 0);
}

/// A process that is killed while it waits for any answer leaves nothing that is not found in its
/// journal; afterwards there is one image, and never two.
#[tokio::test(start_paused = true)]
async fn a_killed_run_is_swept_and_an_image_that_is_whole_stays() {
    let file = qcow2();
    let image = file.staged();
    let requests = {
        let cloud = Cloud::new();
        stage_image(&Context::default(), &images(&cloud), &image).await.unwrap();
        cloud.requests()
    };
    let (mut removed, mut stayed) = (0, 0);
    for (nth, effect) in (0..requests).flat_map(|nth| [(nth, true), (nth, false)]) {
        let cloud = Cloud::new();
        cloud.freeze_at(nth, effect);
        let journal = Arc::new(MemoryJournal::default());
        let ctx = Context::default().with_journal(journal.clone());
        let target = images(&cloud);
        tokio::select! {
            done = stage_image(&ctx, &target, &image) => panic!("{nth}: {done:?}"),
            () = cloud.frozen() => {}
        }
        cloud.unfreeze();
        let before = cloud.image_things().len();
        for (_, undo) in leftovers(&journal.entries()) {
            let step = restore(&undo.kind, &undo.desired, &cloud.member("capi-mgmt"));
            let step = step.unwrap().unwrap();
            step.run(&Context::default(), Approval::Fact).await.unwrap();
        }
        let things = cloud.image_things();
        assert!(things.iter().all(|image| image.contains("\"active\"")), "{nth} {things:?}");
        removed += usize::from(things.len() < before);
        stayed += things.len();
        let fresh = images(&cloud);
        stage_image(&Context::default(), &fresh, &image).await.unwrap();
        assert_eq!(cloud.image_things().len(), 1, "{nth}: one image");
    }
    assert!(removed > 5 && stayed > 3, "{removed} {stayed} of {requests}");
}

struct Sim {
    cloud: Cloud,
    target: Images,
    built: usize,
}

impl World for Sim {
    type Target = Images;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Images {
        &self.target
    }
    fn snapshot(&self) -> Vec<String> {
        self.cloud.image_things()
    }
    fn writes(&self) -> usize {
        self.cloud.writes().len() - self.built
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(self.built + nth, fault);
    }
}

static TALLY: Tally = Tally::new();

#[test]
fn staging_obeys_the_laws() {
    let file = qcow2_of(1000);
    let digest = file.sha512.to_string();
    let name =
        prop::sample::select(vec![NAME, "ubuntu-jammy-kube-v1.34.8 ", "other \"x\\", "other"]);
    let project = prop::sample::select(vec!["capi-mgmt", "capi-mgmt", "next door"]);
    let known = prop::sample::select(vec![None, Some(digest.clone()), Some("00".to_owned())]);
    let version = prop::sample::select(vec![Some("v1.34.8"), Some("v1.34.7"), None]);
    let others = prop::collection::vec((project, name, known, version), 0..3);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    proptest!(|(others in others, converts in any::<bool>())| {
        let cloud = Cloud::new();
        cloud.glance(GlanceBehaviour { converts, ..GlanceBehaviour::default() });
        for (project, name, digest, version) in &others {
            let properties = json!({ "omega_source_sha512": digest, "kube_version": version, "os_distro": "ubuntu" });
            cloud.add_glance_image(project, name, &properties);
        }
        let world = || {
            let cloud = cloud.fork();
            Sim { target: images(&cloud), built: cloud.writes().len(), cloud }
        };
        let owner = cloud.project("capi-mgmt");
        let holds = |things: &Vec<String>| {
            let ours = things.iter().filter(|one| one.starts_with(&format!("\"{owner}\" \"{NAME}\" ")));
            let ours: Vec<_> = ours.collect();
            ours.len() == 1 && ["\"active\"", "\"ubuntu\" \"v1.34.8\"", &digest].iter().all(|part| ours[0].contains(part))
        };
        let image = file.staged();
        // Properties that were set are not taken away again.
        let sets = others.iter().any(|(project, name, ..)| *project == "capi-mgmt" && *name == NAME);
        let undo = if sets { Undo::None } else { Undo::Exact };
        TALLY.count(runtime().block_on(check_laws(world, &image, undo, holds)));
    });
    TALLY.assert_meaningful("openstack.image.v1");
}

#[tokio::test(start_paused = true)]
async fn with_a_transport_that_only_reads_nothing_is_staged() {
    let (cloud, file) = (Cloud::new(), qcow2());
    let only = Images::new(Arc::new(crate::ReadOnly::new(cloud.member("capi-mgmt"))));
    let (ctx, image) = (Context::default(), file.staged());
    let planned = plan(&only, &image).await.unwrap();
    assert_eq!(planned.delta().changes().len(), 3, "a plan only reads");
    let failure = Failure::from(ensure(&ctx, &only, &image).await.unwrap_err());
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    assert!(failure.causes[0].starts_with("POST image /v2/images was not sent to "), "{failure:?}");
    assert_eq!((cloud.writes().len(), cloud.image_things().len()), (0, 0));
    stage_image(&ctx, &images(&cloud), &image).await.unwrap();
    assert!(!ensure(&ctx, &only, &image).await.unwrap().changed(), "what is there is found");
}
