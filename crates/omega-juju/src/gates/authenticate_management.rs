use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, Gate, Label as _, Subject, Verdict, kubeconfig::KubeconfigFacts,
    values::Sha256,
};

use super::{fail, has_digest, not_checked};
use crate::{
    Error, FileState, Probe, ProbeFailure, ReachState, ServiceName, Unit, UnitPath,
    error::answered, operations::magnum,
};

/// Whether the conductor's user can authenticate with the kubeconfig on the unit, as the driver
/// does: with the client certificate or token of the current context.
#[derive(Clone, Debug)]
pub struct AuthenticateManagement {
    unit: Arc<Unit>,
    service: ServiceName,
    kubeconfig: UnitPath,
    sha256: Sha256,
    server: String,
}

impl AuthenticateManagement {
    /// Returns the gate for the kubeconfig that should be at `path`.
    pub fn new(unit: &Arc<Unit>, path: &UnitPath, facts: &KubeconfigFacts) -> Self {
        Self {
            unit: Arc::clone(unit),
            service: magnum::conductor(),
            kubeconfig: path.clone(),
            sha256: facts.sha256,
            server: facts.server.as_str().trim_end_matches('/').to_owned(),
        }
    }

    async fn ask(&self) -> Result<(FileState, Result<ReachState, ProbeFailure>), Error> {
        let probe = Probe::Authenticate {
            service: self.service.clone(),
            kubeconfig: self.kubeconfig.clone(),
        };
        let state = async { answered(self.unit.reach(probe).await) };
        futures::try_join!(self.unit.file(&self.kubeconfig), state)
    }

    fn judge(&self, state: &ReachState) -> Verdict {
        let error = state.error.clone().unwrap_or_else(|| "no reason given".to_owned());
        let took = Evidence::took("answer after", Duration::from_millis(state.millis));
        let authenticated = Evidence::holds("authenticated");
        match state.status {
            Some(200) => {
                let version = state.version.as_ref().map(|text| Evidence::text("version", text));
                Verdict::shown([authenticated].into_iter().chain(version).chain([took]))
            }
            // An unknown user would get 401: this one is authenticated, with few rights.
            Some(403) => Verdict::shown([
                authenticated,
                Evidence::holds("few rights: 403 on discovery"),
                took,
            ]),
            Some(401) => fail(
                self,
                "401: the API server rejects these credentials",
                "get a new kubeconfig: the certificate or token is revoked, expired, or for another \
                 cluster",
            ),
            Some(status) => fail(self, format!("HTTP {status}: {error}"), "look at the API server"),
            None => fail(
                self,
                error,
                "check the connection from this unit to the server, and the kubeconfig's owner and mode",
            ),
        }
    }
}

impl AuthenticateManagement {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("authenticate-management", &["D-035"]);
}

#[async_trait]
impl Gate for AuthenticateManagement {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("authenticate", format!("{} -> {}", self.unit.label(), self.server))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok((file, _)) if !has_digest(&file, &self.sha256) => {
                Ok(Verdict::deferred("waits for 7.2 (place the kubeconfig)"))
            }
            Ok((_, Ok(state))) => Ok(self.judge(&state)),
            Ok((_, Err(failure))) => {
                Ok(fail(self, failure.why, "look at the conductor's interpreter"))
            }
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
