//! `juju-merge`

use omega_core::{Severity, nearest_name};

use super::super::{Place, Value};
use super::{Hit, Input, Problem, ProblemKind, Rule};

pub(super) const RULE: Rule = Rule {
    id: "juju-merge",
    decision: None,
    severity: Severity::Warning,
    reason: "What Juju drops without a word, or refuses, when it reads a bundle and merges its overlays.",
    source: "juju/charm v12 overlay.go, bundledata.go, bundledatasrc.go; juju/juju#19708",
};

/// The keys of a bundle, and of its applications.
const OF_BUNDLE: [&str; 11] = [
    "applications",
    "relations",
    "machines",
    "series",
    "default-base",
    "saas",
    "description",
    "type",
    "tags",
    "name",
    "docs",
];
const OF_APPLICATION: [&str; 18] = [
    "charm",
    "channel",
    "revision",
    "series",
    "base",
    "num_units",
    "scale",
    "to",
    "options",
    "bindings",
    "resources",
    "annotations",
    "constraints",
    "storage",
    "devices",
    "expose",
    "trust",
    "plan",
];
/// Where public bundles keep their anchors. Juju drops it, as they intend.
const ANCHORS: &str = "variables";
const OF_OVERLAY: [&str; 2] = ["offers", "exposed-endpoints"];

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let mut hits: Vec<Hit> = input.problems.iter().map(problem).collect();
    for entry in bundle.root.entries() {
        if entry.key == "services" {
            let hit = Hit::new(
                entry.place,
                "bundle",
                "`services` is no longer read (Juju 3.0)",
                "write applications",
            );
            hits.push(hit.severity(Severity::Broken));
        } else if !OF_BUNDLE.contains(&entry.key.as_str()) && entry.key != ANCHORS {
            hits.push(unknown("bundle", &entry.key, entry.place, &OF_BUNDLE));
        }
    }
    if bundle.applications.is_empty() {
        let summary = "there is no application: Juju refuses the bundle";
        let hit =
            Hit::new(bundle.root.place, "bundle", summary, "name the bundle before its overlays");
        hits.push(hit.severity(Severity::Broken));
    }
    for application in &bundle.applications {
        if !is_name(&application.name) {
            let summary = "this is no name of an application: Juju refuses the bundle";
            let remedy = "use lower-case letters, digits and hyphens, with a letter in each part";
            let hit = Hit::new(application.place, &application.name, summary, remedy);
            hits.push(hit.severity(Severity::Broken));
        }
        if application.charm().is_none() {
            let summary = "no charm: Juju refuses the bundle";
            let remedy = "name its charm; if this is an overlay, give the bundle before it";
            let hit = Hit::new(application.place, &application.name, summary, remedy);
            hits.push(hit.severity(Severity::Broken));
        }
        if application.units().is_none() {
            let place =
                application.field("num_units").map_or(application.place, |value| value.place);
            let hit = Hit::new(
                place,
                &application.name,
                "num_units is not a number from 0 on",
                "write a number",
            );
            hits.push(hit.severity(Severity::Broken));
        }
        for entry in application.value.entries() {
            let known = OF_APPLICATION.contains(&entry.key.as_str())
                || OF_OVERLAY.contains(&entry.key.as_str());
            if !known {
                hits.push(unknown(&application.name, &entry.key, entry.place, &OF_APPLICATION));
            }
        }
        if let (Some(revision), None) =
            (application.field("revision"), application.field("channel"))
        {
            let summary = "revision needs a channel: Juju refuses the bundle";
            let hit = Hit::new(
                revision.place,
                &application.name,
                summary,
                "add the channel of this revision",
            );
            hits.push(hit.severity(Severity::Broken));
        }
        if let Some(to) = application.field("to").filter(|to| matches!(to.kind(), "text" | "a map"))
        {
            hits.push(wrong_type(&application.name, "to", to));
        }
    }
    hits
}

/// As juju/names v5, application.go (`ApplicationSnippet`): parts with hyphens between them, each with a
/// letter, and the first one begins with it.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().any(|c| c.is_ascii_lowercase())
    };
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.split('-').all(part)
}

fn problem(problem: &Problem) -> Hit {
    let remedy = match problem.kind {
        ProblemKind::IgnoredDefaultBase => "set it in the base bundle",
        ProblemKind::OverlayOnly => "move it to an overlay",
        ProblemKind::WrongType => "write a list",
        ProblemKind::Overridden => "remove one of them",
    };
    let severity = match problem.kind {
        ProblemKind::OverlayOnly | ProblemKind::WrongType => Severity::Broken,
        ProblemKind::IgnoredDefaultBase | ProblemKind::Overridden => Severity::Warning,
    };
    Hit::new(problem.place, "bundle", problem.text.clone(), remedy).severity(severity)
}

fn unknown(owner: &str, key: &str, place: Place, known: &[&str]) -> Hit {
    let near = nearest_name(key, known.iter().copied());
    let summary = format!("Juju does not know the key `{key}`, and drops it");
    if let Some(near) = near {
        return Hit::new(place, owner, summary, format!("write {near}, or remove it"));
    }
    // Other programs keep keys of their own in bundles.
    let remedy = "remove it, unless another program reads it";
    Hit::new(place, owner, summary, remedy).severity(Severity::Note)
}

fn wrong_type(owner: &str, key: &str, value: &Value) -> Hit {
    let summary = format!("`{key}` is {}, not a list: Juju drops the whole document", value.kind());
    Hit::new(value.place, owner, summary, "write a list").severity(Severity::Broken)
}
