//! Whether Cluster API supports the Kubernetes version of an image.

use std::sync::Arc;

use async_trait::async_trait;
use omega_capi::{
    Management,
    constellation::{Component, KubernetesSupport, supported_kubernetes, version_numbers},
    controllers::{Installed, read_installed},
};
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict, chain};
use omega_openstack::image::{Image, Images};

/// The gate that the installed Cluster API supports the Kubernetes version of the image, which is the one
/// that the driver installs.
///
/// It asks Glance, and the management cluster for the version of Cluster API's core.
#[derive(Clone, Debug)]
pub struct KubernetesSupported {
    /// Glance, with the login that creates the cluster.
    pub images: Images,
    /// The image, by name or id.
    pub image: String,
    /// The management cluster, if the site names it.
    pub management: Option<Arc<Management>>,
}

impl KubernetesSupported {
    fn not_known(&self, why: String, remedy: &str) -> Verdict {
        let finding = Finding::broken(self.rule(), self.subject(), why);
        Verdict::fail(finding.severity(Severity::Unknown).remedy(remedy))
    }

    fn judge(&self, image: &str, core: &str) -> Verdict {
        let evidence = [Evidence::text("Kubernetes", image), Evidence::text("Cluster API", core)];
        let ([major, minor, _], Some(support)) =
            (version_numbers(image).unwrap_or_default(), supported_kubernetes(core))
        else {
            let why = format!(
                "which versions of Kubernetes Cluster API {core} supports is not known here"
            );
            return self.not_known(why, "compare it with the release's own notes");
        };
        let range = support.workload;
        if major == 1 && range.contains(&minor) {
            return Verdict::shown(evidence);
        }
        let (oldest, newest) = (range.start(), range.end());
        let why = format!(
            "Cluster API {core} supports Kubernetes 1.{oldest} to 1.{newest} in workload clusters, and the \
             image has {image}"
        );
        let remedy = "stage an image of a version that it supports (omega-cli stage-image), in a template \
                      of its own; or install a release of Cluster API that supports it";
        let finding = Finding::broken(self.rule(), self.subject(), why).shown_by(evidence);
        Verdict::fail(finding.decision("D-034").remedy(remedy).source(KubernetesSupport::SOURCE))
    }

    async fn core(&self) -> Result<String, Verdict> {
        let Some(management) = &self.management else {
            let why = "the version of Cluster API is not known: the site file names no management cluster";
            return Err(self.not_known(why.to_owned(), "name `kubeconfig` in [management]"));
        };
        // A create does not need this machine to reach the management cluster.
        let installed = read_installed(management).await.map_err(|error| {
            let why = format!(
                "the version of Cluster API could not be read: {}",
                chain(&error).join(": ")
            );
            self.not_known(
                why,
                "give the kubeconfig's user the right to list deployments in all namespaces",
            )
        })?;
        let core = |one: Installed| (one.component == Component::ClusterApi).then_some(one.version);
        installed.into_iter().find_map(core).flatten().ok_or_else(|| {
            let why = "no deployment of Cluster API's core with a version was found there";
            self.not_known(why.to_owned(), "omega-cli check-constellation")
        })
    }
}

impl KubernetesSupported {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("kubernetes-version", &["D-034"]);
}

#[async_trait]
impl Gate for KubernetesSupported {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("kubernetes", format!("of image {}", self.image))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let found = self.images.find(&self.image).await.map_err(|error| {
            Failure::from_error(format!("could not read the image {}", self.image), &error)
        })?;
        let version = match found.as_slice() {
            [Image { kube_version: Some(version), .. }] if version_numbers(version).is_some() => {
                version
            }
            // Its own gate says what is wrong with the image.
            _ => return Ok(Verdict::deferred("there is one image with a version of Kubernetes")),
        };
        Ok(match self.core().await {
            Ok(core) => self.judge(version, &core),
            Err(unknown) => unknown,
        })
    }
}
