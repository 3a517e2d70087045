//! The decisions that the runbooks rest on, and what is true.

use std::fmt::Write as _;

use omega_core::{Failure, FailureClass};
use serde::{Deserialize, Serialize};

const DATA: &str = include_str!("../data/decisions.toml");
const WIDTH: usize = 80;
/// The column at which text begins, behind its heading.
const INDENT: usize = 10;
/// The longest id.
const ID_WIDTH: usize = 15;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decisions {
    decision: Vec<Decision>,
}

/// One decision.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `D-042`.
    id: String,
    /// Its heading, in our words.
    title: String,
    /// In force, superseded, proposed, deferred.
    status: String,
    /// What was decided.
    decided: String,
    /// What the sources say, where they differ.
    truth: Option<String>,
    /// What omega does about it.
    omega: String,
}

/// Returns every decision, in the order of the document.
pub fn decisions() -> Result<Vec<Decision>, Failure> {
    let decisions: Decisions = toml::from_str(DATA).map_err(|error| {
        Failure::new(FailureClass::Error, "the decisions in this program can't be read")
            .because(error.to_string())
    })?;
    Ok(decisions.decision)
}

/// Returns decision `id` of `all`.
///
/// `D-042`, `d042`, `042` and `42` are the same.
pub fn find<'a>(id: &str, all: &'a [Decision]) -> Result<&'a Decision, Failure> {
    let wanted = canonical(id);
    if let Some(decision) = all.iter().find(|decision| Some(&decision.id) == wanted.as_ref()) {
        return Ok(decision);
    }
    let near = nearest(wanted.as_deref().unwrap_or(id), all).join(", ");
    let failure = Failure::new(FailureClass::Usage, format!("no decision `{id}`"));
    Err(failure.next(format!("nearest: {near}; `omega-cli explain` lists all")))
}

/// Returns the lines of a list of all decisions.
pub fn list(all: &[Decision]) -> Vec<String> {
    let lines = all.iter().flat_map(|Decision { id, title, status, .. }| {
        let text = wrap(&format!("{title} ({status})"), WIDTH - ID_WIDTH - 1);
        let ids = std::iter::once(id.as_str()).chain(std::iter::repeat(""));
        ids.zip(text).map(|(id, line)| format!("{id:<ID_WIDTH$} {line}")).collect::<Vec<_>>()
    });
    lines.collect()
}

impl Decision {
    /// Returns the text, for a terminal of 80 columns.
    pub fn render(&self, all: &[Self]) -> String {
        let mut text = String::new();
        for line in wrap(&format!("{}  {}", self.id, self.title), WIDTH) {
            let _ = writeln!(text, "{line}");
        }
        let amendment = format!("{}-amendment", self.id);
        let see = all.iter().find(|d| d.id == amendment).map(|d| format!("{}: {}", d.id, d.title));
        let parts = [
            ("status", Some(&self.status)),
            ("decided", Some(&self.decided)),
            ("in truth", self.truth.as_ref()),
            ("omega", Some(&self.omega)),
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
}

/// Spells an id as the document does, if it can be one.
fn canonical(id: &str) -> Option<String> {
    let id = id.trim().to_ascii_lowercase();
    let rest = id.strip_prefix('d').unwrap_or(&id);
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, suffix) = rest.split_at(digits);
    let number: u16 = number.parse().ok()?;
    Some(format!("D-{number:03}{suffix}"))
}

/// Returns the three ids nearest to `wanted`: by number where it has one, else by spelling.
fn nearest<'a>(wanted: &str, all: &'a [Decision]) -> Vec<&'a str> {
    let number = |id: &str| -> Option<i32> {
        let digits: String = id.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let mut ids: Vec<&str> = all.iter().map(|decision| decision.id.as_str()).collect();
    ids.sort_by_key(|id| match (number(wanted), number(id)) {
        (Some(a), Some(b)) => (a - b).abs(),
        _ => i32::try_from(distance(wanted, id)).unwrap_or(i32::MAX),
    });
    ids.truncate(3);
    ids
}

/// How many letters differ, place by place, and in length.
fn distance(a: &str, b: &str) -> usize {
    let same = a.chars().zip(b.chars()).filter(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    a.chars().count().max(b.chars().count()) - same
}

/// Breaks `text` at spaces into lines of at most `width` characters, but for longer words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let Some(line) = lines.get_mut(last) else { continue };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use omega_core::{Failure, FailureClass};

    use super::{decisions, find, list};

    fn explain(id: &str) -> Result<String, Failure> {
        let all = decisions()?;
        find(id, &all).map(|decision| decision.render(&all))
    }

    /// The headings of design-decisions.md, one by one.
    const HEADINGS: [&str; 36] = [
        "D-001",
        "D-002",
        "D-003",
        "D-004",
        "D-004a",
        "D-005",
        "D-006",
        "D-007",
        "D-008",
        "D-009",
        "D-010",
        "D-011",
        "D-012",
        "D-013",
        "D-014",
        "D-015",
        "D-016",
        "D-017",
        "D-018",
        "D-019",
        "D-020",
        "D-021",
        "D-028",
        "D-029",
        "D-030",
        "D-031",
        "D-033",
        "D-034",
        "D-035",
        "D-036",
        "D-037",
        "D-040",
        "D-041",
        "D-042",
        "D-042-amendment",
        "D-043",
    ];

    #[test]
    fn every_heading_has_its_entry_and_no_other_does() {
        let all = decisions().unwrap();
        let ids: Vec<&str> = all.iter().map(|decision| decision.id.as_str()).collect();
        assert_eq!(ids, HEADINGS);
        for decision in &all {
            let parts = [&decision.title, &decision.status, &decision.decided, &decision.omega];
            let texts = parts.into_iter().chain(&decision.truth);
            for text in texts {
                assert!(text.is_ascii() && !text.is_empty(), "{}: {text}", decision.id);
                assert_eq!(text.trim(), text, "{}", decision.id);
            }
        }
    }

    #[test]
    fn every_text_fits_80_columns() {
        let texts = HEADINGS.iter().map(|id| explain(id).unwrap());
        let all = decisions().unwrap();
        let texts = texts.chain(list(&all));
        for line in texts.flat_map(|text| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn an_id_may_be_spelt_in_any_way() {
        let text = explain("D-037").unwrap();
        for spelling in ["d-037", "D037", "037", "37", " d37 "] {
            assert_eq!(explain(spelling).unwrap(), text, "{spelling}");
        }
        assert!(explain("D-4A").unwrap().starts_with("D-004a  "));
        assert!(explain("4").unwrap().starts_with("D-004  "));
        assert!(explain("42-amendment").unwrap().starts_with("D-042-amendment  "));
    }

    #[test]
    fn an_unknown_id_gets_its_neighbours() {
        let next = |id: &str| explain(id).unwrap_err().next.unwrap();
        let lists = "`omega-cli explain` lists all";
        assert_eq!(next("D-039"), format!("nearest: D-040, D-037, D-041; {lists}"));
        assert_eq!(next("99"), format!("nearest: D-043, D-042, D-042-amendment; {lists}"));
        let error = explain("nonsense").unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.class),
            ("no decision `nonsense`", FailureClass::Usage)
        );
    }

    #[test]
    fn a_decision_as_it_is_shown() {
        insta::assert_snapshot!(explain("42").unwrap());
    }
}
