//! `openstack-release`

use omega_core::Severity;

use super::{Application, Hit, Input, Rule};

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
    let summary =
        format!("openstack-origin is not set, and the default of this charm is {default}");
    let remedy = format!("set openstack-origin: cloud:jammy-{release}");
    Some(Hit::new(application.place, &application.name, summary, remedy))
}

fn of_option(application: &Application, input: &Input<'_>) -> Option<Hit> {
    let (release, value) = (&input.policy.release, application.option("openstack-origin")?);
    let origin = value.text()?;
    if let Some(pocket) = origin.strip_prefix("cloud:") {
        // cloud:jammy-caracal, cloud:jammy-caracal/proposed, cloud:jammy-updates/caracal
        let names_it = pocket.split(['/', '-']).any(|part| part == release);
        if names_it {
            return None;
        }
        let series = pocket.split('-').next().unwrap_or("jammy");
        let right = format!("cloud:{series}-{release}");
        let summary = format!("openstack-origin is {origin:?}, not {release}");
        return Some(
            Hit::new(value.place, &application.name, summary, format!("set {right}"))
                .fix(value.text(), &right),
        );
    }
    let on_jammy = super::base::base_of(application, input.bundle)
        .is_none_or(|base| base.contains("22.04") || base == "jammy");
    if origin == "distro" && on_jammy {
        let summary = "openstack-origin is \"distro\": on Ubuntu 22.04 that is Yoga (2022.1)";
        let right = format!("cloud:jammy-{release}");
        return Some(
            Hit::new(value.place, &application.name, summary, format!("set {right}"))
                .fix(value.text(), &right),
        );
    }
    None
}
