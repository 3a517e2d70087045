//! An image is staged once, from the right bytes only, and beside no other of its name.

use std::{path::Path, sync::Arc};

use omega_core::{Context, values::Sha512};
use serde_json::{Value, json};

use super::send;
use crate::{
    Method, Request, Service, Transport,
    image::{ImageSource, Images, StagedImage, stage_image},
};

const NAME: &str = "omega \"contract\", a:b";

/// `directory`: for a small file.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn images(cloud: Arc<dyn Transport>, directory: &Path) {
    let (file, bytes) = (directory.join("omega-contract.qcow2"), empty_qcow2());
    std::fs::write(&file, &bytes).expect("written");
    let (name, version) = (NAME.parse().expect("a name"), "v1.34.8".parse().expect("a version"));
    let image = StagedImage::new(name, version, Sha512::of(&bytes), ImageSource::file(&file));
    let wrong = StagedImage { sha512: Sha512::of(b"other"), ..image.clone() };
    let ctx = Context::default();
    // A client of its own: what a process knows of its uploads is not kept.
    let stage = async |image| stage_image(&ctx, &Images::new(Arc::clone(&cloud)), image).await;
    assert_eq!(named(&cloud).await, [] as [Value; 0]);

    stage(&wrong).await.expect_err("other bytes");
    assert_eq!(named(&cloud).await, [] as [Value; 0], "nothing is left of wrong bytes");

    assert!(stage(&image).await.expect("staged").changed());
    let made = one(&cloud).await;
    let of = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    let digest = image.sha512.to_string();
    let expected = ["active", "ubuntu", "v1.34.8", &digest];
    assert_eq!(["status", "os_distro", "kube_version", "omega_source_sha512"].map(of), expected);
    assert!(["raw", "qcow2"].contains(&&*of("disk_format")), "{made}");
    assert!(!stage(&image).await.expect("found").changed());
    stage(&wrong).await.expect_err("made of other bytes");
    assert_eq!(one(&cloud).await, made, "it is not touched");

    let path = ["images", &of("id")];
    let change = async |one: Value| {
        let request = Request::new(Service::Image, Method::Patch, &path)
            .header("Content-Type", "application/openstack-images-v2.1-json-patch");
        assert_eq!(send(&cloud, request.body(json!([one]))).await.status, 200);
    };
    change(json!({ "op": "replace", "path": "/kube_version", "value": "v1.34.7" })).await;
    stage(&image).await.expect_err("another version");
    assert_eq!(one(&cloud).await["kube_version"], "v1.34.7", "it is not touched");
    change(json!({ "op": "remove", "path": "/kube_version" })).await;
    assert!(stage(&image).await.expect("set").changed());
    assert_eq!(one(&cloud).await["kube_version"], "v1.34.8");
    change(json!({ "op": "replace", "path": "/os_hidden", "value": true })).await;
    assert_eq!(named(&cloud).await, [] as [Value; 0], "its name finds nothing");
    stage(&image).await.expect_err("a hidden image of the name");
    change(json!({ "op": "replace", "path": "/os_hidden", "value": false })).await;
    assert!(!stage(&image).await.expect("found again").changed());

    let other = create(&cloud).await;
    stage(&image).await.expect_err("two images of the name");
    delete(&cloud, &of("id")).await;
    stage(&image).await.expect_err("another client makes it");
    assert_eq!(one(&cloud).await["id"], *other, "it is not touched");
    refusals(&cloud, &other).await;
    delete(&cloud, &other).await;
    assert_eq!(named(&cloud).await, [] as [Value; 0]);
}

/// What Glance refuses of an image that was only created.
async fn refusals(cloud: &Arc<dyn Transport>, id: &str) {
    let body = json!({ "method": { "name": "glance-direct" } });
    let import = Request::new(Service::Image, Method::Post, &["images", id, "import"]).body(body);
    assert_eq!(send(cloud, import).await.status, 409, "nothing is staged");
    let again = Request::new(Service::Image, Method::Post, &["images"]);
    assert_eq!(send(cloud, again.body(json!({ "id": id, "name": NAME }))).await.status, 409);
    let absent = "00000000-0000-4000-8000-000000000000";
    for path in [["images", absent], ["images", "omega-contract"]] {
        let request = Request::new(Service::Image, Method::Get, &path);
        assert_eq!(send(cloud, request).await.status, 404, "{path:?}");
    }
}

async fn named(cloud: &Arc<dyn Transport>) -> Vec<Value> {
    let request = Request::new(Service::Image, Method::Get, &["images"]);
    let request = request.query("name", format!("eq:{NAME}"));
    let answer = send(cloud, request).await;
    answer.body["images"].as_array().cloned().unwrap_or_default()
}

#[expect(clippy::panic, reason = "a contract is a test")]
async fn one(cloud: &Arc<dyn Transport>) -> Value {
    match <[Value; 1]>::try_from(named(cloud).await) {
        Ok([one]) => one,
        Err(all) => panic!("not one image: {all:?}"),
    }
}

#[expect(clippy::expect_used, reason = "a contract is a test")]
async fn create(cloud: &Arc<dyn Transport>) -> String {
    let body = json!({ "name": NAME, "disk_format": "qcow2", "container_format": "bare" });
    let answer = send(cloud, Request::new(Service::Image, Method::Post, &["images"]).body(body));
    let answer = answer.await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

async fn delete(cloud: &Arc<dyn Transport>, id: &str) {
    let answer = send(cloud, Request::new(Service::Image, Method::Delete, &["images", id])).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

/// A disk of 1 MiB without data, as qcow2 of version 2 (QEMU, docs/interop/qcow2.rst): the header, the
/// table of reference counts, their only block and the L1 table, in a cluster of 64 KiB each.
fn empty_qcow2() -> Vec<u8> {
    const CLUSTER: u64 = 1 << 16;
    let mut file = vec![0; 4 * (1 << 16)];
    let mut put = |at: u64, bytes: &[u8]| {
        let at = usize::try_from(at).unwrap_or_default();
        if let Some(place) = file.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, b"QFI\xfb");
    put(4, &2_u32.to_be_bytes());
    put(20, &16_u32.to_be_bytes()); // bits of a cluster
    put(24, &(1_u64 << 20).to_be_bytes()); // the disk
    put(36, &1_u32.to_be_bytes()); // entries of the L1 table
    put(40, &(3 * CLUSTER).to_be_bytes());
    put(48, &CLUSTER.to_be_bytes());
    put(56, &1_u32.to_be_bytes()); // clusters of the table of reference counts
    put(CLUSTER, &(2 * CLUSTER).to_be_bytes());
    for cluster in 0..4 {
        put(2 * CLUSTER + 2 * cluster, &1_u16.to_be_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use crate::sim::Cloud;

    #[tokio::test(start_paused = true)]
    async fn the_simulator_keeps_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        super::images(Cloud::new().member("capi-mgmt"), directory.path()).await;
    }
}
