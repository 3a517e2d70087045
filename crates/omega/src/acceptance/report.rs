//! The report: one value, from which every form is made.

use jiff::Timestamp;
use omega_core::{
    Evidence, Finding, Note, Severity, StepId,
    run::{Endpoints, Status},
};
use serde::{Deserialize, Serialize};

use super::{Answer, Chart, ItemId, Outcome};

/// The version of the report's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// What the acceptance of a site found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptanceReport {
    /// The version of this format.
    pub schema_version: u32,
    /// The run.
    pub run: String,
    /// The program that made it.
    pub tool: Tool,
    /// The site file.
    pub site: String,
    /// The digest of the site file, if it was a file.
    pub site_sha256: Option<String>,
    /// What tells this site from others: where its cloud and its model are.
    pub endpoints: Endpoints,
    /// What was asked in the place of the real thing. A report that names any proves nothing of a real
    /// site.
    pub stand_ins: Vec<String>,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The result.
    pub verdict: Verdict,
    /// The exit code of the command: of [`Self::status`], or 130 if it was stopped before the end.
    #[serde(default)]
    pub exit_code: u8,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
    /// The run whose results it keeps, if it continues one.
    pub resumes: Option<String>,
    /// Why nothing was kept of that run, if it was on another site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
    /// The items, in the order of the runbook.
    pub items: Vec<ItemReport>,
    /// The items that were not asked for.
    pub not_selected: Vec<ItemId>,
    /// What the run made and could not remove.
    pub left: Vec<StepId>,
}

/// The program that made a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The result of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// Every item passed or is deferred by a decision.
    Accepted,
    /// At least one item failed.
    Failed,
    /// No item failed, and at least one was not checked.
    Incomplete,
}

/// The result of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemReport {
    /// Which one.
    pub id: ItemId,
    /// What it is about.
    pub title: String,
    /// What must hold.
    pub criterion: String,
    /// The outcome.
    pub outcome: Outcome,
    /// What is wrong, and what could not be checked.
    pub findings: Vec<Finding>,
    /// What was observed.
    pub evidence: Vec<Evidence>,
    /// Where the runbook and the facts differ.
    pub notes: Vec<Note>,
    /// What took how long.
    pub charts: Vec<Chart>,
    /// When it was checked.
    pub started: Timestamp,
    /// How long that took, in seconds.
    pub seconds: f64,
    /// The run that checked it, if it was an earlier one: on the same site file, and at most
    /// [`KEPT_FOR`](super::KEPT_FOR) ago.
    pub kept_from: Option<String>,
}

impl ItemReport {
    /// Returns the report of an item that answered so.
    pub(super) fn new(id: ItemId, answer: Answer, started: Timestamp, seconds: f64) -> Self {
        let Answer { outcome, findings, evidence, notes, charts } = answer;
        let (title, criterion) = (id.title().to_owned(), id.criterion().to_owned());
        let kept_from = None;
        Self {
            id,
            title,
            criterion,
            outcome,
            findings,
            evidence,
            notes,
            charts,
            started,
            seconds,
            kept_from,
        }
    }

    /// Adds what is known about the cluster that was created for it. What is broken fails D-011.5, and
    /// what had passed.
    pub(super) fn tell(
        &mut self,
        findings: Vec<Finding>,
        evidence: Vec<Evidence>,
        chart: Option<Chart>,
    ) {
        let is_broken = findings.iter().any(|one| one.severity == Severity::Broken);
        if is_broken && (self.id == ItemId::Cluster || self.outcome == Outcome::Passed) {
            self.outcome = Outcome::Failed;
        }
        self.findings.extend(findings);
        self.findings.sort_by_key(|one| one.severity);
        self.evidence.splice(0..0, evidence);
        self.charts.extend(chart.filter(|chart| !chart.is_empty()));
    }

    /// Returns whether it need not be checked again.
    pub fn is_settled(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::Deferred { .. })
    }

    /// Returns when it was checked and by which run, if that was an earlier one.
    pub fn kept(&self) -> Option<String> {
        let run = self.kept_from.as_ref()?;
        Some(format!("checked {} by run {run}", self.started.strftime("%Y-%m-%d %H:%M UTC")))
    }

    /// Returns the item in one line: the first finding, why it was not checked, or what was observed.
    pub fn summary(&self) -> String {
        match &self.outcome {
            Outcome::Failed => {
                let first = self.findings.first();
                let first = first.map(|one| format!("{}: {}", one.subject.name, one.summary));
                let first = first.unwrap_or_default();
                match self.count(Severity::Broken).saturating_sub(1) {
                    0 => first,
                    more => format!("{first} (and {more} more)"),
                }
            }
            Outcome::Deferred { decision, why } => format!("{decision}: {why}"),
            Outcome::NotRun { why, .. } => why.clone(),
            Outcome::Passed => {
                let shown = first_facts(&self.evidence);
                match self.count(Severity::Warning) {
                    0 => shown,
                    1 => format!("{shown}; 1 warning"),
                    some => format!("{shown}; {some} warnings"),
                }
            }
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|one| one.severity == severity).count()
    }

    /// Returns its place where the worst comes first.
    pub fn rank(&self) -> (u8, ItemId) {
        let rank = match self.outcome {
            Outcome::Failed => 0,
            Outcome::NotRun { .. } => 1,
            Outcome::Deferred { .. } => 2,
            Outcome::Passed => 3,
        };
        (rank, self.id)
    }
}

/// The first facts, as many as fit into a line or two.
fn first_facts(evidence: &[Evidence]) -> String {
    const MOST: usize = 120;
    let fits = |count: &usize| {
        let first = evidence.get(..*count).unwrap_or_default();
        Evidence::line(first).chars().count() <= MOST
    };
    let count = (1..=evidence.len()).take_while(fits).last().unwrap_or(1).min(evidence.len());
    let shown = Evidence::line(evidence.get(..count).unwrap_or_default());
    match evidence.len() - count {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl AcceptanceReport {
    /// Returns the items, failures first.
    pub fn worst_first(&self) -> Vec<&ItemReport> {
        let mut all: Vec<_> = self.items.iter().collect();
        all.sort_by_key(|item| item.rank());
        all
    }

    /// Returns the status of a command that made this report: 3 if an item failed, else 1 if one of
    /// those that were asked for was not checked, else 0.
    pub fn status(&self) -> Status {
        let any = |rank| self.items.iter().any(|item| item.rank().0 == rank);
        match (any(0), any(1)) {
            (true, _) => Status::Gate,
            (false, true) => Status::Error,
            (false, false) => Status::Done,
        }
    }

    /// Decides by the items.
    pub(super) fn decide(&mut self) {
        let status = if self.interrupted { Status::Interrupted } else { self.status() };
        self.exit_code = status.code();
        let settled = self.items.iter().all(ItemReport::is_settled);
        let is_whole = settled && self.not_selected.is_empty() && self.left.is_empty();
        self.verdict = if self.status() == Status::Gate {
            Verdict::Failed
        } else if is_whole {
            Verdict::Accepted
        } else {
            Verdict::Incomplete
        };
    }
}
