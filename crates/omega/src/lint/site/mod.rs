//! Checks the site file against the decisions: what it says can be used, and may still not be what was decided.

mod rules;
#[cfg(test)]
mod tests;

use omega_core::Finding;
use omega_driver::DriverRelease;

use super::{
    LintFinding, LintReport, Rule,
    bundle::Charms,
    network::{self, NetworkSources},
};
use crate::{graft::SiteSpec, site::PlacedSite};

/// What a rule looks at.
struct Input<'a> {
    placed: &'a PlacedSite,
    /// The driver that it pins; 1.4.0 if it pins none, and none if that is not a release.
    driver: Option<DriverRelease>,
}

impl Input<'_> {
    /// Returns a finding at a value, or where it would be.
    fn at<K: AsRef<str>>(&self, keys: &[K], finding: Finding) -> LintFinding {
        LintFinding::new(self.placed.places.nearest(keys), finding)
    }

    /// Returns the version of the chart, as it is written.
    fn chart(&self) -> Option<&str> {
        self.placed.site.chart().ok().map(|chart| chart.version.as_str())
    }
}

/// Returns every rule: its own, then those of the address plan.
pub fn rules() -> Vec<Rule> {
    let own = rules::ALL.iter().flat_map(|(rules, _)| rules.iter().copied());
    let mut all: Vec<Rule> = own.collect();
    for rule in network::rules() {
        if all.iter().all(|known| known.id != rule.id) {
            all.push(rule);
        }
    }
    all
}

/// Checks a site file. Nothing is contacted, and no other file is read.
pub fn lint(placed: &PlacedSite, charms: &Charms) -> LintReport {
    let driver = match &placed.site.driver {
        Some(_) => SiteSpec::new(&placed.site).release().ok(),
        None => Some(DriverRelease::v1_4_0()),
    };
    let input = Input { placed, driver };
    let mut findings: Vec<LintFinding> =
        rules::ALL.iter().flat_map(|(_, check)| check(&input)).collect();
    // Without a bundle there is none that could not be read.
    let sources = NetworkSources { site: placed, bundle: &[], live: None };
    if let Ok((report, _)) = network::lint(&sources, charms) {
        findings.extend(report.findings);
    }
    LintReport::new(placed.source.iter().map(|file| file.name.clone()).collect(), findings)
}
