//! Every decision with its rules and what is known of them.

use omega_core::Failure;
use serde::{Deserialize, Serialize};

use super::{Check, CheckKind, Decision, LastResult, Results, checks, decisions};

/// A decision, the rules that check it, and their last results on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecisionState {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status, in the words of the list.
    pub status: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// Where the documents contradict each other about it.
    pub contradiction: Option<String>,
    /// Why no rule checks it, although it is in force.
    pub unchecked: Option<String>,
    /// The rules that check it.
    pub rules: Vec<RuleState>,
}

/// A rule and its last result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleState {
    /// Its name.
    pub rule: String,
    /// Its kind.
    pub kind: CheckKind,
    /// The commands that check it, without the program's name.
    pub commands: Vec<String>,
    /// Its last result on this machine. None: it was never checked, or its result is not stored.
    pub last: Option<LastResult>,
}

impl DecisionState {
    /// Returns the worst of the last results, with its rule.
    pub fn worst(&self) -> Option<(&RuleState, &LastResult)> {
        let known = self.rules.iter().filter_map(|rule| Some((rule, rule.last.as_ref()?)));
        known.min_by_key(|(_, last)| (last.state, std::cmp::Reverse(last.at)))
    }
}

/// Returns every decision in the order of the document, with what `results` knows of its rules.
///
/// # Errors
///
/// As [`decisions`].
pub fn overview(results: &Results) -> Result<Vec<DecisionState>, Failure> {
    let checks = checks();
    Ok(decisions()?.iter().map(|decision| state(decision, &checks, results)).collect())
}

fn state(decision: &Decision, checks: &[Check], results: &Results) -> DecisionState {
    let own = checks.iter().filter(|check| check.decisions.contains(&decision.id));
    let rule = |check: &Check| RuleState {
        rule: check.rule.clone(),
        kind: check.kind,
        commands: check.commands.clone(),
        last: results.of(&check.rule).cloned(),
    };
    DecisionState {
        id: decision.id.clone(),
        title: decision.title.clone(),
        status: decision.status.clone(),
        in_force: decision.is_in_force(),
        contradiction: decision.contradiction.clone(),
        unchecked: decision.unchecked.clone(),
        rules: own.map(rule).collect(),
    }
}
