//! Renders the acceptance's report as text.

use omega::acceptance::{AcceptanceReport, Files, ItemReport, Outcome, PlannedItem, Verdict};

use super::{Screen, layout::wrap};

/// The columns of an outcome and of an item's id.
const STATE: usize = 11;
const ID: usize = 9;
const INDENT: usize = 2 + STATE + 1 + ID;

/// Returns the items, failures first, the verdict, and where the report is.
pub(crate) fn acceptance(
    report: &AcceptanceReport,
    files: Option<&Files>,
    screen: &Screen,
) -> String {
    let items = report.worst_first().into_iter();
    let mut text: Vec<String> = items.flat_map(|item| lines(item, screen)).collect();
    text.push(String::new());
    text.extend(wrap(&verdict(report), screen.width));
    for step in &report.left {
        text.push(format!(
            "left: {} {} on {} (omega-cli runs sweep)",
            step.kind, step.key, step.target
        ));
    }
    if let Some(files) = files {
        let Files { json, sha256, junit, html, signature, copies, .. } = files;
        text.push(format!("  page       {}", html.display()));
        text.push(format!("  JUnit      {}", junit.display()));
        text.push(format!("  evidence   {}", json.display()));
        text.push(format!("  sha256     {sha256}"));
        text.extend(signature.iter().map(|path| format!("  signature  {}", path.display())));
        text.extend(copies.iter().map(|path| format!("  copies     {}", path.display())));
    }
    text.join("\n")
}

/// Returns what would be done with each item.
pub(crate) fn acceptance_plan(items: &[PlannedItem], screen: &Screen) -> String {
    let inside = screen.width.saturating_sub(2 + ID).max(20);
    let of = |item: &PlannedItem| {
        let effects: Vec<String> = match &item.not_checked {
            Some(why) => {
                let next = item.next.iter().map(|next| format!("next: {}", screen.pasted(next)));
                std::iter::once(format!("not checked: {why}")).chain(next).collect()
            }
            None if item.effects.is_empty() => vec!["only reads".to_owned()],
            None => item.effects.iter().map(|effect| format!("WRITES: it {effect}")).collect(),
        };
        let text = std::iter::once(format!("{}:", item.title)).chain(effects);
        let wrapped: Vec<String> = text.flat_map(|line| wrap(&line, inside)).collect();
        let mut wrapped = wrapped.into_iter();
        let head = format!("  {:<ID$}{}", item.id.name(), wrapped.next().unwrap_or_default());
        let rest = wrapped.map(|line| format!("  {:ID$}{line}", ""));
        std::iter::once(head).chain(rest).collect::<Vec<_>>().join("\n")
    };
    items.iter().map(of).collect::<Vec<_>>().join("\n")
}

fn lines(item: &ItemReport, screen: &Screen) -> Vec<String> {
    let (word, code) = match item.outcome {
        Outcome::Passed => ("ok", None),
        Outcome::Failed => ("FAILED", Some("31")),
        Outcome::Deferred { .. } => ("deferred", None),
        Outcome::NotRun { .. } | _ => ("not checked", Some("33")),
    };
    let padded = format!("{word:<STATE$}");
    let shown = match code.filter(|_| screen.colour) {
        Some(code) => format!("\u{1b}[{code}m{padded}\u{1b}[0m"),
        None => padded,
    };
    let inside = screen.width.saturating_sub(INDENT).max(20);
    let kept = item.kept().map(|kept| format!(" ({kept})")).unwrap_or_default();
    let mut all = wrap(&format!("{}: {}{kept}", item.title, item.summary()), inside);
    // A failure says what to do; so does what was not checked.
    let next = match &item.outcome {
        Outcome::NotRun { next, .. } => next.as_deref(),
        Outcome::Failed => item.findings.first().and_then(|one| one.remedy.as_deref()),
        Outcome::Passed | Outcome::Deferred { .. } | _ => None,
    };
    all.extend(
        next.iter().flat_map(|next| wrap(&format!("next: {}", screen.pasted(next)), inside)),
    );
    let mut all = all.into_iter();
    let first = all.next().unwrap_or_default();
    let head = format!("  {shown} {:<ID$}{first}", item.id.name()).trim_end().to_owned();
    std::iter::once(head).chain(all.map(|line| format!("{:INDENT$}{line}", ""))).collect()
}

fn verdict(report: &AcceptanceReport) -> String {
    let count =
        |is: fn(&Outcome) -> bool| report.items.iter().filter(|item| is(&item.outcome)).count();
    let counts = [
        ("failed", count(|one| matches!(one, Outcome::Failed))),
        ("not checked", count(|one| matches!(one, Outcome::NotRun { .. }))),
        ("deferred", count(|one| matches!(one, Outcome::Deferred { .. }))),
        ("passed", count(|one| matches!(one, Outcome::Passed))),
    ];
    let counts: Vec<String> =
        counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let word = match report.verdict {
        Verdict::Accepted => "Accepted",
        Verdict::Failed => "Not accepted",
        Verdict::Incomplete | _ => "Incomplete",
    };
    let rest = match report.not_selected.len() {
        0 => String::new(),
        some => format!("; {some} of D-011 not asked for"),
    };
    format!("{word}: {}{rest}.", counts.join(", "))
}
