//! Renders decisions as text.

use std::fmt::Write as _;

use omega::decisions::Decision;

use super::layout::wrap;

const WIDTH: usize = 80;
/// The column at which text begins, after its heading.
const INDENT: usize = 10;
/// The longest id.
const ID_WIDTH: usize = 15;

/// Returns the lines of a list of all decisions.
pub(crate) fn decisions(all: &[Decision]) -> Vec<String> {
    let lines = all.iter().flat_map(|Decision { id, title, status, .. }| {
        let text = wrap(&format!("{title} ({status})"), WIDTH - ID_WIDTH - 1);
        let ids = std::iter::once(id.as_str()).chain(std::iter::repeat(""));
        ids.zip(text).map(|(id, line)| format!("{id:<ID_WIDTH$} {line}")).collect::<Vec<_>>()
    });
    lines.collect()
}

/// Returns a decision's text, for a terminal of 80 columns.
pub(crate) fn decision(decision: &Decision, all: &[Decision]) -> String {
    let mut text = String::new();
    for line in wrap(&format!("{}  {}", decision.id, decision.title), WIDTH) {
        let _ = writeln!(text, "{line}");
    }
    let amendment = format!("{}-amendment", decision.id);
    let see = all.iter().find(|d| d.id == amendment).map(|d| format!("{}: {}", d.id, d.title));
    let parts = [
        ("status", Some(&decision.status)),
        ("decided", Some(&decision.decided)),
        ("actually", decision.truth.as_ref()),
        ("omega", Some(&decision.omega)),
        ("see also", see.as_ref()),
    ];
    for (head, body) in parts {
        let Some(body) = body else { continue };
        text.push('\n');
        for (nth, line) in wrap(body, WIDTH - INDENT).iter().enumerate() {
            let head = if nth == 0 { head } else { "" };
            let _ = writeln!(text, "{head:<INDENT$}{line}");
        }
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use omega::decisions::{self as data, find};

    use super::{decision, decisions};

    #[test]
    fn every_text_fits_80_columns() {
        let all = data::decisions().unwrap();
        let texts = all.iter().map(|one| decision(one, &all)).chain(decisions(&all));
        for line in texts.flat_map(|text| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_decision_as_it_is_shown() {
        let all = data::decisions().unwrap();
        insta::assert_snapshot!(decision(find("42", &all).unwrap(), &all));
    }
}
