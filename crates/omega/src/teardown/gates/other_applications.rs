use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};
use omega_juju::controller::{Controller, HeldApplication, ListedModel};

use super::shown;
use crate::lint::bundle::Charms;

/// The rule.
pub(super) const RULE: CheckRule = CheckRule::new("other-applications", &["D-018"]);

/// That the model holds nothing but the bundle's applications, so that nothing else is destroyed with it.
pub(in crate::teardown) struct OtherApplications {
    pub(in crate::teardown) controller: Arc<Controller>,
    pub(in crate::teardown) model: ListedModel,
    /// The bundle's applications, if it was named.
    pub(in crate::teardown) bundle: Option<BTreeSet<String>>,
    /// Whether the operator accepts others.
    pub(in crate::teardown) is_accepted: bool,
}

impl OtherApplications {
    /// Without a bundle, an application whose charm is not of a Charmed OpenStack is another one
    /// (docs/charms.md).
    fn is_other(&self, application: &HeldApplication) -> bool {
        match &self.bundle {
            Some(bundle) => !bundle.contains(&application.name),
            None => Charms::known().get(&application.charm).is_none(),
        }
    }

    fn judge(&self, applications: &[HeldApplication]) -> Verdict {
        let others = applications.iter().filter(|one| self.is_other(one));
        let others: Vec<String> =
            others.map(|one| format!("{} (charm {})", one.name, one.charm)).collect();
        let whose = if self.bundle.is_some() { "of the bundle" } else { "of a Charmed OpenStack" };
        if others.is_empty() {
            return Verdict::shown([
                Evidence::count("all", applications.len()),
                Evidence::holds(whose),
            ]);
        }
        let what = format!("{} are not {whose}: {}", others.len(), shown(&others));
        let found = Finding::broken(RULE.name, self.subject(), what);
        if self.is_accepted {
            return Verdict::fail(found.severity(Severity::Warning));
        }
        let bundle =
            if self.bundle.is_some() { "" } else { "name the bundle with --bundle FILE, or " };
        let remedy = format!("{bundle}say that they are destroyed too: --accept {}", RULE.name);
        Verdict::fail(found.remedy(remedy))
    }
}

#[async_trait]
impl Gate for OtherApplications {
    fn rule(&self) -> &'static str {
        RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("applications", &self.model.name)
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let content = self.controller.status(&self.model).await.map_err(|error| {
            Failure::from_error("could not read the applications of the model", &error)
        })?;
        Ok(self.judge(&content.applications))
    }
}
