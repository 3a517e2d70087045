//! The last result of each rule, as far as it is stored on this machine.

use std::collections::BTreeMap;

use jiff::Timestamp;
use omega_core::{
    Failure, FailureClass, Finding, ItemOutcome, ItemState, Severity, TargetPreview, TargetReport,
    Verdict,
    run::{RunInfo, Runs},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::acceptance::{AcceptanceReport, Outcome};

/// The document that a run keeps.
const REPORT: &str = "report.json";

/// What a rule found. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ResultState {
    /// Something is broken.
    Failed,
    /// It could not be evaluated.
    Unknown,
    /// Something may be wrong, or will be.
    Warned,
    /// It could not be checked yet, or is not required.
    Deferred,
    /// It holds.
    Passed,
}

/// The last result of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastResult {
    /// What it was.
    pub state: ResultState,
    /// When the check began.
    pub at: Timestamp,
    /// What found it: `graft`, `accept`.
    pub by: String,
    /// The run that stored it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The site file, as it was named then.
    pub site: String,
    /// What was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

impl LastResult {
    /// Returns the result of a check of `site` by the command `by`.
    pub fn new(state: ResultState, at: Timestamp, by: &str, site: &str) -> Self {
        let (by, site) = (by.to_owned(), site.to_owned());
        Self { state, at, by, run: None, site, summary: None }
    }
}

/// The last results of rules.
#[derive(Clone, Debug, Default)]
pub struct Results {
    by_rule: BTreeMap<String, LastResult>,
    /// What is wrong with runs and reports that can't be read.
    pub damaged: Vec<Failure>,
}

/// The parts of a run's report that have results.
#[derive(Deserialize)]
struct RunReport {
    #[serde(default)]
    findings: Vec<Finding>,
    #[serde(default)]
    looked: Vec<TargetPreview>,
    #[serde(default)]
    done: Vec<TargetReport>,
}

impl Results {
    /// Reads the reports of runs on this machine: of the runbooks and operations, and of the acceptance.
    /// `site`: only those of this site file, as it was named.
    ///
    /// # Errors
    ///
    /// Fails if the directory of runs can't be read. Single reports that can't be are in
    /// [`Results::damaged`].
    pub fn of_runs(runs: &Runs, site: Option<&str>) -> Result<Self, Failure> {
        let (all, damaged) = runs.all()?;
        let mut results = Self { by_rule: BTreeMap::new(), damaged };
        for run in all.iter().filter(|run| site.is_none_or(|site| run.site == site)) {
            if let Err(failure) = results.read(runs, run) {
                results.damaged.push(failure);
            }
        }
        Ok(results)
    }

    /// Adds a result, unless there is a newer one of that rule. Of two of the same time the worse one stays.
    pub fn add(&mut self, rule: &str, result: LastResult) {
        let newer = self.by_rule.get(rule).is_none_or(|known| {
            (result.at, std::cmp::Reverse(result.state))
                > (known.at, std::cmp::Reverse(known.state))
        });
        if newer {
            self.by_rule.insert(rule.to_owned(), result);
        }
    }

    /// Returns the last result of a rule.
    pub fn of(&self, rule: &str) -> Option<&LastResult> {
        self.by_rule.get(rule)
    }

    fn read(&mut self, runs: &Runs, run: &RunInfo) -> Result<(), Failure> {
        // A report whose digest was recorded must still have it.
        if runs.documents(&run.id)?.iter().any(|name| name == REPORT) {
            runs.document(&run.id, REPORT)?;
        }
        // A run that goes on or was killed has none.
        let Some(kept) = runs.kept::<Value>(&run.id, REPORT) else { return Ok(()) };
        let report = runs.report(&run.id).ok_or_else(|| {
            let version = kept.get("schema_version").cloned().unwrap_or_default();
            Failure::new(FailureClass::Error, format!("could not read {REPORT} of run {}", run.id))
                .because(format!("its version is {version}, of a later version of omega"))
        })?;
        let unreadable = |error: serde_json::Error| {
            let what = format!("could not read {REPORT} of run {}", run.id);
            Failure::new(FailureClass::Error, what).because(omega_core::json_words(&error))
        };
        if report.get("verdict").is_some() {
            self.of_acceptance(run, serde_json::from_value(report).map_err(unreadable)?);
        } else if report.get("schema_version").is_none_or(|version| version != 1) {
            self.of_run(run, &serde_json::from_value(report).map_err(unreadable)?);
        }
        // A report of version 1 names no rules.
        Ok(())
    }

    fn of_acceptance(&mut self, run: &RunInfo, report: AcceptanceReport) {
        // What was asked in the place of the real thing proves nothing of a site.
        if !report.stand_ins.is_empty() {
            return;
        }
        for item in report.items {
            let state = match &item.outcome {
                Outcome::Passed => {
                    let is_warning = |one: &Finding| one.severity == Severity::Warning;
                    if item.findings.iter().any(is_warning) {
                        ResultState::Warned
                    } else {
                        ResultState::Passed
                    }
                }
                Outcome::Failed => ResultState::Failed,
                Outcome::Deferred { .. } => ResultState::Deferred,
                Outcome::NotRun { .. } => ResultState::Unknown,
            };
            let summary = (state != ResultState::Passed).then(|| item.summary());
            let run_id = item.kept_from.clone().unwrap_or_else(|| run.id.clone());
            let result = LastResult::new(state, item.started, "accept", &run.site);
            self.add(item.id.name(), LastResult { run: Some(run_id), summary, ..result });
        }
    }

    fn of_run(&mut self, run: &RunInfo, report: &RunReport) {
        let RunReport { findings, looked, done } = report;
        for (rule, (state, summary)) in found_in(findings, looked, done) {
            let result = LastResult::new(state, run.began, &run.runbook, &run.site);
            self.add(rule, LastResult { run: Some(run.id.clone()), summary, ..result });
        }
    }
}

/// Returns what each rule of a report found.
pub(super) fn found_in<'a>(
    findings: &'a [Finding],
    looked: &'a [TargetPreview],
    done: &'a [TargetReport],
) -> Vec<(&'a str, Found)> {
    let found = findings.iter();
    let found = found.map(|one| (one.rule.as_str(), (of_finding(one), Some(one.summary.clone()))));
    let done = done.iter().flat_map(|target| &target.items);
    let done = done.filter(|item| is_check(&item.kind));
    let done = done.filter_map(|item| Some((item.key.as_str(), of_outcome(&item.outcome)?)));
    let done: Vec<_> = done.collect();
    // What was looked at before the changes counts where the run did not come to it.
    let is_open = |rule: &str| done.iter().all(|(reached, _)| *reached != rule);
    let looked = looked.iter().flat_map(TargetPreview::items);
    let looked = looked.filter(|item| is_check(&item.kind) && is_open(&item.key));
    let looked = looked.filter_map(|item| Some((item.key.as_str(), of_state(&item.found)?)));
    found.chain(looked).chain(done.iter().cloned()).collect()
}

/// What a rule found, and in which words.
pub(super) type Found = (ResultState, Option<String>);

/// Returns what a gate or a wait found when the run came to it.
fn of_outcome(outcome: &ItemOutcome) -> Option<Found> {
    match outcome {
        ItemOutcome::Passed { .. } => Some((ResultState::Passed, None)),
        ItemOutcome::Deferred { until } => Some((ResultState::Deferred, Some(until.clone()))),
        ItemOutcome::Warned(one) => Some((of_finding(one), Some(one.summary.clone()))),
        ItemOutcome::Failed(failure) => Some((of_failure(failure), Some(words(failure)))),
        // Only steps end so.
        ItemOutcome::Unchanged | ItemOutcome::Changed => None,
    }
}

/// Returns what a gate or a wait found before the changes.
fn of_state(state: &ItemState) -> Option<Found> {
    match state {
        ItemState::Verdict(Verdict::Pass { .. }) => Some((ResultState::Passed, None)),
        ItemState::Verdict(Verdict::Deferred { until }) => {
            Some((ResultState::Deferred, Some(until.clone())))
        }
        ItemState::Verdict(Verdict::Fail(one)) => {
            Some((of_finding(one), Some(one.summary.clone())))
        }
        ItemState::Failed(failure) => Some((of_failure(failure), Some(words(failure)))),
        ItemState::Preview(_) => None,
    }
}

/// Whether an item of a report is a gate or a wait.
fn is_check(kind: &str) -> bool {
    matches!(kind, "gate" | "wait")
}

pub(super) fn of_finding(finding: &Finding) -> ResultState {
    match finding.severity {
        Severity::Broken => ResultState::Failed,
        Severity::Warning => ResultState::Warned,
        Severity::Waiting => ResultState::Deferred,
        Severity::Note => ResultState::Passed,
        // Or a severity of a later version.
        Severity::Unknown | _ => ResultState::Unknown,
    }
}

/// A gate that fails is a failure of its own class; any other means that it could not be asked.
fn of_failure(failure: &Failure) -> ResultState {
    if matches!(failure.class, FailureClass::Gate | FailureClass::Refused) {
        ResultState::Failed
    } else {
        ResultState::Unknown
    }
}

fn words(failure: &Failure) -> String {
    let first = failure.causes.first().unwrap_or(&failure.message);
    first.clone()
}

#[cfg(test)]
#[path = "results_tests.rs"]
mod tests;
