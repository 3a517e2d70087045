//! `openstack-release`

use omega_core::Severity;

use super::super::Policy;
use super::{Application, Hit, Input, Rule, base::base_of};

pub(super) const RULE: Rule = Rule {
    id: "openstack-release",
    decision: Some("D-001"),
    severity: Severity::Broken,
    reason: "Every charm installs the packages of the same release of OpenStack.",
    source: "config.yaml of the charms, stable/2024.1: openstack-origin is caracal by default, of openstack-dashboard bobcat",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for application in &input.bundle.applications {
        hits.extend(of_option(application, input));
        hits.extend(of_default(application, input));
    }
    hits
}

/// The branches of some charms still have the default of an earlier release.
fn of_default(application: &Application, input: &Input<'_>) -> Option<Hit> {
    let charm = application.charm().filter(|_| !application.is_local())?;
    let default =
        input.charms.get(charm)?.options.get("openstack-origin")?.default.as_ref()?.as_str()?;
    let release = &input.policy.release;
    if default == release || default.is_empty() || application.option("openstack-origin").is_some()
    {
        return None;
    }
    // Ubuntu 24.04 has no archive of Caracal; the charm's default is overridden all the same.
    let right = archive(input.policy, base_of(application, input.bundle));
    let remedy = right
        .map_or_else(|| NO_ARCHIVE.to_owned(), |right| format!("set openstack-origin: {right}"));
    let summary =
        format!("openstack-origin is not set, and the default of this charm is {default}");
    Some(Hit::new(application.place, &application.name, summary, remedy))
}

const NO_ARCHIVE: &str = "name the archive that has this release for the application's base";

/// Returns the origin of the release on a base, where that is known: the cloud archive has Caracal for Ubuntu
/// 22.04 only, and Ubuntu 24.04 has it itself.
pub(super) fn archive(policy: &Policy, base: Option<&str>) -> Option<String> {
    let base = base.unwrap_or("jammy");
    let is = |version: &str, series: &str| base.contains(version) || base == series;
    match policy.release.as_str() {
        "caracal" if is("22.04", "jammy") => Some("cloud:jammy-caracal".to_owned()),
        "caracal" if is("24.04", "noble") => Some("distro".to_owned()),
        _ => None,
    }
}

/// Returns why a pocket of the cloud archive is not one of the release on this base.
pub(super) fn is_wrong(pocket: &str, policy: &Policy, base: Option<&str>) -> bool {
    let of_release = pocket.split(['/', '-']).any(|part| part == policy.release);
    let series = pocket.split('-').next().unwrap_or_default();
    let other_series = archive(policy, base).is_some_and(|right| {
        right.strip_prefix("cloud:").is_none_or(|right| !right.starts_with(series))
    });
    !of_release || other_series
}

fn of_option(application: &Application, input: &Input<'_>) -> Option<Hit> {
    let (release, value) = (&input.policy.release, application.option("openstack-origin")?);
    let origin = value.text()?;
    let base = base_of(application, input.bundle);
    let right = archive(input.policy, base);
    let summary = match origin.strip_prefix("cloud:") {
        Some(pocket) if is_wrong(pocket, input.policy, base) => {
            let on = base.map(|base| format!(" on {base}")).unwrap_or_default();
            format!("openstack-origin is {origin:?}: that is not {release}{on}")
        }
        None if origin == "distro" && right.as_deref().is_some_and(|right| right != "distro") => {
            "openstack-origin is \"distro\": on Ubuntu 22.04 that is Yoga (2022.1)".to_owned()
        }
        Some(_) | None => return None,
    };
    let remedy =
        right.as_ref().map_or_else(|| NO_ARCHIVE.to_owned(), |right| format!("set {right}"));
    let hit = Hit::new(value.place, &application.name, summary, remedy);
    Some(match right {
        Some(right) => hit.fix(value.text(), &right),
        None => hit,
    })
}
