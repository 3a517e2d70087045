//! Renders what a lint found.

use std::{collections::HashMap, fmt::Write as _};

use omega::{
    core::{Severity, masked_line},
    lint::{LintFinding, LintReport, Position, SourceFile},
};

use super::{Screen, layout::wrap};

/// Returns the findings, each with the line that it is about, and their number. `asked`: what was looked at
/// beside the files (`3 templates`).
pub(crate) fn lint(
    report: &LintReport,
    files: &[SourceFile],
    asked: Option<&str>,
    screen: &Screen,
) -> String {
    let mut text = String::new();
    let lines: HashMap<&str, Vec<&str>> =
        files.iter().map(|file| (file.name.as_str(), file.text.lines().collect())).collect();
    for one in &report.findings {
        let line = one.position.as_ref().and_then(|position| {
            let line = lines.get(position.file.as_str())?.get(position.line.saturating_sub(1))?;
            Some((position, masked_line(line)))
        });
        let line = line.as_ref().map(|(position, line)| (*position, line.as_str()));
        finding(&mut text, one, line, screen.width.min(100));
    }
    let errors = report.count(Severity::Broken);
    let warnings = report.count(Severity::Warning);
    let unknown = report.count(Severity::Unknown);
    let notes = report.findings.len() - errors - warnings - unknown;
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let counts = [plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note")];
    let unknown = if unknown > 0 { format!(", {unknown} not known") } else { String::new() };
    let files =
        (!report.files.is_empty() || asked.is_none()).then(|| plural(report.files.len(), "file"));
    let places = [asked.map(str::to_owned), files].into_iter().flatten().collect::<Vec<_>>();
    let _ = write!(text, "{}{unknown} in {}", counts.join(", "), places.join(" and "));
    text
}

fn finding(text: &mut String, one: &LintFinding, line: Option<(&Position, &str)>, width: usize) {
    let finding = &one.finding;
    let decision = finding.decision.as_deref().map(|id| format!(", {id}")).unwrap_or_default();
    // What is in no file is named in full in place of a position.
    let (place, name) = match &one.position {
        Some(Position { file, line, column }) => {
            (format!("{}:{line}:{column}", plain(file)), plain(&finding.subject.name))
        }
        None => (plain(&finding.subject.noun), plain(&finding.subject.name)),
    };
    let word = word(finding.severity);
    let _ = match &one.position {
        Some(_) => writeln!(text, "{place}: {word}: {name} [{}{decision}]", finding.rule),
        None => writeln!(text, "{place} {name}: {word} [{}{decision}]", finding.rule),
    };
    for line in wrap(&plain(&finding.summary), width.saturating_sub(4)) {
        let _ = writeln!(text, "    {line}");
    }
    if let Some((position, line)) = line {
        let number = position.line.to_string();
        // One character for each: the mark stays below its column.
        let shown: String =
            line.chars().take(120).map(|c| if is_obeyed(c) { ' ' } else { c }).collect();
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
        for (nth, line) in wrap(&plain(remedy), width.saturating_sub(10)).iter().enumerate() {
            let _ = writeln!(text, "    {} {line}", if nth == 0 { "next:" } else { "     " });
        }
    }
    text.push('\n');
}

/// A name of a file is not trusted: it could forge a line, or clear the screen.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
        let finding = &one.finding;
        let command = match finding.severity {
            Severity::Broken => "error",
            Severity::Warning => "warning",
            Severity::Waiting | Severity::Unknown | Severity::Note | _ => "notice",
        };
        let remedy =
            finding.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let message = format!("{}: {}{remedy}", finding.subject.name, finding.summary);
        let place = one.position.as_ref().map(|Position { file, line, column }| {
            format!("file={},line={line},col={column},", property(file))
        });
        let place = place.unwrap_or_default();
        format!("::{command} {place}title={}::{}", property(&finding.rule), data(&message))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(plain).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
