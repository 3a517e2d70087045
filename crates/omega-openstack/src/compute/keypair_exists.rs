//! Whether the user has the key pair of a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Subject, Verdict};

use super::Compute;
use crate::{Error, gate_answer};

/// The gate that the user has the key pair.
///
/// Magnum looks for it with the requester's login, and answers 404 without it: the same status as for
/// a template that does not exist (18.0.1, `api/controllers/v1/cluster.py`). A key pair belongs to a
/// user: that of a colleague in the same project does not count.
#[derive(Clone, Debug)]
pub struct KeypairExists {
    /// Nova, with the login that creates the cluster.
    pub compute: Compute,
    /// Its name; none if cluster and template name none.
    pub name: Option<String>,
}

impl KeypairExists {
    async fn ask(&self) -> Result<Verdict, Error> {
        let Some(name) = &self.name else {
            let none = "neither cluster nor template names one: nobody can log in to the nodes";
            return Ok(Verdict::shown([Evidence::sentence(none)]));
        };
        if self.compute.keypair(name).await?.is_some() {
            return Ok(Verdict::shown([Evidence::holds("it is this user's")]));
        }
        let why = format!("this user has no key pair {name:?} in Nova");
        let remedy = format!(
            "openstack keypair create --public-key FILE {name}, as the user who creates the cluster; \
             or name another one: --keypair"
        );
        let finding = Finding::broken(self.rule(), self.subject(), why).remedy(remedy);
        Ok(Verdict::fail(finding.source("magnum 18.0.1, api/controllers/v1/cluster.py, _post")))
    }
}

impl KeypairExists {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("keypair", &[]);
}

#[async_trait]
impl Gate for KeypairExists {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("key pair", self.name.as_deref().unwrap_or("none"))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
