use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, Finding, Gate, Label as _, Severity, Subject, Verdict,
};

use crate::{
    Unit,
    channel::{Standing, Unusable},
};

/// Whether Juju reports the unit as active and idle, in the status from which the units of this run
/// were listed. A hook that runs and a charm that waits are warnings: they should pass.
#[derive(Clone, Debug)]
pub struct JujuStanding {
    unit: Arc<Unit>,
}

impl JujuStanding {
    /// Returns the gate; `None` for a unit that Juju did not list.
    pub fn new(unit: &Arc<Unit>) -> Option<Self> {
        unit.standing().is_some().then(|| Self { unit: Arc::clone(unit) })
    }
}

/// Returns what juju's report of a unit means; `None` if it is active and idle. `subject`: the unit.
pub fn standing_finding(rule: &str, subject: Subject, standing: &Standing) -> Option<Finding> {
    let name = subject.name.clone();
    let log = format!("look at juju show-status-log {name}");
    let (why, severity, remedy) = match standing {
        Standing::Ready => return None,
        Standing::Busy(why) => {
            (why, Severity::Warning, "wait until it is idle: a hook can rewrite files".to_owned())
        }
        Standing::Unwell(why) => (
            why,
            Severity::Broken,
            format!("{log}; after a hook that failed: juju resolved {name}"),
        ),
        Standing::Lost(_) | Standing::Unusable(_) => {
            let Unusable { why, next } = standing.unusable(&name)?;
            let found = Finding::broken(rule, subject, format!("juju reports: {why}"));
            return Some(found.remedy(next));
        }
    };
    let found = Finding::broken(rule, subject, format!("juju reports: {why}"));
    Some(found.severity(severity).remedy(remedy))
}

impl JujuStanding {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("juju-status", &["D-011"]);
}

#[async_trait]
impl Gate for JujuStanding {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("juju", self.unit.label())
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let standing = self.unit.standing().unwrap_or(&Standing::Ready);
        let found = standing_finding(self.rule(), self.subject(), standing);
        Ok(found
            .map_or_else(|| Verdict::shown([Evidence::holds("active and idle")]), Verdict::fail))
    }
}
