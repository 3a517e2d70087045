//! The report as `JUnit`'s XML, for systems that show test results.

use std::time::Duration;

use omega_core::{Evidence, Finding, Severity};
use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite,
};

use super::{verdict, visible::visible};
use crate::acceptance::{AcceptanceReport, ItemReport, Outcome};

/// Returns the report as `JUnit`'s XML: one suite, one test case an item. What was not checked is an
/// error, what is deferred is skipped.
///
/// # Errors
///
/// Fails if it can't be written as XML.
pub fn junit(report: &AcceptanceReport) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new("D-011");
    suite.set_time(duration(report.seconds));
    let property = |name: &str, value: &str| Property::new(name, visible(value));
    suite.add_property(property("run", &report.run));
    suite.add_property(property("site", &report.site));
    suite.add_property(property("version", &report.tool.version));
    suite.add_property(property("started", &report.started.to_string()));
    suite.add_property(property("verdict", verdict(report.verdict)));
    suite.add_properties(report.stand_ins.iter().map(|one| property("stand-in", one)));
    suite.add_test_cases(report.items.iter().map(case));
    let mut whole = Report::new(visible(&format!("Acceptance of {}", report.site)));
    whole.set_time(duration(report.seconds)).add_test_suite(suite);
    whole.to_string()
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn case(item: &ItemReport) -> TestCase {
    let status = match &item.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Deferred { decision, why } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(visible(&format!("{decision}: {why}")));
            status
        }
        Outcome::Failed => non_success(NonSuccessKind::Failure, item),
        Outcome::NotRun { .. } => non_success(NonSuccessKind::Error, item),
    };
    let mut case = TestCase::new(format!("{} {}", item.id, item.title), status);
    if let Some(kept) = item.kept() {
        case.add_property(Property::new("kept", visible(&kept)));
    }
    case.set_classname("D-011").set_time(duration(item.seconds));
    let shown: Vec<String> = item.evidence.iter().map(Evidence::to_string).collect();
    if !shown.is_empty() {
        case.set_system_out(visible(&shown.join("\n")));
    }
    case
}

fn non_success(kind: NonSuccessKind, item: &ItemReport) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(visible(&item.summary()));
    let worst = item.findings.first().map(|one| one.rule.as_str());
    status.set_type(visible(worst.unwrap_or("not-checked")));
    let next = if let Outcome::NotRun { next, .. } = &item.outcome { next.as_ref() } else { None };
    let next = next.map(|next| format!("next: {next}"));
    let findings = item.findings.iter().filter(|one| one.severity != Severity::Note).map(text);
    let all: Vec<String> = findings.chain(next).collect();
    status.set_description(visible(&all.join("\n\n")));
    status
}

fn text(finding: &Finding) -> String {
    let Finding { rule, subject, summary, evidence, remedy, .. } = finding;
    let shown = evidence.iter().map(|one| format!("  {one}"));
    let next = remedy.iter().map(|remedy| format!("  next: {remedy}"));
    let head = format!("{subject}: {summary} ({rule})");
    [head].into_iter().chain(shown).chain(next).collect::<Vec<_>>().join("\n")
}
