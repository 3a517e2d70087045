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
    let own = bundle.applications.iter().map(|one| (one.name.as_str(), one.field("base")));
    let all = [("bundle", bundle.root.get("default-base").filter(|value| !value.is_null()))];
    let named = all.into_iter().chain(own).filter_map(|(name, value)| Some((name, value?)));
    let wrong =
        named.filter(|(_, value)| !value.text().is_some_and(is_base)).map(|(name, value)| {
            let said = value.text().unwrap_or(value.kind());
            let summary = format!("{said:?} is no base: Juju refuses the bundle");
            let remedy = "write the system and its version: ubuntu@22.04, or ubuntu@22.04/stable";
            Hit::new(value.place, name, summary, remedy).severity(Severity::Broken)
        });
    let mut hits: Vec<Hit> = wrong.collect();
    let applications = bundle.applications.iter();
    hits.extend(
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
            }),
    );
    hits
}

/// As juju/juju core/base (`ParseBaseFromString`): a system and a channel, which is a track and maybe a risk.
fn is_base(text: &str) -> bool {
    let Some((system, channel)) = text.split_once('@') else { return false };
    let parts: Vec<&str> = channel.split('/').collect();
    let risks = ["stable", "candidate", "beta", "edge"];
    match parts.as_slice() {
        [track] => !system.is_empty() && !track.is_empty(),
        [track, risk] => !system.is_empty() && !track.is_empty() && risks.contains(risk),
        _ => false,
    }
}

/// Returns the base or series of an application.
pub(super) fn base_of<'a>(application: &'a Application, bundle: &'a Bundle) -> Option<&'a str> {
    let own = application.text("base").or_else(|| application.text("series"));
    let of_bundle = |key| bundle.root.get(key).and_then(|value| value.text());
    own.or_else(|| of_bundle("default-base")).or_else(|| of_bundle("series"))
}
