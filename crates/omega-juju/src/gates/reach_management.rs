use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{
    Evidence, Failure, Gate, Label as _, Subject, Verdict, kubeconfig::KubeconfigFacts,
};

use super::{fail, not_asked};
use crate::{Error, Probe, ReachState, Unit};

/// Whether the unit reaches the management cluster's API: TCP, then TLS with the kubeconfig's CA,
/// then an answer. No credentials are sent.
#[derive(Clone, Debug)]
pub struct ReachManagement {
    unit: Arc<Unit>,
    server: String,
    host: String,
    port: u16,
    ca_pem: Option<String>,
}

impl ReachManagement {
    /// Returns the question for the server of a kubeconfig.
    pub fn new(unit: &Arc<Unit>, facts: &KubeconfigFacts) -> Self {
        let (host, port) = facts.endpoint();
        let server = facts.server.as_str().trim_end_matches('/').to_owned();
        Self { unit: Arc::clone(unit), server, host, port, ca_pem: facts.ca_pem.clone() }
    }

    async fn ask(&self) -> Result<ReachState, Error> {
        let (host, ca_pem) = (self.host.clone(), self.ca_pem.clone());
        self.unit.reach(Probe::Reach { host, port: self.port, ca_pem }).await
    }

    fn judge(&self, state: &ReachState) -> Verdict {
        let error = state.error.clone().unwrap_or_else(|| "no reason given".to_owned());
        match (state.tcp, state.tls, state.status) {
            (false, ..) => fail(
                self,
                error,
                format!(
                    "let tcp {} in from this unit (7.1: the rule in the security group of the \
                     management cluster), and check the route to {}",
                    self.port, self.host
                ),
            ),
            (true, false, _) => fail(
                self,
                error,
                format!(
                    "TCP connects, TLS does not: check that the certificate of {} names {} and is \
                     signed by the kubeconfig's CA",
                    self.server, self.host
                ),
            ),
            (true, true, None) => {
                fail(self, error, "look at the API server: it takes TLS, and no HTTP")
            }
            // 401 and 403 too are answers of an API server that does not let strangers in.
            (true, true, Some(status)) => Verdict::shown([
                Evidence::holds("TLS verified"),
                match &state.version {
                    Some(version) => Evidence::text("version", version),
                    None => Evidence::text("status", status.to_string()),
                },
                Evidence::took("answer after", Duration::from_millis(state.millis)),
            ]),
        }
    }
}

#[async_trait]
impl Gate for ReachManagement {
    fn rule(&self) -> &'static str {
        "reach-management"
    }

    fn subject(&self) -> Subject {
        Subject::new("reach", format!("{} -> {}", self.unit.label(), self.server))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok(state) => Ok(self.judge(&state)),
            Err(error) => Err(not_asked(self, &self.unit, &error)),
        }
    }
}
