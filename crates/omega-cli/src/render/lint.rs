//! Renders what a lint found.

use std::fmt::Write as _;

use omega::{
    core::Severity,
    lint::{LintFinding, LintReport, SourceFile},
};

use super::{Screen, layout::wrap};

/// Returns the findings, each with the line that it is about, and their number.
pub(crate) fn lint(report: &LintReport, files: &[SourceFile], screen: &Screen) -> String {
    let mut text = String::new();
    for one in &report.findings {
        finding(&mut text, one, files, screen.width.min(100));
    }
    let errors = report.count(Severity::Broken);
    let warnings = report.count(Severity::Warning);
    let others = report.findings.len() - errors - warnings;
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let counts = [plural(errors, "error"), plural(warnings, "warning"), plural(others, "note")];
    let _ = write!(text, "{} in {}", counts.join(", "), plural(report.files.len(), "file"));
    text
}

fn finding(text: &mut String, one: &LintFinding, files: &[SourceFile], width: usize) {
    let (position, finding) = (&one.position, &one.finding);
    let decision = finding.decision.as_deref().map(|id| format!(", {id}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "{}:{}:{}: {}: {} [{}{decision}]",
        position.file,
        position.line,
        position.column,
        word(finding.severity),
        finding.subject.name,
        finding.rule
    );
    for line in wrap(&finding.summary, width.saturating_sub(4)) {
        let _ = writeln!(text, "    {line}");
    }
    let file = files.iter().find(|file| file.name == position.file);
    if let Some(line) = file.and_then(|file| file.text.lines().nth(position.line.saturating_sub(1)))
    {
        let number = position.line.to_string();
        let shown: String = line.chars().take(120).collect();
        let _ = writeln!(text, "    {number} | {shown}");
        if position.column <= 120 {
            let _ = writeln!(
                text,
                "    {} | {}^",
                " ".repeat(number.len()),
                " ".repeat(position.column - 1)
            );
        }
    }
    if let Some(remedy) = &finding.remedy {
        for (nth, line) in wrap(remedy, width.saturating_sub(10)).iter().enumerate() {
            let _ = writeln!(text, "    {} {line}", if nth == 0 { "next:" } else { "     " });
        }
    }
    text.push('\n');
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Broken => "error",
        Severity::Warning => "warning",
        Severity::Unknown => "unknown",
        Severity::Waiting | Severity::Note | _ => "note",
    }
}

/// Returns the findings as annotations of GitHub's workflows. What has a meaning in them is escaped
/// (actions/toolkit, packages/core/src/command.ts).
pub(crate) fn annotations(report: &LintReport) -> String {
    let lines = report.findings.iter().map(|one| {
        let (position, finding) = (&one.position, &one.finding);
        let command = match finding.severity {
            Severity::Broken => "error",
            Severity::Warning => "warning",
            Severity::Waiting | Severity::Unknown | Severity::Note | _ => "notice",
        };
        let remedy =
            finding.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let message = format!("{}: {}{remedy}", finding.subject.name, finding.summary);
        format!(
            "::{command} file={},line={},col={},title={}::{}",
            property(&position.file),
            position.line,
            position.column,
            property(&finding.rule),
            data(&message)
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
