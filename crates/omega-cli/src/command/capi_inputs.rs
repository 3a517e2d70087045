//! From the site file, the flags and Magnum's templates to what omega-capi takes.

use std::{fmt::Display, path::Path, str::FromStr};

use omega::capi::{
    Constellation, Dependencies, Setup, Surface, TemplateFacts, UnknownRelease, offline_surface,
    offline_surface_of,
};
use omega::core::{Diagnostic, Failure, FailureClass, read_regular};
use omega::openstack::container_infra::{Cluster, Template};
use serde_json::Value;

use crate::{cli::CoherenceArgs, runbook::value, site::Site};

/// The most that a dependencies.json may have; the real ones have 1 kB.
const DEPENDENCIES: u64 = 1 << 20;

/// Returns what the site wants to work together. Its `api_resources` stays as it is written: that
/// it does not parse is a finding.
pub(crate) fn setup(site: &Site) -> Result<Setup, Failure> {
    let api_resources = site.capi_helm.get("api_resources").cloned();
    let driver = value("driver.version", &site.driver.get_ref().version)?;
    let chart = Some(value("chart.version", &site.chart.get_ref().version)?);
    Ok(Setup { driver, api_resources, chart, templates: Vec::new() })
}

/// Returns what the tables say, and of which releases, if that is what was asked for.
pub(super) fn offline(args: &CoherenceArgs) -> Result<Option<(Surface, String)>, Failure> {
    let unknown = |error: UnknownRelease| usage("the tables can't answer", &error);
    if let (Some(core), Some(provider)) = (&args.core, &args.provider) {
        let surface = offline_surface(&flag("--core", core)?, &flag("--provider", provider)?);
        let whence = format!("the tables of Cluster API {core} and its provider {provider}");
        return Ok(Some((surface.map_err(unknown)?, whence)));
    }
    let Some(path) = &args.dependencies else { return Ok(None) };
    let surface = offline_surface_of(&dependencies(path)?).map_err(unknown)?;
    Ok(Some((surface, format!("the tables of what {} names", path.display()))))
}

/// Reads a version, with or without its `v`.
fn flag<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Failure> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    bare.parse().map_err(|error| {
        let what = format!("{name} {text:?} is no version: {error}");
        Failure::new(FailureClass::Usage, what).next("name a release in full: 1.13.2")
    })
}

fn usage(what: &str, error: &dyn Diagnostic) -> Failure {
    Failure { class: FailureClass::Usage, ..Failure::from_error(what, error) }
}

fn dependencies(path: &Path) -> Result<Dependencies, Failure> {
    let what = || format!("could not read {}", path.display());
    let bytes = read_regular(path, DEPENDENCIES)
        .map_err(|error| Failure::new(FailureClass::Usage, what()).because(error.to_string()))?;
    let text = String::from_utf8_lossy(&bytes);
    Dependencies::parse(&text).map_err(|error| usage(&what(), &error))
}

/// Returns what the site's chart was tested with.
pub(super) fn tested(site: &Site, file: Option<&Path>) -> Result<Constellation, Failure> {
    let chart = value("chart.version", &site.chart.get_ref().version)?;
    if let Some(path) = file {
        return Ok(Constellation { chart: Some(chart), dependencies: dependencies(path)? });
    }
    Constellation::of(&chart).ok_or_else(|| {
        let what = format!("it is not known what chart {chart} was tested with");
        Failure::new(FailureClass::Usage, what)
            .next("get dependencies.json at that tag of capi-helm-charts: --dependencies FILE")
    })
}

/// Returns what matters of a template here. Magnum's API gives labels back as they were given.
pub(crate) fn facts(template: &Template, clusters: &[Cluster]) -> TemplateFacts {
    let Template { uuid, name, network_driver, cluster_distro, coe, server_type, labels } =
        template;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let labels = labels.iter().flatten().map(|(key, value)| (key.clone(), text(value)));
    TemplateFacts {
        name: if name.is_empty() { uuid.clone() } else { name.clone() },
        coe: coe.clone().unwrap_or_default(),
        server_type: server_type.clone().unwrap_or_default(),
        distro: cluster_distro.clone(),
        network_driver: network_driver.clone(),
        labels: labels.collect(),
        clusters: clusters.iter().filter(|one| one.cluster_template_id == *uuid).count(),
    }
}
