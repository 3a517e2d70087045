//! Renders decisions as text.

#![allow(clippy::single_match_else, reason = "it reads better so")]

use std::fmt::Write as _;

use omega::decisions::{Decision, DecisionState, LastResult, ResultState, RuleState};

use super::layout::wrap;

/// Longer lines are hard to read.
const WIDTH: usize = 80;
/// Below this the text beside the headings has no room.
const NARROW: usize = 36;
/// The column at which text begins, after its heading.
const INDENT: usize = 10;
/// The longest id.
const ID_WIDTH: usize = 15;

/// Returns the lines of a list of all decisions, for a terminal of `width` columns.
pub(crate) fn decisions(all: &[Decision], width: usize) -> Vec<String> {
    let width = width.clamp(NARROW, WIDTH);
    let lines = all.iter().flat_map(|Decision { id, title, status, .. }| {
        let text = wrap(&format!("{title} ({status})"), width - ID_WIDTH - 1);
        let ids = std::iter::once(id.as_str()).chain(std::iter::repeat(""));
        ids.zip(text).map(|(id, line)| format!("{id:<ID_WIDTH$} {line}")).collect::<Vec<_>>()
    });
    lines.collect()
}

/// Returns a decision's text, for a terminal of `width` columns.
pub(crate) fn decision(decision: &Decision, all: &[Decision], width: usize) -> String {
    let width = width.clamp(NARROW, WIDTH);
    let mut text = String::new();
    for line in wrap(&format!("{}  {}", decision.id, decision.title), width) {
        let _ = writeln!(text, "{line}");
    }
    let amendment = format!("{}-amendment", decision.id);
    let see = all.iter().find(|d| d.id == amendment).map(|d| format!("{}: {}", d.id, d.title));
    let omega = decision.omega();
    let parts = [
        ("status", Some(&decision.status)),
        ("decided", Some(&decision.decided)),
        ("actually", decision.truth.as_ref()),
        ("but", decision.contradiction.as_ref()),
        ("omega", Some(&omega)),
        ("no rule", decision.unchecked.as_ref()),
        ("see also", see.as_ref()),
    ];
    for (head, body) in parts {
        if let Some(body) = body {
            paragraph(&mut text, head, body, width);
        }
    }
    if decision.is_in_force() && decision.unchecked.is_none() {
        let next = format!("omega-cli decisions {} lists the rules that check it", decision.id);
        paragraph(&mut text, "rules", &next, width);
    }
    text.truncate(text.trim_end().len());
    text
}

/// Adds a paragraph beside its heading.
fn paragraph(text: &mut String, head: &str, body: &str, width: usize) {
    text.push('\n');
    for (nth, line) in wrap(body, width - INDENT).iter().enumerate() {
        let head = if nth == 0 { head } else { "" };
        let _ = writeln!(text, "{head:<INDENT$}{line}");
    }
}

/// Returns the list of all decisions, with what is known of each in one line or two.
pub(crate) fn decision_states(all: &[DecisionState]) -> String {
    let mut lines = Vec::new();
    for one in all {
        let head = format!("{} ({})", one.title, one.status);
        beside(&mut lines, &one.id, &head);
        beside(&mut lines, "", &known(one));
    }
    let of = |is: fn(&DecisionState) -> bool| all.iter().filter(|one| is(one)).count();
    let rules: std::collections::BTreeSet<_> =
        all.iter().flat_map(|one| &one.rules).map(|rule| rule.rule.as_str()).collect();
    let recap = format!(
        "{} decisions: {} in force, {} of them without a rule; {} rules; {} with a result, {} \
         failing. omega-cli decisions ID lists the rules of one.",
        all.len(),
        of(|one| one.in_force),
        of(|one| one.in_force && one.rules.is_empty()),
        rules.len(),
        of(|one| one.worst().is_some()),
        match of(|one| one.worst().is_some_and(|(_, last)| is_bad(last.state))) {
            0 => "none".to_owned(),
            bad => bad.to_string(),
        },
    );
    lines.push(String::new());
    lines.extend(wrap(&recap, WIDTH));
    lines.join("\n")
}

fn beside(lines: &mut Vec<String>, id: &str, text: &str) {
    let ids = std::iter::once(id).chain(std::iter::repeat(""));
    let wrapped = wrap(text, WIDTH - ID_WIDTH - 1);
    lines.extend(ids.zip(wrapped).map(|(id, line)| format!("{id:<ID_WIDTH$} {line}")));
}

/// What is known of a decision, in a sentence.
fn known(one: &DecisionState) -> String {
    let count = match one.rules.len() {
        0 => return one.unchecked.clone().unwrap_or_else(|| "no rule".to_owned()),
        1 => "1 rule".to_owned(),
        some => format!("{some} rules"),
    };
    match one.worst() {
        Some((rule, last)) => format!("{count}; {}: {}", rule.rule, result(last)),
        None => {
            let first = one.rules.iter().flat_map(|rule| &rule.commands).next();
            let first = first.map(|command| format!(": omega-cli {command}")).unwrap_or_default();
            format!("{count}; never checked{first}")
        }
    }
}

fn result(last: &LastResult) -> String {
    let when = last.at.strftime("%Y-%m-%d %H:%M UTC");
    let what = last.summary.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
    format!("{} {when} by {} ({}){what}", word(last.state), last.by, last.site)
}

fn word(state: ResultState) -> &'static str {
    match state {
        ResultState::Failed => "failed",
        ResultState::Warned => "warning",
        ResultState::Deferred => "deferred",
        ResultState::Passed => "passed",
        ResultState::Unknown | _ => "not known",
    }
}

fn is_bad(state: ResultState) -> bool {
    !matches!(state, ResultState::Passed | ResultState::Deferred)
}

/// Returns one decision with its rules.
pub(crate) fn decision_state(one: &DecisionState) -> String {
    let mut text = String::new();
    for line in wrap(&format!("{}  {}", one.id, one.title), WIDTH) {
        let _ = writeln!(text, "{line}");
    }
    paragraph(&mut text, "status", &one.status, WIDTH);
    if let Some(contradiction) = &one.contradiction {
        paragraph(&mut text, "but", contradiction, WIDTH);
    }
    if let Some(why) = &one.unchecked {
        paragraph(&mut text, "no rule", why, WIDTH);
    }
    for RuleState { rule, kind, commands, last, .. } in &one.rules {
        paragraph(&mut text, "rule", &format!("{rule} ({})", kind.title()), WIDTH);
        let known = last.as_ref().map_or_else(|| "never checked".to_owned(), result);
        for (head, body) in [("last", known), ("checked by", commands_of(commands))] {
            for (nth, line) in wrap(&body, WIDTH - 2 * INDENT - 2).iter().enumerate() {
                let head = if nth == 0 { head } else { "" };
                let _ = writeln!(text, "{:INDENT$}{head:<12}{line}", "");
            }
        }
    }
    let next = format!("omega-cli explain {} says what was decided, and what omega does", one.id);
    paragraph(&mut text, "next", &next, WIDTH);
    text.truncate(text.trim_end().len());
    text
}

fn commands_of(commands: &[String]) -> String {
    let all = commands.iter().map(|command| format!("omega-cli {command}"));
    all.collect::<Vec<_>>().join("; ")
}

/// Returns where the documents contradict each other.
pub(crate) fn contradictions(all: &[DecisionState]) -> String {
    let mut lines = Vec::new();
    for one in all {
        beside(&mut lines, &one.id, &one.title);
        beside(&mut lines, "", one.contradiction.as_deref().unwrap_or_default());
    }
    if lines.is_empty() {
        lines.push("No contradiction is known.".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use omega::decisions::{self as data, Results, find, overview};

    use super::{contradictions, decision, decision_state, decision_states, decisions};

    #[test]
    fn every_text_fits_80_columns() {
        let all = data::decisions().unwrap();
        let states = overview(&Results::default()).unwrap();
        let texts = all.iter().map(|one| decision(one, &all, 200)).chain(decisions(&all, 200));
        let texts = texts.chain(states.iter().map(decision_state));
        let texts = texts.chain([decision_states(&states), contradictions(&states)]);
        for line in texts.flat_map(|text| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_text_fits_a_narrow_terminal() {
        let all = data::decisions().unwrap();
        let text = decision(find("42", &all).unwrap(), &all, 40);
        // One word may be longer.
        let long = |line: &&str| line.chars().count() > 40 && line.trim().contains(' ');
        let longest: Vec<_> = text.lines().filter(long).collect();
        assert!(longest.len() * 20 < text.lines().count(), "{longest:#?}");
        assert!(
            text.lines().count() > decision(find("42", &all).unwrap(), &all, 80).lines().count()
        );
    }

    #[test]
    fn a_decision_as_it_is_shown() {
        let all = data::decisions().unwrap();
        insta::assert_snapshot!(decision(find("42", &all).unwrap(), &all, 80));
    }
}
