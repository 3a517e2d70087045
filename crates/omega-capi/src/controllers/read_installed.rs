use k8s_openapi::api::{apps::v1::Deployment, core::v1::Container};
use omega_core::Evidence;
use serde::{Deserialize, Serialize};

use crate::{Error, Management, constellation::Component, list::JSON};

const PATH: &str = "/apis/apps/v1/deployments";
const PAGE: usize = 250;

/// An installed controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The controller.
    pub component: Component,
    /// The version of its chart or image, if known.
    pub version: Option<String>,
    /// The deployment, its image and its chart.
    pub evidence: Vec<Evidence>,
    /// How many pods it should have.
    pub wanted: u32,
    /// How many of them are available; `None` before the first status.
    pub available: Option<u32>,
}

/// Reads which of the controllers of a `dependencies.json` are installed, in any namespace.
///
/// A controller is recognized by the last part of its image's name, so mirrors don't matter. Its
/// version is that of its chart (label `helm.sh/chart`) if `dependencies.json` names charts, otherwise
/// the image's tag.
///
/// # Guarantees
///
/// One request for each 250 deployments.
///
/// # Errors
///
/// Fails if they can't be listed. The user needs the right to list them in all namespaces.
pub async fn read_installed(management: &Management) -> Result<Vec<Installed>, Error> {
    let deployments = management.list(PATH, "", PAGE, JSON).await?;
    let mut found: Vec<Installed> = deployments.into_iter().flat_map(installed).collect();
    found.sort_by_cached_key(|one| (one.component, Evidence::line(&one.evidence)));
    Ok(found)
}

fn installed(Deployment { metadata, spec, status }: Deployment) -> Vec<Installed> {
    let [namespace, name] = [metadata.namespace, metadata.name].map(Option::unwrap_or_default);
    let spec = spec.unwrap_or_default();
    let pods = |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok());
    let wanted = pods(spec.replicas).unwrap_or(1);
    // Without `observedGeneration` no controller has processed it. A count of 0 is left out.
    let status = status.filter(|status| status.observed_generation.is_some());
    let available = status.map(|status| pods(status.available_replicas).unwrap_or_default());
    let one = |container: &Container| {
        let image = container.image.as_deref()?;
        let (repository, tag) = split_image(image);
        let last = repository.rsplit('/').next();
        let component = Component::ALL.into_iter().find(|c| Some(c.image()) == last)?;
        let chart = component.chart().and_then(|chart| {
            let label = metadata.labels.as_ref()?.get("helm.sh/chart")?;
            label.strip_prefix(chart)?.strip_prefix('-').map(ToOwned::to_owned)
        });
        let shown = chart.as_ref().map(|chart| Evidence::text("chart", chart));
        let deployment = Evidence::text("deployment", format!("{namespace}/{name}"));
        let image = Evidence::text("image", image);
        Some(Installed {
            component,
            version: chart.or_else(|| tag.map(ToOwned::to_owned)),
            evidence: [deployment, image].into_iter().chain(shown).collect(),
            wanted,
            available,
        })
    };
    spec.template.spec.unwrap_or_default().containers.iter().filter_map(one).collect()
}

/// Splits an image into repository and tag, without its digest.
pub(crate) fn split_image(image: &str) -> (&str, Option<&str>) {
    let named = image.split_once('@').map_or(image, |(named, _digest)| named);
    match named.rsplit_once(':') {
        // The colon belongs to a port, as a path follows.
        Some((_, rest)) if rest.contains('/') => (named, None),
        Some((repository, tag)) => (repository, Some(tag)),
        None => (named, None),
    }
}

#[cfg(test)]
mod tests {
    use super::split_image;

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
            assert_eq!(split_image(image), expected, "{image}");
        }
    }
}
