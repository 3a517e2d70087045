//! Whether Cluster API supports the Kubernetes version of an image.

use std::sync::Arc;

use async_trait::async_trait;
use omega_capi::{
    Management,
    constellation::Component,
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

/// From a release of Cluster API on: the minor versions of Kubernetes 1 that workload clusters may have.
type Row = ([u64; 3], [u64; 2]);

/// Each from the release's own notes ("Kubernetes version support") and its
/// `docs/book/src/reference/versions.md`. A minor release that is not here is not known.
const SUPPORTED: [Row; 5] = [
    ([1, 12, 0], [29, 35]),
    ([1, 13, 0], [30, 35]),
    ([1, 13, 1], [30, 36]),
    ([1, 13, 6], [30, 37]),
    ([1, 14, 0], [31, 37]),
];
const SOURCE: &str = "kubernetes-sigs/cluster-api, docs/book/src/reference/versions.md, and the notes of \
                      each release";

/// Returns the oldest and the newest minor version that this release of Cluster API supports.
fn supported(core: [u64; 3]) -> Option<[u64; 2]> {
    let rows = SUPPORTED.iter().rev();
    let [major, minor, _] = core;
    let mut same = rows
        .filter(|([from_major, from_minor, _], _)| (major, minor) == (*from_major, *from_minor));
    same.find(|(from, _)| *from <= core).map(|(_, versions)| *versions)
}

/// Reads `v1.34.8`, or the same without its `v`.
fn numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

impl KubernetesSupported {
    fn not_known(&self, why: String, remedy: &str) -> Verdict {
        let finding = Finding::broken(self.rule(), self.subject(), why);
        Verdict::fail(finding.severity(Severity::Unknown).remedy(remedy))
    }

    fn judge(&self, image: &str, core: &str) -> Verdict {
        let evidence = [Evidence::text("Kubernetes", image), Evidence::text("Cluster API", core)];
        let range = numbers(core).and_then(supported);
        let ([major, minor, _], Some([oldest, newest])) =
            (numbers(image).unwrap_or_default(), range)
        else {
            let why = format!(
                "which versions of Kubernetes Cluster API {core} supports is not known here"
            );
            return self.not_known(why, "compare it with the release's own notes");
        };
        if major == 1 && (oldest..=newest).contains(&minor) {
            return Verdict::shown(evidence);
        }
        let why = format!(
            "Cluster API {core} supports Kubernetes 1.{oldest} to 1.{newest} in workload clusters, and the \
             image has {image}"
        );
        let remedy = "stage an image of a version that it supports (omega-cli stage-image), in a template \
                      of its own; or install a release of Cluster API that supports it";
        let finding = Finding::broken(self.rule(), self.subject(), why).shown_by(evidence);
        Verdict::fail(finding.decision("D-034").remedy(remedy).source(SOURCE))
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
            [Image { kube_version: Some(version), .. }] if numbers(version).is_some() => version,
            // Its own gate says what is wrong with the image.
            _ => return Ok(Verdict::deferred("there is one image with a version of Kubernetes")),
        };
        Ok(match self.core().await {
            Ok(core) => self.judge(version, &core),
            Err(unknown) => unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_those_of_the_release() {
        for (core, wanted) in [
            ("v1.13.2", Some([30, 36])),
            ("1.13.0", Some([30, 35])),
            ("v1.13.9", Some([30, 37])),
            ("v1.12.9", Some([29, 35])),
            ("v1.14.3", Some([31, 37])),
            ("v1.11.9", None),
            ("v1.15.0", None),
            ("v2.13.2", None),
        ] {
            assert_eq!(supported(numbers(core).unwrap()), wanted, "{core}");
        }
        for text in ["", "v1.34", "latest", "v1.34.x"] {
            assert_eq!(numbers(text), None, "{text}");
        }
        assert_eq!(numbers("v1.34.8+rke2r1"), Some([1, 34, 8]));
    }
}
