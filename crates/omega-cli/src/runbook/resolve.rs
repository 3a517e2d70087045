//! From the site file's words to typed values.

use std::str::FromStr;

use omega_capi::{Combination, Overrides};
use omega_core::{Desired as _, Diagnostic, Failure, FailureClass, kubeconfig::Kubeconfig};
use omega_juju::{
    PipSource, UnitPath,
    operations::{ApiResources, CapiHelm, EnsureHelm, HelmSource},
};
use omega_openstack::{
    container_infra::ClusterList,
    network::{Cidr, Flow, Ports, SgRule},
};

use super::Clients;
use crate::site::Site;

/// Reads a value of the site file.
pub(crate) fn value<T: FromStr>(key: &str, text: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| {
        let what = format!("{key} in the site file: {error}");
        Failure::new(FailureClass::Usage, what).next("mend the value")
    })
}

/// Turns a refusal of a value into a failure.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
pub(super) fn refused(error: impl Diagnostic) -> Failure {
    let failure = Failure::from_error("the site file asks for what can't work", &error);
    Failure { class: FailureClass::Refused, ..failure }
}

/// Returns a rule for each source: the port is that of the management API.
pub(super) fn rules(site: &Site, kubeconfig: &Kubeconfig) -> Result<Vec<SgRule>, Failure> {
    let (_, port) = kubeconfig.facts.endpoint();
    let ports = Ports::one(port).map_err(|error| {
        Failure::new(FailureClass::Usage, format!("the kubeconfig's server: {error}"))
    })?;
    let group = &site.management.security_group;
    let rule = |source: &String| {
        let peer: Cidr = value("management.sources", source)?;
        Ok(SgRule::ingress(group, Flow::tcp(ports, peer)))
    };
    let rules: Vec<SgRule> =
        site.management.sources.get_ref().iter().map(rule).collect::<Result<_, Failure>>()?;
    // `10.0.0.1` and `10.0.0.1/32` are one address, and so one rule.
    let twice =
        rules.iter().enumerate().find(|(nth, rule)| rules.iter().take(*nth).any(|r| r == *rule));
    match twice {
        Some((_, rule)) => {
            let what = format!("management.sources says the same twice: {}", rule.subject());
            Err(Failure::new(FailureClass::Usage, what).next("keep one of the two"))
        }
        None => Ok(rules),
    }
}

pub(super) fn capi_helm(site: &Site, path: &UnitPath) -> Result<CapiHelm, Failure> {
    let mut options = site.capi_helm.clone();
    let api_resources = options.remove("api_resources");
    let api_resources = api_resources.as_deref().map(ApiResources::parse).transpose();
    Ok(CapiHelm {
        kubeconfig_file: path.clone(),
        helm_chart_repo: site.chart.get_ref().repo.clone(),
        helm_chart_name: site.chart.get_ref().name.clone(),
        default_helm_chart_version: site.chart.get_ref().version.clone(),
        api_resources: api_resources.map_err(refused)?,
        options,
        cluster_labels: site.capi_helm_cluster_labels.clone(),
    })
}

pub(super) fn pip_source(site: &Site) -> PipSource {
    let driver = site.driver.get_ref();
    match (&driver.wheel, driver.sha256) {
        (Some(wheel), Some(sha256)) => {
            let name = wheel.file_name().unwrap_or(wheel.as_os_str());
            PipSource::Wheel { file_name: name.to_string_lossy().into_owned(), sha256 }
        }
        (_, _) => PipSource::Index { url: driver.index.clone() },
    }
}

pub(super) fn helm(site: &Site, bytes: usize) -> EnsureHelm {
    let helm = site.helm.get_ref();
    let from = match (&helm.file, &helm.url) {
        (_, Some(url)) => HelmSource::Url {
            url: url.clone(),
            archive_sha256: helm.archive_sha256,
            member: helm.member.clone(),
        },
        (file, None) => {
            let name = file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
            HelmSource::Payload { name, size: bytes }
        }
    };
    EnsureHelm::new(&helm.version, helm.sha256, from)
}

/// What must fit together on the management cluster.
pub(super) fn combination(site: &Site) -> Result<Combination, Failure> {
    let overrides = match site.capi_helm.get("api_resources") {
        Some(text) => Overrides::of_line(text).map_err(refused)?,
        None => Overrides::default(),
    };
    Ok(Combination {
        driver: value("driver.version", &site.driver.get_ref().version)?,
        overrides,
        chart: Some(value("chart.version", &site.chart.get_ref().version)?),
    })
}

/// The namespaces that the driver uses: one for each project with a cluster, and the management
/// project's own.
pub(super) async fn namespaces(
    site: &Site,
    world: &Clients,
    clusters: &ClusterList,
) -> Vec<String> {
    // The driver's default (conf.py, all releases).
    let prefix = site.capi_helm.get("namespace_prefix").map_or("magnum", String::as_str);
    let listed = clusters.read().await.unwrap_or_default();
    let mut all: Vec<String> =
        listed.iter().filter_map(|cluster| cluster.helm_namespace(prefix)).collect();
    if let Ok(project) = world.network.project_id().await {
        let sane: String =
            project.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        all.push(format!("{prefix}-{sane}"));
    }
    all.sort();
    all.dedup();
    all
}
