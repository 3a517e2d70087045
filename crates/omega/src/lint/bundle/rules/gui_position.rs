//! `gui-position`

use omega_core::Severity;

use super::{Application, Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "gui-position",
    decision: None,
    severity: Severity::Note,
    reason: "Two applications at one place cover each other in Juju's dashboard.",
    source: "the anti-patterns of the decisions",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let applications = &input.bundle.applications;
    let placed: Vec<_> =
        applications.iter().filter_map(|one| Some((one, position(one)?))).collect();
    let mut hits = Vec::new();
    for (nth, (application, at)) in placed.iter().enumerate() {
        let earlier = placed.iter().take(nth).find(|(_, other)| other == at);
        let Some((other, _)) = earlier else { continue };
        let place = application.field("annotations").map_or(application.place, |value| value.place);
        let summary = format!("{} is at the same place ({}, {})", other.name, at.0, at.1);
        hits.push(Hit::new(place, &application.name, summary, "change gui-x or gui-y"));
    }
    hits
}

fn position(application: &Application) -> Option<(&str, &str)> {
    let annotations = application.field("annotations")?;
    Some((annotations.get("gui-x")?.text()?, annotations.get("gui-y")?.text()?))
}
