//! What a look found, for Prometheus: its text format 0.0.4.
//!
//! Names and labels follow `prometheus.io/docs/practices/naming` and `instrumenting/writing_exporters`: base
//! units, times as `_timestamp_seconds` and not as ages, `_total` for counters only, no time beside a
//! sample, and no label that a scrape configuration sets.

use std::fmt::{Display, Write as _};

use super::{
    DifferenceKind, DriftReport, Standing, State,
    expiry::EXPIRY,
    facts::{EXPIRES, time},
};

/// The media type of the text. Prometheus 3 refuses another one.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns what the last look found; none: there was none yet.
pub fn metrics(last: Option<&DriftReport>) -> String {
    let mut text = Text(String::new());
    text.family("omega_drift_build_info", "gauge", "The version of omega.");
    text.sample("omega_drift_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let Some(last) = last else { return text.0 };
    looks(&mut text, last);
    standings(&mut text, &last.standings);
    text.0
}

fn looks(text: &mut Text, last: &DriftReport) {
    for (name, kind, help, value) in [
        (
            "omega_drift_last_look_timestamp_seconds",
            "gauge",
            "When the last look at the site began.",
            last.at.as_second().to_string(),
        ),
        (
            "omega_drift_last_look_duration_seconds",
            "gauge",
            "How long the last look took.",
            format!("{:.3}", last.seconds),
        ),
        (
            "omega_drift_baseline_timestamp_seconds",
            "gauge",
            "When the baseline was recorded or accepted.",
            last.baseline.as_second().to_string(),
        ),
        (
            "omega_drift_looks_total",
            "counter",
            "Looks at the site with this baseline.",
            last.looks.to_string(),
        ),
    ] {
        text.family(name, kind, help);
        text.sample(name, &[], value);
    }
    let name = "omega_drift_changes_total";
    text.family(name, "counter", "Differences that a look was the first to find.");
    for kind in DifferenceKind::ALL {
        let count = last.found.get(kind.name()).copied().unwrap_or_default();
        text.sample(name, &[("kind", kind.name())], count);
    }
    let name = "omega_drift_differences";
    text.family(name, "gauge", "Differences that are there now.");
    for kind in DifferenceKind::ALL.into_iter().filter(|kind| *kind != DifferenceKind::Recovered) {
        text.sample(name, &[("kind", kind.name())], last.count(kind));
    }
}

fn standings(text: &mut Text, all: &[Standing]) {
    let name = "omega_drift_rule_state";
    text.family(name, "gauge", "1 for the state of the rule or fact, 0 for the others.");
    for one in all {
        for word in State::WORDS {
            let labels = [&labels(one)[..], &[("state", word)]].concat();
            text.sample(name, &labels, u8::from(one.state == word));
        }
    }
    let name = "omega_drift_rule_changed";
    text.family(name, "gauge", "1 if it differs from the baseline or from the site file.");
    for one in all {
        text.sample(name, &labels(one), u8::from(one.changed));
    }
    let name = "omega_drift_credential_expires_timestamp_seconds";
    text.family(name, "gauge", "When a kubeconfig, a token or a certificate ends.");
    for one in all.iter().filter(|one| one.observation.id.kind == EXPIRY) {
        if let Some(end) = time(&one.observation, EXPIRES) {
            let labels = labels(one);
            text.sample(name, &labels, end.as_second());
        }
    }
}

/// The rule of a check, or the kind of a step and what it is about.
fn labels(one: &Standing) -> [(&'static str, &str); 4] {
    let id = &one.observation.id;
    let (rule, key) = match id.kind.as_str() {
        "gate" | "finding" => (&id.key, ""),
        _ => (&id.kind, id.key.as_str()),
    };
    let subject = &one.observation.subject.name;
    [("target", &id.target), ("rule", rule), ("key", key), ("subject", subject)]
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let labels = labels.collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// In a label's value a backslash, a quote and a line feed are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
