//! Whether Magnum can create trustees.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Label as _, Subject, Verdict};

use super::{client::Identity, wire::Assignment};
use crate::{Error, gate_answer};

/// The gate that the domain exists in which Magnum creates a user for each cluster, with its
/// administrator.
///
/// The charm's configuration names both even if they do not exist. Only its action `domain-setup`
/// creates them, and it exits 0 even if it has created nothing. So the gate checks with Keystone.
///
/// It takes three requests. The result is cached as long as the session's token (one hour by default).
/// During that time one request checks that the domain still has its name and its administrator still
/// has a role on it, but not that both are enabled, unless the gate is [`uncached`](Self::uncached).
#[derive(Clone, Debug)]
pub struct TrusteeDomain {
    /// Keystone, with an administrator's login.
    pub identity: Identity,
    /// The domain's name (`trustee-domain` of the charm; `magnum`).
    pub domain: String,
    /// The user's name (`trustee-admin` of the charm; `magnum_domain_admin`).
    pub admin: String,
    /// Whether cached results are ignored.
    pub uncached: bool,
    /// The application of Magnum's charm in Juju, for what to do.
    pub application: String,
}

/// The code that needs it.
const SOURCE: &str = "magnum common/keystone.py, KeystoneClientV3.domain_admin_auth";

impl TrusteeDomain {
    /// Returns the gate for the charm's default names.
    pub fn new(identity: Identity) -> Self {
        let (domain, admin) = ("magnum".to_owned(), "magnum_domain_admin".to_owned());
        Self { identity, domain, admin, uncached: false, application: "magnum".to_owned() }
    }

    /// Returns the same gate, which ignores cached results.
    #[must_use]
    pub fn uncached(self) -> Self {
        Self { uncached: true, ..self }
    }

    /// Returns the verdict. Other than [`Gate::check`], a login that may not read the domain is a finding
    /// that it is not known.
    ///
    /// # Errors
    ///
    /// Fails if Keystone did not answer.
    pub async fn known(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "admin of the cloud")
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        let known = || self.identity.transport.recall(&self.key());
        if let Some(id) = (!self.uncached).then(known).flatten() {
            let roles = self.roles(&id, &self.identity.assignments(&id).await?);
            if !roles.is_empty() {
                return Ok(self.pass(&id, &roles));
            }
        }
        self.ask_everything().await
    }

    async fn ask_everything(&self) -> Result<Verdict, Error> {
        let Self { identity, domain, admin, uncached: _, application } = self;
        let setup = format!(
            "run the charm's action on the leader: juju run {application}/leader domain-setup"
        );
        let fail = |why: String, remedy: &str| {
            let finding = Finding::broken(self.rule(), self.subject(), why);
            Ok(Verdict::fail(finding.remedy(remedy).source(SOURCE)))
        };
        let Some(found) = identity.domain(domain).await? else {
            return fail(format!("there is no domain {domain:?}"), &setup);
        };
        if !found.enabled {
            let next = format!("openstack domain set --enable {domain}");
            return fail(format!("the domain {domain:?} is disabled"), &next);
        }
        let Some(user) = identity.user(admin, &found.id).await? else {
            return fail(format!("the domain {domain:?} has no user {admin:?}"), &setup);
        };
        if !user.enabled {
            let next = format!("openstack user set --enable --domain {domain} {admin}");
            return fail(format!("the user {admin:?} of {domain:?} is disabled"), &next);
        }
        let roles = self.roles(&found.id, &identity.assignments(&found.id).await?);
        if roles.is_empty() {
            return fail(format!("{admin:?} has no role on the domain {domain:?}"), &setup);
        }
        identity.transport.remember(&self.key(), &found.id);
        Ok(self.pass(&found.id, &roles))
    }

    /// Returns the roles that this user of the domain has on the domain.
    fn roles(&self, domain_id: &str, assignments: &[Assignment]) -> Vec<String> {
        let ours = |assignment: &&Assignment| {
            let domain = assignment.scope.domain.as_ref();
            let user = assignment.user.as_ref();
            domain.is_some_and(|scope| scope.id == domain_id && scope.name == self.domain)
                && user.is_some_and(|u| u.name == self.admin && u.domain.id == domain_id)
        };
        assignments.iter().filter(ours).map(|assignment| assignment.role.name.clone()).collect()
    }

    fn pass(&self, id: &str, roles: &[String]) -> Verdict {
        Verdict::shown([
            Evidence::text("domain", format!("{} ({id})", self.domain)),
            Evidence::text("user", &self.admin),
            Evidence::list("roles", roles),
        ])
    }

    fn key(&self) -> String {
        format!("domain {}", self.domain)
    }
}

impl TrusteeDomain {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("trustee-domain", &["D-007"]);
}

#[async_trait]
impl Gate for TrusteeDomain {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("trustees", format!("domain {}, user {}", self.domain, self.admin))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        self.ask().await.map_err(|error| {
            let what =
                format!("could not read the domain {} of {}", self.domain, self.identity.label());
            Failure::from_error(what, &error)
        })
    }
}
