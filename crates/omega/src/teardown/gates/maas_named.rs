use async_trait::async_trait;
use omega_core::{CheckRule, Failure, Finding, Gate, Subject, Verdict};

/// The rule.
pub(super) const RULE: CheckRule = CheckRule::new("maas-named", &["D-018"]);

/// That the MAAS of a model on MAAS was named: without it, its machines are neither released nor verified.
pub(in crate::teardown) struct MaasNamed {
    /// The cloud's name in Juju.
    pub(in crate::teardown) cloud: String,
}

#[async_trait]
impl Gate for MaasNamed {
    fn rule(&self) -> &'static str {
        RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("MAAS", format!("profile for {}: none given", self.cloud))
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let what = "its machines can't be read, released or verified without a profile of MAAS";
        let found = Finding::broken(self.rule(), self.subject(), what).decision("D-018");
        Ok(Verdict::fail(found.remedy("--maas-profile PROFILE (maas list shows the profiles)")))
    }
}
