//! Whether an image can be a cluster's.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Subject, Verdict};
use omega_driver::requirements::DISTROS;

use super::{Image, Images, KubernetesVersion, spec::supported_distro};
use crate::{Error, gate_answer};

/// The gate that there is one image of the name or id, that it is active, and that it has the two
/// properties that Magnum and its driver read: `os_distro` and `kube_version`.
#[derive(Clone, Debug)]
pub struct ClusterImage {
    /// Glance, with the login that creates the cluster.
    pub images: Images,
    /// Its name or id.
    pub name: String,
}

const SOURCE: &str = "magnum 18.0.1, api/attr_validator.py, validate_image; magnum-capi-helm 1.4.0, \
                      driver.py, _get_image_details";

impl ClusterImage {
    fn judge(&self, all: &[Image]) -> Verdict {
        let name = &self.name;
        let finding = |why: String, remedy: String| {
            Finding::broken(self.rule(), self.subject(), why).remedy(remedy).source(SOURCE)
        };
        let one = match all {
            [one] => one,
            [] => {
                let why = format!("the project sees no image {name:?}");
                let remedy = "omega-cli stage-image, or name another one in a template of its own";
                return Verdict::fail(finding(why, remedy.to_owned()));
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
                let why = format!("{} images have the name {name:?}", several.len());
                let remedy = format!("delete all but one: {}", ids.join(", "));
                return Verdict::fail(finding(why, remedy));
            }
        };
        let (mut wrong, mut set) = (Vec::new(), Vec::new());
        if one.status != "active" {
            wrong.push(format!("it is {}, not active", one.status));
        }
        match one.os_distro.as_deref() {
            None | Some("") => {
                wrong.push("it has no property os_distro".to_owned());
                set.push("--property os_distro=ubuntu");
            }
            Some(text) if supported_distro(text).is_err() => {
                wrong.push(format!(
                    "Magnum has no driver for its property os_distro, {text:?}; the driver is for {}",
                    DISTROS.join(" and ")
                ));
                set.push("--property os_distro=ubuntu");
            }
            Some(_) => {}
        }
        match one.kube_version.as_deref() {
            None | Some("") => {
                wrong.push("it has no property kube_version".to_owned());
                set.push("--property kube_version=vX.Y.Z");
            }
            Some(text) if text.parse::<KubernetesVersion>().is_err() => {
                wrong.push(format!("its property kube_version is not a valid version: {text:?}"));
                set.push("--property kube_version=vX.Y.Z");
            }
            Some(_) => {}
        }
        let text = |fact, value: Option<&str>| Evidence::text(fact, value.unwrap_or("none"));
        let evidence = [
            Evidence::text("id", &one.id),
            Evidence::text("status", &one.status),
            text("os_distro", one.os_distro.as_deref()),
            text("kube_version", one.kube_version.as_deref()),
        ];
        if wrong.is_empty() {
            return Verdict::shown(evidence);
        }
        let remedy = if set.is_empty() {
            "wait until it is active, or omega-cli stage-image".to_owned()
        } else {
            format!("openstack image set {} {}, or omega-cli stage-image", set.join(" "), one.id)
        };
        Verdict::fail(finding(wrong.join("; "), remedy).shown_by(evidence))
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        Ok(self.judge(&self.images.find(&self.name).await?))
    }
}

impl ClusterImage {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("image-properties", &["L-P6-3"]);
}

#[async_trait]
impl Gate for ClusterImage {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("image", &self.name)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
