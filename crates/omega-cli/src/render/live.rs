//! Renders live checks as text: each with what was observed, what is wrong and what to do.

use omega::{
    core::{Evidence, Failure, ItemPreview, ItemState, Severity, TargetPreview, Verdict},
    live::RULES,
    run::Report,
};

use super::{
    Console, Screen, failure,
    layout::{Sign, below, line},
};

/// Shows what the live checks found.
pub(crate) fn live(screen: &Screen, console: &Console, report: &Report) {
    console.done();
    let items = report.looked.iter().flat_map(TargetPreview::items);
    let signs: Vec<Sign> = items.map(|item| show(screen, item)).collect();
    screen.text("");
    screen.prose(&format!("live: {}.", counted(&signs)));
    if let Some(failed) = &report.failure {
        console.fail(&failure(failed, None, screen));
    }
}

/// `2 passed, 1 not known`: all there is of a check that changes nothing.
fn counted(signs: &[Sign]) -> String {
    let of = |sign: Sign| signs.iter().filter(|one| **one == sign).count();
    let warnings = if of(Sign::Warning) == 1 { "warning" } else { "warnings" };
    let kinds = [
        (Sign::No, "failed"),
        (Sign::Unknown, "not known"),
        (Sign::Warning, warnings),
        (Sign::Gate, "passed"),
    ];
    let shown = kinds.iter().filter(|(sign, _)| of(*sign) > 0);
    shown.map(|(sign, what)| format!("{} {what}", of(*sign))).collect::<Vec<_>>().join(", ")
}

fn show(screen: &Screen, item: &ItemPreview) -> Sign {
    let (width, colour) = (screen.width, screen.colour);
    let rule = RULES.iter().find(|rule| rule.id == item.key);
    let decision = rule.and_then(|rule| rule.decision);
    let decision = decision.map(|id| format!(" ({id})")).unwrap_or_default();
    let name = format!("{}{decision}", item.key);
    let (sign, rows) = rows(screen, &item.found);
    let (noun, subject) = (&item.subject.noun, &item.subject.name);
    screen.text(&line(sign, noun, &name, subject, width, colour));
    for row in rows.iter().filter(|row| !row.is_empty()) {
        screen.text(&below(row, width));
    }
    sign
}

/// Returns the sign, and what is said below it.
fn rows(screen: &Screen, found: &ItemState) -> (Sign, Vec<String>) {
    match found {
        ItemState::Verdict(Verdict::Pass { evidence }) => {
            (Sign::Gate, vec![Evidence::line(evidence)])
        }
        ItemState::Verdict(Verdict::Fail(finding)) => {
            let sign = match finding.severity {
                Severity::Broken => Sign::No,
                Severity::Unknown => Sign::Unknown,
                Severity::Warning | Severity::Waiting | Severity::Note | _ => Sign::Warning,
            };
            let next = finding.remedy.as_deref().map(|next| format!("-> {}", screen.pasted(next)));
            let rows = [finding.summary.clone(), Evidence::line(&finding.evidence)];
            (sign, rows.into_iter().chain(next).collect())
        }
        ItemState::Verdict(Verdict::Deferred { until }) => (Sign::Unknown, vec![until.clone()]),
        ItemState::Failed(failure) => (Sign::Unknown, unasked(screen, failure)),
        ItemState::Preview(_) => (Sign::Unknown, Vec::new()),
    }
}

fn unasked(screen: &Screen, failure: &Failure) -> Vec<String> {
    let causes = failure.causes.join(": ");
    let why = if causes.is_empty() {
        failure.message.clone()
    } else {
        format!("{}: {causes}", failure.message)
    };
    let next = failure.next.as_deref().map(|next| format!("-> {}", screen.pasted(next)));
    std::iter::once(why).chain(next).collect()
}
