//! Findings as SARIF 2.1.0, as GitHub's code scanning reads it.
//!
//! github/docs, sarif-support.md: a result needs a rule, a message and the place in a file of the
//! repository; empty texts are refused; a fingerprint tells results of two runs apart.

use omega_core::{Severity, Subject, values::Sha256};
use serde_json::{Value, json};

use super::{LintFinding, LintReport, Position, Rule};

/// Returns the report as a SARIF log. `version`: that of the program.
pub fn sarif(report: &LintReport, rules: &[Rule], version: &str) -> Value {
    let results: Vec<Value> = report.findings.iter().map(|one| result(one, rules)).collect();
    let driver = json!({
        "name": "omega-cli",
        "version": version,
        "semanticVersion": version,
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    })
}

fn rule(rule: &Rule) -> Value {
    let decision = rule.decision.map(|decision| format!(" ({decision})")).unwrap_or_default();
    json!({
        "id": rule.id,
        "shortDescription": { "text": format!("{}{decision}", rule.id) },
        "fullDescription": { "text": rule.reason },
        "help": { "text": format!("{} Source: {}", rule.reason, rule.source) },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(one: &LintFinding, rules: &[Rule]) -> Value {
    let finding = &one.finding;
    let remedy = finding.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    let file = one.position.as_ref().map_or("", |position| &position.file);
    let same = format!("{file} {} {} {}", finding.rule, finding.subject, finding.summary);
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": format!("{}: {}{remedy}", finding.subject.name, finding.summary) },
        "locations": [location(one)],
        "partialFingerprints": { "primaryLocationLineHash": format!("{}:1", Sha256::of(same.as_bytes())) },
    });
    if let (Some(nth), Some(fields)) =
        (rules.iter().position(|rule| rule.id == finding.rule), result.as_object_mut())
    {
        fields.insert("ruleIndex".to_owned(), json!(nth));
    }
    result
}

/// Returns where it is in a file; of what is not in one, which object it is (SARIF 2.1.0, 3.33).
fn location(one: &LintFinding) -> Value {
    let Some(Position { file, line, column }) = &one.position else {
        let Subject { noun, name } = &one.finding.subject;
        let full = format!("{noun}/{name}");
        let logical = json!({ "name": name, "kind": noun, "fullyQualifiedName": full });
        return json!({ "logicalLocations": [logical] });
    };
    let region = json!({ "startLine": line, "startColumn": column });
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) }, "region": region } })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Broken => "error",
        Severity::Warning => "warning",
        Severity::Waiting | Severity::Unknown | Severity::Note | _ => "note",
    }
}

/// A path as a relative reference: what may not stand in one is escaped.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::lint::{
        LintFinding, SourceFile,
        bundle::{Charms, Policy, lint, rules},
    };

    #[test]
    fn a_log_names_rule_place_and_level() {
        let text = "default-base: ubuntu@22.04\napplications:\n  k: {charm: glance-simplestreams-sync, channel: 2024.1/stable, options: {run: true}}\n";
        let file = SourceFile { name: "./my bundle.yaml".to_owned(), text: text.to_owned() };
        let report = lint(&[file], &Policy::default(), Charms::known()).unwrap();
        let log = super::sarif(&report, &rules(), "1.2.3");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "image-sync");
        assert_eq!(result["level"], "warning");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "my%20bundle.yaml");
        assert_eq!(place["region"], serde_json::json!({ "startLine": 3, "startColumn": 80 }));
        let nth = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][nth]["id"], "image-sync");
    }

    /// Types that were generated from the schema of SARIF 2.1.0 read it, and nothing of it is lost: every name
    /// and value is one that the schema has.
    fn is_of_the_schema(log: &Value) -> Result<(), String> {
        let read: serde_sarif::sarif::Sarif =
            serde_json::from_value(log.clone()).map_err(|error| error.to_string())?;
        let kept = serde_json::to_value(read).map_err(|error| error.to_string())?;
        if kept == *log { Ok(()) } else { Err(format!("the schema has no more than {kept:#}")) }
    }

    #[test]
    fn a_log_is_of_the_schema() {
        let text = "default-base: ubuntu@22.04\napplications:\n  k: {charm: glance-simplestreams-sync, channel: 2024.1/stable, options: {run: true}}\n";
        let file = SourceFile { name: "bundle.yaml".to_owned(), text: text.to_owned() };
        let mut report = lint(&[file], &Policy::default(), Charms::known()).unwrap();
        let nowhere = omega_core::Finding::broken(
            "template-without-cni",
            omega_core::Subject::new("template", "k8s"),
            "wrong",
        );
        report.findings.push(LintFinding::new(None, nowhere));
        let log = super::sarif(&report, &rules(), "1.2.3");
        assert!(log["runs"][0]["results"].as_array().is_some_and(|all| all.len() > 1));
        assert_eq!(is_of_the_schema(&log), Ok(()));
        for (place, wrong) in [
            ("/runs/0/results/0/level", json!("broken")),
            ("/runs/0/results/0/message", json!("a text")),
            ("/runs/0/results/0/locations/0", json!({ "place": 1 })),
            ("/runs/0/tool/driver", json!({ "rules": [] })),
        ] {
            let mut log = log.clone();
            *log.pointer_mut(place).unwrap() = wrong;
            assert!(is_of_the_schema(&log).is_err(), "{place}");
        }
    }

    /// What is in no file is named in place of a position.
    #[test]
    fn what_is_in_no_file_has_a_logical_location() {
        let finding = omega_core::Finding::broken(
            "node-network",
            omega_core::Subject::new("template", "k8s"),
            "wrong",
        );
        let findings = vec![crate::lint::LintFinding::new(None, finding)];
        let report = crate::lint::LintReport::new(Vec::new(), findings);
        let log = super::sarif(&report, &crate::lint::templates::rules(), "1.2.3");
        let location = &log["runs"][0]["results"][0]["locations"][0];
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "template/k8s");
        assert!(location.get("physicalLocation").is_none(), "{location}");
    }
}
