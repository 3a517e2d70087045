//! The checks as a job to plan, and its status.

use omega_core::{
    Failure, FailureClass, Gate, Item, ItemState, Section, Severity, TargetPlan, TargetPreview,
    Verdict, nearest_name,
    run::{Job, Report, Status},
};

use super::RULES;

/// Returns those of `gates` whose rules are `only`; all if it is empty.
///
/// # Errors
///
/// Fails if there is no such rule, and names the nearest one.
pub fn chosen(
    gates: Vec<Box<dyn Gate>>,
    only: &[String],
) -> Result<Vec<Box<dyn Gate>>, Failure> {
    let known = || RULES.iter().map(|rule| rule.id);
    if let Some(odd) = only.iter().find(|name| !known().any(|rule| rule == name.as_str())) {
        let next = match nearest_name(odd, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of: {}", known().collect::<Vec<_>>().join(", ")),
        };
        return Err(Failure::new(FailureClass::Usage, format!("no rule `{odd}`")).next(next));
    }
    let is_meant = |gate: &Box<dyn Gate>| only.is_empty() || only.iter().any(|one| one == gate.rule());
    Ok(gates.into_iter().filter(is_meant).collect())
}

/// Returns the checks as a job to plan. `site`: the site, as the operator named it.
pub fn job(gates: Vec<Box<dyn Gate>>, site: &str) -> Job {
    let items = gates.into_iter().map(Item::Gate).collect();
    let target = TargetPlan::shared("live", vec![Section::new("", "check", items)]);
    Job::new("check", site, vec![target])
}

/// Returns the report with the status of live checks: that something is broken counts more than that something
/// is not known, and what is not known is never good.
#[must_use]
pub fn status(report: Report) -> Report {
    let states = || report.looked.iter().flat_map(TargetPreview::items).map(|item| &item.found);
    let is_broken = |state: &ItemState| matches!(state, ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken());
    let unknown = states().filter(|state| match state {
        ItemState::Verdict(Verdict::Fail(finding)) => finding.severity == Severity::Unknown,
        ItemState::Failed(_) | ItemState::Verdict(Verdict::Deferred { .. }) => true,
        ItemState::Verdict(Verdict::Pass { .. }) | ItemState::Preview(_) => false,
    });
    let (broken, unknown) = (states().filter(|state| is_broken(state)).count(), unknown.count());
    if broken > 0 {
        let what = format!("{broken} live checks failed");
        let failure = Failure::new(FailureClass::Gate, what).next("each says above what to do");
        return report.failed(Some(failure), Status::Gate);
    }
    if unknown > 0 {
        let what = format!("{unknown} live checks could not be made");
        let failure = Failure::new(FailureClass::Error, what).next("each says above why");
        return report.failed(Some(failure), Status::Error);
    }
    report.failed(None, Status::Done)
}
