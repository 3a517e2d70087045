//! `base`

use omega_core::Severity;

use super::super::Bundle;
use super::{Application, Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "base",
    decision: None,
    severity: Severity::Warning,
    reason: "Without a base Juju takes the newest that the charm supports, which need not be that of its neighbours.",
    source: "juju/charm v12 bundledata.go (default-base, series)",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let applications = bundle.applications.iter();
    applications
        .filter(|application| application.units().is_some_and(|units| units > 0))
        .filter(|application| base_of(application, bundle).is_none() && !application.is_local())
        .map(|application| {
            let summary = "no base: neither the bundle nor the application names one";
            Hit::new(
                application.place,
                &application.name,
                summary,
                "set default-base: ubuntu@22.04/stable",
            )
        })
        .collect()
}

/// Returns the base or series of an application.
pub(super) fn base_of<'a>(application: &'a Application, bundle: &'a Bundle) -> Option<&'a str> {
    let own = application.text("base").or_else(|| application.text("series"));
    let of_bundle = |key| bundle.root.get(key).and_then(|value| value.text());
    own.or_else(|| of_bundle("default-base")).or_else(|| of_bundle("series"))
}
