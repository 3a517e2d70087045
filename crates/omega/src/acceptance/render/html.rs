//! The report as one page. It needs no network and no script, and what comes from elsewhere is escaped.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use omega_core::{Evidence, Finding, Note, Observation, Severity, values::Sha256};

use super::{
    charts::{figure, time},
    verdict,
    visible::visible,
    word,
};
use crate::acceptance::{AcceptanceReport, ItemReport, Outcome, Verdict};

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded, and no script runs: not even one that slipped through.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Returns the report as a page. `evidence`: the digest of the report's JSON.
pub fn html(report: &AcceptanceReport, evidence: &Sha256) -> String {
    let title = format!("Acceptance of {}: {}", report.site, verdict(report.verdict));
    let worst_first = report.worst_first();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (visible(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head(report))
                main {
                    (table(&worst_first))
                    (details(report, evidence))
                    @for item in &worst_first { (section(item)) }
                }
                footer {
                    p {
                        "The evidence is in report.json. Its SHA-256 digest, above, is in the journal of \
                         the run; a report whose digest is another one was edited. If report.json.sig \
                         is beside it, ssh-keygen -Y verify -n omega-acceptance checks the signature."
                    }
                }
            }
        }
    }
    .into_string()
}

/// The class of an outcome, and a sign that does not depend on colours: those of the command's output
/// (docs/command-line.md).
fn style(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Passed => ("passed", "✓"),
        Outcome::Failed => ("failed", "!"),
        Outcome::Deferred { .. } => ("deferred", "…"),
        Outcome::NotRun { .. } => ("open", "?"),
    }
}

fn state(outcome: &Outcome) -> Markup {
    let (class, sign) = style(outcome);
    html! { span class={ "state " (class) } { (sign) " " (word(outcome)) } }
}

/// What must be seen before the items, in as few lines as possible.
fn head(report: &AcceptanceReport) -> Markup {
    let class = match report.verdict {
        Verdict::Accepted => "passed",
        Verdict::Failed => "failed",
        Verdict::Incomplete => "open",
    };
    let counts = ["failed", "not checked", "deferred", "passed"].map(|name| {
        let count = report.items.iter().filter(|item| word(&item.outcome) == name).count();
        format!("{count} {name}")
    });
    html! {
        header {
            h1 { "Acceptance of " (visible(&report.site)) }
            p class="verdict" {
                span class={ "state " (class) } { (verdict(report.verdict)) }
                span class="soft" { " · D-011: " (counts.join(", ")) }
            }
            @if !report.stand_ins.is_empty() {
                p class="alert" { "Made with simulators: this proves nothing about a real site." }
            }
            @if report.interrupted { p class="alert" { "It was stopped before the end." } }
            @if !report.left.is_empty() { p class="alert" { "Something was left behind." } }
        }
    }
}

/// The rest of what is known about the run.
fn details(report: &AcceptanceReport, evidence: &Sha256) -> Markup {
    html! {
        dl class="run" {
            (row("Run", &report.run))
            (row("Started", &report.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()))
            (row("Took", &time(report.seconds)))
            @for (key, value) in &report.endpoints { (row(key, value)) }
            (row("Program", &format!("{} {}", report.tool.name, report.tool.version)))
            @if let Some(resumes) = &report.resumes { (row("Continues run", resumes)) }
            @if let Some(why) = &report.not_kept { (row("Kept of it", &format!("nothing: {why}"))) }
            @if let Some(digest) = &report.site_sha256 {
                dt { "Site file" } dd { code { "sha256 " (visible(digest)) } }
            }
            dt { "Evidence" } dd { code { "sha256 " (evidence.to_string()) } }
        }
        (banners(report))
    }
}

fn row(key: &str, value: &str) -> Markup {
    html! { dt { (visible(key)) } dd { (visible(value)) } }
}

fn banners(report: &AcceptanceReport) -> Markup {
    let names: Vec<_> = report.not_selected.iter().map(ToString::to_string).collect();
    html! {
        @if !report.stand_ins.is_empty() {
            aside class="banner" {
                p { strong { "The simulators:" } }
                ul { @for one in &report.stand_ins { li { (visible(one)) } } }
            }
        }
        @if !report.left.is_empty() {
            aside class="banner" {
                p { strong { "Left behind, and removed by omega-cli runs sweep:" } }
                ul {
                    @for step in &report.left {
                        li { (visible(&format!("{} {} on {}", step.kind, step.key, step.target))) }
                    }
                }
            }
        }
        @if !names.is_empty() {
            aside class="banner" { p { "Not asked for: " (names.join(", ")) "." } }
        }
    }
}

fn table(items: &[&ItemReport]) -> Markup {
    html! {
        table {
            thead { tr { th { "State" } th { "Item" } th { "Result" } th class="time" { "Time" } } }
            tbody {
                @for item in items {
                    tr {
                        td class="state-of" { (state(&item.outcome)) }
                        td class="id" { a href={ "#" (item.id.name()) } { (item.id.name()) } }
                        td {
                            (visible(&item.title)) ": " (visible(&item.summary()))
                            @if let Some(kept) = item.kept() {
                                " " span class="soft" { "(" (visible(&kept)) ")" }
                            }
                        }
                        td class="time" { (time(item.seconds)) }
                    }
                }
            }
        }
    }
}

fn section(item: &ItemReport) -> Markup {
    let (class, _) = style(&item.outcome);
    html! {
        section id=(item.id.name()) class=(class) {
            header {
                h2 { (item.id.name()) " " (visible(&item.title)) }
                (state(&item.outcome))
            }
            p class="soft" { (visible(&item.criterion)) }
            @match &item.outcome {
                Outcome::Deferred { decision, why } => {
                    p { "Deferred by " (visible(decision)) ": " (visible(why)) "." }
                }
                Outcome::NotRun { why, next } => {
                    div class="finding" {
                        p { (visible(why)) }
                        @if let Some(next) = next { p class="next" { strong { "Next: " } (visible(next)) } }
                    }
                }
                Outcome::Passed | Outcome::Failed => {}
            }
            @for finding in &item.findings { (found(finding)) }
            @if !item.evidence.is_empty() {
                h3 { "Observed" }
                dl { @for one in &item.evidence { (observed(one)) } }
            }
            @for chart in &item.charts { (figure(chart)) }
            @if !item.notes.is_empty() {
                h3 { "Notes" }
                @for note in &item.notes { (noted(note)) }
            }
            p class="soft" {
                "Checked " (item.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
                @if let Some(run) = &item.kept_from { ", by run " (visible(run)) }
                "."
            }
        }
    }
}

fn found(finding: &Finding) -> Markup {
    let Finding { rule, severity, subject, summary, evidence, decision, remedy, source, .. } =
        finding;
    let shown = Evidence::line(evidence);
    html! {
        div class="finding" {
            p {
                strong { (visible(&subject.to_string())) } ": " (visible(summary)) " "
                span class="soft" {
                    "(" (visible(rule))
                    @if let Some(word) = said(*severity) { ", " (word) }
                    @if let Some(decision) = decision { ", " (visible(decision)) }
                    ")"
                }
            }
            @if !shown.is_empty() { p class="soft" { (visible(&shown)) } }
            @if let Some(remedy) = remedy { p class="next" { strong { "Next: " } (visible(remedy)) } }
            @if let Some(source) = source { p class="soft" { "Source: " (visible(source)) } }
        }
    }
}

/// How much a finding matters, unless it must be fixed.
fn said(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Broken => None,
        Severity::Warning => Some("warning"),
        Severity::Waiting => Some("waiting"),
        Severity::Unknown => Some("not checked"),
        Severity::Note | _ => Some("note"),
    }
}

fn observed(one: &Evidence) -> Markup {
    let value = if one.value == Observation::Holds {
        "yes".to_owned()
    } else {
        // Without its own name before it.
        Evidence { fact: String::new(), value: one.value.clone() }.to_string()
    };
    let value = value.trim_start_matches(": ");
    let fact = if one.fact.is_empty() { "observed" } else { &one.fact };
    row(fact, value)
}

fn noted(note: &Note) -> Markup {
    html! {
        p {
            (visible(&note.text))
            @if let Some(decision) = &note.decision {
                " " span class="soft" { "(" (visible(decision)) ")" }
            }
        }
    }
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
