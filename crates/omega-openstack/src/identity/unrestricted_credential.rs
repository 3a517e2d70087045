//! Whether the login may make the application credential of a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};

use super::client::Identity;
use crate::{Error, LoginMethod, gate_answer};

/// The gate that the login is a password, or an application credential that is not restricted.
///
/// Keystone lets no token of a restricted application credential make another one, and the driver makes
/// one with the requester's token.
#[derive(Clone, Debug)]
pub struct UnrestrictedCredential {
    /// Keystone, with the login that creates the cluster.
    pub identity: Identity,
}

const SOURCE: &str = "keystone 25 (2024.1), api/users.py, _check_unrestricted_application_credential; \
     magnum-capi-helm 1.4.0, driver.py, _create_appcred_secret";

impl UnrestrictedCredential {
    async fn ask(&self) -> Result<Verdict, Error> {
        let token = self.identity.transport.token_info().await?;
        let finding = |severity, why: String, remedy: &str| {
            let finding = Finding::broken(self.rule(), self.subject(), why).severity(severity);
            Verdict::fail(finding.decision("D-039").remedy(remedy).source(SOURCE))
        };
        Ok(match &token.login {
            LoginMethod::ApplicationCredential { name, restricted: true } => finding(
                Severity::Broken,
                format!(
                    "the login is the restricted application credential {name:?}: Keystone refuses it \
                     the credential that the driver makes, and the create fails"
                ),
                "create clusters with a password; or make the credential with openstack application \
                 credential create --unrestricted",
            ),
            LoginMethod::ApplicationCredential { name, restricted: false } => {
                Verdict::shown([Evidence::text("unrestricted application credential", name)])
            }
            LoginMethod::Other(methods) => Verdict::shown([Evidence::list("login", methods)]),
            LoginMethod::Unknown => finding(
                Severity::Unknown,
                "the cached token does not tell how the user logged in".to_owned(),
                "remove the token cache (~/.cache/omega) and run this again: the next token tells",
            ),
        })
    }
}

impl UnrestrictedCredential {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("unrestricted-credential", &["D-039"]);
}

#[async_trait]
impl Gate for UnrestrictedCredential {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("login", "may make credentials")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "any on the project")
    }
}
