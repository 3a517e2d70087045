#![allow(clippy::similar_names, reason = "who uses, and what is used")]

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};
use omega_juju::controller::{Controller, HeldOffer, ListedModel};

use super::shown;

/// The rule.
pub(super) const RULE: CheckRule = CheckRule::new("cross-model-relations", &["D-018"]);

/// Relations between models that break: of others to what this model offers, and of this one to what
/// others offer.
pub(in crate::teardown) struct Consumers {
    pub(in crate::teardown) controller: Arc<Controller>,
    pub(in crate::teardown) model: ListedModel,
}

#[async_trait]
impl Gate for Consumers {
    fn rule(&self) -> &'static str {
        RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("relations", "to other models")
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let unread = |error: &_| Failure::from_error("could not read the offers", error);
        let (offers, status) = futures::join!(
            self.controller.offers(&self.model),
            self.controller.status(&self.model)
        );
        let offers = offers.map_err(|error| unread(&error))?;
        let consumes = status.map_err(|error| unread(&error))?.consumes;
        let used = offers.iter().filter(|offer| !offer.consumers.is_empty());
        let used: Vec<String> = used.map(used_by).collect();
        let uses: Vec<String> = consumes.iter().map(|one| one.url.clone()).collect();
        if used.is_empty() && uses.is_empty() {
            return Ok(Verdict::shown([Evidence::holds("none")]));
        }
        let parts = [("others use", used), ("it uses", uses)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<String> =
            parts.map(|(what, names)| format!("{what} {}", shown(names))).collect();
        let what = format!("relations to other models break: {}", parts.join("; "));
        let found = Finding::broken(self.rule(), self.subject(), what).severity(Severity::Warning);
        Ok(Verdict::fail(
            found.remedy("remove them in those models first (juju offers, juju remove-saas)"),
        ))
    }
}

/// `admin/openstack.mysql (2 relations)`
fn used_by(offer: &HeldOffer) -> String {
    match offer.consumers.as_slice() {
        [one] => format!("{} (by model {})", offer.url, one.model),
        many => format!("{} ({} relations)", offer.url, many.len()),
    }
}
