//! Which controllers run on the management cluster, at which version.

use std::collections::BTreeMap;

use omega_core::Evidence;
use serde::{Deserialize, Serialize};

use crate::{Error, Management, constellation::Component, list::JSON};

const PATH: &str = "/apis/apps/v1/deployments";
const PAGE: usize = 250;

/// A controller that is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Which.
    pub component: Component,
    /// At which version, if its image or its chart says one.
    pub version: Option<String>,
    /// What shows it: the deployment, its image, its chart.
    pub evidence: Vec<Evidence>,
    /// How many pods it wants.
    pub wanted: u32,
    /// How many of them are available; `None` if nothing tells.
    pub available: Option<u32>,
}

#[derive(Deserialize)]
struct Deployment {
    metadata: Metadata,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// `None` until the deployment controller has seen it.
    observed_generation: Option<i64>,
    /// Left out where it is 0.
    #[serde(default)]
    available_replicas: u32,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Spec {
    /// 1 where it is left out.
    replicas: Option<u32>,
    template: Template,
}

#[derive(Deserialize)]
struct Template {
    spec: PodSpec,
}

#[derive(Deserialize)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    image: String,
}

/// Reads which of the controllers of a `dependencies.json` are installed, in any namespace.
///
/// A controller is known by the last part of its image's name, so that a mirror makes no
/// difference. Its version is that of its chart (label `helm.sh/chart`) where `dependencies.json`
/// names charts, else the image's tag.
///
/// # Guarantees
///
/// One request for 250 deployments.
///
/// # Errors
///
/// [`Error::Forbidden`] if the kubeconfig's user may not list deployments in all namespaces.
pub async fn read_installed(management: &Management) -> Result<Vec<Installed>, Error> {
    let deployments: Vec<Deployment> = management.list(PATH, "", PAGE, JSON).await?;
    let mut found: Vec<Installed> = deployments.iter().flat_map(installed).collect();
    found.sort_by_cached_key(|one| (one.component, Evidence::line(&one.evidence)));
    Ok(found)
}

fn installed(deployment: &Deployment) -> Vec<Installed> {
    let Metadata { name, namespace, labels } = &deployment.metadata;
    let containers = &deployment.spec.template.spec.containers;
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let status = &deployment.status;
    let available = status.observed_generation.map(|_| status.available_replicas);
    let one = |container: &Container| {
        let (repository, tag) = split(&container.image);
        let last = repository.rsplit('/').next();
        let component = Component::ALL.into_iter().find(|c| Some(c.image()) == last)?;
        let chart = component.chart().and_then(|chart| {
            let label = labels.get("helm.sh/chart")?;
            label.strip_prefix(chart)?.strip_prefix('-').map(ToOwned::to_owned)
        });
        let shown = chart.as_ref().map(|chart| Evidence::text("chart", chart));
        let deployment = Evidence::text("deployment", format!("{namespace}/{name}"));
        let image = Evidence::text("image", &container.image);
        Some(Installed {
            component,
            version: chart.or_else(|| tag.map(ToOwned::to_owned)),
            evidence: [deployment, image].into_iter().chain(shown).collect(),
            wanted,
            available,
        })
    };
    containers.iter().filter_map(one).collect()
}

/// Splits an image's name into repository and tag. A digest is neither.
fn split(image: &str) -> (&str, Option<&str>) {
    let named = image.split_once('@').map_or(image, |(named, _digest)| named);
    match named.rsplit_once(':') {
        // What follows is a path: the colon was a port's.
        Some((_, rest)) if rest.contains('/') => (named, None),
        Some((repository, tag)) => (repository, Some(tag)),
        None => (named, None),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_images_name_is_taken_apart() {
        let digest = "@sha256:9f2c41";
        let cases = [
            ("a.b/c/d:v1", ("a.b/c/d", Some("v1"))),
            ("mirror:5000/c/d:v1", ("mirror:5000/c/d", Some("v1"))),
            ("mirror:5000/c/d", ("mirror:5000/c/d", None)),
            ("d", ("d", None)),
            (&format!("a/d:v1{digest}"), ("a/d", Some("v1"))),
            (&format!("mirror:5000/d{digest}"), ("mirror:5000/d", None)),
        ];
        for (image, expected) in cases {
            assert_eq!(split(image), expected, "{image}");
        }
    }
}
