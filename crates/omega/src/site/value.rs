//! Values that the file's types don't check: they are read as the operations read them.

use omega_core::{Failure, FailureClass, nearest_name, values::UnitName};
use omega_driver::{ApiResources, CapiHelm, DriverRelease};
use omega_juju::{charm::CharmConfig, operations::helm_version};
use omega_openstack::{
    container_infra::{ClusterShape, ClusterValues, TemplateName},
    network::{KnownRanges, address_mistakes},
};
use toml::Spanned;
use url::Url;

use super::{
    Chart, Site,
    expected::usage,
    reading::{Keys, Mistake, keys},
};
use crate::{
    graft::{SiteSpec, value},
    lint::bundle::{CEPH, RELEASES},
};

/// Returns every value that no operation can use, and its place. `is_of_file`: whether the value of these
/// keys is the one of the file.
pub(super) fn all(site: &Site, is_of_file: impl Fn(&[&str]) -> bool) -> Vec<Mistake> {
    let spec = SiteSpec::new(site);
    let mut found = Vec::new();
    let mut add = |at: Keys, failure: Option<Failure>| found.extend(failure.map(|why| (at, why)));
    for (nth, failure) in spec.peers_and_mistakes().map(|(_, all)| all).unwrap_or_default() {
        add(keys(["management", "sources", &nth.to_string()]), Some(failure));
    }
    add(keys(["management", "path"]), spec.path().err());
    add(keys(["driver", "version"]), site.driver().ok().and_then(|_| spec.release().err()));
    add(keys(["chart", "version"]), site.chart().ok().and_then(|_| spec.chart_version().err()));
    if let Some(application) = site.conductor().ok().and_then(|one| one.application.as_ref())
        && format!("{application}/0").parse::<UnitName>().is_err()
    {
        let what = format!(
            "conductor.application in the site file: {application:?} is not the name of a Juju application"
        );
        add(keys(["conductor", "application"]), Some(usage(what, "look up its name: juju status")));
    }
    if let Ok(compute) = site.compute()
        && !compute.settings().is_empty()
    {
        let config = CharmConfig::new(&compute.application, compute.settings());
        let failure =
            config.err().map(|error| usage(error.to_string(), "look up its name: juju status"));
        add(keys(["compute", "application"]), failure);
    }
    for name in site.template.keys() {
        add(keys(["template", name]), value::<TemplateName>("[template.NAME]", name).err());
    }
    found.extend(releases(site));
    if is_of_file(&["driver", "version"]) {
        found.extend(driver_options(site));
    }
    found
}

/// Returns the releases in `[lint]` that there are not: everything would be checked against a misspelt word.
fn releases(site: &Site) -> Vec<Mistake> {
    let named =
        [("release", &site.lint.release, &RELEASES[..]), ("ceph", &site.lint.ceph, &CEPH[..])];
    let unknown = named.into_iter().filter(|(_, name, known)| !known.contains(&name.as_str()));
    unknown
        .map(|(key, name, known)| {
            let what = format!("lint.{key}: `{name}` is not a release that omega knows");
            let next = match nearest_name(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", known.join(", ")),
            };
            (keys(["lint", key]), usage(what, next))
        })
        .collect()
}

/// Returns what the driver would not read as it is written. Without `[driver]`, that is release 1.4.0.
fn driver_options(site: &Site) -> Vec<Mistake> {
    let spec = SiteSpec::new(site);
    let release = match &site.driver {
        Some(_) => spec.release().ok(),
        None => Some(DriverRelease::v1_4_0()),
    };
    let (Some(release), Ok(path)) = (release, spec.path()) else { return Vec::new() };
    let stand_in = Chart {
        repo: "https://stand-in.invalid".to_owned(),
        name: "stand-in".to_owned(),
        version: "0.0.0".to_owned(),
    };
    let chart = site.chart().unwrap_or(&stand_in);
    let api_resources = site.capi_helm.get("api_resources");
    // One that can't be read is told by those who read it.
    let api_resources = api_resources.and_then(|text| ApiResources::parse(text).ok());
    let options = CapiHelm { api_resources, ..spec.options(chart, &path) };
    let placed = |error: omega_driver::CapiHelmError| {
        let section = error.section.name();
        let of = |table: &std::collections::BTreeMap<_, _>| table.contains_key(&error.key);
        let own = match error.key.as_str() {
            _ if of(&site.capi_helm) => None,
            "kubeconfig_file" => Some(["management", "path"]),
            "helm_chart_repo" => Some(["chart", "repo"]),
            "helm_chart_name" => Some(["chart", "name"]),
            "default_helm_chart_version" => Some(["chart", "version"]),
            _ => None,
        };
        let at = own.map_or_else(|| keys([section, &error.key]), keys);
        // A key of [chart] can't be left out, as an option of the drop-in can.
        if let Some(["chart", key]) = own {
            let next = format!("write the {key} of the chart that clusters are made of");
            return (at, usage(format!("`{key}` in [chart]: {error}"), next));
        }
        let next = omega_core::Diagnostic::next(&error).unwrap_or_default();
        (at, usage(error.to_string(), next))
    };
    options.mistakes(&release).into_iter().map(placed).collect()
}

/// Returns what some operations refuse before they ask anybody. Others can be carried out.
pub(super) fn of_some(site: &Site) -> Vec<Mistake> {
    let mut found = Vec::new();
    if site.driver.is_some()
        && let Err(failure) = SiteSpec::new(site).known_release()
        && SiteSpec::new(site).release().is_ok()
    {
        found.push((keys(["driver", "version"]), failure));
    }
    if let Ok(helm) = site.helm()
        && helm_version(&helm.version).is_none()
    {
        let what = format!("helm.version in the site file: {:?} is not a version", helm.version);
        let next = "write what helm version --short prints, without what follows the +: 3.17.3";
        found.push((keys(["helm", "version"]), usage(what, next)));
    }
    if let Some(text) = site.capi_helm.get("api_resources") {
        for error in ApiResources::mistakes(text) {
            let failure = Failure::from_error("the driver can't use it", &error);
            let failure = Failure { class: FailureClass::Usage, ..failure };
            found.push((keys(["capi_helm", "api_resources"]), failure));
        }
    }
    found.extend(downloads(site));
    found.extend(web_addresses(site));
    found.extend(node_addresses(site));
    found
}

/// What pip would not take for a wheel of the driver, and what can't be the program itself.
fn downloads(site: &Site) -> Vec<Mistake> {
    let mut found = Vec::new();
    if let Ok(driver) = site.driver()
        && let (Some(wheel), Ok(release)) = (&driver.wheel, SiteSpec::new(site).release())
    {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy();
        if !release.names_wheel(&name) {
            let what = format!("driver.wheel: pip does not take {name:?} for a wheel of {release}");
            let next = format!(
                "give it the name of the index: magnum_capi_helm-{release}-py3-none-any.whl"
            );
            found.push((keys(["driver", "wheel"]), usage(what, next)));
        }
    }
    if let Ok(helm) = site.helm()
        && let (Some(url), None) = (&helm.url, &helm.member)
        && [".tar.gz", ".tgz"].iter().any(|end| url.ends_with(end))
    {
        let what = "helm.url: an archive is not the program, and `sha256` is the program's digest";
        let next = "add `archive_sha256`, and `member`: \"linux-amd64/helm\"";
        found.push((keys(["helm", "url"]), usage(what, next)));
    }
    found
}

/// Where pip, helm and the unit look: what is no address, they refuse.
fn web_addresses(site: &Site) -> Vec<Mistake> {
    let driver = site.driver.as_ref().and_then(|one| one.get_ref().index.as_deref());
    let helm = site.helm.as_ref().and_then(|one| one.get_ref().url.as_deref());
    let chart = site.chart.as_ref().map(Spanned::get_ref).map(|chart| chart.repo.as_str());
    let all = [
        (["driver", "index"], driver, &["https", "http", "file"][..]),
        (["helm", "url"], helm, &["https", "http", "file"][..]),
        (["chart", "repo"], chart, &["https", "http", "oci"][..]),
    ];
    let mut found = Vec::new();
    for (at, text, schemes) in all {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { continue };
        let is_address = |url: &Url| {
            schemes.contains(&url.scheme()) && (url.has_host() || url.scheme() == "file")
        };
        if !Url::parse(text).is_ok_and(|url| is_address(&url)) {
            let begins = schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>();
            let what = format!(
                "{}: not an address, which begins with {}",
                at.join("."),
                begins.join(" or ")
            );
            found.push((keys(at), usage(what, "write the whole address: https://host/path")));
        }
    }
    found
}

/// Addresses of clusters that are refused before one is created.
fn node_addresses(site: &Site) -> Vec<Mistake> {
    let ranges = KnownRanges { pool: site.network.pool, others: site.network.ranges.clone() };
    let values = ClusterValues {
        template: String::new(),
        keypair: None,
        master_count: 1,
        node_count: 1,
        labels: [].into(),
    };
    let mut found = Vec::new();
    for (name, spec) in &site.template {
        for why in address_mistakes(&ClusterShape::of_spec(spec, &values), &ranges) {
            let what = format!("[template.{name}]: {why}");
            let next = "correct `dns_nameserver`, or the label fixed_subnet_cidr";
            found.push((keys(["template", name]), usage(what, next)));
        }
    }
    if let Ok(prove) = site.prove() {
        let spec = crate::graft::template_of(prove);
        for why in address_mistakes(&ClusterShape::of_spec(&spec, &values), &ranges) {
            let next = "correct `dns_nameserver`, or the label fixed_subnet_cidr";
            found.push((keys(["prove", "dns_nameserver"]), usage(format!("[prove]: {why}"), next)));
        }
    }
    found
}
