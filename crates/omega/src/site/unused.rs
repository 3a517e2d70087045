//! What a reader of the site file may think that it does, and it does not.

use omega_core::nearest_name;
use omega_driver::{DriverRelease, template::ignored_label};

use super::{
    Acceptance, Site,
    expected::usage,
    reading::{Mistake, keys},
};
use crate::{
    acceptance::items::{CORE, CoreService},
    graft::SiteSpec,
    lint::bundle::Charms,
};

/// Returns the values without effect, and what an acceptance can't check.
pub(super) fn all(site: &Site) -> Vec<Mistake> {
    let mut found = labels(site);
    found.extend(unknown_charms(site).into_iter().map(|(at, name, near)| {
        let what = format!("`{name}` is not a charm that omega knows");
        (at, usage(what, near))
    }));
    if let Some(acceptance) = &site.acceptance {
        let acceptance = acceptance.get_ref();
        found.extend(of_acceptance(acceptance));
        found.extend(services(acceptance).into_iter().filter(|one| !one.0).map(|(_, one)| one));
    }
    found
}

/// Returns the charms in `[lint]` that omega does not know: where, which one, and what to do.
pub(crate) fn unknown_charms(site: &Site) -> Vec<(Vec<String>, String, String)> {
    let charms = &Charms::known().charms;
    let channels = site.lint.channels.keys().map(|name| (keys(["lint", "channels", name]), name));
    let clustered = site.lint.clustered.iter().enumerate();
    let clustered =
        clustered.map(|(nth, name)| (keys(["lint", "clustered", &nth.to_string()]), name));
    let unknown = channels.chain(clustered).filter(|(_, name)| !charms.contains_key(*name));
    unknown
        .map(|(at, name)| {
            let next = match nearest_name(name, charms.keys().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "nothing, if the bundle has such a charm".to_owned(),
            };
            (at, name.clone(), next)
        })
        .collect()
}

/// Returns the core services that no cloud has.
pub(super) fn misnamed(site: &Site) -> Vec<Mistake> {
    let Some(acceptance) = &site.acceptance else { return Vec::new() };
    let all = services(acceptance.get_ref()).into_iter();
    all.filter(|one| one.0).map(|(_, mistake)| mistake).collect()
}

/// Returns the core services that are not known, and whether another one was meant.
fn services(acceptance: &Acceptance) -> Vec<(bool, Mistake)> {
    let named = acceptance.core.iter().flatten().enumerate();
    let judged = named.filter(|(_, name)| !name.trim().is_empty()).filter_map(|(nth, name)| {
        let at = keys(["acceptance", "core", &nth.to_string()]);
        let (is_meant, next) = match CoreService::of(name) {
            CoreService::Known => return None,
            CoreService::Meant(meant) => (true, format!("did you mean `{meant}`?")),
            CoreService::Unknown => {
                let next = format!(
                    "check that the catalog lists a service of this type; the runbook's are {}",
                    CORE.join(", ")
                );
                (false, next)
            }
        };
        let what = format!("acceptance.core: `{name}` is not a type of service that omega knows");
        Some((is_meant, (at, usage(what, next))))
    });
    judged.collect()
}

fn of_acceptance(acceptance: &Acceptance) -> Vec<Mistake> {
    let Acceptance { tenant, tenant_address, cluster, create_cluster, failover, .. } = acceptance;
    let Acceptance { load_balancer_image, vault, vault_ca, core, horizon, .. } = acceptance;
    let no_cluster = cluster.is_none() && create_cluster.is_none();
    let dashboard = match core {
        Some(core) => core.iter().any(|one| one == "dashboard"),
        None => true,
    };
    let name_cluster = "name `cluster`, or add [acceptance.create_cluster]";
    let rules = [
        (
            tenant_address.is_some() && tenant.is_none(),
            "tenant_address",
            "`tenant_address` has no effect without `tenant`",
            "name the server on a tenant network: `tenant`",
        ),
        (
            *failover && no_cluster,
            "failover",
            "`failover` has no effect without a cluster",
            name_cluster,
        ),
        (
            load_balancer_image.is_some() && no_cluster,
            "load_balancer_image",
            "`load_balancer_image` has no effect without a cluster",
            name_cluster,
        ),
        (
            vault_ca.is_some() && vault.is_empty(),
            "vault_ca",
            "`vault_ca` has no effect without `vault`",
            "name the address of each unit of Vault: `vault`",
        ),
        (
            horizon.is_some() && !dashboard,
            "horizon",
            "`horizon` has no effect: `dashboard` is not in `core`",
            "add it to `core`",
        ),
        (
            horizon.is_none() && dashboard,
            "core",
            "`dashboard` is a core service, and no address of Horizon is named: D-011.2 stays open",
            "name `horizon` in [acceptance], or leave `dashboard` out of `core`",
        ),
    ];
    let broken = rules.into_iter().filter(|(bad, ..)| *bad);
    broken.map(|(_, key, what, next)| (keys(["acceptance", key]), usage(what, next))).collect()
}

/// Returns the labels that the driver does not read.
fn labels(site: &Site) -> Vec<Mistake> {
    let release = match &site.driver {
        Some(_) => SiteSpec::new(site).release().ok(),
        None => Some(DriverRelease::v1_4_0()),
    };
    let Some(release) = release else { return Vec::new() };
    let templates = site.template.iter();
    let templates = templates.map(|(name, spec)| (keys(["template", name]), &spec.labels));
    let prove = site.prove.iter().map(|prove| (keys(["prove"]), &prove.labels));
    let acceptance = site.acceptance.as_ref().and_then(|one| one.get_ref().create_cluster.as_ref());
    let create = acceptance.map(|one| (keys(["acceptance", "create_cluster"]), &one.labels));
    let mut found = Vec::new();
    for (table, labels) in templates.chain(prove).chain(create) {
        for label in labels.keys() {
            let Some(finding) = ignored_label(&release, label) else { continue };
            let at = table.iter().cloned().chain(["labels".to_owned(), label.clone()]).collect();
            let next = finding.remedy.unwrap_or_default();
            found.push((at, usage(finding.summary, next)));
        }
    }
    found
}
