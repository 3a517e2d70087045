//! The checks of a site, as a job to plan and with their own status.

use std::fmt;

use omega_core::{
    Failure, FailureClass, Gate, Item, ItemState, Section, Severity, TargetPlan, TargetPreview,
    Verdict, nearest_name,
    run::{Job, Report, Status},
};

use super::RULES;
use crate::clients::PartialClients;

/// The checks of a site.
#[non_exhaustive]
pub struct Checks {
    /// One for each of [`RULES`], in their order.
    pub gates: Vec<Box<dyn Gate>>,
    /// What they ask.
    pub clients: PartialClients,
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.gates.iter().map(|gate| gate.rule()).collect();
        f.debug_struct("Checks").field("gates", &rules).finish_non_exhaustive()
    }
}

impl Checks {
    /// Returns those whose rules are `only`; all if it is empty.
    ///
    /// # Errors
    ///
    /// Fails if there is no such rule, and names the nearest one.
    pub fn only(self, only: &[String]) -> Result<Self, Failure> {
        let known = || RULES.iter().map(|rule| rule.id);
        if let Some(odd) = only.iter().find(|name| !known().any(|rule| rule == name.as_str())) {
            let next = match nearest_name(odd, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of: {}", known().collect::<Vec<_>>().join(", ")),
            };
            let what = format!("there is no rule `{odd}` of live checks");
            return Err(Failure::new(FailureClass::Usage, what).next(next));
        }
        let Self { mut gates, clients } = self;
        gates.retain(|gate| only.is_empty() || only.iter().any(|one| one == gate.rule()));
        Ok(Self { gates, clients })
    }

    /// Returns them as a job to plan. `site`: the site, as the operator named it.
    pub fn job(self, site: &str) -> Job {
        let Self { gates, clients } = self;
        let items = gates.into_iter().map(Item::Gate).collect();
        let target = TargetPlan::shared("live", vec![Section::new("", "check", items)]);
        Job::new("check", site, vec![target]).on(clients.endpoints(), clients.counts())
    }
}

/// Returns the report with the status of live checks: that something is broken counts more than that something
/// is not known, and what is not known is never good.
#[must_use]
pub fn judged(report: Report) -> Report {
    let items = || report.looked.iter().flat_map(TargetPreview::items);
    let named = |is_meant: fn(&ItemState) -> bool| -> Vec<String> {
        items().filter(|item| is_meant(&item.found)).map(|item| item.key.clone()).collect()
    };
    let (broken, unknown) = (named(is_broken), named(is_unknown));
    let failed = |class, what: &str, rules: &[String], next: &str| {
        let what = format!("{what}: {}", rules.join(", "));
        Some(Failure::new(class, what).next(next))
    };
    if !broken.is_empty() {
        let next = "correct what each finding says, and check again";
        let failure = failed(FailureClass::Gate, "live checks failed", &broken, next);
        return report.failed(failure, Status::Gate);
    }
    if !unknown.is_empty() {
        let next = "correct what each says, and check again: what is not known may be broken";
        let failure = failed(FailureClass::Error, "live checks could not be made", &unknown, next);
        return report.failed(failure, Status::Error);
    }
    report.failed(None, Status::Done)
}

fn is_broken(state: &ItemState) -> bool {
    matches!(state, ItemState::Verdict(Verdict::Fail(finding)) if finding.is_broken())
}

fn is_unknown(state: &ItemState) -> bool {
    match state {
        ItemState::Verdict(Verdict::Fail(finding)) => finding.severity == Severity::Unknown,
        ItemState::Failed(_) | ItemState::Verdict(Verdict::Deferred { .. }) => true,
        ItemState::Verdict(Verdict::Pass { .. }) | ItemState::Preview(_) => false,
    }
}
