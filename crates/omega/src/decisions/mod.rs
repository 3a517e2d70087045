//! The decisions that the runbooks are based on, the actual behaviour, and the checks of both.
//!
//! [`decisions`] are the decisions; [`checks`] every rule of omega with the decisions that it checks;
//! [`Results`] what is stored on this machine of their last results.

mod check_results;
mod checks;
mod overview;
mod results;

pub use check_results::{CheckResults, KeptResults};
pub use checks::{Check, CheckKind, checks};
use omega_core::{Failure, FailureClass};
pub use overview::{DecisionState, RuleState, overview};
pub use results::{LastResult, ResultState, Results};
use serde::{Deserialize, Serialize};

const DATA: &str = include_str!("../../data/decisions.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decisions {
    decision: Vec<Decision>,
}

/// One decision.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decision {
    /// `D-042`; `DOCFIX-021`, `FINDING-3`, `CORRECTION-1` and `L-P6-1` for what the runbooks cite so.
    pub id: String,
    /// A short title.
    pub title: String,
    /// In force, superseded, proposed, deferred.
    pub status: String,
    /// What was decided.
    pub decided: String,
    /// The actual behaviour according to the sources, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<String>,
    /// Where the documents contradict each other about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contradiction: Option<String>,
    /// Why no rule checks it, although it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
    /// What omega does about it.
    pub omega: Vec<Claim>,
}

/// One statement about omega, and what shows that it is true.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Claim {
    /// The statement. Backticks quote commands, options, keys of the site file, rules and paths.
    pub says: String,
    /// Rules that do what it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Tests that fail if it is not true: `CRATE::FUNCTION`, or `CRATE::FILE::FUNCTION`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
}

impl Decision {
    /// Returns whether it is in force: it is not superseded, deferred, proposed or retired, and its text is
    /// known.
    pub fn is_in_force(&self) -> bool {
        let over = ["superseded", "deferred", "proposed", "without a text"];
        !over.iter().any(|word| self.status.starts_with(word)) && !self.status.contains("retired")
    }

    /// Returns what omega does about it, as one text.
    pub fn omega(&self) -> String {
        self.omega.iter().map(|claim| claim.says.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Returns every decision, in the order of the document.
///
/// # Errors
///
/// Fails if the data in this crate can't be read, which is a defect of omega.
pub fn decisions() -> Result<Vec<Decision>, Failure> {
    let decisions: Decisions = toml::from_str(DATA).map_err(|error| {
        Failure::new(FailureClass::Error, "the built-in decisions can't be read")
            .because(error.to_string())
    })?;
    Ok(decisions.decision)
}

/// Returns decision `id` of `all`.
///
/// `D-042`, `d042`, `042` and `42` are the same, and so are `DOCFIX-021` and `docfix-21`.
///
/// # Errors
///
/// Names the nearest decisions if there is no such one.
pub fn find<'a>(id: &str, all: &'a [Decision]) -> Result<&'a Decision, Failure> {
    let wanted = canonical(id);
    if let Some(decision) = all.iter().find(|decision| Some(&decision.id) == wanted.as_ref()) {
        return Ok(decision);
    }
    let near = wanted.map(|id| neighbours(&id, all).join(", ")).unwrap_or_default();
    let near = if near.is_empty() { near } else { format!("nearest: {near}; ") };
    let failure = Failure::new(FailureClass::Usage, format!("no decision `{id}`"));
    Err(failure.next(format!("{near}`omega-cli explain` lists all")))
}

/// Returns the id as the document writes it, if it can be one.
fn canonical(id: &str) -> Option<String> {
    let id = id.trim().to_ascii_lowercase();
    if let Some(number) = id.strip_prefix("docfix-") {
        return Some(format!("DOCFIX-{:03}", number.parse::<u16>().ok()?));
    }
    if ["finding-", "correction-", "l-p"].iter().any(|lesson| id.starts_with(lesson)) {
        return Some(id.to_ascii_uppercase());
    }
    let rest = id.strip_prefix('d').unwrap_or(&id);
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, suffix) = rest.split_at(digits);
    let number: u16 = number.parse().ok()?;
    Some(format!("D-{number:03}{suffix}"))
}

/// Returns the three ids whose numbers are nearest to that of `id`.
fn neighbours<'a>(id: &str, all: &'a [Decision]) -> Vec<&'a str> {
    let number = |id: &str| id.get(2..5)?.parse::<i32>().ok();
    let Some(wanted) = number(id) else { return Vec::new() };
    let far = |id: &str| number(id).is_none_or(|number| (number - wanted).abs() > NEAR);
    let mut ids: Vec<&str> = all.iter().map(|decision| decision.id.as_str()).collect();
    ids.sort_by_key(|id| number(id).map_or(i32::MAX, |number| (number - wanted).abs()));
    ids.retain(|id| !far(id));
    ids.truncate(3);
    ids
}

/// A number that differs by more is no neighbour.
const NEAR: i32 = 10;

#[cfg(test)]
mod tests {
    use omega_core::{Failure, FailureClass};

    use super::{Decision, decisions, find};

    fn explain(id: &str) -> Result<String, Failure> {
        let all = decisions()?;
        find(id, &all).map(|Decision { id, .. }| format!("{id}  "))
    }

    /// The headings of design-decisions.md, one by one, and what the documents cite without a heading.
    const HEADINGS: [&str; 55] = [
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
        "D-022",
        "D-023",
        "D-028",
        "D-029",
        "D-030",
        "D-031",
        "D-032",
        "D-033",
        "D-034",
        "D-035",
        "D-036",
        "D-037",
        "D-038",
        "D-039",
        "D-040",
        "D-041",
        "D-042",
        "D-042-amendment",
        "D-043",
        "L-P6-1",
        "L-P6-2",
        "L-P6-3",
        "L-P6-4",
        "DOCFIX-021",
        "DOCFIX-022",
        "DOCFIX-032",
        "DOCFIX-034",
        "DOCFIX-037",
        "DOCFIX-038",
        "DOCFIX-039",
        "DOCFIX-040",
        "FINDING-3",
        "CORRECTION-1",
    ];

    #[test]
    fn every_heading_has_its_entry_and_no_other_does() {
        let all = decisions().unwrap();
        let ids: Vec<&str> = all.iter().map(|decision| decision.id.as_str()).collect();
        assert_eq!(ids, HEADINGS);
        for decision in &all {
            let Decision { title, status, decided, truth, contradiction, unchecked, omega, .. } =
                decision;
            let parts = [title, status, decided];
            let more = truth.iter().chain(contradiction).chain(unchecked);
            let texts = parts.into_iter().chain(more).chain(omega.iter().map(|one| &one.says));
            for text in texts {
                assert!(text.is_ascii() && !text.is_empty(), "{}: {text}", decision.id);
                assert_eq!(text.trim(), text, "{}", decision.id);
            }
        }
    }

    #[test]
    fn an_id_may_be_spelt_in_any_way() {
        let text = explain("D-037").unwrap();
        for spelling in ["d-037", "D037", "037", "37", " d37 "] {
            assert_eq!(explain(spelling).unwrap(), text, "{spelling}");
        }
        for (given, id) in
            [("docfix-21", "DOCFIX-021"), ("l-p6-1", "L-P6-1"), ("Finding-3", "FINDING-3")]
        {
            assert!(explain(given).unwrap().starts_with(&format!("{id}  ")), "{given}");
        }
        assert!(explain("D-4A").unwrap().starts_with("D-004a  "));
        assert!(explain("4").unwrap().starts_with("D-004  "));
        assert!(explain("42-amendment").unwrap().starts_with("D-042-amendment  "));
    }

    #[test]
    fn an_unknown_id_gets_its_neighbours() {
        let next = |id: &str| explain(id).unwrap_err().next.unwrap();
        let lists = "`omega-cli explain` lists all";
        assert_eq!(next("D-027"), format!("nearest: D-028, D-029, D-030; {lists}"));
        assert_eq!(next("L-P6-9"), lists);
        assert_eq!(next("50"), format!("nearest: D-043, D-042, D-042-amendment; {lists}"));
        assert_eq!(next("D-999"), lists);
        let error = explain("nonsense").unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.class),
            ("no decision `nonsense`", FailureClass::Usage)
        );
    }
}
