//! What users of other tools reported about images in Glance, each with the thread. Nothing may be left of what fails, no
//! failure may pass for success, and every wait has an end.

use std::sync::{Arc, Mutex};

use omega_core::{Context, Event, EventSink, Failure, Progress, Touched, ensure, values::Sha512};
use serde_json::json;

use super::{
    StagedImage,
    tests::{NAME, Qcow2, images, qcow2, refused, told},
};
use crate::sim::{Cloud, GlanceBehaviour, ImportFate};

fn cloud_with(behaviour: GlanceBehaviour) -> Cloud {
    let cloud = Cloud::new();
    cloud.glance(behaviour);
    cloud
}

fn import(import: ImportFate) -> GlanceBehaviour {
    GlanceBehaviour { import, ..Default::default() }
}

async fn failure(cloud: &Cloud, file: &Qcow2) -> Failure {
    Failure::from(ensure(&Context::default(), &images(cloud), &file.staged()).await.unwrap_err())
}

/// osism/openstack-image-manager#1206: the checksum was ignored.
#[tokio::test(start_paused = true)]
async fn a_checksum_that_is_given_is_never_ignored() {
    let file = qcow2();
    let wrong = StagedImage { sha512: Sha512::of(b"other"), ..file.staged() };
    let failure = refused(&Cloud::new(), &wrong).await;
    assert!(failure.to_string().contains("have another SHA-512"), "{failure}");
    // Nor for an image that is there already.
    let cloud = Cloud::new();
    assert!(ensure(&Context::default(), &images(&cloud), &file.staged()).await.unwrap().changed());
    let failure = refused(&cloud, &wrong).await;
    assert!(failure.to_string().contains("made of other bytes"), "{failure}");
}

/// osism/openstack-image-manager#617: a failed import passed for success, where the tasks can't be read.
#[tokio::test(start_paused = true)]
async fn a_failed_import_is_found_without_the_list_of_tasks() {
    for fate in [ImportFate::Fails, ImportFate::FailsInStore] {
        for tells_tasks in [true, false] {
            let cloud = cloud_with(GlanceBehaviour { tells_tasks, ..import(fate) });
            let failure = refused(&cloud, &qcow2().staged()).await;
            let found = told(&failure);
            assert!(found.contains("Glance could not import it"), "{found}");
            assert_eq!(found.contains("gives no details"), !tells_tasks, "{found}");
        }
    }
}

/// osism/openstack-image-manager PR #1014: an image that is `queued` again was waited for, for ever.
#[tokio::test(start_paused = true)]
async fn an_image_that_is_queued_again_has_failed() {
    let begun = tokio::time::Instant::now();
    let failure = refused(&cloud_with(import(ImportFate::FailsInStore)), &qcow2().staged()).await;
    assert!(told(&failure).contains("found: queued"), "{}", told(&failure));
    assert!(begun.elapsed().as_secs() < 60, "it is no question of patience");
}

/// osism/openstack-image-manager#656 and PR #1252: an import that stays at 0 bytes was waited for, for ever.
#[tokio::test(start_paused = true)]
async fn an_import_that_does_not_move_is_not_waited_for() {
    let (begun, cloud) = (tokio::time::Instant::now(), cloud_with(import(ImportFate::Stalls)));
    let failure = failure(&cloud, &qcow2()).await;
    assert!(failure.to_string().contains("nothing changed for 600s"), "{failure}");
    // Glance can't end it, so an image may be left. The message says so, and that wait ends too.
    assert_eq!(failure.touched, Touched::Maybe);
    assert!(failure.next.is_some_and(|next| next.contains("runs sweep")));
    assert!(begun.elapsed().as_secs() < 3600);
    // Ten minutes for the import, and three for its end; with what is waited for.
    assert!(begun.elapsed().as_secs() < 800, "{:?}", begun.elapsed());
    let causes = failure.causes.join("; ");
    assert!(causes.contains("Glance still imports it (processing)"), "{causes}");
}

/// flatcar/Flatcar#1987: Glance's own download of an image fails. omega never asks for one: the bytes come through
/// this process, which tells why a server refuses.
#[tokio::test(start_paused = true)]
async fn glance_is_never_told_to_download() {
    let cloud = cloud_with(GlanceBehaviour { methods: vec!["web-download"], ..Default::default() });
    let failure = refused(&cloud, &qcow2().staged()).await;
    assert_eq!(failure.found.as_deref(), Some("web-download"));
    let cloud = Cloud::new();
    assert!(
        ensure(&Context::default(), &images(&cloud), &qcow2().staged()).await.unwrap().changed()
    );
    let sent = format!("{:?}", cloud.writes());
    assert!(sent.contains("glance-direct") && !sent.contains("web-download"), "{sent}");
}

/// openshift/installer#3403, okd-project/okd#122: the import stays in `uploading`; whether glance-direct works is to be
/// found out before the bytes are sent.
#[tokio::test(start_paused = true)]
async fn without_glance_direct_no_byte_is_sent() {
    let cloud = cloud_with(GlanceBehaviour { methods: Vec::new(), ..Default::default() });
    let failure = refused(&cloud, &qcow2().staged()).await;
    assert!(failure.to_string().contains("no import with glance-direct"), "{failure}");
    assert_eq!(cloud.writes().len(), 0);
    // It is offered, but what was staged is not all there.
    let cloud = cloud_with(GlanceBehaviour { loses: 300_000, ..Default::default() });
    let failure = refused(&cloud, &qcow2().staged()).await;
    assert!(told(&failure).contains("found: 0 bytes staged"), "{}", told(&failure));
}

/// terraform-provider-openstack#304: fewer bytes than sent passed for the image.
#[tokio::test(start_paused = true)]
async fn an_upload_that_was_cut_is_not_imported() {
    let cloud = cloud_with(GlanceBehaviour { loses: 1, ..Default::default() });
    let failure = refused(&cloud, &qcow2().staged()).await;
    assert!(
        told(&failure).contains("expected: 300000 bytes staged, as sent"),
        "{}",
        told(&failure)
    );
    assert!(!format!("{:?}", cloud.writes()).contains("/import"), "{:?}", cloud.writes());
}

/// rackerlabs/understack PR #617: how far is it?
#[tokio::test(start_paused = true)]
async fn what_was_sent_is_told() {
    let told = Arc::new(Told::default());
    let ctx = Context::default().with_events(told.clone());
    ensure(&ctx, &images(&Cloud::new()), &qcow2().staged()).await.unwrap();
    let told = told.0.lock().unwrap();
    assert_eq!(told.last(), Some(&Progress::bytes(300_000, Some(300_000)).stage("sending")));
}

#[derive(Default)]
struct Told(Mutex<Vec<Progress>>);

impl EventSink for Told {
    fn event(&self, event: &Event) {
        if let Event::StepProgress { progress, .. } = event {
            self.0.lock().unwrap().push(progress.clone());
        }
    }
}

/// ansible/ansible PR #63959: two images of the same bytes were "multiple matches". The name decides, and nothing else.
#[tokio::test(start_paused = true)]
async fn images_of_the_same_bytes_are_not_taken_for_each_other() {
    let (cloud, file) = (Cloud::new(), qcow2());
    let digest = file.sha512.to_string();
    for name in ["the same bytes", "once more", &NAME.to_uppercase()] {
        let same = json!({ "os_hash_algo": "sha512", "os_hash_value": digest, "omega_source_sha512": digest });
        cloud.add_glance_image("capi-mgmt", name, &same);
    }
    assert!(ensure(&Context::default(), &images(&cloud), &file.staged()).await.unwrap().changed());
    assert_eq!(cloud.image_things().len(), 4);
    assert!(!ensure(&Context::default(), &images(&cloud), &file.staged()).await.unwrap().changed());
}
