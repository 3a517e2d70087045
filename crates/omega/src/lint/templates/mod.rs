//! Checks the cluster templates that Magnum has.
//!
//! They are in no file: a finding has its template in place of a position.

mod rules;
mod seen;
#[cfg(test)]
mod tests;

use omega_capi::coherence::TemplateFacts;
use omega_core::{Finding, Subject};
use omega_driver::DriverRelease;
use omega_openstack::container_infra::{ClusterShape, Template};

pub use seen::{NoTemplate, SeenTemplates, read};

use super::{LintFinding, LintReport, Rule, network::of_site::values};
use crate::{coherence::template_facts, graft::SiteSpec, site::PlacedSite};

/// What a rule looks at.
struct Input<'a> {
    placed: &'a PlacedSite,
    seen: &'a SeenTemplates,
    /// The driver of the site; 1.4.0 if it names none.
    driver: DriverRelease,
    /// Those of the driver's clusters.
    templates: Vec<Judged<'a>>,
}

/// A template, and what is made of it.
struct Judged<'a> {
    template: &'a Template,
    facts: TemplateFacts,
    shape: ClusterShape,
    subject: Subject,
}

impl Judged<'_> {
    /// Makes what was found of a label, an image or an option a finding of this template.
    fn found(&self, mut finding: Finding) -> LintFinding {
        finding.subject = self.subject.clone();
        LintFinding::new(None, finding)
    }
}

impl Input<'_> {
    /// Returns the version of the site's chart, as it is written.
    fn chart(&self) -> Option<&str> {
        self.placed.site.chart().ok().map(|chart| chart.version.as_str())
    }
}

/// Returns every rule, in the order of the decisions.
pub fn rules() -> Vec<Rule> {
    rules::ALL.iter().flat_map(|(rules, _)| rules.iter().copied()).collect()
}

/// Checks templates. `seen`: what [`read`] returned.
pub fn lint(placed: &PlacedSite, seen: &SeenTemplates) -> LintReport {
    let driver = match &placed.site.driver {
        Some(_) => SiteSpec::new(&placed.site).release().ok(),
        None => None,
    };
    let templates = seen.templates.iter().map(|template| judged(template, seen)).collect();
    let driver = driver.unwrap_or_else(DriverRelease::v1_4_0);
    let input = Input { placed, seen, driver, templates };
    let findings = rules::ALL.iter().flat_map(|(_, check)| check(&input)).collect();
    LintReport::new(placed.source.iter().map(|file| file.name.clone()).collect(), findings)
}

fn judged<'a>(template: &'a Template, seen: &SeenTemplates) -> Judged<'a> {
    let facts = template_facts(template, &seen.clusters);
    // Magnum permits two of one name.
    let twice = seen.templates.iter().filter(|one| one.name == template.name).count() > 1;
    let name = if twice && !template.name.is_empty() {
        format!("{} ({})", facts.name, template.uuid)
    } else {
        facts.name.clone()
    };
    let shape = ClusterShape::of(template, &values());
    Judged { template, facts, shape, subject: Subject::new("template", name) }
}
