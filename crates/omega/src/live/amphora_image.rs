//! `octavia-image`: Octavia finds an image for its amphorae, and another can be built.

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Gate, Severity, Subject, Verdict};
use omega_openstack::{
    Error, Transport,
    image::{Images, ListedImage},
};

use super::judgement::Judged;
use crate::lint::Rule;

pub(super) const RULE: Rule = Rule {
    id: "octavia-image",
    decision: Some("D-021"),
    severity: Severity::Broken,
    reason: "Octavia boots the newest active image with its tag, and on Ceph copies and converts one that is not raw for each amphora.",
    source: "openstack/octavia octavia/image/drivers/glance_driver.py, get_image_id_by_tag; openstack/charm-octavia-diskimage-retrofit src/lib/charm/openstack/octavia_diskimage_retrofit.py, retrofit, and glance_retrofitter.py, find_source_image",
};

/// The default of Octavia's charm (`amp-image-tag`).
const TAG: &str = "octavia-amphora";

/// What the retrofit reads of the image that it builds an amphora from.
const READ: [&str; 5] = ["architecture", "os_distro", "os_version", "version_name", "product_name"];

/// The gate that Glance has an image with Octavia's tag, that the newest is active and raw, and that the image
/// from which it was built still has the five properties that the retrofit reads.
#[derive(Clone, Debug)]
pub struct AmphoraImage {
    /// The cloud, with a login that sees the images of Octavia's project: an administrator's.
    pub transport: Arc<dyn Transport>,
}

impl AmphoraImage {
    async fn ask(&self) -> Result<Verdict, Error> {
        let images = Images::new(Arc::clone(&self.transport));
        let mut judged = Judged::new(&RULE, subject());
        let all = images.tagged(TAG).await?;
        let Some(newest) = all.iter().find(|one| one.status == "active") else {
            self.without(&all, &mut judged).await?;
            return Ok(judged.verdict());
        };
        judged.shows(Evidence::text("image", format!("{} ({})", newest.shown(), newest.id)));
        judged.shows(Evidence::text("created", &newest.created_at));
        let format = newest.disk_format.as_deref().unwrap_or("none");
        judged.shows(Evidence::text("disk_format", format));
        if format != "raw" {
            let why = format!("{} is {format}, not raw", newest.shown());
            let remedy = "juju config octavia-diskimage-retrofit image-format=raw, then juju run \
                          octavia-diskimage-retrofit/leader retrofit-image force=true";
            judged.broken(why, remedy);
        }
        let others = all.iter().filter(|one| one.id != newest.id);
        let others: Vec<&str> = others.map(ListedImage::shown).collect();
        if !others.is_empty() {
            judged.shows(Evidence::list("older with the tag", others.iter().copied()));
            let why = format!("{} images have the tag {TAG}: Octavia takes the newest", all.len());
            let remedy = format!("openstack image unset --tag {TAG} IMAGE, for each older one");
            judged.warning(why, remedy);
        }
        source(&images, newest, &mut judged).await?;
        Ok(judged.verdict())
    }

    /// There is none, or this login does not see it.
    async fn without(&self, all: &[ListedImage], judged: &mut Judged) -> Result<(), Error> {
        let retrofit = "juju run octavia-diskimage-retrofit/leader retrofit-image";
        if let Some(first) = all.first() {
            judged.shows(Evidence::text(first.shown(), &first.status));
            let why = format!(
                "no image with the tag {TAG} is active: {} is {}",
                first.shown(),
                first.status
            );
            judged.broken(why, retrofit);
        } else if self.transport.token_info().await?.roles.iter().any(|role| role == "admin") {
            let why = format!("no image has the tag {TAG}: Octavia can create no amphora");
            judged.broken(why, retrofit);
        } else {
            let why = format!(
                "this login sees no image with the tag {TAG}: it may belong to another project"
            );
            judged.unknown(why, "use an administrator's login: `name` in [cloud]");
        }
        Ok(())
    }
}

/// Judges the image that the newest was built from.
async fn source(images: &Images, newest: &ListedImage, judged: &mut Judged) -> Result<(), Error> {
    let (product, version) =
        (newest.property("source_product_name"), newest.property("source_version_name"));
    // `custom` is what the retrofit writes where the source had none.
    let (Some(product), Some(version)) =
        (product.filter(|name| *name != "custom"), version.filter(|name| *name != "custom"))
    else {
        judged.shows(Evidence::text("built from", "not known: the retrofit did not write it"));
        return Ok(());
    };
    judged.shows(Evidence::text("built from", format!("{product} {version}")));
    let all = images.with_value("product_name", product).await?;
    let remedy = "upload a stock Ubuntu image with these properties: openstack image set --property KEY=VALUE IMAGE";
    let Some(base) = all.iter().find(|one| one.property("version_name") == Some(version)) else {
        let why = format!(
            "the image that it was built from ({product} {version}) is not in Glance: it can't be built again"
        );
        judged.warning(why, remedy);
        return Ok(());
    };
    let missing = READ.iter().filter(|name| base.property(name).is_none());
    let missing: Vec<&str> = missing.copied().collect();
    if !missing.is_empty() {
        let why = format!(
            "{}, from which it was built, lacks {}: the retrofit fails",
            base.shown(),
            missing.join(", ")
        );
        judged.warning(why, remedy);
    }
    Ok(())
}

#[async_trait]
impl Gate for AmphoraImage {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let unread = |error| Failure::from_error("could not read the images of Glance", &error);
        self.ask().await.map_err(unread)
    }
}

pub(super) fn subject() -> Subject {
    Subject::new("image", format!("with the tag {TAG}"))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::match_wildcard_for_single_variants,
        clippy::wildcard_enum_match_arm,
        reason = "an assertion"
    )]

    use omega_core::Finding;
    use omega_openstack::{Service, sim::Cloud};
    use serde_json::{Value, json};

    use super::*;

    const PRODUCT: &str = "com.ubuntu.cloud:server:22.04:amd64";

    fn amphora(cloud: &Cloud, more: &Value) -> String {
        let mut all = json!({
            "tags": ["octavia-diskimage-retrofit", TAG], "disk_format": "raw",
            "created_at": "2026-05-30T10:00:00Z",
            "source_product_name": PRODUCT, "source_version_name": "20260520",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        cloud.add_glance_image("services", "amphora-haproxy-x86_64-ubuntu-22.04-20260520", &all)
    }

    fn base(cloud: &Cloud, without: &str) {
        let mut all = json!({
            "architecture": "x86_64", "os_distro": "ubuntu", "os_version": "22.04",
            "version_name": "20260520", "product_name": PRODUCT,
        });
        all.as_object_mut().unwrap().remove(without);
        cloud.add_glance_image("services", "jammy", &all);
    }

    async fn check(cloud: &Cloud) -> Verdict {
        AmphoraImage { transport: cloud.admin("admin") }.check().await.unwrap()
    }

    async fn fails(cloud: &Cloud) -> Finding {
        match check(cloud).await {
            Verdict::Fail(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_raw_active_image_with_its_source_passes() {
        let cloud = Cloud::new();
        let id = amphora(&cloud, &json!({}));
        base(&cloud, "");
        let Verdict::Pass { evidence } = check(&cloud).await else { panic!("it failed") };
        let line = Evidence::line(&evidence);
        assert!(line.contains(&id) && line.contains("disk_format raw"), "{line}");
        assert!(
            line.ends_with("built from com.ubuntu.cloud:server:22.04:amd64 20260520"),
            "{line}"
        );
        assert_eq!(cloud.writes(), [] as [String; 0]);
    }

    #[tokio::test]
    async fn a_qcow2_an_inactive_one_and_none_are_broken() {
        let cloud = Cloud::new();
        let found = fails(&cloud).await;
        assert_eq!((found.severity, found.decision.as_deref()), (Severity::Broken, Some("D-021")));
        assert!(found.summary.contains("no image has the tag"), "{found:?}");
        amphora(&cloud, &json!({"tags": ["octavia-amphora-2"]}));
        assert!(fails(&cloud).await.summary.contains("no image has the tag"), "a near match");
        amphora(&cloud, &json!({"status": "deactivated"}));
        assert!(fails(&cloud).await.summary.ends_with("is deactivated"));
        let cloud = Cloud::new();
        amphora(&cloud, &json!({"disk_format": "qcow2"}));
        base(&cloud, "");
        let found = fails(&cloud).await;
        assert!(found.severity == Severity::Broken && found.summary.contains("is qcow2, not raw"));
    }

    /// The newest counts, whatever the older ones are.
    #[tokio::test]
    async fn of_several_octavia_takes_the_newest() {
        let cloud = Cloud::new();
        amphora(&cloud, &json!({"disk_format": "qcow2", "created_at": "2026-01-01T00:00:00Z"}));
        amphora(&cloud, &json!({}));
        base(&cloud, "");
        let found = fails(&cloud).await;
        assert_eq!(found.severity, Severity::Warning, "{found:?}");
        assert!(found.summary.starts_with("2 images have the tag"), "{found:?}");
        amphora(&cloud, &json!({"disk_format": "qcow2", "created_at": "2026-06-01T00:00:00Z"}));
        assert_eq!(fails(&cloud).await.severity, Severity::Broken);
    }

    #[tokio::test]
    async fn without_one_of_the_five_properties_the_next_build_fails() {
        for missing in READ {
            let cloud = Cloud::new();
            amphora(&cloud, &json!({}));
            base(&cloud, missing);
            let found = fails(&cloud).await;
            assert_eq!(found.severity, Severity::Warning, "{missing}: {found:?}");
        }
        let cloud = Cloud::new();
        amphora(&cloud, &json!({"source_product_name": "custom", "source_version_name": "custom"}));
        assert!(matches!(check(&cloud).await, Verdict::Pass { .. }), "nothing is known of it");
    }

    #[tokio::test]
    async fn a_member_and_a_silent_glance_are_unknown() {
        let cloud = Cloud::new();
        amphora(&cloud, &json!({}));
        let member = AmphoraImage { transport: cloud.member("other") };
        let Verdict::Fail(found) = member.check().await.unwrap() else { panic!("it passed") };
        assert_eq!(found.severity, Severity::Unknown);
        cloud.take_down(Service::Image);
        AmphoraImage { transport: cloud.admin("admin") }.check().await.unwrap_err();
    }
}
