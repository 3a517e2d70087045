//! What differs from the baseline, or is not as it should be.

use jiff::Timestamp;
use omega_core::{Evidence, Finding, StepId, Subject, run::Status};
use serde::{Deserialize, Serialize};

use super::{FactChange, Source};

/// Something that differs from the baseline, or is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// What is about it.
    pub kind: DifferenceKind,
    /// Where it was seen.
    pub source: Source,
    /// The identity of what it is about.
    pub id: StepId,
    /// What it is about, for people.
    pub subject: Subject,
    /// The rule of the silent change that this is, if it is a known one (`defaults-rewritten`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<String>,
    /// What differs, in one sentence.
    pub summary: String,
    /// The facts that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactChange>,
    /// What the rule found, if it fails, warns, or would be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Since when.
    pub since: Since,
    /// The runs of omega on this site that wrote to it in that time, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// Whether these runs explain it: it is what they left. It is reported once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expected: bool,
    /// Whether this look is the first that found it so.
    #[serde(default)]
    pub new: bool,
}

/// What is about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DifferenceKind {
    /// It could not be looked at.
    Unknown,
    /// A rule fails.
    Fails,
    /// It is not what the site file wants: `apply` would change it.
    Pending,
    /// A rule warns.
    Warns,
    /// It has other facts than the baseline.
    Changed,
    /// There was something to look at, and there is not for now.
    Waits,
    /// It was not there.
    Appeared,
    /// It is not there any more.
    Gone,
    /// What was reported is over: it is as in the baseline again, or as it should be.
    Recovered,
}

impl DifferenceKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Fails,
        Self::Pending,
        Self::Warns,
        Self::Changed,
        Self::Waits,
        Self::Appeared,
        Self::Gone,
        Self::Recovered,
    ];

    /// Returns its name, as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fails => "fails",
            Self::Pending => "pending",
            Self::Warns => "warns",
            Self::Changed => "changed",
            Self::Waits => "waits",
            Self::Appeared => "appeared",
            Self::Gone => "gone",
            Self::Recovered => "recovered",
        }
    }

    /// Returns the status of a look that found one.
    pub fn status(self) -> Status {
        match self {
            Self::Unknown => Status::Error,
            Self::Fails => Status::Gate,
            Self::Pending
            | Self::Warns
            | Self::Changed
            | Self::Waits
            | Self::Appeared
            | Self::Gone => Status::Pending,
            Self::Recovered => Status::Done,
        }
    }
}

/// Since when a difference is there, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Since {
    /// When the last look began that did not find it; none if it was never looked at before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// When the first look ended that found it.
    pub before: Timestamp,
    /// What the machine itself knows: when a file was written, when a daemon started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine: Vec<Evidence>,
}

impl Difference {
    /// Returns whether it is what `earlier` reported already.
    pub(super) fn is_told(&self, earlier: &Self) -> bool {
        let rule = |one: &Self| one.finding.as_ref().map(|finding| finding.rule.clone());
        let now = |one: &Self| one.facts.iter().map(|fact| fact.now.clone()).collect::<Vec<_>>();
        self.kind == earlier.kind && rule(self) == rule(earlier) && now(self) == now(earlier)
    }

    /// Returns that it is over at `now`.
    pub(super) fn recovered(self, now: Timestamp) -> Self {
        let Self { kind, source, id, subject, silent, since, runs, .. } = self;
        let after = Some(since.before);
        Self {
            kind: DifferenceKind::Recovered,
            source,
            id,
            summary: over(kind).to_owned(),
            subject,
            silent,
            facts: Vec::new(),
            finding: None,
            next: None,
            since: Since { after, before: now, machine: Vec::new() },
            runs,
            expected: false,
            new: true,
        }
    }
}

fn over(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Unknown => "readable again",
        DifferenceKind::Fails => "fixed",
        DifferenceKind::Pending => "now as wanted",
        DifferenceKind::Warns => "no warning any more",
        DifferenceKind::Waits => "checked again",
        DifferenceKind::Gone => "there again",
        DifferenceKind::Changed | DifferenceKind::Appeared | DifferenceKind::Recovered => {
            "as in the baseline again"
        }
    }
}
