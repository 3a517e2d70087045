//! `dependencies-images`: the images of clusters are of the release of azimuth-images that the chart names.

use std::sync::Arc;

use async_trait::async_trait;
use omega_capi::constellation::{releases_with, versions_of};
use omega_core::{Evidence, Failure, Gate, Severity, Subject, Verdict};
use omega_openstack::{
    Transport,
    image::{Images, KubernetesVersion, ListedImage},
};

use super::judgement::Judged;
use crate::lint::Rule;

pub(super) const RULE: Rule = Rule {
    id: "dependencies-images",
    decision: Some("D-034"),
    severity: Severity::Warning,
    reason: "The driver installs the Kubernetes of the image's kube_version; the chart was tested with one release of the images.",
    source: "azimuth-cloud/capi-helm-charts dependencies.json; azimuth-cloud/azimuth-images .github/builds.yaml, vars/base; openstack/magnum-capi-helm driver.py, _get_image_details",
};

/// The gate that each active image with a property `kube_version` has a version of Kubernetes that the release of
/// azimuth-images in `dependencies.json` has, and the one that its own name says.
#[derive(Clone, Debug)]
pub struct ClusterImages {
    /// The cloud, with the login that creates clusters.
    pub transport: Arc<dyn Transport>,
    /// The release of azimuth-images that was tested.
    pub tested: String,
    /// The chart.
    pub chart: String,
}

impl ClusterImages {
    fn judge(&self, all: &[ListedImage]) -> Verdict {
        let mut judged = Judged::new(&RULE, subject());
        let known = versions_of(&self.tested).unwrap_or_default();
        let tested = format!("azimuth-images {} ({})", self.tested, known.join(", "));
        judged.shows(Evidence::text("tested with", tested));
        if known.is_empty() {
            let why =
                format!("which Kubernetes azimuth-images {} has is not known here", self.tested);
            judged.unknown(why, "compare it with the release's manifest.json");
            return judged.verdict();
        }
        let staged = all.iter().filter(|one| one.status == "active");
        let staged = staged.filter_map(|one| Some((one, one.property("kube_version")?)));
        let staged: Vec<_> = staged.collect();
        if staged.is_empty() {
            let remedy =
                "omega-cli stage-image --manifest RELEASE, or log in where the images can be seen";
            judged.unknown("this login sees no active image with a property kube_version", remedy);
        }
        for (image, version) in staged {
            judged.shows(Evidence::text(image.shown(), version));
            self.image(image.shown(), version, known, &mut judged);
        }
        judged.verdict()
    }

    fn image(&self, name: &str, version: &str, known: &[String], judged: &mut Judged) {
        let Ok(version) = version.parse::<KubernetesVersion>().map(String::from) else {
            let why = format!("{name}: its property kube_version is no version: {version:?}");
            judged.broken(why, "openstack image set --property kube_version=vX.Y.Z IMAGE");
            return;
        };
        if let Some(named) = of_name(name).filter(|named| *named != version) {
            let why =
                format!("{name}: its name says {named}, and its property kube_version {version}");
            let remedy =
                "openstack image set --property kube_version=VERSION IMAGE, to what is in it";
            judged.broken(why, remedy);
        }
        if !known.contains(&version) {
            let others = releases_with(&version);
            let of = match others.as_slice() {
                [] => "no known release of azimuth-images".to_owned(),
                all => format!("azimuth-images {}", all.join(", ")),
            };
            let why = format!(
                "{name} has Kubernetes {version}, of {of}; chart {} was tested with {}",
                self.chart, self.tested
            );
            let remedy = format!(
                "omega-cli stage-image --manifest {} --kubernetes-version {}",
                self.tested,
                known.join(" or ")
            );
            judged.warning(why, remedy);
        }
    }
}

/// Returns the version in a name of azimuth-images: `ubuntu-jammy-kube-v1.34.7-260508-1043`.
fn of_name(name: &str) -> Option<String> {
    let (_, rest) = name.split_once("-kube-")?;
    let version = rest.split('-').next()?;
    version.parse::<KubernetesVersion>().ok().map(String::from)
}

#[async_trait]
impl Gate for ClusterImages {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let all = Images::new(Arc::clone(&self.transport)).all().await;
        let unread = |error| Failure::from_error("could not read the images of Glance", &error);
        Ok(self.judge(&all.map_err(unread)?))
    }
}

pub(super) fn subject() -> Subject {
    Subject::new("images", "of clusters")
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
    use serde_json::json;

    use super::*;

    fn cloud(images: &[(&str, &str)]) -> Cloud {
        let cloud = Cloud::new();
        for (name, version) in images {
            cloud.add_glance_image("mgmt", name, &json!({"kube_version": version}));
        }
        cloud.add_glance_image("mgmt", "cirros", &json!({}));
        cloud
    }

    fn gate(cloud: &Cloud, tested: &str) -> ClusterImages {
        let (tested, chart) = (tested.to_owned(), "0.25.1".to_owned());
        ClusterImages { transport: cloud.member("mgmt"), tested, chart }
    }

    async fn fails(gate: &ClusterImages) -> Finding {
        match gate.check().await.unwrap() {
            Verdict::Fail(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn images_of_the_tested_release_pass() {
        let cloud =
            cloud(&[("ubuntu-jammy-kube-v1.34.7-260508-1043", "v1.34.7"), ("mine", "1.33.11")]);
        let Verdict::Pass { evidence } = gate(&cloud, "0.28.0").check().await.unwrap() else {
            panic!("it failed")
        };
        let facts: Vec<&str> = evidence.iter().map(|one| one.fact.as_str()).collect();
        assert_eq!(facts.len(), 3, "cirros is no image of clusters: {facts:?}");
    }

    /// The runbook names this one as an image of 0.28.0.
    #[tokio::test]
    async fn one_patch_newer_is_of_another_release() {
        let cloud = cloud(&[("ubuntu-jammy-kube-v1.34.8-260518-1604", "v1.34.8")]);
        let found = fails(&gate(&cloud, "0.28.0")).await;
        assert_eq!((found.severity, found.decision.as_deref()), (Severity::Warning, Some("D-034")));
        assert!(found.summary.contains("v1.34.8, of azimuth-images 0.29.0"), "{found:?}");
        assert!(matches!(gate(&cloud, "0.29.0").check().await.unwrap(), Verdict::Pass { .. }));
    }

    #[tokio::test]
    async fn a_name_that_says_another_version_is_broken() {
        let cloud =
            cloud(&[("ubuntu-jammy-kube-v1.34.8-260518-1604", "v1.34.7"), ("odd", "latest")]);
        let found = fails(&gate(&cloud, "0.28.0")).await;
        assert_eq!(found.severity, Severity::Broken);
        assert!(found.summary.contains("its name says v1.34.8"), "{found:?}");
        assert!(found.summary.contains("no version: \"latest\""), "{found:?}");
    }

    #[tokio::test]
    async fn without_images_or_an_answer_nothing_is_known() {
        let empty = cloud(&[]);
        assert_eq!(fails(&gate(&empty, "0.28.0")).await.severity, Severity::Unknown);
        assert_eq!(fails(&gate(&empty, "9.9.9")).await.severity, Severity::Unknown);
        empty.take_down(Service::Image);
        gate(&empty, "0.28.0").check().await.unwrap_err();
    }
}
