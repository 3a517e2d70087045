//! Whether the login may create the load balancer of a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};

use super::client::Identity;
use crate::{
    Error, RefusalReason, Service, TokenInfo, cloud_inventory::CloudInventory, gate_answer,
};

/// The gate that whoever creates the cluster holds `load-balancer_member` in its project (D-039).
///
/// Magnum makes an application credential with the requester's token, and Keystone gives it the roles of
/// that token. They are frozen there: a role that is assigned later does not reach a cluster that exists.
#[derive(Clone, Debug)]
pub struct LoadBalancerRole {
    /// Keystone, with the login that creates the cluster.
    pub identity: Identity,
}

/// Octavia's policy lets these create a load balancer (octavia 14.0.2, `policies/base.py`:
/// `load-balancer:write` and `load-balancer:admin`).
const CREATES: [&str; 3] = ["load-balancer_member", "load-balancer_admin", "admin"];
/// These only read.
const READS: [&str; 2] = ["load-balancer_observer", "load-balancer_global_observer"];
const SOURCE: &str = "magnum-capi-helm 1.4.0, driver.py, _create_appcred_secret; octavia 14.0.2, \
                      policies/base.py";

impl LoadBalancerRole {
    async fn ask(&self) -> Result<Verdict, Error> {
        let may_create =
            |token: &TokenInfo| token.roles.iter().any(|role| CREATES.contains(&role.as_str()));
        let mut token = self.identity.transport.token_info().await?;
        if !may_create(&token) {
            token = self.identity.transport.current_token_info().await?;
        }
        let (user, roles) = (&token.user.name, &token.roles);
        let has = |wanted: &[&str]| roles.iter().any(|role| wanted.contains(&role.as_str()));
        let evidence = Evidence::list("roles", roles);
        if may_create(&token) {
            return Ok(Verdict::shown([Evidence::text("user", user), evidence]));
        }
        let finding = |why: String| {
            let project = token.project.as_ref().map_or("PROJECT", |project| project.name.as_str());
            let remedy = format!(
                "openstack role add --user {user} --project {project} load-balancer_member, then log in \
                 again; a cluster that exists keeps its roles"
            );
            let finding = Finding::broken(self.rule(), self.subject(), why);
            let finding = finding.shown_by([evidence.clone()]).decision("D-039");
            finding.remedy(remedy).source(SOURCE)
        };
        let lacks = format!("{user} lacks the role load-balancer_member in this project");
        if has(&READS) {
            let why = format!("{lacks}: it may read load balancers, and not create one");
            return Ok(Verdict::fail(finding(why)));
        }
        let inventory = CloudInventory::new(std::sync::Arc::clone(&self.identity.transport));
        match inventory.check(Service::LoadBalancer).await {
            Err(error) if error.reason() == Some(RefusalReason::PolicyForbids) => {
                let why = format!("{lacks}, and Octavia refuses it: a create would not end");
                Ok(Verdict::fail(finding(why)))
            }
            Err(error) => Err(error),
            Ok(()) => {
                let why = format!(
                    "{lacks}. Octavia answers it all the same, so its policy is not the default one: \
                     whether it may create a load balancer is not known"
                );
                Ok(Verdict::fail(finding(why).severity(Severity::Unknown)))
            }
        }
    }
}

impl LoadBalancerRole {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("load-balancer-role", &["D-039"]);
}

#[async_trait]
impl Gate for LoadBalancerRole {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("role", "load-balancer_member")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "load-balancer_member on the project")
    }
}
