use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    CheckRule, Delta, Desired as _, Evidence, Failure, Gate, Label as _, Subject, Verdict,
};

use super::{fail, not_checked};
use crate::{
    Error, ProbeFailure, ServiceName, SinceStart, Unit,
    error::answered,
    operations::{ConvergeServices, magnum},
};

/// Whether the conductor stays up: it is not restarted again and again. Its errors since its start are
/// shown, and are no reason to say no.
#[derive(Clone, Debug)]
pub struct DaemonSteady {
    unit: Arc<Unit>,
    service: ServiceName,
    services: ConvergeServices,
}

impl DaemonSteady {
    /// Returns the gate. It waits for `services`, which may restart the conductor.
    pub fn new(unit: &Arc<Unit>, services: &ConvergeServices) -> Self {
        let (unit, service) = (Arc::clone(unit), magnum::conductor());
        Self { unit, service, services: services.clone() }
    }

    async fn ask(&self) -> Result<(bool, Result<SinceStart, ProbeFailure>), Error> {
        let since = async { answered(self.unit.since_start(&self.service).await) };
        let (seen, since) = futures::try_join!(self.services.observe(&self.unit), since)?;
        let running = matches!(self.services.diff(&seen), Ok(Delta::Satisfied));
        Ok((running, since))
    }

    fn judge(&self, since: &SinceStart) -> Verdict {
        if let Some(why) = since.keeps_restarting() {
            let next = format!("look at journalctl -u {} on the unit", self.service);
            let why = format!("{} keeps restarting: {why}", self.service);
            return match &since.last_error {
                Some(error) => fail(self, format!("{why}; its last error: {error}"), next),
                None => fail(self, why, next),
            };
        }
        let last = since.last_error.as_ref().map(|error| Evidence::text("the last", error));
        let errors = Evidence::count("errors in its log since the start", since.errors);
        Verdict::shown([Evidence::holds("stays up"), errors].into_iter().chain(last))
    }
}

impl DaemonSteady {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("daemon-steady", &[]);
}

#[async_trait]
impl Gate for DaemonSteady {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("daemon", format!("{} on {}", self.service, self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok((false, _)) => {
                Ok(Verdict::deferred(format!("waits for 7.8 (restart {})", self.service)))
            }
            Ok((true, Ok(since))) => Ok(self.judge(&since)),
            Ok((true, Err(failure))) => {
                Ok(fail(self, failure.why, format!("look at systemctl status {}", self.service)))
            }
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
