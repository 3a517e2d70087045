use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, Gate, Label as _, Subject, Verdict, kubeconfig::KubeconfigFacts,
};

use super::{fail, not_checked};
use crate::{Error, FailureCode, Probe, ReachState, Unit};

/// Whether the unit can connect to the management cluster's API: TCP, TLS with the kubeconfig's CA,
/// and HTTP. No credentials are sent.
#[derive(Clone, Debug)]
pub struct ReachManagement {
    unit: Arc<Unit>,
    server: String,
    host: String,
    port: u16,
    ca_pem: Option<String>,
}

impl ReachManagement {
    /// Returns the gate for the server of a kubeconfig.
    pub fn new(unit: &Arc<Unit>, facts: &KubeconfigFacts) -> Self {
        let (host, port) = facts.endpoint();
        let server = facts.server.as_str().trim_end_matches('/').to_owned();
        Self { unit: Arc::clone(unit), server, host, port, ca_pem: facts.ca_pem.clone() }
    }

    async fn ask(&self) -> Result<ReachState, Error> {
        let (host, ca_pem) = (self.host.clone(), self.ca_pem.clone());
        self.unit.reach(Probe::Reach { host, port: self.port, ca_pem }).await
    }

    fn tls_remedy(&self, code: Option<&FailureCode>) -> String {
        let (server, host) = (&self.server, &self.host);
        match code {
            Some(FailureCode::TlsExpired) => {
                format!(
                    "the certificate of {server} has expired: renew it, or correct the unit's clock"
                )
            }
            Some(FailureCode::TlsNotYetValid) => {
                format!("compare the unit's clock with that of {server}")
            }
            Some(FailureCode::TlsUntrusted) => {
                format!("the certificate of {server} is not signed by the kubeconfig's CA")
            }
            Some(FailureCode::TlsWrongHost) => {
                format!(
                    "the certificate of {server} is not for {host}: use a name or address in it"
                )
            }
            Some(_) | None => format!(
                "TCP connects but TLS fails: check that the certificate of {server} is valid for {host} \
                 and signed by the kubeconfig's CA"
            ),
        }
    }

    fn judge(&self, state: &ReachState) -> Verdict {
        let error = state.error.clone().unwrap_or_else(|| "no reason given".to_owned());
        match (state.tcp, state.tls, state.status) {
            (false, ..) => fail(
                self,
                error,
                format!(
                    "allow TCP port {} from this unit (7.1: the rule in the security group of the \
                     management cluster), and check the route to {}",
                    self.port, self.host
                ),
            ),
            (true, false, _) => fail(self, error, self.tls_remedy(state.code.as_ref())),
            (true, true, None) => {
                fail(self, error, "look at the API server: it accepts TLS but does not answer HTTP")
            }
            // An API server that refuses anonymous requests answers with 401 or 403.
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

impl ReachManagement {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("reach-management", &["D-019", "D-035"]);
}

#[async_trait]
impl Gate for ReachManagement {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("reach", format!("{} -> {}", self.unit.label(), self.server))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok(state) => Ok(self.judge(&state)),
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
