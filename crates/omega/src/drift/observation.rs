//! What one look found of one thing.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what else there is, or will be, is treated alike"
)]

use omega_core::{
    Evidence, Failure, FailureClass, Finding, ItemPreview, ItemState, Preview, Severity, StepId,
    Subject, Verdict,
};
use serde::{Deserialize, Serialize};

use super::{expiry::EXPIRY, facts::is_idle};

/// One thing that was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Observation {
    /// Where it comes from.
    pub source: Source,
    /// Its identity, which no displayed text is part of.
    pub id: StepId,
    /// What it is about, for people.
    pub subject: Subject,
    /// Whether it is as it should be.
    pub state: State,
    /// What was observed.
    pub evidence: Vec<Evidence>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Source {
    /// The verification of the graft: its steps and its checks.
    Graft,
    /// Whether driver, chart, Cluster API and templates fit together, and the templates.
    Coherence,
    /// Whether the controllers are those that the chart was tested with (D-034).
    Constellation,
    /// The checks of what runs, against the decisions.
    Live,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Graft, Self::Coherence, Self::Constellation, Self::Live];

    /// Returns its name, as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graft => "graft",
            Self::Coherence => "coherence",
            Self::Constellation => "constellation",
            Self::Live => "live",
        }
    }
}

/// Whether a thing is as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum State {
    /// It is.
    Holds,
    /// It is not what the site file wants: `apply` would change it.
    Pending {
        /// What would be changed.
        finding: Box<Finding>,
    },
    /// It is, and something about it needs attention.
    Warns {
        /// What.
        finding: Box<Finding>,
    },
    /// It is not: a rule fails.
    Fails {
        /// Why.
        finding: Box<Finding>,
    },
    /// There is nothing to look at yet.
    Deferred {
        /// What it waits for.
        until: String,
    },
    /// It could not be looked at. That is never taken for good.
    Unknown {
        /// Why.
        why: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
}

impl State {
    /// All words, as [`State::word`] returns them.
    pub const WORDS: [&'static str; 6] =
        ["holds", "pending", "warns", "fails", "deferred", "unknown"];

    /// Returns it in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Pending { .. } => "pending",
            Self::Warns { .. } => "warns",
            Self::Fails { .. } => "fails",
            Self::Deferred { .. } => "deferred",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Returns what is wrong.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Pending { finding } | Self::Warns { finding } | Self::Fails { finding } => {
                Some(finding)
            }
            Self::Holds | Self::Deferred { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Returns the state that `finding` stands for.
    pub(super) fn of(finding: Finding) -> Self {
        let finding = Box::new(finding);
        match finding.severity {
            Severity::Broken => Self::Fails { finding },
            Severity::Warning | Severity::Waiting => Self::Warns { finding },
            Severity::Note => Self::Holds,
            Severity::Unknown | _ => {
                Self::Unknown { why: finding.summary.clone(), next: finding.remedy.clone() }
            }
        }
    }

    /// Returns the state of what could not be read. A refusal is an answer: what is there can't be
    /// made right without a decision.
    pub(super) fn of_failure(failure: &Failure, subject: &Subject) -> Self {
        let next = failure.next.clone();
        // Not what was being read or would be changed: many things can't be for one reason.
        let mut why = failure.causes.join(": ");
        if why.is_empty() {
            why.clone_from(&failure.message);
        }
        if !matches!(failure.class, FailureClass::Refused | FailureClass::Gate) {
            return Self::Unknown { why, next };
        }
        let mut finding = Finding::broken(REFUSED, subject.clone(), why);
        finding.remedy = next;
        Self::of(finding)
    }

    /// What ordinary use brings about and what goes away by itself is nothing to warn of: a unit whose
    /// hooks run.
    fn or_idle(self, rule: &str) -> Self {
        match self {
            Self::Warns { finding } if is_idle(rule) => Self::Deferred { until: finding.summary },
            other => other,
        }
    }

    /// Whether the same rule finds the same.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let rule = |one: &Self| one.finding().map(|finding| finding.rule.clone());
        self.word() == other.word() && rule(self) == rule(other)
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// The rule of a step that would be changed.
pub(super) const WOULD_CHANGE: &str = "would-be-changed";
/// The rule of a step that refuses.
const REFUSED: &str = "refused";

/// Returns a failure in one line: what was being done, and the cause.
pub(super) fn reason(failure: &Failure) -> String {
    let last = failure.causes.last().filter(|cause| **cause != failure.message);
    last.map_or_else(|| failure.message.clone(), |cause| format!("{}: {cause}", failure.message))
}

impl Observation {
    pub(super) fn new(source: Source, id: StepId, subject: Subject, state: State) -> Self {
        Self { source, id, subject, state, evidence: Vec::new() }
    }

    pub(super) fn shown_by(self, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..self }
    }

    /// Returns what was found of an item of a runbook on `target`.
    pub(super) fn of_item(source: Source, target: &str, item: &ItemPreview) -> Self {
        let ItemPreview { subject, kind, key, found } = item;
        let id = StepId { target: target.to_owned(), kind: kind.clone(), key: key.clone() };
        let (state, evidence) = match found {
            ItemState::Verdict(Verdict::Pass { evidence }) => (State::Holds, evidence.clone()),
            ItemState::Verdict(Verdict::Fail(finding)) => {
                (State::of((**finding).clone()).or_idle(key), finding.evidence.clone())
            }
            ItemState::Verdict(Verdict::Deferred { until }) => {
                (State::Deferred { until: until.clone() }, Vec::new())
            }
            ItemState::Preview(preview) => (of_preview(preview), preview.evidence.clone()),
            ItemState::Failed(failure) => (State::of_failure(failure, subject), Vec::new()),
        };
        Self::new(source, id, subject.clone(), state).shown_by(evidence)
    }

    /// Returns a finding as an observation: what is found is there, and what is not found is good.
    pub(super) fn of_finding(source: Source, finding: Finding) -> Self {
        let (subject, evidence) = (finding.subject.clone(), finding.evidence.clone());
        let id = StepId {
            target: subject.to_string(),
            kind: FINDING.to_owned(),
            key: finding.rule.clone(),
        };
        Self::new(source, id, subject, State::of(finding)).shown_by(evidence)
    }

    /// Returns whether it comes and goes without anything being wrong: a finding that is gone is good,
    /// users make and remove templates, and the end of a credential is known while that is.
    pub(super) fn comes_and_goes(&self) -> bool {
        [FINDING, TEMPLATE, EXPIRY].contains(&self.id.kind.as_str())
    }
}

/// The kind of an observation that exists only while a rule finds something.
const FINDING: &str = "finding";
/// The kind of an observation of a cluster template.
pub(super) const TEMPLATE: &str = "template";

fn of_preview(preview: &Preview) -> State {
    if let Some(until) = &preview.wait {
        return State::Deferred { until: until.clone() };
    }
    if preview.is_satisfied() {
        return State::Holds;
    }
    let shown = preview.diffs.iter().map(|diff| diff.effect.clone());
    let summary = format!("differs from the site file: {}", shown.collect::<Vec<_>>().join("; "));
    let detail = preview.diffs.iter().flat_map(|diff| &diff.detail);
    let finding = Finding::broken(WOULD_CHANGE, preview.subject.clone(), summary)
        .severity(Severity::Warning)
        .shown_by(detail.map(Evidence::sentence))
        .remedy("omega-cli plan graft");
    State::Pending { finding: Box::new(finding) }
}

/// Gives each of several observations with one identity its own. They keep their order.
pub(super) fn distinct(mut all: Vec<Observation>) -> Vec<Observation> {
    let mut seen: Vec<StepId> = Vec::with_capacity(all.len());
    for one in &mut all {
        let key = one.id.key.clone();
        let mut nth = 1;
        while seen.contains(&one.id) {
            nth += 1;
            one.id.key = format!("{key} ({nth})");
        }
        seen.push(one.id.clone());
    }
    all
}
