//! Whether Magnum can store the certificates of a cluster.

use std::fmt;

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};
use serde::{Deserialize, Serialize};

use crate::{Error, Service, cloud_inventory::CloudInventory, gate_answer};

/// Where Magnum stores certificates: its option `cert_manager_type` (18.0.1, `conf/certificates.py`;
/// the charm's option `cert-manager-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CertManager {
    /// In Barbican.
    Barbican,
    /// In its own database.
    X509keypair,
    /// In files on each conductor.
    Local,
}

impl fmt::Display for CertManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Barbican => "barbican",
            Self::X509keypair => "x509keypair",
            Self::Local => "local",
        })
    }
}

/// The gate that the key manager answers in which Magnum stores the certificates of a cluster.
///
/// Which one Magnum uses is in its configuration, which no API tells. The charm's default is Barbican.
/// Magnum stores there with a login of its own; only a secret that is stored and read shows that
/// Barbican reaches Vault, and a gate does not write.
#[derive(Clone, Debug)]
pub struct KeyManagerResponds {
    /// The cloud.
    pub inventory: CloudInventory,
    /// Magnum's `cert_manager_type`, if the site says which.
    pub configured: Option<CertManager>,
}

const SOURCE: &str =
    "magnum 18.0.1, common/cert_manager; charm-magnum, config.yaml, cert-manager-type";

impl KeyManagerResponds {
    fn absent(&self, error: &Error) -> Verdict {
        let finding = |severity, why: String, remedy: &str| {
            let finding = Finding::broken(self.rule(), self.subject(), why).severity(severity);
            Verdict::fail(finding.remedy(remedy).source(SOURCE))
        };
        match &self.configured {
            Some(manager) => finding(
                Severity::Broken,
                format!("{error}, and Magnum stores certificates in {manager}: a create fails"),
                "deploy Barbican and relate it to Keystone and Vault, or set the charm's option \
                 cert-manager-type=x509keypair (and `cert_manager` in [trust])",
            ),
            None => finding(
                Severity::Unknown,
                format!(
                    "{error}. Whether Magnum needs it is in its configuration, which no API tells: \
                     with cert_manager_type = barbican, the charm's default, a create fails"
                ),
                "juju config magnum cert-manager-type; then say so in the site file: `cert_manager` \
                 in [trust]",
            ),
        }
    }
}

impl KeyManagerResponds {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("key-manager", &[]);
}

#[async_trait]
impl Gate for KeyManagerResponds {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("key manager", self.configured.unwrap_or(CertManager::Barbican).to_string())
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        if let Some(other) = self.configured.filter(|one| *one != CertManager::Barbican) {
            let how = format!("Magnum stores certificates without Barbican ({other})");
            return Ok(Verdict::shown([Evidence::sentence(how)]));
        }
        match self.inventory.check(Service::KeyManager).await {
            Err(error @ Error::NoEndpoint { .. }) => Ok(self.absent(&error)),
            asked => {
                let asked = asked.map(|()| Verdict::shown([Evidence::holds("it answers")]));
                gate_answer::verdict(self, asked, "creator (or observer) on the project")
            }
        }
    }
}
