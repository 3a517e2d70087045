//! What a teardown waits for: Juju and MAAS do the work.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{
    CheckRule, Desired as _, Evidence, Failure, PollPolicy, Subject, Wait, WaitState, WhenLate,
};
use omega_juju::controller::{Controller, ListedModel, ModelAbsent, ModelObserved};

use super::maas::{Maas, MachineReleased};

/// The rule that the model is gone.
pub(super) const MODEL_GONE: CheckRule = CheckRule::new("model-gone", &["D-018"]);
/// The rule that Juju and MAAS agree at the end.
const BOTH_SIDES: CheckRule = CheckRule::new("both-sides", &["D-018"]);
/// The rules of the waits.
pub(super) const RULES: [CheckRule; 2] = [MODEL_GONE, BOTH_SIDES];

/// How often the state is read.
const EVERY: Duration = Duration::from_secs(5);

fn policy(within: Duration) -> PollPolicy {
    PollPolicy::new(EVERY.min(within / 4), within)
}

/// That the model is gone. At the deadline the machines are released all the same: that is what D-018 is
/// for, because a destruction can hang.
pub(super) struct ModelGone {
    pub(super) controller: Arc<Controller>,
    pub(super) model: ModelAbsent,
}

impl ModelGone {
    async fn observe(&self) -> Result<ModelObserved, Failure> {
        let seen = self.model.observe(&self.controller).await;
        seen.map_err(|error| Failure::from_error("could not look for the model", &error))
    }
}

/// Whether the model is listed and nobody has begun to destroy it.
fn is_alive(seen: &ModelObserved) -> bool {
    seen.listed.as_ref().is_some_and(ListedModel::is_alive)
}

#[async_trait]
impl Wait for ModelGone {
    fn rule(&self) -> &'static str {
        MODEL_GONE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("gone", &self.model.name)
    }

    fn policy(&self) -> PollPolicy {
        policy(Duration::from_secs(self.model.within))
    }

    async fn look(&self) -> Result<WaitState, Failure> {
        let seen = self.observe().await?;
        Ok(match seen.still_listed() {
            Some(_) if is_alive(&seen) => {
                WaitState::Deferred { until: "after section 2".to_owned() }
            }
            Some(until) => WaitState::Pending { until },
            None => {
                let evidence = vec![Evidence::holds("juju lists it no longer")];
                WaitState::Reached { evidence }
            }
        })
    }

    fn when_late(&self) -> WhenLate {
        WhenLate::GoOn
    }
}

/// Both sides: Juju lists no such model, and MAAS has each machine Ready and nobody's.
pub(super) struct BothSides {
    pub(super) juju: ModelGone,
    pub(super) maas: Option<Arc<Maas>>,
    pub(super) machines: Vec<MachineReleased>,
}

impl BothSides {
    /// Returns each machine that is not free.
    async fn not_free(&self) -> Result<Vec<String>, Failure> {
        let Some(maas) = self.maas.as_ref().filter(|_| !self.machines.is_empty()) else {
            return Ok(Vec::new());
        };
        let all = maas.machines().await;
        let all =
            all.map_err(|error| Failure::from_error("could not read the machines", &error))?;
        let shown =
            |fact: &MachineReleased| match all.iter().find(|one| one.system_id == fact.system_id) {
                Some(machine) if machine.is_free() => None,
                Some(machine) => Some(machine.shown()),
                None => Some(format!("{} ({}) is not in MAAS", fact.hostname, fact.system_id)),
            };
        Ok(self.machines.iter().filter_map(shown).collect())
    }
}

#[async_trait]
impl Wait for BothSides {
    fn rule(&self) -> &'static str {
        BOTH_SIDES.name
    }

    fn subject(&self) -> Subject {
        Subject::new("verified", "Juju and MAAS")
    }

    fn policy(&self) -> PollPolicy {
        self.juju.policy()
    }

    async fn look(&self) -> Result<WaitState, Failure> {
        let (juju, maas) = futures::join!(self.juju.observe(), self.not_free());
        let (seen, not_free) = (juju?, maas?);
        if is_alive(&seen) {
            return Ok(WaitState::Deferred { until: "after sections 2 and 3".to_owned() });
        }
        let missing: Vec<String> = seen.still_listed().into_iter().chain(not_free).collect();
        if !missing.is_empty() {
            return Ok(WaitState::Pending { until: missing.join("; ") });
        }
        let gone = Evidence::holds("juju lists no such model");
        let free = match &self.maas {
            Some(_) => Evidence::count("machines Ready and nobody's", self.machines.len()),
            None => Evidence::holds("MAAS was not asked"),
        };
        Ok(WaitState::Reached { evidence: vec![gone, free] })
    }
}
