use async_trait::async_trait;
use omega_core::{CheckRule, Failure, Finding, Gate, Severity, Subject, Verdict};

/// The rule.
pub(super) const RULE: CheckRule = CheckRule::new("cloud-read", &["D-018"]);

/// That what is lost in the cloud could not be read. It does not stop a teardown: a cloud that no longer
/// answers is a reason for one.
pub(in crate::teardown) struct CloudUnread {
    /// Why.
    pub(in crate::teardown) why: Failure,
}

#[async_trait]
impl Gate for CloudUnread {
    fn rule(&self) -> &'static str {
        RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("to lose", "resources of the cloud")
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let what = format!("what is lost in the cloud could not be read: {}", self.why);
        let found = Finding::broken(self.rule(), self.subject(), what).severity(Severity::Unknown);
        let remedy = "log in as an administrator of the cloud: [cloud] in the site file";
        Ok(Verdict::fail(found.remedy(self.why.next.as_deref().unwrap_or(remedy))))
    }
}
